/*
 * ingest.h - from bodies to samples: remote write 1.0 and 2.0, OTLP, text exposition, OpenMetrics.
 *
 * Decoding a body touches no store but to look up series; it may be done by any thread. What comes
 * out is one struct tsdb_write in the request's arena. Sources: Prometheus remote-write 1.0 and 2.0
 * specifications; prometheus/prompb; opentelemetry-proto 1.x (metrics); exposition formats 0.0.4
 * and OpenMetrics 1.0.
 */
#ifndef FERULA_INGEST_H
#define FERULA_INGEST_H

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"
#include "ferula/model/labels.h"
#include "ferula/model/metadata.h"
#include "ferula/model/sample.h"
#include "ferula/tsdb.h"

struct ingest_limits {
    size_t decoded_bytes; /* after snappy; 32 MiB */
    size_t labels;        /* a series; 256 */
    size_t name_bytes;    /* a label name or metric name; 1,024 */
    size_t value_bytes;   /* a label value; 4,000 */
};

#define INGEST_LIMITS_DEFAULT                                                                      \
    {                                                                                              \
        32u << 20, 256, 1024, 4000                                                                 \
    }

struct ingest_opts {
    struct ingest_limits limits;
    bool start_timestamps;     /* go to the store with their samples */
    bool type_and_unit_labels; /* __type__ and __unit__, from metadata */
    dur_ms lookback;           /* OTLP: target_info comes twice in it; 0: 5 minutes */
};

/* What was not taken: counted, and the first of it described for the answer. */
#define INGEST_LINES 10
struct ingest_refused {
    size_t n_label_sets; /* series refused for their labels (OTLP: metrics, too) */
    size_t n_samples;    /* their samples, floats and histograms */
    size_t n_histograms; /* unsound ones of other series */
    size_t n_exemplars;  /* dropped, no error */
    size_t n_lines;      /* sentences, of which the first INGEST_LINES are in lines; in the arena */
    struct str lines[INGEST_LINES];
};

enum ingest_protocol { INGEST_V1, INGEST_V2, INGEST_OTLP };

struct ingest_write {
    struct tsdb_write write; /* ready to submit; done and ctx are the caller's to set */
    struct ingest_refused refused;
    enum ingest_protocol protocol;
};

/*
 * Decodes one remote-write 1.0 body (snappy block of a prometheus.WriteRequest). `a` holds the
 * result and must outlive the write. FER_EINVAL: not snappy or not the message (f->text is the
 * answer's body); FER_ELIMIT: larger than limits->decoded_bytes. Bounds are checked before memory
 * is taken.
 */
int ingest_decode_v1(struct tsdb *db, struct arena *a, const struct ingest_limits *limits,
                     struct str body, struct ingest_write **out, struct fault *f);

/* The same for a remote-write 2.0 body (io.prometheus.write.v2.Request). */
int ingest_decode_v2(struct tsdb *db, struct arena *a, const struct ingest_opts *opts,
                     struct str body, struct ingest_write **out, struct fault *f);

/* The same for an OTLP ExportMetricsServiceRequest, which is plain, or JSON, or in gzip. */
struct ingest_otlp {
    struct str body;
    bool json, gzip;
};
int ingest_decode_otlp(struct tsdb *db, struct arena *a, const struct ingest_opts *opts,
                       const struct ingest_otlp *in, struct ingest_write **out, struct fault *f);

/*
 * The HTTP status for a finished write: 204 (OTLP: 200), 400, 500 or 503; the text of a refusal
 * into *text, without a newline at its end.
 */
int ingest_answer(const struct ingest_write *iw, struct buf *text);

/* What a finished write has stored, samples that were there already counted. */
struct ingest_written {
    size_t samples, histograms, exemplars;
};
struct ingest_written ingest_written(const struct ingest_write *iw);

/* ---- remote read ------------------------------------------------------------------------ */

struct ingest_read_query {
    struct source_range range;
    const struct matcher *m;
    size_t n_matchers;
};

struct ingest_read_request {
    struct ingest_read_query *queries;
    size_t n_queries;
    bool streamed; /* the client wants chunks */
};

/*
 * Decodes a body of remote read (snappy block of a prometheus.ReadRequest). FER_EINVAL: not snappy,
 * not the message, a bad pattern, or no kind of response that is known; FER_ELIMIT: too large.
 */
int ingest_decode_read(struct arena *a, const struct ingest_limits *limits, struct str body,
                       struct ingest_read_request *out, struct fault *f);

/*
 * The answer as samples: each series is appended to a query's result, each result to the message;
 * the end is the whole as one snappy block, appended to `out`.
 */
