/*
 * head.h - the samples in memory: per series a list of compressed chunks, newest first.
 *
 * A chunk lies in one slot, so that sealing a slot takes whole chunks. The writer thread alone
 * appends and drops. Readers copy under the read lock; a whole group of writes is applied under one
 * write lock, so that no reader sees a part of it.
 */
#ifndef TSDB_HEAD_H
#define TSDB_HEAD_H

#include <pthread.h>
#include <stdint.h>

#include "hist.h"
#include "slot.h"
#include "xor.h"

#include "ferula/base/arena.h"
#include "ferula/model/sample.h"
#include "ferula/model/source.h"

/* A chunk fits a row of a checkpoint. */
#define TSDB__CHUNK_BITS_MAX (3800 * 8)

#define TSDB__PAGE_SERIES 512

/*
 * A series that got nothing for longer has no newest sample in a checkpoint: it can only get one
 * that is judged without it.
 */
#define TSDB__IDLE_MS (INT64_C(60) * 60 * 1000)

/* A chunk outside of the head: in one piece. */
struct tsdb__chunk {
    struct tsdb__chunk *next; /* newer */
    ts_ms min_t;
    int32_t slot;
    uint16_t n_samples, n_bits;
    bool rich; /* a stream of rich samples (hist.h) in whole bytes; else of xor.h */
    uint8_t bits[];
};

struct tsdb__series {
    struct tsdb__xor x;  /* the newest sample, and what the next of its chunk is coded against */
    uint32_t pending;    /* the writer's, without a lock: see admit.c */
    uint32_t chunk : 30; /* block of the newest chunk of floats; 0: none */
    uint32_t lives : 1;
    uint32_t has_newest : 1; /* x.t and x.bits are known */
};

_Static_assert(sizeof(struct tsdb__series) == 40, "memory is a matter of series");

/* The rich samples of a series; most series have none. */
struct tsdb__rich_chunk {
    struct tsdb__rich_chunk *older;
    int32_t slot;
    uint32_t min_offset; /* of the first sample, from the start of the slot */
    uint16_t n_samples, n, cap;
    uint8_t bytes[];
};

struct tsdb__rich_series {
    struct tsdb__rich_chunk *newest; /* owned, with the older ones */
    bool goes_on;                    /* `stream` is known, */
    struct tsdb__rich_stream stream; /* what the next sample is coded against */
    void *kept;                      /* owned: the histogram of stream.prev */
    size_t cap_kept;
};

struct tsdb__page {
    uint32_t n_live;
    struct tsdb__series v[TSDB__PAGE_SERIES];
};

struct tsdb__rich_page {
    struct tsdb__rich_series *v[TSDB__PAGE_SERIES]; /* owned; NULL: it has none */
};

/* A slot that has chunks in the head. */
struct tsdb__open_slot {
    int32_t slot;
    uint32_t n_chunks;
    ts_ms touched; /* by the clock: when it last got a sample */
};

union tsdb__block;

struct tsdb__head {
    pthread_rwlock_t lock;
    struct tsdb__page **pages; /* owned; by id; NULL: no series of it lives */
    size_t n_pages;
    union tsdb__block **slabs; /* owned; block i is slabs[i / per slab][i % per slab] */
    size_t n_slabs;
    uint32_t free_block, next_block; /* list of free blocks; the first never used */
    struct tsdb__rich_page *
        *rich;               /* owned, with what is in them; by id; NULL: none of it has any */
    size_t n_rich;           /* pages that there is room for */
    struct buf rich_bytes;   /* scratch */
    struct arena rich_arena; /* scratch */
    struct tsdb__open_slot *slots; /* owned; ascending */
    size_t n_slots, cap_slots;
    ts_ms now; /* what slots are touched with; the writer sets it */
    uint64_t n_samples, n_bytes;
    ts_ms min_t, max_t; /* of all samples ever appended; INT64_MAX, INT64_MIN: none */
    uint32_t last_id;   /* of what readers may look at: ids above it are the writer's */
};

void tsdb__head_init(struct tsdb__head *h);
void tsdb__head_release(struct tsdb__head *h);

/* Makes room for series `id`; takes the write lock when there is none yet. */
void tsdb__head_reserve(struct tsdb__head *h, uint32_t id);

/* The series exists now: its newest sample is unknown. Under the write lock once readers run. */
void tsdb__head_revive(struct tsdb__head *h, uint32_t id);

/* The series is gone. Under the write lock. It has no chunk. */
void tsdb__head_bury(struct tsdb__head *h, uint32_t id);

