/*
 * test_exemplars.c - exemplars: which are kept, for how long, and how they are found.
 */
#include "cases.h"
#include "fixture.h"

static void open_with(struct fixture *fx, size_t most)
{
    fx_init(fx);
    fx->opts.max_exemplars = most;
    fx_open(fx);
    fx_put(fx, "__name__=a,job=x", T0, 1);
    fx_put(fx, "__name__=b,job=x", T0, 1);
}

/* An exemplar of a series, with the label trace="...". Returns 1: stored, 0: refused. */
static int add(struct fixture *fx, const char *labels, ts_ms t, double v, const char *trace)
{
    struct label l = {STR("trace"), str_of(trace)};
    struct tsdb_new_series ns = {.labels = fx_labels(&fx->arena, labels), .raw = fx_raw(labels)};
    struct tsdb_exemplar e = {
        .exemplar = {{&l, 1}, v, t}
    };
    struct tsdb_write w = {
        .arena = &fx->arena, .exemplars = &e, .n_exemplars = 1, .series = &ns, .n_series = 1};

    assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
    assert_int_equal(w.n_exemplars_stored + w.n_exemplars_refused, 1);
    return (int)w.n_exemplars_stored;
}

/* "a: t1 t2; b: t3; ", times from T0 on. */
static void found(struct fixture *fx, const char *name, struct source_range r, struct buf *out)
{
    struct matcher m;
    struct tsdb_match set = {&m, 1};
    struct tsdb_exemplars *v;
    struct fault f = {0};
    size_t n;

    assert_int_equal(matcher_init(&m, &fx->arena, MATCH_RE, STR("__name__"), str_of(name), &f), 0);
    assert_int_equal(tsdb_query_exemplars(fx->db, &fx->arena, &set, 1, r, &v, &n, &f), 0);
    buf_reset(out);
    buf_puts(out, "");
    for (size_t i = 0; i < n; i++) {
        buf_add_str(out, labels_get(v[i].labels, STR("__name__")));
        for (size_t k = 0; k < v[i].n; k++) {
            buf_addf(out, " %lld=", (long long)(v[i].v[k].t - T0));
            buf_add_str(out, labels_get(v[i].v[k].labels, STR("trace")));
        }
        buf_puts(out, "; ");
    }
}

static void assert_found(struct fixture *fx, const char *name, ts_ms from, ts_ms to,
                         const char *want)
{
    struct buf got = {0};

    found(fx, name, (struct source_range){T0 + from, T0 + to}, &got);
    assert_string_equal(got.p, want);
    buf_release(&got);
}

/* A second exemplar after {T0, 5, "m"}. */
static struct rule_case {
    const char *name;
    ts_ms later;
    double v;
    const char *trace;
    dur_ms window;
    int stored;
    const char *want;
} rules[] = {
    {"newer",                           1,  1, "a", 0, 1, "a 0=m 1=a; " },
    {"the same again",                  0,  5, "m", 0, 1, "a 0=m; "     },
    {"older",                           -1, 9, "z", 0, 0, "a 0=m; "     },
    {"older, within the window",        -1, 9, "z", 5, 1, "a -1=z 0=m; "},
    {"at the end of the window",        -5, 9, "z", 5, 0, "a 0=m; "     },
    {"at its time, of a larger value",  0,  6, "a", 0, 1, "a 0=m 0=a; " },
    {"at its time, of a smaller value", 0,  4, "z", 0, 0, "a 0=m; "     },
};

static void test_rule(void **state)
{
    const struct rule_case *c = *state;
    struct fixture fx;

    open_with(&fx, 10);
    fx.opts.ooo_window = c->window;
    fx_reopen(&fx);
    assert_int_equal(add(&fx, "__name__=a,job=x", T0, 5, "m"), 1);
    fx_crash(&fx);
    assert_int_equal(add(&fx, "__name__=a,job=x", T0 + c->later, c->v, c->trace), c->stored);
    assert_found(&fx, "a", -100, 100, c->want);
    fx_crash(&fx);
    assert_found(&fx, "a", -100, 100, c->want);
    fx_release(&fx);
}

