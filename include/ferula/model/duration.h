/*
 * duration.h - Prometheus durations: 1w2d3h4m5s6ms, each unit once, in this order; a year is 365d.
 */
#ifndef FERULA_MODEL_DURATION_H
#define FERULA_MODEL_DURATION_H

#include "ferula/base/buf.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

/* FER_EINVAL: not a duration (`not a valid duration string: "x"`, or `empty duration string`). */
int duration_parse(struct str s, dur_ms *out, struct fault *f);

/* model.Duration.String(): years and weeks only when they are the whole of it; 0 is "0s". */
void duration_print(struct buf *b, dur_ms d);

/* RFC 3339 with optional fraction and offset; seconds are exact, more digits are cut to ms. */
int time_parse_rfc3339(struct str s, ts_ms *out);

/* 2026-01-02T03:04:05.678Z; the fraction is left out when zero (Go's RFC3339Nano in UTC). */
void time_print_rfc3339(struct buf *b, ts_ms t);

/* A civil date in UTC of any instant, years before 1970 too; for the date functions of PromQL. */
struct civil {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1 */
    int weekday, yearday;                 /* Sunday is 0; January 1st is 1 */
    int days_in_month;
};

void civil_from_unix(int64_t seconds, struct civil *out);
/* Days since 1970-01-01; months are 1 to 12, days of any number are counted on from the 1st. */
int64_t days_from_civil(int64_t year, int month, int day);

#endif
