/*
 * test_world.c - worlds: what triggers are answered, pods, load, counters, faults.
 */
#include "cases.h"

#include <math.h>

#include "ferula/autoscale/world.h"

#define START ((ts_ms)1767225600000)
#define S     ((ts_ms)1000)

static struct pair_at metadata[] = {
    {{STR_INIT("serverAddress"), {0}}, {STR_INIT("http://p"), {0}}},
    {{STR_INIT("threshold"), {0}},     {STR_INIT("10"), {0}}      },
    {{STR_INIT("query"), {0}},         {{0}, {0}}                 },
};

static struct trigger trigger = {
    .type = {STR_INIT("prometheus"), {0}            },
    .metadata = {metadata,               COUNT(metadata)},
};

static struct scaled_object object = {.triggers = &trigger, .n_triggers = 1};

static const struct label counter[] = {
    {STR_INIT("__name__"), STR_INIT("n_total")},
};
static const struct label ingress[] = {
    {STR_INIT("__name__"), STR_INIT("all_total")},
};

static struct world_setup setup_of(const char *query)
{
    metadata[2].value.s = str_of(query);
    return (struct world_setup){
        .object = &object, .start = START, .replicas = 1, .features = PROMQL_FEATURES_DEFAULT};
}

struct made {
    struct pod_world *w;
    struct world base;
    struct arena a;
};

static void make(struct made *m, const struct world_setup *setup)
{
    struct fault f = {0};

    *m = (struct made){0};
    assert_int_equal(pod_world_new(setup, &m->w, &f), 0);
    m->base = pod_world_base(m->w);
}

static struct answer ask(struct made *m, int at_s)
{
    struct answer out;

    assert_int_equal(m->base.advance(m->base.ctx, START + at_s * S), 0);
    assert_int_equal(m->base.ask(m->base.ctx, 0, START + at_s * S, &m->a, &out), 0);
    return out;
}

static void end(struct made *m)
{
    pod_world_free(m->w);
    arena_release(&m->a);
}

/* ---- load and pods ---------------------------------------------------------------------- */

/* One pod from the beginning; the load is 60 for a minute, then 20; scraped every 10 s. */
static const struct load_point load[] = {
    {START,          60},
    {START + 60 * S, 20},
};

static struct app_case {
    const char *name, *query;
    double capacity;
    bool ramp;
    int start_up_s, scale_at_s, scale_to, at_s;
    double want; /* NAN: no element */
} app_cases[] = {
    {"a counter grows with the load",     "sum(n_total)",           0,  false, 0,  -1, 0, 30, 1800},
    {"it bends with the load",            "sum(n_total)",           0,  false, 0,  -1, 0, 90, 4200},
    {"a ramp is joined by lines",         "sum(n_total)",           0,  true,  0,  -1, 0, 60, 2400},
    {"no more than the capacity",         "sum(n_total)",           30, false, 0,  -1, 0, 90, 2400},
    {"a ramp passes the capacity",        "sum(n_total)",           40, true,  0,  -1, 0, 60, 2100},
    {"what is offered is counted before", "all_total",              30, false, 0,  -1, 0, 90, 4200},
    {"two pods share",                    "max(n_total)",           0,  false, 0,  0,  2, 30, 900 },
    {"the second pod comes later",        "min(n_total)",           0,  false, 20, 0,  2, 40, 600 },
    {"it is not scraped before",          "count(n_total)",         0,  false, 20, 0,  2, 10, 1   },
    {"but when it is ready",              "count(n_total)",         0,  false, 20, 0,  2, 20, 2   },
    {"what has ended is stale",           "sum(n_total)",           0,  false, 0,  15, 0, 20, NAN },
    {"until the next scrape it is there", "sum(n_total)",           0,  false, 0,  15, 0, 19, 600 },
    {"the rate is the load",              "sum(rate(n_total[1m]))", 0,  false, 0,  -1, 0, 60, 60  },
    {"pods have names",                   "n_total{pod=\"app-1\"}", 0,  false, 0,  0,  2, 20, 600 },
    {"a new pod has a new name",          "n_total{pod=\"app-0\"}", 0,  false, 0,  15, 0, 20, NAN },
};

