/*
 * arena.c - a list of blocks that are cut from the front.
 *
 * Blocks double from 4 KiB to 1 MiB, so that small requests stay small and large ones make few
 * calls of malloc. What is larger than a quarter of the next block gets a block of its own, behind
 * the newest one, whose free part stays in use.
 *
 * A few of the largest blocks are kept for the next arena that wants one: the kernel takes longer
 * to hand out fresh pages, and to zero them, than a query takes to fill them.
 */
#include "ferula/base/arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define FIRST_BLOCK_BYTES ((size_t)4 << 10)
#define LAST_BLOCK_BYTES  ((size_t)1 << 20)
#define KEEP_BYTES        ((size_t)64 << 10) /* a larger block is not kept by a reset */

/* Blocks of LAST_BLOCK_BYTES kept by the process; a sanitizer is to see uses after the release. */
#if defined(__SANITIZE_ADDRESS__)
#define SPARE_BLOCKS 0
#else
#define SPARE_BLOCKS 16
#endif

struct arena_block {
    struct arena_block *next; /* owned */
    size_t size_bytes;        /* of data */
    _Alignas(max_align_t) char data[];
};

struct arena_defer {
    struct arena_defer *next;
    void (*fn)(void *ctx);
    void *ctx; /* borrowed */
};

void arena_init(struct arena *a)
{
    memset(a, 0, sizeof(*a));
}

static void run_defers(struct arena *a)
{
    while (a->defers != NULL) {
        struct arena_defer *d = a->defers;

        a->defers = d->next;
        d->fn(d->ctx);
    }
}

static struct {
    pthread_mutex_t lock;
    struct arena_block *blocks;
    int n; /* not size_t, of which none is below SPARE_BLOCKS 0 */
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct arena_block *take_spare(void)
{
    struct arena_block *b;

    pthread_mutex_lock(&spare.lock);
    b = spare.blocks;
    if (b != NULL) {
        spare.blocks = b->next;
        spare.n--;
    }
    pthread_mutex_unlock(&spare.lock);
    return b;
}

static bool keep_spare(struct arena_block *b)
{
    bool keep;

    pthread_mutex_lock(&spare.lock);
    keep = spare.n + 1 <= SPARE_BLOCKS;
    if (keep) {
        b->next = spare.blocks;
        spare.blocks = b;
        spare.n++;
    }
    pthread_mutex_unlock(&spare.lock);
    return keep;
}

static void free_blocks(struct arena_block *b)
{
    while (b != NULL) {
        struct arena_block *next = b->next;

        if (b->size_bytes != LAST_BLOCK_BYTES || !keep_spare(b))
            free(b);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = NULL;

    run_defers(a);
    if (a->blocks != NULL && a->blocks->size_bytes <= KEEP_BYTES) {
        keep = a->blocks;
        free_blocks(keep->next);
        keep->next = NULL;
    } else {
        free_blocks(a->blocks);
    }
    arena_init(a);
    if (keep != NULL) {
        a->blocks = keep;
        a->at = keep->data;
        a->end = keep->data + keep->size_bytes;
    }
}

void arena_release(struct arena *a)
{
    run_defers(a);
    free_blocks(a->blocks);
    arena_init(a);
}

static struct arena_block *new_block(size_t size_bytes)
{
    struct arena_block *b;

    CHECK(size_bytes <= SIZE_MAX - sizeof(*b));
    if (size_bytes > LAST_BLOCK_BYTES / 4 && size_bytes < LAST_BLOCK_BYTES)
        size_bytes = LAST_BLOCK_BYTES;
    b = size_bytes == LAST_BLOCK_BYTES ? take_spare() : NULL;
    if (b == NULL)
        b = xmalloc(sizeof(*b) + size_bytes);
    b->next = NULL;
    b->size_bytes = size_bytes;
    return b;
}

static char *align_up(char *p, size_t align)
{
    return p + (-(uintptr_t)p & (align - 1));
}

static size_t next_block_bytes(const struct arena *a)
{
    size_t size;

    if (a->blocks == NULL)
        return FIRST_BLOCK_BYTES;
    size = MAX(a->blocks->size_bytes, FIRST_BLOCK_BYTES / 2) * 2;
    return MIN(size, LAST_BLOCK_BYTES);
}

/* Slow path: there is no room in the newest block. */
static char *alloc_from_new_block(struct arena *a, size_t size, size_t align)
{
    size_t next_bytes = next_block_bytes(a);
    struct arena_block *b;
    char *p;

    CHECK(size <= SIZE_MAX - align);
    if (size + align > next_bytes / 4 && a->blocks != NULL) {
        b = new_block(size + align);
        b->next = a->blocks->next;
        a->blocks->next = b;
        return align_up(b->data, align);
    }
    b = new_block(MAX(next_bytes, size + align));
    b->next = a->blocks;
    a->blocks = b;
    p = align_up(b->data, align);
    a->at = p + size;
    a->end = b->data + b->size_bytes;
    return p;
}

void *arena_alloc_raw(struct arena *a, size_t size, size_t align)
{
    CHECK(align != 0 && (align & (align - 1)) == 0);
    a->used_bytes += size;
    if (a->at != NULL) {
        char *p = align_up(a->at, align);

        if (p <= a->end && size <= (size_t)(a->end - p)) {
            a->at = p + size;
            return p;
        }
    }
    return alloc_from_new_block(a, size, align);
}

void *arena_alloc(struct arena *a, size_t size, size_t align)
{
    return memset(arena_alloc_raw(a, size, align), 0, size);
}

void *arena_calloc(struct arena *a, size_t n, size_t size, size_t align)
{
    size_t bytes;

    CHECK(!__builtin_mul_overflow(n, size, &bytes));
    return arena_alloc(a, bytes, align);
}

void *arena_regrow(struct arena *a, const void *old, size_t old_n, size_t new_n, size_t size,
                   size_t align)
{
    size_t old_bytes, bytes;
    char *p;

    CHECK(old_n <= new_n);
    CHECK(!__builtin_mul_overflow(new_n, size, &bytes));
    old_bytes = old_n * size;
    p = arena_alloc_raw(a, bytes, align);
    if (old_bytes > 0)
        memcpy(p, old, old_bytes);
    memset(p + old_bytes, 0, bytes - old_bytes);
    return p;
}

char *arena_strdup(struct arena *a, struct str s)
{
    char *p = arena_alloc_raw(a, s.n + 1, 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){arena_strdup(a, s), s.n};
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    char *p;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    p = arena_alloc_raw(a, (size_t)n + 1, 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (struct str){p, (size_t)n};
}

void arena_defer(struct arena *a, void (*fn)(void *ctx), void *ctx)
{
    struct arena_defer *d = arena_new(a, struct arena_defer);

    d->fn = fn;
    d->ctx = ctx;
    d->next = a->defers;
    a->defers = d;
}
