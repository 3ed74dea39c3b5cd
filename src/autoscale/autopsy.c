/*
 * autopsy.c - why a query is empty: the lowest nodes without elements, and what they looked at.
 */
#include "autopsy.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/model/duration.h"
#include "ferula/model/histogram.h"

#define DEFAULT_AROUND_MS (INT64_C(24) * 3600 * 1000)
#define MAX_READ          100 /* series whose samples are looked at */

static const char *const cause_names[] = {
    [AUTOPSY_NO_SERIES] = "no series",   [AUTOPSY_MATCHER] = "matcher",
    [AUTOPSY_STALE] = "stale",           [AUTOPSY_TOO_OLD] = "too old",
    [AUTOPSY_TOO_NEW] = "too new",       [AUTOPSY_ONE_SAMPLE] = "one sample",
    [AUTOPSY_COMPARISON] = "comparison", [AUTOPSY_UNMATCHED] = "unmatched",
    [AUTOPSY_OTHER] = "other",
};

const char *autopsy_cause_name(enum autopsy_cause c)
{
    return cause_names[c];
}

static ts_ms before(ts_ms t, dur_ms by)
{
    ts_ms r;

    return __builtin_sub_overflow(t, by, &r) ? INT64_MIN : r;
}

static ts_ms after(ts_ms t, dur_ms by)
{
    ts_ms r;

    return __builtin_add_overflow(t, by, &r) ? INT64_MAX : r;
}

/* ---- samples ---------------------------------------------------------------------------- */

/* What the series of a selector have beside what it sees. */
struct seen {
    size_t n, n_stale, n_old, n_new; /* series */
    ts_ms stale, old, young;         /* nearest to the window */
    dur_ms interval;
};

static void look_at(const struct series_samples *ss, const struct promql_node *node,
                    struct seen *seen)
{
    ts_ms last = INT64_MIN, next = INT64_MAX;
    bool stale = false;

    for (size_t i = 0; i < ss->f.n; i++) {
        if (ss->f.v[i].t > node->to) {
            next = MIN(next, ss->f.v[i].t);
            break;
        }
        last = ss->f.v[i].t;
        stale = is_stale(ss->f.v[i].v);
    }
    for (size_t i = 0; i < ss->h.n; i++) {
        if (ss->h.v[i].t > node->to) {
            next = MIN(next, ss->h.v[i].t);
            break;
        }
        if (ss->h.v[i].t > last) {
            last = ss->h.v[i].t;
            stale = histogram_is_stale(ss->h.v[i].h);
        }
    }
    seen->n++;
    if (last != INT64_MIN && stale) {
        seen->stale = seen->n_stale++ == 0 ? last : MAX(seen->stale, last);
    } else if (last != INT64_MIN) {
        seen->old = seen->n_old++ == 0 ? last : MAX(seen->old, last);
    } else if (next != INT64_MAX) {
        seen->young = seen->n_new++ == 0 ? next : MIN(seen->young, next);
    }
    /* Scrapes are as far apart as the last ones were. */
    if (ss->f.n > 1 && !is_stale(ss->f.v[ss->f.n - 1].v))
        seen->interval = ss->f.v[ss->f.n - 1].t - ss->f.v[ss->f.n - 2].t;
    else if (ss->f.n > 2)
        seen->interval = ss->f.v[ss->f.n - 2].t - ss->f.v[ss->f.n - 3].t;
}

static int look(const struct autoscale__body *b, const struct promql_vector_selector *vs,
                struct seen *seen)
{
    struct arena scratch = {0};
    struct series_samples ss = {.arena = &scratch};
    struct source_selection *sel;
    int rc =
        b->src->ops->select(b->src, &scratch, vs->matchers, vs->n_matchers, b->range, &sel, b->f);

    for (size_t i = 0; rc == 0 && i < MIN(sel->n, (size_t)MAX_READ); i++) {
        rc = b->src->ops->read(sel, i, &ss, b->f);
        if (rc == 0)
            look_at(&ss, b->node, seen);
    }
    series_samples_release(&ss);
    arena_release(&scratch);
    return rc;
}

