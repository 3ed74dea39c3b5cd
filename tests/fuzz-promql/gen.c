/*
 * gen.c - a random query: its time, its type, and the leaves of its expression.
 */
#include "gen.h"

#include <stdarg.h>

#define MAX_DEPTH 4

void put(struct gen *g, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&g->out, fmt, ap);
    va_end(ap);
}

static bool may(const struct gen *g, const struct production *p)
{
    if (p->effect == INEXACT && (g->exact || !gen_on(g, CLASS_inexact)))
        return false;
    return p->class == ALWAYS || gen_on(g, p->class);
}

void gen_choose(struct gen *g, const struct production *table, size_t n, int depth)
{
    bool exact = g->exact;
    size_t total = 0, roll;

    for (size_t i = 0; i < n; i++)
        total += may(g, &table[i]) ? table[i].weight : 0;
    roll = rng_below(&g->rng, total);
    for (size_t i = 0; i < n; i++) {
        if (!may(g, &table[i]))
            continue;
        if (roll < table[i].weight) {
            g->exact |= table[i].effect != STAYS;
            g->inexact |= table[i].effect == INEXACT;
            table[i].make(g, depth);
            break;
        }
        roll -= table[i].weight;
    }
    g->exact = exact;
}

/* ---- durations, times, numbers ---- */

static void duration_expression(struct gen *g)
{
    static const char *const forms[] = {"1m * 3",
                                        "max_of(1m, 30s)",
                                        "step() + 30s",
                                        "range() + 1m",
                                        "(2m - 30s) / 2",
                                        "min_of(step(), 5m)",
                                        "30 + 15",
                                        "7m % 4m",
                                        "2 ^ 6",
                                        "max_of(range(), 45s)",
                                        "-1m + 3m",
                                        "-(1m) - max_of(2m, (3m))",
                                        "(1m - 2m)",
                                        "-max_of(step(), 1m)",
                                        "1m / (step() - step())"};

    put(g, "%s", PICK(&g->rng, forms));
}

void gen_duration(struct gen *g)
{
    static const char *const durations[] = {"1s", "30s", "1m",    "90s", "2m",     "5m",
                                            "5m", "10m", "7m13s", "4m",  "15s1ms", "60"};

    if (gen_on(g, CLASS_durations) && rng_chance(&g->rng, 0.1))
        duration_expression(g);
    else
        put(g, "%s", PICK(&g->rng, durations));
}

static void put_offset(struct gen *g)
{
    static const char *const offsets[] = {"30s", "1m", "5m", "-1m", "-30s", "17s3ms"};
    static const char *const forms[] = {"step()", "-step()", "(30s + 1m)", "-(range() / 2)",
                                        "max_of(step(), 10s)"};

    if (gen_on(g, CLASS_durations) && rng_chance(&g->rng, 0.15))
        put(g, " offset %s", PICK(&g->rng, forms));
    else
        put(g, " offset %s", PICK(&g->rng, offsets));
}

static void put_at(struct gen *g)
{
    int64_t ms = rng_between(&g->rng, g->d->start, g->d->end + 2 * MINUTE_MS);

    g->pins = true;
    if (rng_chance(&g->rng, 0.4))
        put(g, " @ %s()", rng_chance(&g->rng, 0.5) ? "start" : "end");
    else
        put(g, " @ %.3f", (double)ms / 1000);
}

void gen_shift(struct gen *g)
{
    bool offset = gen_on(g, CLASS_offset) && rng_chance(&g->rng, 0.15);
    bool at = gen_on(g, CLASS_at) && !g->no_at && rng_chance(&g->rng, 0.12);
    bool at_first = rng_chance(&g->rng, 0.5);

    if (g->no_shift)
        return;
    if (at && at_first)
        put_at(g);
    if (offset)
        put_offset(g);
    if (at && !at_first)
        put_at(g);
}

void gen_phi(struct gen *g)
{
    static const char *const phis[] = {"0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"};

    put(g, "%s", PICK(&g->rng, phis));
}

void gen_number(struct gen *g)
{
    static const char *const numbers[] = {"0",    "1",   "2",     "-1",   "0.5", "3.7",
                                          "NaN",  "Inf", "-Inf",  "1e10", "100", "-0",
                                          "1e-3", "5",   "1m30s", "0x1f"};

    put(g, "%s", PICK(&g->rng, numbers));
}

/* ---- selectors ---- */

static void matchers(struct gen *g)
{
    static const char *const forms[] = {"{job=\"a\"}",
                                        "{instance!=\"1\"}",
                                        "{extra=~\"x|y\"}",
                                        "{extra=\"\"}",
                                        "{job=~\"b.*\",instance!~\"[12]\"}",
                                        "{job=\"none\"}",
                                        "{instance=~\".+\"}",
                                        "{job!~\"a\",extra!=\"x\"}"};

    if (rng_chance(&g->rng, 0.4))
        put(g, "%s", PICK(&g->rng, forms));
}

