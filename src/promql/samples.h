/*
 * samples.h - what a query counts, as Prometheus does: samples looked at, samples read, and samples
 * held at once, which the limit is about. A histogram counts by its size. Each thread counts for
 * itself.
 */
#ifndef FERULA_PROMQL_SAMPLES_H
#define FERULA_PROMQL_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/model/histogram.h"
#include "ferula/model/sample.h"

struct promql__ev;
struct promql__grid;
struct promql__matrix;
struct promql__range_series;
struct promql__series;

/* How many samples a histogram counts for, with its time. */
static inline size_t promql__weight(const struct histogram *h)
{
    return (histogram_size(h) + 8) / 16;
}

/* ---- looked at and read ---- */

/* What is counted of samples; a histogram by its size. */
struct promql__counts {
    uint64_t seen;               /* by the steps: each sample in each step that looks at it */
    uint64_t read;               /* each sample in the first step that looks at it */
    uint64_t *seen_at, *read_at; /* heap; by step; NULL: not wanted */
    size_t n_steps;
};

void promql__counts_init(struct promql__counts *c, size_t seen_steps, size_t read_steps);
void promql__counts_like(struct promql__counts *c, const struct promql__counts *model);
void promql__counts_merge(struct promql__counts *into, const struct promql__counts *c);
void promql__counts_release(struct promql__counts *c);

static inline void promql__count(struct promql__counts *c, size_t step, size_t seen, size_t read)
{
    c->seen += seen;
    c->read += read;
    if (c->seen_at != NULL)
        c->seen_at[step] += seen;
    if (c->read_at != NULL)
        c->read_at[step] += read;
}

/* How many samples are in ev->out and ev->hout. */
size_t promql__made(const struct promql__ev *ev);
/* Counts them: they are what an instant selector sees of a series. */
void promql__count_made(struct promql__ev *ev, const struct promql__grid *g);
/* Counts what was evaluated once for all steps. */
void promql__count_once(struct promql__counts *c, const struct promql__counts *of, size_t n_steps);

/* Who uses a subquery. */
struct promql__use {
    const struct promql__grid *outer;
    dur_ms offset, range; /* 0: it is the query itself, and all of it is seen */
    bool pinned, by_step;
};

/* Whether it matters in which steps of the subquery samples are read. */
bool promql__use_splits(const struct promql__use *u);
void promql__count_subquery(struct promql__counts *c, const struct promql__use *u,
                            const struct promql__grid *inner, const struct promql__counts *of);

/* ---- held at once ---- */

/* The operands of an operator that works step by step. */
struct promql__operands {
    int64_t held;    /* once they are there */
    size_t n;        /* series that have a sample in every step */
    bool failed;     /* one of them */
    int64_t *change; /* heap; how many of the others have one, from step to step; may be NULL */
};

/* How what a node holds is accounted for. */
enum promql__holding {
    PROMQL__PASSES, /* the node does it itself, or holds what its operand does */
    PROMQL__STEPS,  /* step by step: operands and results, then the result */
    PROMQL__JOINS,  /* the same, but operands stay: info() */
    PROMQL__GROUPS, /* operands, then the result */
};

/* What a series adds to what is held. */
struct promql__load {
    int64_t kept, most; /* afterwards, and in the meantime */
};

/* FER_ELIMIT when there is no room for it. */
int promql__hold_load(struct promql__ev *ev, const struct promql__load *l);
/* An operand has one more series. */
void promql__operand_series(struct promql__operands *ops, const struct promql__grid *g,
                            const struct promql__series *s);
/* Whether there is room for the operands in the first step. */
bool promql__steps_fit(const struct promql__ev *ev);
/* The node at work has one more operand. */
void promql__operand(struct promql__ev *ev, const struct promql__grid *g,
                     const struct promql__matrix *m);
/* Accounts for the steps of the node at work, which gave `out`; what is held is operands only. */
int promql__hold_steps(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql__matrix *out);

/* ---- windows ---- */

/* Which samples of a series a window sees. */
struct promql__sight {
    size_t lo, hi, hlo, hhi;
    size_t weight;     /* of its histograms */
    size_t new_from;   /* the first float that the windows before have not come to */
    size_t new_weight; /* of histograms that they have not come to */
    size_t most;       /* the largest window counted so far */
};

static inline size_t promql__sight_size(const struct promql__sight *v)
{
    return v->hi - v->lo + v->weight;
}

void promql__sight_move(struct promql__sight *v, const struct promql__range_series *rs, ts_ms after,
                        ts_ms last);
/* Counts the window in this step; `reads`: also what it is the first to see. */
void promql__sight_count(struct promql__counts *c, struct promql__sight *v, size_t step,
                         bool reads);

/* Of a series that gave `made` samples; the last window is there until then. */
struct promql__load promql__load_of(const struct promql__sight *v, size_t made);

#endif
