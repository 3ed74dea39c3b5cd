#include "formula.h"
int formula_compile(struct arena *a, struct str text, const struct str *names, size_t n,
                    struct formula **out, struct fault *f)
{
    (void)a;
    (void)names;
    (void)n;
    (void)out;
    return fault_set(f, FER_EUNSUP, 0, "formula \"" STR_FMT "\" cannot be computed here",
                     STR_ARG(text));
}
int formula_run(const struct formula *fm, struct arena *a, const struct formula_var *vars,
                double *out, bool *nil, struct fault *f)
{
    (void)a;
    (void)fm;
    (void)vars;
    (void)out;
    (void)nil;
    return fault_set(f, FER_EUNSUP, 0, "formula cannot be computed here");
}
