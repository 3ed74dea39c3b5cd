/*
 * story_read.c - a test file from its YAML: the file, and the half of each test that is promtool's.
 */
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "manifest_priv.h"
#include "story_load.h"

#define DEFAULT_INTERVAL_MS 60000 /* promtool's evaluation_interval */
#define MAX_KEY_BYTES       64
#define MAX_INTERVAL_MS     ((dur_ms)366 * 24 * 3600 * 1000)

/* ---- mappings and lists ----------------------------------------------------------------- */

void story__wrong(struct loader *l, const struct tree *t, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    complain(l->complaints, t->at, true, "%s", b.p);
    buf_release(&b);
}

/* What a key was probably meant to be; NULL: like none of them. */
static const char *near_key(struct str key, const struct story_key *keys, size_t n)
{
    size_t least = MIN(key.n / 2, 3) + 1;
    const char *near = NULL;

    for (size_t i = 0; i < n && key.n <= MAX_KEY_BYTES; i++) {
        size_t d = str_distance(key, str_of(keys[i].name));

        if (d < least) {
            least = d;
            near = keys[i].name;
        }
    }
    return near;
}

static void unknown_key(struct loader *l, const struct text_at *key, const struct story_key *keys,
                        size_t n)
{
    const char *near = near_key(key->s, keys, n);
    struct buf b = {0};

    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i == 0 ? "" : ", ", keys[i].name);
    complain(l->complaints, key->at, true, "unknown field '" STR_FMT "'%s%s%s; there are %s",
             STR_ARG(key->s), near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
             near == NULL ? "" : "'?", b.p);
    buf_release(&b);
}

void story__map(struct loader *l, const struct tree *t, const struct story_key *keys, size_t n,
                void *target)
{
    if (t->kind != TREE_MAP) {
        story__wrong(l, t, "expected a mapping, got %s", autoscale__tree_type(t));
        return;
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct tree_pair *p = &t->pairs[i];
        size_t k = 0;

        while (k < n && !str_is(p->key.s, keys[k].name))
            k++;
        if (k == n)
            unknown_key(l, &p->key, keys, n);
        else if (p->value->kind != TREE_NULL)
            keys[k].read(l, p->value, (char *)target + keys[k].at);
    }
}

void story__list(struct loader *l, const struct tree *t, size_t size, story_reader *item, void *out,
                 size_t *n)
{
    const struct tree *const *items = (const struct tree *const *)t->items;
    char *v;

    *n = t->n;
    if (t->kind == TREE_MAP) {
        items = &t;
        *n = 1;
    } else if (t->kind != TREE_LIST) {
        story__wrong(l, t, "expected a list, got %s", autoscale__tree_type(t));
        *n = 0;
        return;
    }
    v = arena_calloc(l->a, *n, size, _Alignof(max_align_t));
    for (size_t i = 0; i < *n; i++)
        item(l, items[i], v + i * size);
    *(void **)out = v;
}

/* ---- scalars ---------------------------------------------------------------------------- */

void story__text(struct loader *l, const struct tree *v, void *target)
{
    if (v->kind == TREE_LIST || v->kind == TREE_MAP)
        story__wrong(l, v, "expected a text, got %s", autoscale__tree_type(v));
    else
        *(struct text_at *)target = (struct text_at){v->text, v->at};
}

void story__bool(struct loader *l, const struct tree *v, void *target)
{
    if (v->kind != TREE_BOOL)
        story__wrong(l, v, "expected true or false, got %s", autoscale__tree_type(v));
    else
        *(bool *)target = v->truth;
}

/* Also as YAML writes what is not finite: .inf, -.Inf, .NaN. */
void story__number(struct loader *l, const struct tree *v, void *target)
{
    struct text_at text = {0};
    const char *dot;
    struct str s;

    story__text(l, v, &text);
    s = text.s;
    dot = s.n > 3 ? memchr(s.p, '.', s.n) : NULL;
    if (dot != NULL && (s.p + s.n - dot == 4) && ((dot[1] | 32) == 'i' || (dot[1] | 32) == 'n')) {
        *(double *)target = (dot[1] | 32) == 'n' ? NAN : s.p[0] == '-' ? -INFINITY : INFINITY;
        return;
    }
    if (!num_parse(s, target, NULL))
        story__wrong(l, v, "'" STR_FMT "' is no number", STR_ARG(s));
}

void story__count(struct loader *l, const struct tree *v, void *target)
{
    if (v->kind != TREE_INTEGER || v->integer < 0 || v->integer > INT32_MAX)
        story__wrong(l, v, "'" STR_FMT "' is no number of at least 0", STR_ARG(v->text));
    else
        *(int64_t *)target = v->integer;
}