static void test_app(void **state)
{
    const struct app_case *c = *state;
    struct world_setup s = setup_of(c->query);
    struct answer got;
    struct made m;

    s.app = (struct app_model){
        .given = true,
        .load = load,
        .n_load = COUNT(load),
        .steps = !c->ramp,
        .capacity = c->capacity,
        .start_up = c->start_up_s * S,
        .scrape_interval = 10 * S,
        .labels = {counter, COUNT(counter)},
        .offered_labels = {ingress, COUNT(ingress)},
    };
    make(&m, &s);
    if (c->scale_at_s >= 0)
        m.base.scale(m.base.ctx, START + c->scale_at_s * S, c->scale_to);
    got = ask(&m, c->at_s);
    assert_int_equal(got.kind, ANSWER_VECTOR);
    assert_int_equal(got.n, isnan(c->want) ? 0 : 1);
    if (!isnan(c->want))
        assert_true(fabs(got.value - c->want) < 1e-9);
    end(&m);
}

static void no_sample(void *ctx, const struct world_sample *s)
{
    (void)ctx, (void)s;
}

static const char *const looks_back[] = {
    "sum(n_total)",
    "sum(rate(n_total[2h]))",
    "sum(n_total offset 90m)",
    "max_over_time(sum(rate(n_total[5m]))[3h:1m])",
    "sum(n_total @ start() offset 4h)",
};

/* A world with a sink forgets, but nothing that a query can look at. */
static void test_forgets(void **state)
{
    (void)state;
    for (size_t q = 0; q < COUNT(looks_back); q++) {
        struct world_setup s = setup_of(looks_back[q]);
        struct made kept, forgetful;

        s.app = (struct app_model){
            .given = true,
            .load = load,
            .n_load = COUNT(load),
            .labels = {counter, COUNT(counter)},
        };
        make(&kept, &s);
        s.sink = no_sample;
        make(&forgetful, &s);
        for (int at_s = 0; at_s < 8 * 3600; at_s += 60) {
            struct answer want, got;

            kept.base.scale(kept.base.ctx, START + at_s * S, 1 + at_s / 600 % 4);
            forgetful.base.scale(forgetful.base.ctx, START + at_s * S, 1 + at_s / 600 % 4);
            want = ask(&kept, at_s);
            got = ask(&forgetful, at_s);
            assert_int_equal(got.kind, want.kind);
            assert_int_equal(got.n, want.n);
            assert_true(want.n == 0 || got.value == want.value);
        }
        end(&kept);
        end(&forgetful);
    }
}

static void test_pods(void **state)
{
    struct world_setup s = setup_of("1");
    struct made m;
    size_t n;

    (void)state;
    s.ready_after = 20 * S;
    make(&m, &s);
    m.base.scale(m.base.ctx, START + 5 * S, 3);
    assert_int_equal(m.base.status_replicas(m.base.ctx), 3);
    assert_int_equal(m.base.ready_replicas(m.base.ctx), 1);
    m.base.advance(m.base.ctx, START + 25 * S);
    assert_int_equal(m.base.ready_replicas(m.base.ctx), 3);
    m.base.scale(m.base.ctx, START + 30 * S, 4);
    m.base.scale(m.base.ctx, START + 31 * S, 3); /* the one that is not ready goes */
    assert_int_equal(m.base.ready_replicas(m.base.ctx), 3);
    (void)pod_world_samples(m.w, &n);
    assert_int_equal(n, 3); /* at 0, 15 and 30 s */
    end(&m);
}

static void test_too_many_pods(void **state)
{
    struct world_setup s = setup_of("1");
    struct fault why = {0};
    struct made m;

    (void)state;
    s.why = &why;
    make(&m, &s);
    m.base.scale(m.base.ctx, START, WORLD_PODS_MAX);
    assert_int_equal(m.base.advance(m.base.ctx, START + S), 0);
    m.base.scale(m.base.ctx, START + S, INT32_MAX);
    assert_int_equal(m.base.status_replicas(m.base.ctx), WORLD_PODS_MAX);
    assert_int_equal(m.base.advance(m.base.ctx, START + 2 * S), FER_ELIMIT);
    assert_non_null(strstr(why.text, "2147483647 replicas are wanted"));
    end(&m);
}

/* ---- answers ---------------------------------------------------------------------------- */

