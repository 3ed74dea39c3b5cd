/*
 * explain_object.c - a ScaledObject at one moment: what KEDA makes of each trigger's answer, and
 * the HPA's arithmetic as sentences.
 *
 * One moment does not show what an HPA remembers. Nothing is taken to be held by a stabilization
 * window or used up of a policy; the sentences say where that may differ.
 */
#include "ferula/autoscale/explain.h"

#include <math.h>
#include <stdlib.h>

#include "ferula/base/num.h"

#include "formula.h"
#include "hpa_priv.h"

#define DEFAULT_MAX_REPLICAS 100 /* KEDA's */
#define DEFAULT_COOLDOWN_S   300
#define STATUS_BAD_DATA      400
#define STATUS_EXECUTION     422

struct lines {
    struct arena *arena;
    struct str *v;
    size_t n, cap;
};

__attribute__((format(printf, 2, 3))) static void say(struct lines *l, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    ARENA_GROW(l->arena, l->v, l->n, l->cap, struct str);
    l->v[l->n++] = arena_str(l->arena, buf_str(&b));
    buf_release(&b);
}

/* ---- KEDA ------------------------------------------------------------------------------- */

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

static int ask(struct arena *a, const struct explain_opts *opts,
               const struct autoscale_rules *rules, struct explained_trigger *out, struct fault *f)
{
    struct fault mine = {0};
    double activation;
    int rc;

    out->proposal = -1;
    if (!str_is(out->trigger->type.s, "prometheus")) {
        rc = trigger_target(out->trigger, a, &out->target, &activation, &mine);
        out->text =
            rc < 0 ? arena_str(a, str_of(mine.text)) : STR("not asked: only queries are explained");
        return 0;
    }
    if (prometheus_trigger_read(out->trigger, a, &out->meta, &mine) < 0) {
        out->text = arena_str(a, str_of(mine.text));
        return 0;
    }
    out->asked = true;
    out->target = out->meta.threshold;
    rc = explain_query(a, out->meta.query, opts, &out->query, f);
    if (rc < 0)
        return rc;
    out->answer = answer_of(&out->query);
    prometheus_verdict(&out->meta, &out->answer, rules, a, &out->verdict);
    return 0;
}

/* ---- scalingModifiers ------------------------------------------------------------------- */

static void run_formula(struct arena *a, const struct formula *fm, const struct explained_object *x,
                        struct verdict *out)
{
    struct formula_var *vars = arena_array(a, struct formula_var, x->n_triggers);
    struct fault f = {0};
    bool nil = false;
    double v = 0;

    for (size_t i = 0; i < x->n_triggers; i++)
        vars[i] = (struct formula_var){
            .v = autoscale__of_milli(x->triggers[i].verdict.milli),
            .nil = x->triggers[i].verdict.failed,
        };
    *out = (struct verdict){.failed = true};
    if (formula_run(fm, a, vars, &v, &nil, &f) < 0)
        out->why = arena_printf(a, "error trying to run custom formula: %s", f.text);
    else if (nil)
        out->why = STR("scalingModifiers formula evaluated to nil");
    else if (!(fabs(v) < 9e15)) /* also NaN; what it becomes depends on the machine */
        out->why = STR("the formula's result is no number that a quantity can be");
    else
        *out = (struct verdict){.value = v, .milli = (int64_t)(v * 1000)};
}

/* The composite metric: KEDA cuts it to thousandths. */
static void explain_formula(struct arena *a, struct explained_object *x)
{
    const struct scaling_modifiers *m = &x->object->modifiers;
    struct str *names = arena_array(a, struct str, x->n_triggers);
    struct explained_formula *out = &x->formula;
    struct formula *fm = NULL;
    struct fault f = {0};
    double activation = 0;

    out->given = true;
    out->verdict.failed = true;
    for (size_t i = 0; i < x->n_triggers; i++)
        names[i] = x->object->triggers[i].name.s;
    if (!num_parse(m->target.s, &out->target, NULL) || !(out->target > 0))
        out->verdict.why = STR("scalingModifiers.target is no number greater than zero");
    else if (m->activation_target.s.n > 0 && !num_parse(m->activation_target.s, &activation, NULL))
        out->verdict.why = STR("scalingModifiers.activationTarget is no number");
    else if (formula_compile(a, m->formula.s, names, x->n_triggers, &fm, &f) < 0)
        out->verdict.why = arena_str(a, str_of(f.text));
    else
        run_formula(a, fm, x, &out->verdict);
    if (!out->verdict.failed)
        out->verdict.active = autoscale__of_milli(out->verdict.milli) > activation;
    x->active = out->verdict.active;
}

static void say_formula(const struct explained_object *x, struct lines *l)
{
    const struct explained_formula *fm = &x->formula;
    struct str formula = x->object->modifiers.formula.s;

    if (fm->verdict.failed)
        say(l, "formula " STR_FMT ": " STR_FMT, STR_ARG(formula), STR_ARG(fm->verdict.why));
    else
        say(l, "formula " STR_FMT " = " STR_FMT ", %s; it takes the place of the triggers",
            STR_ARG(formula), STR_ARG(autoscale__decimal(l->arena, fm->verdict.milli)),
            fm->verdict.active ? "active" : "not active");
}

