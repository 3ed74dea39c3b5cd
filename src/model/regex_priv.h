/*
 * regex_priv.h - compiling without the short cuts, so that tests can compare both ways.
 */
#ifndef FERULA_MODEL_REGEX_PRIV_H
#define FERULA_MODEL_REGEX_PRIV_H

#include "ferula/model/regex.h"

/* As regex_compile(), but the pattern goes to RE2 whatever its shape. */
int model__regex_compile_re2(struct regex **out, struct arena *a, struct str pattern,
                             struct fault *f);

#endif
