/*
 * What Prometheus hides behind --enable-feature: anchored and smoothed, info(), start timestamps,
 * type labels. Samples are a minute apart, from 0 on; results are lines of text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/histogram.h"
#include "ferula/promql.h"

#define MINUTE 60000

struct experimental_case {
    const char *load;   /* series, a line each; a sample a minute */
    const char *starts; /* the same series with their samples' start timestamps, in seconds */
    const char *query;
    int start_s, end_s, step_s; /* step 0: an instant query */
    const char *want;           /* lines; or what the error says */
};

#define INFO                                                                                       \
    "m{instance=\"a\",job=\"j\"} 1+1x9\n"                                                          \
    "target_info{instance=\"a\",job=\"j\",v=\"old\"} 1 1 1 stale\n"                                \
    "target_info{instance=\"a\",job=\"j\",v=\"new\"} _ _ _ 1x9\n"
#define TWICE                                                                                      \
    "m{instance=\"a\",job=\"j\"} 1\n"                                                              \
    "target_info{instance=\"a\",job=\"j\",v=\"x\"} 1\n"                                            \
    "target_info{instance=\"a\",job=\"j\",v=\"y\"} 1\n"
#define CLASH                                                                                      \
    "m{instance=\"a\",job=\"j\"} 1\n"                                                              \
    "a_info{instance=\"a\",job=\"j\",v=\"x\"} 1\n"                                                 \
    "b_info{instance=\"a\",job=\"j\",v=\"y\"} 1\n"
#define OVERLAP                                                                                    \
    "warning: PromQL warning: sample has start time that overlaps with previous sample "           \
    "timestamp for metric \"m_total\" "

