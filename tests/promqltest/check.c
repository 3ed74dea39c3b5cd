/*
 * check.c - a result against what an eval expects, with Prometheus' tolerance.
 */
#include "runner.h"

static struct str labels_text(struct arena *a, struct labels ls)
{
    struct buf b = {0};
    struct str s;

    labels_print(&b, ls);
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

static const struct wanted *find_wanted(const struct eval *ev, struct labels ls)
{
    for (size_t i = ev->n_wanted; i-- > 0;) {
        if (labels_eq(ev->wanted[i].labels, ls))
            return &ev->wanted[i];
    }
    return NULL;
}

static struct str find_missing(struct arena *a, const struct eval *ev,
                               const struct promql_series *series, size_t n)
{
    for (size_t i = 0; i < ev->n_wanted; i++) {
        bool found = false;

        for (size_t j = 0; j < n && !found; j++)
            found = labels_eq(series[j].labels, ev->wanted[i].labels);
        if (!found)
            return arena_printf(a, "expected " STR_FMT ", got no such series",
                                STR_ARG(labels_text(a, ev->wanted[i].labels)));
    }
    return (struct str){0};
}

/* ---- results ---------------------------------------------------------------------------- */

/* The one value of a series of a vector. */
static struct promql_series_value value_of(const struct promql_series *s)
{
    if (s->n_hists > 0)
        return (struct promql_series_value){.h = s->hists[0].h};
    return (struct promql_series_value){.v = s->samples[0].v};
}

static struct str check_vector(struct arena *a, const struct eval *ev,
                               const struct promql_series *series, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct wanted *w = find_wanted(ev, series[i].labels);
        struct promql_series_value got = value_of(&series[i]);
        struct str why;

        if (w == NULL)
            return arena_printf(a, "unexpected series " STR_FMT,
                                STR_ARG(labels_text(a, series[i].labels)));
        if (ev->ordered && w->position != i + 1)
            return arena_printf(a, STR_FMT ": expected at position %zu, got at %zu",
                                STR_ARG(labels_text(a, w->labels)), w->position, i + 1);
        why = check_value(a, w->labels, &w->values[0], &got);
        if (why.n > 0)
            return why;
    }
    return find_missing(a, ev, series, n);
}

/* How far a series is compared: floats and histograms are two sequences, each with its times. */
struct progress {
    size_t n, n_hists;
};

/* The next point of the kind of `want`, when it is at `t`. */
static bool next_point(const struct promql_series *s, struct progress *at, ts_ms t,
                       const struct promql_series_value *want, struct promql_series_value *got)
{
    if (want->h != NULL) {
        if (at->n_hists == s->n_hists || s->hists[at->n_hists].t != t)
            return false;
        *got = (struct promql_series_value){.h = s->hists[at->n_hists++].h};
        return true;
    }
    if (at->n == s->n || s->samples[at->n].t != t)
        return false;
    *got = (struct promql_series_value){.v = s->samples[at->n++].v};
    return true;
}

static struct str check_points(struct arena *a, const struct eval *ev, const struct wanted *w,
                               const struct promql_series *s)
{
    struct progress at = {0};

    for (size_t i = 0; i < w->n; i++) {
        const struct promql_series_value *want = &w->values[i];
        ts_ms t = ev->start + (ts_ms)i * ev->step;
        struct promql_series_value got;
        struct str why;

        if (t > ev->end)
            return arena_printf(a, STR_FMT ": more points are expected than there are steps",
                                STR_ARG(labels_text(a, w->labels)));
        if (want->omitted)
            continue;
        if (!next_point(s, &at, t, want, &got))
            return arena_printf(a, STR_FMT ": expected a %s at %lld ms",
                                STR_ARG(labels_text(a, w->labels)),
                                want->h != NULL ? "histogram" : "float", (long long)t);
        why = check_value(a, w->labels, want, &got);
        if (why.n > 0)
            return arena_printf(a, "at %lld ms: " STR_FMT, (long long)t, STR_ARG(why));
    }
    if (at.n < s->n || at.n_hists < s->n_hists)
        return arena_printf(a, STR_FMT ": expected %zu floats and %zu histograms, got %zu and %zu",
                            STR_ARG(labels_text(a, w->labels)), at.n, at.n_hists, s->n, s->n_hists);
    return (struct str){0};
}

