/*
 * story_run.c - runs a test: its expressions, then a simulation for each ScaledObject and set of
 * faults that anything is claimed of.
 */
#include "ferula/base/check.h"
#include "ferula/promql.h"
#include "story_priv.h"

#define SYNC_MS 15000 /* a run is never shorter than to the first sync */

/* ---- simulations ------------------------------------------------------------------------ */

/* The last time that a claim speaks of. */
static dur_ms last_of(const struct story_test *t, const struct claim *c)
{
    if (c->kind == CLAIM_WITHIN)
        return c->to + (c->from == CLAIM_NO_TIME ? t->created : c->from);
    return MAX(c->from, c->to);
}

/* As long as anything is said about; not beyond what a claim without an end could mean. */
static dur_ms length_of(const struct story_test *t, dur_ms series)
{
    dur_ms n = MAX(series, t->created + SYNC_MS);

    if (t->length > 0)
        return MAX(t->length, t->created);
    if (t->app.n_load > 0)
        n = MAX(n, t->app.load[t->app.n_load - 1].t);
    for (size_t i = 0; i < t->n_changes; i++)
        n = MAX(n, t->changes[i].t);
    for (size_t i = 0; i < t->n_checks; i++) {
        const struct story_check *c = &t->checks[i];

        for (size_t k = 0; k < c->n_claims; k++)
            n = MAX(n, last_of(t, &c->claims[k]));
    }
    return n;
}

static struct load_point *points_from(const struct running *r, const struct load_point *v, size_t n)
{
    struct load_point *out = arena_array(r->a, struct load_point, n);

    for (size_t i = 0; i < n; i++)
        out[i] = (struct load_point){v[i].t + r->t->start, v[i].v};
    return out;
}

static struct fault_span *faults_from(const struct running *r, const struct story_check *c,
                                      size_t *n)
{
    struct fault_span *out;

    *n = r->t->n_faults + c->n_faults;
    out = arena_array(r->a, struct fault_span, *n);
    for (size_t i = 0; i < *n; i++) {
        out[i] = i < r->t->n_faults ? r->t->faults[i] : c->faults[i - r->t->n_faults];
        out[i].from += r->t->start;
        if (out[i].to != INT64_MAX)
            out[i].to += r->t->start;
    }
    return out;
}

static struct sim_change *changes_from(const struct running *r, const struct story_check *c)
{
    struct sim_change *out = arena_array(r->a, struct sim_change, c->n_changes);

    for (size_t i = 0; i < c->n_changes; i++)
        out[i] = (struct sim_change){c->changes[i].t + r->t->start, c->changes[i].object};
    return out;
}

/* A numbers' entry for each trigger of the object. */
static int set_numbers(const struct running *r, struct world_setup *w)
{
    size_t n = w->object->n_triggers;
    const struct load_point **v = arena_array(r->a, const struct load_point *, n);
    size_t *counts = arena_array(r->a, size_t, n);

    for (size_t i = 0; i < r->t->n_numbers; i++) {
        const struct story_numbers *s = &r->t->numbers[i];
        size_t trigger = trigger_find(w->object, s->trigger.s);

        if (trigger == SIZE_MAX)
            return fault_set(r->f, FER_EINVAL, 0,
                             "numbers: there is no trigger " STR_FMT " in ScaledObject '" STR_FMT
                             "'",
                             STR_ARG(s->trigger.s), STR_ARG(w->object->name.s));
        v[trigger] = points_from(r, s->v, s->n);
        counts[trigger] = s->n;
    }
    w->numbers = v;
    w->n_numbers = counts;
    return 0;
}

static int check_faults(const struct running *r, const struct world_setup *w)
{
    for (size_t i = 0; i < w->n_faults; i++)
        if (w->faults[i].trigger >= 0 && (size_t)w->faults[i].trigger >= w->object->n_triggers)
            return fault_set(r->f, FER_EINVAL, 0,
                             "faults: there is no trigger %d in ScaledObject '" STR_FMT "'",
                             w->faults[i].trigger, STR_ARG(w->object->name.s));
    return 0;
}