static const struct experimental_case cases[] = {
    {"m 1+1x9",                                                             "",                      "m[90s] anchored",                      210, 210, 0,  "{__name__=\"m\"} => 3@120 4@180 4@210\n"    },
    {"m 1+1x9",                                                             "",                      "m[90s] smoothed",                      210, 210, 0,  "{__name__=\"m\"} => 3@120 4@180 4.5@210\n"  },
    {"m 1+1x9",                                                             "",                      "m[1m] smoothed",                       210, 210, 0,  "{__name__=\"m\"} => 3.5@150 4@180 4.5@210\n"},
    {"m _ _ 3",                                                             "",                      "m[1m] smoothed",                       60,  60,  0,  "{__name__=\"m\"} => 3@0 3@60\n"             },
    {"m 3",                                                                 "",                      "m[1m] anchored",                       90,  90,  0,  ""                                           },
    {"m 3",                                                                 "",                      "m[1m] smoothed",                       900, 900, 0,  ""                                           },
    {"m {{count:1 sum:1}}",                                                 "",                      "m[1m] anchored",                       30,  30,  0,
     "anchored modifier is not supported with histograms"                                                                                                                                               },
    {"m {{count:1 sum:1}}",                                                 "",                      "m[1m] smoothed",                       30,  30,  0,
     "smoothed modifier is not supported with histograms"                                                                                                                                               },
    {"m 1 stale 3",                                                         "",                      "m smoothed",                           60,  60,  0,  "{__name__=\"m\"} => 2\n"                    },
    {"m 1 2",                                                               "",                      "m smoothed",                           359, 360, 1,  "{__name__=\"m\"} => 2@359\n"                },
    {"m 1 2",                                                               "",                      "m anchored",                           90,  90,  0,  "{__name__=\"m\"} => 2\n"                    },
    {"m 1 2",                                                               "",                      "timestamp(m smoothed)",                90,  90,  0,  "{} => 60\n"                                 },
    {"m 1 2 {{count:3 sum:3}}",                                             "",                      "m smoothed",                           90,  90,  0,
     "warning: PromQL warning: encountered a mix of histograms and floats for metric name \"m\" "
     "(1:1)\n"                                                                                                                                                                                          },
    {"m {{count:2 sum:2}} {{count:4 sum:8}}",                               "",                      "m smoothed",                           30,  30,  0,
     "{__name__=\"m\"} => {count:3, sum:5}\n"                                                                                                                                                           },
    {"m_total 5 0+10x9",                                                    "",                      "increase(m_total[2m] anchored)",       120, 180, 60,
     "{} => 10@120 20@180\n"                                                                                                                                                                            },
    {"m_total 5 0+10x9",                                                    "",                      "increase(m_total[1m] smoothed)",       90,  90,  0,  "{} => 5\n"                                  },
    {"m_total 5 0+10x9",                                                    "",                      "increase(m_total[1m] smoothed @ 90)",  0,   60,  60, "{} => 5@0 5@60\n"                           },
    {"m 1+1x9",                                                             "",                      "sum_over_time((m smoothed)[1m:30s])",  90,  90,  0,  "{} => 4.5\n"                                },
    {"m 1+1x9",                                                             "",                      "absent_over_time(m[1m] smoothed)",     0,   0,   0,
     "smoothed modifier can only be used with: delta, increase, rate - not with absent_over_time"                                                                                                       },

    {INFO,                                                                  "",                      "info(m)",                              120, 180, 60,
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"new\"} => 4@180\n"
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"old\"} => 3@120\n"                                                                                                                                },
    {INFO,                                                                  "",                      "info(m offset 2m)",                    240, 240, 0,
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"old\"} => 3\n"                                                                                                                                    },
    {INFO,                                                                  "",                      "info(rate(m[2m] @ 120), {v=~\".+\"})", 600, 600, 0,
     "{instance=\"a\", job=\"j\", v=\"old\"} => 0.016666666666666666\n"
     "info: PromQL info: metric might not be a counter, name does not end in "
     "_total/_sum/_count/_bucket: \"m\" (1:11)\n"                                                                                                                                                       },
    {INFO,                                                                  "",                      "info(m, {v=\"none\"})",                120, 120, 0,  ""                                           },
    {INFO,                                                                  "",                      "info(m, {v!=\"none\", job=\"j\"})",    240, 240, 0,
     "{__name__=\"m\", instance=\"a\", job=\"j\", v=\"new\"} => 5\n"                                                                                                                                    },
    {INFO,                                                                  "",                      "info(vector(1))",                      120, 120, 0,  "{} => 1\n"                                  },
    {INFO,                                                                  "",                      "info(none)",                           120, 120, 0,  ""                                           },
    {INFO,                                                                  "",                      "info(target_info)",                    120, 120, 0,
     "{__name__=\"target_info\", instance=\"a\", job=\"j\", v=\"old\"} => 1\n"                                                                                                                          },
    {TWICE,                                                                 "",                      "info(m)",                              0,   0,   0,
     "found duplicate series for info metric: existing {__name__=\"target_info\", instance=\"a\", "
     "job=\"j\", v=\"x\"} @ 0, new {__name__=\"target_info\", instance=\"a\", job=\"j\", "
     "v=\"y\"} @ 0"                                                                                                                                                                                     },
    {CLASH,                                                                 "",                      "info(m, {__name__=~\"._info\"})",      0,   0,   0,  "conflicting label: v"                       },
    {"m{instance=\"a.b\"} 1\ni_info{instance=\"a.b\",v=\"x\"} {{count:1}}", "",
     "info(m, {__name__=\"i_info\"})",                                                                                                       0,   0,   0,
     "this should be an info metric, with float samples: {__name__=\"i_info\", instance=\"a.b\", "
     "v=\"x\"}"                                                                                                                                                                                         },

    {"m_total 5 6",                                                         "m_total 0 60",          "increase(m_total[5m])",                60,  60,  0,  "{} => 1.5\n"                                },
    {"m_total _ 5 6",                                                       "m_total _ 30 90",       "increase(m_total[2m])",                120, 120, 0,  "{} => 11\n"                                 },
    {"m_total _ 5",                                                         "m_total _ 30",          "rate(m_total[2m])",                    120, 120, 0,
     "{} => 0.041666666666666664\n"                                                                                                                                                                     },
    {"m_total _ 5 9",                                                       "m_total _ 30 90",       "irate(m_total[2m])",                   120, 120, 0,  "{} => 0.15\n"                               },
    {"m_total _ 5 9",                                                       "m_total _ 30 90",       "resets(m_total[2m])",                  120, 120, 0,  "{} => 1\n"                                  },
    {"m_total _ 5 9",                                                       "m_total _ 30 90",       "delta(m_total[2m])",                   120, 120, 0,  "{} => 8\n"                                  },
    {"m_total 1 2 3",                                                       "m_total 0 -90 -70",     "rate(m_total[3m])",                    120, 120, 0,
     "{} => 0.016666666666666666\n" OVERLAP "(1:6)\n"                                                                                                                                                   },
    {"m_total 1 2 3 4",                                                     "m_total 0 -90 -70 -60", "increase(m_total[3m])",                120, 180, 60,
     "{} => 3@120 3@180\n" OVERLAP "(2 occurrences) (1:10)\n"                                                                                                                                           },
    {"m_total _ {{count:4 sum:4}}",                                         "m_total _ 30",          "increase(m_total[2m])",                120, 120, 0,
     "{} => {count:4, sum:4}\n"                                                                                                                                                                         },
    {"m 1 2",                                                               "m 0 30.5",              "start_timestamp(m)",                   0,   90,  90, "{} => 0@0 30.5@90\n"                        },
    {"m 1 2",                                                               "m 0 30.5",              "start_timestamp(-m)",                  90,  90,  0,  ""                                           },
    {"m 1 2",                                                               "",                      "start_timestamp(m)",                   90,  90,  0,  "{} => 0\n"                                  },

    {"m{__type__=\"counter\"} 0+1x9",                                       "",                      "rate(m[5m])",                          300, 300, 0,
     "{} => 0.016666666666666666\n"                                                                                                                                                                     },
    {"m_total{__type__=\"gauge\"} 0+1x9",                                   "",                      "rate(m_total[5m])",                    300, 300, 0,
     "{} => 0.016666666666666666\n"
     "info: PromQL info: metric might not be a counter, __type__ label is not set to \"counter\" "
     "or \"histogram\", got \"gauge\": \"m_total\" (1:6)\n"                                                                                                                                             },
};

