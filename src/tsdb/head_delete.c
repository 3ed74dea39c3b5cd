/*
 * head_delete.c - taking samples out of memory. The chunks of a series are decoded, and what is
 * left of them is appended again; when nothing is left they are only dropped. The newest sample of
 * the series stays known: what comes next is judged by it.
 */
#include "head.h"

/* Whether a chunk of either kind may have samples in the range; *all: there are no others. */
static bool overlaps(const struct tsdb__chunk *c, struct source_range range, ts_ms newest,
                     bool *all)
{
    bool any = false;

    for (; c != NULL; c = c->next) {
        ts_ms last = c->next == NULL ? newest : tsdb__slot_end(c->slot) - 1;

        any = any || (c->min_t <= range.to && last >= range.from);
        *all = *all && c->min_t >= range.from && last <= range.to;
    }
    return any;
}

static int decode(const struct tsdb__chunk *c, struct tsdb__mixed *out)
{
    const struct source_range all = {INT64_MIN, INT64_MAX};
    int rc = 0;

    for (; c != NULL && rc == 0; c = c->next)
        rc = tsdb__chunk_add(c, all, out);
    return rc;
}

static void append_all(struct tsdb__head *h, uint32_t id, const struct tsdb__mixed *m)
{
    struct tsdb__series *series = tsdb__head_series(h, id);

    for (size_t i = 0; i < m->f.n && !m->rich; i++)
        tsdb__head_append(h, series, m->f.v[i]);
    for (size_t i = 0; i < m->r.n && m->rich; i++) {
        const struct tsdb__rich *r = &m->r.v[i];

        if (r->h == NULL && r->start == 0)
            tsdb__head_append(h, series, (struct sample){r->t, r->v});
        else
            tsdb__head_append_rich(h, id, r,
                                   (struct tsdb__rich_bits){r->h != NULL, f64_bits(r->v)});
    }
}

/* The newest stays what it was; unless it is the last one appended, it is in no chunk. */
static void restore_newest(struct tsdb__series *series, const struct tsdb__series *was, bool any)
{
    if (!any || series->x.t != was->x.t) {
        series->x = (struct tsdb__xor){.t = was->x.t};
        series->x.apart = 1;
    }
    series->x.bits = was->x.bits;
    series->x.is_hist = was->x.is_hist;
    series->has_newest = was->has_newest;
    series->x.gone = was->x.gone;
}

int tsdb__head_delete(struct tsdb__head *h, uint32_t id, struct source_range range)
{
    struct tsdb__series *series = tsdb__head_series(h, id), was = *series;
    struct tsdb__mixed m = {.arena = &h->rich_arena};
    const struct source_range everything = {INT64_MIN, INT64_MAX};
    struct tsdb__chunk *floats, *rich;
    bool all = true, any;
    int rc = 0;

    if (was.has_newest && was.x.t >= range.from && was.x.t <= range.to)
        series->x.gone = was.x.gone = 1;
    if (!tsdb__head_has_chunk(h, id))
        return 0;
    arena_reset(&h->rich_arena);
    floats = tsdb__head_copy(h, id, everything, &h->rich_arena);
    rich = tsdb__head_copy_rich(h, id, everything, &h->rich_arena);
    any = overlaps(floats, range, was.x.t, &all);
    any = overlaps(rich, range, was.x.t, &all) || any;
    if (!any)
        return 0;
    if (!all)
        rc = decode(floats, &m);
    if (rc == 0 && !all)
        rc = decode(rich, &m);
    if (rc == 0) {
        tsdb__mixed_sort(&m);
        tsdb__mixed_cut(&m, range);
        tsdb__head_drop(h, series, INT32_MAX);
        tsdb__head_drop_rich(h, id, INT32_MAX);
        series->x.apart = 1;
        append_all(h, id, &m);
        restore_newest(series, &was, tsdb__mixed_count(&m) > 0);
    }
    tsdb__mixed_release(&m);
    return rc;
}
