/*
 * fuzz_promql.c - any bytes as a query: what is accepted is printed, parses again and is printed
 * the same; then it is evaluated on a few fixed series with a sample limit, as an instant and as a
 * range query. Any error is fine; what ends well is well formed.
 */
#include "ferula/base/check.h"
#include "ferula/promql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct promql_features all = PROMQL_FEATURES_ALL;

static struct str print(struct arena *a, const struct promql_expr *e)
{
    struct buf b = {0};
    struct str s;

    promql_print(&b, e);
    s = arena_str(a, buf_str(&b));
    buf_reset(&b);
    promql_prettify(&b, e);
    buf_release(&b);
    return s;
}

/* A text that was printed parses to an expression that is printed the same. */
static void check_printed(struct arena *a, const struct promql_expr *e)
{
    struct str once = print(a, e);
    struct fault f;
    int rc = promql_parse(a, once, &all, &e, &f);

    /* Ranges under a millisecond are printed as 0s, and texts may grow beyond the limit. */
    if (rc == FER_ELIMIT || memmem(once.p, once.n, "0s", 2) != NULL)
        return;
    CHECK(rc == 0);
    CHECK(str_eq(print(a, e), once));
}

static void add_series(struct mem_source *ms, const char *text)
{
    struct arena a = {0};
    struct promql_series_value *v;
    struct sample samples[64];
    struct labels ls;
    size_t n, n_samples = 0;

    CHECK(promql_parse_series(&a, str_of(text), &ls, &v, &n, NULL) == 0 && n <= COUNT(samples));
    for (size_t i = 0; i < n; i++) {
        if (!v[i].omitted)
            samples[n_samples++] = (struct sample){(ts_ms)i * 30000, v[i].v};
    }
    mem_source_add(ms, ls, samples, n_samples);
    arena_release(&a);
}

static struct source *fixed_source(void)
{
    static struct mem_source *ms;

    if (ms == NULL) {
        ms = mem_source_new();
        add_series(ms, "up{job=\"a\",instance=\"1\"} 1x20 stale 0x3");
        add_series(ms, "up{job=\"a\",instance=\"2\"} 1 0 1 0 _x5 1 0 1");
        add_series(ms, "foo{job=\"a\"} 0+7x30");
        add_series(ms, "foo{job=\"b\"} 100-3x10 0+5x9");
        add_series(ms, "bar NaN Inf -Inf 0 -1.5 2e300x20");
        add_series(ms, "le_bucket{le=\"0.1\"} 0+1x30");
        add_series(ms, "le_bucket{le=\"1\"} 0+3x30");
        add_series(ms, "le_bucket{le=\"+Inf\"} 0+4x30");
    }
    return mem_source_base(ms);
}

/* Queries that a time limit would stop. */
static int too_long(void *ctx)
{
    unsigned *asked = ctx;

    return ++*asked > 100 ? FER_ETIMEOUT : 0;
}

static void evaluate(struct promql_query *q)
{
    struct arena a = {0};
    struct promql_result res;
    struct fault f;
    unsigned asked = 0;

    q->interrupted = too_long;
    q->interrupted_ctx = &asked;
    if (promql_eval(fixed_source(), &a, q, &res, &f) == 0) {
        CHECK(res.type != PROMQL_NONE);
        for (size_t i = 0; i < res.n_series; i++) {
            CHECK(res.type != PROMQL_VECTOR || res.series[i].n == 1);
            for (size_t j = 1; j < res.series[i].n; j++)
                CHECK(res.series[i].samples[j - 1].t < res.series[i].samples[j].t);
        }
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = {(const char *)data, n};
    struct arena a = {0};
    const struct promql_expr *e;
    struct fault f;
    struct promql_query q = {
        .text = text, .start = 600000, .end = 600000, .max_samples = 5000, .features = all};

    if (promql_parse(&a, text, &all, &e, &f) == 0) {
        check_printed(&a, e);
        q.expr = e;
        evaluate(&q);
        q.end = 900000;
        q.step = 60000;
        q.delayed_name_removal = n % 2 == 0;
        evaluate(&q);
    } else {
        CHECK(f.text[0] != '\0');
    }
    arena_release(&a);
    return 0;
}
