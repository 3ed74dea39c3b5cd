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

/* What the decoder made that was not compared yet. */
struct rest {
    const struct tsdb_write *w;
    size_t row, exemplar;
    struct ingest_refused refused; /* by the oracle */
};

static bool is_next(const struct rest *rest, const struct labels *labels, bool hists)
{
    const struct tsdb_row *r;

    if (rest->row >= rest->w->n_rows)
        return false;
    r = &rest->w->rows[rest->row];
    return r->hists == hists && r->id == 0 &&
           labels_eq(rest->w->series[r->new_series].labels, *labels);
}

static void compare_samples(const Prometheus__TimeSeries *ts, struct rest *rest,
                            const struct labels *labels)
{
    const struct tsdb_row *r;

    if (ts->n_samples == 0)
        return;
    CHECK(is_next(rest, labels, false));
    r = &rest->w->rows[rest->row++];
    CHECK(r->n == ts->n_samples);
    for (size_t i = 0; i < ts->n_samples; i++) {
        const struct sample *s = &rest->w->samples[r->first + i];

        CHECK(s->t == ts->samples[i]->timestamp && f64_bits(s->v) == ts->samples[i]->value);
    }
}

/* Buckets with a positive side: as many as the message has counts, ascending. */
static void compare_histogram(const Prometheus__Histogram *want, const struct hsample *got)
{
    bool is_float = want->count_case == PROMETHEUS__HISTOGRAM__COUNT_COUNT_FLOAT;
    const struct histogram *h = got->h;

    CHECK(got->t == want->timestamp && same_bits(h->sum, want->sum));
    CHECK(h->integer == !is_float);
    CHECK(h->schema == want->schema || h->schema == HISTOGRAM_SCHEMA_MAX);
    if (h->schema == want->schema)
        CHECK(h->pos.n == (is_float ? want->n_positive_counts : want->n_positive_deltas));
    for (size_t i = 1; i < h->pos.n; i++)
        CHECK(h->pos.index[i - 1] < h->pos.index[i]);
    CHECK(h->n_bounds == want->n_custom_values);
}

/* Unsound ones are left out; the others are those of the message, in order. */
static void compare_histograms(const Prometheus__TimeSeries *ts, struct rest *rest,
                               const struct labels *labels)
{
    size_t n = 0;

    if (ts->n_histograms > 0 && is_next(rest, labels, true)) {
        const struct tsdb_row *r = &rest->w->rows[rest->row++];
        size_t k = 0;

        n = r->n;
        for (size_t i = 0; i < ts->n_histograms && k < n; i++) {
            const struct hsample *h = &rest->w->hists[r->first + k];

            if (h->t != ts->histograms[i]->timestamp ||
                !same_bits(h->h->sum, ts->histograms[i]->sum))
                continue;
            if (ts->n_histograms == n)
                compare_histogram(ts->histograms[i], h);
            k++;
        }
        CHECK(k == n);
    }
    rest->refused.n_histograms += ts->n_histograms - n;
}

static void compare_exemplars(const Prometheus__TimeSeries *ts, struct rest *rest)
{
    for (size_t i = 0; i < ts->n_exemplars; i++) {
        const struct tsdb_exemplar *e;

        if (rest->exemplar >= rest->w->n_exemplars)
            return;
        e = &rest->w->exemplars[rest->exemplar];
        if (e->exemplar.t == ts->exemplars[i]->timestamp &&
            same_bits(e->exemplar.v, ts->exemplars[i]->value) &&
            e->exemplar.labels.n <= ts->exemplars[i]->n_labels)
            rest->exemplar++;
    }
}

static void compare_series(struct arena *a, const Prometheus__TimeSeries *ts, struct rest *rest)
{
    struct labels want;

    if (!oracle_labels(a, ts, &want)) {
        rest->refused.n_label_sets++;
        rest->refused.n_samples += ts->n_samples + ts->n_histograms;
        return;
    }
    compare_samples(ts, rest, &want);
    compare_histograms(ts, rest, &want);
    compare_exemplars(ts, rest);
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
    struct rest rest = {.w = &iw->write};
    struct arena a = {0};

    for (size_t i = 0; i < req->n_timeseries; i++)
        compare_series(&a, req->timeseries[i], &rest);
    CHECK(rest.row == iw->write.n_rows && rest.exemplar == iw->write.n_exemplars);
    CHECK(rest.refused.n_label_sets == iw->refused.n_label_sets);
    CHECK(rest.refused.n_samples == iw->refused.n_samples);
    CHECK(rest.refused.n_histograms == iw->refused.n_histograms);
    CHECK((iw->refused.n_label_sets + iw->refused.n_histograms > 0) == (iw->refused.n_lines > 0));
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
