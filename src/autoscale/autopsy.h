/* autopsy.h - what the files of the autopsy share. */
#ifndef FERULA_AUTOSCALE_AUTOPSY_PRIV_H
#define FERULA_AUTOSCALE_AUTOPSY_PRIV_H

#include "ferula/autoscale/autopsy.h"

struct autoscale__body {
    struct source *src;
    struct arena *arena;
    const struct promql_explanation *x;
    const struct promql_node *node; /* under the knife */
    dur_ms around;                  /* how far from what it sees series are looked for */
    struct source_range range;      /* in which that is */
    struct fault *f;
};

/*
 * Finds the matcher after which nothing is left, and what may have been meant. 1: there is none,
 * all match something. The steps are noted in any case.
 */
int autoscale__find_guilty(const struct autoscale__body *b, const struct promql_vector_selector *vs,
                           struct autopsy *out);

/* The matchers, the name's first, then as written. */
struct matcher *autoscale__in_order(struct arena *a, const struct promql_vector_selector *vs);

/* "the only series", "each of the 3 series" */
void autoscale__add_each(struct buf *t, size_t n, const char *what);

/* ---- autopsy_node.c: nodes that are not selectors ---------------------------------------- */

/* The range vector that a call takes; NULL: none. */
const struct promql_node *autoscale__range_below(const struct promql_explanation *x, size_t i);

bool autoscale__is_empty(const struct promql_node *n);
bool autoscale__is_lowest_empty(const struct promql_explanation *x, size_t i);
/* Whether the query is empty because the node is: all on the way up are, and would not be. */
bool autoscale__matters(const struct promql_explanation *x, size_t i);

/* The sentence, and out->cause. `interval`: between the samples of the window; 0: not known. */
bool autoscale__open_call(const struct autoscale__body *b, size_t i, dur_ms interval,
                          struct autopsy *out, struct buf *t); /* false: nothing to say of it */
void autoscale__open_binary(const struct autoscale__body *b, size_t i, struct autopsy *out,
                            struct buf *t);

#endif