static struct answer_case {
    const char *query;
    enum answer_kind kind;
    int status;
    size_t n;
} answer_cases[] = {
    {"given",                     ANSWER_VECTOR, 200, 2},
    {"given{a=\"x\"}",            ANSWER_VECTOR, 200, 1},
    {"nothing",                   ANSWER_VECTOR, 200, 0},
    {"1",                         ANSWER_SCALAR, 200, 0},
    {"'x'",                       ANSWER_SCALAR, 200, 0},
    {"given[1m]",                 ANSWER_MATRIX, 200, 2},
    {"given{",                    ANSWER_ERROR,  400, 0},
    {"given * on() given",        ANSWER_ERROR,  422, 0},
    {"given{a=\"x\"} offset -1m", ANSWER_VECTOR, 200, 1},
};

static struct mem_source *given(void)
{
    static const struct label x[] = {
        {STR_INIT("__name__"), STR_INIT("given")},
        {STR_INIT("a"),        STR_INIT("x")    },
    };
    static const struct label y[] = {
        {STR_INIT("__name__"), STR_INIT("given")},
        {STR_INIT("a"),        STR_INIT("y")    },
    };
    struct mem_source *ms = mem_source_new();

    for (int i = 0; i < 20; i++) {
        mem_source_add(ms, (struct labels){x, 2}, &(struct sample){START + i * 15 * S, i}, 1);
        mem_source_add(ms, (struct labels){y, 2}, &(struct sample){START + i * 15 * S, -i}, 1);
    }
    return ms;
}

static void test_answer(void **state)
{
    const struct answer_case *c = *state;
    struct world_setup s = setup_of(c->query);
    struct mem_source *ms = given();
    struct answer got;
    struct made m;

    s.source = mem_source_base(ms);
    make(&m, &s);
    got = ask(&m, 60);
    assert_int_equal(got.kind, c->kind);
    assert_int_equal(got.status, c->status);
    if (c->kind == ANSWER_VECTOR)
        assert_int_equal(got.n, c->n);
    if (c->n == 1)
        assert_true(got.value == 4); /* also with an offset: nothing of later is seen */
    end(&m);
    mem_source_free(ms);
}

static struct fault_case {
    const char *name;
    struct fault_span span;
    enum answer_kind kind;
    size_t n;
} fault_cases[] = {
    {"empty",           {0, 0, FAULT_EMPTY, 0, 0, -1},        ANSWER_VECTOR,  0},
    {"nan",             {0, 0, FAULT_NAN, 0, 0, 0},           ANSWER_VECTOR,  1},
    {"inf",             {0, 0, FAULT_INF, 0, 0, 0},           ANSWER_VECTOR,  1},
    {"two",             {0, 0, FAULT_TWO, 0, 0, -1},          ANSWER_VECTOR,  2},
    {"status",          {0, 0, FAULT_STATUS, 401, 0, -1},     ANSWER_STATUS,  0},
    {"slow",            {0, 0, FAULT_SLOW, 0, 3 * S, -1},     ANSWER_TIMEOUT, 0},
    {"not slow enough", {0, 0, FAULT_SLOW, 0, 3 * S - 1, -1}, ANSWER_VECTOR,  1},
    {"gap",             {0, 0, FAULT_GAP, 0, 0, -1},          ANSWER_VECTOR,  1},
    {"garbled",         {0, 0, FAULT_GARBLED, 0, 0, -1},      ANSWER_GARBLED, 0},
    {"scalar",          {0, 0, FAULT_SCALAR, 0, 0, -1},       ANSWER_SCALAR,  0},
    {"another trigger", {0, 0, FAULT_EMPTY, 0, 0, 1},         ANSWER_VECTOR,  1},
};

/* From 45 s to 75 s; a gap shows the last value before it. */
static void test_fault(void **state)
{
    const struct fault_case *c = *state;
    struct fault_span span = c->span;
    struct world_setup s = setup_of("given{a=\"x\"}");
    struct mem_source *ms = given();
    struct answer got;
    struct made m;

    span.from = START + 45 * S;
    span.to = START + 75 * S;
    s.source = mem_source_base(ms);
    s.faults = &span;
    s.n_faults = 1;
    make(&m, &s);
    assert_true(ask(&m, 44).value == 2);
    got = ask(&m, 60);
    assert_int_equal(got.kind, c->kind);
    assert_int_equal(got.n, c->n);
    assert_int_equal(got.kind == ANSWER_STATUS ? got.status : 401, 401);
    if (c->span.kind == FAULT_GAP)
        assert_true(got.value == 2);
    assert_true(ask(&m, 75).value == 5);
    end(&m);
    mem_source_free(ms);
}

