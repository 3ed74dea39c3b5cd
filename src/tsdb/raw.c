/*
 * raw.c - from the hash of a series' unparsed label bytes to its id.
 *
 * An open-addressing table of 16-byte slots. The id is stored last, with release order, so that who
 * sees it sees the rest of the slot, which never changes after that but for the id. A table that is
 * outgrown is replaced, and freed once no lookup that may still use it is under way.
 */
#include "raw.h"

#include <sched.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* Spellings remembered beside four a series. */
#define SPARE 4096

struct slot {
    uint64_t a;
    uint32_t b;
    _Atomic uint32_t id; /* 0: free */
};

struct tsdb__raw_table {
    size_t mask;
    _Atomic uint32_t *near; /* behind the slots: where series `id & mask` was put, or another */
    struct slot slots[];
};

/* An agent sends its series in one order, and they got their ids in that order. */
#define AHEAD 8

static struct tsdb__raw_table *table_new(size_t cap)
{
    struct tsdb__raw_table *t =
        xcalloc(1, sizeof(*t) + cap * (sizeof(struct slot) + sizeof(*t->near)));

    t->mask = cap - 1;
    t->near = (_Atomic uint32_t *)(t->slots + cap);
    return t;
}

void tsdb__raw_init(struct tsdb__raw *raw)
{
    atomic_store(&raw->table, table_new(256));
}

void tsdb__raw_release(struct tsdb__raw *raw)
{
    free(atomic_load(&raw->table));
    atomic_store(&raw->table, NULL);
}

static unsigned my_stripe(void)
{
    static _Atomic unsigned next;
    static _Thread_local unsigned mine;

    if (mine == 0)
        mine = 1 + atomic_fetch_add(&next, 1) % TSDB__RAW_STRIPES;
    return mine - 1;
}

/* The slot of `hash`, or the free one where it belongs; *id is what was seen there. */
static const struct slot *probe(const struct tsdb__raw_table *t, struct hash128 hash, uint32_t *id)
{
    for (size_t i = hash.lo & t->mask;; i = (i + 1) & t->mask) {
        const struct slot *s = &t->slots[i];

        *id = atomic_load_explicit(&s->id, memory_order_acquire);
        if (*id == 0 || (s->a == hash.lo && s->b == (uint32_t)hash.hi))
            return s;
    }
}

const struct tsdb__raw_table *tsdb__raw_begin(struct tsdb__raw *raw)
{
    atomic_fetch_add(&raw->readers[my_stripe()].n, 1);
    return atomic_load(&raw->table);
}

void tsdb__raw_end(struct tsdb__raw *raw)
{
    atomic_fetch_sub(&raw->readers[my_stripe()].n, 1);
}

uint32_t tsdb__raw_find_in(const struct tsdb__raw_table *t, struct hash128 hash)
{
    uint32_t id, next;

    (void)probe(t, hash, &id);
    if (id != 0) {
        next = atomic_load_explicit(&t->near[(id + AHEAD) & t->mask], memory_order_relaxed);
        __builtin_prefetch(&t->slots[next]);
    }
    return id;
}

uint32_t tsdb__raw_find(struct tsdb__raw *raw, struct hash128 hash)
{
    uint32_t id = tsdb__raw_find_in(tsdb__raw_begin(raw), hash);

    tsdb__raw_end(raw);
    return id;
}

static void put(struct tsdb__raw_table *t, struct hash128 hash, uint32_t id)
{
    uint32_t was;
    size_t i = (size_t)(probe(t, hash, &was) - t->slots);
    struct slot *s = &t->slots[i];

    s->a = hash.lo;
    s->b = (uint32_t)hash.hi;
    atomic_store_explicit(&s->id, id, memory_order_release);
    atomic_store_explicit(&t->near[id & t->mask], (uint32_t)i, memory_order_relaxed);
}

/* Whoever counted itself in before the new table was stored may be in the old one; later ones not.
 */
static void replace(struct tsdb__raw *raw, struct tsdb__raw_table *fresh)
{
    struct tsdb__raw_table *old = atomic_exchange(&raw->table, fresh);

    for (unsigned i = 0; i < TSDB__RAW_STRIPES; i++)
        while (atomic_load(&raw->readers[i].n) != 0)
            sched_yield();
    free(old);
}

static void grow(struct tsdb__raw *raw)
{
    struct tsdb__raw_table *old = atomic_load(&raw->table);
    struct tsdb__raw_table *t = table_new((old->mask + 1) * 2);

    for (size_t i = 0; i <= old->mask; i++) {
        struct slot *s = &old->slots[i];
        uint32_t id = atomic_load(&s->id);

        if (id != 0)
            put(t, (struct hash128){.lo = s->a, .hi = s->b}, id);
    }
    replace(raw, t);
}

void tsdb__raw_add(struct tsdb__raw *raw, struct hash128 hash, uint32_t id, size_t n_series)
{
    struct tsdb__raw_table *t = atomic_load(&raw->table);
    uint32_t was;

    (void)probe(t, hash, &was);
    if (was != 0) {
        /* The series that it named may have gone, and come back under another id. */
        if (was != id)
            atomic_store_explicit(&t->slots[probe(t, hash, &was) - t->slots].id, id,
                                  memory_order_release);
        return;
    }
    if (raw->n >= 4 * n_series + SPARE) {
        replace(raw, table_new(256));
        raw->n = 0;
    } else if ((raw->n + 1) * 4 > (t->mask + 1) * 3) {
        grow(raw);
    }
    put(atomic_load(&raw->table), hash, id);
    raw->n++;
}