static struct str give(const struct autoscale__body *b, struct buf *t)
{
    struct str s = arena_str(b->arena, buf_str(t));

    buf_release(t);
    return s;
}

void autoscale__add_each(struct buf *t, size_t n, const char *what)
{
    if (n == 1)
        buf_addf(t, "the only %s", what);
    else
        buf_addf(t, "each of the %zu %s", n, what);
}

/* Either the window falls between two scrapes, or nothing comes any more. */
static void tell_too_old(const struct promql_node *node, const struct seen *s, struct buf *t)
{
    dur_ms age = node->to - s->old, window = node->to - node->from;

    buf_addf(t, "the newest sample of %zu series is ", s->n);
    duration_print(t, age);
    buf_puts(t, " old, and the selector sees ");
    duration_print(t, window);
    if (s->interval >= window && age <= s->interval) {
        buf_puts(t, ": samples come every ");
        duration_print(t, s->interval);
        buf_puts(t, ", so take at least ");
        duration_print(t, 2 * s->interval);
    } else {
        buf_puts(t, ": nothing has been written since");
    }
}

/* Series are there; none has a sample where the selector looks. */
static void tell_times(const struct autoscale__body *b, const struct seen *s, struct autopsy *out)
{
    const struct promql_node *node = b->node;
    struct buf t = {0};

    out->interval = s->interval;
    /* A source over HTTP hides markers, but a sample that is seen and does not count has one. */
    if (s->n_old > 0 && s->old <= node->from && (s->n_stale == 0 || s->old >= s->stale)) {
        out->cause = AUTOPSY_TOO_OLD;
        out->seen = s->old;
        tell_too_old(node, s, &t);
    } else if (s->n_stale + s->n_old > 0) {
        out->cause = AUTOPSY_STALE;
        out->seen = s->n_stale > 0 ? s->stale : s->old;
        autoscale__add_each(&t, s->n, "series");
        buf_puts(&t, s->n == 1 ? " was marked as gone " : " was marked as gone, the last ");
        duration_print(&t, node->to - out->seen);
        buf_puts(&t, " before: its target was no longer scraped, or no longer had it");
    } else if (s->n_new > 0) {
        out->cause = AUTOPSY_TOO_NEW;
        out->seen = s->young;
        buf_addf(&t, "the first sample of %zu series comes ", s->n);
        duration_print(&t, s->young - node->to);
        buf_puts(&t, " after what the selector sees");
    } else {
        out->cause = AUTOPSY_OTHER;
        buf_puts(&t, "the series have no samples around then");
    }
    out->text = give(b, &t);
}

static int open_selector(struct autoscale__body *b, const struct promql_vector_selector *vs,
                         struct autopsy *out)
{
    struct seen seen = {0};
    int rc = autoscale__find_guilty(b, vs, out);

    if (rc <= 0)
        return rc;
    rc = look(b, vs, &seen);
    if (rc == 0)
        tell_times(b, &seen, out);
    return rc;
}

/* ---- which nodes ------------------------------------------------------------------------ */

/* How far apart the samples are that a function of a window looks at. */
static int find_interval(struct autoscale__body *b, const struct promql_node *range, dur_ms *out)
{
    struct seen seen = {0};
    int rc = 0;

    if (range->expr->kind == PROMQL_E_MATRIX_SELECTOR) {
        b->node = range;
        rc = look(b, &range->expr->u.matrix.selector->u.vector, &seen);
    }
    *out = seen.interval;
    return rc;
}

/* What is not a selector: all below it have elements. */
static int open_other(struct autoscale__body *b, size_t i, const struct promql_node *range,
                      struct autopsy *out)
{
    const struct promql_expr *e = b->node->expr;
    struct buf t = {0};
    dur_ms interval = 0;
    int rc = range == NULL ? 0 : find_interval(b, range, &interval);

