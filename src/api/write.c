/*
 * write.c - POST /api/v1/write, and the same under Azure's ingestion path.
 *
 * The headers are judged before the body is read. Then the body is decoded on the I/O thread and
 * handed to the store; its writer thread calls written() when the samples are on disk, and that is
 * the answer. Remote write 1.0 answers never carry X-Prometheus-Remote-Write-*-Written: an all-zero
 * header there once made senders believe that nothing was stored.
 */
#include "write.h"

#include <stdatomic.h>

#include "ferula/base/check.h"
#include "ferula/base/log.h"

#define WRITE_MAGIC 0x77726974u

#define MEDIA_TYPE      "application/x-protobuf"
#define MESSAGE_V1      "prometheus.WriteRequest"
#define MESSAGE_V2      "io.prometheus.write.v2.Request"
#define BACKFILL_HEADER "Ferula-Backfill" /* "true": older history, in any order */
#define RETRY_AFTER     STR("5")          /* seconds */
#define EXEMPLAR_LOG_NS (INT64_C(60) * 1000 * 1000 * 1000)

struct write_job {
    uint32_t magic;
    struct http_req *req; /* ours until http_finish() */
    struct ingest_write *iw;
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

static int check_message(struct http_req *req, struct str type, struct str message)
{
    if (str_is(message, MESSAGE_V1))
        return 0;
    if (str_is(message, MESSAGE_V2))
        return refuse(req, STR(MESSAGE_V2 " protobuf message is not accepted by this server; only "
                                          "accepts " MESSAGE_V1));
    return refuse(req, arena_printf(&req->arena,
                                    "got " STR_FMT " content type; unknown type for remote write "
                                    "protobuf message " STR_FMT ", supported: " MESSAGE_V1
                                    ", " MESSAGE_V2,
                                    STR_ARG(type), STR_ARG(message)));
}

/* Blanks around parameters are allowed, as RFC 9110 does and Prometheus does not. */
static int check_content_type(struct http_req *req)
{
    struct str type = str_trim(http_header(req, "Content-Type"));
    struct str rest = type, part, key, value;

    if (type.n == 0)
        return 0;
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
            return check_message(req, type, str_trim(value));
    }
    return 0;
}

/* Non-zero: the reply is an answer already. */
static int refuse_by_headers(struct http_req *req)
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
    return rc != 0 ? rc : check_content_type(req);
}

static bool is_write(const struct http_req *req)
{
    return req->method == HTTP_POST && req->ctx != NULL &&
           (str_is(req->path, API_WRITE_PATH) || (str_starts(req->path, "/dataCollectionRules/") &&
                                                  str_ends(req->path, API_WRITE_PATH)));
}

int api_early(struct http_req *req)
{
    return is_write(req) ? refuse_by_headers(req) : 0;
}

/* ---- the body --------------------------------------------------------------------------- */

/* At most one line a minute, whatever is sent. */
static void log_exemplars(const struct api *api, size_t n)
{
    static _Atomic int64_t next_ns;
    int64_t now = clock_mono_ns(api->opts.clock);
    int64_t due = atomic_load(&next_ns);

    if (n == 0 || now < due ||
        !atomic_compare_exchange_strong(&next_ns, &due, now + EXEMPLAR_LOG_NS))
        return;
    LOG_INFO("exemplars are not stored yet: dropped", LOG_I("count", n));
}

static int reply_written(struct http_req *req, const struct ingest_write *iw)
{
    struct buf text = {0};
    int status = ingest_answer(iw, &text);

    if (status == 204)
        req->reply.status = status;
    else
        (void)http_reply_text(req, status, STR_FMT, STR_ARG(buf_str(&text)));
    if (status == 503)
        http_reply_header(req, "Retry-After", RETRY_AFTER);
    if (status / 100 == 5)
        LOG_ERROR("remote write failed", LOG_I("status", status), LOG_STR("err", buf_str(&text)));
    else if (status != 204)
        LOG_DEBUG("remote write refused in part", LOG_STR("err", buf_str(&text)));
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
    const struct api *api = api__from(job->req->ctx);
    struct ingest_write *iw;

    if (ingest_decode_v1(NULL, &job->req->arena, &api->opts.limits, job->req->body, &iw, NULL) < 0)
        return false;
    job->iw = iw;
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
    (void)reply_written(job->req, job->iw);
    http_finish(job->req);
}

int api__write(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    struct write_job *job;
    struct fault f;

    if (refuse_by_headers(req) != 0)
        return 0;
    job = arena_new(&req->arena, struct write_job);
    job->magic = WRITE_MAGIC;
    job->req = req;
    job->backfill = str_is(http_header(req, BACKFILL_HEADER), "true");
    if (ingest_decode_v1(api->opts.db, &req->arena, &api->opts.limits, req->body, &job->iw, &f) < 0)
        return http_reply_text(req, 400, "%s", f.text);
    log_exemplars(api, job->iw->refused.n_exemplars);
    if (job->iw->write.n_rows == 0 && job->iw->write.n_metadata == 0)
        return reply_written(req, job->iw);
    submit(job);
    return HTTP_LATER;
}
