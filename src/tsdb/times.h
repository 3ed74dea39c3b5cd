/*
 * times.h - the timestamps of a sealed chunk: ascending, all within one slot. No state, any thread.
 */
#ifndef TSDB_TIMES_H
#define TSDB_TIMES_H

#include <stddef.h>
#include <stdint.h>

#include "slot.h"

#include "ferula/base/buf.h"
#include "ferula/model/sample.h"

/* Appends s[0..n).t: n >= 1, strictly ascending in [slot_start, slot_start + TSDB__SLOT_MS). */
void tsdb__times_encode(const struct sample *s, size_t n, ts_ms slot_start, struct buf *out);

/*
 * Reads exactly n times into s[0..n).t, from exactly these bytes. FER_ECORRUPT when they hold
 * anything else than the times that the encoder takes.
 */
int tsdb__times_decode(const uint8_t *p, size_t len, ts_ms slot_start, struct sample *s, size_t n);

#endif
