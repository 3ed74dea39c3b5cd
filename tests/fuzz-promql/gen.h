/*
 * gen.h - what the files of the generator share. An expression is written from left to right into
 * one buffer; what may stand in a place is a table of productions with weights.
 */
#ifndef FUZZ_PROMQL_GEN_H
#define FUZZ_PROMQL_GEN_H

#include "fuzz.h"

struct gen {
    struct rng rng;
    struct buf out;
    const struct classes *classes;
    const struct data_set *d;
    bool exact;    /* here only what has the same bits everywhere */
    bool inexact;  /* something was written that has not */
    bool no_at;    /* here no @ */
    bool no_shift; /* here neither @ nor offset */
    bool pins;     /* an @ was written */
};

typedef void make_fn(struct gen *g, int depth);

/* What becomes of a small relative error in the operand. */
enum effect {
    GROWS,   /* anything may: the operand must be exact */
    STAYS,   /* the result has the same */
    INEXACT, /* the result has one; the operand must be exact */
};

struct production {
    make_fn *make;
    unsigned weight;
    enum fuzz_class class; /* ALWAYS: there is no switch */
    enum effect effect;
};

#define ALWAYS N_CLASSES

/* A vector, scalar or range of at most `depth` levels; 0: a leaf. */
make_fn gen_vector, gen_scalar, gen_matrix, gen_selector;
/* A range without a subquery. */
make_fn gen_matrix_selector;

void gen_choose(struct gen *g, const struct production *table, size_t n, int depth);
#define GEN_CHOOSE(g, table, depth)                                                                \
    gen_choose((g), (table), sizeof(table) / sizeof((table)[0]), (depth))

static inline bool gen_on(const struct gen *g, enum fuzz_class class)
{
    return g->classes->on[class] && (class != CLASS_native || g->d->natives);
}

__attribute__((format(printf, 2, 3))) void put(struct gen *g, const char *fmt, ...);
/* Offset and @, most often neither. */
void gen_shift(struct gen *g);
void gen_duration(struct gen *g);
/* A quantile, out of range now and then. */
void gen_phi(struct gen *g);
void gen_number(struct gen *g);

/* gen_call.c */
make_fn gen_range_call, gen_math, gen_inexact, gen_date, gen_clamp, gen_label, gen_sort, gen_absent,
    gen_timestamp, gen_vector_of, gen_classic, gen_native_part, gen_native_shape, gen_info;

/* gen_operator.c */
make_fn gen_aggregate, gen_quantile, gen_values, gen_topk, gen_limit, gen_arithmetic,
    gen_vector_power, gen_comparison, gen_set, gen_trim, gen_unary, gen_scale, gen_extreme;

#endif
