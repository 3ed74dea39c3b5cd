/*
 * otlp_names.h - OTLP's names as Prometheus' translation makes them:
 * UnderscoreEscapingWithSuffixes.
 *
 * Source: github.com/prometheus/otlptranslator v1.0.0. Results are in the arena or the argument.
 */
#ifndef INGEST_OTLP_NAMES_H
#define INGEST_OTLP_NAMES_H

#include "ferula/base/arena.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

enum otlp_kind {
    OTLP_NONE,
    OTLP_GAUGE,
    OTLP_SUM,
    OTLP_HISTOGRAM,
    OTLP_EXPONENTIAL,
    OTLP_SUMMARY,
};

struct otlp_naming {
    struct str name, unit;
    enum otlp_kind kind;
    bool monotonic; /* of a sum */
};

/* "http.server.duration" in "s" is http_server_duration_seconds. FER_EINVAL: nothing is left. */
int ingest__otlp_metric_name(struct arena *a, const struct otlp_naming *m, struct str *out,
                             struct fault *f);

/* "By/s" is bytes_per_second. */
struct str ingest__otlp_unit(struct arena *a, struct str unit);

/* "http.method" is http_method. FER_EINVAL: nothing is left. */
int ingest__otlp_label_name(struct arena *a, struct str name, struct str *out, struct fault *f);

#endif
