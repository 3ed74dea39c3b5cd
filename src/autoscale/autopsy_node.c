/*
 * autopsy_node.c - why a part of a query is empty although what is below it is not: functions,
 * comparisons, and elements that do not match.
 */
#include "autopsy.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"

/* The k-th node below `i`; NULL: it has fewer. */
static const struct promql_node *child(const struct promql_explanation *x, size_t i, size_t k)
{
    for (size_t c = i + 1; c < x->n_nodes && x->nodes[c].depth > x->nodes[i].depth; c++)
        if (x->nodes[c].parent == i && k-- == 0)
            return &x->nodes[c];
    return NULL;
}

static const struct promql_node *typed_below(const struct promql_explanation *x, size_t i,
                                             enum promql_type type)
{
    for (size_t k = 0;; k++) {
        const struct promql_node *c = child(x, i, k);

        if (c == NULL || c->type == type)
            return c;
    }
}

const struct promql_node *autoscale__range_below(const struct promql_explanation *x, size_t i)
{
    return typed_below(x, i, PROMQL_MATRIX);
}

bool autoscale__is_empty(const struct promql_node *n)
{
    return n->rc == 0 && n->n_series == 0 && (n->type == PROMQL_VECTOR || n->type == PROMQL_MATRIX);
}

bool autoscale__is_lowest_empty(const struct promql_explanation *x, size_t i)
{
    if (!autoscale__is_empty(&x->nodes[i]))
        return false;
    for (size_t k = 0;; k++) {
        const struct promql_node *c = child(x, i, k);

        if (c == NULL)
            return true;
        if (autoscale__is_empty(c))
            return false;
    }
}

/* The right side of `unless` may well be empty. */
bool autoscale__matters(const struct promql_explanation *x, size_t i)
{
    while (i != 0 && autoscale__is_empty(&x->nodes[i])) {
        size_t up = x->nodes[i].parent;
        const struct promql_expr *e = x->nodes[up].expr;

        if (e->kind == PROMQL_E_BINARY && e->u.binary.op == PROMQL_UNLESS &&
            child(x, up, 0) != &x->nodes[i])
            return false;
        i = up;
    }
    return autoscale__is_empty(&x->nodes[i]);
}

/* ---- functions -------------------------------------------------------------------------- */

static bool needs_two(enum promql_func fn)
{
    switch ((int)fn) {
    case PROMQL_FN_delta:
    case PROMQL_FN_deriv:
    case PROMQL_FN_double_exponential_smoothing:
    case PROMQL_FN_idelta:
    case PROMQL_FN_increase:
    case PROMQL_FN_irate:
    case PROMQL_FN_predict_linear:
    case PROMQL_FN_rate:
        return true;
    }
    return false;
}

static void tell_one_sample(const struct promql_node *range, const char *fn, dur_ms interval,
                            struct buf *t)
{
    buf_addf(t, "%s() needs two samples, and ", fn);
    autoscale__add_each(t, range->n_series, "series");
    buf_puts(t, " has one in the window");
    if (!range->has_window)
        return;
    if (interval > 0 && 2 * interval > range->to - range->from) {
        buf_puts(t, " of ");
        duration_print(t, range->to - range->from);
        buf_puts(t, ": samples come every ");
        duration_print(t, interval);
        buf_puts(t, ", so take at least ");
        duration_print(t, 2 * interval);
    } else if (interval > 0) {
        buf_puts(t, ": it has only just appeared, or scrapes were missed");
    } else {
        buf_puts(t, ": it has only just appeared");
    }
}

/* A function of a window that has something in it. */
static void tell_window(const struct promql_node *range, enum promql_func fn, dur_ms interval,
                        struct autopsy *out, struct buf *t)
{
    const char *name = promql_funcs[fn].name;

    out->cause = AUTOPSY_OTHER;
    if (fn == PROMQL_FN_absent_over_time) {
        buf_addf(t, "%s() has an element only while there are no samples, and ", name);
        buf_addf(t, "there are %zu of %zu series", range->n_samples, range->n_series);
    } else if (needs_two(fn) && range->n_samples == range->n_series) {
        out->cause = AUTOPSY_ONE_SAMPLE;
        tell_one_sample(range, name, interval, t);
    } else {
        buf_addf(t, "%s() has no value for any of %zu series with %zu samples", name,
                 range->n_series, range->n_samples);
    }
}

