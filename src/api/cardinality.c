/*
 * cardinality.c - counts series by metric, label and pair: sorts all pairs, then counts runs.
 */
#include "cardinality.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/model/labels.h"
#include "ferula/model/matcher.h"

#define NEWEST_MS 3600000

struct pairs {
    struct label *v;
    size_t n;
};

static int by_pair(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    int by_name = str_cmp(x->name, y->name);

    return by_name != 0 ? by_name : str_cmp(x->value, y->value);
}

static int by_count(const void *a, const void *b)
{
    const struct api__count *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return str_cmp(x->name, y->name);
}

static void collect_pairs(struct arena *a, const struct source_selection *sel, struct pairs *out)
{
    size_t n = 0;

    for (size_t i = 0; i < sel->n; i++)
        n += sel->series[i].labels.n;
    out->v = arena_array(a, struct label, n);
    out->n = 0;
    for (size_t i = 0; i < sel->n; i++)
        for (size_t k = 0; k < sel->series[i].labels.n; k++)
            out->v[out->n++] = sel->series[i].labels.v[k];
    if (n > 0)
        qsort(out->v, n, sizeof(out->v[0]), by_pair);
}

static void add_count(struct api__counts *counts, struct str name, uint64_t n)
{
    counts->v[counts->n++] = (struct api__count){name, n};
}

static void keep_largest(struct api__counts *counts, size_t limit)
{
    if (counts->n > 0)
        qsort(counts->v, counts->n, sizeof(counts->v[0]), by_count);
    counts->n = MIN(counts->n, limit);
}

/* `v` are the pairs of one label name, sorted by value. */
static void count_label(struct arena *a, const struct label *v, size_t n,
                        struct api__cardinality *out)
{
    uint64_t values = 0, bytes = 0;

    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && str_eq(v[end].value, v[i].value);)
            end++;
        values++;
        bytes += v[i].value.n * (end - i);
        if (str_is(v[i].name, LABEL_NAME))
            add_count(&out->series_by_metric, v[i].value, end - i);
        add_count(&out->series_by_pair,
                  arena_printf(a, STR_FMT "=" STR_FMT, STR_ARG(v[i].name), STR_ARG(v[i].value)),
                  end - i);
    }
    out->n_pairs += values;
    add_count(&out->values_by_label, v[0].name, values);
    add_count(&out->bytes_by_label, v[0].name, bytes);
}

int api__cardinality_read(struct source *src, struct arena *a, const struct tsdb_stats *stats,
                          size_t limit, struct api__cardinality *out, struct fault *f)
{
    struct source_selection *sel;
    struct pairs pairs;
    struct matcher any;
    int rc;

    *out = (struct api__cardinality){0};
    if (stats->max_time < stats->min_time) /* empty */
        return 0;
    rc = matcher_init(&any, a, MATCH_NE, STR(LABEL_NAME), STR(""), f);
    if (rc == 0)
        rc = src->ops->select(src, a, &any, 1,
                              (struct source_range){stats->max_time - NEWEST_MS, stats->max_time},
                              &sel, f);
    if (rc < 0)
        return rc;
    collect_pairs(a, sel, &pairs);

    struct api__counts *const lists[] = {&out->series_by_metric, &out->values_by_label,
                                         &out->bytes_by_label, &out->series_by_pair};

    for (size_t i = 0; i < COUNT(lists); i++)
        lists[i]->v = arena_array(a, struct api__count, pairs.n);
    for (size_t i = 0, end; i < pairs.n; i = end) {
        for (end = i + 1; end < pairs.n && str_eq(pairs.v[end].name, pairs.v[i].name);)
            end++;
        count_label(a, &pairs.v[i], end - i, out);
    }
    for (size_t i = 0; i < COUNT(lists); i++)
        keep_largest(lists[i], limit);
    return 0;
}
