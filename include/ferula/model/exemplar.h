/*
 * exemplar.h - one observation that stands for others, with labels such as a trace's id.
 */
#ifndef FERULA_MODEL_EXEMPLAR_H
#define FERULA_MODEL_EXEMPLAR_H

#include "ferula/base/clock.h"
#include "ferula/model/labels.h"

/* Names and values together, in code points (OpenMetrics). */
#define EXEMPLAR_MAX_RUNES 128

struct exemplar {
    struct labels labels;
    double v;
    ts_ms t;
};

#endif