/* Start timestamp `i` of the series `ls` among the lines; 0 when there is none. */
static ts_ms start_of(struct arena *a, struct str lines, struct labels ls, size_t i)
{
    struct str line;

    while (str_split(&lines, '\n', &line)) {
        struct promql_series_value *v;
        struct labels of;
        size_t n;

        if (line.n == 0)
            continue;
        assert_int_equal(promql_parse_series(a, line, &of, &v, &n, NULL), 0);
        if (labels_eq(of, ls) && i < n && !v[i].omitted)
            return (ts_ms)(v[i].v * 1000);
    }
    return 0;
}

static void load(struct mem_source *ms, struct arena *a, const struct experimental_case *c)
{
    struct str lines = str_of(c->load), line;

    while (str_split(&lines, '\n', &line)) {
        struct promql_series_value *v;
        struct labels ls;
        size_t n;

        if (line.n == 0)
            continue;
        assert_int_equal(promql_parse_series(a, line, &ls, &v, &n, NULL), 0);
        for (size_t i = 0; i < n; i++)
            if (!v[i].omitted)
                assert_int_equal(mem_source_append(ms, ls, (ts_ms)i * MINUTE,
                                                   start_of(a, str_of(c->starts), ls, i), v[i].v,
                                                   v[i].h),
                                 0);
    }
}

static void print_time(struct buf *b, const struct promql_result *r, ts_ms t)
{
    if (r->type == PROMQL_MATRIX)
        buf_addf(b, "@%d", (int)(t / 1000));
}

static void print_result(struct buf *b, const struct promql_result *r)
{
    for (size_t i = 0; i < r->n_series; i++) {
        const struct promql_series *s = &r->series[i];

        labels_print(b, s->labels);
        buf_puts(b, " =>");
        for (size_t k = 0; k < s->n; k++) {
            buf_putc(b, ' ');
            buf_add_num(b, s->samples[k].v, 'f');
            print_time(b, r, s->samples[k].t);
        }
        for (size_t k = 0; k < s->n_hists; k++) {
            buf_putc(b, ' ');
            histogram_print(b, s->hists[k].h);
            print_time(b, r, s->hists[k].t);
        }
        buf_putc(b, '\n');
    }
    for (size_t i = 0; i < r->n_warnings; i++)
        buf_addf(b, "warning: " STR_FMT "\n", STR_ARG(r->warnings[i]));
    for (size_t i = 0; i < r->n_infos; i++)
        buf_addf(b, "info: " STR_FMT "\n", STR_ARG(r->infos[i]));
}

static void run_case(const struct experimental_case *c)
{
    const struct promql_features features = PROMQL_FEATURES_ALL;
    struct mem_source *ms = mem_source_new();
    struct arena a = {0};
    struct buf got = {0};
    struct fault f = {0};
    struct promql_result r;
    struct promql_query q = {
        .text = str_of(c->query),
        .start = (ts_ms)c->start_s * 1000,
        .end = (ts_ms)c->end_s * 1000,
        .step = (dur_ms)c->step_s * 1000,
        .use_start_timestamps = true,
        .type_and_unit_labels = strstr(c->load, "__type__") != NULL,
    };

    load(ms, &a, c);
    assert_int_equal(promql_parse(&a, q.text, &features, &q.expr, &f), 0);
    if (promql_eval(mem_source_base(ms), &a, &q, &r, &f) == 0)
        print_result(&got, &r);
    else
        buf_puts(&got, f.text);
    if (!str_is(buf_str(&got), c->want))
        fail_msg("%s\nwant: %s\ngot: %s", c->query, c->want, got.p == NULL ? "" : got.p);
    buf_release(&got);
    arena_release(&a);
    mem_source_free(ms);
}

static void test_experimental(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        run_case(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_experimental)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
