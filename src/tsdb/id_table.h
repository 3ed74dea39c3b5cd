/*
 * id_table.h - tables by id, with open addressing: arrays of structs that begin with their id,
 * which is 0 where a place is free. A table has a power of two of places, one of them free at
 * least.
 */
#ifndef TSDB_ID_TABLE_H
#define TSDB_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The place of `id` among `cap` structs of `size` bytes, or the free one where it belongs. */
static inline size_t tsdb__id_place(const void *table, size_t size, size_t cap, uint32_t id)
{
    size_t i = (id * 2654435761u) & (cap - 1);

    for (;; i = (i + 1) & (cap - 1)) {
        uint32_t at;

        memcpy(&at, (const char *)table + i * size, sizeof(at));
        if (at == 0 || at == id)
            return i;
    }
}

#endif
