/*
 * sim_ask.c - what triggers are worth: the world's answers as KEDA reads them, and the composite
 * metric of scalingModifiers.
 */
#include "sim_priv.h"

#include <math.h>

static int ask_once(struct sim *s, size_t i, struct verdict *out)
{
    const struct sim_trigger *t = &s->triggers[i];
    const struct world *w = &s->setup->world;
    struct answer answer = {0};
    int rc = w->ask(w->ctx, i, s->now, s->arena, &answer);

    if (rc < 0)
        return rc;
    if (t->is_prometheus)
        prometheus_verdict(&t->prom, &answer, &s->rules, s->arena, out);
    else
        number_verdict(t->t, t->activation, &answer, &s->rules, s->arena, out);
    return 0;
}

int sim__ask(struct sim *s, size_t i, struct verdict *out)
{
    int rc = ask_once(s, i, out);

    /* KEDA builds the scaler anew, and asks once more. */
    if (rc == 0 && out->failed && !s->triggers[i].is_resource)
        rc = ask_once(s, i, out);
    if (rc == 0 && out->undefined)
        sim__warn(s, "a trigger is NaN, which the HPA is told before KEDA 2.20: what it makes of "
                     "that depends on the machine");
    return rc;
}

/* int64(out * 1000) */
static int64_t cut_to_milli(double v)
{
    v *= 1000;
    return v >= -9223372036854775808.0 && v < 9223372036854775808.0 ? (int64_t)v : INT64_MIN;
}

/* What the formula does not get a value of. */
static bool is_nil(const struct sim *s, size_t i, const struct sim_reading *r, bool of_sync)
{
    const struct fallback *fb = &s->object->fallback;

    return r->nil || r->verdict.failed ||
           (sim__falls_to_formula(s) && sim__failures(s, i, of_sync) > fb->failure_threshold);
}

void sim__composite(struct sim *s, const struct sim_reading *r, bool of_sync, struct verdict *out)
{
    struct formula_var *vars = arena_array(s->arena, struct formula_var, s->n);
    struct fault f = {0};
    size_t n = 0;
    bool nil;
    double v;

    for (size_t i = 0; i < s->n; i++)
        if (r[i].fallback) {
            *out = r[i].verdict;
            return;
        }
    for (size_t i = 0; i < s->n; i++) {
        bool missing = is_nil(s, i, &r[i], of_sync);

        if (!s->triggers[i].is_resource)
            vars[n++] = (struct formula_var){
                .v = missing ? 0 : autoscale__of_milli(r[i].verdict.milli),
                .nil = missing && s->rules.missing_is_nil,
            };
    }
    *out = (struct verdict){.failed = true};
    if (formula_run(s->formula, s->arena, vars, &v, &nil, &f) < 0) {
        out->why = arena_printf(s->arena, "error trying to run custom formula: %s", f.text);
        return;
    }
    if (nil && !s->object->fallback.given) {
        out->why = STR("scalingModifiers formula evaluated to nil but no fallback is configured");
        return;
    }
    if (nil)
        v = (double)s->object->fallback.replicas * s->composite_target;
    *out = (struct verdict){.milli = cut_to_milli(v), .value = v};
    out->active = autoscale__of_milli(out->milli) > s->composite_activation;
}
