/*
 * arena.h - memory with the life of one request.
 *
 * Not thread-safe: one thread uses an arena at a time. Allocation never gives NULL (see mem.h).
 * Nothing is freed one by one; arena_reset() and arena_release() end the life of all of it, after
 * running the clean-ups that arena_defer() left, last first.
 */
#ifndef FERULA_BASE_ARENA_H
#define FERULA_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "ferula/base/str.h"

struct arena_block;
struct arena_defer;

struct arena {
    struct arena_block *blocks; /* owned; newest first */
    char *at, *end;             /* free part of the newest block */
    struct arena_defer *defers; /* in the arena itself */
    size_t used_bytes;          /* handed out since the last reset */
};

void arena_init(struct arena *a); /* all zero is also a good arena */
void arena_reset(struct arena *a);
void arena_release(struct arena *a);

void *arena_alloc(struct arena *a, size_t size, size_t align); /* zeroed */
void *arena_calloc(struct arena *a, size_t n, size_t size, size_t align);

/* Not zeroed, for bulk data that is written at once. */
void *arena_alloc_raw(struct arena *a, size_t size, size_t align);

/* Moves `old_n` elements into room for `new_n`; the old room stays until the reset. */
void *arena_regrow(struct arena *a, const void *old, size_t old_n, size_t new_n, size_t size,
                   size_t align);

#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define arena_array(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type), _Alignof(type)))

/*
 * Makes sure that the arena array `ptr` of `n` used and *cap allocated elements has room for one
 * more; the capacity doubles. Use: ARENA_GROW(a, v, n, cap, type); v[n++] = x;
 */
#define ARENA_GROW(a, ptr, n, cap, type)                                                           \
    do {                                                                                           \
        if ((n) == (cap)) {                                                                        \
            size_t grown_ = (cap) == 0 ? 8 : (cap)*2;                                              \
            (ptr) = (type *)arena_regrow((a), (ptr), (n), grown_, sizeof(type), _Alignof(type));   \
            (cap) = grown_;                                                                        \
        }                                                                                          \
    } while (0)

char *arena_strdup(struct arena *a, struct str s);   /* NUL-terminated copy */
struct str arena_str(struct arena *a, struct str s); /* copy; also NUL-terminated */
__attribute__((format(printf, 2, 3))) struct str arena_printf(struct arena *a, const char *fmt,
                                                              ...);

/* Runs fn(ctx) at the next reset or release: for what a foreign library allocated. */
void arena_defer(struct arena *a, void (*fn)(void *ctx), void *ctx);

#endif
