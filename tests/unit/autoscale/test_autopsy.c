/*
 * Autopsies: queries that are empty over a few series, and what is said of them.
 */
#include "cases.h"
#include "load_series.h"

#include "ferula/autoscale/autopsy.h"
#include "ferula/model/duration.h"

struct autopsy_case {
    const char *query;
    int at_s;
    const char *want;
};

/* A sample every 15 s from 0 s on. */
static const char series[] =
    "http_requests_total{namespace=\"keda-demo\",pod=\"a\"} 0+1x80\n"
    "http_requests_total{namespace=\"keda-demo\",pod=\"b\"} 0+1x80\n"
    "http_requests_total{namespace=\"Other\",exported_namespace=\"shop\",pod=\"c\"} 0+1x80\n"
    "vllm:num_requests{model=\"m\"} 1x80\n"
    "gone{i=\"1\"} 1x10 stale\n"
    "gone{i=\"2\"} 1x20 stale\n"
    "ended 1x8\n"
    "fresh_total _x79 5\n"
    "late _x78 5\n";

static struct autopsy_case cases[] = {
    {"sum(rate(http_requests_total{namespace=\"keda-demo\"}[2m]))", 1200, ""                                                                     },
    {"sum(rate(http_request_total{namespace=\"keda-demo\"}[2m]))",  1200,
     "2 matcher: there is no metric http_request_total; without it 2\n"
     "  http_request_total 0\n"
     "  near __name__=http_requests_total\n"                                                                                                     },
    {"http_requests_total{namespace=\"keda-dmeo\"}",                1200,
     "0 matcher: namespace=\"keda-dmeo\" removes the last 3 series; without it 3\n"
     "  http_requests_total 3\n  namespace=\"keda-dmeo\" 0\n"
     "  near namespace=keda-demo\n"                                                                                                              },
    {"http_requests_total{namespace=\"other\",pod=\"c\"}",          1200,
     "0 matcher: namespace=\"other\" removes the last 3 series; without it 1\n"
     "  http_requests_total 3\n  namespace=\"other\" 0\n"
     "  case namespace=Other\n"                                                                                                                  },
    {"http_requests_total{namespace=\"shop\"}",                     1200,
     "0 matcher: namespace=\"shop\" removes the last 3 series; without it 3\n"
     "  http_requests_total 3\n  namespace=\"shop\" 0\n"
     "  label exported_namespace=shop\n"                                                                                                         },
    {"http_requests_total{namespace=~\"keda\"}",                    1200,
     "0 matcher: namespace=~\"keda\" removes the last 3 series; without it 3\n"
     "  http_requests_total 3\n  namespace=~\"keda\" 0\n"
     "  part namespace=keda-demo\n"                                                                                                              },
    {"http_requests_total{pod=~\"a|b\",namespace!~\"k.*\"}",        1200,
     "0 matcher: namespace!~\"k.*\" removes the last 2 series; without it 2\n"
     "  http_requests_total 3\n  pod=~\"a|b\" 2\n  namespace!~\"k.*\" 0\n"
     "  there namespace=keda-demo\n"                                                                                                             },
    {"http_requests_total{app=\"web\"}",                            1200,
     "0 matcher: app=\"web\" removes the last 3 series, none of which has a label app; without it 3\n"
     "  http_requests_total 3\n  app=\"web\" 0\n"                                                                                                },
    {"avg(vllm_num_requests)",                                      1200,
     "1 matcher: there is no metric vllm_num_requests\n  vllm_num_requests 0\n"
     "  near __name__=vllm:num_requests\n"                                                                                                       },
    {"{namespace=\"x\"}",                                           1200,
     "0 matcher: no series matches namespace=\"x\"\n  namespace=\"x\" 0\n"
     "  there namespace=Other\n  there namespace=keda-demo\n"                                                                                    },
    {"sum(gone)",                                                   600,
     "1 stale: each of the 2 series was marked as gone, the last 4m45s before: its target was no "
     "longer scraped, or no longer had it\n  gone 2\n"                                                                                           },
    {"ended",                                                       1200,
     "0 too old: the newest sample of 1 series is 18m old, and the selector sees 5m\n"
     "  ended 1\n"                                                                                                                               },
    {"rate(ended[1m])",                                             240,
     "1 too old: the newest sample of 1 series is 2m old, and the selector sees 1m\n  ended 1\n"                                                 },
    {"late",                                                        600,  "0 too new: the first sample of 1 series comes 9m30s later\n  late 1\n"},
    {"http_requests_total offset 1h",                               1200,
     "0 too new: the first sample of 3 series comes 40m later\n  http_requests_total 3\n"                                                        },
    {"sum(rate(fresh_total[2m]))",                                  1200,
     "1 one sample: rate() needs two samples, and the only series has one in the window: it has "
     "only just appeared\n"                                                                                                                      },
    {"rate(http_requests_total{pod=\"a\"}[15s])",                   1200,
     "0 one sample: rate() needs two samples, and the only series has one in the window of 15s: "
     "samples come every 15s, so take at least 30s\n"                                                                                            },
    {"ended or nothing",                                            1200,
     "1 too old: the newest sample of 1 series is 18m old, and the selector sees 5m\n  ended 1\n"
     "1 matcher: there is no metric nothing\n  nothing 0\n"
     "  there __name__=gone\n  there __name__=late\n  there __name__=ended\n"
     "  there __name__=fresh_total\n  there __name__=vllm:num_requests\n"                                                                        },
    {"nothing or vllm:num_requests",                                1200, ""                                                                     },
    {"vllm:num_requests > 3",                                       1200,
     "0 comparison: the comparison > is true of none of 1 elements\n"                                                                            },
    {"http_requests_total * on (model) vllm:num_requests",          1200,
     "0 unmatched: no element on the left of * has the labels of one on its right: {} there, "
     "{model=\"m\"} here\n"                                                                                                                      },
    {"absent(late)",                                                1200, "0 other: absent(late) has no elements\n"                              },
    {"ended unless nothing",                                        1200,
     "1 too old: the newest sample of 1 series is 18m old, and the selector sees 5m\n  ended 1\n"                                                },
};

