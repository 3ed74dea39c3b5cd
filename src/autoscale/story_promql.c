/*
 * story_promql.c - promtool's half of a test: series, and what expressions have to give.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/json.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "ferula/model/histogram.h"
#include "ferula/promql.h"
#include "story_priv.h"
#include "view.h"

/* ---- series ----------------------------------------------------------------------------- */

static int load_series(const struct story_test *t, const struct story_series *s, struct arena *a,
                       struct mem_source *ms, dur_ms *length, struct fault *f)
{
    struct str line =
        arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(s->series.s), STR_ARG(s->values.s));
    struct promql_series_value *v;
    struct labels ls;
    struct fault why;
    size_t n;

    if (promql_parse_series(a, line, &ls, &v, &n, &why) < 0)
        return fault_set(f, FER_EINVAL, 0, "%s:%d:%d: %s", s->series.at.file, s->series.at.line,
                         s->series.at.column, why.text);
    for (size_t i = 0; i < n; i++)
        if (!v[i].omitted)
            (void)mem_source_append(ms, ls, t->start + (ts_ms)i * t->interval, 0, v[i].v, v[i].h);
    if (n > 0)
        *length = MAX(*length, (dur_ms)(n - 1) * t->interval);
    return 0;
}

static void free_source(void *ms)
{
    mem_source_free(ms);
}

int story__series(const struct story_test *t, struct arena *a, struct mem_source **out,
                  dur_ms *length, struct fault *f)
{
    struct mem_source *ms = mem_source_new();
    int rc = 0;

    arena_defer(a, free_source, ms);
    *length = 0;
    for (size_t i = 0; rc == 0 && i < t->n_series; i++)
        rc = load_series(t, &t->series[i], a, ms, length, f);
    *out = ms;
    return rc;
}

int story_series(const struct story_file *sf, size_t i, struct arena *a, struct source **out,
                 ts_ms *end, struct fault *f)
{
    struct mem_source *ms;
    dur_ms length;
    int rc;

    CHECK(i < sf->n_tests);
    rc = story__series(&sf->tests[i], a, &ms, &length, f);
    if (rc < 0)
        return rc;
    *out = mem_source_base(ms);
    *end = sf->tests[i].start + length;
    return 0;
}

/* ---- what there should be, and what there is --------------------------------------------- */

struct element {
    struct labels labels;
    double value;
    const struct histogram *h; /* NULL: a float */
};

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct element *)a)->labels, ((const struct element *)b)->labels);
}

static int wanted_histogram(struct arena *a, struct str text, const struct histogram **out,
                            struct fault *f)
{
    struct promql_series_value *v;
    struct labels ls;
    size_t n;
    int rc = promql_parse_series(a, arena_printf(a, "{} " STR_FMT, STR_ARG(text)), &ls, &v, &n, f);

    if (rc < 0)
        return rc;
    if (n != 1)
        return fault_set(f, FER_EINVAL, 0, "expected 1 value, got %zu", n);
    if (v[0].h == NULL)
        return fault_set(f, FER_EINVAL, 0, "expected histogram, got a float");
    *out = v[0].h;
    return 0;
}

static int wanted(const struct story_expr *e, struct arena *a, struct element **out,
                  struct fault *f)
{
    struct element *v = arena_array(a, struct element, e->n_samples);

    for (size_t i = 0; i < e->n_samples; i++) {
        const struct story_sample *s = &e->samples[i];
        struct promql_series_value *values;
        struct str text = s->labels.s.p == NULL ? STR("") : s->labels.s;
        size_t n = 0;
        int rc;

        /* A series without a name and labels, as `{}` or nothing. */
        if (str_trim(text).n > 0) {
            rc = promql_parse_series(a, text, &v[i].labels, &values, &n, f);
            if (rc < 0)
                return rc;
        }
        v[i].value = s->value;
        if (s->histogram.s.n > 0 && (rc = wanted_histogram(a, s->histogram.s, &v[i].h, f)) < 0)
            return rc;
    }
    if (e->n_samples > 0)
        qsort(v, e->n_samples, sizeof(*v), by_labels);
    *out = v;
    return 0;
}

