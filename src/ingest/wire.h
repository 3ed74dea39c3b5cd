/*
 * wire.h - reading protobuf's wire format: (pointer, end), no allocation.
 *
 * Every function returns 0, or FER_EINVAL with the reason and the byte in w->fault; nothing is ever
 * read past w->end. Stricter than most decoders where no sender needs them lax: a tag or a length
 * takes at most 5 bytes, a varint that does not fit 64 bits is an error, groups are refused.
 */
#ifndef INGEST_WIRE_H
#define INGEST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ferula/base/err.h"
#include "ferula/base/str.h"

#define WIRE_VARINT  0u
#define WIRE_FIXED64 1u
#define WIRE_BYTES   2u
#define WIRE_FIXED32 5u

struct wire {
    const uint8_t *p, *end;
    const uint8_t *base; /* of the whole message, for positions in errors */
    struct fault *fault; /* borrowed */
};

static inline struct wire wire_of(struct str message, struct fault *f)
{
    const uint8_t *p = (const uint8_t *)message.p;

    return (struct wire){p, p + message.n, p, f};
}

/* One field's head. */
struct wire_tag {
    uint32_t number, type;
    const uint8_t *at; /* where the tag began */
};

int ingest__wire_fail(const struct wire *w, const char *what);
int ingest__wire_varint_long(struct wire *w, uint64_t *out);
int ingest__wire_tag_long(struct wire *w, struct wire_tag *tag);
int ingest__wire_wrong_type(const struct wire *w, const struct wire_tag *tag, const char *field);
int ingest__wire_skip(struct wire *w, const struct wire_tag *tag);
int ingest__wire_bytes_long(struct wire *w, struct wire *body);

/*
 * Steps to the next field `number` of a message, which has a length; what lies between is skipped.
 * 1: its body; 0: there is none; or negative. `name` is for an error of its type.
 */
int ingest__wire_next(struct wire *w, uint32_t number, const char *name, struct wire *body);

static inline bool wire_done(const struct wire *w)
{
    return w->p == w->end;
}

static inline int wire_varint(struct wire *w, uint64_t *out)
{
    if (w->p < w->end && *w->p < 0x80) {
        *out = *w->p++;
        return 0;
    }
    return ingest__wire_varint_long(w, out);
}

static inline int wire_tag(struct wire *w, struct wire_tag *tag)
{
    if (w->p < w->end && *w->p >= 8 && *w->p < 0x80) {
        tag->at = w->p;
        tag->number = *w->p >> 3;
        tag->type = *w->p++ & 7;
        return 0;
    }
    return ingest__wire_tag_long(w, tag);
}

/* The body of a length-prefixed field; w is behind it then. */
static inline int wire_bytes(struct wire *w, struct wire *body)
{
    size_t left = (size_t)(w->end - w->p);

    if (left > 0 && *w->p < 0x80 && *w->p < left) {
        *body = *w;
        body->p = w->p + 1;
        body->end = w->p = body->p + *w->p;
        return 0;
    }
    return ingest__wire_bytes_long(w, body);
}

static inline int wire_f64(struct wire *w, double *out)
{
    uint64_t bits = 0;

    if (w->end - w->p < 8)
        return ingest__wire_fail(w, "unexpected EOF");
    for (int i = 0; i < 8; i++) /* one load on little-endian machines */
        bits |= (uint64_t)w->p[i] << (8 * i);
    memcpy(out, &bits, sizeof(*out));
    w->p += 8;
    return 0;
}

static inline struct str wire_str(const struct wire *body)
{
    return (struct str){(const char *)body->p, (size_t)(body->end - body->p)};
}

#endif
