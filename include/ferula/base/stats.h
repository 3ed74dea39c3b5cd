/*
 * stats.h - ferula's own counters and gauges.
 *
 * One row of stats.tbl.h a metric: the row makes the field, the line in /metrics and the reference
 * in docs/metrics.md. Adding is lock-free and may be done by any thread. Metrics with labels of
 * their own are written by collectors that their module registers at start.
 */
#ifndef FERULA_BASE_STATS_H
#define FERULA_BASE_STATS_H

#include <stdint.h>

#include "ferula/base/buf.h"

enum stat {
#define COUNTER(id, name, help) STAT_##id,
#define GAUGE(id, name, help)   STAT_##id,
#include "ferula/base/stats.tbl.h"
#undef COUNTER
#undef GAUGE
    N_STATS
};

void stats_add(enum stat id, uint64_t n);
void stats_sub(enum stat id, uint64_t n); /* gauges only */
void stats_set(enum stat id, uint64_t v); /* gauges only */
uint64_t stats_get(enum stat id);

/* `collect` appends whole families (HELP, TYPE, samples); called by stats_render(), any thread. */
void stats_register(void (*collect)(struct buf *out, void *ctx), void *ctx);
void stats_unregister(void *ctx);

/* Text format 0.0.4: the table, then what the collectors add. */
void stats_render(struct buf *out);

/* A family's head, for collectors: "# HELP name help\n# TYPE name type\n". */
void stats_head(struct buf *out, const char *name, const char *type, const char *help);

#endif
