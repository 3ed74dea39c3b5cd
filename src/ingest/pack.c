/*
 * pack.c - a WriteRequest for senders, packed by protobuf-c and compressed as one snappy block.
 */
#include <snappy-c.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"
#include "ferula/model/histogram.h"

#include "remote_write.pb-c.h"

/* Packing only reads what the message points to. */
static ProtobufCBinaryData bytes_of(struct str s)
{
    union {
        const char *from;
        uint8_t *to;
    } p = {.from = s.p};

    return (ProtobufCBinaryData){s.n, p.to};
}

static Prometheus__Label **pack_labels(struct arena *a, struct labels ls)
{
    Prometheus__Label **list = arena_array(a, Prometheus__Label *, ls.n);
    Prometheus__Label *v = arena_array(a, Prometheus__Label, ls.n);

    for (size_t i = 0; i < ls.n; i++) {
        prometheus__label__init(&v[i]);
        v[i].name = bytes_of(ls.v[i].name);
        v[i].value = bytes_of(ls.v[i].value);
        list[i] = &v[i];
    }
    return list;
}

static Prometheus__Sample **pack_samples(struct arena *a, const struct sample *samples, size_t n)
{
    Prometheus__Sample **list = arena_array(a, Prometheus__Sample *, n);
    Prometheus__Sample *v = arena_array(a, Prometheus__Sample, n);

    for (size_t i = 0; i < n; i++) {
        prometheus__sample__init(&v[i]);
        v[i].value = f64_bits(samples[i].v);
        v[i].timestamp = samples[i].t;
        list[i] = &v[i];
    }
    return list;
}

static Prometheus__BucketSpan **pack_spans(struct arena *a, const struct histogram_side *s,
                                           size_t *n)
{
    Prometheus__BucketSpan **list = arena_array(a, Prometheus__BucketSpan *, histogram_n_spans(s));
    struct histogram_span span = {0};

    *n = 0;
    while (histogram_span_next(s, &span)) {
        list[*n] = arena_new(a, Prometheus__BucketSpan);
        prometheus__bucket_span__init(list[*n]);
        list[*n]->offset = (int32_t)span.gap;
        list[(*n)++]->length = (uint32_t)span.n;
    }
    return list;
}

/* Whole counts, each as its distance to the one before. */
static int64_t *pack_deltas(struct arena *a, const struct histogram_side *s)
{
    int64_t *v = arena_array(a, int64_t, s->n), before = 0;

    for (size_t i = 0; i < s->n; i++) {
        v[i] = (int64_t)s->count[i] - before;
        before = (int64_t)s->count[i];
    }
    return v;
}

static double *copy_doubles(struct arena *a, const double *v, size_t n)
{
    double *copy = arena_array(a, double, n);

    for (size_t i = 0; i < n; i++)
        copy[i] = v[i];
    return copy;
}

static bool is_whole(double v)
{
    return v >= 0 && v < 0x1p63 && v == (double)(int64_t)v;
}

/* It says that its counts are whole, and they are, as a line of a dump may be anybody's. */
static bool has_whole_counts(const struct histogram *h)
{
    bool whole = h->integer && is_whole(h->count) && is_whole(h->zero_count);

    for (size_t i = 0; i < h->pos.n && whole; i++)
        whole = is_whole(h->pos.count[i]);
    for (size_t i = 0; i < h->neg.n && whole; i++)
        whole = is_whole(h->neg.count[i]);
    return whole;
}

static void pack_counts(struct arena *a, Prometheus__Histogram *to, const struct histogram *h)
{
    if (has_whole_counts(h)) {
        to->count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_INT;
        to->count_int = (uint64_t)h->count;
        to->zero_count_case = PROMETHEUS__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
        to->zero_count_int = (uint64_t)h->zero_count;
        to->positive_deltas = pack_deltas(a, &h->pos);
        to->n_positive_deltas = h->pos.n;
        to->negative_deltas = pack_deltas(a, &h->neg);
        to->n_negative_deltas = h->neg.n;
        return;
    }
    to->count_case = PROMETHEUS__HISTOGRAM__COUNT_COUNT_FLOAT;
    to->count_float = h->count;
    to->zero_count_case = PROMETHEUS__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT;
    to->zero_count_float = h->zero_count;
    to->positive_counts = copy_doubles(a, h->pos.count, h->pos.n);
    to->n_positive_counts = h->pos.n;
    to->negative_counts = copy_doubles(a, h->neg.count, h->neg.n);
    to->n_negative_counts = h->neg.n;
}