static bool has_histogram(const struct promql_node *n)
{
    for (size_t i = 0; i < n->n_elements; i++)
        if (n->elements[i].n_hists > 0)
            return true;
    return false;
}

static bool has_label(const struct promql_node *n, const char *name)
{
    for (size_t i = 0; i < n->n_elements; i++)
        if (labels_get(n->elements[i].labels, str_of(name)).n > 0)
            return true;
    return false;
}

/* A function of a vector that has elements. */
static void tell_vector(const struct promql_node *arg, enum promql_func fn, struct buf *t)
{
    const char *name = promql_funcs[fn].name;
    bool is_of_histograms = str_starts(str_of(name), "histogram_");
    bool takes_buckets = fn == PROMQL_FN_histogram_quantile ||
                         fn == PROMQL_FN_histogram_quantiles || fn == PROMQL_FN_histogram_fraction;

    if (fn == PROMQL_FN_absent)
        buf_addf(t, "%s() has an element only while its argument is empty, and that has %zu", name,
                 arg->n_series);
    else if (takes_buckets && !has_histogram(arg) && !has_label(arg, "le"))
        buf_addf(t,
                 "%s() needs buckets, and what it is given has no label le: aggregate with "
                 "sum by (le, ...), of a metric that ends in _bucket",
                 name);
    else if (is_of_histograms && !takes_buckets && !has_histogram(arg))
        buf_addf(t, "%s() is of native histograms, and what it is given has none", name);
    else
        buf_addf(t, "%s() has no value for any of %zu elements", name, arg->n_series);
}

bool autoscale__open_call(const struct autoscale__body *b, size_t i, dur_ms interval,
                          struct autopsy *out, struct buf *t)
{
    enum promql_func fn = b->x->nodes[i].expr->u.call.func;
    const struct promql_node *range = typed_below(b->x, i, PROMQL_MATRIX);
    const struct promql_node *vector = typed_below(b->x, i, PROMQL_VECTOR);

    out->cause = AUTOPSY_OTHER;
    out->interval = interval;
    if (range != NULL)
        tell_window(range, fn, interval, out, t);
    else if (vector != NULL)
        tell_vector(vector, fn, t);
    return range != NULL || vector != NULL;
}

/* ---- two sides -------------------------------------------------------------------------- */

/* Whether elements are told apart by this label. */
static bool is_matched_on(const struct promql_matching *m, struct str name)
{
    bool listed = false;

    for (size_t i = 0; i < m->n_labels; i++)
        listed |= str_eq(m->labels[i], name);
    return m->on ? listed : !listed && !str_is(name, LABEL_NAME);
}

static struct str print_matched(struct arena *a, const struct promql_matching *m, struct labels ls)
{
    struct buf t = {0};
    struct str s;
    bool any = false;

    buf_putc(&t, '{');
    for (size_t i = 0; i < ls.n; i++) {
        if (!is_matched_on(m, ls.v[i].name))
            continue;
        buf_addf(&t, "%s" STR_FMT "=", any ? ", " : "", STR_ARG(ls.v[i].name));
        buf_add_go_quoted(&t, ls.v[i].value);
        any = true;
    }
    buf_putc(&t, '}');
    s = arena_str(a, buf_str(&t));
    buf_release(&t);
    return s;
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return str_cmp(*x, *y);
}

/* Whether an element of one side has the labels of one on the other; true when not all are kept. */
static bool any_pair(const struct promql_matching *m, const struct promql_node *l,
                     const struct promql_node *r)
{
    struct arena scratch = {0};
    struct str *keys = arena_array(&scratch, struct str, r->n_elements + 1);
    bool found = l->n_elements < l->n_series || r->n_elements < r->n_series;

    for (size_t i = 0; i < r->n_elements; i++)
        keys[i] = print_matched(&scratch, m, r->elements[i].labels);
    if (r->n_elements > 1)
        qsort(keys, r->n_elements, sizeof(*keys), by_text);
    for (size_t i = 0; i < l->n_elements && !found; i++) {
        struct str key = print_matched(&scratch, m, l->elements[i].labels);

        found = bsearch(&key, keys, r->n_elements, sizeof(*keys), by_text) != NULL;
    }
    arena_release(&scratch);
    return found;
}

