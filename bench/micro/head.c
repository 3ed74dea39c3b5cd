/*
 * head.c - appending to the heads: 120 rounds of a sample each for 10,000 and 100,000 series, as
 * the writer does it for a record that was committed.
 */
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>

#include "../load/mix.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "head.h"

#define N_ROUNDS 120

static const uint32_t sizes[] = {10000, 100000};

/* Samples of all rounds, by round; the pods' values repeat after a thousand series. */
#define N_VALUES (10 * MIX_POD_SERIES)

struct head_run {
    struct tsdb__head head;
    double (*values)[N_VALUES]; /* [N_ROUNDS] */
    uint32_t n_series;
};

static void make_values(struct head_run *r)
{
    for (uint32_t p = 0; p < N_VALUES / MIX_POD_SERIES; p++) {
        struct mix_pod pod;

        mix_pod_init(&pod, 1, p, 0);
        for (uint32_t round = 0; round < N_ROUNDS; round++)
            for (unsigned row = 0; row < MIX_POD_SERIES; row++)
                r->values[round][p * MIX_POD_SERIES + row] = mix_next(&pod, row, round);
    }
}

static void append_all(void *ctx)
{
    struct head_run *r = ctx;

    for (uint32_t id = 1; id <= r->n_series; id++)
        tsdb__head_drop(&r->head, tsdb__head_series(&r->head, id), INT32_MAX);
    for (uint32_t round = 0; round < N_ROUNDS; round++)
        for (uint32_t id = 1; id <= r->n_series; id++) {
            struct sample s = {micro_time(round), r->values[round][id % N_VALUES]};

            tsdb__head_look_ahead(&r->head, id + 4, id + 8);
            tsdb__head_append(&r->head, tsdb__head_series(&r->head, id), s);
        }
}

void micro_head(void)
{
    printf("\n%-42s %13s %12s\n", "appending to the heads", "a sample", "a series");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct head_run r = {.values = xcalloc(N_ROUNDS, sizeof(*r.values)), .n_series = sizes[i]};
        double ns;

        make_values(&r);
        tsdb__head_init(&r.head);
        for (uint32_t id = 1; id <= r.n_series; id++) {
            tsdb__head_reserve(&r.head, id);
            tsdb__head_revive(&r.head, id);
        }
        ns = micro_median_ns(append_all, &r);
        printf("%u series x %d samples %19s %10.1f ns %10.0f B\n", r.n_series, N_ROUNDS, "",
               ns / ((double)r.n_series * N_ROUNDS),
               (double)r.head.n_bytes / r.n_series + sizeof(struct tsdb__series));
        tsdb__head_release(&r.head);
        free(r.values);
    }
}
