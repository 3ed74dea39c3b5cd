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

static void add_n(struct buf *t, size_t n, const char *what)
{
    if (n == 1)
        buf_addf(t, "the only %s", what);
    else
        buf_addf(t, "each of the %zu %s", n, what);
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
        buf_addf(&t, "the newest sample of %zu series is ", s->n);
        duration_print(&t, node->to - s->old);
        buf_puts(&t, " old, and the selector sees ");
        duration_print(&t, node->to - node->from);
    } else if (s->n_stale + s->n_old > 0) {
        out->cause = AUTOPSY_STALE;
        out->seen = s->n_stale > 0 ? s->stale : s->old;
        add_n(&t, s->n, "series");
        buf_puts(&t, s->n == 1 ? " was marked as gone " : " was marked as gone, the last ");
        duration_print(&t, node->to - out->seen);
        buf_puts(&t, " before: its target was no longer scraped, or no longer had it");
    } else if (s->n_new > 0) {
        out->cause = AUTOPSY_TOO_NEW;
        out->seen = s->young;
        buf_addf(&t, "the first sample of %zu series comes ", s->n);
        duration_print(&t, s->young - node->to);
        buf_puts(&t, " later");
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

/* ---- other nodes ------------------------------------------------------------------------ */

/* The k-th node below `i`; NULL: it has fewer. */
static const struct promql_node *child(const struct promql_explanation *x, size_t i, size_t k)
{
    for (size_t c = i + 1; c < x->n_nodes && x->nodes[c].depth > x->nodes[i].depth; c++)
        if (x->nodes[c].parent == i && k-- == 0)
            return &x->nodes[c];
    return NULL;
}

static const struct promql_node *range_below(const struct promql_explanation *x, size_t i)
{
    for (size_t k = 0;; k++) {
        const struct promql_node *c = child(x, i, k);

        if (c == NULL || c->type == PROMQL_MATRIX)
            return c;
    }
}

/* A function of a window that has something in it. */
static int open_window(struct autoscale__body *b, const struct promql_node *range,
                       struct autopsy *out)
{
    const char *fn = promql_funcs[b->node->expr->u.call.func].name;
    bool one_each = range->n_samples == range->n_series;
    struct buf t = {0};
    int rc = 0;

    out->cause = one_each ? AUTOPSY_ONE_SAMPLE : AUTOPSY_OTHER;
    if (range->expr->kind == PROMQL_E_MATRIX_SELECTOR) {
        const struct promql_vector_selector *vs = &range->expr->u.matrix.selector->u.vector;
        struct seen seen = {0};

        b->node = range;
        rc = look(b, vs, &seen);
        out->interval = seen.interval;
    }
    if (one_each) {
        buf_addf(&t, "%s() needs two samples, and ", fn);
        add_n(&t, range->n_series, "series");
        buf_puts(&t, " has one in the window");
    } else {
        buf_addf(&t, "%s() has no value for any of %zu series with %zu samples", fn,
                 range->n_series, range->n_samples);
    }
    if (one_each && range->has_window && out->interval > 0 &&
        2 * out->interval > range->to - range->from) {
        buf_puts(&t, " of ");
        duration_print(&t, range->to - range->from);
        buf_puts(&t, ": samples come every ");
        duration_print(&t, out->interval);
        buf_puts(&t, ", so take at least ");
        duration_print(&t, 2 * out->interval);
    } else if (one_each && range->has_window && out->interval == 0) {
        buf_puts(&t, ": it has only just appeared");
    }
    out->text = give(b, &t);
    return rc;
}

/* Whether elements are told apart by this label. */
static bool is_matched_on(const struct promql_matching *m, struct str name)
{
    bool listed = false;

    for (size_t i = 0; i < m->n_labels; i++)
        listed |= str_eq(m->labels[i], name);
    return m->on ? listed : !listed && !str_is(name, LABEL_NAME);
}

static void print_matched(struct buf *t, const struct promql_matching *m, struct labels ls)
{
    bool any = false;

    buf_putc(t, '{');
    for (size_t i = 0; i < ls.n; i++) {
        if (!is_matched_on(m, ls.v[i].name))
            continue;
        buf_addf(t, "%s" STR_FMT "=", any ? ", " : "", STR_ARG(ls.v[i].name));
        buf_add_go_quoted(t, ls.v[i].value);
        any = true;
    }
    buf_putc(t, '}');
}

static void open_binary(const struct autoscale__body *b, size_t i, struct autopsy *out)
{
    const struct promql_binary *bin = &b->node->expr->u.binary;
    const struct promql_node *l = child(b->x, i, 0), *r = l == NULL ? NULL : child(b->x, i, 1);
    struct buf t = {0};

    out->cause = AUTOPSY_OTHER;
    if (bin->matching != NULL && r != NULL && bin->op != PROMQL_UNLESS && l->n_elements > 0 &&
        r->n_elements > 0 && !promql_op_is_comparison(bin->op)) {
        out->cause = AUTOPSY_UNMATCHED;
        buf_addf(&t, "no element on the left of %s has the labels of one on its right: ",
                 promql_op_text(bin->op));
        print_matched(&t, bin->matching, l->elements[0].labels);
        buf_puts(&t, " there, ");
        print_matched(&t, bin->matching, r->elements[0].labels);
        buf_puts(&t, " here");
    } else if (promql_op_is_comparison(bin->op)) {
        out->cause = AUTOPSY_COMPARISON;
        buf_addf(&t, "the comparison %s is true of none of %zu elements", promql_op_text(bin->op),
                 l != NULL && l->type == PROMQL_VECTOR ? l->n_series
                 : r != NULL                           ? r->n_series
                                                       : 0);
    } else {
        buf_addf(&t, "%s leaves nothing", promql_op_text(bin->op));
    }
    out->text = give(b, &t);
}

static void open_other(const struct autoscale__body *b, struct autopsy *out)
{
    out->cause = AUTOPSY_OTHER;
    out->text = arena_printf(b->arena, STR_FMT " has no elements", STR_ARG(b->node->text));
}

/* ---- which nodes ------------------------------------------------------------------------ */

static bool is_empty(const struct promql_node *n)
{
    return n->rc == 0 && n->n_series == 0 && (n->type == PROMQL_VECTOR || n->type == PROMQL_MATRIX);
}

static bool is_lowest_empty(const struct promql_explanation *x, size_t i)
{
    if (!is_empty(&x->nodes[i]))
        return false;
    for (size_t k = 0;; k++) {
        const struct promql_node *c = child(x, i, k);

        if (c == NULL)
            return true;
        if (is_empty(c))
            return false;
    }
}

/* Whether the query is empty because the node is: all on the way up are, and would not be. */
static bool matters(const struct promql_explanation *x, size_t i)
{
    while (i != 0 && is_empty(&x->nodes[i])) {
        size_t up = x->nodes[i].parent;
        const struct promql_expr *e = x->nodes[up].expr;

        if (e->kind == PROMQL_E_BINARY && e->u.binary.op == PROMQL_UNLESS &&
            child(x, up, 0) != &x->nodes[i])
            return false;
        i = up;
    }
    return is_empty(&x->nodes[i]);
}

static int open_node(struct autoscale__body *b, size_t i, dur_ms around, struct autopsy *out)
{
    const struct promql_expr *e = b->node->expr;
    const struct promql_node *range = NULL;

    if (e->kind == PROMQL_E_CALL)
        range = range_below(b->x, i);
    if (b->node->has_window || (range != NULL && range->has_window)) {
        const struct promql_node *w = b->node->has_window ? b->node : range;

        b->range = (struct source_range){before(w->from, around), after(w->to, around)};
    }
    if (e->kind == PROMQL_E_VECTOR_SELECTOR)
        return open_selector(b, &e->u.vector, out);
    if (e->kind == PROMQL_E_MATRIX_SELECTOR)
        return open_selector(b, &e->u.matrix.selector->u.vector, out);
    if (range != NULL)
        return open_window(b, range, out);
    if (e->kind == PROMQL_E_BINARY)
        open_binary(b, i, out);
    else
        open_other(b, out);
    return 0;
}

int autopsy_run(struct source *src, struct arena *a, const struct promql_explanation *x,
                dur_ms around, struct autopsies *out, struct fault *f)
{
    struct autoscale__body b = {.src = src, .arena = a, .x = x, .f = f};
    int rc = 0;

    *out = (struct autopsies){.v = arena_array(a, struct autopsy, MAX(x->n_nodes, 1))};
    if (around == 0)
        around = DEFAULT_AROUND_MS;
    for (size_t i = 0; i < x->n_nodes && rc == 0; i++) {
        if (!is_lowest_empty(x, i) || !matters(x, i))
            continue;
        b.node = &x->nodes[i];
        out->v[out->n].node = i;
        rc = open_node(&b, i, around, &out->v[out->n]);
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
