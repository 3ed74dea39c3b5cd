/*
 * wire.c - the slower half of wire.h: long varints, skipping, errors.
 */
#include "wire.h"

#define VARINT_BYTES_MAX   10
#define VARINT32_BYTES_MAX 5
#define FIELD_NUMBER_MAX   ((1u << 29) - 1)

int ingest__wire_fail(const struct wire *w, const char *what)
{
    size_t at = (size_t)(w->p - w->base);

    return fault_set(w->fault, FER_EINVAL, at, "proto: %s at byte %zu", what, at);
}

int ingest__wire_varint_long(struct wire *w, uint64_t *out)
{
    uint64_t v = 0;

    for (int i = 0; i < VARINT_BYTES_MAX; i++) {
        uint64_t byte;

        if (w->p + i >= w->end)
            return ingest__wire_fail(w, "unexpected EOF");
        byte = w->p[i];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            break;
        v |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            w->p += i + 1;
            *out = v;
            return 0;
        }
    }
    return ingest__wire_fail(w, "integer overflow");
}

static int varint32(struct wire *w, const char *overflow, uint32_t *out)
{
    const uint8_t *at = w->p;
    uint64_t v;
    int rc = wire_varint(w, &v);

    if (rc < 0)
        return rc;
    if (w->p - at > VARINT32_BYTES_MAX || v > UINT32_MAX) {
        w->p = at;
        return ingest__wire_fail(w, overflow);
    }
    *out = (uint32_t)v;
    return 0;
}

int ingest__wire_tag_long(struct wire *w, struct wire_tag *tag)
{
    uint32_t v;
    int rc;

    tag->at = w->p;
    rc = varint32(w, "illegal tag", &v);
    if (rc < 0)
        return rc;
    tag->number = v >> 3;
    tag->type = v & 7;
    if (tag->number == 0 || tag->number > FIELD_NUMBER_MAX) {
        w->p = tag->at;
        return ingest__wire_fail(w, "illegal tag");
    }
    return 0;
}

int ingest__wire_wrong_type(const struct wire *w, const struct wire_tag *tag, const char *field)
{
    size_t at = (size_t)(tag->at - w->base);

    return fault_set(w->fault, FER_EINVAL, at,
                     "proto: wrong wireType = %u for field %s at byte %zu", tag->type, field, at);
}

int ingest__wire_bytes_long(struct wire *w, struct wire *body)
{
    uint32_t n;
    int rc = varint32(w, "invalid length", &n);

    if (rc < 0)
        return rc;
    if (n > (size_t)(w->end - w->p))
        return ingest__wire_fail(w, "unexpected EOF");
    *body = *w;
    body->end = w->p + n;
    w->p += n;
    return 0;
}

static int skip_fixed(struct wire *w, size_t n)
{
    if ((size_t)(w->end - w->p) < n)
        return ingest__wire_fail(w, "unexpected EOF");
    w->p += n;
    return 0;
}

int ingest__wire_skip(struct wire *w, const struct wire_tag *tag)
{
    struct wire body;
    uint64_t v;

    switch (tag->type) {
    case WIRE_VARINT:
        return wire_varint(w, &v);
    case WIRE_FIXED64:
        return skip_fixed(w, 8);
    case WIRE_BYTES:
        return wire_bytes(w, &body);
    case WIRE_FIXED32:
        return skip_fixed(w, 4);
    default:
        w->p = tag->at;
        return ingest__wire_fail(w, "illegal wireType");
    }
}

int ingest__wire_next(struct wire *w, uint32_t number, const char *name, struct wire *body)
{
    while (!wire_done(w)) {
        struct wire_tag tag;
        int rc = wire_tag(w, &tag);

        if (rc < 0)
            return rc;
        if (tag.number == number && tag.type != WIRE_BYTES)
            return ingest__wire_wrong_type(w, &tag, name);
        rc = tag.number == number ? wire_bytes(w, body) : ingest__wire_skip(w, &tag);
        if (rc < 0)
            return rc;
        if (tag.number == number)
            return 1;
    }
    return 0;
}
