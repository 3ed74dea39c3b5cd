/*
 * timeline.h - events of a simulation on lines, for people.
 */
#ifndef FERULA_CLI_TIMELINE_H
#define FERULA_CLI_TIMELINE_H

#include "ferula/autoscale/sim.h"

/* "  1m30s   HPA   45 (10)   4 -> 5   DesiredWithinRange: ..." and a newline; times count from
 * `zero`. */
void cli__timeline_event(struct buf *out, const struct sim_event *e, ts_ms zero);

/*
 * Those that changed something, in replicas or in why; `around`: only some before and after that
 * time. Each line has `indent` before it.
 */
#define TIMELINE_ALL INT64_MIN
void cli__timeline(struct buf *out, const struct sim_trace *tr, ts_ms zero, ts_ms around,
                   const char *indent);

/* What the columns are. */
void cli__timeline_head(struct buf *out);

/* All of them. */
void cli__timeline_full(struct buf *out, const struct sim_trace *tr, ts_ms zero,
                        const char *indent);

#endif