static void test_numbers(void **state)
{
    static const struct load_point points[] = {
        {START,           0 },
        {START + 100 * S, 50},
    };
    static const struct load_point *const numbers[] = {points};
    static const size_t counts[] = {COUNT(points)};
    struct trigger queue = {
        .type = {STR_INIT("azure-queue"), {0}}
    };
    struct scaled_object so = {.triggers = &queue, .n_triggers = 1};
    struct world_setup s = {.object = &so, .start = START, .features = PROMQL_FEATURES_DEFAULT};
    struct pod_world *w;
    struct fault f = {0};
    struct answer got;
    struct made m;

    (void)state;
    assert_int_equal(pod_world_new(&s, &w, &f), FER_EINVAL);
    assert_string_equal(f.text,
                        "trigger 0 of type 'azure-queue' needs to be told its number over time "
                        "(--number, or numbers in a test)");
    s.numbers = numbers;
    s.n_numbers = counts;
    make(&m, &s);
    got = ask(&m, 20);
    assert_int_equal(got.kind, ANSWER_NUMBER);
    assert_true(got.value == 10);
    assert_true(ask(&m, 200).value == 50);
    end(&m);
}

static struct load_case {
    const char *text;
    int n; /* -1: malformed */
    size_t at;
} load_cases[] = {
    {"0:30,5m:150,10m:0", 3,  0},
    {" 0 : 1.5 ",         1,  0},
    {"0:1,0:2",           -1, 4},
    {"5",                 -1, 0},
    {"0:x",               -1, 0},
    {"0:1,1m:-1",         -1, 4},
    {"0:1,1m:NaN",        -1, 4},
};

static void test_load(void **state)
{
    const struct load_case *c = *state;
    struct load_point *v;
    struct arena a = {0};
    struct fault f = {0};
    size_t n;
    int rc = load_parse(&a, str_of(c->text), START, &v, &n, &f);

    assert_int_equal(rc, c->n < 0 ? FER_EINVAL : 0);
    assert_int_equal(f.at, c->at);
    if (rc == 0)
        assert_int_equal(n, c->n);
    arena_release(&a);
}

/* Two triggers look at one series: the one that looks further back has its past all the same. */
static void test_one_past(void **state)
{
    struct pair_at near[] = {
        {{STR_INIT("query"), {0}}, {STR_INIT("n_total"), {0}}}
    };
    struct pair_at far[] = {
        {{STR_INIT("query"), {0}}, {STR_INIT("rate(n_total[1h])"), {0}}}
    };
    struct trigger triggers[] = {
        {.type = {STR_INIT("prometheus"), {0}}, .metadata = {near, COUNT(near)}},
        {.type = {STR_INIT("prometheus"), {0}}, .metadata = {far, COUNT(far)}  },
    };
    struct scaled_object two = {.triggers = triggers, .n_triggers = COUNT(triggers)};
    struct mem_source *from = mem_source_new(), *to = mem_source_new();
    struct labels ls = {counter, COUNT(counter)};
    struct source_range range = {START, START};
    struct promql_query q = {
        .text = str_of("count_over_time(n_total[50m])"), .start = START, .end = START};
    const struct promql_features features = PROMQL_FEATURES_DEFAULT;
    struct promql_result r;
    struct arena a = {0};
    struct fault f = {0};

    (void)state;
    for (int i = 59; i >= 0; i--)
        assert_int_equal(mem_source_append(from, ls, START - i * 60 * S, 0, 60 - i, NULL), 0);
    assert_int_equal(recording_copy(mem_source_base(from), &two, 1, range, to, &f), 0);
    assert_int_equal(promql_parse(&a, q.text, &features, &q.expr, &f), 0);
    assert_int_equal(promql_eval(mem_source_base(to), &a, &q, &r, &f), 0);
    assert_int_equal(r.n_series, 1);
    assert_true(r.series[0].samples[0].v >= 50);
    arena_release(&a);
    mem_source_free(from);
    mem_source_free(to);
}