static void test_newest_are_kept(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 4);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add(&fx, "__name__=a,job=x", T0 + i, 1, "p"), 1);
        assert_int_equal(add(&fx, "__name__=b,job=x", T0 + 10 * i, 1, "q"), 1);
    }
    assert_found(&fx, ".+", 0, 100, "a 1=p 2=p; b 10=q 20=q; ");
    assert_found(&fx, ".+", 2, 10, "a 2=p; b 10=q; ");
    assert_found(&fx, "none", 0, 100, "");
    /* When the last of a series has gone, any time is good again. */
    for (int i = 0; i < 4; i++)
        assert_int_equal(add(&fx, "__name__=b,job=x", T0 + 30 + i, 1, "q"), 1);
    assert_found(&fx, "a", 0, 100, "");
    assert_int_equal(add(&fx, "__name__=a,job=x", T0, 1, "r"), 1);
    assert_found(&fx, ".+", 0, 100, "a 0=r; b 31=q 32=q 33=q; ");
    fx.opts.max_exemplars = 2;
    fx_reopen(&fx);
    assert_found(&fx, ".+", 0, 100, "a 0=r; b 33=q; ");
    tsdb_settle(fx.db);
    fx.opts.max_exemplars = 9;
    fx_reopen(&fx);
    assert_found(&fx, ".+", 0, 100, "a 0=r; b 33=q; ");
    fx_release(&fx);
}

static void test_refused(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 4);
    assert_int_equal(add(&fx, "__name__=unknown", T0, 1, "p"), 0);
    fx_crash(&fx);
    assert_found(&fx, ".*", 0, 100, "");
    fx_release(&fx);
}

/* Long names and values, and a series that retention takes out. */
static void test_rows(void **state)
{
    struct fixture fx;
    struct buf text = {0}, got = {0};

    (void)state;
    open_with(&fx, 100);
    for (int i = 0; i < 300; i++)
        buf_puts(&text, "é");
    assert_int_equal(add(&fx, "__name__=a,job=x", T0, 1, text.p), 1);
    found(&fx, "a", (struct source_range){T0, T0}, &got);
    assert_int_equal(got.n, text.n + strlen("a 0=; "));
    fx.opts.retention = INT64_C(3600) * 1000;
    fx_reopen(&fx);
    clock_manual_advance(&fx.clock, INT64_C(10 * 3600) * 1000);
    fx_put(&fx, "__name__=c", T0 + INT64_C(10 * 3600) * 1000, 1);
    tsdb_settle(fx.db);
    assert_found(&fx, ".+", 0, 100, "");
    fx_crash(&fx);
    assert_found(&fx, ".+", 0, 100, "");
    buf_release(&text);
    buf_release(&got);
    fx_release(&fx);
}

static void test_none(void **state)
{
    struct fixture fx;
    struct label l = {STR("trace"), STR("p")};
    struct tsdb_exemplar e = {
        .exemplar = {{&l, 1}, 1, T0}
    };
    struct tsdb_write w = {.exemplars = &e, .n_exemplars = 1};

    (void)state;
    open_with(&fx, 0);
    w.arena = &fx.arena;
    e.id = tsdb_find_raw(fx.db, fx_raw("__name__=a,job=x"));
    assert_int_equal(tsdb_write_sync(fx.db, &w), 0);
    assert_int_equal(w.n_exemplars_stored + w.n_exemplars_refused, 0);
    assert_found(&fx, ".+", 0, 100, "");
    fx_release(&fx);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, rules, test_rule, name);
    cases_add(&c, "the newest are kept", test_newest_are_kept, NULL);
    cases_add(&c, "of a series that is not there", test_refused, NULL);
    cases_add(&c, "long texts, and series that go", test_rows, NULL);
    cases_add(&c, "none are kept", test_none, NULL);
    return CASES_RUN("tsdb exemplars", &c);
}
