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
#include "ferula/base/stats.h"

#include "decode.h"
#include "shape.h"

#define FIRST_SAMPLES 64
#define LABEL_TAG     (1u << 3 | WIRE_BYTES) /* of a TimeSeries' labels */

struct decoder {
    const struct tsdb_finder *finder; /* borrowed; NULL: every series is unknown */
    struct arena *a;
    const struct ingest_limits *limits;
    struct ingest_write *iw;
    struct sample *samples; /* of iw->write; these four are in the arena */
    struct metadata *metadata;
    size_t cap_rows, cap_samples, cap_series, cap_metadata;
    struct label_set set; /* reused for every series */
};

/* What one pass over a TimeSeries found. */
struct scan {
    const uint8_t *first, *end; /* of the run of labels; end is behind the newest one */
    bool scattered;             /* other fields lie between labels */
    size_t n_labels, label_bytes;
    size_t n_histograms;
    size_t first_sample;
};

/*
 * Elements of `size` bytes that a request may hold: as many as fill the room that its decoded bytes
 * may take. Full samples and metadata are larger on the wire than in memory, so only a request made
 * of empty ones gets there.
 */
static size_t max_of(const struct decoder *d, size_t size)
{
    return d->limits->decoded_bytes / size;
}

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

/* Doubles, but never beyond what may be used. */
static void grow_samples(struct decoder *d, size_t max)
{
    size_t cap = MIN(MAX(d->cap_samples * 2, FIRST_SAMPLES), max);

    d->samples = arena_regrow(d->a, d->samples, d->cap_samples, cap, sizeof(*d->samples),
                              _Alignof(struct sample));
    d->cap_samples = cap;
}

static int add_sample(struct decoder *d, struct wire body)
{
    struct tsdb_write *w = &d->iw->write;
    size_t max = max_of(d, sizeof(struct sample));
    struct sample s;
    int rc = parse_sample(body, &s);

    if (rc < 0)
        return rc;
    if (w->n_samples >= max)
        return fault_set(body.fault, FER_ELIMIT, 0, "more than %zu samples in a request", max);
    if (w->n_samples == d->cap_samples)
        grow_samples(d, max);
    d->samples[w->n_samples++] = s;
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

static int scan_field(struct decoder *d, struct wire *w, const struct wire_tag *tag,
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
        return add_sample(d, body);
    case 3:
        d->iw->refused.n_exemplars++;
        return ingest__shape_check(body, &ingest__exemplar_shape);
    default:
        scan->n_histograms++;
        return ingest__shape_check(body, &ingest__histogram_shape);
    }
}

