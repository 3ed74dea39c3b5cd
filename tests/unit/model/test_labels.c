/*
 * test_labels.c - label sets: order, storage rules, new sets, text; matchers; metadata.
 */
#include "cases.h"

#include "ferula/model/labels.h"
#include "ferula/model/matcher.h"
#include "ferula/model/metadata.h"

#define L(n, v)                                                                                    \
    {                                                                                              \
        STR_INIT(n), STR_INIT(v)                                                                   \
    }
#define SET(arr) ((struct labels){(arr), COUNT(arr)})
#define MAX_SET  4

/* Labels up to the first without a name and a value. */
static size_t count(const struct label *v)
{
    size_t n = 0;

    while (n < MAX_SET && (v[n].name.p != NULL || v[n].value.p != NULL))
        n++;
    return n;
}

static struct print_case {
    const char *name;
    struct label v[MAX_SET];
    const char *set, *series;
} prints[] = {
    {"nothing",           {{{0}, {0}}},                    "{}",                      "{}"                               },
    {"a name",            {L("__name__", "up")},           "{__name__=\"up\"}",       "up"                               },
    {"a name and labels",
     {L("__name__", "up"), L("a", "1"), L("b", "x\"y")},
     "{__name__=\"up\", a=\"1\", b=\"x\\\"y\"}",                                      "up{a=\"1\", b=\"x\\\"y\"}"        },
    {"no name",           {L("a", "1")},                   "{a=\"1\"}",               "{a=\"1\"}"                        },
    {"an odd name",
     {L("__name__", "odd name"), L("a", "1")},
     "{__name__=\"odd name\", a=\"1\"}",                                              "{\"odd name\", a=\"1\"}"          },
    {"only an odd name",  {L("__name__", "odd.name")},     "{__name__=\"odd.name\"}", "{\"odd.name\"}"                   },
    {"an odd label",
     {L("__name__", "a:b"), L("x.y", "1"), L("x:y", "2")},
     "{__name__=\"a:b\", \"x.y\"=\"1\", \"x:y\"=\"2\"}",                              "a:b{\"x.y\"=\"1\", \"x:y\"=\"2\"}"},
};

static void test_print(void **state)
{
    const struct print_case *c = *state;
    struct labels ls = {c->v, count(c->v)};
    struct buf b = {0};

    labels_print(&b, ls);
    assert_str(buf_str(&b), c->set);
    buf_reset(&b);
    labels_print_series(&b, ls);
    assert_str(buf_str(&b), c->series);
    buf_release(&b);
}

static struct normalise_case {
    const char *name;
    struct label v[MAX_SET];
    const char *want; /* a set, or an error */
    int rc;
} normals[] = {
    {"labels are sorted",
     {L("b", "2"), L("__name__", "m"), L("a", "1")},
     "{__name__=\"m\", a=\"1\", b=\"2\"}",                                                    0         },
    {"empty values are dropped",
     {L("__name__", "m"), L("a", ""), L("", "")},
     "{__name__=\"m\"}",                                                                      0         },
    {"a name is needed",         {L("a", "1")},                    "there is no metric name", FER_EINVAL},
    {"an empty name is none",
     {L("__name__", ""), L("a", "1")},
     "there is no metric name",                                                               FER_EINVAL},
    {"no label twice",
     {L("__name__", "m"), L("a", "1"), L("a", "2")},
     "label \"a\" is there twice",                                                            FER_EINVAL},
    {"no empty label name",      {L("__name__", "m"), L("", "1")}, "label name is empty",     FER_EINVAL},
    {"UTF-8 in names",
     {L("__name__", "m"), L("a\xff", "1")},
     "label \"a\\xff\" has a name that is not valid UTF-8",                                   FER_EINVAL},
    {"UTF-8 in values",
     {L("__name__", "\xff")},
     "label \"__name__\" has a value that is not valid UTF-8",                                FER_EINVAL},
};

static void test_normalise(void **state)
{
    struct normalise_case *c = *state;
    size_t n = count(c->v);
    struct fault f = {0};
    struct buf b = {0};

    assert_int_equal(labels_normalise(c->v, &n, &f), c->rc);
    if (c->rc == 0)
        labels_print(&b, (struct labels){c->v, n});
    else
        buf_puts(&b, f.text);
    assert_str(buf_str(&b), c->want);
    buf_release(&b);
}

