/*
 * shared.c - each query once more with threads that help: results, errors and annotations have to
 * be the same to the bit. They take part from the first series on, one series at a time.
 */
#include "ferula/base/check.h"
#include "ferula/base/pool.h"
#include "ferula/model/histogram.h"

#include "runner.h"

#define HELPERS 3

static struct pool *helpers; /* from the first query on */

void check_shared_end(void)
{
    pool_free(helpers);
    helpers = NULL;
}

static bool same_series(const struct promql_series *x, const struct promql_series *y)
{
    if (!labels_eq(x->labels, y->labels) || x->n != y->n || x->n_hists != y->n_hists)
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (x->samples[i].t != y->samples[i].t || !same_bits(x->samples[i].v, y->samples[i].v))
            return false;
    for (size_t i = 0; i < x->n_hists; i++)
        if (x->hists[i].t != y->hists[i].t || x->hists[i].h->hint != y->hists[i].h->hint ||
            !histogram_equal(x->hists[i].h, y->hists[i].h))
            return false;
    return true;
}

/* The same texts, in any order. */
static bool same_texts(const struct str *x, size_t n, const struct str *y, size_t n_y)
{
    for (size_t i = 0; n == n_y && i < n; i++) {
        size_t k = 0;

        while (k < n && !str_eq(x[i], y[k]))
            k++;
        if (k == n)
            return false;
    }
    return n == n_y;
}

static bool same_result(const struct promql_result *x, const struct promql_result *y)
{
    if (x->type != y->type || x->n_series != y->n_series || !same_bits(x->scalar.v, y->scalar.v) ||
        x->stats.total_samples != y->stats.total_samples ||
        x->stats.samples_read != y->stats.samples_read ||
        x->stats.peak_samples != y->stats.peak_samples)
        return false;
    for (size_t i = 0; i < x->n_series; i++)
        if (!same_series(&x->series[i], &y->series[i]))
            return false;
    return same_texts(x->warnings, x->n_warnings, y->warnings, y->n_warnings) &&
           same_texts(x->infos, x->n_infos, y->infos, y->n_infos);
}

void check_shared(struct arena *a, struct source *src, const struct promql_query *q,
                  struct run *run)
{
    struct promql_query shared = *q;
    struct promql_result result;
    struct fault f = {0};
    int rc;

    if (helpers == NULL)
        helpers = pool_new("helper", HELPERS, 64);
    shared.helpers = helpers;
    shared.n_helpers = HELPERS;
    shared.help_from = 1;
    rc = promql_eval(src, a, &shared, &result, &f);
    if (rc == run->rc &&
        (rc == 0 ? same_result(&run->result, &result) : strcmp(f.text, run->fault.text) == 0))
        return;
    run->rc = fault_set(&run->fault, FER_EINVAL, 0,
                        "on several threads the result is another: %d %s", rc, f.text);
}