static struct str check_matrix(struct arena *a, const struct eval *ev,
                               const struct promql_series *series, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct wanted *w = find_wanted(ev, series[i].labels);
        struct str why;

        if (i > 0 && labels_cmp(series[i - 1].labels, series[i].labels) > 0)
            return STR("the matrix is not sorted by labels");
        if (w == NULL)
            return arena_printf(a, "unexpected series " STR_FMT,
                                STR_ARG(labels_text(a, series[i].labels)));
        why = check_points(a, ev, w, &series[i]);
        if (why.n > 0)
            return why;
    }
    return find_missing(a, ev, series, n);
}

static struct str check_scalar(struct arena *a, const struct eval *ev, double got)
{
    return check_value(a, (struct labels){0}, &(struct promql_series_value){.v = ev->scalar_value},
                       &(struct promql_series_value){.v = got});
}

static struct str check_result(struct arena *a, const struct eval *ev,
                               const struct promql_result *res)
{
    if (ev->has_string && res->type != PROMQL_STRING)
        return arena_printf(a, "expected a string, got %s", promql_type_name(res->type));
    if (ev->scalar != (res->type == PROMQL_SCALAR))
        return arena_printf(a, "expected %s, got %s", ev->scalar ? "a scalar" : "no scalar",
                            promql_type_name(res->type));
    switch (res->type) {
    case PROMQL_SCALAR:
        return check_scalar(a, ev, res->scalar.v);
    case PROMQL_STRING:
        if (ev->has_string && str_eq(ev->string, res->string))
            return (struct str){0};
        return arena_printf(a, "expected string \"" STR_FMT "\", got \"" STR_FMT "\"",
                            STR_ARG(ev->string), STR_ARG(res->string));
    case PROMQL_VECTOR:
        return check_vector(a, ev, res->series, res->n_series);
    default:
        if (ev->ordered)
            return STR("expected an ordered result, got a matrix");
        return check_matrix(a, ev, res->series, res->n_series);
    }
}

/* ---- errors and annotations ------------------------------------------------------------- */

/* An annotation less the position at its end, " (1:5)", and less the details of one kind of it. */
static struct str bare(struct str text)
{
    static const char details[] = ", from buckets ";
    const char *at;
    size_t n = text.n;

    if (n == 0 || text.p[n - 1] != ')')
        return text;
    while (n > 0 && text.p[n - 1] != ' ')
        n--;
    text.n = n > 0 ? n - 1 : 0;
    at = memmem(text.p, text.n, details, strlen(details));
    if (at != NULL)
        text.n = (size_t)(at - text.p);
    return text;
}

/* Scripts of Prometheus up to 3.14 give annotations without their positions, newer ones with. */
static bool holds(const struct condition *c, struct str text)
{
    if (c->exact)
        return str_eq(c->text, text) || (c->on != COND_FAIL && str_eq(c->text, bare(text)));
    return c->re == NULL || regex_match(c->re, text);
}

