/*
 * matcher.h - one condition on one label. A label that a series does not have counts as "".
 */
#ifndef FERULA_MODEL_MATCHER_H
#define FERULA_MODEL_MATCHER_H

#include <stdbool.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"
#include "ferula/model/labels.h"
#include "ferula/model/regex.h"

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

struct matcher {
    enum match_op op;
    struct str name, value;
    struct regex *re; /* for MATCH_RE and MATCH_NRE; lives in the arena of matcher_init() */
};

/* `name` and `value` are borrowed. FER_EINVAL for a bad pattern, with Go's text. */
int matcher_init(struct matcher *m, struct arena *a, enum match_op op, struct str name,
                 struct str value, struct fault *f);

bool matcher_matches(const struct matcher *m, struct str value);
bool matchers_match(const struct matcher *m, size_t n, struct labels ls);

const char *match_op_text(enum match_op op);                /* "=", "!=", "=~", "!~" */
void matcher_print(struct buf *b, const struct matcher *m); /* name="value", Go-quoted */

#endif
