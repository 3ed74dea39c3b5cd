/*
 * faults.h - answers that are wrong on purpose.
 */
#ifndef FERULA_AUTOSCALE_FAULTS_H
#define FERULA_AUTOSCALE_FAULTS_H

#include "ferula/autoscale/world.h"

/*
 * True: *out is what comes instead of the real answer. `timeout` is the trigger's; `query`: it asks
 * a server, and what is said is about its answer. The last span that holds wins.
 */
bool autoscale__fault_answer(const struct fault_span *v, size_t n, int trigger, ts_ms now,
                             dur_ms timeout, bool query, struct answer *out);

/* The spans of FAULT_GAP; in the arena. */
struct source_range *autoscale__fault_gaps(struct arena *a, const struct fault_span *v, size_t n,
                                           size_t *n_gaps);

#endif
