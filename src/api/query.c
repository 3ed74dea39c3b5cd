/*
 * query.c - /api/v1/query and query_range: from parameters to a running query.
 *
 * The order of the checks is Prometheus': limit, times, step, timeout, lookback_delta, and the
 * query itself last.
 */
#include "handlers.h"

#include "result.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/stats.h"

#define NS_PER_MS 1000000

/* How often a query looks whether its client is still there. */
#define ASK_CLIENT_NS (5 * NS_PER_MS)

/* An answer may have to be compressed, on the thread that made it. */
#define COMPRESS_NS_A_BYTE 20

/* Longer timeouts than this, a century, are cut. */
#define MOST_TIMEOUT_MS (INT64_C(100) * 365 * 24 * 3600 * 1000)

/* More steps than this after the first are refused. */
#define MAX_STEPS 11000

struct run {
    struct http_req *req;
    struct api *api;
    struct promql_query q;
    size_t limit;        /* of series in the answer; 0: none */
    struct str stats;    /* the parameter; empty: none wanted */
    int64_t deadline_ns; /* on the clock's mono_ns */
    int64_t ask_ns;      /* when to look next whether the client is there */
    bool given_up;       /* it was expected to be brief and was not */

    /* When it was begun, let through the gate, and done. */
    int64_t begin_ns, evaluate_ns, end_ns;

    struct api__answer answer; /* what is said of it, for records */
};

static int64_t run_now_ns(const struct run *r)
{
    return clock_mono_ns(r->api->opts.clock);
}

/* What promql asks now and then; also whether to go on waiting at the gate. */
static int interrupted(void *ctx)
{
    struct run *r = ctx;
    int64_t now_ns = run_now_ns(r);

    if (http_stopping(r->req))
        return FER_ECANCELED;
    if (r->req->brief && now_ns - r->begin_ns >= API_BRIEF_MOST_NS) {
        r->given_up = true;
        return FER_EBUSY;
    }
    if (now_ns >= r->ask_ns) { /* a call of the kernel; most queries are done before the first */
        r->ask_ns = now_ns + ASK_CLIENT_NS;
        if (http_client_gone(r->req))
            return FER_ECANCELED;
    }
    return now_ns >= r->deadline_ns ? FER_ETIMEOUT : 0;
}

/* ---- parameters ------------------------------------------------------------------------- */

static void run_init(struct run *r, struct http_req *req)
{
    struct api *api = api__from(req->ctx);

    *r = (struct run){
        .req = req,
        .api = api,
        .q = {.text = http_param(req, "query"),
              .lookback = api->opts.lookback,
              .max_samples = api->opts.max_samples,
              .delayed_name_removal = api->opts.delayed_name_removal,
              .use_start_timestamps = api->opts.use_start_timestamps,
              .type_and_unit_labels = api->opts.type_and_unit_labels,
              .per_step_stats = api->opts.per_step_stats && str_is(http_param(req, "stats"), "all"),
              .features = api->opts.features,
              .helpers = api->opts.helpers,
              .n_helpers = api->opts.n_helpers,
              .interrupted = interrupted,
              .interrupted_ctx = r},
        .stats = http_param(req, "stats"),
 /* Waiting for a worker counts: the client has been waiting since then. */
        .deadline_ns = req->arrived_ns + MIN(api->opts.query_timeout, MOST_TIMEOUT_MS) * NS_PER_MS,
        .ask_ns = req->arrived_ns + ASK_CLIENT_NS,
        .begin_ns = clock_mono_ns(api->opts.clock),
    };
}