static void print(struct buf *b, const struct promql_explanation *x, const struct autopsy *d)
{
    static const char *const likeness[] = {"case", "near", "label", "part", "there"};

    buf_addf(b, "%zu %s: " STR_FMT, x->nodes[d->node].depth, autopsy_cause_name(d->cause),
             STR_ARG(d->text));
    if (d->n_without > 0)
        buf_addf(b, "; without it %zu", d->n_without);
    buf_putc(b, '\n');
    for (size_t i = 0; i < d->n_steps; i++)
        buf_addf(b, "  " STR_FMT " %zu\n", STR_ARG(d->steps[i].matcher), d->steps[i].n_series);
    for (size_t i = 0; i < d->n_hints; i++)
        buf_addf(b, "  %s " STR_FMT "=" STR_FMT "\n", likeness[d->hints[i].likeness],
                 STR_ARG(d->hints[i].label), STR_ARG(d->hints[i].value));
}

static void explain(struct mem_source *ms, struct arena *a, const struct autopsy_case *c,
                    struct promql_explanation *out)
{
    const struct promql_features features = PROMQL_FEATURES_ALL;
    struct promql_query q = {
        .text = str_of(c->query), .start = c->at_s * 1000, .end = c->at_s * 1000};
    struct fault f = {0};

    assert_int_equal(promql_parse(a, q.text, &features, &q.expr, &f), 0);
    assert_int_equal(promql_explain(mem_source_base(ms), a, &q, NULL, out, &f), 0);
}

static void finds(void **state)
{
    const struct autopsy_case *c = *state;
    struct mem_source *ms = mem_source_new();
    struct promql_explanation x;
    struct autopsies got;
    struct arena a = {0};
    struct buf b = {0};
    struct fault f = {0};

    load_series(ms, &a, series, 15000, NULL);
    explain(ms, &a, c, &x);
    assert_int_equal(autopsy_run(mem_source_base(ms), &a, &x, 0, &got, &f), 0);
    for (size_t i = 0; i < got.n; i++)
        print(&b, &x, &got.v[i]);
    assert_str(buf_str(&b), c->want);
    buf_release(&b);
    arena_release(&a);
    mem_source_free(ms);
}

static void says_when_there_is_nothing(void **state)
{
    struct mem_source *ms = mem_source_new();
    struct promql_explanation x;
    struct autopsies got;
    struct arena a = {0};
    struct fault f = {0};

    (void)state;
    explain(ms, &a, &(struct autopsy_case){"up", 60, ""}, &x);
    assert_int_equal(autopsy_run(mem_source_base(ms), &a, &x, 0, &got, &f), 0);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.v[0].cause, AUTOPSY_NO_SERIES);
    assert_str(got.v[0].text, "there are no series at all around that time");
    arena_release(&a);
    mem_source_free(ms);
}

static void names_the_labels_that_differ(void **state)
{
    struct mem_source *ms = mem_source_new();
    struct promql_explanation x;
    struct differing_label *d;
    struct arena a = {0};
    size_t n;

    (void)state;
    load_series(ms, &a, series, 15000, NULL);
    explain(ms, &a, &(struct autopsy_case){"rate(http_requests_total[2m])", 1200, ""}, &x);
    autopsy_differing(&a, x.nodes[0].elements, x.nodes[0].n_elements, &d, &n);
    assert_int_equal(n, 3);
    assert_str(d[0].name, "exported_namespace");
    assert_int_equal(d[0].n_values, 1);
    assert_int_equal(d[0].n_missing, 2);
    assert_str(d[1].name, "namespace");
    assert_str(d[1].values[0], "Other");
    assert_str(d[2].name, "pod");
    assert_int_equal(d[2].n_values, 3);
    assert_str(d[2].values[2], "c");
    arena_release(&a);
    mem_source_free(ms);
}

int main(void)
{
    static struct cases all;

    CASES_ADD_TABLE(&all, cases, finds, query);
    cases_add(&all, "nothing at all", says_when_there_is_nothing, NULL);
    cases_add(&all, "differing", names_the_labels_that_differ, NULL);
    return CASES_RUN("autopsy", &all);
}
