/*
 * aggregate.c - sum, avg, count...: groups are found once for all steps, then each group is worked
 * through series by series with an accumulator for every step. The values of a step meet in the
 * order of the series, as in Prometheus, so that rounding is the same. Groups with histograms go
 * another way, hist_aggregate.c.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"

#include "aggregate.h"
#include "gomath.h"
#include "stream.h"

static void first_mean(struct promql__acc *a, double v)
{
    kahan_mean_first(&a->m, v);
}

static void next_sum(struct promql__acc *a, double v)
{
    kahan_add(&a->m.k, v);
}

static void next_mean(struct promql__acc *a, double v)
{
    kahan_mean_add(&a->m, v);
}

static double result_sum(const struct promql__acc *a)
{
    return a->m.k.sum + a->m.k.c;
}

static double result_mean(const struct promql__acc *a)
{
    return kahan_mean_value(&a->m);
}

static void first_value(struct promql__acc *a, double v)
{
    a->v = v;
}

static void next_max(struct promql__acc *a, double v)
{
    if (a->v < v || isnan(a->v))
        a->v = v;
}

static void next_min(struct promql__acc *a, double v)
{
    if (a->v > v || isnan(a->v))
        a->v = v;
}

static double result_value(const struct promql__acc *a)
{
    return a->v;
}

static void first_one(struct promql__acc *a, double v)
{
    (void)v;
    a->v = 1;
}

static void next_count(struct promql__acc *a, double v)
{
    (void)v;
    a->v++;
}

static void next_nothing(struct promql__acc *a, double v)
{
    (void)a;
    (void)v;
}

/* Welford's method: `v` is the sum of squared distances to the mean. */
static void first_variance(struct promql__acc *a, double v)
{
    a->v = isnan(v) || isinf(v) ? go_nan() : 0;
    a->mean = v;
    a->m.n = 1;
}

static void next_variance(struct promql__acc *a, double v)
{
    double delta = v - a->mean;

    a->m.n++;
    a->mean += delta / a->m.n;
    a->v += delta * (v - a->mean);
}

static double result_stdvar(const struct promql__acc *a)
{
    return a->v / a->m.n;
}

static double result_stddev(const struct promql__acc *a)
{
    return sqrt(a->v / a->m.n);
}

static const struct promql__aggregator aggregators[N_PROMQL_AGGS] = {
    [PROMQL_AVG] = {first_mean,     next_mean,     result_mean,   HISTS_ADDED  },
    [PROMQL_COUNT] = {first_one,      next_count,    result_value,  HISTS_COUNTED},
    [PROMQL_GROUP] = {first_one,      next_nothing,  result_value,  HISTS_COUNTED},
    [PROMQL_MAX] = {first_value,    next_max,      result_value,  HISTS_IGNORED},
    [PROMQL_MIN] = {first_value,    next_min,      result_value,  HISTS_IGNORED},
    [PROMQL_STDDEV] = {first_variance, next_variance, result_stddev, HISTS_IGNORED},
    [PROMQL_STDVAR] = {first_variance, next_variance, result_stdvar, HISTS_IGNORED},
    [PROMQL_SUM] = {first_mean,     next_sum,      result_sum,    HISTS_ADDED  },
};

struct labels promql__group_labels(struct promql__ev *ev, const struct promql_aggregate *agg,
                                   struct labels ls)
{
    if (agg->without)
        return labels_without(ev->arena, labels_drop(ev->arena, ls, agg->grouping, agg->n_grouping),
                              STR(LABEL_NAME));
    return labels_keep(ev->arena, ls, agg->grouping, agg->n_grouping);
}

/* The groups being found. */
struct grouping {
    const struct promql_aggregate *agg;
    struct promql__index ix;
    size_t last; /* often the next series is of the same group as the one before */
};

static void grouping_begin(struct grouping *by, struct promql__ev *ev,
                           const struct promql_aggregate *agg, struct promql__groups *gr, size_t n)
{
    *by = (struct grouping){.agg = agg};
    promql__index_init(&by->ix, ev->arena);
    gr->of = arena_array(ev->arena, uint32_t, MAX(n, 1));
}

static uint32_t group_of(struct grouping *by, struct promql__ev *ev, struct labels ls)
{
    struct labels group = promql__group_labels(ev, by->agg, ls);

    if (by->ix.n == 0 || !labels_eq(by->ix.keys[by->last], group))
        by->last = promql__index_put(&by->ix, group);
    return (uint32_t)by->last;
}

static void grouping_end(const struct grouping *by, struct promql__ev *ev,
                         struct promql__groups *gr, size_t n)
{
    gr->n = by->ix.n;
    gr->labels = by->ix.keys;
    gr->members = arena_array(ev->arena, uint32_t, MAX(n, 1));
    gr->first = arena_array(ev->arena, size_t, gr->n + 2);
    for (size_t i = 0; i < n; i++)
        gr->first[gr->of[i] + 2]++;
    for (size_t i = 2; i < gr->n + 2; i++)
        gr->first[i] += gr->first[i - 1];
    /* first[k + 1] is where the next member of group k goes; in the end it is where k ends. */
    for (size_t i = 0; i < n; i++)
        gr->members[gr->first[gr->of[i] + 1]++] = (uint32_t)i;
}

void promql__group(struct promql__ev *ev, const struct promql_aggregate *agg,
                   struct promql__groups *gr)
{
    struct grouping by;