/* `timeout` and `lookback_delta`. */
static int read_options(struct run *r, struct fault *f)
{
    struct str timeout = http_param(r->req, "timeout");
    struct str lookback = http_param(r->req, "lookback_delta");
    struct fault inner;
    int64_t ns, deadline_ns;

    if (timeout.n > 0) {
        if (api__parse_duration_ns(timeout, &ns, &inner) < 0)
            return fault_set(f, FER_EINVAL, 0, "invalid parameter \"timeout\": %s", inner.text);
        if (!__builtin_add_overflow(r->req->arrived_ns, ns, &deadline_ns))
            r->deadline_ns = MIN(r->deadline_ns, deadline_ns);
    }
    if (lookback.n > 0) {
        if (api__parse_duration_ns(lookback, &ns, &inner) < 0)
            return fault_set(f, FER_EINVAL, 0, "error parsing lookback delta duration: %s",
                             inner.text);
        if (ns > 0)
            r->q.lookback = MAX(ns / NS_PER_MS, 1);
    }
    return 0;
}

static int parse_query(struct run *r, struct fault *f)
{
    struct fault inner;

    if (promql_parse(&r->req->arena, r->q.text, &r->q.features, &r->q.expr, &inner) == 0)
        return 0;
    return fault_set(f, FER_EINVAL, 0, "invalid parameter \"query\": %s", inner.text);
}

/* A range query's start or end: required, and said in fewer words than an optional time. */
static int required_time(const struct http_req *req, const char *name, ts_ms *out, struct fault *f)
{
    struct str s = http_param(req, name);
    struct fault inner;

    if (api__parse_time(s.p == NULL ? STR("") : s, out, &inner) == 0)
        return 0;
    return fault_set(f, FER_EINVAL, 0, "invalid parameter \"%s\": %s", name, inner.text);
}

/* start, end and step of a range query. */
static int read_steps(struct run *r, struct fault *f)
{
    struct str step = http_param(r->req, "step");
    struct fault inner;
    int64_t step_ns;

    if (required_time(r->req, "start", &r->q.start, f) < 0 ||
        required_time(r->req, "end", &r->q.end, f) < 0)
        return FER_EINVAL;
    if (r->q.end < r->q.start)
        return fault_set(f, FER_EINVAL, 0,
                         "invalid parameter \"end\": end timestamp must not be before start time");
    if (api__parse_duration_ns(step.p == NULL ? STR("") : step, &step_ns, &inner) < 0)
        return fault_set(f, FER_EINVAL, 0, "invalid parameter \"step\": %s", inner.text);
    r->q.step = step_ns / NS_PER_MS; /* below a millisecond there is no step to take */
    if (r->q.step <= 0)
        return fault_set(f, FER_EINVAL, 0,
                         "invalid parameter \"step\": zero or negative query resolution step "
                         "widths are not accepted. Try a positive integer");
    if (((__int128)r->q.end - r->q.start) * NS_PER_MS / step_ns > MAX_STEPS)
        return fault_set(f, FER_EINVAL, 0,
                         "exceeded maximum resolution of 11,000 points per timeseries. Try "
                         "decreasing the query resolution (?step=XX)");
    return 0;
}

/* ---- running ---------------------------------------------------------------------------- */

static enum api__error error_of(int rc)
{
    static const struct {
        int rc;
        enum api__error error;
    } rows[] = {
        {FER_EINVAL,   API_BAD_DATA },
        {FER_EEXEC,    API_EXECUTION},
        {FER_ELIMIT,   API_EXECUTION},
        {FER_EUNSUP,   API_EXECUTION},
        {FER_ETIMEOUT, API_TIMEOUT  },
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].rc == rc)
            return rows[i].error;
    return api__store_error(rc, API_INTERNAL);
}

/* The texts for a query that was over before it was evaluated. */
static int fail_early(struct run *r, int rc, bool in_queue)
{
    if (rc == FER_ECANCELED)
        return in_queue ? api__fail(r->req, API_CANCELED, "context canceled")
                        : api__fail(r->req, API_CANCELED, "query was canceled in query execution");
    return in_queue ? api__fail(r->req, API_EXECUTION, "context deadline exceeded")
                    : api__fail(r->req, API_TIMEOUT, "query timed out in query execution");
}

static void key_seconds(struct json *j, const char *key, int64_t ns)
{
    json_member_float(j, key, (double)ns / 1e9);
}