    out->cause = AUTOPSY_OTHER;
    if (e->kind == PROMQL_E_BINARY)
        autoscale__open_binary(b, i, out, &t);
    else if (e->kind != PROMQL_E_CALL || !autoscale__open_call(b, i, interval, out, &t))
        buf_addf(&t, STR_FMT " has no elements", STR_ARG(b->x->nodes[i].text));
    out->text = give(b, &t);
    return rc;
}

static int open_node(struct autoscale__body *b, size_t i, struct autopsy *out)
{
    const struct promql_expr *e = b->node->expr;
    const struct promql_node *range = NULL;

    if (e->kind == PROMQL_E_CALL)
        range = autoscale__range_below(b->x, i);
    if (b->node->has_window || (range != NULL && range->has_window)) {
        const struct promql_node *w = b->node->has_window ? b->node : range;

        b->range = (struct source_range){before(w->from, b->around), after(w->to, b->around)};
    }
    if (e->kind == PROMQL_E_VECTOR_SELECTOR)
        return open_selector(b, &e->u.vector, out);
    if (e->kind == PROMQL_E_MATRIX_SELECTOR)
        return open_selector(b, &e->u.matrix.selector->u.vector, out);
    return open_other(b, i, range, out);
}

int autopsy_run(struct source *src, struct arena *a, const struct promql_explanation *x,
                dur_ms around, struct autopsies *out, struct fault *f)
{
    struct autoscale__body b = {.src = src, .arena = a, .x = x, .f = f};

    int rc = 0;

    b.around = around > 0 ? around : DEFAULT_AROUND_MS;
    *out = (struct autopsies){.v = arena_array(a, struct autopsy, MAX(x->n_nodes, 1))};
    for (size_t i = 0; i < x->n_nodes && rc == 0; i++) {
        if (!autoscale__is_lowest_empty(x, i) || !autoscale__matters(x, i))
            continue;
        b.node = &x->nodes[i];
        out->v[out->n].node = i;
        rc = open_node(&b, i, &out->v[out->n]);
        out->n++;
    }
    return rc;
}

/* ---- more than one element -------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return str_cmp(*x, *y);
}

/* The names of all labels, sorted, each once. */
static size_t names_of(struct arena *a, const struct promql_element *v, size_t n, struct str **out)
{
    struct str *names = NULL;
    size_t n_names = 0, cap = 0, kept = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v[i].labels.n; k++) {
            ARENA_GROW(a, names, n_names, cap, struct str);
            names[n_names++] = v[i].labels.v[k].name;
        }
    if (n_names > 1)
        qsort(names, n_names, sizeof(*names), by_text);
    for (size_t i = 0; i < n_names; i++)
        if (kept == 0 || !str_eq(names[kept - 1], names[i]))
            names[kept++] = names[i];
    *out = names;
    return kept;
}

static struct differing_label differ_in(struct arena *a, struct str name,
                                        const struct promql_element *v, size_t n)
{
    struct differing_label d = {.name = name};
    struct str *values = arena_array(a, struct str, n);
    size_t n_all = 0;

    for (size_t i = 0; i < n; i++) {
        struct str value = labels_get(v[i].labels, name);

        if (value.n == 0)
            d.n_missing++;
        else
            values[n_all++] = value;
    }
    qsort(values, n_all, sizeof(*values), by_text);
    for (size_t i = 0; i < n_all; i++) {
        if (i > 0 && str_eq(values[i - 1], values[i]))
            continue;
        if (d.n_values < COUNT(d.values))
            d.values[d.n_values] = values[i];
        d.n_values++;
    }
    return d;
}

void autopsy_differing(struct arena *a, const struct promql_element *v, size_t n,
                       struct differing_label **out, size_t *n_out)
{
    struct str *names;
    size_t n_names = names_of(a, v, n, &names);
    struct differing_label *d = arena_array(a, struct differing_label, MAX(n_names, 1));
    size_t kept = 0;

    for (size_t i = 0; i < n_names; i++) {
        d[kept] = differ_in(a, names[i], v, n);
        if (d[kept].n_values > 1 || d[kept].n_missing > 0)
            kept++;
    }
    *out = d;
    *n_out = kept;
}
