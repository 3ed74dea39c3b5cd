/*
 * Explanations: queries over a few series, and every node of them as text.
 */
#include "eval_cases.h"

#include "ferula/promql/explain.h"

struct explain_case {
    const char *query;
    int at_s;
    struct promql_explain_opts opts;
    const char *want;
};

/* A sample a minute. */
static const char series[] =
    "req_total{pod=\"a\"} 0+60x10\nreq_total{pod=\"b\"} 0+120x10\ng 5x10\nh{le=\"x\"} 1x10\n";

static struct explain_case cases[] = {
    {"sum(rate(req_total[2m]))",
     600,                                                                {0},
     "0 sum(rate(req_total[2m])) vector 1/1\n"
     "  {} 3\n"
     "1 rate(req_total[2m]) vector 2/2\n"
     "  {pod=\"a\"} 1\n"
     "  {pod=\"b\"} 2\n"
     "2 req_total[2m] matrix 2/4 (480,600]\n"
     "  {__name__=\"req_total\", pod=\"a\"} 540 600\n"
     "  {__name__=\"req_total\", pod=\"b\"} 1080 1200\n"                                                                                                                  },
    {"(g) / 2",
     600,                                                                {0},
     "0 (g) / 2 vector 1/1\n  {} 2.5\n"
     "1 g vector 1/1 (300,600]\n  {__name__=\"g\"} 5\n"                                                                                                                   },
    {"1 + 1",                                                       60,  {0},                                 "0 1 + 1 scalar 2\n"                                        },
    {"\"x\"",                                                       60,  {0},                                 "0 \"x\" string x\n"                                        },
    {"time()",                                                      60,  {0},                                 "0 time() scalar 60\n"                                      },
    {"g offset 1m",                                                 600, {0},                                 "0 g offset 1m vector 1/1 (240,540]\n  {__name__=\"g\"} 5\n"},
    {"req_total{pod=\"a\"} @ 120 - req_total{pod=\"a\"} @ start()",
     600,                                                                {0},
     "0 req_total{pod=\"a\"} @ 120.000 - req_total{pod=\"a\"} @ start() vector 1/1\n  {pod=\"a\"} -480\n"
     "1 req_total{pod=\"a\"} @ 120.000 vector 1/1 (-180,120]\n  {__name__=\"req_total\", pod=\"a\"} 120\n"
     "1 req_total{pod=\"a\"} @ start() vector 1/1 (300,600]\n  {__name__=\"req_total\", pod=\"a\"} 600\n"                                                                 },
 /* In a subquery at its newest step, and start() stays the query's. */
    {"max_over_time((g + time() + start())[3m:1m])",
     630,                                                                {.max_samples = 2},
     "0 max_over_time((g + time() + start())[3m:1m]) vector 1/1\n  {} 1235\n"
     "1 (g + time() + start())[3m:1m] matrix 1/3\n  {} 1175 1235\n"
     "2 @600 g + time() + start() vector 1/1\n  {} 1235\n"
     "3 @600 g + time() vector 1/1\n  {} 605\n"
     "4 @600 g vector 1/1 (300,600]\n  {__name__=\"g\"} 5\n"
     "4 @600 time() scalar 600\n"
     "3 @600 start() scalar 630\n"                                                                                                                                        },
    {"absent(nothing)",
     600,                                                                {0},
     "0 absent(nothing) vector 1/1\n  {} 1\n"
     "1 nothing vector 0/0 (300,600]\n"                                                                                                                                   },
 /* A note stays where it arises; an error does not hide the rest. */
    {"abs(rate(g[5m]))",
     600,                                                                {.max_samples = 1},
     "0 abs(rate(g[5m])) vector 1/1\n  {} 0\n"
     "1 rate(g[5m]) vector 1/1\n  {} 0\n"
     "  PromQL info: metric might not be a counter, name does not end in "
     "_total/_sum/_count/_bucket: \"g\" (1:10)\n"
     "2 g[5m] matrix 1/5 (300,600]\n  {__name__=\"g\"} 5\n"                                                                                                               },
    {"g * on() req_total",
     600,                                                                {0},
     "0 g * on () req_total error found duplicate series for the match group {} on the right hand-side of "
     "the operation: [{__name__=\"req_total\", pod=\"a\"}, {__name__=\"req_total\", pod=\"b\"}];many-to-many "
     "matching not allowed: matching labels must be unique on one side\n"
     "1 g vector 1/1 (300,600]\n  {__name__=\"g\"} 5\n"
     "1 req_total vector 2/2 (300,600]\n  {__name__=\"req_total\", pod=\"a\"} 600\n"
     "  {__name__=\"req_total\", pod=\"b\"} 1200\n"                                                                                                                       },
 /* Limits. */
    {"{__name__=~\".+\"} + 0",
     600,                                                                {.max_nodes = 1, .max_elements = 1},
     "0 {__name__=~\".+\"} + 0 vector 4/4\n  {} 5\ncut\n"                                                                                                                 },
    {"topk(scalar(g), req_total)",
     600,                                                                {.max_elements = 1},
     "0 topk(scalar(g), req_total) vector 2/2\n  {__name__=\"req_total\", pod=\"b\"} 1200\n"
     "1 scalar(g) scalar 5\n"
     "2 g vector 1/1 (300,600]\n  {__name__=\"g\"} 5\n"
     "1 req_total vector 2/2 (300,600]\n  {__name__=\"req_total\", pod=\"a\"} 600\n"                                                                                      },
};

