/*
 * faults.c - which fault a request meets, and what it does to the answer.
 */
#include "faults.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "api.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/stats.h"

#define NS_PER_MS 1000000

/* A slow answer holds a worker; more at once are answered with 503, so that others get one. */
#define SLOW_MOST    8
#define ASK_EVERY_MS 50

void api__faults_init(struct api__faults *fs)
{
    CHECK(pthread_mutex_init(&fs->lock, NULL) == 0);
}

static void rule_free(struct api__fault_rule *rule)
{
    arena_release(&rule->arena);
    free(rule);
}

void api__faults_release(struct api__faults *fs)
{
    for (size_t i = 0; i < fs->n; i++)
        rule_free(fs->rules[i]);
    pthread_mutex_destroy(&fs->lock);
}

/* ---- ending ----------------------------------------------------------------------------- */

/* Under the lock: ends those that are over at `now_ns`. */
static void end_due(struct api__faults *fs, int64_t now_ns)
{
    size_t n = 0;

    for (size_t i = 0; i < fs->n; i++) {
        struct api__fault_rule *rule = fs->rules[i];

        if (rule->ends_ns > now_ns) {
            fs->rules[n++] = rule;
            continue;
        }
        LOG_WARN("A fault has ended", LOG_I("id", rule->fault.id), LOG_I("hits", rule->hits));
        rule_free(rule);
    }
    fs->n = n;
    stats_set(STAT_FAULTS, n);
}

void api__faults_expire(struct api *api)
{
    struct api__faults *fs = &api->faults;

    pthread_mutex_lock(&fs->lock);
    end_due(fs, clock_mono_ns(api->opts.clock));
    pthread_mutex_unlock(&fs->lock);
}

void api__faults_end_all(struct api *api)
{
    struct api__faults *fs = &api->faults;

    pthread_mutex_lock(&fs->lock);
    end_due(fs, INT64_MAX);
    pthread_mutex_unlock(&fs->lock);
}

/* ---- finding ---------------------------------------------------------------------------- */

static bool contains(struct str s, struct str part)
{
    return part.n == 0 || (s.n > 0 && memmem(s.p, s.n, part.p, part.n) != NULL);
}

static bool meets(const struct api__fault_rule *rule, const struct http_req *req, struct str query)
{
    return contains(query, rule->query) && (rule->re == NULL || regex_match(rule->re, query)) &&
           (contains(http_peer(req), rule->caller) ||
            contains(http_header(req, "User-Agent"), rule->caller));
}

bool api__faults_find(struct http_req *req, struct api__fault *out)
{
    struct api *api = api__from(req->ctx);
    struct api__faults *fs = &api->faults;
    struct str query = http_param(req, "query");
    bool found = false;

    if (atomic_load_explicit(&fs->n, memory_order_relaxed) == 0)
        return false;
    if (query.p == NULL)
        query = STR("");
    pthread_mutex_lock(&fs->lock);
    end_due(fs, clock_mono_ns(api->opts.clock));
    for (size_t i = fs->n; i-- > 0 && !found;) {
        found = meets(fs->rules[i], req, query);
        if (found) {
            *out = fs->rules[i]->fault;
            fs->rules[i]->hits += !req->brief; /* which asks again on a worker */
        }
    }
    pthread_mutex_unlock(&fs->lock);
    return found;
}

/* ---- answers ---------------------------------------------------------------------------- */

static void sample(struct json *j, ts_ms t, double v)
{
    json_array_begin(j);
    json_timestamp(j, t);
    json_sample_value(j, v);
    json_array_end(j);
}

static void element(struct json *j, ts_ms t, double v, const char *name)
{
    json_object_begin(j);
    json_key(j, "metric");
    json_object_begin(j);
    if (name != NULL) {
        json_member_cstr(j, "fault", name);
    }
    json_object_end(j);
    json_key(j, "value");
    sample(j, t, v);
    json_object_end(j);
}

/* Of an instant query; of a range query only the empty one. */
static void vector(struct http_req *req, const struct api__fault *fault, bool range,
                   struct api__answer *answer)
{
    const struct api *api = api__from(req->ctx);
    ts_ms t = clock_now_ms(api->opts.clock);
    struct json j;

