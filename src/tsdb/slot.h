/*
 * slot.h - slots: the half hours into which the samples of the store are sealed.
 *
 * Sealing goes through the slots in order, and through the series of a slot by id. How far it has
 * come is a mark: what lies at or before it is in T_CHUNKS, what lies after it in the heads.
 */
#ifndef TSDB_SLOT_H
#define TSDB_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/base/clock.h"

#define TSDB__SLOT_MS (INT64_C(30) * 60 * 1000)

/* The times that have a slot: some 122,000 years to both sides of 1970. */
#define TSDB__TIME_MIN (INT64_C(-2147483647) * TSDB__SLOT_MS)
#define TSDB__TIME_MAX (INT64_C(2147483647) * TSDB__SLOT_MS - 1)

/* `t` has a slot. */
static inline int32_t tsdb__slot_of(ts_ms t)
{
    int64_t slot = t / TSDB__SLOT_MS;

    return (int32_t)(slot - (t % TSDB__SLOT_MS < 0));
}

static inline ts_ms tsdb__slot_start(int32_t slot)
{
    return slot * TSDB__SLOT_MS;
}

static inline ts_ms tsdb__slot_end(int32_t slot)
{
    return (slot + INT64_C(1)) * TSDB__SLOT_MS;
}

static inline bool tsdb__in_slot(int32_t slot, ts_ms t)
{
    return (uint64_t)(t - tsdb__slot_start(slot)) < (uint64_t)TSDB__SLOT_MS;
}

struct tsdb__mark {
    int32_t slot;
    uint32_t id; /* UINT32_MAX: the whole slot */
};

#define TSDB__MARK_NONE ((struct tsdb__mark){INT32_MIN, UINT32_MAX})

static inline bool tsdb__is_sealed(struct tsdb__mark m, int32_t slot, uint32_t id)
{
    return slot < m.slot || (slot == m.slot && id <= m.id);
}

#endif