static void print_value(struct buf *b, const struct promql_node *n)
{
    buf_puts(b, n->rc != 0 ? "error" : promql_type_name(n->type));
    if (n->rc != 0)
        buf_addf(b, " " STR_FMT, STR_ARG(n->error));
    else if (n->type == PROMQL_SCALAR)
        buf_addf(b, " %g", n->scalar.v);
    else if (n->type == PROMQL_STRING)
        buf_addf(b, " " STR_FMT, STR_ARG(n->string));
    else
        buf_addf(b, " %zu/%zu", n->n_series, n->n_samples);
    if (n->has_window)
        buf_addf(b, " (%d,%d]", (int)(n->from / 1000), (int)(n->to / 1000));
    buf_putc(b, '\n');
}

static void print_node(struct buf *b, const struct promql_node *n)
{
    buf_addf(b, "%zu ", n->depth);
    if (n->in_subquery)
        buf_addf(b, "@%d ", (int)(n->at / 1000));
    buf_addf(b, STR_FMT " ", STR_ARG(n->text));
    print_value(b, n);
    for (size_t i = 0; i < n->n_elements; i++) {
        buf_puts(b, "  ");
        labels_print(b, n->elements[i].labels);
        for (size_t k = 0; k < n->elements[i].n; k++)
            buf_addf(b, " %g", n->elements[i].samples[k].v);
        buf_putc(b, '\n');
    }
    for (size_t i = 0; i < n->n_notes; i++)
        buf_addf(b, "  " STR_FMT "\n", STR_ARG(n->notes[i]));
}

static void explains(void **state)
{
    const struct explain_case *c = *state;
    struct promql_explanation got;
    struct evaluation x;
    struct buf b = {0};

    evaluation_init(&x);
    load_series(x.ms, &x.a, series, MINUTE, NULL);
    x.q.start = x.q.end = (ts_ms)c->at_s * 1000;
    parse_query(&x.a, &x.q, c->query);
    assert_int_equal(promql_explain(mem_source_base(x.ms), &x.a, &x.q, &c->opts, &got, &x.f), 0);
    for (size_t i = 0; i < got.n_nodes; i++)
        print_node(&b, &got.nodes[i]);
    if (got.cut)
        buf_puts(&b, "cut\n");
    assert_str(buf_str(&b), c->want);
    buf_release(&b);
    evaluation_release(&x);
}

static int stop(void *ctx)
{
    (void)ctx;
    return FER_ETIMEOUT;
}

static void ends_when_interrupted(void **state)
{
    struct promql_explanation got;
    struct evaluation x;

    (void)state;
    evaluation_init(&x);
    x.q.interrupted = stop;
    parse_query(&x.a, &x.q, "1 + time()");
    assert_int_equal(promql_explain(mem_source_base(x.ms), &x.a, &x.q, NULL, &got, &x.f),
                     FER_ETIMEOUT);
    assert_string_equal(x.f.text, "query timed out in expression evaluation");
    evaluation_release(&x);
}

int main(void)
{
    static struct cases all;

    CASES_ADD_TABLE(&all, cases, explains, query);
    cases_add(&all, "interrupted", ends_when_interrupted, NULL);
    return CASES_RUN("explain", &all);
}
