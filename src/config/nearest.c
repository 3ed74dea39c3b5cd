/*
 * nearest.c - "did you mean": the name that a mistyped word was probably meant to be.
 */
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/base/str.h"
#include "ferula/config.h"

const char *config_nearest(const char *word, const char *const *names, size_t n)
{
    size_t best = SIZE_MAX, len = strlen(word);
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = str_distance(str_of(word), str_of(names[i]));

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
