/*
 * wal.c - the write-ahead table.
 *
 * A record is a run of samples, each
 *
 *     varint  zigzag(id - id before), starting from 0
 *     u8      low 4 bits: bytes of the value, 0 to 8; high 4 bits: bytes of the time, 0 to 8
 *     time    zigzag(t - t before) in that many bytes, little-endian; starting from 0
 *     value   the upper bytes of the double, little-endian; the lower ones are zero
 *
 * and a piece is u8 version, u8 flags (1: first of its record, 2: last), then a part of a record.
 */
#include "wal.h"

#include "ferula/base/check.h"

#define PIECE_VERSION 1
#define PIECE_FIRST   1u
#define PIECE_LAST    2u
#define PIECE_HEAD    2

void tsdb__wal_begin(struct tsdb__wal_writer *w, struct buf *out)
{
    *w = (struct tsdb__wal_writer){.out = out};
}

void tsdb__wal_add(struct tsdb__wal_writer *w, uint32_t id, struct sample s)
{
    uint64_t bits = f64_bits(s.v), dt = tsdb__zigzag((int64_t)((uint64_t)s.t - (uint64_t)w->t));
    unsigned n_value = bits == 0 ? 0 : 8 - (unsigned)__builtin_ctzll(bits) / 8;
    unsigned n_time = dt == 0 ? 0 : 8 - (unsigned)__builtin_clzll(dt) / 8;
    uint8_t text[32];
    size_t n = tsdb__put_varint(text, tsdb__zigzag((int64_t)id - (int64_t)w->id));

    text[n++] = (uint8_t)(n_time << 4 | n_value);
    memcpy(text + n, &dt, 8);
    n += n_time;
    if (n_value != 0)
        bits >>= 64 - 8 * n_value;
    memcpy(text + n, &bits, 8);
    buf_add(w->out, text, n + n_value);
    w->id = id;
    w->t = s.t;
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

int tsdb__wal_apply(struct tsdb__head *h, struct str record, uint32_t n_series)
{
    struct tsdb__in in = tsdb__in_of(record.p, record.n);
    uint64_t id = 0, t = 0;

    while (tsdb__in_left(&in) > 0) {
        struct tsdb__series *series;
        uint64_t bits;
        unsigned n;

        id += (uint64_t)tsdb__unzigzag(tsdb__in_varint(&in));
        n = tsdb__in_u8(&in);
        if ((n & 15) > 8 || n >> 4 > 8)
            return FER_ECORRUPT;
        t += (uint64_t)tsdb__unzigzag(tsdb__in_le(&in, n >> 4));
        bits = tsdb__in_le(&in, n & 15);
        if ((n & 15) != 0)
            bits <<= 64 - 8 * (n & 15);
        if (in.bad || id == 0 || id > n_series)
            return FER_ECORRUPT;
        series = tsdb__head_series(h, (uint32_t)id);
        if (series->chunk != NULL && (ts_ms)t <= series->x.t)
            return FER_ECORRUPT;
        tsdb__head_append(h, series, (struct sample){(ts_ms)t, f64_from_bits(bits)});
    }
    return 0;
}

/* Takes one piece into `record`; *whole when it was the last of its record. */
static int take_piece(struct tsdb__in body, struct buf *record, bool *open, bool *whole)
{
    uint8_t version = tsdb__in_u8(&body), flags = tsdb__in_u8(&body);

    if (body.bad || version != PIECE_VERSION || *open == ((flags & PIECE_FIRST) != 0))
        return FER_ECORRUPT;
    if ((flags & PIECE_FIRST) != 0)
        buf_reset(record);
    buf_add(record, body.p, tsdb__in_left(&body));
    *whole = (flags & PIECE_LAST) != 0;
    *open = !*whole;
    return 0;
}

int tsdb__wal_replay(struct tsdb__txn *x, struct tsdb__head *h, uint32_t n_series, uint64_t *seq)
{
    struct buf record = {0};
    bool open = false;
    MDB_val k;
    struct tsdb__in body;
    int rc;

    *seq = 0;
    for (rc = tsdb__step(x, T_WAL, MDB_FIRST, &k, &body); rc == 0;
         rc = tsdb__step(x, T_WAL, MDB_NEXT, &k, &body)) {
        uint64_t key = 0;
        bool whole = false;

        memcpy(&key, k.mv_data, MIN(k.mv_size, sizeof(key)));
        rc = *seq != 0 && key != *seq + 1 ? FER_ECORRUPT : take_piece(body, &record, &open, &whole);
        if (rc == 0 && whole)
            rc = tsdb__wal_apply(h, buf_str(&record), n_series);
        if (rc < 0)
            break;
        *seq = key;
    }
    buf_release(&record);
    if (rc == FER_ENOENT)
        rc = open ? FER_ECORRUPT : 0;
    return rc;
}
