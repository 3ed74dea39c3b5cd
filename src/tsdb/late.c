/*
 * late.c - samples that arrived late, by series: a list through an array in the order of arrival.
 */
#include "late.h"

#include <stdlib.h>

#include "id_table.h"
#include "tombs.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

void tsdb__late_release(struct tsdb__late *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->v[i].is_rich)
            free(l->v[i].rich);
    free(l->v);
    free(l->map);
    *l = (struct tsdb__late){0};
}

/* The slot of `id`, or the free one where it belongs. */
static struct tsdb__late_slot *slot_of(const struct tsdb__late *l, uint32_t id)
{
    return &l->map[tsdb__id_place(l->map, sizeof(*l->map), l->cap_map, id)];
}

static void map_reserve(struct tsdb__late *l)
{
    struct tsdb__late old = *l;

    if ((l->n_map + 1) * 2 <= l->cap_map)
        return;
    l->cap_map = old.cap_map == 0 ? 64 : old.cap_map * 2;
    l->map = xcalloc(l->cap_map, sizeof(*l->map));
    for (size_t i = 0; i < old.cap_map; i++)
        if (old.map[i].id != 0)
            *slot_of(l, old.map[i].id) = old.map[i];
    free(old.map);
}

static void add(struct tsdb__late *l, struct tsdb__late_sample s)
{
    struct tsdb__late_slot *slot;

    map_reserve(l);
    slot = slot_of(l, s.id);
    if (l->n == l->cap) {
        l->cap = l->cap == 0 ? 64 : l->cap * 2;
        l->v = xrealloc(l->v, l->cap, sizeof(*l->v));
    }
    l->n_map += slot->id == 0;
    CHECK(l->n < INT32_MAX);
    s.next = slot->last & INT32_MAX;
    l->v[l->n++] = s;
    *slot = (struct tsdb__late_slot){s.id, (uint32_t)l->n};
}

void tsdb__late_add(struct tsdb__late *l, uint32_t id, struct sample s)
{
    add(l, (struct tsdb__late_sample){.id = id, .t = s.t, .bits = f64_bits(s.v)});
}

bool tsdb__late_has(const struct tsdb__late *l, uint32_t id)
{
    return l->n > 0 && slot_of(l, id)->last != 0;
}

void tsdb__late_add_rich(struct tsdb__late *l, uint32_t id, ts_ms t, struct str full)
{
    struct tsdb__late_rich *rich = xmalloc(sizeof(*rich) + full.n);

    rich->n = (uint32_t)full.n;
    memcpy(rich->bytes, full.p, full.n);
    add(l, (struct tsdb__late_sample){.id = id, .is_rich = 1, .t = t, .rich = rich});
}

static bool lies_in(const struct tsdb__late_sample *s, struct source_range range)
{
    return s->t >= range.from && s->t <= range.to;
}

struct tsdb__late_copy tsdb__late_copy(const struct tsdb__late *l, uint32_t id,
                                       struct source_range range, struct arena *a)
{
    struct tsdb__late_copy c = {0};
    bool any_rich = false;
    size_t at;

    if (l->n == 0)
        return c;
    for (uint32_t i = slot_of(l, id)->last; i != 0; i = l->v[i - 1].next) {
        c.n += lies_in(&l->v[i - 1], range);
        any_rich = any_rich || l->v[i - 1].is_rich;
    }
    if (c.n == 0)
        return c;
    c.v = arena_array(a, struct sample, c.n);
    c.rich = any_rich ? arena_array(a, struct str, c.n) : NULL;
    at = c.n;
    for (uint32_t i = slot_of(l, id)->last; i != 0; i = l->v[i - 1].next) {
        const struct tsdb__late_sample *s = &l->v[i - 1];

        if (!lies_in(s, range))
            continue;
        c.v[--at] = (struct sample){s->t, s->is_rich ? 0 : f64_from_bits(s->bits)};
        if (s->is_rich)
            c.rich[at] = arena_str(a, (struct str){(const char *)s->rich->bytes, s->rich->n});
    }
    return c;
}

static int take_rich(ts_ms t, const void *p, size_t n, struct tsdb__mixed *out)
{
    struct tsdb__in in = tsdb__in_of(p, n);
    struct tsdb__rich r = {.t = t};
    int rc = tsdb__rich_get(&in, out->arena, &r);

    tsdb__mixed_enrich(out);
    tsdb__rich_vec_push(&out->r, r);
    return rc;
}

static void take_float(struct sample s, struct tsdb__mixed *out)
{
    if (out->rich)
        tsdb__rich_vec_push(&out->r, (struct tsdb__rich){.t = s.t, .v = s.v});
    else
        sample_vec_push(&out->f, s);
}

int tsdb__late_take(const struct tsdb__late_copy *c, struct tsdb__mixed *out)
{
    int rc = 0;

    for (size_t i = 0; i < c->n && rc == 0; i++) {
        if (c->rich != NULL && c->rich[i].n > 0)
            rc = take_rich(c->v[i].t, c->rich[i].p, c->rich[i].n, out);
        else
            take_float(c->v[i], out);
    }
    return rc;
}

int tsdb__late_get(const struct tsdb__late_sample *s, struct tsdb__mixed *out)
{
    if (s->is_rich)
        return take_rich(s->t, s->rich->bytes, s->rich->n, out);
    take_float((struct sample){s->t, f64_from_bits(s->bits)}, out);
    return 0;
}

void tsdb__late_remove(struct tsdb__late *l,
                       bool (*gone)(const struct tsdb__late_sample *s, size_t i, void *ctx),
                       void *ctx)
{
    struct tsdb__late kept = {0};

    for (size_t i = 0; i < l->n; i++) {
        bool goes = gone(&l->v[i], i, ctx);

        if (!goes)
            add(&kept, l->v[i]);
        else if (l->v[i].is_rich)
            free(l->v[i].rich);
    }
    l->n = 0; /* what was rich has gone or is in `kept` */
    tsdb__late_release(l);
    *l = kept;
}

struct deleting {
    const uint32_t *ids;
    size_t n;
    struct source_range range;
};

static bool is_deleted(const struct tsdb__late_sample *s, size_t i, void *ctx)
{
    const struct deleting *d = ctx;

    (void)i;
    return lies_in(s, d->range) && tsdb__ids_have(d->ids, d->n, s->id);
}

void tsdb__late_delete(struct tsdb__late *l, const uint32_t *ids, size_t n,
                       struct source_range range)
{
    struct deleting d = {ids, n, range};

    if (l->n > 0)
        tsdb__late_remove(l, is_deleted, &d);
}
