/*
 * pack.c - a WriteRequest for senders, packed by protobuf-c and compressed as one snappy block.
 */
#include <snappy-c.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"

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
