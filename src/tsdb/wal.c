/*
 * wal.c - the write-ahead table.
 *
 * A record is a run of samples, each
 *
 *     varint  zigzag(id - id before) << 1 | late, starting from 0; version 1 has no late samples
 *             and no bit for them
 *     u8      low 4 bits: bytes of the value, 0 to 8, or 9; high 4 bits: bytes of the time, 0 to 8
 *     time    zigzag(t - t before) in that many bytes, little-endian; starting from 0
 *     value   the upper bytes of the double, little-endian; the lower ones are zero; for 9 varint
 *             n, and n bytes of a rich sample in full form (hist.c)
 *
 * or, with 10 in those low bits, a deletion:
 *
 *     varint  zigzag(from), varint zigzag(to), ms
 *     varint  n, and n varints: the distance of each further series to the one before
 *
 * and a piece is u8 version, u8 flags (1: first of its record, 2: last), then a part of a record.
 */
#include "wal.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define PIECE_VERSION 2
#define PIECE_FIRST   1u
#define PIECE_LAST    2u
#define PIECE_HEAD    2

#define VALUE_RICH     9
#define VALUE_DELETION 10

/* Whose sample it is, and when. */
struct place {
    uint32_t id;
    bool late;
    ts_ms t;
};

void tsdb__wal_begin(struct tsdb__wal_writer *w, struct buf *out)
{
    *w = (struct tsdb__wal_writer){.out = out};
}

/* What comes before the value. Returns its bytes; `text` has room for 32, and 8 behind them. */
static inline size_t put_place(struct tsdb__wal_writer *w, uint8_t *text, struct place p,
                               unsigned value)
{
    uint64_t dt = tsdb__zigzag((int64_t)((uint64_t)p.t - (uint64_t)w->t));
    unsigned n_time = dt == 0 ? 0 : 8 - (unsigned)__builtin_clzll(dt) / 8;
    size_t n = tsdb__put_varint(text, tsdb__zigzag((int64_t)p.id - (int64_t)w->id) << 1 | p.late);

    text[n++] = (uint8_t)(n_time << 4 | value);
    memcpy(text + n, &dt, 8);
    w->id = p.id;
    w->t = p.t;
    return n + n_time;
}

void tsdb__wal_add(struct tsdb__wal_writer *w, uint32_t id, struct sample s, bool late)
{
    uint64_t bits = f64_bits(s.v);
    unsigned n_value = bits == 0 ? 0 : 8 - (unsigned)__builtin_ctzll(bits) / 8;
    uint8_t text[32];
    size_t n = put_place(w, text, (struct place){id, late, s.t}, n_value);

    if (n_value != 0)
        bits >>= 64 - 8 * n_value;
    memcpy(text + n, &bits, 8);
    buf_add(w->out, text, n + n_value);
}

void tsdb__wal_add_rich(struct tsdb__wal_writer *w, uint32_t id, ts_ms t, struct str full,
                        bool late)
{
    uint8_t text[32];
    size_t n = put_place(w, text, (struct place){id, late, t}, VALUE_RICH);

    buf_add(w->out, text, n);
    tsdb__add_varint(w->out, full.n);
    buf_add_str(w->out, full);
}

void tsdb__wal_add_deletion(struct tsdb__wal_writer *w, struct source_range range,
                            const uint32_t *ids, size_t n)
{
    uint8_t text[32];
    size_t n_text = put_place(w, text, (struct place){ids[0], false, w->t}, VALUE_DELETION);

    buf_add(w->out, text, n_text);
    tsdb__add_varint(w->out, tsdb__zigzag(range.from));
    tsdb__add_varint(w->out, tsdb__zigzag(range.to));
    tsdb__add_varint(w->out, n - 1);
    for (size_t i = 1; i < n; i++)
        tsdb__add_varint(w->out, ids[i] - ids[i - 1]);
}