/* Each condition has an annotation, each annotation a condition. */
static struct str check_annotations(struct arena *a, const struct eval *ev, int on,
                                    const struct str *texts, size_t n)
{
    const char *name = on == COND_WARN ? "warning" : "info";
    bool conditions = false;

    for (size_t i = 0; i < ev->n_conditions; i++) {
        const struct condition *c = &ev->conditions[i];
        bool found = false;

        if ((int)c->on != on)
            continue;
        if (c->none) {
            if (n > 0)
                return arena_printf(a, "expected no %s, got: " STR_FMT, name, STR_ARG(texts[0]));
            continue;
        }
        conditions = true;
        for (size_t j = 0; j < n && !found; j++)
            found = holds(c, texts[j]);
        if (!found)
            return arena_printf(a, "expected %s " STR_FMT ", got %s" STR_FMT, name,
                                STR_ARG(c->text), n == 0 ? "none" : "",
                                STR_ARG(n == 0 ? STR("") : texts[0]));
    }
    for (size_t j = 0; conditions && j < n; j++) {
        bool found = false;

        for (size_t i = 0; i < ev->n_conditions && !found; i++)
            found = (int)ev->conditions[i].on == on && holds(&ev->conditions[i], texts[j]);
        if (!found)
            return arena_printf(a, "unexpected %s: " STR_FMT, name, STR_ARG(texts[j]));
    }
    return (struct str){0};
}

static struct str check_failure(struct arena *a, const struct eval *ev, const struct run *run)
{
    struct str text = str_of(run->fault.text);

    if (run->rc == FER_EUNSUP || !ev->fail)
        return arena_printf(a, "expected %s, got error: " STR_FMT,
                            ev->fail ? "another error" : "a result", STR_ARG(text));
    for (size_t i = 0; i < ev->n_conditions; i++) {
        if (ev->conditions[i].on == COND_FAIL && !holds(&ev->conditions[i], text))
            return arena_printf(a, "expected error " STR_FMT ", got: " STR_FMT,
                                STR_ARG(ev->conditions[i].text), STR_ARG(text));
    }
    return (struct str){0};
}

struct str check_run(struct arena *a, const struct eval *ev, const struct run *run)
{
    const struct promql_result *res = &run->result;
    struct str why;

    if (run->rc < 0)
        return check_failure(a, ev, run);
    if (ev->fail)
        return STR("expected an error, got a result");
    if ((ev->warn && res->n_warnings == 0) || (ev->info && res->n_infos == 0))
        return STR("expected an annotation, got none");
    why = check_annotations(a, ev, COND_WARN, res->warnings, res->n_warnings);
    if (why.n == 0)
        why = check_annotations(a, ev, COND_INFO, res->infos, res->n_infos);
    if (why.n == 0)
        why = check_result(a, ev, res);
    return why;
}

/* What a series has at a time, as a series of a vector; false: nothing. */
static bool point_at(const struct promql_series *s, ts_ms at, struct promql_series *out)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->samples[i].t == at) {
            *out = (struct promql_series){.labels = s->labels, .samples = &s->samples[i], .n = 1};
            return true;
        }
    }
    for (size_t i = 0; i < s->n_hists; i++) {
        if (s->hists[i].t == at) {
            *out = (struct promql_series){.labels = s->labels, .hists = &s->hists[i], .n_hists = 1};
            return true;
        }
    }
    return false;
}

struct str check_point(struct arena *a, const struct eval *ev, const struct run *run, ts_ms at)
{
    const struct promql_result *res = &run->result;
    struct promql_series *series;
    struct str why;
    size_t n = 0;

    if (run->rc < 0)
        return arena_printf(a, "in range mode: %s", run->fault.text);
    if (ev->ordered)
        return (struct str){0};
    series = arena_array(a, struct promql_series, res->n_series + 1);
    for (size_t i = 0; i < res->n_series; i++) {
        if (i > 0 && labels_cmp(res->series[i - 1].labels, res->series[i].labels) > 0)
            return STR("in range mode: the matrix is not sorted by labels");
        n += point_at(&res->series[i], at, &series[n]);
    }
    if (!ev->scalar)
        why = check_vector(a, ev, series, n);
    else if (n == 1 && series[0].n == 1)
        why = check_scalar(a, ev, series[0].samples[0].v);
    else
        why = STR("expected one series of a scalar");
    return why.n == 0 ? why : arena_printf(a, "in range mode: " STR_FMT, STR_ARG(why));
}
