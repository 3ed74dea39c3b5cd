/*
 * select.c - matchers to series: intersecting postings and copying chunks.
 */
#include "micro.h"

#include <stdio.h>

#include "ferula/base/check.h"
#include "ferula/model/matcher.h"

#define N_PODS      1000
#define PODS_A_BODY 20

static const struct select_case {
    const char *text;
    struct {
        const char *name;
        enum match_op op;
        const char *value;
    } m[3];
} cases[] = {
    {"http_requests_total{namespace=\"keda-demo\"}",
     {{"__name__", MATCH_EQ, "http_requests_total"}, {"namespace", MATCH_EQ, "keda-demo"}}           },
    {"http_requests_total",                           {{"__name__", MATCH_EQ, "http_requests_total"}}},
    {"http_requests_total{code=~\"5..\"}",
     {{"__name__", MATCH_EQ, "http_requests_total"}, {"code", MATCH_RE, "5.."}}                      },
    {"http_requests_total{pod=~\"app-1.*\"}",
     {{"__name__", MATCH_EQ, "http_requests_total"}, {"pod", MATCH_RE, "app-1.*"}}                   },
    {"http_requests_total{namespace!=\"keda-demo\"}",
     {{"__name__", MATCH_EQ, "http_requests_total"}, {"namespace", MATCH_NE, "keda-demo"}}           },
    {"{namespace=\"keda-demo\"}",                     {{"namespace", MATCH_EQ, "keda-demo"}}         },
    {"up{namespace=~\"team-1.*\",code=\"\"}",
     {{"__name__", MATCH_EQ, "up"}, {"namespace", MATCH_RE, "team-1.*"}, {"code", MATCH_EQ, ""}}     },
    {"{__name__=~\"container_.*\"}",                  {{"__name__", MATCH_RE, "container_.*"}}       },
    {"{__name__!=\"\"}",                              {{"__name__", MATCH_NE, ""}}                   },
};

struct select_run {
    struct source *source;
    struct matcher m[3];
    size_t n_matchers, n_series;
    struct arena arena;
};

static void run_select(void *ctx)
{
    struct select_run *r = ctx;
    const struct source_range range = {micro_time(0) - 300000, micro_time(0)};
    struct source_selection *sel;
    struct fault f = {0};

    CHECK(r->source->ops->select(r->source, &r->arena, r->m, r->n_matchers, range, &sel, &f) == 0);
    r->n_series = sel->n;
    arena_reset(&r->arena);
}

static void run_case(struct source *source, const struct select_case *c)
{
    struct select_run r = {.source = source};
    struct arena a = {0};
    struct fault f = {0};
    double ns;

    for (; r.n_matchers < COUNT(c->m) && c->m[r.n_matchers].name != NULL; r.n_matchers++)
        CHECK(matcher_init(&r.m[r.n_matchers], &a, c->m[r.n_matchers].op,
                           str_of(c->m[r.n_matchers].name), str_of(c->m[r.n_matchers].value),
                           &f) == 0);
    ns = micro_median_ns(run_select, &r);
    printf("%-48s %8zu series %10.3f ms %8.0f ns/series\n", c->text, r.n_series, ns / 1e6,
           ns / (double)MAX(r.n_series, 1));
    arena_release(&r.arena);
    arena_release(&a);
}

void micro_select(void)
{
    struct micro_store store;
    struct buf body = {0};

    micro_store_open(&store);
    for (uint32_t first = 0; first < N_PODS; first += PODS_A_BODY) {
        micro_body(&body, first, PODS_A_BODY, 0);
        micro_store_write(&store, &body);
    }
    printf("\nSelecting from 100,000 series of 1,000 pods, a sample each\n");
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(tsdb_source(store.db), &cases[i]);
    micro_store_close(&store);
    buf_release(&body);
}
