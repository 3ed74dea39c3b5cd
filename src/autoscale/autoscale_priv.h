/*
 * autoscale_priv.h - what the files of KEDA and the HPA share.
 */
#ifndef FERULA_AUTOSCALE_PRIV_H
#define FERULA_AUTOSCALE_PRIV_H

#include "ferula/autoscale/sim.h"
#include "ferula/base/check.h"

/* Quantity.AsApproximateFloat64 of so many thousandths. */
double autoscale__of_milli(int64_t milli);
/* 57922: "57.922", 45000: "45". */
struct str autoscale__decimal(struct arena *a, int64_t milli);

/* resource.ParseQuantity: "0.05", "50m", "512Mi", "1e3"; false when it is none. */
bool autoscale__quantity_parse(struct str s, double *out);

/* The first {{ X }}, <X> in capitals or ${X} of a text that is not filled in; p == NULL: none. */
struct str autoscale__placeholder(struct str s);
bool autoscale__has_placeholder(const struct pairs *p); /* one of the values */

/* A value of metadata without blanks around it; empty when there is none. */
struct str autoscale__get(const struct pairs *p, const char *key);

/*
 * Go's json.Unmarshal into a number of that type: "float64", "int64", "int". FER_EINVAL: f->text is
 * Go's error.
 */
int autoscale__json_number(struct str s, const char *type, double *out, struct fault *f);
/* strconv.ParseBool */
bool autoscale__parse_bool(struct str s, bool *out);

#endif
