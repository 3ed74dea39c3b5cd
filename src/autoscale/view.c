/*
 * view.c - see view.h. A selection of a view is the members' selections, merged by labels.
 */
#include "view.h"

#include "ferula/base/check.h"

struct member {
    const struct source_selection *sel;
    size_t i;
};

static struct view *view_from(struct source *src)
{
    return (struct view *)src;
}

static struct source_range seen(const struct view *v, struct source_range range)
{
    range.to = MIN(range.to, v->now);
    return range;
}

/* Merges the sorted series of `sel` into those of `out`. */
static void merge(struct arena *a, struct source_selection *out, const struct source_selection *sel)
{
    struct source_series *v = arena_array(a, struct source_series, out->n + sel->n);
    struct member *m = arena_array(a, struct member, sel->n);
    size_t n = 0, i = 0, j = 0;

    while (i < out->n || j < sel->n) {
        if (j == sel->n ||
            (i < out->n && labels_cmp(out->series[i].labels, sel->series[j].labels) <= 0)) {
            v[n++] = out->series[i++];
            continue;
        }
        m[j] = (struct member){sel, j};
        v[n++] = (struct source_series){sel->series[j].labels, &m[j]};
        j++;
    }
    out->series = v;
    out->n = n;
}

static int view_select(struct source *src, struct arena *a, const struct matcher *m,
                       size_t n_matchers, struct source_range range, struct source_selection **out,
                       struct fault *f)
{
    const struct view *v = view_from(src);
    struct source_selection *all = arena_new(a, struct source_selection), *sel;

    all->source = src;
    all->range = seen(v, range);
    if (all->range.from > all->range.to) {
        *out = all;
        return 0;
    }
    for (size_t i = 0; i < v->n_members; i++) {
        struct source *member = v->members[i];
        int rc = member->ops->select(member, a, m, n_matchers, all->range, &sel, f);

        if (rc < 0)
            return rc;
        merge(a, all, sel);
    }
    *out = all;
    return 0;
}

static bool in_gap(const struct view *v, ts_ms t)
{
    for (size_t i = 0; i < v->n_gaps; i++)
        if (t >= v->gaps[i].from && t < v->gaps[i].to)
            return true;
    return false;
}

static void drop_gaps(const struct view *v, struct series_samples *out, size_t f0, size_t h0)
{
    bool f_starts = out->f_start.n == out->f.n, h_starts = out->h_start.n == out->h.n;
    size_t n = f0;

    for (size_t i = f0; i < out->f.n; i++) {
        if (in_gap(v, out->f.v[i].t))
            continue;
        out->f.v[n] = out->f.v[i];
        if (f_starts)
            out->f_start.v[n] = out->f_start.v[i];
        n++;
    }
    out->f.n = n;
    if (f_starts)
        out->f_start.n = n;
    n = h0;
    for (size_t i = h0; i < out->h.n; i++) {
        if (in_gap(v, out->h.v[i].t))
            continue;
        out->h.v[n] = out->h.v[i];
        if (h_starts)
            out->h_start.v[n] = out->h_start.v[i];
        n++;
    }
    out->h.n = n;
    if (h_starts)
        out->h_start.n = n;
}

static int view_read(const struct source_selection *sel, size_t i, struct series_samples *out,
                     struct fault *f)
{
    const struct view *v = view_from(sel->source);
    const struct member *m = sel->series[i].data;
    size_t f0 = out->f.n, h0 = out->h.n;
    int rc = m->sel->source->ops->read(m->sel, m->i, out, f);

    if (rc == 0 && v->n_gaps > 0)
        drop_gaps(v, out, f0, h0);
    return rc;
}

/* PromQL asks no source for names; lists belong to the API of a server. */
static int no_names(struct source *src, struct arena *a, const struct matcher *m, size_t n_matchers,
                    struct source_range range, struct str **out, size_t *n, struct fault *f)
{
    (void)src, (void)a, (void)m, (void)n_matchers, (void)range, (void)out, (void)n;
    return fault_set(f, FER_EUNSUP, 0, "a simulated world lists no names");
}

static int no_values(struct source *src, struct arena *a, struct str name, const struct matcher *m,
                     size_t n_matchers, struct source_range range, struct str **out, size_t *n,
                     struct fault *f)
{
    (void)name;
    return no_names(src, a, m, n_matchers, range, out, n, f);
}

static const struct source_ops view_ops = {
    .select = view_select,
    .read = view_read,
    .label_names = no_names,
    .label_values = no_values,
};

void autoscale__view_init(struct view *v)
{
    *v = (struct view){.base = {&view_ops}};
}
