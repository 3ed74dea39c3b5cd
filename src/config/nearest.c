/*
 * nearest.c - "did you mean": the name that a mistyped word was probably meant to be.
 *
 * The distance counts letters inserted, left out, changed, or swapped with their neighbour.
 */
#include <stdlib.h>
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/config.h"

/* Three rows of the distance table, for the prefixes of `a` of length i - 2, i - 1 and i. */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), width = nb + 1;
    size_t *rows = xcalloc(3 * width, sizeof(*rows));
    size_t *before = rows, *last = rows + width, *now = rows + 2 * width, result;

    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t changed = last[j - 1] + (a[i - 1] != b[j - 1]);

            now[j] = MIN(changed, MIN(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = MIN(now[j], before[j - 2] + 1);
        }
        size_t *free_row = before;

        before = last;
        last = now;
        now = free_row;
    }
    result = last[nb];
    free(rows);
    return result;
}

const char *config_nearest(const char *word, const char *const *names, size_t n)
{
    size_t best = SIZE_MAX, len = strlen(word);
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);

        /* `listen-address` is part of `web.listen-address`: near, however long the rest is. */
        if (len >= 4 && strstr(names[i], word) != NULL)
            d = MIN(d, 3);
        if (d < best) {
            best = d;
            found = names[i];
        }
    }
    return best <= MAX(len / 2, (size_t)1) ? found : NULL;
}
