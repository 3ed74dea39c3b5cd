/*
 * explain_ask.c - what triggers are worth at one moment: queries, schedules, numbers that are
 * given, and the composite metric of scalingModifiers.
 */
#include "explain_priv.h"

#include <math.h>

#include "ferula/base/num.h"

#include "cron.h"
#include "formula.h"

#define STATUS_BAD_DATA  400
#define STATUS_EXECUTION 422
#define MILLI_MAX        9e18 /* an int64 holds it */

/* What the server answers to a query that was explained. */
static struct answer answer_of(const struct explained_query *q)
{
    const struct promql_node *root = &q->tree.nodes[0];
    struct answer a = {.kind = ANSWER_VECTOR};

    if (q->rc != 0)
        return (struct answer){.kind = ANSWER_ERROR, .status = STATUS_BAD_DATA, .text = q->error};
    if (root->rc != 0)
        return (struct answer){
            .kind = ANSWER_ERROR, .status = STATUS_EXECUTION, .text = root->error};
    if (root->type == PROMQL_SCALAR || root->type == PROMQL_STRING)
        return (struct answer){.kind = ANSWER_SCALAR};
    a.n = root->n_series;
    if (root->type == PROMQL_MATRIX || (a.n == 1 && root->elements[0].n == 0))
        a.kind = ANSWER_MATRIX; /* also a native histogram has no value */
    else if (a.n == 1)
        a.value = root->elements[0].samples[0].v;
    return a;
}

static const struct explain_number *number_of(const struct explain_opts *opts,
                                              const struct scaled_object *object, size_t i)
{
    for (size_t k = opts->n_numbers; k-- > 0;)
        if (trigger_find(object, opts->numbers[k].trigger) == i)
            return &opts->numbers[k];
    return NULL;
}

static int refuse(struct arena *a, struct explained_trigger *t, const struct fault *f)
{
    t->text = arena_str(a, str_of(f->text));
    t->refused = true;
    return 0;
}

static int ask_prometheus(struct arena *a, const struct explain_opts *opts,
                          const struct autoscale_rules *rules, const struct explain_number *number,
                          struct explained_trigger *t, struct fault *f)
{
    struct prometheus_trigger meta;
    struct fault mine = {0};
    int rc;

    if (prometheus_trigger_read(t->trigger, rules, a, &meta, &mine) < 0)
        return refuse(a, t, &mine);
    t->target = meta.threshold;
    t->activation = meta.activation_threshold;
    if (number != NULL) {
        t->by = EXPLAINED_BY_NUMBER;
        t->answer = (struct answer){.kind = ANSWER_NUMBER, .n = 1, .value = number->value};
    } else {
        t->by = EXPLAINED_BY_QUERY;
        rc = explain_query(a, meta.query, opts, &t->query, f);
        if (rc < 0)
            return rc;
        t->answer = answer_of(&t->query);
    }
    prometheus_verdict(&meta, &t->answer, rules, a, &t->verdict);
    return 0;
}

/* That the zone is not known, KEDA finds out each time it asks; all else before. */
static int read_schedule(struct arena *a, ts_ms at, struct explained_trigger *t)
{
    const struct pairs *m = &t->trigger->metadata;
    struct cron_trigger cron;
    struct fault f = {0};

    if (autoscale__cron_trigger_read(t->trigger, a, &cron, &f) == 0)
        t->answer = (struct answer){.kind = ANSWER_NUMBER,
                                    .value = autoscale__cron_trigger_value(&cron, at)};
    else if (str_starts(str_of(f.text), "unable to load timezone"))
        t->answer = (struct answer){.kind = ANSWER_ERROR, .text = arena_str(a, str_of(f.text))};
    else
        return refuse(a, t, &f);
    t->by = EXPLAINED_BY_SCHEDULE;
    t->text = arena_printf(a, "from " STR_FMT " to " STR_FMT " in " STR_FMT,
                           STR_ARG(autoscale__get(m, "start")), STR_ARG(autoscale__get(m, "end")),
                           STR_ARG(autoscale__get(m, "timezone")));
    return 0;
}