/* What is left has a gap, or none, in front of the metadata, among it and behind it. */
static void test_gaps(void **state)
{
    static const struct label v[] = {L("A", "1"),        L("__name__", "m"), L("__type__", "t"),
                                     L("__unit__", "s"), L("__x__", "2"),    L("_z", "3"),
                                     L("a", "4"),        L("b", "5")};
    static const struct {
        size_t from, n;
        const char *want;
    } rows[] = {
        {0, 8, "{A=\"1\", __x__=\"2\", _z=\"3\", a=\"4\", b=\"5\"}"},
        {1, 7, "{__x__=\"2\", _z=\"3\", a=\"4\", b=\"5\"}"         },
        {3, 1, "{}"                                                },
        {0, 1, "{A=\"1\"}"                                         },
        {0, 2, "{A=\"1\"}"                                         },
        {5, 3, "{_z=\"3\", a=\"4\", b=\"5\"}"                      },
        {6, 2, "{a=\"4\", b=\"5\"}"                                },
        {0, 0, "{}"                                                },
    };
    struct arena a = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct labels ls = {v + rows[i].from, rows[i].n};
        struct buf b = {0};

        labels_print(&b, labels_without_metadata(&a, ls));
        assert_str(buf_str(&b), rows[i].want);
        assert_true(labels_eq(labels_drop(&a, ls, NULL, 0), ls));
        assert_int_equal(labels_keep(&a, ls, NULL, 0).n, 0);
        buf_release(&b);
    }
    arena_release(&a);
}

static void test_sets(void **state)
{
    static const struct label v[] = {L("__name__", "m"), L("__unit__", "s"), L("a", "1"),
                                     L("b", "2")};
    static const struct str names[] = {STR_INIT("b"), STR_INIT("__name__"), STR_INIT("z")};
    struct labels ls = SET(v), copy;
    struct arena a = {0};
    struct buf b = {0};

    (void)state;
    copy = labels_copy(&a, ls);
    assert_true(labels_eq(copy, ls) && labels_hash(copy) == labels_hash(ls));
    assert_ptr_not_equal(copy.v[0].value.p, v[0].value.p);
    assert_str(labels_get(ls, STR("b")), "2");
    assert_str(labels_get(ls, STR("z")), "");
    assert_true(labels_has(ls, STR("a")) && !labels_has(ls, STR("z")));
    assert_str(labels_name(ls), "m");
    labels_print(&b, labels_keep(&a, ls, names, COUNT(names)));
    labels_print(&b, labels_drop(&a, ls, names, COUNT(names)));
    labels_print(&b, labels_without(&a, ls, STR("a")));
    labels_print(&b, labels_without_metadata(&a, ls));
    labels_print(&b, labels_set(&a, ls, STR("a"), STR("9")));
    labels_print(&b, labels_set(&a, (struct labels){v + 2, 2}, STR("c"), STR("3")));
    labels_print(&b, labels_set(&a, (struct labels){v + 2, 2}, STR("aa"), STR("3")));
    labels_print(&b, labels_set(&a, (struct labels){v + 2, 2}, STR("a"), STR("")));
    assert_str(buf_str(&b), "{__name__=\"m\", b=\"2\"}"
                            "{__unit__=\"s\", a=\"1\"}"
                            "{__name__=\"m\", __unit__=\"s\", b=\"2\"}"
                            "{a=\"1\", b=\"2\"}"
                            "{__name__=\"m\", __unit__=\"s\", a=\"9\", b=\"2\"}"
                            "{a=\"1\", b=\"2\", c=\"3\"}"
                            "{a=\"1\", aa=\"3\", b=\"2\"}"
                            "{b=\"2\"}");
    buf_release(&b);
    arena_release(&a);
}

static void test_order(void **state)
{
    static const struct label a1[] = {L("a", "1")}, a2[] = {L("a", "2")};
    static const struct label a1b1[] = {L("a", "1"), L("b", "1")}, b1[] = {L("b", "1")};
    static const struct label ab[] = {L("a", "1b"), L("c", "")},
                              moved[] = {L("a1", "b"), L("c", "")};
    const struct labels up[] = {
        {NULL, 0},
        SET(a1), SET(a1b1), SET(a2), SET(b1)
    };

    (void)state;
    for (size_t i = 0; i < COUNT(up); i++)
        for (size_t k = 0; k < COUNT(up); k++) {
            int d = labels_cmp(up[i], up[k]);

            assert_int_equal((d > 0) - (d < 0), (i > k) - (i < k));
            assert_int_equal(labels_eq(up[i], up[k]), i == k);
            assert_int_equal(labels_hash(up[i]) == labels_hash(up[k]), i == k);
        }
    assert_true(labels_hash(SET(ab)) != labels_hash(SET(moved)));
}

