/*
 * eval_cases.h - queries over a source in memory, and what comes of them as text.
 */
#ifndef TESTS_PROMQL_EVAL_CASES_H
#define TESTS_PROMQL_EVAL_CASES_H

#include "cases.h"
#include "load_series.h"

#include "ferula/base/num.h"
#include "ferula/model/histogram.h"

#define MINUTE 60000

/* ---- a query ----------------------------------------------------------------------------- */

/* A source, a query over it and its outcome. */
struct evaluation {
    struct mem_source *ms;
    struct arena a;
    struct promql_query q;
    struct promql_result r;
    struct fault f;
};

static inline void evaluation_init(struct evaluation *x)
{
    *x = (struct evaluation){.ms = mem_source_new()};
}

static inline void evaluation_release(struct evaluation *x)
{
    arena_release(&x->a);
    mem_source_free(x->ms);
}

static inline void parse_query(struct arena *a, struct promql_query *q, const char *text)
{
    const struct promql_features features = PROMQL_FEATURES_ALL;
    struct fault f = {0};

    q->text = str_of(text);
    if (promql_parse(a, q->text, &features, &q->expr, &f) != 0)
        fail_msg("%s: %s", text, f.text);
}

static inline int evaluate(struct evaluation *x, const char *text)
{
    parse_query(&x->a, &x->q, text);
    return promql_eval(mem_source_base(x->ms), &x->a, &x->q, &x->r, &x->f);
}

/* ---- its result -------------------------------------------------------------------------- */

static inline void print_time(struct buf *b, const struct promql_result *r, ts_ms t)
{
    if (r->type == PROMQL_MATRIX)
        buf_addf(b, "@%d", (int)(t / 1000));
}

static inline void print_series(struct buf *b, const struct promql_result *r,
                                const struct promql_series *s)
{
    labels_print(b, s->labels);
    buf_puts(b, " =>");
    for (size_t i = 0; i < s->n; i++) {
        buf_putc(b, ' ');
        buf_add_num(b, s->samples[i].v, 'f');
        print_time(b, r, s->samples[i].t);
    }
    for (size_t i = 0; i < s->n_hists; i++) {
        buf_putc(b, ' ');
        histogram_print_expression(b, s->hists[i].h);
        print_time(b, r, s->hists[i].t);
    }
    buf_putc(b, '\n');
}

static inline void print_notes(struct buf *b, const struct str *v, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(str_starts(v[i], kind));
        buf_addf(b, STR_FMT "\n", STR_ARG(v[i]));
    }
}

/*
 * A line for a number, a string or each series: "labels => values", floats first, with @time in
 * seconds in ranges. Then the warnings and the infos.
 */
static inline void print_result(struct buf *b, const struct promql_result *r)
{
    if (r->type == PROMQL_SCALAR)
        buf_add_num(b, r->scalar.v, 'f');
    else if (r->type == PROMQL_STRING)
        buf_add_go_quoted(b, r->string);
    if (r->type == PROMQL_SCALAR || r->type == PROMQL_STRING)
        buf_putc(b, '\n');
    for (size_t i = 0; i < r->n_series; i++)
        print_series(b, r, &r->series[i]);
    print_notes(b, r->warnings, r->n_warnings, "PromQL warning: ");
    print_notes(b, r->infos, r->n_infos, "PromQL info: ");
}

/* ---- tables of queries ------------------------------------------------------------------- */

struct eval_case {
    const char *load; /* series, a line each; a sample a minute from 0 on */
    const char *query;
    int start_s, end_s, step_s; /* step 0: an instant query */
    const char *want;           /* print_result()'s lines; or what the error says */
};

/* `options`: of the query, beside its text and times. `starts`: see load_series(). */
static inline void run_case(const struct eval_case *c, struct promql_query options,
                            const char *starts)
{
    struct evaluation x;
    struct buf got = {0};

    evaluation_init(&x);
    x.q = options;
    x.q.start = (ts_ms)c->start_s * 1000;
    x.q.end = (ts_ms)c->end_s * 1000;
    x.q.step = (dur_ms)c->step_s * 1000;
    load_series(x.ms, &x.a, c->load, MINUTE, starts);
    if (evaluate(&x, c->query) == 0)
        print_result(&got, &x.r);
    else
        buf_puts(&got, x.f.text);
    if (!str_is(buf_str(&got), c->want))
        fail_msg("%s\nwant: %s\ngot: %s", c->query, c->want, got.p == NULL ? "" : got.p);
    buf_release(&got);
    evaluation_release(&x);
}

static inline void run_cases(const struct eval_case *v, size_t n, struct promql_query options)
{
    for (size_t i = 0; i < n; i++)
        run_case(&v[i], options, NULL);
}

/* ---- limits ------------------------------------------------------------------------------ */

struct limit_case {
    const char *query;
    size_t fails, passes; /* samples that may be held at once */
};

/* `options`: of the queries, beside text and limit. */
static inline void run_limits(const char *load, struct promql_query options,
                              const struct limit_case *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct evaluation x;

        evaluation_init(&x);
        load_series(x.ms, &x.a, load, MINUTE, NULL);
        x.q = options;
        x.q.max_samples = v[i].fails;
        assert_int_equal(evaluate(&x, v[i].query), FER_ELIMIT);
        assert_string_equal(x.f.text, "query processing would load too many samples into memory "
                                      "in query execution");
        x.q.max_samples = v[i].passes;
        assert_int_equal(evaluate(&x, v[i].query), 0);
        evaluation_release(&x);
    }
}

#endif