/* Labels that count and that elements of one side alone have: ", only the left has pod". */
static bool add_lonely(struct buf *t, const struct promql_matching *m, const struct promql_node *of,
                       const struct promql_node *other, const char *side)
{
    struct labels ls = of->elements[0].labels;
    bool any = false;

    for (size_t i = 0; i < ls.n; i++) {
        if (!is_matched_on(m, ls.v[i].name) ||
            labels_get(other->elements[0].labels, ls.v[i].name).n > 0)
            continue;
        if (!any)
            buf_addf(t, "; only the %s has ", side);
        buf_addf(t, "%s" STR_FMT, any ? ", " : "", STR_ARG(ls.v[i].name));
        any = true;
    }
    return any;
}

static void tell_unmatched(const struct autoscale__body *b, const struct promql_binary *bin,
                           const struct promql_node *l, const struct promql_node *r, struct buf *t)
{
    bool lonely;

    buf_addf(t, "no element on the left of %s has the labels of one on its right: ",
             promql_op_text(bin->op));
    buf_addf(t, "left " STR_FMT,
             STR_ARG(print_matched(b->arena, bin->matching, l->elements[0].labels)));
    buf_addf(t, ", right " STR_FMT,
             STR_ARG(print_matched(b->arena, bin->matching, r->elements[0].labels)));
    lonely = add_lonely(t, bin->matching, l, r, "left");
    lonely |= add_lonely(t, bin->matching, r, l, "right");
    if (lonely)
        buf_puts(t, ": on() and ignoring() choose the labels that have to be equal");
}

static double first_float(const struct promql_element *e)
{
    return e->n > 0 ? e->samples[e->n - 1].v : f64_from_bits(NORMAL_NAN_BITS);
}

/* The value that is next to making it true; of `n` the one side, `is_left` says which. */
static void add_nearest(struct buf *t, enum promql_op op, const struct promql_node *n, bool is_left)
{
    bool more = op == PROMQL_GTR || op == PROMQL_GTE, less = op == PROMQL_LSS || op == PROMQL_LTE;
    bool highest = is_left ? more : less;
    double best = first_float(&n->elements[0]);

    if ((!more && !less) || n->n_elements < n->n_series)
        return;
    for (size_t i = 1; i < n->n_elements; i++) {
        double v = first_float(&n->elements[i]);

        if (!(highest ? v <= best : v >= best)) /* also in place of NaN */
            best = v;
    }
    buf_puts(t, n->n_elements == 1 ? ", which is "
                : highest          ? ", the highest is "
                                   : ", the lowest is ");
    buf_add_num(t, best, 'f');
}

static void tell_comparison(const struct promql_binary *bin, const struct promql_node *l,
                            const struct promql_node *r, struct buf *t)
{
    bool is_left = bin->lhs->type == PROMQL_VECTOR;
    const struct promql_node *n = l != NULL && l->type == PROMQL_VECTOR ? l : r;

    buf_addf(t, "the comparison %s is ", promql_op_text(bin->op));
    if (n == NULL || n->n_elements == 0) {
        buf_puts(t, "true of no element");
        return;
    }
    if (n->n_series == 1)
        buf_puts(t, "not true of the only element");
    else
        buf_addf(t, "true of none of %zu elements", n->n_series);
    if (bin->matching == NULL)
        add_nearest(t, bin->op, n, is_left);
}

void autoscale__open_binary(const struct autoscale__body *b, size_t i, struct autopsy *out,
                            struct buf *t)
{
    const struct promql_binary *bin = &b->x->nodes[i].expr->u.binary;
    const struct promql_node *l = child(b->x, i, 0), *r = l == NULL ? NULL : child(b->x, i, 1);
    bool both = bin->matching != NULL && r != NULL && l->n_elements > 0 && r->n_elements > 0;

    out->cause = AUTOPSY_OTHER;
    if (both && bin->op == PROMQL_UNLESS) {
        buf_addf(t, "unless removes all on its left, %zu: one on its right has the same labels",
                 l->n_series);
    } else if (both && !any_pair(bin->matching, l, r)) {
        out->cause = AUTOPSY_UNMATCHED;
        tell_unmatched(b, bin, l, r, t);
    } else if (promql_op_is_comparison(bin->op)) {
        out->cause = AUTOPSY_COMPARISON;
        tell_comparison(bin, l, r, t);
    } else {
        buf_addf(t, "%s leaves nothing", promql_op_text(bin->op));
    }
}