void ingest_read_add_series(struct buf *result, struct labels ls, const struct series_samples *ss);
void ingest_read_add_result(struct buf *message, struct str result);
void ingest_read_finish(struct buf *out, struct str message);

/*
 * The answer as streamed chunks: appends the frames of a series, each of about `max_frame_bytes` at
 * most. `query` is the number of the query in the request.
 */
void ingest_read_add_frames(struct buf *out, struct labels ls, const struct series_samples *ss,
                            size_t query, size_t max_frame_bytes);

/* ---- federation ------------------------------------------------------------------------- */

/* The newest sample of a series: a float, or a histogram when `h` is not NULL. */
struct ingest_newest {
    struct labels labels;
    ts_ms t;
    double v;
    const struct histogram *h;
};

/* How names that are not legacy names are written: Prometheus' escaping schemes. */
enum ingest_escaping {
    INGEST_ESCAPE_UNDERSCORES,
    INGEST_ESCAPE_NONE,
    INGEST_ESCAPE_DOTS,
    INGEST_ESCAPE_VALUES
};

struct ingest_federation {
    bool protobuf; /* delimited MetricFamily messages; else text 0.0.4 */
    enum ingest_escaping escaping;
};

/*
 * Prints what another Prometheus scrapes: families in the order of `v`, which is sorted by name.
 * Series without a name are left out, in text also native histograms with exponential buckets.
 */
void ingest_print_federation(struct buf *out, const struct ingest_newest *v, size_t n,
                             const struct ingest_federation *how);

/* ---- for senders ------------------------------------------------------------------------ */

/* A run of floats, or of native histograms. */
struct ingest_series {
    struct labels labels;
    const struct sample *samples;
    size_t n_samples;
    const struct hsample *hists;
    size_t n_hists;
};

/* Packs a WriteRequest (protobuf-c) and compresses it (snappy block); *out is appended to. */
void ingest_pack_v1(struct buf *out, const struct ingest_series *series, size_t n_series,
                    const struct metadata *metadata, size_t n_metadata);

struct ingest_text {
    struct ingest_series *series; /* grouped by label set, samples in order of appearance */
    size_t n_series;
    struct metadata *metadata;
    size_t n_metadata;
};

/*
 * Parses text exposition 0.0.4 or OpenMetrics (`# EOF` at the end, timestamps in seconds); samples
 * without a timestamp get `now`. Everything is in `a`. FER_EINVAL: f->text is "line N: ...".
 */
enum ingest_text_format { INGEST_TEXT_AUTO, INGEST_TEXT_PROMETHEUS, INGEST_TEXT_OPENMETRICS };
int ingest_parse_text(struct arena *a, struct str text, enum ingest_text_format format, ts_ms now,
                      struct ingest_text *out, struct fault *f);

/* ---- whole series, out and in ----------------------------------------------------------- */

/*
 * A series as a line of JSON and its newline:
 *
 *     {"metric":{"__name__":"up","job":"x"},"values":[1,0.5],"timestamps":[1700000000000,...]}
 *
 * Values are numbers in the shortest form that reads back to the same bits. What JSON has no number
 * for is a string: "+Inf", "-Inf", "NaN" (0x7ff8000000000001, a parser's), "stale" (the marker that
 * ends a series), and any other NaN by its bits, "NaN:7ff8000000000123".
 */
void ingest_print_jsonl(struct buf *out, struct labels ls, const struct sample *s, size_t n);

/*
 * The same of native histograms: {"metric":...,"histograms":[{"schema":3,"count":5,"sum":1.5,
 * "zero_threshold":0.001,"zero_count":1,"positive":[index,count,...],"negative":[...],
 * "bounds":[...],"whole":true,"gauge":true}],"timestamps":...}, without the last five where they
 * say nothing. Values are those above; what is known of resets is left out.
 */
void ingest_print_jsonl_histograms(struct buf *out, struct labels ls, const struct hsample *h,
                                   size_t n);

/*
 * Reads such a line into `a`; other members of the object are passed over. null, "Infinity" and
 * "-Infinity" are taken, too. FER_EINVAL: f->text says what is wrong; f->at is the byte.
 */
int ingest_parse_jsonl(struct arena *a, struct str line, struct ingest_series *out,
                       struct fault *f);

/*
 * OpenMetrics: a line a sample, times in seconds with three decimals, every NaN as NaN; and the
 * lines TYPE, UNIT and HELP of a family. The caller ends it with "# EOF\n".
 */
void ingest_print_openmetrics(struct buf *out, struct labels ls, const struct sample *s, size_t n);
void ingest_print_family(struct buf *out, const struct metadata *md);

#endif
