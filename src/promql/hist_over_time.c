/*
 * hist_over_time.c - the ..._over_time() family on windows that have histograms: what takes both
 * kinds, what takes one of them, and what takes floats and says that it left out the rest.
 */
#include "ferula/base/check.h"

#include "eval.h"

/* ---- either kind ---- */

int promql__mixed_count(struct promql__ev *ev, const struct promql__mixed *m,
                        struct promql__value *out)
{
    (void)ev;
    out->v = (double)(m->n + m->nh);
    return 1;
}

int promql__mixed_present(struct promql__ev *ev, const struct promql__mixed *m,
                          struct promql__value *out)
{
    (void)ev;
    (void)m;
    out->v = 1;
    return 1;
}

int promql__mixed_first(struct promql__ev *ev, const struct promql__mixed *m,
                        struct promql__value *out)
{
    (void)ev;
    if (m->n > 0 && m->s[0].t < m->h[0].t)
        out->v = m->s[0].v;
    else
        out->h = m->h[0].h;
    return 1;
}

int promql__mixed_last(struct promql__ev *ev, const struct promql__mixed *m,
                       struct promql__value *out)
{
    (void)ev;
    if (m->n > 0 && m->s[m->n - 1].t > m->h[m->nh - 1].t)
        out->v = m->s[m->n - 1].v;
    else
        out->h = m->h[m->nh - 1].h;
    return 1;
}

int promql__mixed_ts_of_first(struct promql__ev *ev, const struct promql__mixed *m,
                              struct promql__value *out)
{
    ts_ms t = m->h[0].t;

    (void)ev;
    out->v = (double)(m->n > 0 ? MIN(m->s[0].t, t) : t) / 1000;
    return 1;
}

/* A kind that is not there counts as 0: only a window with both gives a time before the epoch. */
int promql__mixed_ts_of_last(struct promql__ev *ev, const struct promql__mixed *m,
                             struct promql__value *out)
{
    ts_ms t = m->n > 0 ? m->s[m->n - 1].t : 0;

    (void)ev;
    out->v = (double)MAX(t, m->h[m->nh - 1].t) / 1000;
    return 1;
}

/* ---- floats ---- */

int promql__mixed_floats(struct promql__ev *ev, const struct promql__mixed *m,
                         struct promql__value *out)
{
    if (m->n == 0)
        return 0;
    promql__note_histogram(ev, m->at, PROMQL__IGNORED_HISTOGRAMS, labels_name(m->labels));
    return m->floats(m->s, m->n, m->w, &out->v);
}

/* ---- one kind or the other: sum and mean ---- */

/* A sum of histograms, or the running mean of them. */
struct total {
    struct histogram *h, *c;      /* what rounding loses is in c; NULL as long as there is one */
    struct histogram_notes notes; /* of all additions */
};

static int add(struct promql__ev *ev, struct total *t, const struct histogram *h)
{
    struct histogram_notes n = {0};
    int rc;

    if (t->c == NULL)
        t->c = histogram_compensation(ev->arena, t->h);
    rc = histogram_kahan_add(ev->arena, t->h, t->c, h, &n);
    t->notes.bounds_reconciled = t->notes.bounds_reconciled || n.bounds_reconciled;
    return rc;
}

/* The sum of the first `n`, or of as many of them as have one without infinities: *done. */
static int add_up(struct promql__ev *ev, const struct promql__mixed *m, size_t n, bool finite,
                  struct total *t, size_t *done)
{
    t->h = histogram_copy(ev->arena, m->h[0].h);
    t->c = NULL;
    for (*done = 1; *done < n; (*done)++) {
        int rc = add(ev, t, m->h[*done].h);

        if (rc != 0)
            return rc;
        if (finite && histogram_has_overflow(t->h)) {
            size_t again;

            /* What it was before it overflowed. */
            return add_up(ev, m, *done, false, t, &again);
        }
    }
    return 0;
}

static void divide(struct total *t, double by)
{
    histogram_div(t->h, by);
    if (t->c != NULL)
        histogram_div(t->c, by);
}

/* Goes on from the mean of the first `i` with a running one. */
static int run_mean(struct promql__ev *ev, const struct promql__mixed *m, size_t i, struct total *t)
{
    for (; i < m->nh; i++) {
        double n = (double)i + 1, q = (n - 1) / n;
        struct histogram *part = histogram_copy(ev->arena, m->h[i].h);
        int rc;

        histogram_div(part, n);
        histogram_mul(t->h, q);
        if (t->c != NULL)
            histogram_mul(t->c, q);
        rc = add(ev, t, part);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The sum as long as it is finite, and a running mean after that, as it is done with floats. */
static int mean(struct promql__ev *ev, const struct promql__mixed *m, struct total *t)
{
    size_t done;
    int rc = add_up(ev, m, m->nh, true, t, &done);

    if (rc != 0)
        return rc;
    divide(t, (double)done);
    return run_mean(ev, m, done, t);
}

static int sum(struct promql__ev *ev, const struct promql__mixed *m, struct total *t)
{
    size_t done;

    return add_up(ev, m, m->nh, false, t, &done);
}

/* Whether some say that the counter was reset before them and some that it was not. */
static bool hints_collide(const struct promql__mixed *m)
{
    bool reset = false, not_reset = false;

    for (size_t i = 0; i < m->nh; i++) {
        reset = reset || m->h[i].h->hint == HISTOGRAM_RESET;
        not_reset = not_reset || m->h[i].h->hint == HISTOGRAM_NOT_RESET;
    }
    return reset && not_reset;
}

static int total(struct promql__ev *ev, const struct promql__mixed *m,
                 int (*make)(struct promql__ev *, const struct promql__mixed *, struct total *),
                 struct promql__value *out)
{
    struct str name = labels_name(m->labels);
    struct histogram_notes last = {0};
    struct total t = {0};
    int rc;

    if (m->n > 0) {
        promql__note_histogram(ev, m->at, PROMQL__MIXED_KINDS, name);
        return 0;
    }
    rc = make(ev, m, &t);
    if (rc == 0 && t.c != NULL)
        rc = histogram_add(ev->arena, t.h, t.c, &last);
    if (rc != 0) {
        promql__note_histogram(ev, m->at, PROMQL__MIXED_BUCKETS, name);
        return 0;
    }
    t.notes.reset_collision = hints_collide(m);
    promql__note_arithmetic(ev, m->at, t.notes, "aggregation");
    out->h = t.h;
    return 1;
}

int promql__mixed_sum(struct promql__ev *ev, const struct promql__mixed *m,
                      struct promql__value *out)
{
    return total(ev, m, sum, out);
}

int promql__mixed_avg(struct promql__ev *ev, const struct promql__mixed *m,
                      struct promql__value *out)
{
    return total(ev, m, mean, out);
}
