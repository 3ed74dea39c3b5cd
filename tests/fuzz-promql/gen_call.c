/*
 * gen_call.c - function calls.
 */
#include "gen.h"

static void call_of_vector(struct gen *g, const char *name, int depth)
{
    put(g, "%s(", name);
    gen_vector(g, depth - 1);
    put(g, ")");
}

static void quantile_over_time(struct gen *g, int depth)
{
    put(g, "quantile_over_time(");
    gen_phi(g);
    put(g, ", ");
    gen_matrix(g, depth);
    put(g, ")");
}

/* Not of a subquery: Prometheus loses the range of one that @ pins. */
static void predict_linear(struct gen *g, int depth)
{
    put(g, "predict_linear(");
    gen_matrix_selector(g, depth);
    put(g, ", ");
    gen_scalar(g, depth - 1);
    put(g, ")");
}

static void smoothing(struct gen *g, int depth)
{
    static const char *const factors[] = {"0.3, 0.7", "0.5, 0.5", "0.9, 0.1", "0.3, 0.7",
                                          "0, 0.5",   "0.5, 1.5", "0.5, NaN"};

    put(g, "double_exponential_smoothing(");
    gen_matrix(g, depth);
    put(g, ", %s)", PICK(&g->rng, factors));
}

/* Few functions know what to do with these; the others fail. */
static void extended(struct gen *g, int depth)
{
    static const char *const names[] = {"rate", "increase", "delta", "changes",       "resets",
                                        "rate", "increase", "delta", "last_over_time"};

    put(g, "%s(", PICK(&g->rng, names));
    gen_matrix_selector(g, depth);
    put(g, " %s)", rng_chance(&g->rng, 0.5) ? "anchored" : "smoothed");
}

void gen_range_call(struct gen *g, int depth)
{
    static const char *const names[] = {
        "rate",
        "rate",
        "rate",
        "increase",
        "increase",
        "delta",
        "irate",
        "idelta",
        "deriv",
        "resets",
        "changes",
        "avg_over_time",
        "sum_over_time",
        "min_over_time",
        "max_over_time",
        "count_over_time",
        "last_over_time",
        "first_over_time",
        "present_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "mad_over_time",
        "ts_of_min_over_time",
        "ts_of_max_over_time",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
    };
    double roll = rng_unit(&g->rng);

    if (roll < 0.06) {
        quantile_over_time(g, depth);
    } else if (roll < 0.10) {
        predict_linear(g, depth);
    } else if (roll < 0.14) {
        smoothing(g, depth);
    } else if (roll < 0.24 && gen_on(g, CLASS_anchored)) {
        extended(g, depth);
    } else {
        put(g, "%s(", PICK(&g->rng, names));
        gen_matrix(g, depth);
        put(g, ")");
    }
}

void gen_math(struct gen *g, int depth)
{
    static const char *const names[] = {"abs", "ceil", "floor", "sqrt", "sgn", "deg", "rad"};

    call_of_vector(g, PICK(&g->rng, names), depth);
}

void gen_inexact(struct gen *g, int depth)
{
    static const char *const names[] = {"exp",  "ln",    "log2",  "log10", "sin",  "cos",
                                        "tan",  "asin",  "acos",  "atan",  "sinh", "cosh",
                                        "tanh", "asinh", "acosh", "atanh"};

    call_of_vector(g, PICK(&g->rng, names), depth);
}

void gen_date(struct gen *g, int depth)
{
    static const char *const names[] = {"minute",       "hour",        "day_of_week",
                                        "day_of_month", "day_of_year", "days_in_month",
                                        "month",        "year"};

    if (rng_chance(&g->rng, 0.3))
        put(g, "%s()", PICK(&g->rng, names));
    else
        call_of_vector(g, PICK(&g->rng, names), depth);
}

