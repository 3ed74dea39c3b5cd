/*
 * fallback.c - ScaledObject.spec.fallback: counting failures, and the value that stands in for a
 * trigger's (pkg/fallback/fallback.go).
 */
#include "sim_priv.h"

/* Before KEDA 2.20 its API server knows no such behavior, and it itself takes that for static. */
bool sim__falls_to_formula(const struct sim *s)
{
    const struct fallback *fb = &s->object->fallback;

    return fb->given && fb->behavior == FALLBACK_SCALING_MODIFIERS && s->rules.fallback_by_formula;
}

bool sim__has_fallback(const struct sim *s)
{
    const struct fallback *fb = &s->object->fallback;
    int64_t whole;

    if (!fb->given || fb->failure_threshold < 0 || fb->replicas < 0)
        return false;
    /* KEDA wants a whole number there, although the target may be any other. */
    return s->formula == NULL || (str_to_i64(s->object->modifiers.target.s, &whole) && whole > 0);
}

static double replicas_wanted(const struct sim *s)
{
    const struct fallback *fb = &s->object->fallback;
    double fixed = (double)fb->replicas, current = (double)s->replicas;

    switch (fb->behavior) {
    case FALLBACK_CURRENT:
        return current;
    case FALLBACK_CURRENT_IF_HIGHER:
        return MAX(current, fixed);
    case FALLBACK_CURRENT_IF_LOWER:
        return MIN(current, fixed);
    case FALLBACK_STATIC:
    case FALLBACK_SCALING_MODIFIERS:
        break;
    }
    return fixed;
}

/* Of the metric that the HPA has. */
static enum target_type type_of(const struct sim *s, const struct sim_trigger *t)
{
    return s->formula != NULL ? s->object->modifiers.metric_type : t->t->metric_type;
}

/* The value that makes an HPA ask for the wanted replicas; false: there is none. */
static bool stand_in(struct sim *s, const struct sim_trigger *t, int64_t *milli)
{
    const struct world *w = &s->setup->world;
    bool composite = s->formula != NULL;
    double replicas = replicas_wanted(s);
    double target = composite ? s->composite_target : autoscale__of_milli(t->target_milli);

    if (type_of(s, t) == METRIC_VALUE) {
        int32_t ready = w->ready_replicas(w->ctx);

        if (ready == 0)
            return false;
        replicas /= (double)ready;
    }
    if (!s->rules.fallback_of_values)
        target = (double)(int64_t)target;
    *milli = (int64_t)(target * 1000 * replicas);
    return true;
}

/*
 * The scalers keep an object with its status. What the HPA reads is counted on it: on one of their
 * own when a reconcile or a sync built them, as old as they are; on the loop's, which is read anew
 * at each poll, when a poll did. Of what has changed in it a patch is sent, conditions all
 * together, and the answer brings it up to date: what is outdated in it can come back.
 */
void sim__scalers(struct sim *s, bool of_sync)
{
    if (!s->scalers_dropped && (of_sync || sim__same_spec(s->scalers_of, s->object)))
        return;
    s->scalers_dropped = false;
    s->scalers_of = s->object;
    s->scalers_copy = of_sync;
    sim__refresh(s);
}

void sim__refresh(struct sim *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->triggers[i].copied = s->triggers[i].health;
    s->copied = s->status;
}

void sim__forget_records(struct sim *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->triggers[i].has_record = false;
}

static const struct sim_health *health_of(const struct sim_trigger *t, bool of_sync)
{
    return of_sync ? &t->copied : &t->health;
}

int64_t sim__failures(const struct sim *s, size_t i, bool of_sync)
{
    return health_of(&s->triggers[i], of_sync)->failures;
}

static struct condition fallback_condition(const struct sim *s, bool of_sync)
{
    for (size_t i = 0; i < s->n; i++)
        if (health_of(&s->triggers[i], of_sync)->failing &&
            sim__failures(s, i, of_sync) > s->object->fallback.failure_threshold)
            return sim__condition(COND_TRUE, "FallbackExists",
                                  "At least one trigger is falling back on this scaled object");
    return sim__condition(COND_FALSE, "NoFallbackFound",
                          "No fallbacks are active on this scaled object");
}

/* One more reading of a trigger; failures in a row with it. */
static int64_t count(struct sim *s, struct sim_trigger *t, bool of_sync, bool failed)
{
    struct sim_health *h = of_sync ? &t->copied : &t->health, before = *h;
    struct sim_health now = {failed ? MAX(before.failures, 0) + 1 : 0, failed};
    struct sim_status *status = of_sync ? &s->copied : &s->status;
    enum condition_status was = status->fallback.status;

    if (!s->rules.fallback_told_at_once)
        status->fallback = fallback_condition(s, of_sync);
    *h = now;
    if (s->rules.fallback_told_at_once)
        status->fallback = fallback_condition(s, of_sync);
    if (of_sync && (now.failures != before.failures || status->fallback.status != was)) {
        if (now.failures != before.failures)
            t->health.failures = now.failures;
        if (now.failing != before.failing)
            t->health.failing = now.failing;
        if (status->fallback.status != was)
            s->status = s->copied;
        sim__refresh(s);
    }
    return now.failures;
}

void sim__fallback(struct sim *s, size_t i, bool of_sync, struct sim_reading *r)
{
    struct sim_trigger *t = &s->triggers[i];
    const struct fallback *fb = &s->object->fallback;
    int64_t milli, failures;

    if (!sim__has_fallback(s))
        return;
    if (!s->rules.fallback_of_values && type_of(s, t) == METRIC_VALUE)
        return;
    failures = count(s, t, of_sync, r->verdict.failed);
    if (!r->verdict.failed || failures <= fb->failure_threshold)
        return;
    if (sim__falls_to_formula(s)) {
        r->verdict = (struct verdict){.milli = -1000, .value = -1, .why = r->verdict.why};
        return;
    }
    if (!stand_in(s, t, &milli)) {
        r->verdict.why = STR("error performing fallback");
        return;
    }
    r->verdict = (struct verdict){
        .active = s->rules.fallback_activates,
        .value = autoscale__of_milli(milli),
        .milli = milli,
        .why = r->verdict.why,
    };
    r->fallback = true;
}

void sim__fallback_seen(struct sim *s)
{
    s->fallback = sim__has_fallback(s) && fallback_condition(s, false).status == COND_TRUE;
}