int autoscale__explain_trigger(struct arena *a, const struct explain_opts *opts,
                               const struct autoscale_rules *rules, struct explained_object *x,
                               size_t i, struct fault *f)
{
    struct explained_trigger *t = &x->triggers[i];
    const struct explain_number *number = number_of(opts, x->object, i);
    struct fault mine = {0};
    int rc;

    *t = (struct explained_trigger){.trigger = &x->object->triggers[i], .proposal = -1};
    t->resource = trigger_is_resource(t->trigger);
    if (str_is(t->trigger->type.s, "prometheus"))
        return ask_prometheus(a, opts, rules, number, t, f);
    rc = trigger_target(t->trigger, a, &t->target, &t->activation, &mine);
    if (rc == FER_EUNSUP) {
        t->text = STR("not known here: neither asked nor given a target");
        return 0;
    }
    if (rc < 0)
        return refuse(a, t, &mine);
    if (number != NULL) {
        t->by = EXPLAINED_BY_NUMBER;
        t->answer = (struct answer){.kind = ANSWER_NUMBER, .value = number->value};
    } else if (str_is(t->trigger->type.s, "cron")) {
        rc = read_schedule(a, opts->at, t);
    } else {
        t->text = arena_printf(
            a, "not asked: --number " STR_FMT "=N says what it is worth",
            STR_ARG(t->trigger->name.s.n > 0 ? t->trigger->name.s : arena_printf(a, "%zu", i)));
    }
    if (t->by != EXPLAINED_BY_NOTHING)
        number_verdict(t->trigger, t->activation, &t->answer, rules, a, &t->verdict);
    return rc;
}

/* ---- scalingModifiers ------------------------------------------------------------------- */

static void run_formula(struct arena *a, const struct formula *fm, const struct explained_object *x,
                        struct verdict *out)
{
    struct formula_var *vars = arena_array(a, struct formula_var, MAX(x->n_triggers, 1));
    struct fault f = {0};
    bool nil = false;
    size_t n = 0;
    double v = 0;

    for (size_t i = 0; i < x->n_triggers; i++)
        if (!x->triggers[i].resource)
            vars[n++].v = autoscale__of_milli(x->triggers[i].verdict.milli);
    *out = (struct verdict){.failed = true};
    if (formula_run(fm, a, vars, &v, &nil, &f) < 0)
        out->why = arena_printf(a, "error trying to run custom formula: %s", f.text);
    else if (nil)
        out->why = STR("scalingModifiers formula evaluated to nil");
    else if (!(fabs(v * 1000) < MILLI_MAX)) /* also NaN; what it becomes depends on the machine */
        out->why = STR("the formula's result is no number that a quantity can be");
    else
        *out = (struct verdict){.value = v, .milli = (int64_t)(v * 1000)};
}

/* The first trigger that failed: below the fallback's threshold that is the formula's error. */
static const struct explained_trigger *first_failed(const struct explained_object *x)
{
    for (size_t i = 0; i < x->n_triggers; i++)
        if (!x->triggers[i].resource && x->triggers[i].verdict.failed)
            return &x->triggers[i];
    return NULL;
}

void autoscale__explain_formula(struct arena *a, struct explained_object *x)
{
    const struct scaling_modifiers *m = &x->object->modifiers;
    struct str *names = arena_array(a, struct str, MAX(x->n_triggers, 1));
    struct explained_formula *out = &x->formula;
    const struct explained_trigger *failed = first_failed(x);
    struct formula *fm = NULL;
    struct fault f = {0};
    double activation = 0;
    size_t n = 0;

    out->verdict.failed = true;
    for (size_t i = 0; i < x->n_triggers; i++)
        if (!x->triggers[i].resource)
            names[n++] = x->object->triggers[i].name.s;
    if (!num_parse(m->target.s, &out->target, NULL) || !(out->target > 0) ||
        out->target * 1000 >= MILLI_MAX) {
        out->verdict.why = STR("scalingModifiers.target is no number greater than zero");
        return;
    }
    out->target_milli = (int64_t)(out->target * 1000); /* cut, where thresholds are rounded */
    if (m->activation_target.s.n > 0 && !num_parse(m->activation_target.s, &activation, NULL))
        out->verdict.why = STR("scalingModifiers.activationTarget is no number");
    else if (formula_compile(a, m->formula.s, names, n, &fm, &f) < 0)
        out->verdict.why = arena_str(a, str_of(f.text));
    else if (failed != NULL)
        out->verdict.why = failed->verdict.why;
    else
        run_formula(a, fm, x, &out->verdict);
    if (!out->verdict.failed)
        out->verdict.active = autoscale__of_milli(out->verdict.milli) > activation;
}
