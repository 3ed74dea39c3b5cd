/*
 * remote_read.c - remote read: requests, and answers as samples or as streamed chunks.
 *
 * Messages are those of Prometheus' prompb/remote.proto.
 */
#include <snappy-c.h>

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

#include "chunk.h"
#include "decode.h"
#include "pb.h"

/* ---- requests --------------------------------------------------------------------------- */

enum { RESPONSE_SAMPLES, RESPONSE_STREAMED, RESPONSE_UNKNOWN };

static int read_matcher(struct wire w, struct arena *a, struct matcher *out)
{
    struct str name = STR(""), value = STR("");
    struct wire_tag tag;
    struct wire body;
    uint64_t type = 0;

    while (!wire_done(&w)) {
        int rc = wire_tag(&w, &tag);

        if (rc == 0 && tag.number == 1 && tag.type == WIRE_VARINT) {
            rc = wire_varint(&w, &type);
        } else if (rc == 0 && (tag.number == 2 || tag.number == 3) && tag.type == WIRE_BYTES) {
            rc = wire_bytes(&w, &body);
            if (rc == 0)
                *(tag.number == 2 ? &name : &value) = wire_str(&body);
        } else if (rc == 0) {
            rc = ingest__wire_skip(&w, &tag);
        }
        if (rc < 0)
            return rc;
    }
    if (type > MATCH_NRE)
        return fault_set(w.fault, FER_EINVAL, 0, "invalid matcher type");
    return matcher_init(out, a, (enum match_op)type, name, value, w.fault);
}

/* Hints say what a query is for; nothing depends on them. */
static int read_query(struct wire w, struct arena *a, struct ingest_read_query *out)
{
    struct matcher *m = NULL;
    size_t cap = 0;

    while (!wire_done(&w)) {
        struct wire_tag tag;
        struct wire body;
        uint64_t v;
        int rc = wire_tag(&w, &tag);

        if (rc == 0 && (tag.number == 1 || tag.number == 2) && tag.type == WIRE_VARINT) {
            rc = wire_varint(&w, &v);
            if (rc == 0)
                *(tag.number == 1 ? &out->range.from : &out->range.to) = (ts_ms)v;
        } else if (rc == 0 && tag.number == 3 && tag.type == WIRE_BYTES) {
            rc = wire_bytes(&w, &body);
            ARENA_GROW(a, m, out->n_matchers, cap, struct matcher);
            if (rc == 0)
                rc = read_matcher(body, a, &m[out->n_matchers++]);
        } else if (rc == 0) {
            rc = ingest__wire_skip(&w, &tag);
        }
        if (rc < 0)
            return rc;
    }
    out->m = m;
    return 0;
}

/* The first kind that is known decides. */
static void note_kind(int *kind, uint64_t v)
{
    if (*kind == RESPONSE_UNKNOWN && v < RESPONSE_UNKNOWN)
        *kind = (int)v;
}

/* One kind, or several packed. */
static int read_kinds(struct wire *w, const struct wire_tag *tag, int *kind)
{
    struct wire body;
    uint64_t v;
    int rc;

    if (tag->type == WIRE_VARINT) {
        rc = wire_varint(w, &v);
        if (rc == 0)
            note_kind(kind, v);
        return rc;
    }
    if (tag->type != WIRE_BYTES)
        return ingest__wire_wrong_type(w, tag, "AcceptedResponseTypes");
    rc = wire_bytes(w, &body);
    while (rc == 0 && !wire_done(&body)) {
        rc = wire_varint(&body, &v);
        if (rc == 0)
            note_kind(kind, v);
    }
    return rc;
}

int ingest_decode_read(struct arena *a, const struct ingest_limits *limits, struct str body,
                       struct ingest_read_request *out, struct fault *f)
{
    int kind = RESPONSE_UNKNOWN;
    bool any_kind = false;
    struct str message;
    struct wire w;
    size_t cap = 0;
    int rc = ingest__snappy_decode(a, limits->decoded_bytes, body, &message, f);

