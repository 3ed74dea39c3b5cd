/*
 * brief.c - a table of hashes and durations, one word each: who races for a slot only forgets.
 */
#include "brief.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

/* Low bits of a slot: up to 4 seconds. */
#define TOOK_BITS 32
#define TOOK_MOST UINT32_MAX

static _Atomic uint64_t *slot_of(struct api__brief *b, struct str query, uint64_t *tag)
{
    uint64_t hash = hash_keyed64(query.p, query.n);

    *tag = hash >> TOOK_BITS << TOOK_BITS;
    return &b->slots[hash % API_BRIEF_KEPT];
}

bool api__brief_expect(struct api__brief *b, struct str query)
{
    uint64_t tag, slot = atomic_load_explicit(slot_of(b, query, &tag), memory_order_relaxed);
    uint64_t took_ns = slot & TOOK_MOST;

    return slot - took_ns == tag && took_ns != 0 && took_ns <= API_BRIEF_EXPECTED_NS;
}

/*
 * The mean of this time and what was expected: a slow one counts for several fast ones, so a query
 * whose times jump stays with the workers, and one that was merely interrupted comes back soon.
 */
void api__brief_note(struct api__brief *b, struct str query, int64_t took_ns)
{
    uint64_t tag, slot, took = took_ns < 1 ? 1 : (uint64_t)took_ns;
    _Atomic uint64_t *at = slot_of(b, query, &tag);

    took = MIN(took, (uint64_t)TOOK_MOST);
    slot = atomic_load_explicit(at, memory_order_relaxed);
    if (slot >> TOOK_BITS << TOOK_BITS == tag && (slot & TOOK_MOST) != 0)
        took = MAX((took + (slot & TOOK_MOST)) / 2, (uint64_t)1);
    atomic_store_explicit(at, tag | took, memory_order_relaxed);
}
