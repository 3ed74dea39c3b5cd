/*
 * call.c - function calls: the table of bodies, and the loops that drive range functions along the
 * steps and element functions along samples.
 */
#include <math.h>
#include <stdio.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#include "stream.h"

struct promql__fn {
    promql__math_fn *math;   /* value by value */
    promql__range_fn *range; /* window by window */
    promql__mixed_fn *mixed; /* the same for windows with histograms */
    promql__call_fn *call;   /* everything by itself */
    bool keeps_name;
    bool rates; /* plain floats go to promql__slide_rates() */
};

/* Go has no more range there than exp has: infinite from 709.8 on, where C is from 710.5 on. */
#define BY_EXP_ABOVE 21

static double sinh_by_exp(double v)
{
    return fabs(v) > BY_EXP_ABOVE ? copysign(exp(fabs(v)) * 0.5, v) : sinh(v);
}

static double cosh_by_exp(double v)
{
    return fabs(v) > BY_EXP_ABOVE ? exp(fabs(v)) * 0.5 : cosh(v);
}

#define MATH(name, body) [PROMQL_FN_##name] = {.math = (body)}
#define RANGE(name, mix)                                                                           \
    [PROMQL_FN_##name] = {.range = promql__##name, .mixed = promql__mixed_##mix}
#define RATES(name, mix)                                                                           \
    [PROMQL_FN_##name] = {.range = promql__##name, .mixed = promql__mixed_##mix, .rates = true}
#define NAMED(name, mix)                                                                           \
    [PROMQL_FN_##name] = {.range = promql__##name, .mixed = promql__mixed_##mix, .keeps_name = true}
#define CALL(name, body) [PROMQL_FN_##name] = {.call = promql__fn_##body}

// clang-format off
static const struct promql__fn fns[N_PROMQL_FUNCS] = {
    MATH(abs, fabs),
    CALL(absent, absent),
    CALL(absent_over_time, absent_over_time),
    MATH(acos, acos),
    MATH(acosh, acosh),
    MATH(asin, asin),
    MATH(asinh, asinh),
    MATH(atan, atan),
    MATH(atanh, atanh),
    RANGE(avg_over_time, avg),
    MATH(ceil, ceil),
    RANGE(changes, changes),
    CALL(clamp, clamp),
    CALL(clamp_max, clamp),
    CALL(clamp_min, clamp),
    MATH(cos, cos),
    MATH(cosh, cosh_by_exp),
    RANGE(count_over_time, count),
    CALL(day_of_month, date),
    CALL(day_of_week, date),
    CALL(day_of_year, date),
    CALL(days_in_month, date),
    MATH(deg, promql__deg),
    RATES(delta, rate),
    RANGE(deriv, floats),
    RANGE(double_exponential_smoothing, floats),
    CALL(end, query_time),
    MATH(exp, exp),
    NAMED(first_over_time, first),
    MATH(floor, floor),
    CALL(histogram_avg, histogram),
    CALL(histogram_count, histogram),
    CALL(histogram_fraction, histogram_fraction),
    CALL(histogram_quantile, histogram_quantile),
    CALL(histogram_quantiles, histogram_quantiles),
    CALL(histogram_stddev, histogram),
    CALL(histogram_stdvar, histogram),
    CALL(histogram_sum, histogram),
    CALL(hour, date),
    RANGE(idelta, instant),
    RATES(increase, rate),
    CALL(info, info),
    RANGE(irate, instant),
    CALL(label_join, label_join),
    CALL(label_replace, label_replace),
    NAMED(last_over_time, last),
    MATH(ln, log),
    MATH(log10, log10),
    MATH(log2, log2),
    RANGE(mad_over_time, floats),
    CALL(max_of, pair),
    RANGE(max_over_time, floats),
    CALL(min_of, pair),
    RANGE(min_over_time, floats),
    CALL(minute, date),
    CALL(month, date),
    CALL(pi, pi),
    RANGE(predict_linear, floats),
    RANGE(present_over_time, present),
    RANGE(quantile_over_time, floats),
    MATH(rad, promql__rad),
    CALL(range, query_time),
    RATES(rate, rate),
    RANGE(resets, resets),
    CALL(round, round),
    CALL(scalar, scalar),
    MATH(sgn, promql__sgn),
    MATH(sin, sin),
    MATH(sinh, sinh_by_exp),
    CALL(sort, sort),
    CALL(sort_by_label, sort_by_label),
    CALL(sort_by_label_desc, sort_by_label),
    CALL(sort_desc, sort),
    MATH(sqrt, sqrt),
    CALL(start, query_time),
    CALL(start_timestamp, start_timestamp),
    RANGE(stddev_over_time, floats),
    RANGE(stdvar_over_time, floats),
    CALL(step, query_time),
    RANGE(sum_over_time, sum),
    MATH(tan, tan),
    MATH(tanh, tanh),
    CALL(time, time),
    CALL(timestamp, timestamp),
    RANGE(ts_of_first_over_time, ts_of_first),
    RANGE(ts_of_last_over_time, ts_of_last),
    RANGE(ts_of_max_over_time, floats),
    RANGE(ts_of_min_over_time, floats),
    CALL(vector, vector),
    CALL(year, date),
};
// clang-format on

void promql__keep_floats(struct promql__matrix *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        m->v[i].nh = 0;
        if (m->v[i].n > 0)
            m->v[n++] = m->v[i];
    }
    m->n = n;
}

int promql__map(struct promql__ev *ev, const struct promql__grid *g, const struct promql_expr *arg,
                promql__math_fn *fn, struct promql__matrix *out)
{
    int rc = promql__eval(ev, g, promql__unparen(arg), out);

    promql__keep_floats(out);
    for (size_t i = 0; rc == 0 && i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        promql__drop_name(ev, s);
        for (size_t k = 0; k < s->n; k++)
            s->s[k].v = fn(s->s[k].v);
        rc = promql__tick(ev, s->n);
    }
    return rc != 0 ? rc : promql__matrix_settle(ev, g, out);
}

/* ---- range functions ---- */

/* double_exponential_smoothing() wants factors between 0 and 1; NaN passes. */
static int check_factor(struct promql__ev *ev, const char *what, char letter, double v)
{
    char text[NUM_TEXT_MAX];

    if (!(v <= 0 || v >= 1))
        return 0;
    if (isinf(v))
        snprintf(text, sizeof(text), "%s", v > 0 ? "+Inf" : "-Inf");
    else
        snprintf(text, sizeof(text), "%f", v);
    return fault_set(ev->f, FER_EEXEC, 0, "invalid %s factor. Expected: 0 < %cf < 1, got: %s", what,
                     letter, text);
}

/* What the arguments of this step are, as warnings and errors; `n` floats are in the window. */
static int check_arguments(struct promql__ev *ev, const struct promql__range_call *rc,
                           const struct promql__window *w, size_t n)
{
    int err;

    if (rc->call->func == PROMQL_FN_quantile_over_time && n > 0 &&
        (isnan(w->arg[0]) || w->arg[0] < 0 || w->arg[0] > 1))
        promql__warn_quantile(ev, promql__unparen(rc->call->args[0]), w->arg[0]);
    if (rc->call->func != PROMQL_FN_double_exponential_smoothing)
        return 0;
    err = check_factor(ev, "smoothing", 's', w->arg[0]);
    return err != 0 ? err : check_factor(ev, "trend", 't', w->arg[1]);
}

/* Where notes point. Prometheus puts a new node, without a position, in the place of a subquery. */
static const struct promql_expr *place_of(const struct promql_expr *arg)
{
    arg = promql__unparen(arg);
    return arg->kind == PROMQL_E_SUBQUERY ? NULL : arg;
}

/* The result of a window that has more than plain floats; as promql__mixed_fn. */
static int mixed_value(struct promql__ev *ev, const struct promql__range_call *rc,
                       struct promql__mixed *m, struct promql__value *v)
{
    const struct promql_vector_selector *vs = rc->range.extended;

    if (vs != NULL && m->func != PROMQL_FN_changes && m->func != PROMQL_FN_resets)
        return promql__extended_rate(ev, vs, m, v);
    if (vs != NULL && !promql__anchor(m))
        return 0;
    if (m->nh == 0)
        return promql__floats_of(ev, m, v);
    return rc->fn->mixed(ev, m, v);
}

/* A window of a series that has more than plain floats, or is looked at for more. */
static int mixed_window(struct promql__ev *ev, const struct promql__range_call *rc,
                        const struct promql__range_series *rs, const struct promql__window *w,
                        const struct promql__sight *see)
{
    bool starts = promql__starts_matter(ev, rc->call->func);
    struct promql__mixed m = {
        .s = rs->s + see->lo,
        .n = see->hi - see->lo,
        .h = rs->h + see->hlo,
        .nh = see->hhi - see->hlo,
        .s_start = starts && rs->s_start != NULL ? rs->s_start + see->lo : NULL,
        .h_start = starts && rs->h_start != NULL ? rs->h_start + see->hlo : NULL,
        .w = w,
        .func = rc->call->func,
        .floats = rc->fn->range,
        .labels = rs->labels,
        .at = place_of(rc->call->args[0]),
    };
    struct promql__value v = {0};
    int err = mixed_value(ev, rc, &m, &v);

    if (err < 0)
        return err;
    if (err > 0 && v.h != NULL)
        hsample_vec_push(&ev->hout, (struct hsample){w->time, v.h});
    else if (err > 0)
        sample_vec_push(&ev->out, (struct sample){w->time, v.v});
    return promql__tick(ev, m.n + 16 * m.nh);
}

/* Slides the window along one series; the results go to ev->out and ev->hout. */
static int slide(struct promql__ev *ev, const struct promql__grid *g,
                 const struct promql__range_call *rc, const struct promql__range_series *rs,
                 struct promql__load *load)
{
    struct promql__window w = {.range = rc->range.range, .scratch = promql__scratch(ev, rs->n)};
    bool plain = rs->nh == 0 && rc->range.extended == NULL &&
                 (rs->s_start == NULL || !promql__starts_matter(ev, rc->call->func));
    struct promql__sight see = {0};
    size_t work = 0;

    promql__out_begin(ev);
    if (plain && rc->fn->rates)
        return promql__slide_rates(ev, g, &rc->range, rc->call->func, rs, load);
    for (size_t i = 0; i < g->n; i++) {
        double v = 0;
        int err;

        w.time = promql__time(g, i);
        w.to = promql__reference(&rc->range.shift, g, i);
        w.from = promql__minus(w.to, w.range);
        promql__sight_move(&see, rs, promql__minus(w.from, rc->range.before),
                           promql__minus(w.to, -rc->range.after));
        if (see.lo == see.hi && see.hlo == see.hhi)
            continue;
        promql__sight_count(&ev->counts, &see, i, rc->range.sel != NULL);
        if (ev->held + (int64_t)see.most > ev->max_samples)
            return promql__too_many(ev);
        for (size_t k = 0; k < rc->n_scalars; k++)
            w.arg[k] = rc->scalars[k][i];
        err = rc->n_scalars > 0 ? check_arguments(ev, rc, &w, see.hi - see.lo) : 0;
        if (err == 0 && (work += see.hi - see.lo) > 4096) {
            err = promql__tick(ev, work);
            work = 0;
        }
        if (err == 0 && !plain)
            err = mixed_window(ev, rc, rs, &w, &see);
        if (err != 0) {
            ev->peak = MAX(ev->peak, ev->held + (int64_t)see.most);
            return err;
        }
        if (plain && rc->fn->range(rs->s + see.lo, see.hi - see.lo, &w, &v))
            sample_vec_push(&ev->out, (struct sample){w.time, v});
    }
    *load = promql__load_of(&see, promql__made(ev));
    return promql__tick(ev, g->n);
}

/* rate() and increase() of floats that do not look like a counter. */
static void note_non_counter(struct promql__ev *ev, const struct promql__range_call *rc,
                             struct labels ls)
{
    static const char *const suffixes[] = {"_total", "_sum", "_count", "_bucket"};
    struct str name = labels_name(ls), type = labels_get(ls, STR(LABEL_TYPE));
    struct buf b = {0};

    if (rc->call->func != PROMQL_FN_rate && rc->call->func != PROMQL_FN_increase)
        return;
    if (name.n == 0 || ev->out.n == 0)
        return;
    if (ev->q->type_and_unit_labels) {
        if (str_is(type, "counter") || str_is(type, "histogram"))
            return;
        buf_puts(&b, "metric might not be a counter, __type__ label is not set to \"counter\" or "
                     "\"histogram\", got ");
        buf_add_go_quoted(&b, type);
        buf_puts(&b, ": ");
    } else {
        for (size_t i = 0; i < COUNT(suffixes); i++)
            if (str_ends(name, suffixes[i]))
                return;
        buf_puts(&b, "metric might not be a counter, name does not end in "
                     "_total/_sum/_count/_bucket: ");
    }
    buf_add_go_quoted(&b, name);
    promql__info(ev, place_of(rc->call->args[0]), "%s", b.p);
    buf_release(&b);
}

/* A subquery is evaluated before the scalars, a selector's series are looked for after them. */
static int open_arguments(struct promql__ev *ev, const struct promql__grid *g,
                          struct promql__range_call *rc)
{
    int err = 0;

    for (size_t i = 0; i < rc->call->n_args; i++)
        if (rc->call->args[i]->type == PROMQL_MATRIX)
            rc->range_arg = promql__unparen(rc->call->args[i]);
    if (rc->range_arg->kind == PROMQL_E_SUBQUERY)
        err = promql__range_open(ev, g, rc->range_arg, &rc->range);
    for (size_t i = 0; err == 0 && i < rc->call->n_args; i++) {
        const struct promql_expr *arg = promql__unparen(rc->call->args[i]);

        if (arg == rc->range_arg)
            continue;
        CHECK(rc->n_scalars < COUNT(rc->scalars));
        err = promql__eval_scalar(ev, g, arg, &rc->scalars[rc->n_scalars++]);
    }
    if (err != 0 || rc->range_arg->kind == PROMQL_E_SUBQUERY)
        return err;
    err = promql__check_extended(ev, rc->call->func, rc->range_arg);
    return err != 0 ? err : promql__range_open(ev, g, rc->range_arg, &rc->range);
}

bool promql__call_streams(const struct promql_call *call)
{
    if (fns[call->func].range == NULL)
        return false;
    for (size_t i = 0; i < call->n_args; i++)
        if (promql__unparen(call->args[i])->kind == PROMQL_E_MATRIX_SELECTOR)
            return true;
    return false;
}

int promql__range_call_open(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql_call *call, struct promql__range_call **out)
{
    const struct promql__fn *fn = &fns[call->func];
    struct promql__range_call *rc;
    int err;

    if (fn->range == NULL)
        return 0;
    *out = rc = arena_new(ev->arena, struct promql__range_call);
    rc->call = call;
    rc->fn = fn;
    err = open_arguments(ev, g, rc);
    return err != 0 ? err : 1;
}

bool promql__range_call_drops_name(const struct promql__range_call *rc)
{
    return !rc->fn->keeps_name;
}

int promql__range_call_make(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql__range_call *rc, size_t i,
                            struct promql__range_series *rs, struct promql__load *load)
{
    int err = promql__range_read(ev, &rc->range, i, rs);

    *load = (struct promql__load){0};
    promql__out_begin(ev);
    if (err != 0 || rs->n + rs->nh == 0)
        return err;
    err = slide(ev, g, rc, rs, load);
    if (err == 0)
        note_non_counter(ev, rc, rs->labels);
    return err;
}

/* A range function over a subquery: its series are there already. */
static int call_range(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql__range_call *rc, struct promql__matrix *out)
{
    bool delayed = ev->q->delayed_name_removal;

    for (size_t i = 0; i < rc->range.n; i++) {
        struct promql__range_series rs = {0};
        struct promql__load load;
        int err = promql__range_call_make(ev, g, rc, i, &rs, &load);
        bool drop = !rc->fn->keeps_name || rs.drop_name;

        if (err == 0)
            err = promql__hold_load(ev, &load);
        if (err != 0)
            return err;
        promql__matrix_keep(
            ev, out, drop && !delayed ? labels_without_metadata(ev->arena, rs.labels) : rs.labels,
            drop);
    }
    ev->held -= (int64_t)promql__matrix_samples(&rc->range.sub);
    return !delayed && promql__matrix_has_twins(ev, out) ? promql__same_labelset(ev) : 0;
}

/* ---- dispatch ---- */

enum promql__holding promql__call_holding(const struct promql_call *call)
{
    if (fns[call->func].range != NULL)
        return PROMQL__PASSES;
    switch ((int)call->func) {
    case PROMQL_FN_absent_over_time:
    case PROMQL_FN_label_join:
    case PROMQL_FN_label_replace:
        return PROMQL__PASSES;
    case PROMQL_FN_info:
        return PROMQL__JOINS;
    }
    return PROMQL__STEPS;
}

int promql__eval_call(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const struct promql__fn *fn = &fns[call->func];
    struct promql__range_call *range;
    struct promql__stream st;
    int rc;

    if (fn->range != NULL) {
        rc = promql__range_call_open(ev, g, call, &range);
        if (rc < 0)
            return rc;
        if (range->range.sel == NULL)
            return call_range(ev, g, range, out);
        promql__stream_range(g, range, &st);
        return promql__stream_matrix(ev, &st, out);
    }
    if (fn->math != NULL)
        return promql__map(ev, g, call->args[0], fn->math, out);
    CHECK(fn->call != NULL);
    return fn->call(ev, g, e, out);
}
