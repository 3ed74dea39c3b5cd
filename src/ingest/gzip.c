/*
 * gzip.c - a body in gzip, whose size is bounded while it grows.
 */
#include <stdlib.h>
#include <zlib.h>

#include "decode.h"

#define GZIP_WINDOW  (15 + 16) /* the largest window; gzip's frame */
#define FIRST_FACTOR 4         /* texts shrink to a quarter at least */
#define PIECE_MAX    (1u << 30)

static unsigned piece(size_t n)
{
    return n < PIECE_MAX ? (unsigned)n : PIECE_MAX;
}

/* One step of inflate() into room that is there; members may follow each other. */
static int step(z_stream *z, struct str *rest, struct buf *out, struct fault *f)
{
    size_t room = out->cap - out->n - 1;
    int rc;

    z->next_in = (z_const Bytef *)(uintptr_t)rest->p;
    z->avail_in = piece(rest->n);
    z->next_out = (Bytef *)out->p + out->n;
    z->avail_out = piece(room);
    rc = inflate(z, Z_NO_FLUSH);
    out->n = (size_t)((char *)z->next_out - out->p);
    *rest = str_cut(*rest, (size_t)((const char *)z->next_in - rest->p));
    if (rc == Z_STREAM_END)
        return rest->n == 0 ? 1 : inflateReset(z) == Z_OK ? 0 : FER_EINVAL;
    if (rc == Z_DATA_ERROR)
        return fault_set(f, FER_EINVAL, 0, "gzip: %s", z->msg == NULL ? "invalid data" : z->msg);
    if (rc == Z_BUF_ERROR || (rc == Z_OK && rest->n == 0 && z->avail_out > 0))
        return fault_set(f, FER_EINVAL, 0, "unexpected EOF");
    return rc == Z_OK ? 0 : fault_set(f, FER_EINVAL, 0, "gzip: cannot be read (%d)", rc);
}

int ingest__gzip_decode(struct arena *a, size_t max_bytes, struct str body, struct str *out,
                        struct fault *f)
{
    struct buf b = {0};
    z_stream z = {0};
    int rc = 0;

    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return fault_set(f, FER_EINVAL, 0, "gzip: no memory");
    while (rc == 0) {
        if (b.cap - b.n < 2)
            buf_reserve(&b, b.cap == 0 ? FIRST_FACTOR * body.n + 2 : b.cap);
        rc = step(&z, &body, &b, f);
        if (rc >= 0 && b.n > max_bytes)
            rc = fault_set(f, FER_ELIMIT, 0, "decoded size exceeds the %zu bytes limit", max_bytes);
    }
    (void)inflateEnd(&z);
    if (rc > 0) {
        *out = buf_str(&b);
        arena_defer(a, free, buf_take(&b));
    }
    buf_release(&b);
    return rc > 0 ? 0 : rc;
}