/* What is copied of samples a minute apart, an hour long, for an hour from START on. */
static struct copy_case {
    const char *name, *first, *second; /* queries of two ScaledObjects; NULL: one */
    int64_t oldest, n_before;          /* minutes before START, and samples there */
} copy_cases[] = {
    {"no more than lookback",            "x",                                       NULL,           5,   5 },
    {"a range",                          "rate(x[10m])",                            NULL,           10,  10},
    {"an offset",                        "x offset 10m",                            NULL,           15,  15},
    {"an offset to later",               "x offset -10m",                           NULL,           5,   5 },
    {"a subquery",                       "max_over_time(x[10m:1m] offset 5m)",      NULL,           20,  20},
    {"a pinned one",                     "x @ 1767595800",                          NULL,           65,  11},
    {"a pinned range",                   "sum_over_time(x[3m] @ 1767595800)",       NULL,           65,  11},
    {"two of them, the newer one first", "x @ 1767595800 + x @ 1767592200",         NULL,           125, 17},
    {"one under a subquery",             "max_over_time((x @ 1767595800)[10m:1m])", NULL,           65,  11},
    {"a pinned subquery",                "max_over_time(x[10m:1m] @ 1767595800)",   NULL,           75,  21},
    {"one that is later",                "x @ 1767600000",                          NULL,           5,   5 },
    {"the evaluation's end",             "rate(x[10m] @ end())",                    NULL,           10,  10},
    {"two objects",                      "x",                                       "rate(x[20m])", 20,  20},
};

static struct scaled_object object_of(struct arena *a, const char *query)
{
    struct trigger *t = arena_new(a, struct trigger);
    struct pair_at *pair = arena_new(a, struct pair_at);

    pair->key.s = STR("query");
    pair->value.s = str_of(query);
    t->type.s = STR("prometheus");
    t->metadata.v = pair;
    t->metadata.n = 1;
    return (struct scaled_object){.triggers = t, .n_triggers = 1};
}

static void test_copy(void **state)
{
    const struct copy_case *c = *state;
    struct mem_source *from = mem_source_new(), *to = mem_source_new();
    struct source_range range = {1767599400000, 1767603000000};
    struct arena a = {0};
    struct labels ls = labels_set(&a, (struct labels){0}, STR(LABEL_NAME), STR("x"));
    struct scaled_object objects[2] = {object_of(&a, c->first),
                                       object_of(&a, c->second == NULL ? "1" : c->second)};
    struct promql_query q = {.text = STR("x[3h]"),
                             .start = range.from - 1,
                             .end = range.from - 1,
                             .features = PROMQL_FEATURES_DEFAULT};
    struct promql_result r;
    struct fault f;

    for (int i = -180; i <= 60; i++)
        assert_int_equal(mem_source_append(from, ls, range.from + i * 60 * S, 0, i, NULL), 0);
    assert_int_equal(recording_copy(mem_source_base(from), objects, 2, range, to, &f), 0);
    assert_int_equal(promql_parse(&a, q.text, &q.features, &q.expr, &f), 0);
    assert_int_equal(promql_eval(mem_source_base(to), &a, &q, &r, &f), 0);
    assert_int_equal(r.n_series, 1);
    assert_true(-r.series[0].samples[0].v == (double)c->oldest);
    assert_int_equal(r.series[0].n, c->n_before);
    arena_release(&a);
    mem_source_free(from);
    mem_source_free(to);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, copy_cases, test_copy, name);

    CASES_ADD_TABLE(&c, app_cases, test_app, name);
    CASES_ADD_TABLE(&c, answer_cases, test_answer, query);
    CASES_ADD_TABLE(&c, fault_cases, test_fault, name);
    CASES_ADD_TABLE(&c, load_cases, test_load, text);
    cases_add(&c, "it forgets what no query sees", test_forgets, NULL);
    cases_add(&c, "a recording's past is one for all triggers", test_one_past, NULL);
    cases_add(&c, "pods", test_pods, NULL);
    cases_add(&c, "too many pods", test_too_many_pods, NULL);
    cases_add(&c, "numbers", test_numbers, NULL);
    return CASES_RUN("world", &c);
}
