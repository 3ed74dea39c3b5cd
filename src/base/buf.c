/*
 * buf.c - the growable buffer, and text quoted as Go quotes it.
 */
#include "ferula/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "rune.h"

#define LEAST_BYTES 64

void buf_release(struct buf *b)
{
    free(b->p);
    memset(b, 0, sizeof(*b));
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    if (b->p != NULL)
        b->p[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t need, cap;

    CHECK(more < SIZE_MAX / 2 && b->n < SIZE_MAX / 2 - 1);
    need = b->n + more + 1;
    if (need <= b->cap)
        return;
    cap = b->cap == 0 ? LEAST_BYTES : b->cap * 2;
    cap = MAX(cap, need);
    b->p = xrealloc(b->p, cap, 1);
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    buf_reserve(b, n);
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_puts(struct buf *b, const char *cstr)
{
    buf_add(b, cstr, strlen(cstr));
}

void buf_putc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    buf_add(b, text + at, sizeof(text) - at);
}

void buf_add_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_putc(b, '-');
    buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    CHECK(n >= 0);
    buf_reserve(b, (size_t)n);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    va_end(again);
    b->n += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

/* One code point; `raw` are its bytes in the input. */
static void add_go_rune(struct buf *b, uint32_t rune, struct str raw)
{
    static const char named[] = "\a\b\f\n\r\t\v\\\"";
    static const char letters[] = "abfnrtv\\\"";
    const char *at = rune != 0 && rune < 0x80 ? strchr(named, (int)rune) : NULL;

    if (at != NULL) {
        buf_putc(b, '\\');
        buf_putc(b, letters[at - named]);
    } else if (base__rune_is_print(rune)) {
        buf_add_str(b, raw);
    } else if (rune < 0x80) {
        buf_addf(b, "\\x%02x", (unsigned)rune);
    } else if (rune < 0x10000) {
        buf_addf(b, "\\u%04x", (unsigned)rune);
    } else {
        buf_addf(b, "\\U%08x", (unsigned)rune);
    }
}

void buf_add_go_quoted(struct buf *b, struct str s)
{
    uint32_t rune;

    buf_reserve(b, s.n + 2);
    buf_putc(b, '"');
    while (s.n > 0) {
        size_t n = utf8_decode(s, &rune);

        if (n == 0) {
            buf_addf(b, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
            n = 1;
        } else {
            add_go_rune(b, rune, (struct str){s.p, n});
        }
        s = str_cut(s, n);
    }
    buf_putc(b, '"');
}

char *buf_take(struct buf *b)
{
    char *p = b->p == NULL ? xstrdup("") : b->p;

    memset(b, 0, sizeof(*b));
    return p;
}