/* A scalar is an element without labels; a matrix and a string are errors. */
static int got_of(const struct promql_result *r, struct arena *a, struct element **out, size_t *n,
                  struct fault *f)
{
    if (r->type == PROMQL_SCALAR) {
        *out = arena_new(a, struct element);
        (*out)->value = r->scalar.v;
        *n = 1;
        return 0;
    }
    if (r->type != PROMQL_VECTOR)
        return fault_set(f, FER_EINVAL, 0, "rule result is not a vector or scalar");
    *n = r->n_series;
    *out = arena_array(a, struct element, *n);
    for (size_t i = 0; i < *n; i++) {
        const struct promql_series *s = &r->series[i];

        (*out)[i] = (struct element){s->labels, s->n > 0 ? s->samples[0].v : 0,
                                     s->n > 0 ? NULL : s->hists[0].h};
    }
    if (*n > 0)
        qsort(*out, *n, sizeof(**out), by_labels);
    return 0;
}

static bool near(double x, double y, bool fuzzy)
{
    return x == y || (fuzzy && (nextafter(x, -INFINITY) == y || nextafter(x, INFINITY) == y));
}

/* As promtool does: by their texts, which have the hint of counter resets. */
static bool same_histogram(const struct histogram *x, const struct histogram *y)
{
    struct buf a = {0}, b = {0};
    bool same_text;

    histogram_print_expression(&a, x);
    histogram_print_expression(&b, y);
    same_text = str_eq(buf_str(&a), buf_str(&b));
    buf_release(&a);
    buf_release(&b);
    return same_text;
}

static bool same(const struct element *x, size_t nx, const struct element *y, size_t ny, bool fuzzy)
{
    if (nx != ny)
        return false;
    for (size_t i = 0; i < nx; i++) {
        if (!labels_eq(x[i].labels, y[i].labels) || (x[i].h == NULL) != (y[i].h == NULL))
            return false;
        if (x[i].h != NULL ? !same_histogram(x[i].h, y[i].h) : !near(x[i].value, y[i].value, fuzzy))
            return false;
    }
    return true;
}

/* On a line each: `{a="b"} 45`. */
static struct str print(struct arena *a, const struct element *v, size_t n)
{
    struct buf b = {0};
    struct str s;

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(&b, '\n');
        labels_print(&b, v[i].labels);
        buf_putc(&b, ' ');
        if (v[i].h != NULL)
            histogram_print_expression(&b, v[i].h);
        else
            buf_add_num(&b, v[i].value, 'g');
    }
    if (n == 0)
        buf_puts(&b, "nil");
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

/* ---- expressions ------------------------------------------------------------------------ */

static int evaluate(const struct story_file *sf, const struct story_test *t,
                    const struct story_expr *e, struct source *src, struct arena *a,
                    struct promql_result *out, struct fault *f)
{
    struct promql_query q = {
        .text = e->expr.s,
        .start = t->start + e->eval_time,
        .end = t->start + e->eval_time,
        .default_subquery_step = sf->evaluation_interval,
        .features = PROMQL_FEATURES_DEFAULT,
    };
    int rc = promql_parse(a, q.text, &q.features, &q.expr, f);

    return rc < 0 ? rc : promql_eval(src, a, &q, out, f);
}

static void check_expr(const struct story_file *sf, const struct story_test *t,
                       const struct story_expr *e, struct source *src, struct arena *a,
                       struct story_result *out)
{
    struct promql_result r;
    struct element *want = NULL, *got = NULL;
    struct story_failure *failure;
    struct buf at = {0};
    struct fault f;
    size_t n_got = 0;
    int rc = evaluate(sf, t, e, src, a, &r, &f);

    out->n_checks++;
    rc = rc < 0 ? rc : got_of(&r, a, &got, &n_got, &f);
    rc = rc < 0 ? rc : wanted(e, a, &want, &f);
    if (rc == 0 && same(want, e->n_samples, got, n_got, sf->fuzzy_compare))
        return;
    failure = story__fail(a, out, e->expr.at);
    story_print_time(&at, e->eval_time);
    if (rc < 0) {
        failure->text = arena_printf(a, "expr: " STR_FMT ", time: %s, err: %s", STR_ARG(e->expr.s),
                                     at.p, f.text);
    } else {
        failure->text = arena_printf(a, "expr: " STR_FMT ", time: %s", STR_ARG(e->expr.s), at.p);
        failure->want = print(a, want, e->n_samples);
        failure->got = print(a, got, n_got);
    }
    buf_release(&at);
}

