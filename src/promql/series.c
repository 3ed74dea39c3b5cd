/*
 * series.c - series with values, as rule tests write them: `m{a="b"} 1+2x3 _ stale`.
 */
#include "parser.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/model/histogram.h"
#include "ferula/model/labels.h"

/* More values than this in one series are refused. */
#define MAX_VALUES (1 << 22)

static const struct expectation in_values = {"series values", NULL};

struct values {
    struct promql_series_value *v;
    size_t n, cap;
};

static void add(struct parser *p, struct values *vs, struct promql_series_value v)
{
    if (vs->n >= MAX_VALUES) {
        promql__fail(p, 0, "more than %d values in a series", MAX_VALUES);
        return;
    }
    ARENA_GROW(p->a, vs->v, vs->n, vs->cap, struct promql_series_value);
    vs->v[vs->n++] = v;
}

/* ---- labels ----------------------------------------------------------------------------- */

static const struct expectation want_label = {"label set", "identifier or \"}\""};
static const struct expectation want_equals = {"label set", "\"=\""};
static const struct expectation want_value = {"label set", "string"};
static const struct expectation want_more = {"label set", "\",\" or \"}\""};

static struct label label(struct parser *p)
{
    enum tok type = promql__peek(p);
    struct label l = {0};
    struct lex_item name;

    if (type != TOK_IDENTIFIER && type != TOK_STRING) {
        promql__unexpected_in(p, &want_label);
        return l;
    }
    name = promql__take(p);
    l.name = type == TOK_STRING ? promql__unquote(p->a, name.val) : name.val;
    if (!promql__take_if(p, TOK_EQL)) {
        if (type == TOK_STRING)
            return (struct label){STR(LABEL_NAME), l.name};
        promql__unexpected_in(p, &want_equals);
    } else if (promql__peek(p) != TOK_STRING) {
        promql__unexpected_in(p, &want_value);
    } else {
        l.value = promql__unquote(p->a, promql__take(p).val);
    }
    return l;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

/* Sorts the labels, and drops the empty ones. */
static struct labels finish_labels(struct parser *p, struct label *v, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (v[i].value.n > 0)
            v[kept++] = v[i];
    }
    if (kept > 1)
        qsort(v, kept, sizeof(*v), by_name);
    for (size_t i = 1; i < kept; i++) {
        if (str_eq(v[i - 1].name, v[i].name))
            promql__fail(p, 0, "label " STR_FMT " is given twice",
                         STR_ARG(promql__quoted(p->a, v[i].name)));
    }
    return (struct labels){v, kept};
}

static struct labels metric(struct parser *p)
{
    struct label *v = NULL;
    size_t n = 0, cap = 0;
    enum tok t = promql__peek(p);

    ARENA_GROW(p->a, v, n, cap, struct label);
    if (t != TOK_LEFT_BRACE && promql__starts_selector(t))
        v[n++] = (struct label){STR(LABEL_NAME), promql__take(p).val};
    if (p->failed || !promql__take_if(p, TOK_LEFT_BRACE) || promql__take_if(p, TOK_RIGHT_BRACE))
        return finish_labels(p, v, n);
    do {
        if (promql__peek(p) == TOK_RIGHT_BRACE)
            break;
        ARENA_GROW(p->a, v, n, cap, struct label);
        v[n++] = label(p);
    } while (!p->failed && promql__take_if(p, TOK_COMMA));
    if (!p->failed && !promql__take_if(p, TOK_RIGHT_BRACE))
        promql__unexpected_in(p, &want_more);
    return finish_labels(p, v, p->failed ? 0 : n);
}

/* ---- values ----------------------------------------------------------------------------- */

uint64_t promql__repetitions(struct parser *p, const struct expectation *expect)
{
    struct lex_item item;
    uint64_t n = 0;
    bool digits = true;

    if (promql__peek(p) != TOK_NUMBER) {
        promql__unexpected_in(p, expect);
        return 0;
    }
    item = promql__take(p);
    for (size_t i = 0; i < item.val.n; i++)
        digits = digits && item.val.p[i] >= '0' && item.val.p[i] <= '9';
    if (!str_to_u64(item.val, &n))
        promql__fail(p, item.pos,
                     "invalid repetition in series values: strconv.ParseUint: parsing " STR_FMT
                     ": %s",
                     STR_ARG(promql__quoted(p->a, item.val)),
                     digits ? "value out of range" : "invalid syntax");
    return n;
}

static void blanks(struct parser *p, struct values *vs)
{
    uint64_t n = 1;

    (void)promql__take(p);
    if (promql__take_if(p, TOK_TIMES))
        n = promql__repetitions(p, &in_values);
    for (uint64_t i = 0; i < n && !p->failed; i++)
        add(p, vs, (struct promql_series_value){.omitted = true});
}