/* Labels with something between them are put together first, so that they hash alike. */
static struct hash128 hash_scattered(struct decoder *d, struct wire series, const struct scan *scan)
{
    char *all = (char *)arena_alloc_raw(d->a, scan->label_bytes, 1);
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

static struct hash128 hash_labels(struct decoder *d, struct wire series, const struct scan *scan)
{
    if (scan->scattered)
        return hash_scattered(d, series, scan);
    return hash_keyed128(scan->first, scan->label_bytes);
}

static void add_row(struct decoder *d, series_id id, uint32_t new_series, const struct scan *scan)
{
    struct tsdb_write *w = &d->iw->write;

    ARENA_GROW(d->a, w->rows, w->n_rows, d->cap_rows, struct tsdb_row);
    w->rows[w->n_rows++] = (struct tsdb_row){
        .id = id,
        .new_series = new_series,
        .first = (uint32_t)scan->first_sample,
        .n = (uint32_t)(w->n_samples - scan->first_sample),
    };
}

/* The labels in d->set, which were accepted, as a series to be made; its index. */
static uint32_t add_series(struct decoder *d, struct hash128 raw)
{
    struct tsdb_write *w = &d->iw->write;
    struct label *v = arena_array(d->a, struct label, d->set.n);

    memcpy(v, d->set.v, d->set.n * sizeof(*v));
    ARENA_GROW(d->a, w->series, w->n_series, d->cap_series, struct tsdb_new_series);
    w->series[w->n_series] = (struct tsdb_new_series){
        .labels = {v, d->set.n},
          .raw = raw
    };
    return (uint32_t)w->n_series++;
}

static void refuse_series(struct decoder *d, const struct scan *scan)
{
    struct ingest_refused *r = &d->iw->refused;

    r->n_label_sets++;
    r->n_samples += d->iw->write.n_samples - scan->first_sample;
    d->iw->write.n_samples = scan->first_sample;
}

/* Native histograms are not stored yet; that is said, never passed over. */
static int refuse_histograms(struct decoder *d, struct wire series, const struct scan *scan)
{
    struct ingest_refused *r = &d->iw->refused;

    if (scan->n_histograms == 0)
        return 0;
    r->n_histograms += scan->n_histograms;
    if (r->first.n == 0) {
        int rc = ingest__labels_parse(series, d->limits->labels, &d->set);

        if (rc < 0)
            return rc;
        r->first = ingest__series_sentence(
            d->a, "native histograms are not supported yet, in series", &d->set);
    }
    return 0;
}

static int decode_series(struct decoder *d, struct wire series)
{
    struct scan scan = {.first_sample = d->iw->write.n_samples};
    struct hash128 raw = {0, 0};
    struct wire w = series;
    uint32_t new_series = 0;
    series_id id = 0;
    int rc = 0;

    scan_short_labels(&w, &scan);
    while (rc == 0 && !wire_done(&w)) {
        struct wire_tag tag;

        rc = wire_tag(&w, &tag);
        if (rc == 0)
            rc = scan_field(d, &w, &tag, &scan);
    }
    if (rc < 0)
        return rc;
    if (scan.n_labels > 0) {
        raw = hash_labels(d, series, &scan);
        id = d->finder == NULL ? 0 : tsdb_finder_find(d->finder, raw);
    }
    if (id == 0) {
        rc = ingest__labels_parse(series, d->limits->labels, &d->set);
        if (rc < 0)
            return rc;
        if (!ingest__labels_accept(d->a, d->limits, &d->set, &d->iw->refused.first))
            refuse_series(d, &scan);
        else if (d->iw->write.n_samples > scan.first_sample)
            new_series = add_series(d, raw);
    }
    if (d->iw->write.n_samples > scan.first_sample)
        add_row(d, id, new_series, &scan);
    return refuse_histograms(d, series, &scan);
}

static int decode_metadata(struct decoder *d, struct wire body)
{
    struct tsdb_write *w = &d->iw->write;
    struct metadata m;
    bool keep;
    int rc = ingest__metadata_parse(body, d->limits, &m, &keep);

    if (rc < 0 || !keep)
        return rc;
    if (w->n_metadata >= max_of(d, sizeof(m)))
        return fault_set(body.fault, FER_ELIMIT, 0, "more than %zu metadata entries in a request",
                         w->n_metadata);
    ARENA_GROW(d->a, d->metadata, w->n_metadata, d->cap_metadata, struct metadata);
    d->metadata[w->n_metadata++] = m;
    return 0;
}

static int decode_request(struct decoder *d, struct wire w)
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
            rc = tag.number == 1 ? decode_series(d, body) : decode_metadata(d, body);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void count_refused(const struct ingest_refused *r)
{
    stats_add(STAT_WRITE_REQUESTS, 1);
    stats_add(STAT_LABEL_SETS_REFUSED, r->n_label_sets);
    stats_add(STAT_HISTOGRAMS_REFUSED, r->n_histograms);
    stats_add(STAT_EXEMPLARS_DROPPED, r->n_exemplars);
}

int ingest_decode_v1(struct tsdb *db, struct arena *a, const struct ingest_limits *limits,
                     struct str body, struct ingest_write **out, struct fault *f)
{
    struct decoder d = {.a = a, .limits = limits};
    struct tsdb_finder finder;
    struct fault unread;
    struct str message;
    struct wire w;
    int rc;

    if (f == NULL)
        f = &unread;
    rc = ingest__snappy_decode(a, limits->decoded_bytes, body, &message, f);
    if (rc < 0)
        return rc;
    d.iw = arena_new(a, struct ingest_write);
    d.set.v = arena_array(a, struct label, MAX(limits->labels, 1));
    w.base = w.p = (const uint8_t *)message.p;
    w.end = w.p + message.n;
    w.fault = f;
    if (db != NULL) {
        tsdb_finder_begin(&finder, db);
        d.finder = &finder;
    }
    rc = decode_request(&d, w);
    if (db != NULL)
        tsdb_finder_end(&finder);
    if (rc < 0)
        return rc;
    d.iw->write.arena = a;
    d.iw->write.samples = d.samples;
    d.iw->write.metadata = d.metadata;
    count_refused(&d.iw->refused);
    *out = d.iw;
    return 0;
}