void story__duration(struct loader *l, const struct tree *v, void *target)
{
    struct text_at text = {0};
    struct fault f;

    story__text(l, v, &text);
    if (text.s.p != NULL && duration_parse(text.s, target, &f) < 0)
        story__wrong(l, v, "%s", f.text);
}

void story__tree(struct loader *l, const struct tree *v, void *target)
{
    (void)l;
    *(const struct tree **)target = v;
}

/* ---- promtool's half -------------------------------------------------------------------- */

static void read_start(struct loader *l, const struct tree *v, void *target)
{
    struct text_at text = {0};
    double seconds;

    story__text(l, v, &text);
    if (num_parse(text.s, &seconds, NULL) && fabs(seconds) < 1e11)
        *(ts_ms *)target = (ts_ms)llround(seconds * 1000);
    else if (time_parse_rfc3339(text.s, target) < 0)
        story__wrong(l, v, "cannot parse \"" STR_FMT "\" to a valid timestamp", STR_ARG(text.s));
}

static void read_series_item(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"series", story__text, offsetof(struct story_series, series)},
        {"values", story__text, offsetof(struct story_series, values)},
    };

    STORY_MAP(l, v, keys, target);
}

static void read_series(struct loader *l, const struct tree *v, void *target)
{
    struct story_test *t = target;

    story__list(l, v, sizeof(*t->series), read_series_item, &t->series, &t->n_series);
}

static void read_sample(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"labels",    story__text,   offsetof(struct story_sample, labels)   },
        {"value",     story__number, offsetof(struct story_sample, value)    },
        {"histogram", story__text,   offsetof(struct story_sample, histogram)},
    };

    STORY_MAP(l, v, keys, target);
}

static void read_samples(struct loader *l, const struct tree *v, void *target)
{
    struct story_expr *e = target;

    story__list(l, v, sizeof(*e->samples), read_sample, &e->samples, &e->n_samples);
}

static void read_expr(struct loader *l, const struct tree *v, void *target)
{
    // clang-format off
    static const struct story_key keys[] = {
        {"expr",        story__text,     offsetof(struct story_expr, expr)},
        {"eval_time",   story__duration, offsetof(struct story_expr, eval_time)},
        {"exp_samples", read_samples,    0},
    };
    // clang-format on
    struct story_expr *e = target;

    STORY_MAP(l, v, keys, e);
    if (e->expr.s.p == NULL)
        story__wrong(l, v, "a test of an expression needs 'expr'");
}

static void read_exprs(struct loader *l, const struct tree *v, void *target)
{
    struct story_test *t = target;

    story__list(l, v, sizeof(*t->exprs), read_expr, &t->exprs, &t->n_exprs);
}

/* What only says something about rules may be there, but for tests of alerts. */
static void pass_over(struct loader *l, const struct tree *v, void *target)
{
    (void)l, (void)v, (void)target;
}

static void no_rules(struct loader *l, const struct tree *v, void *target)
{
    (void)target;
    if (v->kind != TREE_LIST || v->n > 0)
        story__wrong(l, v,
                     "there are no recording or alerting rules in ferula; test those with "
                     "promtool, in a file of their own");
}

static void read_checks(struct loader *l, const struct tree *v, void *target)
{
    struct story_test *t = target;

    story__list(l, v, sizeof(*t->checks), story__check, &t->checks, &t->n_checks);
}

/* A moment that is not simulated would be judged by the last one that is. */
static void check_moments(struct loader *l, const struct story_test *t)
{
    for (size_t i = 0; i < t->n_checks && t->length > 0; i++)
        for (size_t k = 0; k < t->checks[i].n_claims; k++) {
            const struct claim *c = &t->checks[i].claims[k];
            bool is_span = c->kind == CLAIM_ALWAYS || c->kind == CLAIM_NEVER;

            if (MAX(c->from, c->kind == CLAIM_WITHIN ? c->to : c->from) > t->length && !is_span)
                complain(l->complaints, c->at, true, "this is after the end of the test ('for')");
        }
}

static void read_test(struct loader *l, const struct tree *v, void *target)
{
    // clang-format off
    static const struct story_key keys[] = {
        {"name",             story__text,     offsetof(struct story_test, name)},
        {"interval",         story__duration, offsetof(struct story_test, interval)},
        {"start_timestamp",  read_start,      offsetof(struct story_test, start)},
        {"input_series",     read_series,     0},
        {"promql_expr_test", read_exprs,      0},
        {"alert_rule_test",  no_rules,        0},
        {"external_labels",  pass_over,       0},
        {"external_url",     pass_over,       0},
        {"autoscale",        story__world,    0},
        {"autoscale_test",   read_checks,     0},
    };
    // clang-format on
    struct story_test *t = target;

    *t = (struct story_test){
        .at = v->at,
        .interval = l->sf->evaluation_interval,
        .replicas = 1,
        .versions = AUTOSCALE_VERSIONS_DEFAULT,
    };
    STORY_MAP(l, v, keys, t);
    check_moments(l, t);
    story__apply_changes(l, t);
    if (t->interval <= 0 || t->interval > MAX_INTERVAL_MS)
        story__wrong(l, v, "interval has to be longer than 0s and at most a year");
    for (size_t i = 0; i < t->n_series; i++)
        if (t->series[i].series.s.p == NULL)
            story__wrong(l, v, "input_series need 'series' and 'values'");
}

