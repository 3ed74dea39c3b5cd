/*
 * bombs.h - small requests that could grow: their memory is bounded.
 */
#ifndef TESTS_INGEST_BOMBS_H
#define TESTS_INGEST_BOMBS_H

#include "cases.h"
#include "message.h"

#include "ferula/ingest.h"

struct bomb {
    const char *what;
    const char *open; /* messages around the pieces, as "1:{2:{" (see message.h) */
    const char *piece;
    int rc;
};

typedef int bomb_decode_fn(struct arena *a, struct str message);

/* Nested messages are written from the inside. */
static inline void bomb_add(struct buf *out, const char *open, struct str pieces)
{
    const char *s = open + strspn(open, " ");
    const char *colon = s + strspn(s, "0123456789");
    struct buf sub = {0};

    if (*s == '\0') {
        buf_add_str(out, pieces);
    } else if (colon[0] == ':' && colon[1] == '{') {
        bomb_add(&sub, colon + 2, pieces);
        message_bytes(out, strtoull(s, NULL, 10), buf_str(&sub).p, sub.n);
    } else {
        s = message_field(out, s);
        bomb_add(out, s, pieces);
    }
    buf_release(&sub);
}

/* The pieces come to `n_bytes`; decoding them may use less than `most`. */
static inline void check_bombs(const struct bomb *v, size_t n, size_t n_bytes, size_t most,
                               bomb_decode_fn *decode)
{
    for (size_t i = 0; i < n; i++) {
        struct buf piece = {0}, many = {0}, message = {0};
        struct arena a = {0};
        int rc;

        message_fields(&piece, v[i].piece);
        while (many.n < n_bytes)
            buf_add(&many, piece.p, piece.n);
        bomb_add(&message, v[i].open, buf_str(&many));
        rc = decode(&a, buf_str(&message));
        if (rc != v[i].rc || a.used_bytes >= most)
            fail_msg("%s: code %d, %zu bytes", v[i].what, rc, a.used_bytes);
        arena_release(&a);
        buf_release(&piece);
        buf_release(&many);
        buf_release(&message);
    }
}

#endif