/* [[time, n], ...] */
static void key_steps(const struct run *r, struct json *j, const char *key, const uint64_t *v,
                      size_t n)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        json_array_begin(j);
        json_float(j, (double)(r->q.start + (ts_ms)i * r->q.step) / 1000);
        json_int(j, (int64_t)v[i]);
        json_array_end(j);
    }
    json_array_end(j);
}

/* Sorting and preparing are part of the inner time. */
static void write_stats(const struct run *r, struct json *j, const struct promql_stats *stats)
{
    json_key(j, "stats");
    json_object_begin(j);
    json_key(j, "timings");
    json_object_begin(j);
    key_seconds(j, "evalTotalTime", r->end_ns - r->evaluate_ns);
    key_seconds(j, "resultSortTime", 0);
    key_seconds(j, "queryPreparationTime", 0);
    key_seconds(j, "innerEvalTime", r->end_ns - r->evaluate_ns);
    key_seconds(j, "execQueueTime", r->evaluate_ns - r->begin_ns);
    key_seconds(j, "execTotalTime", r->end_ns - r->begin_ns);
    json_object_end(j);
    json_key(j, "samples");
    json_object_begin(j);
    if (stats->total_by_step != NULL)
        key_steps(r, j, "totalQueryableSamplesPerStep", stats->total_by_step, stats->n_steps);
    json_member_count(j, "totalQueryableSamples", stats->total_samples);
    if (stats->read_by_step != NULL)
        key_steps(r, j, "samplesReadPerStep", stats->read_by_step, stats->n_steps);
    json_member_count(j, "samplesRead", stats->samples_read);
    json_member_count(j, "peakSamples", stats->peak_samples);
    json_object_end(j);
    json_object_end(j);
}

static int answer(const struct run *r, const struct promql_result *res)
{
    struct api__notes notes = {res->warnings, res->infos, res->n_warnings, res->n_infos, {{0}}};
    struct buf quoted = {0};
    size_t n_more = 0;
    struct json j;
    int rc;

    api__ok_begin(r->req, &j);
    json_object_begin(&j);
    if (api__result(&j, res, r->limit))
        notes.more[n_more++] = API_TRUNCATED;
    if (r->stats.n > 0)
        write_stats(r, &j, &res->stats);
    json_object_end(&j);
    if (r->stats.n > 0 && !str_is(r->stats, "true") && !str_is(r->stats, "all")) {
        buf_puts(&quoted, "value ");
        buf_add_go_quoted(&quoted, r->stats);
        buf_puts(&quoted, " for parameter \"stats\" is deprecated and will be rejected in the next "
                          "major release, use \"true\" or \"all\"");
        notes.more[n_more] = buf_str(&quoted);
    }
    rc = api__ok_end(&j, &notes);
    buf_release(&quoted);
    return rc;
}

static void note_samples(const struct promql_stats *stats)
{
    stats_add(STAT_QUERY_SAMPLES, stats->total_samples);
    stats_add(STAT_QUERY_SAMPLES_READ, stats->samples_read);
}

/* Evaluates inside the gate. On failure the answer is made, but not for one that was given up. */
static int evaluate(struct run *r, struct promql_result *res)
{
    struct fault f;
    int rc = interrupted(r);

    r->evaluate_ns = r->end_ns = run_now_ns(r);
    if (rc < 0) {
        if (!r->given_up)
            (void)fail_early(r, rc, false);
        return rc;
    }
    stats_add(STAT_QUERIES_RUNNING, 1);
    rc = promql_eval(tsdb_source(r->api->opts.db), &r->req->arena, &r->q, res, &f);
    stats_sub(STAT_QUERIES_RUNNING, 1);
    r->end_ns = run_now_ns(r);
    if (r->given_up)
        return rc;
    api__timing_add(&r->api->inner_eval, (double)(r->end_ns - r->evaluate_ns) / 1e9);
    if (rc == FER_EINVAL)
        (void)api__fail(r->req, API_BAD_DATA, "invalid parameter \"query\": %s", f.text);
    else if (rc < 0)
        (void)api__fail(r->req, error_of(rc), "%s", f.text);
    else
        note_samples(&res->stats);
    return rc;
}

