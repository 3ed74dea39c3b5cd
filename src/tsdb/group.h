/*
 * group.h - one page that holds the sealed chunks of many series of one slot.
 *
 * Series of one scrape have the same timestamps, so a group keeps a column of times once, however
 * many of its chunks share it. The layout is drawn in group.c. No threads: a builder or reader
 * belongs to one at a time; readers of one body may be many.
 */
#ifndef TSDB_GROUP_H
#define TSDB_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"
#include "times.h"
#include "wire.h"

#include "ferula/base/buf.h"
#include "ferula/base/str.h"
#include "ferula/model/sample.h"

#define TSDB__GROUP_VERSION     1
#define TSDB__GROUP_SAMPLES_MAX 32768 /* of a series in one group */
#define TSDB__GROUP_COLUMNS_MAX 255

/* Kinds of chunks. */
#define TSDB__KIND_FLOATS 0
#define TSDB__KIND_RICH   1 /* histograms among them, or start timestamps: a run of hist.h */

struct tsdb__column {
    uint16_t n_samples; /* 1 to TSDB__GROUP_SAMPLES_MAX */
    uint16_t at, n;     /* bytes of its times */
};

/* What of a body follows its head, in this order; and the times as they were given, ts_ms. */
enum tsdb__group_part {
    TSDB__PART_COLUMNS,
    TSDB__PART_DIRECTORY,
    TSDB__PART_TIMES,
    TSDB__PART_VALUES,
    TSDB__PART_KNOWN,
    TSDB__N_PARTS
};

struct tsdb__group_counts {
    uint32_t first_id, last_id;
    uint32_t n_entries, n_columns;
    uint32_t last_column; /* of the newest entry */
};

/*
 * A group that is being made. All zero before the first tsdb__group_init(), which comes before
 * anything else. Owns its memory until tsdb__group_release().
 */
struct tsdb__group_builder {
    ts_ms slot_start;
    struct tsdb__group_counts counts;
    struct buf parts[TSDB__N_PARTS];
    struct {
        uint32_t at, n; /* byte in its part, timestamps */
    } known[TSDB__GROUP_COLUMNS_MAX];
    struct sample_vec times; /* scratch */
    struct buf body;
};

/* Empties it for a new group; memory is kept. */
void tsdb__group_init(struct tsdb__group_builder *b, ts_ms slot_start);
void tsdb__group_release(struct tsdb__group_builder *b);
bool tsdb__group_is_empty(const struct tsdb__group_builder *b);
uint32_t tsdb__group_first_id(const struct tsdb__group_builder *b);

/*
 * Adds samples of a series: n >= 1, ascending within the slot; ids ascend. Returns how many were
 * taken: n; or 0 when the group is not empty and they do not fit (then it is full: begin anew); or,
 * in an empty group, about as many of the first as fit, at least 1. The others belong into the
 * next group.
 */
size_t tsdb__group_add(struct tsdb__group_builder *b, uint32_t id, const struct sample *s,
                       size_t n);

/*
 * The same of rich samples, which take so much room that whole series would leave pages half empty:
 * when they `may_split`, a group that is not empty takes the first of them, too.
 */
size_t tsdb__group_add_rich(struct tsdb__group_builder *b, uint32_t id, const struct tsdb__rich *r,
                            size_t n, bool may_split);

/* At most TSDB__BODY_MAX bytes, valid until the builder is used again. Not of an empty group. */
struct str tsdb__group_body(struct tsdb__group_builder *b);

/* The chunk of one series. Pointers are into the body. */
struct tsdb__entry {
    uint32_t id;
    uint32_t n_samples;
    uint8_t kind;
    uint32_t column; /* entries of a group with the same number have the same times */
    const uint8_t *times, *values;
    uint32_t n_times, n_values; /* bytes */
};

struct tsdb__group_reader {
    struct tsdb__in directory; /* what is left of it */
    const uint8_t *times, *values;
    uint32_t id, last_id; /* id: of the entry before; the group's last */
    uint32_t n_left;      /* entries */
    uint32_t n_columns;
    uint32_t column; /* of the entry before */
    struct tsdb__column columns[TSDB__GROUP_COLUMNS_MAX];
};

/*
 * `body` as tsdb__get() gives it, whose key says slot and first id. Checks all of it but for the
 * times and values themselves. FER_ECORRUPT.
 */
int tsdb__group_open(struct tsdb__group_reader *g, ts_ms slot_start, uint32_t first_id,
                     struct tsdb__in body);

/* The entries in order of ids. 1: there are no more. */
int tsdb__group_next(struct tsdb__group_reader *g, struct tsdb__entry *out);
uint32_t tsdb__group_last_id(const struct tsdb__group_reader *g);

/* Into out[0..n_samples). FER_ECORRUPT, also when the kind is not floats. */
int tsdb__entry_read(const struct tsdb__entry *e, ts_ms slot_start, struct sample *out);

/* Appends the samples of an entry of any kind. */
int tsdb__entry_add(const struct tsdb__entry *e, ts_ms slot_start, struct tsdb__mixed *out);

#endif