void gen_clamp(struct gen *g, int depth)
{
    static const char *const names[] = {"clamp", "clamp_min", "clamp_max", "round", "round"};
    size_t which = rng_below(&g->rng, 5);

    put(g, "%s(", names[which]);
    gen_vector(g, depth - 1);
    if (which < 4) {
        put(g, ", ");
        gen_scalar(g, depth - 1);
    }
    if (which == 0) {
        put(g, ", ");
        gen_scalar(g, depth - 1);
    }
    put(g, ")");
}

void gen_label(struct gen *g, int depth)
{
    static const char *const tails[] = {
        ", \"new\", \"$1-x\", \"job\", \"(.)\")",
        ", \"job\", \"$1\", \"instance\", \"(.*)\")",
        ", \"instance\", \"\", \"job\", \"a\")",
        ", \"__name__\", \"renamed_$1\", \"job\", \"(.*)\")",
        ", \"new\", \"${x}\", \"instance\", \"(?P<x>[0-9])\")",
        ", \"le\", \"$1\", \"instance\", \"(.*)\")",
        ", \"bad-name\", \"$1\", \"instance\", \"(.*)\")",
    };
    static const char *const joins[] = {
        ", \"new\", \"-\", \"job\", \"instance\", \"none\")",
        ", \"instance\", \"\", \"instance\", \"extra\")",
        ", \"__name__\", \"_\", \"__name__\", \"job\")",
        ", \"job\", \",\")",
    };
    bool join = rng_chance(&g->rng, 0.3);

    put(g, join ? "label_join(" : "label_replace(");
    gen_vector(g, depth - 1);
    put(g, "%s", join ? PICK(&g->rng, joins) : PICK(&g->rng, tails));
}

void gen_sort(struct gen *g, int depth)
{
    static const char *const names[] = {"sort", "sort_desc", "sort_by_label", "sort_by_label_desc"};
    static const char *const labels[] = {", \"job\"", ", \"instance\", \"extra\"", ", \"le\"",
                                         ", \"none\", \"job\""};
    size_t which = rng_below(&g->rng, 4);

    put(g, "%s(", names[which]);
    gen_vector(g, depth - 1);
    put(g, "%s)", which < 2 ? "" : PICK(&g->rng, labels));
}

void gen_absent(struct gen *g, int depth)
{
    static const char *const odd[] = {"nosuch{job=\"a\",instance=~\"x\"}", "m{job=\"a\",job=\"b\"}",
                                      "nosuch{extra=\"\",instance=\"7\"}",
                                      "{job=\"x\",instance!=\"1\"}"};

    if (rng_chance(&g->rng, 0.4)) {
        put(g, "absent_over_time(");
        gen_matrix(g, depth);
        put(g, ")");
    } else if (rng_chance(&g->rng, 0.4)) {
        put(g, "absent(%s)", PICK(&g->rng, odd));
    } else {
        call_of_vector(g, "absent", depth);
    }
}

void gen_timestamp(struct gen *g, int depth)
{
    bool start = gen_on(g, CLASS_start) && rng_chance(&g->rng, 0.5);

    call_of_vector(g, start ? "start_timestamp" : "timestamp",
                   rng_chance(&g->rng, 0.6) ? 1 : depth);
}

void gen_vector_of(struct gen *g, int depth)
{
    put(g, "vector(");
    gen_scalar(g, depth);
    put(g, ")");
}

/* ---- classic histograms ---- */

static void buckets(struct gen *g, int depth)
{
    static const char *const forms[] = {"h_bucket",
                                        "rate(h_bucket[5m])",
                                        "increase(h_bucket[3m])",
                                        "sum by (le) (h_bucket)",
                                        "sum by (le, job) (rate(h_bucket[4m]))",
                                        "sum without (job) (h_bucket)",
                                        "h_bucket{le!=\"0.5\"}",
                                        "h_bucket{job=\"a\"} offset 1m"};

    if (rng_chance(&g->rng, 0.1) && !gen_on(g, CLASS_native))
        gen_vector(g, depth - 1);
    else
        put(g, "%s", PICK(&g->rng, forms));
}