/* False for an id that was never given or whose series is gone. */
bool tsdb__head_lives(const struct tsdb__head *h, uint32_t id);

/* The series, which lives. */
struct tsdb__series *tsdb__head_series(const struct tsdb__head *h, uint32_t id);

void tsdb__head_lock_write(struct tsdb__head *h);
void tsdb__head_lock_read(struct tsdb__head *h);
void tsdb__head_unlock(struct tsdb__head *h);

/* Under the write lock; `s` has a slot and is newer than what the series has. */
void tsdb__head_append(struct tsdb__head *h, struct tsdb__series *series, struct sample s);

/*
 * Brings memory near that a walk over series will touch: the head of the newest chunk of `far`, and
 * what that of `near`, which was far before, leads to. Under the read lock, or the writer's.
 */
void tsdb__head_look_ahead(const struct tsdb__head *h, uint32_t near, uint32_t far);

/* What is known of a sample that is the newest of its series. */
struct tsdb__newest {
    ts_ms t;
    uint64_t bits;
    bool is_hist;
};

static inline struct tsdb__newest tsdb__newest_float(struct sample s)
{
    return (struct tsdb__newest){s.t, f64_bits(s.v), false};
}

struct tsdb__newest tsdb__newest_of(const struct tsdb__rich *r);

/* Under the write lock: notes a newest sample that is not kept in the head. */
void tsdb__head_note(struct tsdb__head *h, struct tsdb__series *series, struct tsdb__newest s);

/*
 * The same of a late sample. When the newest is not known the series was idle for longer than
 * TSDB__IDLE_MS, and may have a newer one that is sealed; then an older sample does not make it
 * known.
 */
void tsdb__head_note_late(struct tsdb__head *h, struct tsdb__series *series, struct tsdb__newest s);

/* Under the write lock: puts a chunk behind the series' newest, as when it was made. */
void tsdb__head_restore(struct tsdb__head *h, struct tsdb__series *series,
                        const struct tsdb__chunk *c);

/* Under the write lock: forgets all chunks of floats up to `slot`; INT32_MAX: all. */
void tsdb__head_drop(struct tsdb__head *h, struct tsdb__series *series, int32_t slot);

/* ---- rich samples: head_rich.c; as the same without "rich" ----------------------------- */

/* `r` is newer than what the series has; it is copied, with the hint that it gets here. */
void tsdb__head_append_rich(struct tsdb__head *h, uint32_t id, const struct tsdb__rich *r,
                            struct tsdb__rich_bits bits);
void tsdb__head_restore_rich(struct tsdb__head *h, uint32_t id, const struct tsdb__chunk *c);
void tsdb__head_drop_rich(struct tsdb__head *h, uint32_t id, int32_t slot);
struct tsdb__chunk *tsdb__head_copy_rich(const struct tsdb__head *h, uint32_t id,
                                         struct source_range range, struct arena *a);
bool tsdb__head_has_rich(const struct tsdb__head *h, uint32_t id);
void tsdb__head_release_rich(struct tsdb__head *h);

/* Under the write lock: takes samples of any kind out. head_delete.c. FER_ECORRUPT. */
int tsdb__head_delete(struct tsdb__head *h, uint32_t id, struct source_range range);

/* What head.c does for both: notes a time, and chunks that a slot gets, or one that it loses. */
void tsdb__head_see(struct tsdb__head *h, ts_ms t);
void tsdb__head_touch(struct tsdb__head *h, int32_t slot, uint32_t n_chunks);
void tsdb__head_close_chunk(struct tsdb__head *h, int32_t slot);

/*
 * Under the read lock, or the writer's: the chunks that may overlap `range`, oldest first, copied
 * into `a`.
 */
struct tsdb__chunk *tsdb__head_copy(const struct tsdb__head *h, uint32_t id,
                                    struct source_range range, struct arena *a);

/* Whether the series has any chunk. */
static inline bool tsdb__head_has_chunk(const struct tsdb__head *h, uint32_t id)
{
    return tsdb__head_series(h, id)->chunk != 0 || tsdb__head_has_rich(h, id);
}

/* The same of a chunk of any kind; a rich one makes `out` rich, and is not sorted into it. */
int tsdb__chunk_add(const struct tsdb__chunk *c, struct source_range range,
                    struct tsdb__mixed *out);

/*
 * Appends the samples of one chunk of floats that lie in `range`. FER_ECORRUPT: its stream is
 * broken.
 */
int tsdb__chunk_read(const struct tsdb__chunk *c, struct source_range range,
                     struct sample_vec *out);

#endif
