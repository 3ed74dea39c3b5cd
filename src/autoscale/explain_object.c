/*
 * explain_object.c - a ScaledObject at one moment: what KEDA makes of each trigger's answer, and
 * the HPA's arithmetic as sentences.
 *
 * One moment does not show what an HPA remembers. Nothing is taken to be held by a stabilization
 * window or used up of a policy; the sentences say where that may differ.
 */
#include "explain_priv.h"

#include <stdlib.h>

#include "hpa_priv.h"
#include "pauses.h"

#define DEFAULT_MAX_REPLICAS 100 /* KEDA's */
#define DEFAULT_COOLDOWN_S   300
#define NO_TRIGGER           SIZE_MAX

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

/* ---- scalingModifiers ------------------------------------------------------------------- */

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

/* The metrics of the HPA in the order in which the controller looks at them. */
struct metrics {
    struct hpa_metric v[HPA_METRICS_MAX];
    size_t of[HPA_METRICS_MAX]; /* trigger; NO_TRIGGER: the formula */
    size_t n;
};

static struct hpa_metric metric_of(const struct explained_trigger *t,
                                   const struct autoscale_rules *rules)
{
    const struct trigger *of = t->trigger;

    return (struct hpa_metric){
        .type = of->metric_type,
        .source = !t->resource                ? HPA_EXTERNAL
                  : str_is(of->type.s, "cpu") ? HPA_CPU
                                              : HPA_MEMORY,
        .failed = t->verdict.failed,
        .usage_milli = t->verdict.milli,
        .target_milli = quantity_of(t->target, rules),
        .error = t->verdict.why,
    };
}

static void add_triggers(const struct explained_object *x, bool resource,
                         const struct autoscale_rules *rules, struct metrics *out)
{
    for (size_t i = 0; i < x->n_triggers; i++)
        if (x->triggers[i].resource == resource && x->triggers[i].by != EXPLAINED_BY_NOTHING) {
            out->of[out->n] = i;
            out->v[out->n++] = metric_of(&x->triggers[i], rules);
        }
}

/* KEDA sorts the metrics by their type, External before Resource, but adds the composite last. */
static void metrics_of(const struct explained_object *x, const struct autoscale_rules *rules,
                       struct metrics *out)
{
    const struct explained_formula *fm = &x->formula;

    out->n = 0;
    if (!fm->given)
        add_triggers(x, false, rules, out);
    add_triggers(x, true, rules, out);
    if (!fm->given)
        return;
    out->of[out->n] = NO_TRIGGER;
    out->v[out->n++] = (struct hpa_metric){
        .type = x->object->modifiers.metric_type,
        .failed = fm->verdict.failed,
        .usage_milli = fm->verdict.milli,
        .target_milli = fm->target_milli,
        .error = fm->verdict.why,
    };
}

/* In front of a line when there are several metrics: "trigger 1: ". */
static struct str whose(struct arena *a, const struct metrics *m, size_t i)
{
    if (m->n == 1)
        return STR("");
    return m->of[i] == NO_TRIGGER ? STR("formula: ") : arena_printf(a, "trigger %zu: ", m->of[i]);
}

