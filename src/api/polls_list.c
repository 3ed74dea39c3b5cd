/*
 * polls_list.c - /_ferula/polls: the recorded polls, and who polls how often.
 */
#include "cadence.h"
#include "handlers.h"

#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#define LIMIT_DEFAULT 1000

/* As many tell the cadences, however few are asked for. */
#define CADENCE_LEAST ((size_t)10000)

struct listing {
    struct arena *a;
    ts_ms since;
    uint64_t after; /* number of a poll */
    size_t limit;   /* of those after that, the newest */
    struct str query, caller;
    struct api__poll *v; /* in the arena; newest first while it is read */
    size_t n, cap;
};

static bool contains(struct str s, struct str part)
{
    return part.n == 0 || memmem(s.p, s.n, part.p, part.n) != NULL;
}

/* A row that is malformed is passed over: the newer ones are still worth their while. */
static int take(void *ctx, uint64_t number, struct str row)
{
    struct listing *li = ctx;
    struct api__poll p;

    if (li->n >= MAX(li->limit, CADENCE_LEAST))
        return 1;
    if (api__poll_get(row, &p) < 0 || p.at < li->since || !contains(p.query, li->query) ||
        (!contains(p.caller, li->caller) && !contains(p.agent, li->caller)))
        return 0;
    p.number = number;
    p.caller = arena_str(li->a, p.caller);
    p.agent = arena_str(li->a, p.agent);
    p.query = arena_str(li->a, p.query);
    ARENA_GROW(li->a, li->v, li->n, li->cap, struct api__poll);
    li->v[li->n++] = p;
    return 0;
}

/* Polls come into the journal when they are answered. */
static int by_time(const void *pa, const void *pb)
{
    const struct api__poll *a = pa, *b = pb;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void write_answer(struct json *j, const struct api__poll *p, struct arena *a)
{
    static const char *const kinds[N_API_ANSWERS] = {
        [API_ANSWER_VECTOR] = "vector", [API_ANSWER_MATRIX] = "matrix",
        [API_ANSWER_SCALAR] = "scalar", [API_ANSWER_STRING] = "string",
        [API_ANSWER_STATUS] = "status", [API_ANSWER_GARBLED] = "garbled",
    };
    const struct api__answer *an = &p->answer;
    struct api__verdict verdict = api__poll_verdict(p, a);

    json_member_label(j, "kind", str_of(kinds[an->kind]));
    json_member_int(j, "status", p->status);
    if (an->kind == API_ANSWER_VECTOR || an->kind == API_ANSWER_MATRIX) {
        json_member_count(j, "elements", an->n);
    }
    if (an->kind == API_ANSWER_SCALAR ||
        (an->kind == API_ANSWER_VECTOR && an->n == 1 && !an->histogram)) {
        json_member_sample_value(j, "value", an->value);
    }
    json_member_label(j, "verdict",
                      verdict.kind == API_VERDICT_VALUE  ? STR("value")
                      : verdict.kind == API_VERDICT_ZERO ? STR("zero")
                                                         : STR("error"));
    if (verdict.why[0] != '\0')
        json_member_label(j, "why", str_of(verdict.why));
    if (verdict.says.n > 0)
        json_member_label(j, "keda", verdict.says);
    if (an->faulted) {
        json_member_bool(j, "fault", true);
    }
}

static void write_poll(struct json *j, const struct api__poll *p, enum api__rhythm rhythm,
                       struct arena *a)
{
    json_object_begin(j);
    json_member_count(j, "id", p->number);
    json_member_timestamp(j, "time", p->at);
    json_member_label(j, "caller", p->caller);
    json_member_label(j, "userAgent", p->agent);
    json_member_label(j, "cadence", str_of(api__rhythm_names[rhythm]));
    write_answer(j, p, a);
    json_member_float(j, "latencySeconds", p->latency_us / 1e6);
    json_member_label(j, "query", p->query);
    json_object_end(j);
}

static void write_stream(struct json *j, const struct api__stream *s)
{
    json_object_begin(j);
    json_member_label(j, "query", s->last->query);
    json_member_label(j, "caller", api__poll_host(s->last));
    json_member_label(j, "cadence", str_of(api__rhythm_names[s->rhythm]));
    json_member_count(j, "polls", s->n);
    if (s->interval > 0) {
        json_member_float(j, "intervalSeconds", (double)s->interval / 1000);
    }
    json_member_timestamp(j, "last", s->last->at);
    json_member_bool(j, "stopped", s->stopped);
    json_object_end(j);
}

static int read_params(struct http_req *req, struct listing *li, struct fault *f)
{
    struct str after = http_param(req, "after"), since = http_param(req, "since");
    double number;

    if (num_parse(since, &number, NULL) && isnan(number))
        return fault_set(f, FER_EINVAL, 0, "invalid parameter \"since\": not a time");
    if (api__time_param(req, "since", INT64_MIN, &li->since, f) < 0 ||
        api__limit_param(req, &li->limit, f) < 0)
        return FER_EINVAL;
    if (li->limit == 0)
        li->limit = http_param(req, "limit").n > 0 ? SIZE_MAX : LIMIT_DEFAULT;
    if (after.n > 0 && !str_to_u64(after, &li->after))
        return fault_set(f, FER_EINVAL, 0, "invalid parameter \"after\": not the id of a poll");
    li->query = http_param(req, "query");
    li->caller = http_param(req, "caller");
    return 0;
}

/* The number from which on there are no more than `limit`. */
static uint64_t first_number(const struct listing *li)
{
    size_t n = MIN(li->n, li->limit);

    return n == 0 ? li->after : MAX(li->after, li->v[n - 1].number - 1);
}

/*
 * Cadences are told from all polls that fit, not only those that are listed: whoever follows gets
 * the same labels as who asks once.
 */
static void write_list(struct http_req *req, const struct listing *li, uint64_t after)
{
    const struct api *api = api__from(req->ctx);
    enum api__rhythm *rhythms = arena_array(&req->arena, enum api__rhythm, li->n);
    struct api__stream *streams;
    size_t n_streams;
    struct json j;

    api__cadence(&req->arena, li->v, li->n, clock_now_ms(api->opts.clock), rhythms, &streams,
                 &n_streams);
    api__ok_begin(req, &j);
    json_object_begin(&j);
    json_key(&j, "polls");
    json_array_begin(&j);
    for (size_t i = 0; i < li->n; i++)
        if (li->v[i].number > after)
            write_poll(&j, &li->v[i], rhythms[i], li->a);
    json_array_end(&j);
    json_key(&j, "streams");
    json_array_begin(&j);
    for (size_t i = 0; i < n_streams; i++)
        write_stream(&j, &streams[i]);
    json_array_end(&j);
    json_object_end(&j);
    (void)api__ok_end(&j, NULL);
}

int api__polls(struct http_req *req)
{
    struct listing li = {.a = &req->arena};
    uint64_t after;
    struct fault f;
    int rc;

    if (read_params(req, &li, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    rc = tsdb_journal_read(api__from(req->ctx)->opts.db, take, &li, &f);
    if (rc < 0)
        return api__fail(req, api__store_error(rc, API_INTERNAL), "%s", f.text);
    after = first_number(&li);
    if (li.n > 1)
        qsort(li.v, li.n, sizeof(*li.v), by_time);
    write_list(req, &li, after);
    return 0;
}
