/*
 * cron.h - KEDA's cron trigger: two schedules of five fields in a time zone, and a number.
 *
 * Sources: KEDA pkg/scalers/cron_scaler.go; robfig/cron v3 (parser.go, spec.go); RFC 8536.
 */
#ifndef FERULA_AUTOSCALE_CRON_H
#define FERULA_AUTOSCALE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/autoscale/manifest.h"

/* ---- time zones ------------------------------------------------------------------------- */

struct zone;

/*
 * "", "UTC" and "Local" (KEDA's container has no other) are UTC; others come from the machine's
 * zone files ($ZONEINFO or /usr/share/zoneinfo). FER_EINVAL: "unable to load timezone: unknown time
 * zone X". In the arena.
 */
int autoscale__zone_load(struct arena *a, struct str name, struct zone **out, struct fault *f);
int32_t autoscale__zone_offset_s(const struct zone *z, int64_t unix_s); /* east of UTC */
/* Of a local time; of one that is not, or is twice, what Go's time.Date() makes of it. */
int64_t autoscale__zone_unix_s(const struct zone *z, int64_t local_s);

/* ---- schedules -------------------------------------------------------------------------- */

/* Bits of the values that match; a star is told apart, because days of month and week are. */
struct cron_schedule {
    uint64_t minute, hour, dom, month, dow;
    bool any_dom, any_dow;
    const struct zone *zone; /* of its own: "TZ=Asia/Tokyo 0 8 * * *"; NULL: none */
};

/* A zone of its own is in the arena. */
int autoscale__cron_parse(struct arena *a, struct str text, struct cron_schedule *out,
                          struct fault *f);

#define CRON_NEVER INT64_MIN
/*
 * The first second after `unix_s` that matches in `z`, as robfig/cron finds it; CRON_NEVER: none in
 * five years.
 */
int64_t autoscale__cron_next(const struct cron_schedule *c, const struct zone *z, int64_t unix_s);

/* ---- the trigger ------------------------------------------------------------------------ */

struct cron_trigger {
    struct zone *zone;
    struct cron_schedule start, end;
    int64_t replicas;
};

int autoscale__cron_trigger_read(const struct trigger *t, struct arena *a, struct cron_trigger *out,
                                 struct fault *f);
/* desiredReplicas in the interval, else 0. */
double autoscale__cron_trigger_value(const struct cron_trigger *t, ts_ms now);

#endif