    *answer = (struct api__answer){.faulted = true};
    api__ok_begin(req, &j);
    json_object_begin(&j);
    json_member_cstr(&j, "resultType",
                     range                             ? "matrix"
                     : fault->kind == API_FAULT_SCALAR ? "scalar"
                                                       : "vector");
    json_key(&j, "result");
    if (fault->kind == API_FAULT_SCALAR) {
        answer->kind = API_ANSWER_SCALAR;
        answer->value = 1;
        sample(&j, t, answer->value);
    } else {
        answer->n = fault->kind == API_FAULT_EMPTY ? 0 : fault->kind == API_FAULT_TWO ? 2 : 1;
        answer->value = fault->kind == API_FAULT_NAN   ? (double)NAN
                        : fault->kind == API_FAULT_INF ? (double)INFINITY
                                                       : 1;
        json_array_begin(&j);
        for (size_t i = 0; i < answer->n; i++)
            element(&j, t, answer->value, answer->n == 1 ? NULL : i == 0 ? "one" : "two");
        json_array_end(&j);
    }
    json_object_end(&j);
    (void)api__ok_end(&j, NULL);
}

static void status(struct http_req *req, int code, struct api__answer *answer)
{
    *answer = (struct api__answer){.kind = API_ANSWER_STATUS, .faulted = true};
    (void)api__fail(req, API_UNAVAILABLE, "a fault that was asked for");
    req->reply.status = code;
    if (code == 204 || code == 304) /* which have none */
        buf_reset(&req->reply.body);
}

static void garbled(struct http_req *req, struct api__answer *answer)
{
    *answer = (struct api__answer){.kind = API_ANSWER_GARBLED, .faulted = true};
    req->reply.status = 200;
    req->reply.content_type = "application/json";
    buf_reset(&req->reply.body);
    buf_puts(&req->reply.body, "{\"status\":\"success\",\"data\":<html>");
}

static bool enter_slow(struct api__faults *fs)
{
    bool in;

    pthread_mutex_lock(&fs->lock);
    in = fs->n_slow < SLOW_MOST;
    fs->n_slow += in;
    pthread_mutex_unlock(&fs->lock);
    return in;
}

/* Until the delay is over, the client has gone or the server stops. */
static void wait_slow(struct http_req *req, dur_ms delay)
{
    struct api *api = api__from(req->ctx);
    int64_t ends_ns = req->arrived_ns + delay * NS_PER_MS;
    const struct timespec a_while = {0, (long)ASK_EVERY_MS * NS_PER_MS};

    while (clock_mono_ns(api->opts.clock) < ends_ns && !api__abandoned(req))
        (void)nanosleep(&a_while, NULL);
    pthread_mutex_lock(&api->faults.lock);
    api->faults.n_slow--;
    pthread_mutex_unlock(&api->faults.lock);
}

static void tell(struct http_req *req, const struct api__fault *fault)
{
    struct buf kind = {0};

    api__fault_print(&kind, fault);
    LOG_INFO("A fault was met", LOG_I("id", fault->id), LOG_STR("kind", buf_str(&kind)),
             LOG_STR("caller", http_peer(req)), LOG_STR("query", http_param(req, "query")));
    buf_release(&kind);
    stats_add(STAT_FAULTS_MET, 1);
}

bool api__fault_before(struct http_req *req, const struct api__fault *fault, bool range,
                       struct api__answer *answer)
{
    tell(req, fault);
    switch (fault->kind) {
    case API_FAULT_STATUS:
        status(req, fault->status, answer);
        return true;
    case API_FAULT_GARBLED:
        garbled(req, answer);
        return true;
    case API_FAULT_SLOW:
        if (!enter_slow(&api__from(req->ctx)->faults)) {
            status(req, 503, answer);
            return true;
        }
        wait_slow(req, fault->delay);
        return false;
    case API_FAULT_TRUNCATE:
        return false;
    default:
        if (range && fault->kind != API_FAULT_EMPTY)
            return false;
        vector(req, fault, range, answer);
        return true;
    }
}

void api__fault_after(struct http_req *req, const struct api__fault *fault,
                      struct api__answer *answer)
{
    struct buf *body = &req->reply.body;

    answer->faulted = true;
    if (fault->kind != API_FAULT_TRUNCATE || body->n == 0)
        return;
    body->n /= 2;
    body->p[body->n] = '\0';
    answer->kind = API_ANSWER_GARBLED;
}