static void selector_body(struct gen *g)
{
    static const char *const natives[] = {"nh", "nh", "nc", "nm", "{__name__=~\"nh|nc\"}"};
    static const char *const names[] = {"m", "m", "m", "n_total", "n_total", "n_total", "o", "o"};
    static const char *const wide[] = {
        "{__name__=~\"m|o\"}", "{__name__!~\"n[chm]|.*_info\",job=\"a\"}",
        "{__name__=~\"n_total|o\",instance=\"0\"}", "h_bucket", "nosuch"};

    if (gen_on(g, CLASS_native) && rng_chance(&g->rng, 0.25)) {
        put(g, "%s", PICK(&g->rng, natives));
        return;
    }
    if (rng_chance(&g->rng, 0.06)) {
        put(g, "%s", PICK(&g->rng, wide));
        return;
    }
    put(g, "%s", PICK(&g->rng, names));
    matchers(g);
}

void gen_selector(struct gen *g, int depth)
{
    (void)depth;
    selector_body(g);
    if (gen_on(g, CLASS_anchored) && rng_chance(&g->rng, 0.02))
        put(g, " smoothed");
    gen_shift(g);
}

void gen_matrix_selector(struct gen *g, int depth)
{
    (void)depth;
    selector_body(g);
    put(g, "[");
    gen_duration(g);
    put(g, "]");
    gen_shift(g);
}

void gen_matrix(struct gen *g, int depth)
{
    static const char *const steps[] = {"", "", "30s", "1m", "17s", "5m"};
    bool pins = g->pins;

    if (depth <= 0 || !gen_on(g, CLASS_subquery) || !rng_chance(&g->rng, 0.3)) {
        gen_matrix_selector(g, depth);
        return;
    }
    g->pins = false;
    put(g, "(");
    gen_vector(g, depth - 1);
    put(g, ")[");
    gen_duration(g);
    put(g, ":%s]", PICK(&g->rng, steps));
    /* Prometheus shifts what @ pins inside, should both start at the same time. */
    if (!g->pins)
        gen_shift(g);
    g->pins |= pins;
}

/* ---- scalars ---- */

static void scalar_number(struct gen *g, int depth)
{
    (void)depth;
    gen_number(g);
}

static void scalar_time(struct gen *g, int depth)
{
    static const char *const forms[] = {"time()", "time()", "pi()",   "start()",
                                        "end()",  "step()", "range()"};

    (void)depth;
    put(g, "%s", PICK(&g->rng, forms));
}

static void scalar_of_vector(struct gen *g, int depth)
{
    put(g, "scalar(");
    gen_vector(g, depth - 1);
    put(g, ")");
}

static void scalar_pair(struct gen *g, int depth)
{
    put(g, "%s(", rng_chance(&g->rng, 0.5) ? "min_of" : "max_of");
    gen_scalar(g, depth - 1);
    put(g, ", ");
    gen_scalar(g, depth - 1);
    put(g, ")");
}

static void scalar_operator(struct gen *g, int depth)
{
    static const char *const operators[] = {
        "+", "-", "*", "/", "%", "== bool", "!= bool", "< bool", "<= bool", "> bool", ">= bool"};

    put(g, "(");
    gen_scalar(g, depth - 1);
    put(g, " %s ", PICK(&g->rng, operators));
    gen_scalar(g, depth - 1);
    put(g, ")");
}

static void scalar_power(struct gen *g, int depth)
{
    put(g, "(");
    gen_scalar(g, depth - 1);
    put(g, " %s ", rng_chance(&g->rng, 0.5) ? "^" : "atan2");
    gen_scalar(g, depth - 1);
    put(g, ")");
}

static void scalar_minus(struct gen *g, int depth)
{
    put(g, "-(");
    gen_scalar(g, depth - 1);
    put(g, ")");
}

void gen_scalar(struct gen *g, int depth)
{
    static const struct production table[] = {
        {scalar_number,    60, ALWAYS,           STAYS  },
        {scalar_time,      10, CLASS_scalar,     STAYS  },
        {scalar_of_vector, 10, CLASS_scalar,     STAYS  },
        {scalar_pair,      5,  CLASS_scalar,     STAYS  },
        {scalar_operator,  12, CLASS_arithmetic, GROWS  },
        {scalar_power,     4,  CLASS_inexact,    INEXACT},
        {scalar_minus,     3,  ALWAYS,           STAYS  },
    };

    if (depth <= 0)
        gen_number(g);
    else
        GEN_CHOOSE(g, table, depth);
}