static void test_long_hash(void **state)
{
    static char text[5000];
    struct label v[] = {
        {STR_INIT("a"), {text, sizeof(text)}}
    };
    uint64_t h = labels_hash(SET(v));

    (void)state;
    assert_true(h == labels_hash(SET(v)));
    v[0].value.n--;
    assert_true(h != labels_hash(SET(v)));
}

static struct matcher_case {
    const char *name;
    enum match_op op;
    struct str value;
    const char *text; /* printed */
    bool on_empty, on_foo, on_bar;
} matchers[] = {
    {"equal",            MATCH_EQ,  STR_INIT("foo"),   "a=\"foo\"",      false, true,  false},
    {"equal to nothing", MATCH_EQ,  STR_INIT(""),      "a=\"\"",         true,  false, false},
    {"not equal",        MATCH_NE,  STR_INIT("foo"),   "a!=\"foo\"",     true,  false, true },
    {"not nothing",      MATCH_NE,  STR_INIT(""),      "a!=\"\"",        false, true,  true },
    {"like",             MATCH_RE,  STR_INIT("f.*|"),  "a=~\"f.*|\"",    true,  true,  false},
    {"not like",         MATCH_NRE, STR_INIT("f\\w+"), "a!~\"f\\\\w+\"", true,  false, true },
};

static void test_matcher(void **state)
{
    static const struct label foo[] = {L("a", "foo")}, other[] = {L("b", "foo")};
    const struct matcher_case *c = *state;
    struct arena a = {0};
    struct buf b = {0};
    struct matcher m;

    assert_int_equal(matcher_init(&m, &a, c->op, STR("a"), c->value, NULL), 0);
    assert_int_equal(matcher_matches(&m, STR("")), c->on_empty);
    assert_int_equal(matcher_matches(&m, STR("foo")), c->on_foo);
    assert_int_equal(matcher_matches(&m, STR("bar")), c->on_bar);
    assert_int_equal(matchers_match(&m, 1, SET(foo)), c->on_foo);
    assert_int_equal(matchers_match(&m, 1, SET(other)), c->on_empty);
    assert_true(matchers_match(&m, 0, SET(other)));
    matcher_print(&b, &m);
    assert_str(buf_str(&b), c->text);
    buf_release(&b);
    arena_release(&a);
}

static void test_bad_matcher(void **state)
{
    struct arena a = {0};
    struct fault f = {0};
    struct matcher m;

    (void)state;
    assert_int_equal(matcher_init(&m, &a, MATCH_NRE, STR("a"), STR("("), &f), FER_EINVAL);
    assert_string_equal(f.text, "error parsing regexp: missing closing ): `(`");
    arena_release(&a);
}

static void test_metadata(void **state)
{
    (void)state;
    for (int t = METRIC_UNKNOWN; t <= METRIC_STATESET; t++)
        assert_int_equal(metric_type_of(str_of(metric_type_text((enum metric_type)t))), t);
    assert_string_equal(metric_type_text((enum metric_type)99), "unknown");
    assert_int_equal(metric_type_of(STR("untyped")), METRIC_UNKNOWN);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, prints, test_print, name);
    CASES_ADD_TABLE(&c, normals, test_normalise, name);
    cases_add(&c, "new sets from old ones", test_sets, NULL);
    cases_add(&c, "sets without metadata, with gaps and without", test_gaps, NULL);
    cases_add(&c, "sets have one order, and hashes of their own", test_order, NULL);
    cases_add(&c, "a long set is hashed whole", test_long_hash, NULL);
    CASES_ADD_TABLE(&c, matchers, test_matcher, name);
    cases_add(&c, "a bad pattern is refused", test_bad_matcher, NULL);
    cases_add(&c, "metric types have names", test_metadata, NULL);
    return CASES_RUN("model labels", &c);
}
