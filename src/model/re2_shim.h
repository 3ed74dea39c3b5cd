/*
 * re2_shim.h - RE2 for C. Only regex_shim.cc sees RE2 itself.
 */
#ifndef FERULA_MODEL_RE2_SHIM_PRIV_H
#define FERULA_MODEL_RE2_SHIM_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/str.h"

#define MODEL__RE2_MEMORY_BYTES (64 << 20) /* of one pattern: program and automata */

struct model__re2_error {
    const char *what; /* in Go's words */
    char part[160];   /* what RE2 objects to, NUL-terminated; cut when longer */
};

#ifdef __cplusplus
extern "C" {
#endif

/* NULL when the pattern does not compile; *e is set then. Ends with model__re2_free(). */
void *model__re2_new(struct str pattern, struct model__re2_error *e);
void model__re2_free(void *re);

/* True when the whole text matches; group[0..n) are set then (p == NULL: took no part). */
bool model__re2_match(const void *re, struct str text, struct str *group, size_t n);

size_t model__re2_n_groups(const void *re); /* with group 0 */
int model__re2_group(const void *re, struct str name);

#ifdef __cplusplus
}
#endif

#endif