/* ---- vectors ---- */

static void vector_paren(struct gen *g, int depth)
{
    put(g, "(");
    gen_vector(g, depth - 1);
    put(g, ")");
}

void gen_vector(struct gen *g, int depth)
{
    static const struct production table[] = {
        {gen_selector,     120, ALWAYS,           STAYS  },
        {vector_paren,     10,  ALWAYS,           STAYS  },
        {gen_range_call,   160, CLASS_range,      GROWS  },
        {gen_math,         40,  CLASS_math,       GROWS  },
        {gen_inexact,      40,  CLASS_inexact,    INEXACT},
        {gen_date,         20,  CLASS_date,       GROWS  },
        {gen_clamp,        30,  CLASS_clamp,      GROWS  },
        {gen_label,        30,  CLASS_label,      STAYS  },
        {gen_sort,         15,  CLASS_sort,       GROWS  },
        {gen_absent,       15,  CLASS_absent,     GROWS  },
        {gen_timestamp,    20,  CLASS_timestamp,  GROWS  },
        {gen_vector_of,    20,  CLASS_scalar,     STAYS  },
        {gen_classic,      50,  CLASS_classic,    GROWS  },
        {gen_native_part,  40,  CLASS_native,     GROWS  },
        {gen_native_shape, 50,  CLASS_native,     INEXACT},
        {gen_info,         40,  CLASS_info,       STAYS  },
        {gen_aggregate,    110, CLASS_aggregate,  GROWS  },
        {gen_quantile,     20,  CLASS_aggregate,  GROWS  },
        {gen_extreme,      10,  CLASS_aggregate,  STAYS  },
        {gen_values,       12,  CLASS_values,     GROWS  },
        {gen_topk,         40,  CLASS_topk,       GROWS  },
        {gen_limit,        20,  CLASS_limit,      GROWS  },
        {gen_arithmetic,   100, CLASS_arithmetic, GROWS  },
        {gen_scale,        10,  CLASS_arithmetic, STAYS  },
        {gen_vector_power, 20,  CLASS_inexact,    INEXACT},
        {gen_comparison,   60,  CLASS_comparison, GROWS  },
        {gen_set,          60,  CLASS_set,        STAYS  },
        {gen_trim,         6,   CLASS_trim,       INEXACT},
        {gen_unary,        20,  ALWAYS,           STAYS  },
    };

    if (depth <= 0)
        gen_selector(g, 0);
    else
        GEN_CHOOSE(g, table, depth);
}

/* ---- queries ---- */

static ts_ms pick_time(struct gen *g)
{
    ts_ms t = rng_between(&g->rng, g->d->start - MINUTE_MS, g->d->end + 3 * MINUTE_MS);

    return rng_chance(&g->rng, 0.5) ? t - (t - g->d->start) % g->d->interval : t;
}

static void instant_query(struct gen *g, int depth)
{
    double roll = rng_unit(&g->rng);

    if (roll < 0.05)
        gen_matrix(g, 1);
    else if (roll < 0.1)
        gen_scalar(g, depth);
    else if (roll < 0.101 && gen_on(g, CLASS_string))
        put(g, "\"a text\"");
    else
        gen_vector(g, depth);
}

static void range_query(struct gen *g, int depth, struct test_case *out)
{
    static const dur_ms steps[] = {1000, 15000, 30000, MINUTE_MS, MINUTE_MS, 61000, 5 * MINUTE_MS};
    size_t most = rng_chance(&g->rng, 0.2) ? 40 : 12;

    out->step = PICK(&g->rng, steps);
    out->end = out->start + out->step * (dur_ms)rng_below(&g->rng, most);
    if (rng_chance(&g->rng, 0.3))
        out->end += 7;
    if (rng_chance(&g->rng, 0.05))
        gen_scalar(g, depth);
    else
        gen_vector(g, depth);
}

void case_make(struct arena *a, uint64_t seed, uint64_t number, const struct data_set *d,
               const struct classes *c, struct test_case *out)
{
    struct gen g = {.rng = rng_of(seed, number), .classes = c, .d = d};
    int depth = (int)rng_between(&g.rng, 1, MAX_DEPTH);

    *out = (struct test_case){.number = number};
    out->start = out->end = pick_time(&g);
    if (rng_chance(&g.rng, 0.5))
        instant_query(&g, depth);
    else
        range_query(&g, depth, out);
    out->inexact = g.inexact;
    out->stats = c->on[CLASS_stats];
    out->max_samples = d->max_samples;
    out->natives = d->natives;
    out->text = arena_str(a, buf_str(&g.out));
    out->zero_sign = strstr(out->text.p, "quantile") != NULL || strstr(out->text.p, "mad_") != NULL;
    buf_release(&g.out);
}
