/*
 * query.c - evaluating queries on sealed samples of many series, on one thread and with help.
 */
#include "micro.h"

#include <stdio.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/pool.h"
#include "ferula/promql.h"

#define N_PODS      1000
#define PODS_A_BODY 20
#define N_ROUNDS    120

static const struct query_case {
    const char *name, *text;
    bool range;
} cases[] = {
    {"sum(rate())",             "sum(rate(http_requests_total[2m]))",                 false},
    {"sum by",                  "sum by (namespace) (rate(http_requests_total[2m]))", false},
    {"topk",                    "topk(10, rate(http_requests_total[2m]))",            false},
    {"selector",                "count(http_requests_total)",                         false},
    {"range, sum(rate())",      "sum(rate(http_requests_total[2m]))",                 true },
    {"range, sum by, all pods", "sum by (pod) (rate(http_requests_total[2m]))",       true },
    {"range, max_over_time",    "max(max_over_time(http_requests_total[5m]))",        true },
    {"range, selector",         "sum(http_requests_total)",                           true },
    {"range, all rates",        "rate(http_requests_total[2m])",                      true },
};

struct query_run {
    struct source *source;
    struct promql_query q;
    struct arena arena;
};

static void run_query(void *ctx)
{
    struct query_run *r = ctx;
    struct promql_result result;
    struct fault f = {0};

    CHECK(promql_eval(r->source, &r->arena, &r->q, &result, &f) == 0);
    arena_reset(&r->arena);
}

static void run_case(struct source *source, const struct query_case *c, struct pool *helpers)
{
    const struct promql_features features = PROMQL_FEATURES_DEFAULT;
    ts_ms end = micro_time(N_ROUNDS - 1) + 7500;
    struct query_run r = {
        .source = source,
        .q = {.text = str_of(c->text),
              .start = c->range ? end - 30 * 60 * 1000 : end,
              .end = end,
              .step = c->range ? 15000 : 0},
    };
    struct arena a = {0};
    struct fault f = {0};
    double alone, helped;

    CHECK(promql_parse(&a, r.q.text, &features, &r.q.expr, &f) == 0);
    alone = micro_median_ns(run_query, &r);
    r.q.helpers = helpers;
    r.q.n_helpers = 1;
    helped = micro_median_ns(run_query, &r);
    printf("%-26s %10.3f ms   with a helper %10.3f ms\n", c->name, alone / 1e6, helped / 1e6);
    arena_release(&r.arena);
    arena_release(&a);
}

void micro_query(void)
{
    struct pool *helpers = pool_new("helper", 1, 8);
    struct micro_store store;
    struct buf body = {0};

    micro_store_open(&store);
    for (uint32_t round = 0; round < N_ROUNDS; round++)
        for (uint32_t first = 0; first < N_PODS; first += PODS_A_BODY) {
            micro_body(&body, first, PODS_A_BODY, round);
            micro_store_write(&store, &body);
        }
    tsdb_settle(store.db);
    printf("\nQueries over 10,000 of 100,000 series, 120 samples each; ranges have 121 steps\n");
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(tsdb_source(store.db), &cases[i], helpers);
    micro_store_close(&store);
    pool_free(helpers);
    buf_release(&body);
}