int tsdb__wal_put(struct tsdb__txn *x, struct str record, uint64_t *seq)
{
    const size_t most = TSDB__BODY_MAX - PIECE_HEAD;
    size_t at = 0;

    while (at < record.n) {
        size_t n = MIN(record.n - at, most);
        char piece[TSDB__BODY_MAX];
        uint64_t key = *seq + 1;
        int rc;

        piece[0] = PIECE_VERSION;
        piece[1] = (char)((at == 0 ? PIECE_FIRST : 0) | (at + n == record.n ? PIECE_LAST : 0));
        memcpy(piece + PIECE_HEAD, record.p + at, n);
        rc = tsdb__put(x, T_WAL, (struct str){(const char *)&key, sizeof(key)},
                       (struct str){piece, PIECE_HEAD + n}, MDB_APPEND);
        if (rc < 0)
            return rc;
        *seq = key;
        at += n;
    }
    return 0;
}

int tsdb__wal_trim(struct tsdb__txn *x, uint64_t upto, size_t most, size_t *n)
{
    int rc = 0;

    for (*n = 0; *n < most; ++*n) {
        struct tsdb__in body;
        uint64_t key = 0;
        MDB_val k;

        rc = tsdb__step(x, T_WAL, MDB_FIRST, &k, &body);
        if (rc == 0)
            memcpy(&key, k.mv_data, MIN(k.mv_size, sizeof(key)));
        if (rc < 0 || key > upto)
            break;
        rc = tsdb__delete(x, T_WAL);
        if (rc < 0)
            break;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

/* A sample as the record has it. */
struct entry {
    uint32_t id;
    bool late;
    struct sample s;
    struct str full; /* of a rich sample; p NULL: a float */
    bool deletes;    /* no sample, but a deletion: of `id` and n_more series after it, */
    struct source_range range;
    struct tsdb__in gaps; /* whose distances these are */
    size_t n_more;
};

/* What the samples of a record are coded against. */
struct coded {
    struct tsdb__in in;
    uint64_t id, t;
    unsigned late_bits; /* 1, or 0 in a record of version 1 */
};

static bool is_sound(const struct coded *c)
{
    return !c->in.bad && c->id != 0 && c->id <= UINT32_MAX && (ts_ms)c->t >= TSDB__TIME_MIN &&
           (ts_ms)c->t <= TSDB__TIME_MAX;
}

static int next_rich(struct coded *c, bool late, struct entry *e)
{
    size_t n = tsdb__in_varint32(&c->in);
    const uint8_t *p = tsdb__in_bytes(&c->in, n);

    if (!is_sound(c) || n == 0 || n > TSDB__RICH_BYTES_MAX)
        return FER_ECORRUPT;
    *e = (struct entry){
        .id = (uint32_t)c->id, .late = late, .s.t = (ts_ms)c->t, .full = {(const char *)p, n}
    };
    return 0;
}

static int next_deletion(struct coded *c, struct entry *e)
{
    ts_ms from = tsdb__unzigzag(tsdb__in_varint(&c->in));
    ts_ms to = tsdb__unzigzag(tsdb__in_varint(&c->in));
    size_t n = tsdb__in_varint32(&c->in);
    uint64_t id = c->id;

    *e = (struct entry){.id = (uint32_t)id, .deletes = true, .n_more = n};
    e->range = (struct source_range){from, to};
    e->gaps = c->in;
    for (size_t i = 0; i < n && !c->in.bad; i++) {
        uint32_t gap = tsdb__in_varint32(&c->in);

        id += gap;
        if (gap == 0 || id > UINT32_MAX)
            c->in.bad = true;
    }
    return c->in.bad || e->id == 0 || c->id > UINT32_MAX || from > to || from < TSDB__TIME_MIN ||
                   to > TSDB__TIME_MAX
               ? FER_ECORRUPT
               : 0;
}

static int next_entry(struct coded *c, struct entry *e)
{
    uint64_t head = tsdb__in_varint(&c->in), bits;
    unsigned n = tsdb__in_u8(&c->in);

    c->id += (uint64_t)tsdb__unzigzag(head >> c->late_bits);
    if ((n & 15) > VALUE_DELETION || n >> 4 > 8)
        return FER_ECORRUPT;
    if ((n & 15) == VALUE_DELETION)
        return next_deletion(c, e);
    c->t += (uint64_t)tsdb__unzigzag(tsdb__in_le(&c->in, n >> 4));
    if ((n & 15) == VALUE_RICH)
        return next_rich(c, (head & c->late_bits) != 0, e);
    bits = tsdb__in_le(&c->in, n & 15);
    if ((n & 15) != 0)
        bits <<= 64 - 8 * (n & 15);
    if (!is_sound(c))
        return FER_ECORRUPT;
    *e = (struct entry){
        .id = (uint32_t)c->id,
        .late = (head & c->late_bits) != 0,
        .s = {(ts_ms)c->t, f64_from_bits(bits)}
    };
    return 0;
}

/* The rich sample of an entry, in `a`. */
static int read_rich(const struct entry *e, struct arena *a, struct tsdb__rich *out)
{
    struct tsdb__in in = tsdb__in_of(e->full.p, e->full.n);
    int rc;

    arena_reset(a);
    *out = (struct tsdb__rich){.t = e->s.t};
    rc = tsdb__rich_get(&in, a, out);
    return rc == 0 && tsdb__in_left(&in) != 0 ? FER_ECORRUPT : rc;
}

static int append(const struct tsdb__wal_target *to, struct tsdb__series *series,
                  const struct entry *e)
{
    struct tsdb__rich r;
    int rc;

    if (series->has_newest && e->s.t <= series->x.t)
        return FER_ECORRUPT;
    if (e->full.p == NULL) {
        tsdb__head_look_ahead(to->head, e->id + 4, e->id + 8);
        tsdb__head_append(to->head, series, e->s);
        return 0;
    }
    rc = read_rich(e, &to->head->rich_arena, &r);
    if (rc == 0)
        tsdb__head_append_rich(to->head, e->id, &r, tsdb__rich_bits(e->full));
    return rc;
}

static struct tsdb__newest newest_of(const struct entry *e)
{
    struct tsdb__rich_bits bits;

    if (e->full.p == NULL)
        return tsdb__newest_float(e->s);
    bits = tsdb__rich_bits(e->full);
    return (struct tsdb__newest){e->s.t, bits.bits, bits.is_histogram};
}

/* The checkpoint has what the record does to the series. */
static bool is_covered(const struct tsdb__wal_target *to, uint32_t id)
{
    size_t page = id / TSDB__PAGE_SERIES;

    return to->page_seqs != NULL && page < to->n_pages && to->seq <= to->page_seqs[page];
}

static int apply_deletion(const struct tsdb__wal_target *to, const struct entry *e)
{
    uint32_t *ids = xcalloc(e->n_more + 1, sizeof(*ids)), id = e->id;
    struct tsdb__in gaps = e->gaps;
    int rc = 0;

    for (size_t i = 0; i <= e->n_more && rc == 0; i++) {
        if (i > 0)
            id += tsdb__in_varint32(&gaps);
        ids[i] = id;
        if (id > to->n_series)
            rc = FER_ECORRUPT;
        else if (tsdb__head_lives(to->head, id) && !is_covered(to, id))
            rc = tsdb__head_delete(to->head, id, e->range);
    }
    if (rc == 0)
        tsdb__late_delete(to->late, ids, e->n_more + 1, e->range);
    free(ids);
    return rc;
}

static int apply_entry(const struct tsdb__wal_target *to, const struct entry *e)
{
    struct tsdb__series *series;

    if (e->deletes)
        return apply_deletion(to, e);
    if (e->id > to->n_series)
        return FER_ECORRUPT;
    if (!tsdb__head_lives(to->head, e->id))
        return 0; /* it went with the last of its samples */
    series = tsdb__head_series(to->head, e->id);
    if (e->late) {
        tsdb__head_note_late(to->head, series, newest_of(e));
        if (e->full.p == NULL)
            tsdb__late_add(to->late, e->id, e->s);
        else
            tsdb__late_add_rich(to->late, e->id, e->s.t, e->full);
        return 0;
    }
    if (e->s.t < tsdb__slot_end(to->sealed.slot) &&
        tsdb__is_sealed(to->sealed, tsdb__slot_of(e->s.t), e->id)) {
        tsdb__head_note(to->head, series, newest_of(e));
        return 0;
    }
    if (is_covered(to, e->id))
        return 0;
    return append(to, series, e);
}

static int apply(const struct tsdb__wal_target *to, struct str record, unsigned version)
{
    struct coded c = {.in = tsdb__in_of(record.p, record.n), .late_bits = version > 1};

    while (tsdb__in_left(&c.in) > 0) {
        struct entry e;
        int rc = next_entry(&c, &e);

        if (rc == 0)
            rc = apply_entry(to, &e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int tsdb__wal_apply(const struct tsdb__wal_target *to, struct str record)
{
    return apply(to, record, PIECE_VERSION);
}

int tsdb__wal_join(struct tsdb__wal_joining *j, struct tsdb__in body, bool *whole)
{
    uint8_t version = tsdb__in_u8(&body), flags = tsdb__in_u8(&body);

    if (body.bad || version == 0 || version > PIECE_VERSION ||
        j->open == ((flags & PIECE_FIRST) != 0))
        return FER_ECORRUPT;
    if ((flags & PIECE_FIRST) != 0) {
        buf_reset(&j->record);
        j->version = version;
    }
    buf_add(&j->record, body.p, tsdb__in_left(&body));
    *whole = (flags & PIECE_LAST) != 0;
    j->open = !*whole;
    return version == j->version ? 0 : FER_ECORRUPT;
}

bool tsdb__wal_is_first(struct tsdb__in body)
{
    (void)tsdb__in_u8(&body);
    return (tsdb__in_u8(&body) & PIECE_FIRST) != 0;
}

int tsdb__wal_check(const struct tsdb__wal_joining *j, uint32_t n_series, uint64_t *n_samples)
{
    struct coded c = {.in = tsdb__in_of(j->record.p, j->record.n), .late_bits = j->version > 1};
    struct arena scratch = {0};
    struct tsdb__rich r;
    struct entry e;
    int rc = 0;

    while (rc == 0 && tsdb__in_left(&c.in) > 0) {
        rc = next_entry(&c, &e);
        *n_samples += rc == 0 && !e.deletes;
        if (rc == 0 && e.id > n_series)
            rc = FER_ECORRUPT;
        if (rc == 0 && e.full.p != NULL)
            rc = read_rich(&e, &scratch, &r);
    }
    arena_release(&scratch);
    return rc;
}

int tsdb__wal_replay(struct tsdb__txn *x, struct tsdb__wal_target *to, uint64_t covered,
                     uint64_t *first, uint64_t *last)
{
    struct tsdb__wal_joining j = {.open = false};
    uint64_t from = covered + 1, before = covered;
    MDB_val k = {.mv_data = &from, .mv_size = sizeof(from)};
    struct tsdb__in body;
    int rc;

    *first = *last = 0;
    for (rc = tsdb__step(x, T_WAL, MDB_SET_RANGE, &k, &body); rc == 0;
         rc = tsdb__step(x, T_WAL, MDB_NEXT, &k, &body)) {
        uint64_t key = 0;
        bool whole = false;

        memcpy(&key, k.mv_data, MIN(k.mv_size, sizeof(key)));
        rc = key != before + 1 ? FER_ECORRUPT : tsdb__wal_join(&j, body, &whole);
        to->seq = before = key;
        if (rc == 0 && whole)
            rc = apply(to, buf_str(&j.record), j.version);
        if (rc < 0)
            break;
    }
    buf_release(&j.record);
    if (rc != FER_ENOENT || j.open)
        return rc == FER_ENOENT ? FER_ECORRUPT : rc;
    rc = tsdb__last_u64(x, T_WAL, last);
    if (rc == 0 && *last != 0)
        rc = tsdb__step(x, T_WAL, MDB_FIRST, &k, &body);
    if (rc == 0 && *last != 0)
        memcpy(first, k.mv_data, MIN(k.mv_size, sizeof(*first)));
    return rc;
}
