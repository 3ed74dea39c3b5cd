/*
 * eval_cases.h - queries over series with floats and native histograms, and their results as text.
 */
#ifndef TESTS_PROMQL_EVAL_CASES_H
#define TESTS_PROMQL_EVAL_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ferula/base/num.h"
#include "ferula/model/histogram.h"
#include "ferula/promql.h"

#define MINUTE 60000

struct eval_case {
    const char *load, *query;
    int start_s, end_s, step_s; /* step 0: an instant query */
    bool delayed;               /* names go at the end of the query */
    const char *want;           /* lines; or what the error says */
};

static inline void load(struct mem_source *ms, struct arena *a, struct str lines)
{
    struct str line;

    while (str_split(&lines, '\n', &line)) {
        struct promql_series_value *v;
        struct labels ls;
        size_t n;

        if (line.n == 0)
            continue;
        assert_int_equal(promql_parse_series(a, line, &ls, &v, &n, NULL), 0);
        for (size_t i = 0; i < n; i++)
            if (!v[i].omitted)
                assert_int_equal(mem_source_append(ms, ls, (ts_ms)i * MINUTE, 0, v[i].v, v[i].h),
                                 0);
    }
}

static inline void print_time(struct buf *b, const struct promql_result *r, ts_ms t)
{
    if (r->type == PROMQL_MATRIX)
        buf_addf(b, "@%d", (int)(t / 1000));
}

static inline void print_result(struct buf *b, const struct promql_result *r)
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
            histogram_print_expression(b, s->hists[k].h);
            print_time(b, r, s->hists[k].t);
        }
        buf_putc(b, '\n');
    }
    for (size_t i = 0; i < r->n_warnings; i++)
        buf_addf(b, STR_FMT "\n", STR_ARG(r->warnings[i]));
    for (size_t i = 0; i < r->n_infos; i++)
        buf_addf(b, STR_FMT "\n", STR_ARG(r->infos[i]));
}

static inline void run_case(const struct eval_case *c)
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
        .delayed_name_removal = c->delayed,
    };

    load(ms, &a, str_of(c->load));
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

#endif
