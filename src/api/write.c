/*
 * write.c - POST /api/v1/write, and the same under Azure's ingestion path; and what OTLP shares.
 *
 * The headers are judged before the body is read; the message is chosen by Content-Type alone. Then
 * the body is decoded on the I/O thread and handed to the store; its writer thread calls written()
 * when the samples are on disk, and that is the answer. Answers of remote write 2.0 say how much
 * was stored, also when something was refused: a sender takes their absence for a server that knows
 * 1.0 only. Answers of 1.0 never do: an all-zero header there once made senders believe that
 * nothing was stored.
 */
#include "write.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"

#define WRITE_MAGIC 0x77726974u

#define MEDIA_TYPE      "application/x-protobuf"
#define BACKFILL_HEADER "Ferula-Backfill" /* "true": older history, in any order */
#define RETRY_AFTER     STR("5")          /* seconds */

static const char *const messages[] = {
    [INGEST_V1] = "prometheus.WriteRequest", [INGEST_V2] = "io.prometheus.write.v2.Request"};

struct write_job {
    uint32_t magic;
    struct http_req *req; /* ours until http_finish() */
    struct ingest_write *iw;
    enum ingest_protocol protocol;
    struct ingest_otlp otlp; /* of INGEST_OTLP */
    bool backfill;
};

/* ---- headers ---------------------------------------------------------------------------- */

static int refuse(struct http_req *req, struct str text)
{
    (void)http_reply_text(req, 415, STR_FMT, STR_ARG(text));
    return 1;
}

static int check_encoding(struct http_req *req)
{
    struct str encoding = str_trim(http_header(req, "Content-Encoding"));

    if (encoding.n == 0 || str_eq_nocase(encoding, STR("snappy")))
        return 0;
    return refuse(req, arena_printf(&req->arena,
                                    STR_FMT " encoding (compression) is not accepted by this "
                                            "server; only snappy is acceptable",
                                    STR_ARG(encoding)));
}

static bool is_accepted(const struct api *api, enum ingest_protocol protocol)
{
    return !(protocol == INGEST_V1 ? api->opts.refuse_v1 : api->opts.refuse_v2);
}

/* Which of the messages it is, when that is accepted. */
static int check_message(struct http_req *req, struct str type, struct str message,
                         enum ingest_protocol *out)
{
    const struct api *api = api__from(req->ctx);
    enum ingest_protocol p = str_is(message, messages[INGEST_V2]) ? INGEST_V2 : INGEST_V1;

    if (!str_is(message, messages[p]))
        return refuse(req, arena_printf(&req->arena,
                                        "got " STR_FMT " content type; unknown type for remote "
                                        "write protobuf message " STR_FMT ", supported: %s, %s",
                                        STR_ARG(type), STR_ARG(message), messages[INGEST_V1],
                                        messages[INGEST_V2]));
    if (!is_accepted(api, p))
        return refuse(req,
                      arena_printf(&req->arena,
                                   "%s protobuf message is not accepted by this server; only "
                                   "accepts %s",
                                   messages[p], messages[p == INGEST_V1 ? INGEST_V2 : INGEST_V1]));
    *out = p;
    return 0;
}

/* Blanks around parameters are allowed, as RFC 9110 does and Prometheus does not. */
static int check_content_type(struct http_req *req, enum ingest_protocol *out)
{
    struct str type = str_trim(http_header(req, "Content-Type"));
    struct str rest = type, part, key, value;

    if (type.n == 0)
        return check_message(req, type, str_of(messages[INGEST_V1]), out);
    if (!str_split(&rest, ';', &part) || !str_eq_nocase(str_trim(part), STR(MEDIA_TYPE)))
        return refuse(req, arena_printf(&req->arena,
                                        "expected " MEDIA_TYPE
                                        " as the first (media) part, got " STR_FMT " content-type",
                                        STR_ARG(type)));
    while (str_split(&rest, ';', &part)) {
        value = part;
        if (!str_split(&value, '=', &key) || value.p == NULL ||
            (value.n > 0 && memchr(value.p, '=', value.n) != NULL))
            return refuse(req, arena_printf(&req->arena,
                                            "as per "
                                            "https://www.rfc-editor.org/rfc/rfc9110#parameter "
                                            "expected parameters to be key-values, got " STR_FMT
                                            " in " STR_FMT " content-type",
                                            STR_ARG(part), STR_ARG(type)));
        if (str_eq_nocase(str_trim(key), STR("proto")))
            return check_message(req, type, str_trim(value), out);
    }
    return check_message(req, type, str_of(messages[INGEST_V1]), out);
}

/* Non-zero: the reply is an answer already. */
static int refuse_by_headers(struct http_req *req, enum ingest_protocol *protocol)
{
    struct api *api = api__from(req->ctx);
    int rc;

    if (!api->opts.remote_write) {
        (void)http_reply_text(req, 404,
                              "remote write receiver needs to be enabled with "
                              "--web.enable-remote-write-receiver");
        return 1;
    }
    rc = check_encoding(req);
    return rc != 0 ? rc : check_content_type(req, protocol);
}

