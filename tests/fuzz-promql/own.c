/*
 * own.c - what ferula answers.
 */
#include <stdlib.h>

#include "ferula/base/pool.h"

#include "fuzz.h"

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str *sorted(struct arena *a, const struct str *v, size_t n)
{
    struct str *copy = arena_array(a, struct str, n);

    for (size_t i = 0; i < n; i++)
        copy[i] = v[i];
    if (n > 1)
        qsort(copy, n, sizeof(*copy), by_text);
    return copy;
}

/* Floats and histograms in one list, by time. */
static struct series take(struct arena *a, const struct promql_series *s)
{
    struct series out = {s->labels, arena_array(a, struct point, s->n + s->n_hists), 0};
    size_t i = 0, k = 0;

    while (i < s->n || k < s->n_hists) {
        struct point *p = &out.points[out.n++];

        if (k == s->n_hists || (i < s->n && s->samples[i].t <= s->hists[k].t)) {
            p->t = s->samples[i].t;
            p->v = s->samples[i++].v;
        } else {
            p->t = s->hists[k].t;
            p->h = s->hists[k++].h;
        }
    }
    return out;
}

static void take_result(struct arena *a, const struct promql_result *r, struct answer *out)
{
    out->type = r->type;
    out->string = r->type == PROMQL_STRING ? r->string : (struct str){0};
    out->n_series = r->type == PROMQL_SCALAR ? 1 : r->n_series;
    out->series = arena_array(a, struct series, out->n_series);
    if (r->type == PROMQL_SCALAR)
        out->series[0] = take(a, &(struct promql_series){.samples = &r->scalar, .n = 1});
    for (size_t i = 0; i < r->n_series; i++)
        out->series[i] = take(a, &r->series[i]);
    out->warnings = sorted(a, r->warnings, r->n_warnings);
    out->n_warnings = r->n_warnings;
    out->infos = sorted(a, r->infos, r->n_infos);
    out->n_infos = r->n_infos;
    out->stats = r->stats;
}

void own_answer(struct arena *a, struct mem_source *ms, const struct data_set *d,
                const struct test_case *c, struct answer *out)
{
    struct promql_query q = {
        .text = c->text,
        .start = c->start,
        .end = c->step == 0 ? c->start : c->end,
        .step = c->step,
        .lookback = d->lookback,
        .default_subquery_step = d->subquery_step,
        .max_samples = d->max_samples,
        .delayed_name_removal = d->delayed_name_removal,
        .use_start_timestamps = d->start_timestamps,
        .per_step_stats = true,
        .features = PROMQL_FEATURES_ALL,
    };
    static struct pool *helpers;
    struct promql_result r;
    struct fault f = {0};
    int rc = promql_parse(a, q.text, &q.features, &q.expr, &f);

    *out = (struct answer){0};
    if (d->number % 2 == 1) { /* the result must be the same with threads that help */
        if (helpers == NULL)
            helpers = pool_new("helper", 1, 8);
        q.helpers = helpers;
        q.n_helpers = q.help_from = 1;
    }
    if (rc == 0)
        rc = promql_eval(mem_source_base(ms), a, &q, &r, &f);
    if (rc == 0)
        take_result(a, &r, out);
    else
        out->error = arena_str(a, str_of(f.text));
}
