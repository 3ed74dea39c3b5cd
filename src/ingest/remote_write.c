/*
 * remote_write.c - the streaming decoder of prometheus.WriteRequest.
 *
 * One pass over the bytes. The Label submessages of a TimeSeries are not parsed but hashed as they
 * came; when the store knows the hash, their samples go straight into the row. Only the labels of
 * an unknown series are parsed and validated, and they point into the decoded body, which lies in
 * the request's arena. Memory beside the body is bounded by what the body holds; see max_of().
 */
#include "ferula/base/check.h"
#include "ferula/base/hash.h"

#include "batch.h"
#include "histogram.h"

#define LABEL_TAG (1u << 3 | WIRE_BYTES) /* of a TimeSeries' labels */

/* What one pass over a TimeSeries found. */
struct scan {
    const uint8_t *first, *end; /* of the run of labels; end is behind the newest one */
    bool scattered;             /* other fields lie between labels */
    size_t n_labels, label_bytes;
    size_t n_unsound; /* histograms that were not taken */
    struct str why;   /* the first of them was not */
};

static int parse_sample(struct wire body, struct sample *out)
{
    *out = (struct sample){0, 0};
    while (!wire_done(&body)) {
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number == 1) {
            if (tag.type != WIRE_FIXED64)
                return ingest__wire_wrong_type(&body, &tag, "Value");
            rc = wire_f64(&body, &out->v);
        } else if (tag.number == 2) {
            uint64_t t = 0;

            if (tag.type != WIRE_VARINT)
                return ingest__wire_wrong_type(&body, &tag, "Timestamp");
            rc = wire_varint(&body, &t);
            out->t = (ts_ms)t;
        } else {
            rc = ingest__wire_skip(&body, &tag);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int add_sample(struct batch *b, struct wire body)
{
    struct sample s;
    int rc = parse_sample(body, &s);

    return rc < 0 ? rc : batch_sample(b, s);
}

static int add_exemplar(struct batch *b, struct wire body)
{
    struct wire w = body;
    uint64_t t = 0;
    double v = 0;

    while (!wire_done(&w)) {
        struct wire_tag tag;
        int rc = wire_tag(&w, &tag);

        if (rc < 0)
            return rc;
        if (tag.number == 1 && tag.type != WIRE_BYTES)
            return ingest__wire_wrong_type(&w, &tag, "Labels");
        if (tag.number == 2 && tag.type != WIRE_FIXED64)
            return ingest__wire_wrong_type(&w, &tag, "Value");
        if (tag.number == 3 && tag.type != WIRE_VARINT)
            return ingest__wire_wrong_type(&w, &tag, "Timestamp");
        rc = tag.number == 2   ? wire_f64(&w, &v)
             : tag.number == 3 ? wire_varint(&w, &t)
                               : ingest__wire_skip(&w, &tag);
        if (rc < 0)
            return rc;
    }
    if (ingest__labels_parse(body, &b->set) < 0)
        return FER_EINVAL;
    return ingest__batch_exemplar(b, v, (ts_ms)t);
}

static int add_histogram(struct batch *b, struct wire body, struct scan *scan)
{
    struct fault unsound;
    int rc = ingest__histogram_parse(b, body, &unsound);

    if (rc < 0 || unsound.code == 0)
        return rc;
    if (scan->n_unsound++ == 0 && batch_wants_line(b))
        scan->why = arena_str(b->a, str_of(unsound.text));
    return 0;
}

/* `end` is behind the label that began at `at`. */
static void note_label(struct scan *scan, const uint8_t *at, const uint8_t *end)
{
    if (scan->n_labels == 0)
        scan->first = at;
    else if (scan->end != at)
        scan->scattered = true;
    scan->end = end;
    scan->n_labels++;
    scan->label_bytes += (size_t)(end - at);
}

/* Labels as they usually come, first and each below 128 bytes, in a few instructions each. */
static void scan_short_labels(struct wire *w, struct scan *scan)
{
    const uint8_t *p = w->p;

    while (w->end - p >= 2 && p[0] == LABEL_TAG && p[1] < 0x80 && p[1] <= w->end - p - 2) {
        p += 2 + p[1];
        scan->n_labels++;
    }
    scan->first = w->p;
    scan->end = p;
    scan->label_bytes = (size_t)(p - w->p);
    w->p = p;
}

static int scan_field(struct batch *b, struct wire *w, const struct wire_tag *tag,
                      struct scan *scan)
{
    static const char *const names[] = {"", "Labels", "Samples", "Exemplars", "Histograms"};
    struct wire body;
    int rc;

    if (tag->number >= COUNT(names))
        return ingest__wire_skip(w, tag);
    if (tag->type != WIRE_BYTES)
        return ingest__wire_wrong_type(w, tag, names[tag->number]);
    rc = wire_bytes(w, &body);
    if (rc < 0)
        return rc;
    switch (tag->number) {
    case 1:
        note_label(scan, tag->at, w->p);
        return 0;
    case 2:
        return add_sample(b, body);
    case 3:
        return add_exemplar(b, body);
    default:
        return add_histogram(b, body, scan);
    }
}

/* Labels with something between them are put together first, so that they hash alike. */
static struct hash128 hash_scattered(struct batch *b, struct wire series, const struct scan *scan)
{
    char *all = (char *)arena_alloc_raw(b->a, scan->label_bytes, 1);
    size_t n = 0;

    while (!wire_done(&series)) {
        struct wire_tag tag;

        CHECK(wire_tag(&series, &tag) == 0 && ingest__wire_skip(&series, &tag) == 0);
        if (tag.number == 1) {
            memcpy(all + n, tag.at, (size_t)(series.p - tag.at));
            n += (size_t)(series.p - tag.at);
        }
    }
    CHECK(n == scan->label_bytes);
    return hash_keyed128(all, n);
}

static struct hash128 hash_labels(struct batch *b, struct wire series, const struct scan *scan)
{
    if (scan->scattered)
        return hash_scattered(b, series, scan);
    return hash_keyed128(scan->first, scan->label_bytes);
}

static int accept_labels(struct batch *b, struct wire series, bool *good)
{
    int rc = ingest__labels_parse(series, &b->set);

    if (rc == 0)
        *good = ingest__batch_accept(b, false);
    return rc;
}

static int note_unsound(struct batch *b, struct wire series, const struct scan *scan)
{
    struct buf line = {0};
    int rc;

    b->iw->refused.n_histograms += scan->n_unsound;
    if (scan->why.n == 0)
        return 0;
    rc = ingest__labels_parse(series, &b->set);
    if (rc < 0)
        return rc;
    buf_addf(&line, STR_FMT " for series ", STR_ARG(scan->why));
    ingest__series_print(&line, (struct labels){b->set.v, b->set.n});
    ingest__batch_line(b, buf_str(&line));
    buf_release(&line);
    return 0;
}

static int scan_series(struct batch *b, struct wire series, struct scan *scan)
{
    struct wire w = series;
    int rc = 0;

    scan_short_labels(&w, scan);
    while (rc == 0 && !wire_done(&w)) {
        struct wire_tag tag;

        rc = wire_tag(&w, &tag);
        if (rc == 0)
            rc = scan_field(b, &w, &tag, scan);
    }
    return rc;
}

static int decode_series(struct batch *b, struct wire series)
{
    struct batch_mark mark = batch_mark(b);
    struct hash128 raw = {0, 0};
    struct scan scan = {0};
    uint32_t new_series = 0;
    series_id id = 0;
    bool good = true;
    int rc = scan_series(b, series, &scan);

    if (rc == 0 && scan.n_labels > 0) {
        raw = hash_labels(b, series, &scan);
        id = batch_find(b, raw);
    }
    if (rc == 0 && id == 0)
        rc = accept_labels(b, series, &good);
    if (rc < 0)
        return rc;
    if (!good) {
        ingest__batch_refuse(b, &mark);
        b->iw->refused.n_samples += scan.n_unsound;
        return 0;
    }
    if (id == 0 && batch_is_new(b, &mark))
        new_series = ingest__batch_series(b, raw);
    batch_give(b, &mark, id, new_series);
    return scan.n_unsound == 0 ? 0 : note_unsound(b, series, &scan);
}

static int decode_metadata(struct batch *b, struct wire body)
{
    struct metadata m;
    bool keep;
    int rc = ingest__metadata_parse(body, &b->opts->limits, &m, &keep);

    return rc < 0 || !keep ? rc : ingest__batch_metadata(b, &m);
}

static int decode_request(struct batch *b, struct wire w)
{
    while (!wire_done(&w)) {
        struct wire_tag tag;
        struct wire body;
        int rc = wire_tag(&w, &tag);

        if (rc < 0)
            return rc;
        if (tag.number != 1 && tag.number != 3) {
            rc = ingest__wire_skip(&w, &tag);
            if (rc < 0)
                return rc;
            continue;
        }
        if (tag.type != WIRE_BYTES)
            return ingest__wire_wrong_type(&w, &tag, tag.number == 1 ? "Timeseries" : "Metadata");
        rc = wire_bytes(&w, &body);
        if (rc == 0)
            rc = tag.number == 1 ? decode_series(b, body) : decode_metadata(b, body);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int ingest_decode_v1(struct tsdb *db, struct arena *a, const struct ingest_limits *limits,
                     struct str body, struct ingest_write **out, struct fault *f)
{
    const struct ingest_opts opts = {.limits = *limits};
    struct fault unread;
    struct str message;
    struct batch b;
    int rc;

    if (f == NULL)
        f = &unread;
    rc = ingest__snappy_decode(a, limits->decoded_bytes, body, &message, f);
    if (rc < 0)
        return rc;
    ingest__batch_begin(&b, db, a, &opts, f);
    rc = decode_request(&b, wire_of(message, f));
    ingest__batch_end(&b);
    if (rc == 0)
        *out = ingest__batch_result(&b, INGEST_V1);
    return rc;
}
