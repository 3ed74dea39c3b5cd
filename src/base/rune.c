/*
 * rune.c - printable code points, by binary search in a table of runs.
 */
#include "rune.h"

#include <stddef.h>

#include "ferula/base/check.h"

static const struct {
    uint32_t first, last;
} runs[] = {
#include "rune_print.tbl.h"
};

bool base__rune_is_print(uint32_t rune)
{
    size_t lo = 0, hi = COUNT(runs);

    if (rune < 0x80)
        return rune >= 0x20 && rune < 0x7f;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (rune > runs[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < COUNT(runs) && rune >= runs[lo].first;
}
