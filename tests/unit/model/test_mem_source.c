/*
 * test_mem_source.c - series in memory, asked as any source is asked.
 */
#include "cases.h"

#include "ferula/model/histogram.h"
#include "ferula/model/source.h"

static const struct source_range ALL = {INT64_MIN, INT64_MAX};

static void add(struct mem_source *ms, struct str name, struct str job, const struct sample *s,
                size_t n)
{
    const struct label v[] = {
        {STR(LABEL_NAME), name},
        {STR("job"),      job }
    };

    mem_source_add(ms, (struct labels){v, COUNT(v)}, s, n);
}

static void test_merge(void **state)
{
    static const struct sample first[] = {
        {10, 1},
        {20, 2},
        {40, 4}
    };
    static const struct sample later[] = {
        {5,  0 },
        {20, 22},
        {30, 3 },
        {50, 5 },
        {50, 55}
    };
    static const struct sample want[] = {
        {5,  0 },
        {10, 1 },
        {20, 22},
        {30, 3 },
        {40, 4 },
        {50, 55}
    };
    struct mem_source *ms = mem_source_new();
    struct source *src = mem_source_base(ms);
    struct source_selection *sel;
    struct sample_vec sv = {0};
    struct arena a = {0};

    (void)state;
    add(ms, STR("m"), STR("x"), first, COUNT(first));
    add(ms, STR("m"), STR("x"), later, COUNT(later));
    assert_int_equal(src->ops->select(src, &a, NULL, 0, ALL, &sel, NULL), 0);
    assert_int_equal(sel->n, 1);
    assert_int_equal(source_read_floats(sel, 0, &sv, NULL), 0);
    assert_int_equal(sv.n, COUNT(want));
    assert_memory_equal(sv.v, want, sizeof(want));
    sample_vec_release(&sv);
    arena_release(&a);
    mem_source_free(ms);
}

static struct range_case {
    const char *name;
    struct source_range range;
    size_t n_series, n_samples; /* of series m, which has 10, 20, 30 */
} ranges[] = {
    {"all",                  {INT64_MIN, INT64_MAX}, 2, 3},
    {"both ends are within", {10, 30},               2, 3},
    {"one sample",           {20, 20},               2, 1},
    {"between samples",      {11, 19},               0, 0},
    {"before",               {0, 9},                 0, 0},
    {"after",                {31, 99},               0, 0},
    {"from the middle on",   {15, 99},               2, 2},
};

static void test_range(void **state)
{
    static const struct sample s[] = {
        {10, 1},
        {20, 2},
        {30, 3}
    };
    const struct range_case *c = *state;
    struct mem_source *ms = mem_source_new();
    struct source *src = mem_source_base(ms);
    struct source_selection *sel;
    struct sample_vec sv = {0};
    struct arena a = {0};

    add(ms, STR("n"), STR("x"), s, COUNT(s));
    add(ms, STR("m"), STR("x"), s, COUNT(s));
    assert_int_equal(src->ops->select(src, &a, NULL, 0, c->range, &sel, NULL), 0);
    assert_int_equal(sel->n, c->n_series);
    if (sel->n > 0) {
        assert_str(labels_name(sel->series[0].labels), "m");
        assert_int_equal(source_read_floats(sel, 0, &sv, NULL), 0);
    }
    assert_int_equal(sv.n, c->n_samples);
    sample_vec_release(&sv);
    arena_release(&a);
    mem_source_free(ms);
}

static void test_many(void **state)
{
    struct mem_source *ms = mem_source_new();
    struct source *src = mem_source_base(ms);
    struct source_selection *sel;
    struct arena a = {0};

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            struct sample s = {round, i};

            add(ms, STR("m"), arena_printf(&a, "%03d", i * 7 % 1000), &s, 1);
        }
    assert_int_equal(src->ops->select(src, &a, NULL, 0, ALL, &sel, NULL), 0);
    assert_int_equal(sel->n, 1000);
    for (size_t i = 1; i < sel->n; i++)
        assert_true(labels_cmp(sel->series[i - 1].labels, sel->series[i].labels) < 0);
    mem_source_clear(ms);
    assert_int_equal(src->ops->select(src, &a, NULL, 0, ALL, &sel, NULL), 0);
    assert_int_equal(sel->n, 0);
    arena_release(&a);
    mem_source_free(ms);
}

/* What is left of series m (10, 20, 30 and a histogram at 40) and n (10) after a drop. */
static struct drop_case {
    const char *name;
    ts_ms t;
    size_t n_series, n_floats, n_hists;
} drops[] = {
    {"nothing is old",         10, 2, 3, 1},
    {"a series is gone",       11, 1, 2, 1},
    {"the bound itself stays", 20, 1, 2, 1},
    {"a histogram alone",      31, 1, 0, 1},
    {"all",                    41, 0, 0, 0},
};

