/*
 * samples.c - what a query counts as Prometheus does: samples that its steps look at, samples that
 * they are the first to look at, and samples held at once, which the limit is about.
 *
 * Prometheus works through most operators step by step, with the elements of a step beside operands
 * and results; that is accounted for here, from whole matrices, once an operator is done.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#include "eval.h"

/* ---- looked at and read ----------------------------------------------------------------- */

static uint64_t *steps_or_null(size_t n)
{
    return n > 0 ? xcalloc(n, sizeof(uint64_t)) : NULL;
}

void promql__counts_init(struct promql__counts *c, size_t seen_steps, size_t read_steps)
{
    *c = (struct promql__counts){
        .seen_at = steps_or_null(seen_steps),
        .read_at = steps_or_null(read_steps),
        .n_steps = MAX(seen_steps, read_steps),
    };
}

void promql__counts_release(struct promql__counts *c)
{
    free(c->seen_at);
    free(c->read_at);
    *c = (struct promql__counts){0};
}

void promql__counts_like(struct promql__counts *c, const struct promql__counts *model)
{
    promql__counts_init(c, model->seen_at == NULL ? 0 : model->n_steps,
                        model->read_at == NULL ? 0 : model->n_steps);
}

static void add_steps(uint64_t *to, const uint64_t *from, size_t n)
{
    for (size_t i = 0; to != NULL && i < n; i++)
        to[i] += from[i];
}

void promql__counts_merge(struct promql__counts *into, const struct promql__counts *c)
{
    into->seen += c->seen;
    into->read += c->read;
    add_steps(into->seen_at, c->seen_at, into->n_steps);
    add_steps(into->read_at, c->read_at, into->n_steps);
}

size_t promql__made(const struct promql__ev *ev)
{
    size_t n = ev->out.n;

    for (size_t i = 0; i < ev->hout.n; i++)
        n += promql__weight(ev->hout.v[i].h);
    return n;
}

void promql__count_made(struct promql__ev *ev, const struct promql__grid *g)
{
    struct promql__counts *c = &ev->counts;
    size_t n;

    if (c->seen_at == NULL && c->read_at == NULL) {
        n = promql__made(ev);
        promql__count(c, 0, n, n);
        return;
    }
    for (size_t i = 0; i < ev->out.n; i++)
        promql__count(c, promql__step_at(g, ev->out.v[i].t), 1, 1);
    for (size_t i = 0; i < ev->hout.n; i++) {
        n = promql__weight(ev->hout.v[i].h);
        promql__count(c, promql__step_at(g, ev->hout.v[i].t), n, n);
    }
}

void promql__count_once(struct promql__counts *c, const struct promql__counts *of, size_t n_steps)
{
    promql__count(c, 0, of->seen, of->read);
    c->seen += of->seen * (n_steps - 1);
    for (size_t i = 1; c->seen_at != NULL && i < n_steps; i++)
        c->seen_at[i] += of->seen;
}

/* ---- subqueries ------------------------------------------------------------------------- */

bool promql__use_splits(const struct promql__use *u)
{
    return u->outer->n > 1 && (u->by_step || u->pinned || u->range < u->outer->step);
}

/* The step of the query around it that is the first to see what the subquery has at `t`. */
static size_t first_user(const struct promql__grid *g, ts_ms t)
{
    size_t step = 0;

    if (t > g->start)
        step = (size_t)((t - g->start + g->step - 1) / g->step);
    return MIN(step, g->n - 1);
}

void promql__count_subquery(struct promql__counts *c, const struct promql__use *u,
                            const struct promql__grid *inner, const struct promql__counts *of)
{
    if (of->read_at == NULL) {
        promql__count(c, 0, 0, of->read);
        return;
    }
    for (size_t i = 0; i < inner->n; i++) {
        ts_ms t = promql__time(inner, i) + u->offset;
        size_t step = first_user(u->outer, t);

        /* Between two windows nobody sees it. */
        if (u->range > 0 && t <= promql__time(u->outer, step) - u->range)
            continue;
        promql__count(c, step, 0, of->read_at[i]);
    }
}

/* ---- windows ---------------------------------------------------------------------------- */

void promql__sight_move(struct promql__sight *v, const struct promql__range_series *rs, ts_ms after,
                        ts_ms last)
{
    v->new_from = v->hi;
    v->new_weight = 0;
    while (v->hi < rs->n && rs->s[v->hi].t <= last)
        v->hi++;
    while (v->lo < v->hi && rs->s[v->lo].t <= after)
        v->lo++;
    while (v->hhi < rs->nh && rs->h[v->hhi].t <= last) {
        size_t weight = promql__weight(rs->h[v->hhi].h);

        v->weight += weight;
        if (rs->h[v->hhi++].t > after)
            v->new_weight += weight;
    }
    while (v->hlo < v->hhi && rs->h[v->hlo].t <= after)
        v->weight -= promql__weight(rs->h[v->hlo++].h);
}

