/*
 * fuzz_remote_write.c - the streaming decoder against protobuf-c on the same bytes.
 *
 * First byte even: the rest is a message, compressed here; odd: the rest is a body as it would come
 * off the wire. Whatever the decoder takes, protobuf-c takes too and reads the same; what it
 * refuses, protobuf-c refuses too, but for the few forms where ours is stricter on purpose.
 */
#include <snappy-c.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"

#include "remote_write.pb-c.h"

#include "no_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct ingest_limits limits = {1u << 20, 8, 64, 256};

static struct str str_from(ProtobufCBinaryData d)
{
    return (struct str){(const char *)d.data, d.len};
}

/* The label set of an oracle's series, the slow and plain way; false: it is to be refused. */
static bool oracle_labels(struct arena *a, const Prometheus__TimeSeries *ts, struct labels *out)
{
    struct label *v = arena_array(a, struct label, ts->n_labels);
    size_t n = 0;

    if (ts->n_labels > limits.labels)
        return false;
    for (size_t i = 0; i < ts->n_labels; i++) {
        struct label l = {str_from(ts->labels[i]->name), str_from(ts->labels[i]->value)};

        if (l.value.n == 0)
            continue;
        if (l.name.n > limits.name_bytes ||
            l.value.n > (str_is(l.name, LABEL_NAME) ? limits.name_bytes : limits.value_bytes))
            return false;
        v[n++] = l;
    }
    if (labels_normalise(v, &n, NULL) < 0)
        return false;
    *out = (struct labels){v, n};
    return true;
}

/* *row is the next row that the decoder made; it is moved on when this series has one. */
static void compare_series(struct arena *a, const Prometheus__TimeSeries *ts,
                           const struct ingest_write *iw, size_t *row,
                           struct ingest_refused *refused)
{
    const struct tsdb_row *r;
    struct labels want;

    refused->n_exemplars += ts->n_exemplars;
    refused->n_histograms += ts->n_histograms;
    if (!oracle_labels(a, ts, &want)) {
        refused->n_label_sets++;
        refused->n_samples += ts->n_samples;
        return;
    }
    if (ts->n_samples == 0)
        return;
    CHECK(*row < iw->write.n_rows);
    r = &iw->write.rows[*row];
    CHECK(r->id == 0 && r->n == ts->n_samples);
    CHECK(labels_eq(iw->write.series[r->new_series].labels, want));
    for (size_t i = 0; i < ts->n_samples; i++) {
        const struct sample *s = &iw->write.samples[r->first + i];

        CHECK(s->t == ts->samples[i]->timestamp && f64_bits(s->v) == ts->samples[i]->value);
    }
    ++*row;
}

/* Texts may be cut, and entries without a good family are left out; the rest is in order. */
static void compare_metadata(const Prometheus__WriteRequest *req, const struct tsdb_write *w)
{
    size_t k = 0;

    for (size_t i = 0; i < req->n_metadata; i++) {
        const Prometheus__MetricMetadata *want = req->metadata[i];
        struct str family = str_from(want->metric_family_name), help = str_from(want->help);

        if (family.n == 0 || family.n > limits.name_bytes || !utf8_valid(family) ||
            !utf8_valid(help) || !utf8_valid(str_from(want->unit)))
            continue;
        CHECK(k < w->n_metadata && str_eq(w->metadata[k].family, family));
        CHECK(w->metadata[k].help.n <= help.n && utf8_valid(w->metadata[k].help));
        CHECK(str_eq(w->metadata[k].help, (struct str){help.p, w->metadata[k].help.n}));
        k++;
    }
    CHECK(k == w->n_metadata);
}

static void compare(const Prometheus__WriteRequest *req, const struct ingest_write *iw)
{
    struct ingest_refused refused = {0};
    struct arena a = {0};
    size_t row = 0;

    for (size_t i = 0; i < req->n_timeseries; i++)
        compare_series(&a, req->timeseries[i], iw, &row, &refused);
    CHECK(row == iw->write.n_rows);
    CHECK(refused.n_label_sets == iw->refused.n_label_sets);
    CHECK(refused.n_samples == iw->refused.n_samples);
    CHECK(refused.n_histograms == iw->refused.n_histograms);
    CHECK(refused.n_exemplars == iw->refused.n_exemplars);
    CHECK((refused.n_label_sets + refused.n_histograms > 0) == (iw->refused.first.n > 0));
    compare_metadata(req, &iw->write);
    arena_release(&a);
}

/* Refusals that protobuf-c does not know. */
static bool is_stricter(const struct fault *f)
{
    return f->code == FER_ELIMIT || strstr(f->text, "illegal tag") != NULL ||
           strstr(f->text, "integer overflow") != NULL;
}

static void check_message(int rc, const struct ingest_write *iw, const struct fault *f,
                          struct str message)
{
    Prometheus__WriteRequest *req =
        prometheus__write_request__unpack(NULL, message.n, (const uint8_t *)message.p);

    if (rc == 0) {
        CHECK(req != NULL);
        compare(req, iw);
    } else {
        CHECK(req == NULL || is_stricter(f));
    }
    if (req != NULL)
        prometheus__write_request__free_unpacked(req, NULL);
}

static void run(struct str body)
{
    struct ingest_write *iw = NULL;
    struct arena a = {0};
    struct fault f = {0};
    int rc = ingest_decode_v1(NULL, &a, &limits, body, &iw, &f);
    size_t n = 0;

    if (snappy_uncompressed_length(body.p, body.n, &n) == SNAPPY_OK && n <= limits.decoded_bytes) {
        char *message = arena_alloc_raw(&a, n + 1, 1);

        if (snappy_uncompress(body.p, body.n, message, &n) == SNAPPY_OK)
            check_message(rc, iw, &f, (struct str){message, n});
        else
            CHECK(rc == FER_EINVAL);
    } else {
        CHECK(rc < 0);
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = {(const char *)data + 1, n - 1};

    if (n == 0)
        return 0;
    if (data[0] % 2 == 1) {
        run(rest);
    } else {
        size_t packed = snappy_max_compressed_length(rest.n);
        char *body = malloc(packed);

        CHECK(body != NULL && snappy_compress(rest.p, rest.n, body, &packed) == SNAPPY_OK);
        run((struct str){body, packed});
        free(body);
    }
    return 0;
}
