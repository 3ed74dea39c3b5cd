/*
 * formula.h - scalingModifiers.formula: the part of expr-lang that ScaledObjects use.
 *
 * Numbers, booleans and arrays; arithmetic, comparisons, and/or/not, in, ?:, ??, if, let, pipes,
 * slices, closures ({# > 1}), and the functions of formula_call.c and formula_array.c. What else
 * expr-lang has is FER_EUNSUP, with a sentence that says so; what expr-lang refuses is FER_EINVAL.
 */
#ifndef FERULA_AUTOSCALE_FORMULA_H
#define FERULA_AUTOSCALE_FORMULA_H

#include "ferula/base/arena.h"
#include "ferula/base/err.h"

struct formula;

/* A trigger's value; `nil`: what ?? is for; `missing`: it failed, and may not be used at all. */
struct formula_var {
    double v;
    bool nil;
};

/*
 * Wraps `text` in float() as KEDA does, compiles it, and runs it once with -1 for each of the `n`
 * names. Everything is in the arena.
 */
int formula_compile(struct arena *a, struct str text, const struct str *names, size_t n,
                    struct formula **out, struct fault *f);

/* `vars` in the order of the names. *nil: the result is nil. FER_EEXEC: it cannot be computed. */
int formula_run(const struct formula *fm, struct arena *a, const struct formula_var *vars,
                double *out, bool *nil, struct fault *f);

#endif
