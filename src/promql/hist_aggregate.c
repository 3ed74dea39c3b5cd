/*
 * hist_aggregate.c - sum, avg, count... of groups that have histograms. Unlike a group of floats,
 * such a group is worked through step by step: what a sum of histograms needs on the way then only
 * lives for one step.
 */
#include "ferula/base/check.h"

#include "aggregate.h"

/* One group in one step. */
struct step {
    struct promql__acc floats;
    bool seen; /* something that counts */
    bool has_float, has_hist;
    bool incompatible; /* exponential buckets met custom ones: there is no result */
    bool reset, not_reset;
    bool marked; /* the name of a sample is to go at the end of the query */

    /* In the scratch arena. A sum, or a mean when `running`; NULL when a float came first. */
    struct histogram *h;
    struct histogram *c; /* what rounding lost; NULL after one histogram */
    double n;            /* histograms in it */
    bool running;
};

struct mixed {
    struct promql__ev *ev;
    const struct promql__aggregator *fn;
    enum promql_agg op;
    const struct promql_expr *at; /* where annotations point */
    struct arena scratch;         /* one step's */
};

static void note_hint(struct step *st, const struct histogram *h)
{
    st->reset = st->reset || h->hint == HISTOGRAM_RESET;
    st->not_reset = st->not_reset || h->hint == HISTOGRAM_NOT_RESET;
}

static int add_to_sum(struct mixed *m, struct step *st, const struct histogram *h,
                      struct histogram_notes *notes)
{
    if (st->c == NULL)
        st->c = histogram_compensation(&m->scratch, st->h);
    return histogram_kahan_add(&m->scratch, st->h, st->c, h, notes);
}

/* As kahan_mean_add(): adds up as long as nothing overflows, then keeps a running mean. */
static int add_to_mean(struct mixed *m, struct step *st, const struct histogram *h,
                       struct histogram_notes *notes)
{
    struct histogram *part;
    double q;

    if (!st->running) {
        struct step next = *st;
        int rc;

        next.h = histogram_copy(&m->scratch, st->h);
        next.c = st->c == NULL ? NULL : histogram_copy(&m->scratch, st->c);
        rc = add_to_sum(m, &next, h, notes);
        if (rc != 0 || !histogram_has_overflow(next.h)) {
            *st = next;
            return rc;
        }
        st->running = true;
        histogram_div(st->h, st->n - 1);
        if (st->c != NULL)
            histogram_div(st->c, st->n - 1);
    }
    q = (st->n - 1) / st->n;
    histogram_mul(st->h, q);
    if (st->c != NULL)
        histogram_mul(st->c, q);
    part = histogram_copy(&m->scratch, h);
    histogram_div(part, st->n);
    return add_to_sum(m, st, part, notes);
}

static void add_hist(struct mixed *m, struct step *st, struct labels ls, const struct histogram *h)
{
    struct histogram_notes notes = {0};
    int rc;

    st->has_hist = true;
    if (st->seen && st->h == NULL)
        return; /* a float came first: there is no result anyway */
    note_hint(st, h);
    st->n++;
    if (!st->seen) {
        st->h = histogram_copy(&m->scratch, h);
        return;
    }
    rc = m->op == PROMQL_AVG ? add_to_mean(m, st, h, &notes) : add_to_sum(m, st, h, &notes);
    if (rc != 0) {
        st->incompatible = true;
        promql__note_histogram(m->ev, m->at, PROMQL__MIXED_BUCKETS,
                               labels_get(ls, STR(LABEL_NAME)));
        return;
    }
    notes.reset_collision = false; /* told at the end, of all hints */
    promql__note_arithmetic(m->ev, m->at, notes, "aggregation");
}

static void add_value(struct mixed *m, struct step *st, const struct promql__series *s,
                      struct promql__value v)
{
    if (v.h != NULL && m->fn->hists == HISTS_IGNORED) {
        promql__info_hist_ignored(m->ev, m->at, m->op);
        st->marked = st->marked || (st->seen && s->drop_name);
        return;
    }
    if (st->incompatible)
        return;
    st->marked = st->marked || s->drop_name;
    if (v.h != NULL && m->fn->hists == HISTS_ADDED) {
        add_hist(m, st, s->labels, v.h);
    } else {
        (st->has_float ? m->fn->next : m->fn->first)(&st->floats, v.v);
        st->has_float = true;
    }
    st->seen = true;
}

/* The sum or mean, in the query's arena. */
static struct histogram *finish_hist(struct mixed *m, struct step *st)
{
    struct histogram_notes told = {.reset_collision = st->reset && st->not_reset}, unused;

    if (m->op == PROMQL_AVG && !st->running) {
        histogram_div(st->h, st->n);
        if (st->c != NULL)
            histogram_div(st->c, st->n);
    }
    if (st->c != NULL) {
        int rc = histogram_add(&m->scratch, st->h, st->c, &unused);

        CHECK(rc == 0); /* its own compensation fits */
    }
    histogram_compact(st->h);
    promql__note_arithmetic(m->ev, m->at, told, "aggregation");
    return histogram_copy(m->ev->arena, st->h);
}

/* Appends the result of a step to ev->out or ev->hout, if there is one. */
static void finish(struct mixed *m, struct step *st, ts_ms t, bool *marked)
{
    struct promql__ev *ev = m->ev;

    if (st->has_float && st->has_hist) {
        promql__warn(ev, m->at, "encountered a mix of histograms and floats for aggregation");
        return;
    }
    if (!st->seen || st->incompatible)
        return;
    *marked = st->marked;
    if (st->has_float) {
        sample_vec_push(&ev->out, (struct sample){t, m->fn->result(&st->floats)});
        return;
    }
    hsample_vec_push(&ev->hout, (struct hsample){t, finish_hist(m, st)});
}

int promql__aggregate_mixed(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql__aggregator *fn, const struct promql_aggregate *agg,
                            const struct promql__groups *gr, size_t k, bool *marked)
{
    struct mixed m = {
        .ev = ev,
        .fn = fn,
        .op = agg->op,
        .at = promql__unparen(agg->expr),
    };
    size_t n = gr->first[k + 1] - gr->first[k];
    struct promql__cursor *next = arena_array(ev->arena, struct promql__cursor, n);
    int rc = 0;

    promql__out_begin(ev);
    for (size_t i = 0; rc == 0 && i < g->n; i++) {
        ts_ms t = promql__time(g, i);
        struct step st = {0};

        for (size_t j = 0; j < n; j++) {
            const struct promql__series *s = &gr->in.v[gr->members[gr->first[k] + j]];
            struct promql__value v;

            if (promql__take(s, &next[j], t, &v))
                add_value(&m, &st, s, v);
        }
        finish(&m, &st, t, marked);
        rc = promql__tick(ev, n);
        arena_reset(&m.scratch);
    }
    arena_release(&m.scratch);
    return rc;
}
