/* autopsy.h - what the files of the autopsy share. */
#ifndef FERULA_AUTOSCALE_AUTOPSY_PRIV_H
#define FERULA_AUTOSCALE_AUTOPSY_PRIV_H

#include "ferula/autoscale/autopsy.h"

struct autoscale__body {
    struct source *src;
    struct arena *arena;
    const struct promql_explanation *x;
    const struct promql_node *node; /* under the knife */
    struct source_range range;      /* in which series are looked for */
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

#endif
