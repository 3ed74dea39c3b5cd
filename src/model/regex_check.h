/*
 * regex_check.h - is a pattern one that Go accepts? And how RE2 wants it written.
 */
#ifndef FERULA_MODEL_REGEX_CHECK_PRIV_H
#define FERULA_MODEL_REGEX_CHECK_PRIV_H

#include "ferula/base/arena.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

/*
 * FER_EINVAL with Go's text when `pattern` is malformed. Otherwise *out (in `a`, or `pattern`
 * itself) means the same to RE2. Names of Unicode classes are left for RE2 to check.
 */
int model__regex_check(struct str pattern, struct arena *a, struct str *out, struct fault *f);

/* "error parsing regexp: WHAT: `PART`" */
int model__regex_refuse(struct fault *f, const char *what, struct str part);

#endif
