/*
 * regex.h - RE2 patterns with Prometheus' rules: the whole text must match, '.' matches newline.
 *
 * A compiled pattern may be used by any number of threads at once. Common shapes (literal,
 * prefix.*,
 * .*suffix, a|b|c, .*, .+) are recognised at compile time and never reach RE2.
 */
#ifndef FERULA_MODEL_REGEX_H
#define FERULA_MODEL_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/arena.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

#define REGEX_MAX_GROUPS 64

struct regex;

/*
 * On success *out lives until `a` is reset. FER_EINVAL: not RE2 as Go has it; f->text is Go's
 * ("error parsing regexp: missing closing ): `(`") without a prefix.
 */
int regex_compile(struct regex **out, struct arena *a, struct str pattern, struct fault *f);

bool regex_match(const struct regex *re, struct str text);

/* As regex_match(), and group[0..n_groups) are set; groups that took no part have p == NULL. */
bool regex_match_groups(const struct regex *re, struct str text, struct str *group,
                        size_t n_groups);

size_t regex_n_groups(const struct regex *re); /* with group 0 */
/* The number of the group called `name`, or -1. */
int regex_group(const struct regex *re, struct str name);

/* When the pattern matches only one text or a small set of them: how many, and which. Else 0. */
size_t regex_literals(const struct regex *re, const struct str **out);

#endif