/* What this query took, for the next time that it is asked. */
static void note_duration(struct run *r)
{
    int64_t took_ns = r->end_ns - r->evaluate_ns;

    if (r->q.step != 0)
        return;
    took_ns += (int64_t)r->req->reply.body.n * COMPRESS_NS_A_BYTE;
    api__brief_note(&r->api->brief, r->q.text, took_ns);
}

static void count_run(struct run *r, bool failed)
{
    stats_add(STAT_QUERIES, 1);
    stats_add(STAT_QUERIES_FAILED, failed);
    api__timing_add(&r->api->queue_time, (double)(r->evaluate_ns - r->begin_ns) / 1e9);
}

static int run(struct run *r)
{
    struct promql_result res = {0};
    int rc;

    if (r->req->brief && !api__gate_try(&r->api->queries))
        return HTTP_TO_POOL;
    rc = r->req->brief ? 0 : api__gate_enter(&r->api->queries, interrupted, r);
    if (rc < 0) {
        r->evaluate_ns = run_now_ns(r);
        count_run(r, true);
        return fail_early(r, rc, true);
    }
    rc = evaluate(r, &res);
    if (rc == 0) {
        (void)answer(r, &res);
        api__answer_of(&res, r->limit, &r->answer);
    }
    api__gate_leave(&r->api->queries);
    note_duration(r);
    if (r->given_up)
        return HTTP_TO_POOL;
    count_run(r, rc < 0);
    LOG_DEBUG("query", LOG_STR("query", r->q.text), LOG_I("status", r->req->reply.status),
              LOG_F("seconds", (double)(run_now_ns(r) - r->begin_ns) / 1e9),
              LOG_I("samples_read", res.stats.samples_read),
              LOG_I("arena_bytes", r->req->arena.used_bytes));
    return 0;
}

static int instant(struct http_req *req, struct api__answer *seen)
{
    struct run r;
    struct fault f;
    int rc;

    run_init(&r, req);
    if (req->brief && !api__brief_expect(&r.api->brief, r.q.text))
        return HTTP_TO_POOL;
    if (api__limit_param(req, &r.limit, &f) < 0 ||
        api__time_param(req, "time", clock_now_ms(r.api->opts.clock), &r.q.start, &f) < 0 ||
        read_options(&r, &f) < 0 || parse_query(&r, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    r.q.end = r.q.start;
    rc = run(&r);
    *seen = r.answer;
    return rc;
}

static int range(struct http_req *req)
{
    struct run r;
    struct fault f;

    run_init(&r, req);
    if (api__limit_param(req, &r.limit, &f) < 0 || read_steps(&r, &f) < 0 ||
        read_options(&r, &f) < 0 || parse_query(&r, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    if (r.q.expr->type != PROMQL_SCALAR && r.q.expr->type != PROMQL_VECTOR)
        return api__fail(req, API_BAD_DATA,
                         "invalid parameter \"query\": invalid expression type \"%s\" for range "
                         "query, must be Scalar or instant Vector",
                         promql_type_documented(r.q.expr->type));
    return run(&r);
}

/* ---- with the faults that were asked for ------------------------------------------------ */

int api__query(struct http_req *req)
{
    struct api__answer seen = {.kind = API_ANSWER_STATUS};
    struct api__fault fault = {0};
    bool faulty = api__faults_find(req, &fault);
    int rc = 0;

    if (faulty && req->brief)
        return HTTP_TO_POOL;
    if (!faulty || !api__fault_before(req, &fault, false, &seen)) {
        rc = instant(req, &seen);
        if (faulty)
            api__fault_after(req, &fault, &seen);
    }
    if (rc == 0)
        api__poll_note(req, &seen);
    return rc;
}

int api__query_range(struct http_req *req)
{
    struct api__answer seen = {0};
    struct api__fault fault = {0};
    int rc;

    if (!api__faults_find(req, &fault))
        return range(req);
    if (api__fault_before(req, &fault, true, &seen))
        return 0;
    rc = range(req);
    api__fault_after(req, &fault, &seen);
    return rc;
}
