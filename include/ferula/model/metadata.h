/*
 * metadata.h - what a metric family is: its type, help and unit.
 */
#ifndef FERULA_MODEL_METADATA_H
#define FERULA_MODEL_METADATA_H

#include "ferula/base/str.h"

/* The numbers are those of remote write 1.0 (MetricMetadata.MetricType) and are stored. */
enum metric_type {
    METRIC_UNKNOWN = 0,
    METRIC_COUNTER = 1,
    METRIC_GAUGE = 2,
    METRIC_HISTOGRAM = 3,
    METRIC_GAUGEHISTOGRAM = 4,
    METRIC_SUMMARY = 5,
    METRIC_INFO = 6,
    METRIC_STATESET = 7,
};

struct metadata {
    struct str family; /* metric family name */
    enum metric_type type;
    struct str help, unit;
};

const char *metric_type_text(enum metric_type type); /* "counter"...; "unknown" otherwise */
enum metric_type metric_type_of(struct str text);    /* METRIC_UNKNOWN when not known */

#endif