/* ---- the HPA ---------------------------------------------------------------------------- */

static void say_proposal(struct lines *l, const struct hpa_metric *m, const struct hpa_input *in)
{
    struct hpa_proposal p = hpa__propose(m, in);
    struct hpa_tolerance t = hpa__tolerance(in);
    struct str usage = autoscale__decimal(l->arena, m->usage_milli);
    struct str target = autoscale__decimal(l->arena, m->target_milli);
    struct buf ratio = {0};

    if (m->type == METRIC_AVERAGE_VALUE)
        buf_addf(&ratio, STR_FMT " / (" STR_FMT " x %d) = %.4g", STR_ARG(usage), STR_ARG(target),
                 in->status_replicas, p.ratio);
    else
        buf_addf(&ratio, STR_FMT " / " STR_FMT " = %.4g", STR_ARG(usage), STR_ARG(target), p.ratio);
    if (p.within)
        say(l, "ratio %s, within the tolerance of %.4g to %.4g: stays at %d", ratio.p, 1 - t.down,
            1 + t.up, p.replicas);
    else
        say(l, "ratio %s, outside the tolerance of %.4g to %.4g", ratio.p, 1 - t.down, 1 + t.up);
    if (!p.within && m->type == METRIC_AVERAGE_VALUE)
        say(l, "ceil(" STR_FMT " / " STR_FMT ") = %d", STR_ARG(usage), STR_ARG(target), p.replicas);
    else if (!p.within)
        say(l, "ceil(" STR_FMT " / " STR_FMT " x %d ready) = %d", STR_ARG(usage), STR_ARG(target),
            in->ready_replicas, p.replicas);
    buf_release(&ratio);
}

static void say_held(struct lines *l, const struct hpa_input *in, const struct hpa_output *out)
{
    bool down = out->proposal<in->spec_replicas, up = out->proposal> in->spec_replicas;
    int32_t window_s = down ? DOWNSCALE_STABILIZATION_S : 0;

    if (in->behavior != NULL && (down || up)) {
        const struct scaling_rules *r = down ? &in->behavior->down : &in->behavior->up;

        window_s = r->window_s >= 0 ? r->window_s : window_s;
    }
    if ((down || up) && window_s > 0)
        say(l,
            "if no recommendation of the last %d s was %s: one moment does not show those, and "
            "until then it stays",
            window_s, down ? "higher" : "lower");
}

/* The sentence of the sync from where it cuts: "limited to ...". */
static void say_limit(struct lines *l, const struct hpa_output *out)
{
    static const char *const words[] = {", limited to ", ", raised to "};

    for (size_t i = 0; i < COUNT(words); i++) {
        const char *at =
            out->note.n == 0 ? NULL : memmem(out->note.p, out->note.n, words[i], strlen(words[i]));

        if (at != NULL)
            say(l, STR_FMT, (int)(out->note.n - (size_t)(at + 2 - out->note.p)), at + 2);
    }
}

static struct hpa_metric metric_of(enum target_type type, const struct verdict *v, double target,
                                   const struct autoscale_rules *rules)
{
    return (struct hpa_metric){
        .type = type,
        .failed = v->failed,
        .usage_milli = v->milli,
        .target_milli = quantity_of(target, rules),
        .error = v->why,
    };
}

static size_t metrics_of(const struct explained_object *x, const struct autoscale_rules *rules,
                         struct hpa_metric out[HPA_METRICS_MAX])
{
    size_t n = 0;

    if (x->formula.given) {
        out[0] = metric_of(x->object->modifiers.metric_type, &x->formula.verdict, x->formula.target,
                           rules);
        return 1;
    }
    for (size_t i = 0; i < x->n_triggers && n < HPA_METRICS_MAX; i++) {
        const struct explained_trigger *t = &x->triggers[i];

        if (t->asked)
            out[n++] = metric_of(t->trigger->metric_type, &t->verdict, t->target, rules);
    }
    return n;
}

static void sync(struct arena *a, const struct explain_opts *opts,
                 const struct autoscale_rules *rules, struct explained_object *x, struct lines *l)
{
    struct hpa_metric metrics[HPA_METRICS_MAX];
    struct hpa_state state = {0};
    struct hpa_input in = {
        .now = opts->at,
        .spec_replicas = x->now,
        .status_replicas = x->now,
        .ready_replicas = x->now,
        .min = x->min,
        .max = x->max,
        .behavior = x->object->behavior.given ? &x->object->behavior : NULL,
        .metrics = metrics,
        .rules = rules,
    };

    in.n_metrics = metrics_of(x, rules, metrics);
    /* Long past, so that nothing is held, where a new controller would hold what there is. */
    hpa__record(&state, SIZE_MAX, x->now, INT64_MIN / 2);
    hpa_sync(&state, &in, a, &x->hpa);
    hpa_state_release(&state);
    if (!hpa_wants_metrics(x->now, x->min, x->max) || x->hpa.failed) {
        say(l, STR_FMT, STR_ARG(x->hpa.note));
        return;
    }
    for (size_t i = 0, k = 0; i < x->n_triggers; i++)
        if (x->triggers[i].asked && !x->formula.given)
            x->triggers[i].proposal = x->hpa.proposals[k++];
    for (size_t i = 0; i < in.n_metrics; i++)
        if (!metrics[i].failed)
            say_proposal(l, &metrics[i], &in);
    if (in.n_metrics > 1)
        say(l, "the highest of %zu: %d", in.n_metrics, x->hpa.proposal);
    say_held(l, &in, &x->hpa);
    say_limit(l, &x->hpa);
}