static double value(struct parser *p)
{
    enum tok t = promql__peek(p);
    double v;

    if (t == TOK_IDENTIFIER && str_is(p->tok.val, "stale")) {
        (void)promql__take(p);
        return f64_from_bits(STALE_NAN_BITS);
    }
    if (t == TOK_IDENTIFIER) {
        static const struct expectation want = {"series values", "number or \"stale\""};

        promql__unexpected_in(p, &want);
    }
    if (t == TOK_ADD || t == TOK_SUB)
        (void)promql__take(p);
    if (promql__peek(p) != TOK_NUMBER) {
        promql__unexpected_in(p, &in_values);
        return 0;
    }
    v = promql__number(p);
    return t == TOK_SUB ? -v : v;
}

/* 5, 5x3, 5+2x3, 5-2x3: xN gives N+1 values. */
static void numbers(struct parser *p, struct values *vs)
{
    double v = value(p), step = 0;
    enum tok t = p->failed ? TOK_ERROR : promql__peek(p);
    uint64_t n = 0;

    if (t == TOK_ADD || t == TOK_SUB)
        step = value(p);
    if (t == TOK_ADD || t == TOK_SUB || t == TOK_TIMES) {
        if (!p->failed && !promql__take_if(p, TOK_TIMES))
            promql__unexpected_in(p, &in_values);
        n = p->failed ? 0 : promql__repetitions(p, &in_values);
    }
    for (uint64_t i = 0; i <= n && !p->failed; i++) {
        add(p, vs, (struct promql_series_value){.v = v});
        if (t != TOK_TIMES)
            v += step;
    }
}

/* a, then a+b, a+b+b..., or with -; the number in xN was read last. */
static void combine(struct parser *p, struct values *vs, struct promql_series_value v,
                    const struct histogram *by, bool minus, uint64_t n)
{
    struct histogram_notes notes;

    for (uint64_t i = 0; i <= n && !p->failed; i++) {
        struct histogram *next;

        add(p, vs, v);
        if (i == n)
            break;
        if (v.h->schema > by->schema) {
            promql__fail(p, p->tok.pos,
                         "error combining histograms: cannot merge from schema %d to %d",
                         (int)by->schema, (int)v.h->schema);
            return;
        }
        next = histogram_copy(p->a, v.h);
        if ((minus ? histogram_sub(p->a, next, by, &notes)
                   : histogram_add(p->a, next, by, &notes)) < 0)
            promql__fail(p, p->tok.pos,
                         "cannot apply this operation on histograms with a mix of exponential and "
                         "custom bucket schemas");
        v.h = next;
    }
}

/* {{a}}, {{a}}x3, {{a}}+{{b}}x3, {{a}}-{{b}}x3 */
static void histograms(struct parser *p, struct values *vs)
{
    struct promql_series_value v = {0};
    const struct histogram *by = NULL;
    enum tok t;
    uint64_t n = 0;

    v.h = promql__histogram(p, &v.has_hint);
    t = p->failed ? TOK_ERROR : promql__peek(p);
    if (t == TOK_ADD || t == TOK_SUB) {
        (void)promql__take(p);
        if (promql__peek(p) != TOK_OPEN_HIST)
            promql__unexpected_in(p, &in_values);
        else
            by = promql__histogram(p, &v.has_hint);
    }
    if (t == TOK_ADD || t == TOK_SUB || t == TOK_TIMES) {
        if (!p->failed && !promql__take_if(p, TOK_TIMES))
            promql__unexpected_in(p, &in_values);
        n = p->failed ? 0 : promql__repetitions(p, &in_values);
    }
    if (by != NULL) {
        combine(p, vs, v, by, t == TOK_SUB, n);
        return;
    }
    for (uint64_t i = 0; i <= n && !p->failed; i++)
        add(p, vs, v);
}

static bool item(struct parser *p, struct values *vs)
{
    switch (promql__peek(p)) {
    case TOK_BLANK:
        blanks(p, vs);
        return true;
    case TOK_IDENTIFIER:
    case TOK_NUMBER:
    case TOK_ADD:
    case TOK_SUB:
        numbers(p, vs);
        return true;
    case TOK_OPEN_HIST:
        histograms(p, vs);
        return true;
    default:
        return false;
    }
}

int promql_parse_series(struct arena *a, struct str text, struct labels *ls,
                        struct promql_series_value **values, size_t *n, struct fault *f)
{
    struct parser p;
    struct values vs = {0};
    struct labels labels;

    promql__parser_init(&p, a, text, f);
    p.lx.series = true;
    labels = metric(&p);
    if (!p.failed && promql__peek(&p) != TOK_SPACE && promql__peek(&p) != TOK_EOF)
        promql__unexpected_in(&p, &in_values);
    while (!p.failed && promql__take_if(&p, TOK_SPACE)) {
        if (!item(&p, &vs))
            break;
    }
    if (!p.failed && promql__peek(&p) != TOK_EOF)
        promql__unexpected(&p);
    if (p.failed)
        return p.rc;
    *ls = labels;
    *values = vs.v;
    *n = vs.n;
    return 0;
}