void gen_classic(struct gen *g, int depth)
{
    size_t which = rng_below(&g->rng, 4);

    if (which == 0) {
        put(g, "histogram_fraction(");
        gen_scalar(g, depth - 2);
        put(g, ", ");
        gen_scalar(g, depth - 2);
        put(g, ", ");
        buckets(g, depth);
        put(g, ")");
    } else if (which == 1) {
        put(g, "histogram_quantiles(");
        buckets(g, depth);
        put(g, ", \"q\", ");
        gen_phi(g);
        put(g, ", ");
        gen_phi(g);
        put(g, ")");
    } else {
        put(g, "histogram_quantile(");
        gen_phi(g);
        put(g, ", ");
        buckets(g, depth);
        put(g, ")");
    }
}

/* ---- native histograms ---- */

static void natives(struct gen *g, int depth)
{
    static const char *const forms[] = {"nh",
                                        "nc",
                                        "nm",
                                        "rate(nh[5m])",
                                        "increase(nc[4m])",
                                        "sum(nh)",
                                        "sum by (job) (rate(nm[5m]))",
                                        "avg(nc)",
                                        "{__name__=~\"h_bucket|n[chm]\"}",
                                        "nh * 2.5",
                                        "sum_over_time(nh[3m])",
                                        "nh - on (job, instance) nh offset 1m"};

    if (rng_chance(&g->rng, 0.4))
        gen_vector(g, depth - 1);
    else
        put(g, "%s", PICK(&g->rng, forms));
}

void gen_native_part(struct gen *g, int depth)
{
    static const char *const names[] = {"histogram_count", "histogram_sum", "histogram_avg"};

    put(g, "%s(", PICK(&g->rng, names));
    natives(g, depth);
    put(g, ")");
}

static void trimmed(struct gen *g, int depth)
{
    static const char *const tails[] = {") </ 1", ") >/ 1", ") </ 0.3", ") >/ -0.5", ") </ Inf",
                                        ") >/ 5", ") </ 0", ") >/ 0",   ") </ NaN"};

    put(g, "(");
    natives(g, depth);
    put(g, "%s", PICK(&g->rng, tails));
}

/* What needs the bounds of buckets, or powers of them. */
void gen_native_shape(struct gen *g, int depth)
{
    static const char *const heads[] = {
        "histogram_stddev(",          "histogram_stdvar(",
        "histogram_quantile(0.9, ",   "histogram_quantile(0.5, ",
        "histogram_quantile(0, ",     "histogram_quantile(1, ",
        "histogram_fraction(0, 1, ",  "histogram_fraction(-Inf, 0.3, ",
        "histogram_fraction(-1, 2, ", "histogram_fraction(0.1, Inf, "};

    if (rng_chance(&g->rng, 0.2)) {
        trimmed(g, depth);
        return;
    }
    put(g, "%s", PICK(&g->rng, heads));
    natives(g, depth);
    put(g, ")");
}

/* ---- info ---- */

/* Newer versions of Prometheus see @, offset and names that are to be dropped otherwise than 3.14.
 */
void gen_info(struct gen *g, int depth)
{
    static const char *const selectors[] = {")",
                                            ")",
                                            ", {version=~\".+\"})",
                                            ", {version=\"1\"})",
                                            ", {__name__=\"build_info\"})",
                                            ", {__name__=~\".+_info\"})",
                                            ", {__name__=~\".+_info\",version!=\"2\"})",
                                            ", {os=\"\"})",
                                            ", {nosuch=~\".*\"})"};

    bool no_shift = g->no_shift;

    put(g, "info(");
    g->no_shift = true;
    if (g->d->delayed_name_removal)
        gen_selector(g, 0);
    else
        gen_vector(g, rng_chance(&g->rng, 0.6) ? 1 : depth - 1);
    g->no_shift = no_shift;
    put(g, "%s", PICK(&g->rng, selectors));
}
