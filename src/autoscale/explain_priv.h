/* explain_priv.h - what the files of the explanation of objects share. */
#ifndef FERULA_AUTOSCALE_EXPLAIN_PRIV_H
#define FERULA_AUTOSCALE_EXPLAIN_PRIV_H

#include "autoscale_priv.h"
#include "ferula/autoscale/explain.h"

/* Gives x->triggers[i] its answer. Errors are those of explain_query(). */
int autoscale__explain_trigger(struct arena *a, const struct explain_opts *opts,
                               const struct autoscale_rules *rules, struct explained_object *x,
                               size_t i, struct fault *f);

/* Fills x->formula in from the answers of all triggers but cpu and memory. */
void autoscale__explain_formula(struct arena *a, struct explained_object *x);

#endif