void story__exprs(const struct story_file *sf, const struct story_test *t, struct source *src,
                  struct arena *a, struct story_result *out)
{
    struct view view;
    dur_ms last = 0;

    for (size_t i = 0; i < t->n_exprs; i++)
        last = MAX(last, t->exprs[i].eval_time);
    /* promtool has no samples after the last evaluation of rules, which an offset could look at. */
    autoscale__view_init(&view);
    view.members[view.n_members++] = src;
    view.now = t->start + last / sf->evaluation_interval * sf->evaluation_interval;
    for (size_t i = 0; i < t->n_exprs; i++)
        check_expr(sf, t, &t->exprs[i], &view.base, a, out);
}

/* ---- promtool's file -------------------------------------------------------------------- */

static void print_duration(struct json *j, const char *key, dur_ms d)
{
    struct buf b = {0};

    duration_print(&b, d);
    json_key(j, key);
    json_str(j, buf_str(&b));
    buf_release(&b);
}

/* JSON has no numbers that are not finite; YAML, which promtool reads, has. */
static void print_number(struct json *j, struct buf *out, double v)
{
    if (isfinite(v)) {
        json_float(j, v);
        return;
    }
    buf_puts(out, isnan(v) ? ".nan" : v < 0 ? "-.inf" : ".inf");
    j->comma = true;
}

static void print_expr(struct json *j, struct buf *out, const struct story_expr *e)
{
    json_object_begin(j);
    json_key(j, "expr");
    json_str(j, e->expr.s);
    print_duration(j, "eval_time", e->eval_time);
    json_key(j, "exp_samples");
    json_array_begin(j);
    for (size_t i = 0; i < e->n_samples; i++) {
        const struct story_sample *s = &e->samples[i];

        json_object_begin(j);
        json_key(j, "labels");
        json_str(j, s->labels.s.p == NULL ? STR("") : s->labels.s);
        json_key(j, "value");
        print_number(j, out, s->value);
        if (s->histogram.s.n > 0) {
            json_key(j, "histogram");
            json_str(j, s->histogram.s);
        }
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
}

static void print_test(struct json *j, struct buf *out, const struct story_test *t)
{
    struct buf start = {0};

    json_object_begin(j);
    json_key(j, "name");
    json_str(j, t->name.s.p == NULL ? STR("") : t->name.s);
    print_duration(j, "interval", t->interval);
    if (t->start != 0) {
        time_print_rfc3339(&start, t->start);
        json_key(j, "start_timestamp");
        json_str(j, buf_str(&start));
        buf_release(&start);
    }
    json_key(j, "input_series");
    json_array_begin(j);
    for (size_t i = 0; i < t->n_series; i++) {
        json_object_begin(j);
        json_key(j, "series");
        json_str(j, t->series[i].series.s);
        json_key(j, "values");
        json_str(j, t->series[i].values.s);
        json_object_end(j);
    }
    json_array_end(j);
    json_key(j, "promql_expr_test");
    json_array_begin(j);
    for (size_t i = 0; i < t->n_exprs; i++)
        print_expr(j, out, &t->exprs[i]);
    json_array_end(j);
    json_object_end(j);
}

void story_print_promtool(struct buf *out, const struct story_file *sf)
{
    struct json j;

    json_init(&j, out);
    json_object_begin(&j);
    print_duration(&j, "evaluation_interval", sf->evaluation_interval);
    json_key(&j, "fuzzy_compare");
    json_bool(&j, sf->fuzzy_compare);
    json_key(&j, "tests");
    json_array_begin(&j);
    for (size_t i = 0; i < sf->n_tests; i++)
        print_test(&j, out, &sf->tests[i]);
    json_array_end(&j);
    json_object_end(&j);
    buf_putc(out, '\n');
}