/* What the walkthrough's app counts. */
static struct labels default_labels(struct arena *a, const struct scaled_object *so)
{
    struct labels ls =
        labels_set(a, (struct labels){0}, STR(LABEL_NAME), STR("http_requests_total"));
    struct str ns = so->ns.s.n > 0 ? so->ns.s : STR("default");

    return labels_set(a, ls, STR("namespace"), ns);
}

static void free_world(void *w)
{
    pod_world_free(w);
}

static int simulate(const struct running *r, const struct story_check *c, struct story_sim *sim)
{
    struct world_setup w = {
        .object = c->object,
        .source = r->series,
        .app = r->t->app,
        .ready_after = r->t->ready_after,
        .replicas = (int32_t)r->t->replicas,
        .start = r->t->start + r->t->created,
        .features = PROMQL_FEATURES_DEFAULT,
        .why = r->f,
    };
    struct pod_world *world;
    int rc;

    w.app.load = points_from(r, r->t->app.load, r->t->app.n_load);
    if (w.app.given && w.app.labels.n == 0)
        w.app.labels = default_labels(r->a, c->object);
    w.faults = faults_from(r, c, &w.n_faults);
    rc = check_faults(r, &w);
    rc = rc < 0 ? rc : set_numbers(r, &w);
    rc = rc < 0 ? rc : pod_world_new(&w, &world, r->f);
    if (rc < 0)
        return rc;
    arena_defer(r->a, free_world, world);
    sim->object = c->object;
    sim->zero = r->t->start;
    sim->setup = (struct sim_setup){
        .object = c->object,
        .changes = changes_from(r, c),
        .n_changes = c->n_changes,
        .versions = r->t->versions,
        .world = pod_world_base(world),
        .start = r->t->start + r->t->created,
        .end = r->t->start + r->length,
        .replicas = (int32_t)r->t->replicas,
        .sync_period = r->t->sync_period,
    };
    rc = sim_run(r->a, &sim->setup, &sim->trace, r->f);
    sim->samples = pod_world_samples(world, &sim->n_samples);
    r->out->simulated += r->length - r->t->created;
    return rc;
}

static struct story_sim *add_sim(const struct running *r)
{
    struct story_sim *sim = arena_new(r->a, struct story_sim);

    ARENA_GROW(r->a, r->out->sims, r->out->n_sims, r->out->cap_sims, struct story_sim *);
    r->out->sims[r->out->n_sims++] = sim;
    return sim;
}

/* Checks without faults of their own share their object's simulation. */
static int sim_for(const struct running *r, size_t i, struct story_sim **shared,
                   struct story_sim **out)
{
    const struct story_check *c = &r->t->checks[i];

    for (size_t k = 0; k < i && c->n_faults == 0; k++)
        if (r->t->checks[k].object == c->object && r->t->checks[k].n_faults == 0) {
            *out = shared[i] = shared[k];
            return 0;
        }
    *out = shared[i] = add_sim(r);
    return simulate(r, c, *out);
}

static int run_checks(const struct running *r)
{
    struct story_sim **shared = arena_array(r->a, struct story_sim *, r->t->n_checks);
    struct story_sim *sim;

    for (size_t i = 0; i < r->t->n_checks; i++) {
        const struct story_check *c = &r->t->checks[i];
        int rc = sim_for(r, i, shared, &sim);

        if (rc < 0)
            return rc;
        for (size_t k = 0; k < c->n_claims; k++) {
            r->out->n_checks++;
            story__claim(r, sim, &c->claims[k]);
        }
    }
    return 0;
}

int story_run(const struct story_file *sf, size_t i, struct arena *a, struct story_result *out,
              struct fault *f)
{
    struct running r = {.sf = sf, .t = &sf->tests[i], .a = a, .out = out, .f = f};
    struct mem_source *ms;
    dur_ms series;
    int rc;

    CHECK(i < sf->n_tests);
    *out = (struct story_result){0};
    rc = story__series(r.t, a, &ms, &series, f);
    if (rc < 0)
        return rc;
    r.series = mem_source_base(ms);
    r.length = length_of(r.t, series);
    if (r.length - r.t->created > STORY_MAX_LENGTH)
        return fault_set(f, FER_ELIMIT, 0, "a test of more than 32 days would not fit in memory");
    story__exprs(sf, r.t, r.series, a, out);
    return run_checks(&r);
}
