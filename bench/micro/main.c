/*
 * main.c - runs the measurements, and what they share.
 */
#include "micro.h"

#include <dirent.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../load/mix.h"
#include "ferula/base/check.h"
#include "ferula/ingest.h"

#define LEAST_RUNS 5
#define MOST_RUNS  10000
#define LEAST_NS   333333333
#define START      INT64_C(1700000000000)
#define SEED       1

static int by_size(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;

    return a < b ? -1 : a > b;
}

double micro_median_ns(void (*fn)(void *ctx), void *ctx)
{
    static int64_t spans[MOST_RUNS];
    int64_t begin = clock_mono_ns(clock_system()), now = begin;
    size_t n = 0;

    while (n < MOST_RUNS && (n < LEAST_RUNS || now - begin < LEAST_NS)) {
        int64_t before = now;

        fn(ctx);
        now = clock_mono_ns(clock_system());
        spans[n++] = now - before;
    }
    qsort(spans, n, sizeof(spans[0]), by_size);
    return (double)spans[n / 2];
}

/* ---- stores and bodies ------------------------------------------------------------------ */

void micro_store_open(struct micro_store *ms)
{
    struct tsdb_opts opts = {.dir = ms->dir, .no_sync = 1};
    struct fault f = {0};

    (void)snprintf(ms->dir, sizeof(ms->dir), "/tmp/ferula-micro-XXXXXX");
    if (mkdtemp(ms->dir) == NULL || tsdb_open(&ms->db, &opts, &f) < 0) {
        fprintf(stderr, "bench-micro: %s: %s\n", ms->dir, f.text);
        exit(1);
    }
}

/* A store's folder has no folders in it. */
void micro_store_close(struct micro_store *ms)
{
    DIR *dir = opendir(ms->dir);
    const struct dirent *entry;

    tsdb_close(ms->db);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir != NULL)
        closedir(dir);
    if (rmdir(ms->dir) < 0)
        fprintf(stderr, "bench-micro: %s is left over\n", ms->dir);
}

ts_ms micro_time(uint32_t round)
{
    return START + (ts_ms)round * 15000;
}

void micro_body(struct buf *body, uint32_t first, uint32_t n_pods, uint32_t round)
{
    struct buf message = {0};
    size_t n;

    for (uint32_t i = first; i < first + n_pods; i++) {
        struct mix_pod pod;

        mix_pod_init(&pod, SEED, i, 0);
        for (unsigned row = 0; row < MIX_POD_SERIES; row++)
            mix_add_series(&message, &pod, row, micro_time(round), mix_next(&pod, row, round));
    }
    n = snappy_max_compressed_length(message.n);
    buf_reset(body);
    buf_reserve(body, n + 1);
    CHECK(snappy_compress(message.p, message.n, body->p, &n) == SNAPPY_OK);
    body->n = n;
    buf_release(&message);
}

void micro_store_write(struct micro_store *ms, const struct buf *body)
{
    const struct ingest_limits limits = INGEST_LIMITS_DEFAULT;
    struct arena a = {0};
    struct ingest_write *w;
    struct fault f = {0};

    CHECK(ingest_decode_v1(ms->db, &a, &limits, buf_str(body), &w, &f) == 0);
    CHECK(tsdb_write_sync(ms->db, &w->write) == 0);
    CHECK(w->write.n_verdicts[TSDB_STORED] == w->write.n_samples);
    arena_release(&a);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } all[] = {
        {"decode", micro_decode},
        {"codec",  micro_codec },
        {"head",   micro_head  },
        {"select", micro_select},
        {"query",  micro_query },
    };

    for (size_t i = 0; i < COUNT(all); i++) {
        bool wanted = argc == 1;

        for (int k = 1; k < argc; k++)
            wanted = wanted || strcmp(argv[k], all[i].name) == 0;
        if (wanted)
            all[i].fn();
    }
    return 0;
}
