/*
 * formula.c - formulas as KEDA wraps, checks and runs them (scaledobject_webhook.go, modifiers).
 */
#include "formula_priv.h"

#include <math.h>

/* castToFloatIfNecessary */
static struct str wrapped(struct arena *a, struct str text)
{
    static const char let[] = "let _kedaCompositeResult = ";

    for (size_t i = 0; i + 1 < text.n; i++)
        if (text.p[i] == '?' && text.p[i + 1] == '?')
            return str_starts(text, let)
                       ? text
                       : arena_printf(a,
                                      "%s(" STR_FMT "); _kedaCompositeResult == nil ? nil : "
                                      "float(_kedaCompositeResult)",
                                      let, STR_ARG(text));
    return str_starts(text, "float(") ? text : arena_printf(a, "float(" STR_FMT ")", STR_ARG(text));
}

static int run(const struct formula *fm, struct arena *a, const struct formula_var *vars,
               struct value *out, struct fault *f)
{
    struct fault why = {0};
    struct formula_run r = {.arena = a, .vars = vars, .f = &why};

    if (formula__eval(&r, fm->root, out) == 0)
        return 0;
    return formula__refuse(f, why.code, fm->text, why.at, "%s", why.text);
}

int formula_compile(struct arena *a, struct str text, const struct str *names, size_t n,
                    struct formula **out, struct fault *f)
{
    struct formula *fm = arena_new(a, struct formula);
    struct formula_var *dummies = arena_array(a, struct formula_var, n + 1);
    struct fault why = {0};
    struct value v;
    int rc;

    text = fm->text = wrapped(a, text);
    rc = formula__parse(a, text, names, n, &fm->root, &why);
    for (size_t i = 0; i < n; i++)
        dummies[i].v = -1;
    if (rc == 0)
        rc = formula__check(a, text, fm->root, &why);
    if (rc == 0 && run(fm, a, dummies, &v, &why) < 0)
        rc = FER_EINVAL;
    if (rc < 0)
        return fault_set(f, rc, why.at, "error validating formula in ScalingModifiers\n%s",
                         why.text);
    *out = fm;
    return 0;
}

int formula_run(const struct formula *fm, struct arena *a, const struct formula_var *vars,
                double *out, bool *nil, struct fault *f)
{
    struct value v;

    if (run(fm, a, vars, &v, f) < 0)
        return FER_EEXEC;
    if (v.kind != VALUE_NIL && v.kind != VALUE_FLOAT)
        return fault_set(f, FER_EEXEC, 0, "formula returned non-float result %s",
                         formula__type(&v));
    *nil = v.kind == VALUE_NIL;
    *out = v.f;
    return 0;
}
