/*
 * gen_operator.c - aggregations, binary and unary operators.
 */
#include "gen.h"

static void vector_in_parens(struct gen *g, int depth)
{
    put(g, "(");
    gen_vector(g, depth);
    put(g, ")");
}

/* ---- aggregations ---- */

static void grouping(struct gen *g)
{
    static const char *const forms[] = {"",
                                        "",
                                        " by (job)",
                                        " by (job, instance)",
                                        " without (instance)",
                                        " by (none)",
                                        " by ()",
                                        " without ()",
                                        " by (__name__)",
                                        " by (job, __name__, extra)",
                                        " without (extra, job)",
                                        " without (__name__)"};

    put(g, "%s", PICK(&g->rng, forms));
}

void gen_aggregate(struct gen *g, int depth)
{
    static const char *const names[] = {"sum", "sum",   "avg",   "avg",    "min",
                                        "max", "count", "group", "stddev", "stdvar"};

    put(g, "%s", PICK(&g->rng, names));
    grouping(g);
    vector_in_parens(g, depth - 1);
}

/* Of an inexact operand the largest and the smallest are as near as their operands. */
void gen_extreme(struct gen *g, int depth)
{
    put(g, "%s", rng_chance(&g->rng, 0.5) ? "min" : "max");
    grouping(g);
    vector_in_parens(g, depth - 1);
}

/* A parameter that may differ from step to step. No @: Prometheus forgets to pin it there. */
static void parameter(struct gen *g, int depth, const char *const *forms, size_t n)
{
    bool no_at = g->no_at;

    if (rng_chance(&g->rng, 0.15)) {
        g->no_at = true;
        gen_scalar(g, depth - 1);
        g->no_at = no_at;
    } else {
        put(g, "%s", forms[rng_below(&g->rng, n)]);
    }
}

static void with_parameter(struct gen *g, const char *name, int depth, const char *const *forms,
                           size_t n)
{
    put(g, "%s", name);
    grouping(g);
    put(g, "(");
    parameter(g, depth, forms, n);
    put(g, ", ");
    gen_vector(g, depth - 1);
    put(g, ")");
}

void gen_quantile(struct gen *g, int depth)
{
    static const char *const phis[] = {"0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"};

    with_parameter(g, "quantile", depth, phis, 9);
}

void gen_values(struct gen *g, int depth)
{
    static const char *const labels[] = {"val", "job", "__name__", "bad-name", "val"};

    put(g, "count_values");
    grouping(g);
    put(g, "(\"%s\", ", PICK(&g->rng, labels));
    gen_vector(g, depth - 1);
    put(g, ")");
}

void gen_topk(struct gen *g, int depth)
{
    static const char *const counts[] = {"1", "1", "2", "2", "3", "0", "10", "2.7", "-1"};

    with_parameter(g, rng_chance(&g->rng, 0.5) ? "topk" : "bottomk", depth, counts, 9);
}

void gen_limit(struct gen *g, int depth)
{
    static const char *const counts[] = {"1", "2", "3", "10", "0"};
    static const char *const ratios[] = {"0.5", "-0.3", "0.9", "1", "0", "-1", "1.5", "-2"};

    if (rng_chance(&g->rng, 0.5))
        with_parameter(g, "limitk", depth, counts, 5);
    else
        with_parameter(g, "limit_ratio", depth, ratios, 8);
}

/* ---- binary operators ---- */

enum side { VECTORS, SCALAR_RIGHT, SCALAR_LEFT };

static enum side pick_side(struct gen *g)
{
    double roll = rng_unit(&g->rng);

    return roll < 0.3 ? SCALAR_RIGHT : roll < 0.45 ? SCALAR_LEFT : VECTORS;
}

static void fill_modifier(struct gen *g)
{
    static const char *const forms[] = {" fill (0)", " fill_left (1)", " fill_right (2)",
                                        " fill_left (-1) fill_right (0.5)", " fill (NaN)"};

    if (gen_on(g, CLASS_fill) && rng_chance(&g->rng, 0.12))
        put(g, "%s", PICK(&g->rng, forms));
}