    *out = (struct ingest_read_request){0};
    if (rc < 0)
        return rc;
    w.p = w.base = (const uint8_t *)message.p;
    w.end = w.p + message.n;
    w.fault = f;
    while (!wire_done(&w)) {
        struct wire_tag tag;
        struct wire query;

        rc = wire_tag(&w, &tag);
        if (rc == 0 && tag.number == 1 && tag.type == WIRE_BYTES) {
            ARENA_GROW(a, out->queries, out->n_queries, cap, struct ingest_read_query);
            out->queries[out->n_queries] = (struct ingest_read_query){0};
            rc = wire_bytes(&w, &query);
            if (rc == 0)
                rc = read_query(query, a, &out->queries[out->n_queries++]);
        } else if (rc == 0 && tag.number == 2) {
            any_kind = true;
            rc = read_kinds(&w, &tag, &kind);
        } else if (rc == 0) {
            rc = ingest__wire_skip(&w, &tag);
        }
        if (rc < 0)
            return rc;
    }
    if (any_kind && kind == RESPONSE_UNKNOWN)
        return fault_set(f, FER_EINVAL, 0,
                         "server does not support any of the requested response types; supported: "
                         "map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]");
    out->streamed = kind == RESPONSE_STREAMED;
    return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

static void put_labels(struct buf *out, struct buf *inner, struct labels ls)
{
    for (size_t i = 0; i < ls.n; i++) {
        pb_text(inner, 1, ls.v[i].name);
        pb_text(inner, 2, ls.v[i].value);
        pb_nest(out, 1, inner);
    }
}

static void put_spans(struct buf *out, struct buf *inner, unsigned field,
                      const struct histogram_side *s)
{
    struct histogram_span span = {0};

    while (histogram_span_next(s, &span)) {
        pb_s64(inner, 1, span.gap);
        pb_u64(inner, 2, span.n);
        pb_nest(out, field, inner);
    }
}

/* Doubles next to 2^63 and 2^64 are these: the highest whole counts came rounded up. */
static int64_t whole_signed(double v)
{
    return v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

static uint64_t whole_unsigned(double v)
{
    return v >= 0x1p64 ? UINT64_MAX : v <= 0 ? 0 : (uint64_t)v;
}

/* Counts as they are, or as whole differences from bucket to bucket, which wrap. */
static void put_counts(struct buf *out, struct buf *inner, unsigned field, bool integer,
                       const struct histogram_side *s)
{
    uint64_t before = 0;

    if (s->n == 0)
        return;
    for (size_t i = 0; i < s->n; i++) {
        uint64_t now;

        if (!integer) {
            pb_bits64(inner, f64_bits(s->count[i]));
            continue;
        }
        now = (uint64_t)whole_signed(s->count[i]);
        pb_varint(inner, pb_zigzag((int64_t)(now - before)));
        before = now;
    }
    pb_nest(out, integer ? field : field + 1, inner);
}

/* A member of a oneof is written even when it is 0. */
static void put_count(struct buf *out, unsigned field, bool integer, double v)
{
    if (integer) {
        pb_tag(out, field, WIRE_VARINT);
        pb_varint(out, whole_unsigned(v));
    } else {
        pb_tag(out, field + 1, WIRE_FIXED64);
        pb_bits64(out, f64_bits(v));
    }
}

static void put_histogram(struct buf *out, struct buf *inner, const struct hsample *hs)
{
    const struct histogram *h = hs->h;

    put_count(out, 1, h->integer, h->count);
    pb_f64(out, 3, h->sum);
    pb_s64(out, 4, h->schema);
    pb_f64(out, 5, h->zero_threshold);
    put_count(out, 6, h->integer, h->zero_count);
    put_spans(out, inner, 8, &h->neg);
    put_counts(out, inner, 9, h->integer, &h->neg);
    put_spans(out, inner, 11, &h->pos);
    put_counts(out, inner, 12, h->integer, &h->pos);
    pb_u64(out, 14, h->hint);
    pb_i64(out, 15, hs->t);
    for (size_t i = 0; i < h->n_bounds; i++)
        pb_bits64(inner, f64_bits(h->bounds[i]));
    if (h->n_bounds > 0)
        pb_nest(out, 16, inner);
}

void ingest_read_add_series(struct buf *result, struct labels ls, const struct series_samples *ss)
{
    struct buf series = {0}, inner = {0}, deep = {0};

    put_labels(&series, &inner, ls);
    for (size_t i = 0; i < ss->f.n; i++) {
        pb_f64(&inner, 1, ss->f.v[i].v);
        pb_i64(&inner, 2, ss->f.v[i].t);
        pb_nest(&series, 2, &inner);
    }
    for (size_t i = 0; i < ss->h.n; i++) {
        put_histogram(&inner, &deep, &ss->h.v[i]);
        pb_nest(&series, 4, &inner);
    }
    pb_nest(result, 1, &series);
    buf_release(&series);
    buf_release(&inner);
    buf_release(&deep);
}

void ingest_read_add_result(struct buf *message, struct str result)
{
    pb_bytes(message, 1, result);
}

void ingest_read_finish(struct buf *out, struct str message)
{
    size_t packed = snappy_max_compressed_length(message.n);

    buf_reserve(out, packed + 1);
    CHECK(snappy_compress(message.p, message.n, out->p + out->n, &packed) == SNAPPY_OK);
    out->n += packed;
    out->p[out->n] = '\0';
}

/* ---- streamed chunks -------------------------------------------------------------------- */

/* A series in the making, frame by frame. */
struct stream {
    struct buf *out;
    struct str labels; /* the fields of a ChunkedSeries that come first in every frame */
    struct buf series; /* of the frame now: labels and chunks */
    struct buf data, chunk, message;
    uint64_t query;
    size_t most; /* bytes of chunks a frame */
};

/* Length, checksum with the highest byte first, message. */
static void end_frame(struct stream *st)
{
    uint32_t crc;

    if (st->series.n == st->labels.n)
        return;
    pb_nest(&st->message, 1, &st->series);
    pb_u64(&st->message, 2, st->query);
    pb_varint(st->out, st->message.n);
    crc = hash_crc32c(0, st->message.p, st->message.n);
    for (int i = 3; i >= 0; i--)
        buf_putc(st->out, (char)(uint8_t)(crc >> (8 * i)));
    buf_add_str(st->out, buf_str(&st->message));
    buf_reset(&st->message);
    buf_add_str(&st->series, st->labels);
}

static void add_chunk(struct stream *st, unsigned encoding, ts_ms from, ts_ms to)
{
    pb_i64(&st->chunk, 1, from);
    pb_i64(&st->chunk, 2, to);
    pb_u64(&st->chunk, 3, encoding);
    pb_bytes(&st->chunk, 4, buf_str(&st->data));
    buf_reset(&st->data);
    pb_nest(&st->series, 2, &st->chunk);
    if (st->series.n - st->labels.n >= st->most)
        end_frame(st);
}

/* Floats up to the time `until`; returns how many of all are done then. */
static size_t add_floats(struct stream *st, const struct series_samples *ss, size_t at, ts_ms until)
{
    while (at < ss->f.n && ss->f.v[at].t <= until) {
        size_t n = 1;

        while (at + n < ss->f.n && n < CHUNK_SAMPLES && ss->f.v[at + n].t <= until)
            n++;
        ingest__chunk_floats(&st->data, &ss->f.v[at], n);
        add_chunk(st, CHUNK_XOR, ss->f.v[at].t, ss->f.v[at + n - 1].t);
        at += n;
    }
    return at;
}

static size_t add_histograms(struct stream *st, const struct series_samples *ss, size_t at,
                             ts_ms until)
{
    while (at < ss->h.n && ss->h.v[at].t <= until) {
        size_t n = 1;

        while (at + n < ss->h.n && ss->h.v[at + n].t <= until)
            n++;
        n = ingest__chunk_histograms(&st->data, &ss->h.v[at], n);
        add_chunk(st, CHUNK_FLOAT_HISTOGRAM, ss->h.v[at].t, ss->h.v[at + n - 1].t);
        at += n;
    }
    return at;
}

void ingest_read_add_frames(struct buf *out, struct labels ls, const struct series_samples *ss,
                            size_t query, size_t max_frame_bytes)
{
    struct buf labels = {0};
    struct stream st = {.out = out, .query = query};
    size_t f = 0, h = 0;

    put_labels(&labels, &st.chunk, ls);
    st.labels = buf_str(&labels);
    st.most = max_frame_bytes > labels.n ? max_frame_bytes - labels.n : 1;
    buf_add_str(&st.series, st.labels);
    while (f < ss->f.n || h < ss->h.n) { /* chunks do not overlap */
        f = add_floats(&st, ss, f, h < ss->h.n ? ss->h.v[h].t : INT64_MAX);
        h = add_histograms(&st, ss, h, f < ss->f.n ? ss->f.v[f].t : INT64_MAX);
    }
    end_frame(&st);
    buf_release(&labels);
    buf_release(&st.series);
    buf_release(&st.data);
    buf_release(&st.chunk);
    buf_release(&st.message);
}
