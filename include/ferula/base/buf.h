/*
 * buf.h - a growable byte buffer on the heap.
 *
 * All zero is an empty buffer. What is in it is always followed by a NUL that n does not count,
 * once anything was added. Not thread-safe.
 */
#ifndef FERULA_BASE_BUF_H
#define FERULA_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ferula/base/str.h"

struct buf {
    char *p; /* owned */
    size_t n, cap;
};

void buf_release(struct buf *b);
void buf_reset(struct buf *b); /* empty, memory kept */
void buf_reserve(struct buf *b, size_t more);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *cstr);
void buf_putc(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v); /* decimal */
void buf_add_i64(struct buf *b, int64_t v);
__attribute__((format(printf, 2, 3))) void buf_addf(struct buf *b, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void buf_vaddf(struct buf *b, const char *fmt, va_list ap);

/* Go's strconv.Quote: "..." with \a \b \f \n \r \t \v \\ \" \xhh \uhhhh \Uhhhhhhhh. */
void buf_add_go_quoted(struct buf *b, struct str s);

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p == NULL ? "" : b->p, b->n};
}

/* Gives the heap text away (NUL-terminated, to be freed with free()); the buffer is empty then. */
char *buf_take(struct buf *b);

#endif