/* True: the right side is the "one" side. */
static bool matching(struct gen *g)
{
    static const char *const plain[] = {"",
                                        "",
                                        " on (job, instance)",
                                        " on (job, instance, extra)",
                                        " on (job)",
                                        " on ()",
                                        " ignoring (extra)",
                                        " ignoring (instance)",
                                        " on (job, instance, __name__)"};
    static const char *const left[] = {
        " on (job) group_left ()", " on (job, instance) group_left (extra)",
        " ignoring (instance, extra) group_left ()", " on (job) group_left (instance, none)"};
    static const char *const right[] = {" on (job) group_right ()",
                                        " on (job, instance) group_right (extra)"};
    double roll = rng_unit(&g->rng);

    if (!gen_on(g, CLASS_group) || roll < 0.7)
        put(g, "%s", PICK(&g->rng, plain));
    else if (roll < 0.9)
        put(g, "%s", PICK(&g->rng, left));
    else
        put(g, "%s", PICK(&g->rng, right));
    fill_modifier(g);
    return roll >= 0.7 && roll < 0.9;
}

static void one_side(struct gen *g, int depth)
{
    static const char *const sums[] = {"sum by (job) ", "max by (job, instance) ",
                                       "sum without (instance, extra) "};

    put(g, "%s", PICK(&g->rng, sums));
    vector_in_parens(g, depth);
}

static void binary(struct gen *g, int depth, const char *op)
{
    enum side side = pick_side(g);

    if (side == SCALAR_LEFT)
        gen_scalar(g, depth - 1);
    else
        vector_in_parens(g, depth - 1);
    put(g, " %s", op);
    if (side == VECTORS && matching(g) && rng_chance(&g->rng, 0.7)) {
        put(g, " ");
        one_side(g, depth - 1);
        return;
    }
    put(g, " ");
    if (side == SCALAR_RIGHT)
        gen_scalar(g, depth - 1);
    else
        vector_in_parens(g, depth - 1);
}

void gen_arithmetic(struct gen *g, int depth)
{
    static const char *const ops[] = {"+", "-", "*", "/", "%"};

    binary(g, depth, PICK(&g->rng, ops));
}

/* Multiplication keeps a relative error. */
void gen_scale(struct gen *g, int depth)
{
    static const char *const tails[] = {" * 2", " / 3", " * -0.1", " * 60"};

    vector_in_parens(g, depth - 1);
    put(g, "%s", PICK(&g->rng, tails));
}

void gen_vector_power(struct gen *g, int depth)
{
    binary(g, depth, rng_chance(&g->rng, 0.6) ? "^" : "atan2");
}

void gen_comparison(struct gen *g, int depth)
{
    static const char *const ops[] = {"==",     "!=",      "<",       "<=",
                                      ">",      ">=",      "== bool", "!= bool",
                                      "< bool", "<= bool", "> bool",  ">= bool"};

    binary(g, depth, PICK(&g->rng, ops));
}

void gen_trim(struct gen *g, int depth)
{
    binary(g, depth, rng_chance(&g->rng, 0.5) ? "</" : ">/");
}

void gen_set(struct gen *g, int depth)
{
    static const char *const ops[] = {"and", "or", "or", "unless"};
    static const char *const labels[] = {"",
                                         "",
                                         " on (job)",
                                         " ignoring (instance)",
                                         " on (job, instance)",
                                         " on ()",
                                         " ignoring (extra)"};

    vector_in_parens(g, depth - 1);
    put(g, " %s%s ", PICK(&g->rng, ops), PICK(&g->rng, labels));
    vector_in_parens(g, depth - 1);
}

void gen_unary(struct gen *g, int depth)
{
    put(g, "%s", rng_chance(&g->rng, 0.8) ? "-" : "+");
    vector_in_parens(g, depth - 1);
}
