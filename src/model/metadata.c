/*
 * metadata.c - metric types and their names.
 */
#include "ferula/model/metadata.h"

#include "ferula/base/check.h"

static const char *const type_text[] = {
    [METRIC_UNKNOWN] = "unknown",
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
    [METRIC_GAUGEHISTOGRAM] = "gaugehistogram",
    [METRIC_SUMMARY] = "summary",
    [METRIC_INFO] = "info",
    [METRIC_STATESET] = "stateset",
};

const char *metric_type_text(enum metric_type type)
{
    return (size_t)type < COUNT(type_text) ? type_text[type] : type_text[METRIC_UNKNOWN];
}

enum metric_type metric_type_of(struct str text)
{
    for (size_t i = 0; i < COUNT(type_text); i++)
        if (str_is(text, type_text[i]))
            return (enum metric_type)i;
    return METRIC_UNKNOWN;
}