static void test_drop(void **state)
{
    static const struct label name = {STR_INIT(LABEL_NAME), STR_INIT("m")};
    const struct drop_case *c = *state;
    struct mem_source *ms = mem_source_new();
    struct source *src = mem_source_base(ms);
    struct histogram h = {.count = 4};
    struct source_selection *sel;
    struct arena a = {0};
    struct series_samples ss = {.arena = &a};

    for (ts_ms t = 10; t <= 30; t += 10)
        assert_int_equal(mem_source_append(ms, (struct labels){&name, 1}, t, t - 5, 1, NULL), 0);
    assert_int_equal(mem_source_append(ms, (struct labels){&name, 1}, 40, 35, 0, &h), 0);
    add(ms, STR("n"), STR("x"), &(struct sample){10, 1}, 1);
    mem_source_drop(ms, c->t);
    assert_int_equal(src->ops->select(src, &a, NULL, 0, ALL, &sel, NULL), 0);
    assert_int_equal(sel->n, c->n_series);
    if (sel->n > 0) {
        assert_int_equal(src->ops->read(sel, 0, &ss, NULL), 0);
        assert_int_equal(ss.f.n, c->n_floats);
        assert_int_equal(ss.h.n, c->n_hists);
        for (size_t i = 0; i < ss.f.n; i++)
            assert_int_equal(ss.f_start.v[i], ss.f.v[i].t - 5);
        assert_true(ss.h.n == 0 || ss.h.v[0].h->count == 4);
    }
    /* What comes later finds its series. */
    assert_int_equal(mem_source_append(ms, (struct labels){&name, 1}, 50, 0, 1, NULL), 0);
    assert_int_equal(src->ops->select(src, &a, NULL, 0, (struct source_range){50, 50}, &sel, NULL),
                     0);
    assert_int_equal(sel->n, 1);
    series_samples_release(&ss);
    arena_release(&a);
    mem_source_free(ms);
}

static void test_names_and_values(void **state)
{
    static const struct sample early = {10, 1}, late = {90, 1};
    struct mem_source *ms = mem_source_new();
    struct source *src = mem_source_base(ms);
    struct arena a = {0};
    struct matcher m;
    struct str *v;
    size_t n;

    (void)state;
    add(ms, STR("m"), STR("b"), &early, 1);
    add(ms, STR("m"), STR("a"), &early, 1);
    add(ms, STR("n"), STR("a"), &late, 1);
    assert_int_equal(src->ops->label_names(src, &a, NULL, 0, ALL, &v, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_str(v[0], "__name__");
    assert_str(v[1], "job");
    assert_int_equal(src->ops->label_values(src, &a, STR("job"), NULL, 0, ALL, &v, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_str(v[0], "a");
    assert_str(v[1], "b");
    assert_int_equal(matcher_init(&m, &a, MATCH_EQ, STR(LABEL_NAME), STR("n"), NULL), 0);
    assert_int_equal(src->ops->label_values(src, &a, STR("job"), &m, 1, ALL, &v, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_int_equal(src->ops->label_values(src, &a, STR("job"), &m, 1,
                                            (struct source_range){0, 50}, &v, &n, NULL),
                     0);
    assert_int_equal(n, 0);
    assert_int_equal(src->ops->label_values(src, &a, STR("zone"), NULL, 0, ALL, &v, &n, NULL), 0);
    assert_int_equal(n, 0);
    arena_release(&a);
    mem_source_free(ms);
}

/* Samples of one series, in order, and what is read of them. */
static void test_append(void **state)
{
    static const struct {
        ts_ms t, start;
        double count; /* of a histogram; 0: a float */
        int rc;
        enum histogram_hint hint;
    } rows[] = {
        {10, 0,  0, 0,          0                  },
        {20, 0,  4, 0,          HISTOGRAM_UNKNOWN  }, /* after a float */
        {30, 25, 5, 0,          HISTOGRAM_NOT_RESET},
        {30, 0,  6, FER_EINVAL, 0                  },
        {25, 0,  0, FER_EINVAL, 0                  },
        {40, 25, 3, 0,          HISTOGRAM_UNKNOWN  }, /* a reset */
        {50, 45, 0, 0,          0                  },
        {60, 0,  7, 0,          HISTOGRAM_UNKNOWN  },
    };
    static const struct label name = {STR(LABEL_NAME), STR("m")};
    struct mem_source *ms = mem_source_new();
    struct source *src = mem_source_base(ms);
    struct source_selection *sel;
    struct arena a = {0};
    struct series_samples ss = {.arena = &a};
    size_t n = 0, n_hists = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct histogram h = {.count = rows[i].count};

        assert_int_equal(mem_source_append(ms, (struct labels){&name, 1}, rows[i].t, rows[i].start,
                                           (double)i, rows[i].count > 0 ? &h : NULL),
                         rows[i].rc);
    }
    assert_int_equal(src->ops->select(src, &a, NULL, 0, ALL, &sel, NULL), 0);
    assert_int_equal(src->ops->read(sel, 0, &ss, NULL), 0);
    assert_int_equal(ss.f_start.n, ss.f.n);
    assert_int_equal(ss.h_start.n, ss.h.n);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].rc < 0)
            continue;
        if (rows[i].count > 0) {
            assert_int_equal(ss.h.v[n_hists].t, rows[i].t);
            assert_int_equal(ss.h_start.v[n_hists], rows[i].start);
            assert_int_equal(ss.h.v[n_hists].h->hint, rows[i].hint);
            assert_true(ss.h.v[n_hists++].h->count == rows[i].count);
        } else {
            assert_int_equal(ss.f.v[n].t, rows[i].t);
            assert_int_equal(ss.f_start.v[n], rows[i].start);
            assert_true(ss.f.v[n++].v == (double)i);
        }
    }
    assert_int_equal(n, ss.f.n);
    assert_int_equal(n_hists, ss.h.n);
    series_samples_release(&ss);
    arena_release(&a);
    mem_source_free(ms);
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "samples are merged by time, the later word counts", test_merge, NULL);
    CASES_ADD_TABLE(&c, drops, test_drop, name);
    CASES_ADD_TABLE(&c, ranges, test_range, name);
    cases_add(&c, "many series are found again and come sorted", test_many, NULL);
    cases_add(&c, "names and values", test_names_and_values, NULL);
    cases_add(&c, "floats, histograms and start timestamps of one series", test_append, NULL);
    return CASES_RUN("model mem_source", &c);
}
