/*
 * audit.h - what the parts of an audit share.
 */
#ifndef TSDB_AUDIT_H
#define TSDB_AUDIT_H

#include "store.h"

struct tsdb__audit {
    struct tsdb__txn x;
    struct tsdb__meta meta;
    struct tsdb__state state;
    MDB_dbi dbis[N_TABLES];
    bool has[N_TABLES]; /* a file of an older version lacks some */
    struct arena arena; /* of the audit */
    struct arena scratch;
    struct tsdb__ids live; /* series that have a row */
    uint32_t n_series_ids; /* given */
    uint64_t n_pairs;      /* of all series */
    struct buf line;       /* scratch */
    void (*report)(void *ctx, const char *line);
    void *ctx;
    struct tsdb_audit_counts counts;
};

/* Reports a fault of the row with this key: "TABLE key: what". */
__attribute__((format(printf, 4, 5))) void tsdb__audit_fault(struct tsdb__audit *au,
                                                             enum tsdb__table t, const MDB_val *key,
                                                             const char *fmt, ...);

/*
 * Calls row() for each row of a table; one whose checksum fails is reported instead. What row()
 * returns stops the walk when it is not 0.
 */
int tsdb__audit_rows(struct tsdb__audit *au, enum tsdb__table t,
                     int (*row)(struct tsdb__audit *au, const MDB_val *key, struct tsdb__in body,
                                void *ctx),
                     void *ctx);

/* audit_samples.c: chunks, checkpoint, write-ahead records. */
int tsdb__audit_chunks(struct tsdb__audit *au);
int tsdb__audit_heads(struct tsdb__audit *au);
int tsdb__audit_wal(struct tsdb__audit *au);

static inline bool tsdb__audit_lives(const struct tsdb__audit *au, uint32_t id)
{
    return id != 0 && id <= au->live.max && (au->live.words[id / 64] >> (id % 64) & 1) != 0;
}

#endif
