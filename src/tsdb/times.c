/*
 * times.c - the timestamps of a sealed chunk.
 *
 *     u8    code of the integers (pack.c); the upper 3 bits are 0
 *     ...   the integers: milliseconds since the start of the slot
 */
#include "times.h"

#include <stdlib.h>

#include "pack.h"

#include "ferula/base/check.h"
#include "ferula/base/err.h"
#include "ferula/base/mem.h"

#define SMALL 512

void tsdb__times_encode(const struct sample *s, size_t n, ts_ms slot_start, struct buf *out)
{
    uint64_t small[SMALL], *x = n <= SMALL ? small : xmalloc(n * sizeof(*x));
    struct tsdb__plan plan;
    bool ascends = true;

    CHECK(n >= 1 && s[0].t >= slot_start && s[n - 1].t < slot_start + TSDB__SLOT_MS);
    for (size_t i = 0; i < n; i++) {
        x[i] = (uint64_t)s[i].t - (uint64_t)slot_start;
        ascends &= i == 0 || s[i].t > s[i - 1].t;
    }
    CHECK(ascends);
    tsdb__plan(x, n, &plan);
    buf_putc(out, (char)plan.code);
    tsdb__pack(&plan, x, n, out);
    if (x != small)
        free(x);
}

int tsdb__times_decode(const uint8_t *p, size_t len, ts_ms slot_start, struct sample *s, size_t n)
{
    struct tsdb__in in = tsdb__in_of(p, len);
    uint8_t code = tsdb__in_u8(&in);
    int64_t last = -1;
    bool good = true;

    if (n == 0 || code > TSDB__PACK_CODE_MASK ||
        tsdb__unpack(code, &in, (uint8_t *)&s->t, sizeof(*s), n) < 0)
        return FER_ECORRUPT;
    for (size_t i = 0; i < n; i++) {
        int64_t t = s[i].t;

        good &= t > last;
        last = t;
        s[i].t = (ts_ms)((uint64_t)slot_start + (uint64_t)t);
    }
    return good && last < TSDB__SLOT_MS ? 0 : FER_ECORRUPT;
}