/* ---- both ------------------------------------------------------------------------------- */

static void set_bounds(const struct explain_opts *opts, struct explained_object *x)
{
    const struct scaled_object *o = x->object;

    x->min = o->min_replicas.given ? (int32_t)MIN(MAX(o->min_replicas.v, 1), INT32_MAX) : 1;
    x->max = o->max_replicas.given ? (int32_t)MIN(MAX(o->max_replicas.v, 0), INT32_MAX)
                                   : DEFAULT_MAX_REPLICAS;
    x->assumed = opts->replicas < 0;
    x->now = x->assumed ? x->min : opts->replicas;
}

static bool any_failed(const struct explained_object *x)
{
    if (x->formula.given && x->formula.verdict.failed)
        return true;
    for (size_t i = 0; i < x->n_triggers; i++)
        if (x->triggers[i].asked && x->triggers[i].verdict.failed)
            return true;
    return false;
}

/* From 0 and to 0 it is KEDA that scales. */
static void say_keda(struct explained_object *x, struct lines *l)
{
    const struct scaled_object *o = x->object;
    bool to_zero = !o->min_replicas.given || o->min_replicas.v == 0;
    int64_t least = o->idle_replicas.given ? o->idle_replicas.v : 0;
    int64_t cooldown_s = o->cooldown_s.given ? o->cooldown_s.v : DEFAULT_COOLDOWN_S;

    x->replicas = x->hpa.desired;
    if (x->now == 0 && x->active) {
        x->replicas = x->min;
        say(l, "a trigger is active: KEDA goes from 0 to %d, and the HPA on from there", x->min);
    } else if (x->now == 0) {
        x->replicas = 0;
        say(l, any_failed(x) ? "a trigger cannot be asked, and none is active: KEDA stays at 0"
                             : "no trigger is active: KEDA stays at 0");
    } else if (!x->active && any_failed(x)) {
        if (to_zero || o->idle_replicas.given)
            say(l, "a trigger cannot be asked: KEDA does not go to %lld", (long long)least);
    } else if (!x->active && (to_zero || o->idle_replicas.given) && x->complete) {
        say(l,
            "no trigger is active: KEDA goes straight to %lld when that has lasted cooldownPeriod, "
            "%lld s",
            (long long)least, (long long)cooldown_s);
    }
}

static void say_fallback(const struct explained_object *x, struct lines *l)
{
    const struct fallback *fb = &x->object->fallback;

    for (size_t i = 0; i < x->n_triggers; i++)
        if (x->triggers[i].asked && x->triggers[i].verdict.failed && fb->given) {
            say(l,
                "after more than %lld failures in a row the fallback's %lld replicas are asked for",
                (long long)fb->failure_threshold, (long long)fb->replicas);
            return;
        }
}

int explain_object(struct arena *a, const struct scaled_object *object,
                   const struct explain_opts *opts, struct explained_object *out, struct fault *f)
{
    struct autoscale_rules rules = autoscale_rules_of(&opts->versions);
    struct lines l = {.arena = a};
    size_t n_asked = 0;

    *out = (struct explained_object){
        .object = object,
        .triggers = arena_array(a, struct explained_trigger, MAX(object->n_triggers, 1)),
        .n_triggers = object->n_triggers,
    };
    for (size_t i = 0; i < out->n_triggers; i++) {
        struct explained_trigger *t = &out->triggers[i];
        int rc;

        t->trigger = &object->triggers[i];
        rc = ask(a, opts, &rules, t, f);
        if (rc < 0)
            return rc;
        out->active |= t->asked && !t->verdict.failed && t->verdict.active;
        n_asked += t->asked;
    }
    set_bounds(opts, out);
    out->complete = n_asked == out->n_triggers && n_asked > 0;
    if (object->modifiers.given && out->complete) {
        explain_formula(a, out);
        say_formula(out, &l);
    } else if (object->modifiers.given) {
        say(&l, "the formula of scalingModifiers needs triggers that are not asked");
    } else if (!out->complete) {
        say(&l, "by %zu of %zu triggers; what the others ask for may be more", n_asked,
            out->n_triggers);
    }
    out->known =
        n_asked > 0 && n_asked <= HPA_METRICS_MAX && (out->complete || !object->modifiers.given);
    if (out->known) {
        sync(a, opts, &rules, out, &l);
        say_fallback(out, &l);
        say_keda(out, &l);
    }
    out->lines = l.v;
    out->n_lines = l.n;
    return 0;
}
