/*
 * decode.c - what an I/O thread does with the body of a write: snappy, protobuf, looking up series.
 */
#include "micro.h"

#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/ingest.h"

#define N_PODS   20
#define N_SERIES 2000.0

struct decode_run {
    struct micro_store store;
    struct buf body;
    struct arena arena;
    char *plain; /* the message without snappy */
    size_t plain_n;
};

static void decode(void *ctx)
{
    const struct ingest_limits limits = INGEST_LIMITS_DEFAULT;
    struct decode_run *r = ctx;
    struct ingest_write *w;
    struct fault f = {0};

    CHECK(ingest_decode_v1(r->store.db, &r->arena, &limits, buf_str(&r->body), &w, &f) == 0);
    arena_reset(&r->arena);
}

static void uncompress(void *ctx)
{
    struct decode_run *r = ctx;
    size_t n = r->plain_n;

    CHECK(snappy_uncompress(r->body.p, r->body.n, r->plain, &n) == SNAPPY_OK);
}

static void print(const struct decode_run *r, const char *what, double ns)
{
    printf("%-32s %10.3f ms %10.1f ns/sample %8.0f MB/s\n", what, ns / 1e6, ns / N_SERIES,
           (double)r->plain_n / ns * 1e3);
}

void micro_decode(void)
{
    struct decode_run r = {0};

    micro_store_open(&r.store);
    micro_body(&r.body, 0, N_PODS, 0);
    CHECK(snappy_uncompressed_length(r.body.p, r.body.n, &r.plain_n) == SNAPPY_OK);
    r.plain = xmalloc(r.plain_n);
    printf("A remote-write body to a tsdb_write: 2,000 series, a sample each; %zu bytes, "
           "%zu compressed\n",
           r.plain_n, r.body.n);
    print(&r, "of that snappy", micro_median_ns(uncompress, &r));
    print(&r, "series that are new", micro_median_ns(decode, &r));
    micro_store_write(&r.store, &r.body);
    micro_body(&r.body, 0, N_PODS, 1);
    print(&r, "series that are known", micro_median_ns(decode, &r));
    micro_store_close(&r.store);
    buf_release(&r.body);
    arena_release(&r.arena);
    free(r.plain);
}
