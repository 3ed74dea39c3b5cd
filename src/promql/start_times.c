/*
 * start_times.c - start timestamps: a counter that began after the sample before was reset in
 * between, whatever its value says, and one that began inside the window was zero then.
 */
#include "ferula/base/check.h"

#include "stream.h"

bool promql__starts_matter(const struct promql__ev *ev, enum promql_func func)
{
    return ev->q->use_start_timestamps && (func == PROMQL_FN_rate || func == PROMQL_FN_increase ||
                                           func == PROMQL_FN_irate || func == PROMQL_FN_resets);
}

bool promql__began_anew(struct promql__started before, struct promql__started now)
{
    if (now.start == 0 || now.start >= now.t || now.start < before.t)
        return false;
    if (now.start > before.t)
        return true;
    /*
     * It began at the sample before: a delta, unless that one's own start is not known (0, or its
     * own time) or cannot be (after it), as in counters whose beginning nobody saw.
     */
    return before.start != 0 && before.start < before.t;
}

ts_ms promql__begin_inside(const ts_ms *start, ts_ms first, const struct promql__window *w)
{
    return start != NULL && *start > w->from && *start < first ? *start : 0;
}

/* A sample's counter began before the sample before it, and not together with that one's. */
static bool overlap(struct promql__started before, ts_ms start)
{
    return start != 0 && start < before.t && start != before.start;
}

void promql__note_overlap(struct promql__ev *ev, const struct promql__mixed *m)
{
    bool found = false;

    for (size_t i = 1; i < m->n && m->s_start != NULL && !found; i++)
        found = overlap((struct promql__started){m->s[i - 1].t, m->s_start[i - 1]}, m->s_start[i]);
    for (size_t i = 1; i < m->nh && m->h_start != NULL && !found; i++)
        found = overlap((struct promql__started){m->h[i - 1].t, m->h_start[i - 1]}, m->h_start[i]);
    if (found)
        promql__warn_overlap(ev, m->at, labels_name(m->labels));
}

/* ---- floats ----------------------------------------------------------------------------- */

static struct promql__started started(const struct promql__mixed *m, size_t i)
{
    return (struct promql__started){m->s[i].t, m->s_start[i]};
}

/* The counter fell, or began anew. */
static bool is_reset(const struct promql__mixed *m, size_t i)
{
    return m->s[i].v < m->s[i - 1].v || promql__began_anew(started(m, i - 1), started(m, i));
}

/* rate() and increase(), from the counter's beginning when that lies in the window. */
static bool increase(struct promql__ev *ev, const struct promql__mixed *m, double *out)
{
    struct promql__change c = {
        .first_t = m->s[0].t,
        .last_t = m->s[m->n - 1].t,
        .n = m->n,
        .counter = true,
        .first = m->s[0].v,
        .begin = promql__begin_inside(m->s_start, m->s[0].t, m->w),
    };
    double factor;

    if (m->n < 2 && c.begin == 0)
        return false;
    promql__note_overlap(ev, m);
    *out = m->s[m->n - 1].v - m->s[0].v;
    for (size_t i = 1; i < m->n; i++)
        if (is_reset(m, i))
            *out += m->s[i - 1].v;
    if (c.begin != 0)
        *out += m->s[0].v;
    c.increase = *out;
    factor = promql__stretch(&c, m->w);
    if (m->func == PROMQL_FN_rate)
        factor /= (double)m->w->range / 1000;
    *out *= factor;
    return true;
}

static bool irate(const struct promql__mixed *m, double *out)
{
    const struct sample *last = &m->s[m->n - 1], *before = last - 1;

    if (m->n < 2 || last->t == before->t)
        return false;
    *out = is_reset(m, m->n - 1) ? last->v : last->v - before->v;
    *out /= (double)(last->t - before->t) / 1000;
    return true;
}

static bool resets(const struct promql__mixed *m, double *out)
{
    size_t n = 0;

    for (size_t i = 1; i < m->n; i++)
        n += is_reset(m, i);
    *out = (double)n;
    return true;
}

int promql__floats_of(struct promql__ev *ev, const struct promql__mixed *m,
                      struct promql__value *out)
{
    struct promql__mixed floats = *m;

    floats.nh = 0;
    if (m->s_start == NULL)
        return m->floats(m->s, m->n, m->w, &out->v);
    if (m->func == PROMQL_FN_irate)
        return irate(&floats, &out->v);
    return m->func == PROMQL_FN_resets ? resets(&floats, &out->v) : increase(ev, &floats, &out->v);
}

/* ---- start_timestamp() ------------------------------------------------------------------ */

/* The samples are looked for all the same, a step at a time: only the operand's are held. */
static int count_only(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *arg)
{
    const int64_t held = ev->held, peak = ev->peak, most = ev->max_samples;
    struct promql__stream st;
    int rc = promql__stream_vector(ev, g, arg, PROMQL__START, &st);

    for (size_t i = 0; rc == 0 && i < st.sel->n; i++) {
        struct promql__load load;

        ev->max_samples = INT64_MAX;
        rc = promql__stream_make(ev, &st, i, &load);
        ev->max_samples = most;
        ev->held = held;
        ev->peak = peak;
        promql__operand_series(ev->operands, g,
                               &(struct promql__series){.s = ev->out.v, .n = ev->out.n});
    }
    return rc;
}

/* Seconds; 0 when it is not known. There are none of what is no plain selector. */
int promql__fn_start_timestamp(struct promql__ev *ev, const struct promql__grid *g,
                               const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_expr *arg = promql__unparen(e->u.call.args[0]);
    int rc;

    if (arg->kind != PROMQL_E_VECTOR_SELECTOR) {
        rc = promql__eval(ev, g, arg, out);
        *out = (struct promql__matrix){0};
        return rc;
    }
    if (!ev->q->use_start_timestamps)
        return count_only(ev, g, arg);
    rc = promql__eval_times(ev, g, arg, PROMQL__START, out);
    for (size_t i = 0; rc == 0 && i < out->n; i++)
        promql__drop_name(ev, &out->v[i]);
    return rc != 0 ? rc : promql__matrix_settle(ev, g, out);
}