static bool is_write(const struct http_req *req)
{
    return req->method == HTTP_POST && req->ctx != NULL &&
           (str_is(req->path, API_WRITE_PATH) || (str_starts(req->path, "/dataCollectionRules/") &&
                                                  str_ends(req->path, API_WRITE_PATH)));
}

int api_early(struct http_req *req)
{
    enum ingest_protocol protocol;
    struct ingest_otlp otlp;

    if (req->method == HTTP_POST && req->ctx != NULL && str_is(req->path, API_OTLP_PATH))
        return api__otlp_refuse(req, &otlp);
    return is_write(req) ? refuse_by_headers(req, &protocol) : 0;
}

/* ---- the body --------------------------------------------------------------------------- */

static int decode(struct write_job *job, struct tsdb *db, struct fault *f)
{
    const struct api_opts *api = &api__from(job->req->ctx)->opts;
    const struct ingest_opts opts = {.limits = api->limits,
                                     .start_timestamps = api->start_timestamps,
                                     .type_and_unit_labels = api->type_and_unit_labels,
                                     .lookback = api->lookback};
    struct arena *a = &job->req->arena;

    switch (job->protocol) {
    case INGEST_V1:
        return ingest_decode_v1(db, a, &opts.limits, job->req->body, &job->iw, f);
    case INGEST_V2:
        return ingest_decode_v2(db, a, &opts, job->req->body, &job->iw, f);
    default:
        return ingest_decode_otlp(db, a, &opts, &job->otlp, &job->iw, f);
    }
}

static void reply_count(struct http_req *req, const char *name, size_t n)
{
    http_reply_header(req, name, arena_printf(&req->arena, "%zu", n));
}

static void reply_counts(struct write_job *job, struct ingest_written n)
{
    if (job->protocol != INGEST_V2)
        return;
    reply_count(job->req, "X-Prometheus-Remote-Write-Samples-Written", n.samples);
    reply_count(job->req, "X-Prometheus-Remote-Write-Histograms-Written", n.histograms);
    reply_count(job->req, "X-Prometheus-Remote-Write-Exemplars-Written", n.exemplars);
}

static int reply_written(struct write_job *job)
{
    struct http_req *req = job->req;
    struct buf text = {0};
    int status = ingest_answer(job->iw, &text);

    reply_counts(job, ingest_written(job->iw));
    if (status / 100 == 2)
        req->reply.status = status;
    else
        (void)http_reply_text(req, status, STR_FMT, STR_ARG(buf_str(&text)));
    if (status == 503)
        http_reply_header(req, "Retry-After", RETRY_AFTER);
    if (job->iw->write.rc < 0)
        LOG_ERROR("write failed", LOG_I("status", status), LOG_STR("err", buf_str(&text)));
    else if (status / 100 != 2)
        LOG_DEBUG("write refused in part", LOG_STR("err", buf_str(&text)));
    buf_release(&text);
    return 0;
}

static void written(struct tsdb_write *w);

static void submit(struct write_job *job)
{
    struct tsdb_write *w = &job->iw->write;

    w->backfill = job->backfill;
    w->done = written;
    w->ctx = job;
    tsdb_submit(api__from(job->req->ctx)->opts.db, w);
}

/*
 * Retention took out a series between decoding and writing: the body is decoded once more, with the
 * labels of all series. That happens to series that sent nothing for all of the retention time.
 */
static bool try_again(struct write_job *job)
{
    if (decode(job, NULL, NULL) < 0)
        return false;
    submit(job);
    return true;
}

/* On the store's writer thread. */
static void written(struct tsdb_write *w)
{
    struct write_job *job = w->ctx;

    CHECK_MAGIC(job, WRITE_MAGIC);
    if (w->rc == FER_ESTALE && try_again(job))
        return;
    (void)reply_written(job);
    http_finish(job->req);
}

static bool is_empty(const struct tsdb_write *w)
{
    return w->n_rows + w->n_metadata + w->n_exemplars == 0;
}

int api__write_body(struct http_req *req, enum ingest_protocol protocol,
                    const struct ingest_otlp *otlp)
{
    struct api *api = api__from(req->ctx);
    struct write_job *job = arena_new(&req->arena, struct write_job);
    struct fault f;

    job->magic = WRITE_MAGIC;
    job->req = req;
    job->protocol = protocol;
    if (otlp != NULL)
        job->otlp = *otlp;
    job->backfill = str_is(http_header(req, BACKFILL_HEADER), "true");
    if (decode(job, api->opts.db, &f) < 0) {
        reply_counts(job, (struct ingest_written){0, 0, 0});
        return http_reply_text(req, 400, "%s", f.text);
    }
    if (is_empty(&job->iw->write))
        return reply_written(job);
    submit(job);
    return HTTP_LATER;
}

int api__write(struct http_req *req)
{
    enum ingest_protocol protocol;

    if (refuse_by_headers(req, &protocol) != 0)
        return 0;
    return api__write_body(req, protocol, NULL);
}
