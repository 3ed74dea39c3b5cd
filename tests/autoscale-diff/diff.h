/*
 * diff.h - autoscale-diff: the rules of include/ferula/autoscale on cases that KEDA's and
 * Kubernetes' own programs read as well (tests/interop/keda, tests/interop/hpa): a JSON object a
 * line in, a JSON value a line out.
 */
#ifndef AUTOSCALE_DIFF_H
#define AUTOSCALE_DIFF_H

#include <jansson.h>

#include "ferula/autoscale/sim.h"
#include "ferula/base/check.h"

struct diff {
    struct autoscale_versions versions;
    struct autoscale_rules rules;
    struct arena arena; /* of one case */
};

/* One case; a new reference. What no case may be ends the program. */
typedef json_t *(*diff_mode)(struct diff *d, const json_t *in);

json_t *diff_hpa(struct diff *d, const json_t *in);
json_t *diff_scaler(struct diff *d, const json_t *in);
json_t *diff_operator(struct diff *d, const json_t *in);
json_t *diff_formula(struct diff *d, const json_t *in);
json_t *diff_cron(struct diff *d, const json_t *in);

/* ScaledObject out of a spec, read by the program's own reader; metadata may be NULL. */
const struct scaled_object *diff_object(struct diff *d, const json_t *metadata, const json_t *spec);

/* {"kind": "vector", "n": 1, "value": "4.5"} and its like. */
struct answer diff_answer(struct arena *a, const json_t *in);

json_t *diff_text(struct str s);
_Noreturn void diff_die(const char *what);

#endif