static void say_proposal(struct lines *l, const struct metrics *all, size_t i,
                         const struct hpa_input *in)
{
    const struct hpa_metric *m = &all->v[i];
    struct hpa_proposal p = hpa__propose(m, in);
    struct hpa_tolerance t = hpa__tolerance(in);
    bool per_pod = m->source == HPA_EXTERNAL && m->type == METRIC_AVERAGE_VALUE;
    struct str usage =
        autoscale__decimal(l->arena, m->source == HPA_EXTERNAL ? m->usage_milli : p.shown_milli);
    struct str target = autoscale__decimal(l->arena, m->target_milli);
    struct str who = whose(l->arena, all, i);
    struct buf ratio = {0};

    if (per_pod)
        buf_addf(&ratio, STR_FMT " / (" STR_FMT " x %d) = %.4g", STR_ARG(usage), STR_ARG(target),
                 in->status_replicas, p.ratio);
    else
        buf_addf(&ratio, STR_FMT " / " STR_FMT " = %.4g", STR_ARG(usage), STR_ARG(target), p.ratio);
    if (p.within)
        say(l, STR_FMT "ratio %s, within the tolerance of %.4g to %.4g: stays at %d", STR_ARG(who),
            ratio.p, 1 - t.down, 1 + t.up, p.replicas);
    else
        say(l, STR_FMT "ratio %s, outside the tolerance of %.4g to %.4g", STR_ARG(who), ratio.p,
            1 - t.down, 1 + t.up);
    if (!p.within && per_pod)
        say(l, STR_FMT "ceil(" STR_FMT " / " STR_FMT ") = %d", STR_ARG(who), STR_ARG(usage),
            STR_ARG(target), p.replicas);
    else if (!p.within)
        say(l, STR_FMT "ceil(" STR_FMT " / " STR_FMT " x %d ready) = %d", STR_ARG(who),
            STR_ARG(usage), STR_ARG(target), p.pods, p.replicas);
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

static void say_metrics(const struct metrics *m, const struct hpa_input *in,
                        const struct hpa_output *out, struct lines *l)
{
    for (size_t i = 0; i < m->n; i++)
        if (!m->v[i].failed)
            say_proposal(l, m, i, in);
        else
            say(l, STR_FMT "failed, and asks for nothing", STR_ARG(whose(l->arena, m, i)));
    if (m->n > 1)
        say(l, "the highest of %zu: %d", m->n, out->proposal);
    say_held(l, in, out);
    say_limit(l, out);
}

static void sync(struct arena *a, const struct explain_opts *opts,
                 const struct autoscale_rules *rules, const struct pauses *pauses,
                 struct explained_object *x, struct lines *l)
{
    struct metrics m;
    struct behavior behavior;
    struct hpa_state state = {0};
    struct hpa_input in = {
        .now = opts->at,
        .spec_replicas = x->now,
        .status_replicas = x->now,
        .ready_replicas = x->now,
        .min = x->min,
        .max = x->max,
        .behavior = autoscale__behavior_of(x->object, pauses, &behavior) ? &behavior : NULL,
        .metrics = m.v,
        .rules = rules,
    };

    metrics_of(x, rules, &m);
    in.n_metrics = m.n;
    /* Long past, so that nothing is held, where a new controller would hold what there is. */
    hpa__record(&state, SIZE_MAX, x->now, INT64_MIN / 2);
    hpa_sync(&state, &in, a, &x->hpa);
    hpa_state_release(&state);
    if (!hpa_wants_metrics(x->now, x->min, x->max) || x->hpa.failed) {
        say(l, STR_FMT, STR_ARG(x->hpa.note));
        return;
    }
    for (size_t i = 0; i < m.n; i++)
        if (m.of[i] != NO_TRIGGER)
            x->triggers[m.of[i]].proposal = x->hpa.proposals[i];
    say_metrics(&m, &in, &x->hpa, l);
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

/* What KEDA itself asks, which is all but cpu and memory. */
struct asked {
    bool all;    /* have an answer */
    bool failed; /* one of them */
    bool any;    /* there are some */
};

static struct asked asked_of(const struct explained_object *x)
{
    struct asked r = {.all = true};

    for (size_t i = 0; i < x->n_triggers; i++) {
        const struct explained_trigger *t = &x->triggers[i];

        if (t->resource)
            continue;
        r.any = true;
        r.all &= t->by != EXPLAINED_BY_NOTHING;
        r.failed |= t->by != EXPLAINED_BY_NOTHING && t->verdict.failed;
    }
    return r;
}

static bool is_active(const struct explained_object *x, const struct asked *asked)
{
    bool active = false;

    if (!asked->any) /* cpu and memory alone cannot wake a target up, so they never let it sleep */
        return true;
    if (x->formula.given)
        return x->formula.verdict.active;
    for (size_t i = 0; i < x->n_triggers; i++)
        active |= !x->triggers[i].resource && x->triggers[i].verdict.active;
    return active;
}

/* At 0 it is KEDA that scales. */
static void say_wake_up(struct explained_object *x, const struct asked *asked,
                        const struct pauses *pauses, struct lines *l)
{
    const char *why = pauses->force      ? "activation is forced by annotation"
                      : x->formula.given ? "the formula is active"
                      : asked->any       ? "a trigger is active"
                                         : "cpu and memory alone are always active";

    x->replicas = 0;
    if (x->active && pauses->out) {
        say(l, "%s, but paused-scale-out: KEDA stays at 0", why);
    } else if (x->active) {
        x->replicas = x->min;
        say(l, "%s: KEDA goes from 0 to %d, and the HPA on from there", why, x->min);
    } else if (!asked->all) {
        say(l, "no trigger that was asked is active: KEDA stays at 0 unless another one is");
    } else {
        say(l, asked->failed ? "a trigger cannot be asked, and none is active: KEDA stays at 0"
                             : "no trigger is active: KEDA stays at 0");
    }
}

/* And to 0, or to idleReplicaCount. */
static void say_keda(struct explained_object *x, const struct asked *asked,
                     const struct pauses *pauses, struct lines *l)
{
    const struct scaled_object *o = x->object;
    bool has_idle = o->idle_replicas.given;
    bool to_zero = !o->min_replicas.given || o->min_replicas.v == 0;
    int64_t least = has_idle ? o->idle_replicas.v : 0;
    int64_t cooldown_s = o->cooldown_s.given ? o->cooldown_s.v : DEFAULT_COOLDOWN_S;

    x->replicas = x->hpa.desired;
    if (x->now == 0)
        say_wake_up(x, asked, pauses, l);
    else if (x->active || !asked->all || !(to_zero || has_idle) || x->now <= least)
        return;
    else if (asked->failed && !(o->fallback.given && o->fallback.replicas == 0))
        say(l, "a trigger cannot be asked: KEDA does not go to %lld", (long long)least);
    else if (pauses->in)
        say(l, "no trigger is active, but paused-scale-in: KEDA does not go to %lld",
            (long long)least);
    else
        say(l,
            "no trigger is active: KEDA goes straight to %lld when that has lasted cooldownPeriod, "
            "%lld s",
            (long long)least, (long long)cooldown_s);
}

static void say_fallback(const struct explained_object *x, const struct asked *asked,
                         struct lines *l)
{
    static const char *const unless[] = {
        [FALLBACK_STATIC] = "",
        [FALLBACK_CURRENT_IF_HIGHER] = ", or as many as there are if those are more",
        [FALLBACK_CURRENT_IF_LOWER] = ", or as many as there are if those are fewer",
    };
    const struct fallback *fb = &x->object->fallback;
    long long threshold = (long long)fb->failure_threshold;

    if (!fb->given || !asked->failed)
        return;
    if (fb->behavior == FALLBACK_CURRENT)
        say(l,
            "after more than %lld failures in a row the fallback asks for as many replicas as "
            "there are",
            threshold);
    else if (fb->behavior == FALLBACK_SCALING_MODIFIERS)
        say(l,
            "after more than %lld failures in a row the formula takes a trigger that fails for nil",
            threshold);
    else
        say(l,
            "after more than %lld failures in a row the fallback's %lld replicas are asked for%s",
            threshold, (long long)fb->replicas, unless[fb->behavior]);
}

/* Nothing is asked any more, and nothing scales. */
static void say_paused(struct explained_object *x, const struct pauses *pauses, struct lines *l)
{
    x->replicas = pauses->replicas >= 0 ? pauses->replicas : x->now;
    if (pauses->replicas >= 0)
        say(l, "paused-replicas: KEDA has deleted the HPA, polls nothing, and scales to %d",
            pauses->replicas);
    else
        say(l, "paused by annotation: KEDA has deleted the HPA, polls nothing, and it stays at %d",
            x->now);
}

static int ask_all(struct arena *a, const struct explain_opts *opts,
                   const struct autoscale_rules *rules, struct explained_object *x, size_t *n,
                   struct fault *f)
{
    x->triggers = arena_array(a, struct explained_trigger, MAX(x->n_triggers, 1));
    for (size_t i = 0; i < x->n_triggers; i++) {
        int rc = autoscale__explain_trigger(a, opts, rules, x, i, f);

        if (rc < 0)
            return rc;
        *n += x->triggers[i].by != EXPLAINED_BY_NOTHING;
    }
    x->complete = *n == x->n_triggers && *n > 0;
    return 0;
}

/* Whether the answers are enough for the rest; else it is said why. */
static bool is_enough(const struct explained_object *x, const struct asked *asked, size_t n_answers,
                      struct lines *l)
{
    for (size_t i = 0; i < x->n_triggers; i++)
        if (x->triggers[i].refused) {
            say(l,
                "KEDA refuses trigger %zu, and with it the ScaledObject: there is no HPA, and "
                "nothing is scaled",
                i);
            return false;
        }
    if (x->n_triggers + x->formula.given > HPA_METRICS_MAX) {
        say(l, "there are %zu triggers, which are more than can be explained", x->n_triggers);
        return false;
    }
    if (x->object->modifiers.given && !asked->all) {
        say(l, "the formula of scalingModifiers needs triggers that are not asked");
        return false;
    }
    return n_answers > 0;
}

static void conclude(struct arena *a, const struct explain_opts *opts,
                     const struct autoscale_rules *rules, struct explained_object *x,
                     size_t n_answers, struct lines *l)
{
    const struct pauses pauses = autoscale__pauses_of(x->object, rules);
    const struct asked asked = asked_of(x);

    x->formula.given = x->object->modifiers.given;
    x->known = is_enough(x, &asked, n_answers, l);
    if (x->known && x->formula.given) {
        x->formula.known = true;
        autoscale__explain_formula(a, x);
        say_formula(x, l);
    }
    if (x->known && !x->complete)
        say(l, "by %zu of %zu triggers; what the others ask for may be more", n_answers,
            x->n_triggers);
    if (!x->known)
        return;
    x->active = pauses.force || is_active(x, &asked);
    if (pauses.all) {
        say_paused(x, &pauses, l);
        return;
    }
    sync(a, opts, rules, &pauses, x, l);
    say_fallback(x, &asked, l);
    say_keda(x, &asked, &pauses, l);
}

int explain_object(struct arena *a, const struct scaled_object *object,
                   const struct explain_opts *opts, struct explained_object *out, struct fault *f)
{
    const struct autoscale_rules rules = autoscale_rules_of(&opts->versions);
    struct lines l = {.arena = a};
    size_t n_answers = 0;
    int rc;

    *out = (struct explained_object){.object = object, .n_triggers = object->n_triggers};
    rc = ask_all(a, opts, &rules, out, &n_answers, f);
    if (rc < 0)
        return rc;
    set_bounds(opts, out);
    conclude(a, opts, &rules, out, n_answers, &l);
    out->lines = l.v;
    out->n_lines = l.n;
    return 0;
}
