/*
 * lint_query.c - rules about a trigger's query, by its tree.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "lint_priv.h"

struct walk {
    struct linter *l;
    const struct query_view *q;
    bool counted; /* inside something that a bare counter is good for: rate(), count() */
    bool no_nan;  /* what is NaN is filtered out further up */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Blank lines that a text begins with: its place is that of the first line with something in it. */
static size_t blank_lines(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && is_blank(s.p[i]); i++)
        if (s.p[i] == '\n')
            n = i + 1;
    return n;
}

struct place autoscale__place_in(const struct text_at *text, size_t at)
{
    struct place place = text->at;

    for (size_t i = blank_lines(text->s); i < at && i < text->s.n; i++) {
        if (text->s.p[i] == '\n') {
            place.line++;
            place.column = text->at.column;
        } else if (((unsigned char)text->s.p[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

/* Bytes of the query on one line, for a sentence. */
static struct str quoted(const struct walk *w, struct str s)
{
    char *out = arena_strdup(w->l->a, s);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        if (!is_blank(s.p[i]))
            out[n++] = s.p[i];
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    return (struct str){out, n};
}

static struct str part(const struct walk *w, const struct promql_expr *e)
{
    struct str s = str_cut(w->q->query.s, (size_t)e->pos.start);
    size_t n = (size_t)(e->pos.end - e->pos.start);

    if (s.n > n)
        s.n = n;
    return quoted(w, s);
}

static void find(struct walk *w, enum lint_rule_id rule, const struct promql_expr *e,
                 struct str text, struct str fix)
{
    autoscale__find(w->l, rule, autoscale__place_in(&w->q->query, (size_t)e->pos.start), text, fix);
}

static const struct promql_expr *bare(const struct promql_expr *e)
{
    while (e->kind == PROMQL_E_PAREN)
        e = e->u.paren;
    return e;
}

/* ---- windows and counters --------------------------------------------------------------- */

static bool needs_two_samples(enum promql_func f)
{
    static const enum promql_func funcs[] = {
        PROMQL_FN_rate,   PROMQL_FN_irate, PROMQL_FN_increase,       PROMQL_FN_delta,
        PROMQL_FN_idelta, PROMQL_FN_deriv, PROMQL_FN_predict_linear,
    };

    for (size_t i = 0; i < COUNT(funcs); i++)
        if (funcs[i] == f)
            return true;
    return false;
}

static bool wants_counter(enum promql_func f)
{
    return f == PROMQL_FN_rate || f == PROMQL_FN_irate || f == PROMQL_FN_increase;
}

static bool takes_counters(enum promql_func f)
{
    static const enum promql_func funcs[] = {
        PROMQL_FN_delta,           PROMQL_FN_idelta,           PROMQL_FN_deriv,
        PROMQL_FN_resets,          PROMQL_FN_changes,          PROMQL_FN_absent,
        PROMQL_FN_timestamp,       PROMQL_FN_absent_over_time, PROMQL_FN_present_over_time,
        PROMQL_FN_count_over_time, PROMQL_FN_predict_linear,
    };

    for (size_t i = 0; i < COUNT(funcs); i++)
        if (funcs[i] == f)
            return true;
    return wants_counter(f);
}

static bool ends_as_gauge(struct str name)
{
    static const char *const ends[] = {
        "_bytes",       "_ratio",
        "_percent",     "_celsius",
        "_current",     "_length",
        "_size",        "_depth",
        "_usage",       "_inflight",
        "_in_flight",   "_active",
        "_pending",     "_waiting",
        "_running",     "_queued",
        "_limit",       "_replicas",
        "_workers",     "_sessions",
        "_connections", "_lag",
        "_utilization", "_gauge",
        "_available",   "_timestamp_seconds",
    };

    for (size_t i = 0; i < COUNT(ends); i++)
        if (str_ends(name, ends[i]))
            return true;
    return false;
}

static void check_window(struct walk *w, const struct promql_expr *call)
{
    const struct promql_expr *arg = bare(call->u.call.args[call->u.call.n_args - 1]);
    dur_ms scrape = w->l->opts->scrape_interval;
    struct str name;

    for (size_t i = 0; i < call->u.call.n_args; i++)
        if (call->u.call.args[i]->type == PROMQL_MATRIX)
            arg = bare(call->u.call.args[i]);
    if (arg->kind != PROMQL_E_MATRIX_SELECTOR)
        return;
    if (arg->u.matrix.range_expr == NULL && arg->u.matrix.range < 2 * scrape)
        find(w, RULE_FER002, arg,
             arena_printf(w->l->a,
                          "a window of %g s holds %s at a scrape interval of %g s, and %s() needs "
                          "2, so there is often no result",
                          (double)arg->u.matrix.range / 1000,
                          arg->u.matrix.range < scrape ? "at most 1 sample" : "1 or 2 samples",
                          (double)scrape / 1000, promql_funcs[call->u.call.func].name),
             arena_printf(w->l->a, "make it [%gs] or more: four scrapes stand a missed one",
                          4 * (double)scrape / 1000));
    name = arg->u.matrix.selector->u.vector.name;
    if (wants_counter(call->u.call.func) && ends_as_gauge(name))
        find(w, RULE_FER010, call,
             arena_printf(w->l->a,
                          "%s() is for counters, and " STR_FMT
                          " looks like a gauge: each fall counts as a reset",
                          promql_funcs[call->u.call.func].name, STR_ARG(name)),
             STR("use the value itself, avg_over_time() or deriv()"));
}

static void check_counter(struct walk *w, const struct promql_expr *e)
{
    struct str name = e->u.vector.name, written = part(w, e);
    bool plain = written.n == name.n || str_ends(written, "}"); /* no offset, no @ */

    if (w->counted || memchr(name.p != NULL ? name.p : "", ':', name.n) != NULL ||
        (!str_ends(name, "_total") && !str_ends(name, "_bucket")))
        return;
    find(w, RULE_FER009, e,
         arena_printf(w->l->a,
                      STR_FMT " is a counter: its value only grows, so the replicas follow the "
                              "age of the pods and not the load",
                      STR_ARG(name)),
         plain ? arena_printf(w->l->a, "rate(" STR_FMT "[2m])", STR_ARG(written))
               : STR("rate() of it over a window"));
}

/* ---- what Azure refuses ----------------------------------------------------------------- */

static void check_azure(struct walk *w, const struct promql_expr *e)
{
    const struct promql_vector_selector *s = &e->u.vector;

    if (!w->q->azure || s->any_matchers)
        return;
    for (size_t i = 0; i < s->n_matchers; i++)
        if (str_is(s->matchers[i].name, "__name__") && s->matchers[i].op == MATCH_EQ)
            return;
    find(w, RULE_FER007, e,
         arena_printf(w->l->a, "Azure Monitor refuses " STR_FMT ": it names no metric",
                      STR_ARG(part(w, e))),
         STR("write the metric's name in front of the braces"));
}

/* ---- NaN -------------------------------------------------------------------------------- */

static const char *nan_outcome(const struct walk *w)
{
    if (w->l->opts->versions.keda < 22000)
        return "before KEDA 2.20 what the HPA then does is undefined";
    return w->q->ignores_nulls ? "KEDA takes that for 0 and scales in" : "KEDA reports an error";
}

/* x > 0 and clamp_min(x, 1) cannot be 0, nor is a number that is not. */
static bool never_zero(const struct promql_expr *e);

static bool binary_never_zero(const struct promql_binary *b)
{
    const struct promql_expr *rhs = bare(b->rhs);
    double v = rhs->kind == PROMQL_E_NUMBER ? rhs->u.number.value : NAN;

    if (b->return_bool)
        return false;
    switch (b->op) {
    case PROMQL_GTR:
        return v >= 0;
    case PROMQL_GTE:
        return v > 0;
    case PROMQL_NEQ:
        return v == 0;
    case PROMQL_MUL:
    case PROMQL_DIV:
    case PROMQL_OR:
        return never_zero(b->lhs) && never_zero(b->rhs);
    case PROMQL_AND:
    case PROMQL_UNLESS:
        return never_zero(b->lhs);
    default:
        return false;
    }
}

static bool call_never_zero(const struct promql_call *c)
{
    const struct promql_expr *least;

    if (c->func == PROMQL_FN_vector)
        return never_zero(c->args[0]);
    if (c->func != PROMQL_FN_clamp_min)
        return c->func == PROMQL_FN_count_over_time;
    least = bare(c->args[1]);
    return least->kind == PROMQL_E_NUMBER && least->u.number.value > 0;
}

/* What is not there is not 0: count() of nothing is empty. */
static bool never_zero(const struct promql_expr *e)
{
    e = bare(e);
    switch (e->kind) {
    case PROMQL_E_NUMBER:
        return e->u.number.value != 0;
    case PROMQL_E_BINARY:
        return binary_never_zero(&e->u.binary);
    case PROMQL_E_CALL:
        return call_never_zero(&e->u.call);
    case PROMQL_E_UNARY:
        return never_zero(e->u.unary.expr);
    case PROMQL_E_AGGREGATE:
        return e->u.aggregate.op == PROMQL_COUNT || e->u.aggregate.op == PROMQL_GROUP;
    default:
        return false;
    }
}

static void check_division(struct walk *w, const struct promql_expr *e)
{
    if (w->no_nan || (e->u.binary.op != PROMQL_DIV && e->u.binary.op != PROMQL_MOD) ||
        never_zero(e->u.binary.rhs))
        return;
    find(w, RULE_FER005, e->u.binary.rhs,
         arena_printf(w->l->a, "the divisor may be 0, and then the result is NaN or Inf: %s",
                      nan_outcome(w)),
         e->u.binary.rhs->type == PROMQL_SCALAR
             ? STR("divide by a vector that is (... > 0)")
             : arena_printf(w->l->a, "divide by (" STR_FMT " > 0)",
                            STR_ARG(part(w, e->u.binary.rhs))));
}

static void check_quantile(struct walk *w, const struct promql_expr *e)
{
    if (e->u.call.func != PROMQL_FN_histogram_quantile || w->no_nan)
        return;
    find(w, RULE_FER005, e,
         arena_printf(w->l->a, "histogram_quantile() is NaN while nothing is observed: %s",
                      nan_outcome(w)),
         arena_printf(w->l->a, "(" STR_FMT ") >= 0 or vector(0)", STR_ARG(part(w, e))));
}

/* ---- the walk --------------------------------------------------------------------------- */

static void visit(struct walk w, const struct promql_expr *e)
{
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        check_azure(&w, e);
        check_counter(&w, e);
        break;
    case PROMQL_E_MATRIX_SELECTOR:
        visit(w, e->u.matrix.selector);
        break;
    case PROMQL_E_SUBQUERY:
        visit(w, e->u.subquery.expr);
        break;
    case PROMQL_E_CALL:
        if (needs_two_samples(e->u.call.func))
            check_window(&w, e);
        check_quantile(&w, e);
        w.counted = w.counted || takes_counters(e->u.call.func);
        for (size_t i = 0; i < e->u.call.n_args; i++)
            visit(w, e->u.call.args[i]);
        break;
    case PROMQL_E_AGGREGATE:
        w.counted =
            w.counted || e->u.aggregate.op == PROMQL_COUNT || e->u.aggregate.op == PROMQL_GROUP;
        visit(w, e->u.aggregate.expr);
        if (e->u.aggregate.param != NULL)
            visit(w, e->u.aggregate.param);
        break;
    case PROMQL_E_BINARY:
        check_division(&w, e);
        w.no_nan = w.no_nan || (promql_op_is_comparison(e->u.binary.op) &&
                                e->u.binary.op != PROMQL_NEQ && !e->u.binary.return_bool);
        visit(w, e->u.binary.lhs);
        visit(w, e->u.binary.rhs);
        break;
    case PROMQL_E_UNARY:
        visit(w, e->u.unary.expr);
        break;
    case PROMQL_E_PAREN:
        visit(w, e->u.paren);
        break;
    default:
        break;
    }
}

static void check_type(struct walk *w)
{
    const struct promql_expr *e = w->q->expr;

    if (e->type == PROMQL_SCALAR)
        find(w, RULE_FER006, e,
             STR("the result is a scalar, which KEDA cannot decode: each poll is an error"),
             arena_printf(w->l->a, "vector(" STR_FMT ")", STR_ARG(quoted(w, w->q->query.s))));
    else if (e->type != PROMQL_VECTOR)
        find(w, RULE_FER006, e,
             arena_printf(w->l->a, "the result is a %s, in which KEDA finds no value",
                          promql_type_documented(e->type)),
             STR("make it an instant vector of one element"));
    else if (!autoscale__is_single(e))
        find(w, RULE_FER003, e,
             STR("the result may have several elements, and KEDA refuses those: \"prometheus query "
                 "... returned multiple elements\""),
             arena_printf(w->l->a, "sum(" STR_FMT ")", STR_ARG(quoted(w, w->q->query.s))));
}

static void check_reach(struct walk *w)
{
    const struct scaled_object *so = w->q->so;
    double bound, target = w->q->threshold, replicas;
    int64_t max = so->max_replicas.v;

    if (w->q->expr->type != PROMQL_VECTOR || !(target > 0) ||
        w->q->trigger->metric_type != METRIC_AVERAGE_VALUE ||
        !autoscale__upper_bound(w->q->expr, &bound) || so->n_triggers != 1 || so->modifiers.given)
        return;
    replicas = fmax(ceil(fmax(bound, 0) / target), fmax((double)so->min_replicas.v, 1));
    if (!(replicas < (double)max))
        return;
    find(w, RULE_FER012, w->q->expr,
         arena_printf(w->l->a,
                      "the value is at most %g, so with threshold %g there are never more than %g "
                      "replicas; maxReplicaCount is %lld",
                      bound, target, replicas, (long long)max),
         bound > 0
             ? arena_printf(w->l->a, "a threshold under %g reaches it", bound / (double)(max - 1))
             : STR("a query whose value can be above 0"));
}

void autoscale__lint_query(struct linter *l, const struct query_view *q)
{
    struct walk w = {.l = l, .q = q};

    check_type(&w);
    check_reach(&w);
    visit(w, q->expr);
}

/* ---- texts that differ by case ---------------------------------------------------------- */

enum { CASES_MAX = 256 }; /* matchers compared with each other; a query has a handful */

struct seen {
    struct str name, value;
    const struct query_view *q;
    const struct promql_expr *e;
};

struct cases_seen {
    struct seen v[CASES_MAX];
    size_t n;
};

static void collect(struct cases_seen *s, const struct query_view *q, const struct promql_expr *e)
{
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        for (size_t i = 0; i < e->u.vector.n_matchers && s->n < CASES_MAX; i++)
            if (e->u.vector.matchers[i].op == MATCH_EQ)
                s->v[s->n++] = (struct seen){e->u.vector.matchers[i].name,
                                             e->u.vector.matchers[i].value, q, e};
        break;
    case PROMQL_E_MATRIX_SELECTOR:
        collect(s, q, e->u.matrix.selector);
        break;
    case PROMQL_E_SUBQUERY:
        collect(s, q, e->u.subquery.expr);
        break;
    case PROMQL_E_CALL:
        for (size_t i = 0; i < e->u.call.n_args; i++)
            collect(s, q, e->u.call.args[i]);
        break;
    case PROMQL_E_AGGREGATE:
        collect(s, q, e->u.aggregate.expr);
        break;
    case PROMQL_E_BINARY:
        collect(s, q, e->u.binary.lhs);
        collect(s, q, e->u.binary.rhs);
        break;
    case PROMQL_E_UNARY:
        collect(s, q, e->u.unary.expr);
        break;
    case PROMQL_E_PAREN:
        collect(s, q, e->u.paren);
        break;
    default:
        break;
    }
}

static bool clash(struct str a, struct str b)
{
    return str_eq_nocase(a, b) && !str_eq(a, b);
}

static void compare(struct linter *l, const struct seen *x, const struct seen *y)
{
    bool names = clash(x->name, y->name);
    struct str a = names ? x->name : x->value, b = names ? y->name : y->value;

    if (!names && !(str_eq(x->name, y->name) && clash(a, b)))
        return;
    autoscale__find(l, RULE_FER008, autoscale__place_in(&y->q->query, (size_t)y->e->pos.start),
                    arena_printf(l->a,
                                 STR_FMT " and " STR_FMT
                                         " differ only by case, and Azure Monitor takes them for "
                                         "the same",
                                 STR_ARG(a), STR_ARG(b)),
                    STR("write it the same way everywhere"));
}

void autoscale__lint_cases(struct linter *l, const struct query_view *q, size_t n)
{
    struct cases_seen s = {.n = 0};

    for (size_t i = 0; i < n; i++)
        if (q[i].expr != NULL && q[i].azure)
            collect(&s, &q[i], q[i].expr);
    for (size_t i = 0; i < s.n; i++)
        for (size_t k = 0; k < i; k++)
            compare(l, &s.v[k], &s.v[i]);
}