void promql__sight_count(struct promql__counts *c, struct promql__sight *v, size_t step, bool reads)
{
    size_t seen = promql__sight_size(v), read = 0;

    if (reads)
        read = v->hi - MAX(v->lo, v->new_from) + v->new_weight;
    v->most = MAX(v->most, seen);
    promql__count(c, step, seen, read);
}

struct promql__load promql__load_of(const struct promql__sight *v, size_t made)
{
    size_t last = promql__sight_size(v) + made;

    return (struct promql__load){(int64_t)made, (int64_t)MAX(v->most, last)};
}

/* ---- held at once ----------------------------------------------------------------------- */

int promql__hold_load(struct promql__ev *ev, const struct promql__load *l)
{
    ev->peak = MAX(ev->peak, ev->held + l->most);
    if (ev->held + l->most > ev->max_samples)
        return promql__too_many(ev);
    ev->held += l->kept;
    return 0;
}

/* By how much a number changes from step to step: `n` more in the steps from `a` to `b`. */
static void add_run(int64_t *change, size_t a, size_t b, int64_t n)
{
    change[a] += n;
    change[b + 1] -= n;
}

/* Floats are often without gaps. */
static void add_floats(int64_t *change, const struct promql__grid *g, const struct sample *s,
                       size_t n)
{
    size_t first, last;

    if (n == 0)
        return;
    first = promql__step_at(g, s[0].t);
    last = promql__step_at(g, s[n - 1].t);
    if (last - first + 1 == n) {
        add_run(change, first, last, 1);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t step = promql__step_at(g, s[i].t);

        add_run(change, step, step, 1);
    }
}

void promql__operand_series(struct promql__operands *ops, const struct promql__grid *g,
                            const struct promql__series *s)
{
    if (s->n + s->nh == g->n) {
        ops->n++;
        return;
    }
    if (ops->change == NULL)
        ops->change = xcalloc(g->n + 1, sizeof(*ops->change));
    add_floats(ops->change, g, s->s, s->n);
    for (size_t k = 0; k < s->nh; k++) {
        size_t step = promql__step_at(g, s->h[k].t);

        add_run(ops->change, step, step, 1);
    }
}

void promql__operand(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql__matrix *m)
{
    struct promql__operands *ops = ev->operands;

    if (ops == NULL)
        return;
    ops->held = ev->held;
    for (size_t i = 0; i < m->n; i++)
        promql__operand_series(ops, g, &m->v[i]);
}

bool promql__steps_fit(const struct promql__ev *ev)
{
    const struct promql__operands *ops = ev->operands;
    int64_t first = ops->change == NULL ? 0 : ops->change[0];

    return ops->failed || ops->held + (int64_t)ops->n + first <= ev->max_samples;
}

static bool has_hists(const struct promql__matrix *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].nh > 0)
            return true;
    return false;
}

/* The results of all steps up to one stay beside the elements of that one. */
static int64_t most_in_a_step(const struct promql__grid *g, const struct promql__operands *ops,
                              const struct promql__matrix *out)
{
    int64_t *change = xcalloc(g->n + 1, sizeof(*change));
    int64_t elements = 0, results = 0, total = 0, most = 0;

    for (size_t i = 0; i < out->n; i++) {
        const struct promql__series *s = &out->v[i];

        add_floats(change, g, s->s, s->n);
        for (size_t k = 0; k < s->nh; k++) {
            size_t step = promql__step_at(g, s->h[k].t);

            /* In a vector a histogram counts for more than in a matrix. */
            add_run(change, step, step, 1 + (int64_t)(histogram_size(s->h[k].h) / 16));
        }
    }
    for (size_t i = 0; i < g->n; i++) {
        elements += ops->change == NULL ? 0 : ops->change[i];
        results += change[i];
        total += results;
        most = MAX(most, total + elements);
    }
    free(change);
    return most + (int64_t)ops->n;
}

int promql__hold_steps(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql__matrix *out)
{
    const struct promql__operands *ops = ev->operands;
    struct promql__load load = {.most = (int64_t)(ops->n + promql__matrix_samples(out))};

    if (ops->change != NULL || has_hists(out))
        load.most = most_in_a_step(g, ops, out);
    ev->held = ops->held;
    return promql__hold_load(ev, &load);
}