static Prometheus__Histogram **pack_histograms(struct arena *a, const struct hsample *hists,
                                               size_t n)
{
    Prometheus__Histogram **list = arena_array(a, Prometheus__Histogram *, n);
    Prometheus__Histogram *v = arena_array(a, Prometheus__Histogram, n);

    for (size_t i = 0; i < n; i++) {
        const struct histogram *h = hists[i].h;

        prometheus__histogram__init(&v[i]);
        v[i].timestamp = hists[i].t;
        v[i].schema = h->schema;
        v[i].sum = h->sum;
        v[i].zero_threshold = h->zero_threshold;
        v[i].reset_hint = h->hint == HISTOGRAM_GAUGE ? PROMETHEUS__HISTOGRAM__RESET_HINT__GAUGE
                                                     : PROMETHEUS__HISTOGRAM__RESET_HINT__UNKNOWN;
        v[i].positive_spans = pack_spans(a, &h->pos, &v[i].n_positive_spans);
        v[i].negative_spans = pack_spans(a, &h->neg, &v[i].n_negative_spans);
        v[i].custom_values = copy_doubles(a, h->bounds, h->n_bounds);
        v[i].n_custom_values = h->n_bounds;
        pack_counts(a, &v[i], h);
        list[i] = &v[i];
    }
    return list;
}

static void pack_series(struct arena *a, Prometheus__WriteRequest *req,
                        const struct ingest_series *series, size_t n)
{
    Prometheus__TimeSeries *v = arena_array(a, Prometheus__TimeSeries, n);

    req->timeseries = arena_array(a, Prometheus__TimeSeries *, n);
    req->n_timeseries = n;
    for (size_t i = 0; i < n; i++) {
        prometheus__time_series__init(&v[i]);
        v[i].labels = pack_labels(a, series[i].labels);
        v[i].n_labels = series[i].labels.n;
        v[i].samples = pack_samples(a, series[i].samples, series[i].n_samples);
        v[i].n_samples = series[i].n_samples;
        v[i].histograms = pack_histograms(a, series[i].hists, series[i].n_hists);
        v[i].n_histograms = series[i].n_hists;
        req->timeseries[i] = &v[i];
    }
}

static void pack_metadata(struct arena *a, Prometheus__WriteRequest *req, const struct metadata *m,
                          size_t n)
{
    Prometheus__MetricMetadata *v = arena_array(a, Prometheus__MetricMetadata, n);

    req->metadata = arena_array(a, Prometheus__MetricMetadata *, n);
    req->n_metadata = n;
    for (size_t i = 0; i < n; i++) {
        prometheus__metric_metadata__init(&v[i]);
        v[i].type = (Prometheus__MetricMetadata__MetricType)m[i].type; /* the same numbers */
        v[i].metric_family_name = bytes_of(m[i].family);
        v[i].help = bytes_of(m[i].help);
        v[i].unit = bytes_of(m[i].unit);
        req->metadata[i] = &v[i];
    }
}

void ingest_pack_v1(struct buf *out, const struct ingest_series *series, size_t n_series,
                    const struct metadata *metadata, size_t n_metadata)
{
    Prometheus__WriteRequest req = PROMETHEUS__WRITE_REQUEST__INIT;
    struct arena a = {0};
    uint8_t *message;
    size_t n, packed;

    pack_series(&a, &req, series, n_series);
    pack_metadata(&a, &req, metadata, n_metadata);
    n = prometheus__write_request__get_packed_size(&req);
    message = (uint8_t *)arena_alloc_raw(&a, n + 1, 1);
    CHECK(prometheus__write_request__pack(&req, message) == n);
    packed = snappy_max_compressed_length(n);
    buf_reserve(out, packed + 1);
    CHECK(snappy_compress((const char *)message, n, out->p + out->n, &packed) == SNAPPY_OK);
    out->n += packed;
    out->p[out->n] = '\0';
    arena_release(&a);
}
