/*
 * distance.c - how many slips of the keyboard lie between two texts.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/str.h"

/* Three rows of the distance table, for the prefixes of `a` of length i - 2, i - 1 and i. */
size_t str_distance(struct str a, struct str b)
{
    size_t width = b.n + 1;
    size_t *rows = xcalloc(3 * width, sizeof(*rows));
    size_t *before = rows, *last = rows + width, *now = rows + 2 * width, result;

    for (size_t j = 0; j <= b.n; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t changed = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);

            now[j] = MIN(changed, MIN(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = MIN(now[j], before[j - 2] + 1);
        }
        size_t *free_row = before;

        before = last;
        last = now;
        now = free_row;
    }
    result = last[b.n];
    free(rows);
    return result;
}
