/*
 * message.h - protobuf messages written as text, for cases in tables.
 *
 *     1:{1:"name" 2:v300} 2:f1.5 =0aff     fields: submessage, bytes, varint, double; raw bytes
 *
 * Also w7 (fixed32), b7ff0000000000002 (fixed64, hex). A field's number is decimal.
 */
#ifndef TESTS_INGEST_MESSAGE_H
#define TESTS_INGEST_MESSAGE_H

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <snappy-c.h>

#include "ferula/base/buf.h"

static inline void message_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

static inline void message_fixed(struct buf *b, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        buf_putc(b, (char)(v >> (8 * i)));
}

static inline void message_bytes(struct buf *b, uint64_t field, const char *p, size_t n)
{
    message_varint(b, field << 3 | 2);
    message_varint(b, n);
    buf_add(b, p, n);
}

static inline const char *message_fields(struct buf *b, const char *s);

static inline const char *message_hex(struct buf *b, const char *s)
{
    for (; isxdigit((unsigned char)*s); s += 2)
        buf_putc(b, (char)strtoul((char[]){s[0], s[1], '\0'}, NULL, 16));
    return s;
}

static inline const char *message_field(struct buf *b, const char *s)
{
    char *end;
    uint64_t field = strtoull(s, &end, 10);
    char kind = end[1];
    struct buf sub = {0};
    double d;

    s = end + 2;
    if (kind == '{' || kind == '"') {
        if (kind == '{')
            s = message_fields(&sub, s);
        else
            for (; *s != '"'; s++)
                buf_putc(&sub, *s);
        message_bytes(b, field, buf_str(&sub).p, sub.n);
        buf_release(&sub);
        return s + 1;
    }
    message_varint(b, field << 3 | (kind == 'v' ? 0u : kind == 'w' ? 5u : 1u));
    if (kind == 'v') {
        message_varint(b, (uint64_t)strtoll(s, &end, 10));
    } else if (kind == 'f') {
        uint64_t bits;

        d = strtod(s, &end);
        memcpy(&bits, &d, sizeof(bits));
        message_fixed(b, bits, 8);
    } else {
        message_fixed(b, strtoull(s, &end, kind == 'b' ? 16 : 10), kind == 'b' ? 8 : 4);
    }
    return end;
}

static inline const char *message_fields(struct buf *b, const char *s)
{
    while (*s != '\0' && *s != '}') {
        if (*s == ' ')
            s++;
        else
            s = *s == '=' ? message_hex(b, s + 1) : message_field(b, s);
    }
    return s;
}

/* One snappy block of `message`; *out is emptied first. */
static inline void message_compress(struct buf *out, struct str message)
{
    size_t n = snappy_max_compressed_length(message.n);

    buf_reset(out);
    buf_reserve(out, n + 1);
    snappy_compress(message.p, message.n, out->p, &n);
    out->n = n;
}

#endif