    grouping_begin(&by, ev, agg, gr, gr->in.n);
    for (size_t i = 0; i < gr->in.n; i++)
        gr->of[i] = group_of(&by, ev, gr->in.v[i].labels);
    grouping_end(&by, ev, gr, gr->in.n);
}

void promql__group_stream(struct promql__ev *ev, const struct promql_aggregate *agg,
                          const struct promql__stream *st, struct promql__groups *gr)
{
    struct grouping by;

    grouping_begin(&by, ev, agg, gr, st->sel->n);
    for (size_t i = 0; i < st->sel->n; i++)
        gr->of[i] = group_of(&by, ev, promql__stream_labels(ev, st, i));
    grouping_end(&by, ev, gr, st->sel->n);
}

/* The mark is that of the group's last step: whether any of its samples has it. */
static bool last_is_marked(const struct promql__groups *gr, size_t k, ts_ms last)
{
    for (size_t i = gr->first[k]; i < gr->first[k + 1]; i++) {
        const struct promql__series *s = &gr->in.v[gr->members[i]];

        if (s->drop_name && s->n > 0 && s->s[s->n - 1].t == last)
            return true;
    }
    return false;
}

/* `acc` and `seen` have an element for each step. */
static int aggregate_group(struct promql__ev *ev, const struct promql__grid *g,
                           const struct promql__aggregator *fn, const struct promql__groups *gr,
                           size_t k, struct promql__acc *acc, bool *seen)
{
    memset(seen, 0, g->n * sizeof(*seen));
    for (size_t i = gr->first[k]; i < gr->first[k + 1]; i++) {
        const struct promql__series *s = &gr->in.v[gr->members[i]];

        for (size_t j = 0; j < s->n; j++) {
            size_t step = promql__step_at(g, s->s[j].t);

            if (seen[step])
                fn->next(&acc[step], s->s[j].v);
            else
                fn->first(&acc[step], s->s[j].v);
            seen[step] = true;
        }
        int rc = promql__tick(ev, s->n);

        if (rc != 0)
            return rc;
    }
    promql__out_begin(ev);
    for (size_t i = 0; i < g->n; i++)
        if (seen[i])
            sample_vec_push(&ev->out, (struct sample){promql__time(g, i), fn->result(&acc[i])});
    return 0;
}

static bool has_hists(const struct promql__groups *gr, size_t k)
{
    for (size_t i = gr->first[k]; i < gr->first[k + 1]; i++)
        if (gr->in.v[gr->members[i]].nh > 0)
            return true;
    return false;
}

static int aggregate(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql__aggregator *fn, const struct promql_aggregate *agg,
                     const struct promql__groups *gr, struct promql__matrix *out)
{
    struct promql__acc *acc;
    bool *seen;

    if (gr->n == 0)
        return 0;
    acc = arena_alloc_raw(ev->arena, g->n * sizeof(*acc), _Alignof(struct promql__acc));
    seen = arena_alloc_raw(ev->arena, g->n * sizeof(*seen), _Alignof(bool));
    for (size_t k = 0; k < gr->n; k++) {
        bool marked = false, mixed = has_hists(gr, k);
        int rc = mixed ? promql__aggregate_mixed(ev, g, fn, agg, gr, k, &marked)
                       : aggregate_group(ev, g, fn, gr, k, acc, seen);

        if (rc != 0)
            return rc;
        if (!mixed && ev->out.n > 0 && ev->q->delayed_name_removal)
            marked = last_is_marked(gr, k, ev->out.v[ev->out.n - 1].t);
        promql__matrix_keep(ev, out, gr->labels[k], marked);
    }
    return 0;
}

/* PROMQL__HAS_HISTS: all series have to be there at once. */
static int aggregate_stream(struct promql__ev *ev, const struct promql__aggregator *fn,
                            const struct promql_aggregate *agg, const struct promql__stream *st,
                            struct promql__matrix *out)
{
    struct promql__groups gr = {0};

    if (!st->apart && !ev->q->delayed_name_removal) /* whether two are equal shows at the end */
        return PROMQL__HAS_HISTS;
    promql__group_stream(ev, agg, st, &gr);
    return promql__aggregate_waves(ev, &(struct promql__waves){st, fn, &gr}, out);
}

int promql__eval_aggregate(struct promql__ev *ev, const struct promql__grid *g,
                           const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_aggregate *agg = &e->u.aggregate;
    const struct promql__aggregator *fn = &aggregators[agg->op];
    struct promql__groups gr = {0};
    struct promql__stream st;
    int rc;

    if (agg->op == PROMQL_COUNT_VALUES)
        return promql__eval_count_values(ev, g, agg, out);
    if (fn->first == NULL)
        return promql__eval_ranking(ev, g, e, out);
    rc = promql__stream_open(ev, g, promql__unparen(agg->expr), &st);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        rc = aggregate_stream(ev, fn, agg, &st, out);
        if (rc != PROMQL__HAS_HISTS)
            return rc;
        rc = promql__stream_matrix(ev, &st, &gr.in);
    } else {
        rc = promql__eval(ev, g, promql__unparen(agg->expr), &gr.in);
    }
    if (rc != 0)
        return rc;
    promql__group(ev, agg, &gr);
    return aggregate(ev, g, fn, agg, &gr, out);
}