/* ---- the file --------------------------------------------------------------------------- */

/* A path as the test file means it: from its own folder. */
static const char *beside(struct loader *l, struct str path)
{
    const char *slash = strrchr(l->sf->path, '/');

    if (slash == NULL || (path.n > 0 && path.p[0] == '/'))
        return arena_strdup(l->a, path);
    return arena_printf(l->a, "%.*s/" STR_FMT, (int)(slash - l->sf->path), l->sf->path,
                        STR_ARG(path))
        .p;
}

static void read_object(struct loader *l, const struct tree *v, void *target)
{
    struct text_at path = {0};
    struct fault f;

    (void)target;
    if (v->kind == TREE_MAP) {
        autoscale__manifest_add(l->a, v, &l->sf->manifests, l->complaints);
        return;
    }
    story__text(l, v, &path);
    if (str_is(path.s, "-"))
        story__wrong(l, v, "stdin is no file to name here");
    else if (path.s.p != NULL &&
             manifests_load(l->a, beside(l, path.s), &l->sf->manifests, l->complaints, &f) < 0)
        story__wrong(l, v, "%s", f.text);
}

static void read_objects(struct loader *l, const struct tree *v, void *target)
{
    void *unused;
    size_t n;

    (void)target;
    story__list(l, v, 1, read_object, &unused, &n);
}

static void read_tests(struct loader *l, const struct tree *v, void *target)
{
    struct story_file *sf = target;

    story__list(l, v, sizeof(*sf->tests), read_test, &sf->tests, &sf->n_tests);
}

/* In this order, because tests look at what the others say. */
static void read_file(struct loader *l, const struct tree *t)
{
    // clang-format off
    static const struct story_key keys[] = {
        {"rule_files",          no_rules,        0},
        {"evaluation_interval", story__duration, offsetof(struct story_file, evaluation_interval)},
        {"group_eval_order",    pass_over,       0},
        {"fuzzy_compare",       story__bool,     offsetof(struct story_file, fuzzy_compare)},
        {"scaled_objects",      read_objects,    0},
        {"tests",               pass_over,       0},
    };
    // clang-format on
    const struct tree *tests = autoscale__tree_get(t, "tests");

    STORY_MAP(l, t, keys, l->sf);
    if (l->sf->evaluation_interval <= 0)
        story__wrong(l, t, "evaluation_interval has to be longer than 0s");
    if (tests == NULL || tests->kind == TREE_NULL)
        story__wrong(l, t, "there are no tests in it");
    else
        read_tests(l, tests, l->sf);
}

int story_file_read(struct arena *a, struct str text, const char *path, struct story_file **out,
                    struct complaints *complaints, struct fault *f)
{
    struct story_file *sf = arena_new(a, struct story_file);
    struct loader l = {a, complaints, sf};
    struct tree_docs docs = {0};
    int rc;

    *out = NULL;
    sf->path = arena_strdup(a, str_of(path));
    sf->evaluation_interval = DEFAULT_INTERVAL_MS;
    rc = autoscale__tree_read(a, text, sf->path, complaints, &docs, f);
    if (rc < 0)
        return rc;
    if (docs.n != 1)
        return fault_set(f, FER_EINVAL, 0, "%s: expected one YAML document, got %zu", path, docs.n);
    read_file(&l, docs.v[0]);
    *out = sf;
    return 0;
}

int story_file_load(struct arena *a, const char *path, struct story_file **out,
                    struct complaints *complaints, struct fault *f)
{
    struct str text;
    int rc = autoscale__file_read(a, path, &text, f);

    *out = NULL;
    return rc < 0 ? rc : story_file_read(a, text, path, out, complaints, f);
}

size_t story_count(const struct story_file *sf)
{
    return sf->n_tests;
}

struct str story_name(const struct story_file *sf, size_t i)
{
    CHECK(i < sf->n_tests);
    return sf->tests[i].name.s;
}

struct place story_place(const struct story_file *sf, size_t i)
{
    CHECK(i < sf->n_tests);
    return sf->tests[i].at;
}

const struct manifests *story_manifests(const struct story_file *sf)
{
    return &sf->manifests;
}
