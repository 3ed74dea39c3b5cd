/*
 * read.c - POST /api/v1/read: remote read, answered with samples or with streamed chunks.
 *
 * A query's series are read and packed one by one; the limit on samples bounds what an answer
 * holds.
 */
#include "handlers.h"

#define NS_PER_MS 1000000

/* One request. */
struct read_job {
    struct http_req *req;
    struct api *api;
    struct ingest_read_request read;
    int64_t deadline_ns;
    size_t n_samples;
    struct series_samples ss;
    struct buf result, message;
};

/* Asked while it waits, and now and then while it reads. */
static int interrupted(void *ctx)
{
    const struct read_job *job = ctx;

    if (api__abandoned(job->req))
        return FER_ECANCELED;
    return clock_mono_ns(job->api->opts.clock) >= job->deadline_ns ? FER_ETIMEOUT : 0;
}

static int fail(struct http_req *req, int rc, const struct fault *f)
{
    switch (rc) {
    case FER_EINVAL:
    case FER_ELIMIT:
        return http_reply_text(req, 400, "%s", f->text);
    case FER_ECANCELED:
        return http_reply_text(req, 500, "context canceled");
    case FER_ETIMEOUT:
        return http_reply_text(req, 500, "context deadline exceeded");
    default:
        return http_reply_text(req, 500, "%s", f->text);
    }
}

static int count_samples(struct read_job *job, struct fault *f)
{
    size_t limit = job->api->opts.read_sample_limit;

    job->n_samples += job->ss.f.n + job->ss.h.n;
    if (limit > 0 && job->n_samples > limit)
        return fault_set(f, FER_ELIMIT, 0, "exceeded sample limit (%zu)", limit);
    return 0;
}

static int run_query(struct read_job *job, size_t i, struct fault *f)
{
    const struct ingest_read_query *q = &job->read.queries[i];
    struct source *src = tsdb_source(job->api->opts.db);
    struct source_selection *sel;
    struct arena a = {0}, histograms = {0}; /* of the selection; of a series */
    int rc = src->ops->select(src, &a, q->m, q->n_matchers, q->range, &sel, f);

    job->ss.arena = &histograms;
    for (size_t k = 0; rc == 0 && k < sel->n; k++) {
        arena_reset(&histograms);
        rc = src->ops->read(sel, k, &job->ss, f);
        if (rc == 0)
            rc = count_samples(job, f);
        if (rc == 0 && k % API_SERIES_A_LOOK == 0)
            rc = interrupted(job);
        if (rc != 0 || job->ss.f.n + job->ss.h.n == 0)
            continue;
        if (job->read.streamed)
            ingest_read_add_frames(&job->req->reply.body, sel->series[k].labels, &job->ss, i,
                                   job->api->opts.read_frame_bytes);
        else
            ingest_read_add_series(&job->result, sel->series[k].labels, &job->ss);
    }
    arena_release(&histograms);
    arena_release(&a);
    if (rc == 0 && !job->read.streamed) {
        ingest_read_add_result(&job->message, buf_str(&job->result));
        buf_reset(&job->result);
    }
    return rc;
}

static int run(struct read_job *job)
{
    struct http_reply *reply = &job->req->reply;
    struct fault f = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < job->read.n_queries; i++)
        rc = run_query(job, i, &f);
    if (rc != 0) {
        buf_reset(&reply->body);
        return fail(job->req, rc, &f);
    }
    if (job->read.streamed) {
        reply->content_type =
            "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
        return 0;
    }
    reply->content_type = "application/x-protobuf";
    http_reply_header(job->req, "Content-Encoding", STR("snappy"));
    ingest_read_finish(&reply->body, buf_str(&job->message));
    return 0;
}

int api__read(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    struct read_job job = {
        .req = req,
        .api = api,
        .deadline_ns = req->arrived_ns + api->opts.query_timeout * NS_PER_MS,
    };
    struct fault f = {0};
    int rc = api__gate_enter(&api->reads, interrupted, &job);

    if (rc != 0)
        return fail(req, rc, &f);
    rc = ingest_decode_read(&req->arena, &api->opts.limits, req->body, &job.read, &f);
    rc = rc != 0 ? fail(req, rc, &f) : run(&job);
    api__gate_leave(&api->reads);
    series_samples_release(&job.ss);
    buf_release(&job.result);
    buf_release(&job.message);
    return rc;
}
