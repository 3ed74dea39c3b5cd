/*
 * story_claim.c - what is claimed of a simulation, against its trace.
 */
#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "story_priv.h"

void story_print_time(struct buf *b, dur_ms since_start)
{
    if (since_start < 0)
        buf_putc(b, '-');
    duration_print(b, since_start < 0 ? -since_start : since_start);
}

static const char *time_text(struct arena *a, dur_ms t)
{
    struct buf b = {0};
    const char *s;

    story_print_time(&b, t);
    s = arena_strdup(a, buf_str(&b));
    buf_release(&b);
    return s;
}

struct story_failure *story__fail(struct arena *a, struct story_result *out, struct place at)
{
    ARENA_GROW(a, out->failures, out->n_failures, out->cap_failures, struct story_failure);
    out->failures[out->n_failures] = (struct story_failure){.at = at};
    return &out->failures[out->n_failures++];
}

/* ---- conditions of the ScaledObject and of the HPA ---------------------------------------- */

static const struct {
    const char *type;
    size_t at;
    enum actor actor;
} conditions[] = {
    {"Ready",          offsetof(struct sim_event, ready),           ACTOR_KEDA},
    {"Active",         offsetof(struct sim_event, active_cond),     ACTOR_KEDA},
    {"Fallback",       offsetof(struct sim_event, fallback_cond),   ACTOR_KEDA},
    {"Paused",         offsetof(struct sim_event, paused),          ACTOR_KEDA},
    {"HPAActive",      offsetof(struct sim_event, hpa_active),      ACTOR_KEDA},
    {"AbleToScale",    offsetof(struct sim_event, able_to_scale),   ACTOR_HPA },
    {"ScalingActive",  offsetof(struct sim_event, scaling_active),  ACTOR_HPA },
    {"ScalingLimited", offsetof(struct sim_event, scaling_limited), ACTOR_HPA },
};

bool story__is_condition(struct str type)
{
    for (size_t i = 0; i < COUNT(conditions); i++)
        if (str_is(type, conditions[i].type))
            return true;
    return false;
}

const struct condition *story__condition(const struct sim_event *e, struct str type)
{
    for (size_t i = 0; i < COUNT(conditions); i++)
        if (str_is(type, conditions[i].type))
            return conditions[i].actor == e->actor
                       ? (const struct condition *)(const void *)((const char *)e +
                                                                  conditions[i].at)
                       : NULL;
    return NULL;
}

/* ---- claims on a trace ------------------------------------------------------------------ */

