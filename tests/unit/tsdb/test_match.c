/*
 * test_match.c - matchers and label queries against a plain search through the same series.
 */
#include "fixture.h"

#define N_SERIES 3000

static struct labels all[N_SERIES];
static size_t n_all;

static const char *const names[] = {"env", "job", "pod", "zone"};
static const char *const values[] = {"a", "b", "c", "prod", "web-1", "web-2", "10.0.0.1:80", "é"};

static struct labels random_labels(struct arena *a, uint64_t *random, size_t i)
{
    struct label *v = arena_array(a, struct label, COUNT(names) + 2);
    size_t n = 0;

    v[n++] = (struct label){STR(LABEL_NAME), arena_printf(a, "m%d", (int)(fx_random(random) % 3))};
    for (size_t k = 0; k < COUNT(names); k++)
        if (fx_random(random) % 3 != 0)
            v[n++] =
                (struct label){str_of(names[k]), str_of(values[fx_random(random) % COUNT(values)])};
    v[n++] = (struct label){STR("~unique"), arena_printf(a, "%zu", i)};
    return (struct labels){v, n};
}

static int setup(void **state)
{
    struct fixture *fx = xnew(struct fixture);
    uint64_t random = fx_random_start();
    struct sample s = {T0, 1};

    fx_init(fx);
    fx_open(fx);
    for (n_all = 0; n_all < N_SERIES;) {
        struct tsdb_new_series ns[100] = {0};
        struct tsdb_row rows[100] = {0};
        struct tsdb_write w = {.arena = &fx->arena,
                               .rows = rows,
                               .n_rows = COUNT(rows),
                               .samples = &s,
                               .n_samples = 1,
                               .series = ns,
                               .n_series = COUNT(ns)};

        for (uint32_t i = 0; i < COUNT(ns); i++, n_all++) {
            ns[i].labels = all[n_all] = random_labels(&fx->arena, &random, n_all);
            ns[i].raw = hash_keyed128(&n_all, sizeof(n_all));
            rows[i] = (struct tsdb_row){.new_series = i, .n = 1};
        }
        assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
        assert_int_equal(w.n_verdicts[TSDB_STORED], COUNT(ns));
    }
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    fx_release(*state);
    free(*state);
    return 0;
}

static struct matcher random_matcher(struct fixture *fx, uint64_t *random)
{
    static const char *const patterns[] = {"a|b",   "",         ".*",    ".+",     "web-.*",
                                           "a|",    "(a|b)",    "[a-c]", "none",   "none|",
                                           ".*1.*", "prod|zzz", "web-1", "(|.+)x", "10\\..*"};
    static const char *const labels[] = {LABEL_NAME, "env", "job", "pod", "zone", "missing"};
    static const char *const exact[] = {"a", "b", "", "prod", "m0", "m1", "none", "é"};
    enum match_op op = (enum match_op)(fx_random(random) % 4);
    struct str name = str_of(labels[fx_random(random) % COUNT(labels)]);
    const char *text = op == MATCH_EQ || op == MATCH_NE
                           ? exact[fx_random(random) % COUNT(exact)]
                           : patterns[fx_random(random) % COUNT(patterns)];
    struct matcher m;
    struct fault f;

    assert_int_equal(matcher_init(&m, &fx->arena, op, name, str_of(text), &f), 0);
    return m;
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(*(const struct labels *)a, *(const struct labels *)b);
}

static size_t search(struct fixture *fx, const struct matcher *m, size_t n, struct labels **out)
{
    size_t found = 0;

    *out = arena_array(&fx->arena, struct labels, N_SERIES);
    for (size_t i = 0; i < n_all; i++)
        if (matchers_match(m, n, all[i]))
            (*out)[found++] = all[i];
    qsort(*out, found, sizeof(**out), by_labels);
    return found;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void assert_texts(struct fixture *fx, const struct labels *found, size_t n_found,
                         const char *name, const struct str *got, size_t n_got)
{
    struct str *want = arena_array(&fx->arena, struct str, n_found * 8 + 1);
    size_t n = 0, unique = 0;

    for (size_t i = 0; i < n_found; i++)
        for (size_t k = 0; k < found[i].n; k++)
            if (name == NULL || str_is(found[i].v[k].name, name))
                want[n++] = name == NULL ? found[i].v[k].name : found[i].v[k].value;
    qsort(want, n, sizeof(*want), by_text);
    for (size_t i = 0; i < n; i++)
        if (unique == 0 || !str_eq(want[unique - 1], want[i]))
            want[unique++] = want[i];
    assert_int_equal(n_got, unique);
    for (size_t i = 0; i < unique; i++)
        assert_true(str_eq(got[i], want[i]));
}

static void test_random_matchers(void **state)
{
    struct fixture *fx = *state;
    struct source *src = tsdb_source(fx->db);
    uint64_t random = fx_random_start();
    struct source_range range = {INT64_MIN, INT64_MAX};

    for (int round = 0; round < 400; round++) {
        struct matcher m[4];
        size_t n = fx_random(&random) % 5, n_want, n_got;
        struct source_selection *sel;
        struct labels *want;
        struct str *texts;
        struct fault f;

        for (size_t i = 0; i < n; i++)
            m[i] = random_matcher(fx, &random);
        n_want = search(fx, m, n, &want);
        sel = fx_select(fx, m, n, range.from, range.to);
        assert_int_equal(sel->n, n_want);
        for (size_t i = 0; i < n_want; i++)
            assert_true(labels_eq(sel->series[i].labels, want[i]));
        assert_int_equal(src->ops->label_names(src, &fx->arena, m, n, range, &texts, &n_got, &f),
                         0);
        assert_texts(fx, want, n_want, NULL, texts, n_got);
        assert_int_equal(
            src->ops->label_values(src, &fx->arena, STR("pod"), m, n, range, &texts, &n_got, &f),
            0);
        assert_texts(fx, want, n_want, "pod", texts, n_got);
    }
}

static void test_after_reopen(void **state)
{
    fx_reopen(*state);
    test_random_matchers(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_matchers),
        cmocka_unit_test(test_after_reopen),
    };

    return cmocka_run_group_tests_name("tsdb matchers", tests, setup, teardown);
}
