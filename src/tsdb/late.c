/*
 * late.c - samples that arrived late, by series: a list through an array in the order of arrival.
 */
#include "late.h"

#include <stdlib.h>

#include "ferula/base/mem.h"

void tsdb__late_release(struct tsdb__late *l)
{
    free(l->v);
    free(l->map);
    *l = (struct tsdb__late){0};
}

/* The slot of `id`, or the free one where it belongs. */
static struct tsdb__late_slot *slot_of(const struct tsdb__late *l, uint32_t id)
{
    size_t i = (id * 2654435761u) & (l->cap_map - 1);

    while (l->map[i].id != 0 && l->map[i].id != id)
        i = (i + 1) & (l->cap_map - 1);
    return &l->map[i];
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
    s.next = slot->last;
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

size_t tsdb__late_copy(const struct tsdb__late *l, uint32_t id, struct source_range range,
                       struct arena *a, struct sample **out)
{
    size_t n = 0, at;

    *out = NULL;
    if (l->n == 0)
        return 0;
    for (uint32_t i = slot_of(l, id)->last; i != 0; i = l->v[i - 1].next)
        n += l->v[i - 1].t >= range.from && l->v[i - 1].t <= range.to;
    if (n == 0)
        return 0;
    *out = arena_array(a, struct sample, n);
    at = n;
    for (uint32_t i = slot_of(l, id)->last; i != 0; i = l->v[i - 1].next)
        if (l->v[i - 1].t >= range.from && l->v[i - 1].t <= range.to)
            (*out)[--at] = (struct sample){l->v[i - 1].t, f64_from_bits(l->v[i - 1].bits)};
    return n;
}

void tsdb__late_remove(struct tsdb__late *l,
                       bool (*gone)(const struct tsdb__late_sample *s, size_t i, void *ctx),
                       void *ctx)
{
    struct tsdb__late kept = {0};

    for (size_t i = 0; i < l->n; i++)
        if (!gone(&l->v[i], i, ctx))
            add(&kept, l->v[i]);
    tsdb__late_release(l);
    *l = kept;
}