/* The first event after `t`; n: none. */
static size_t event_after(const struct sim_trace *tr, ts_ms t)
{
    size_t lo = 0, hi = tr->n_events;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (tr->events[mid].t <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The state at `t`: of the last event that has the variable. Before all of them: the beginning. */
static bool value_at(const struct story_sim *sim, ts_ms t, enum story_var var, double *out)
{
    for (size_t i = event_after(&sim->trace, t); i > 0; i--)
        if (story__var_value(&sim->trace.events[i - 1], var, out))
            return true;
    *out = sim->setup.replicas;
    return var == VAR_REPLICAS;
}

static struct str number_text(struct arena *a, double v)
{
    char text[NUM_TEXT_MAX];

    return arena_str(a, (struct str){text, num_format(text, v, 'f')});
}

/* A count that is not met may be blessed when it is the test's own number. */
static void fail_count(const struct running *r, const struct story_sim *sim, const struct claim *c,
                       ts_ms when, bool known, double got, const char *how)
{
    struct story_failure *fl = story__fail(r->a, r->out, c->at);
    struct str value = known ? number_text(r->a, got) : STR("not known");
    struct buf cond = {0};

    story__cond_print(&cond, &c->cond);
    fl->sim = sim;
    fl->when = when;
    fl->text =
        arena_printf(r->a, "%s: %s %s " STR_FMT ", expected %s", how, story__var_name(c->cond.var),
                     known ? "is" : "are", STR_ARG(value), cond.p);
    fl->want = arena_str(r->a, buf_str(&cond));
    fl->got = arena_printf(r->a, "%s == " STR_FMT, story__var_name(c->cond.var), STR_ARG(value));
    if (known && c->cond.text.s.n > 0 && c->kind == CLAIM_AT && c->cond.op == OP_EQ) {
        fl->blessed_at = c->cond.text.at;
        fl->old_text = c->cond.text.s;
        fl->new_text = value;
    }
    buf_release(&cond);
}

static void check_at(const struct running *r, const struct story_sim *sim, const struct claim *c)
{
    ts_ms t = r->t->start + c->from;
    double v = 0;
    bool known = value_at(sim, t, c->cond.var, &v);

    if (!known || !story__compare(v, &c->cond))
        fail_count(r, sim, c, t, known, v, arena_printf(r->a, "at %s", time_text(r->a, c->from)).p);
}

struct span {
    ts_ms from, to;
};

static struct span span_of(const struct running *r, const struct story_sim *sim,
                           const struct claim *c)
{
    ts_ms from = c->from == CLAIM_NO_TIME ? sim->setup.start : r->t->start + c->from;
    ts_ms zero = c->kind == CLAIM_WITHIN ? from : r->t->start;

    return (struct span){from, c->to == CLAIM_NO_TIME ? sim->setup.end : zero + c->to};
}

/* Looks for a moment of the span where the condition is `wanted`. */
static bool find(const struct story_sim *sim, const struct claim *c, struct span s, bool wanted,
                 ts_ms *when, double *value)
{
    if (value_at(sim, s.from, c->cond.var, value) && story__compare(*value, &c->cond) == wanted) {
        *when = s.from;
        return true;
    }
    for (size_t i = event_after(&sim->trace, s.from); i < sim->trace.n_events; i++) {
        const struct sim_event *e = &sim->trace.events[i];

        if (e->t > s.to)
            break;
        if (story__var_value(e, c->cond.var, value) && story__compare(*value, &c->cond) == wanted) {
            *when = e->t;
            return true;
        }
    }
    return false;
}

static void check_within(const struct running *r, const struct story_sim *sim,
                         const struct claim *c)
{
    struct span s = span_of(r, sim, c);
    double v = 0;
    ts_ms when;
    bool known;

    if (find(sim, c, s, true, &when, &v))
        return;
    known = value_at(sim, s.to, c->cond.var, &v);
    fail_count(r, sim, c, s.to, known, v,
               arena_printf(r->a, "within %s, and at its end", time_text(r->a, s.to - s.from)).p);
}

static void check_span(const struct running *r, const struct story_sim *sim, const struct claim *c)
{
    bool never = c->kind == CLAIM_NEVER;
    double v = 0;
    ts_ms when;
    const char *at;

    if (!find(sim, c, span_of(r, sim, c), never, &when, &v))
        return;
    at = time_text(r->a, when - r->t->start);
    fail_count(r, sim, c, when, true, v,
               arena_printf(r->a, "%s, but at %s", never ? "never" : "always", at).p);
}

/* The newest event of each actor decides; one of them has to agree. */
static void check_reason(const struct running *r, const struct story_sim *sim,
                         const struct claim *c)
{
    ts_ms t = r->t->start + c->from;
    const char *seen[2] = {"nothing", "nothing"};
    struct story_failure *fl;

    for (size_t i = event_after(&sim->trace, t), left = 3; i > 0 && left > 0; i--) {
        const struct sim_event *e = &sim->trace.events[i - 1];
        size_t bit = e->actor == ACTOR_KEDA ? 1 : e->actor == ACTOR_HPA ? 2 : 0;

        if ((left & bit) == 0)
            continue;
        left &= ~bit;
        seen[bit - 1] = reason_name(e->reason);
        if (str_is(c->reason, seen[bit - 1]))
            return;
    }
    fl = story__fail(r->a, r->out, c->at);
    fl->sim = sim;
    fl->when = t;
    fl->want = c->reason;
    fl->got = arena_printf(r->a, "%s (KEDA), %s (HPA)", seen[0], seen[1]);
    fl->text = arena_printf(r->a, "at %s: the reason is " STR_FMT ", expected " STR_FMT,
                            time_text(r->a, c->from), STR_ARG(fl->got), STR_ARG(c->reason));
}

static bool condition_holds(const struct condition *cond, const struct claim *c)
{
    return cond != NULL && cond->status == c->status &&
           (c->reason.p == NULL || str_is(c->reason, cond->reason == NULL ? "" : cond->reason));
}

static void check_status(const struct running *r, const struct story_sim *sim,
                         const struct claim *c)
{
    static const char *const statuses[] = {"Unknown", "True", "False"};
    ts_ms t = r->t->start + c->from;
    const struct condition *cond = NULL;
    struct story_failure *fl;

    for (size_t i = event_after(&sim->trace, t); i > 0 && cond == NULL; i--)
        cond = story__condition(&sim->trace.events[i - 1], c->type);
    if (condition_holds(cond, c))
        return;
    fl = story__fail(r->a, r->out, c->at);
    fl->sim = sim;
    fl->when = t;
    fl->want = arena_printf(r->a, STR_FMT "=%s%s" STR_FMT, STR_ARG(c->type), statuses[c->status],
                            c->reason.p == NULL ? "" : "/", STR_ARG(c->reason));
    fl->got = cond == NULL
                  ? STR("nothing yet")
                  : arena_printf(r->a, STR_FMT "=%s/%s", STR_ARG(c->type), statuses[cond->status],
                                 cond->reason == NULL ? "" : cond->reason);
    fl->text = arena_printf(r->a, "at %s: " STR_FMT ", expected " STR_FMT, time_text(r->a, c->from),
                            STR_ARG(fl->got), STR_ARG(fl->want));
}

static void (*const checks[])(const struct running *, const struct story_sim *,
                              const struct claim *) = {
    [CLAIM_AT] = check_at,      [CLAIM_WITHIN] = check_within, [CLAIM_ALWAYS] = check_span,
    [CLAIM_NEVER] = check_span, [CLAIM_REASON] = check_reason, [CLAIM_STATUS] = check_status,
};

void story__claim(const struct running *r, const struct story_sim *sim, const struct claim *c)
{
    checks[c->kind](r, sim, c);
}
