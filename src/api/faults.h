/*
 * faults.h - wrong answers on purpose: what /api/v1/query and query_range do for a while, so that a
 * scaler can be seen to meet it. A fault ends by itself, by the clock.
 */
#ifndef API_FAULTS_H
#define API_FAULTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "polls.h"

#include "ferula/base/arena.h"
#include "ferula/model/regex.h"

#define API_FAULTS_MAX 64

enum api__fault_kind {
    API_FAULT_NONE,
    API_FAULT_EMPTY,
    API_FAULT_NAN,
    API_FAULT_INF,
    API_FAULT_TWO,      /* elements */
    API_FAULT_SCALAR,   /* where a vector is due */
    API_FAULT_STATUS,   /* with Prometheus' error envelope */
    API_FAULT_SLOW,     /* the true answer, late */
    API_FAULT_GARBLED,  /* 200, and no JSON */
    API_FAULT_TRUNCATE, /* the first half of the true answer */
    N_API_FAULTS
};

/* What to do to one request. */
struct api__fault {
    enum api__fault_kind kind;
    uint32_t id;
    int status;
    dur_ms delay;
};

struct api__fault_rule {
    struct api__fault fault;
    struct arena arena;       /* owned; of the texts and the pattern */
    struct str query, caller; /* substrings; empty: any */
    struct str regex;         /* of `re` */
    const struct regex *re;   /* the whole query matches it; NULL: any */
    int64_t ends_ns;          /* monotonic */
    ts_ms ends;               /* the same on the wall clock */
    uint64_t hits;
};

struct api__faults {
    pthread_mutex_t lock;
    _Atomic size_t n; /* read without the lock: most requests meet no fault */
    struct api__fault_rule *rules[API_FAULTS_MAX]; /* owned; oldest first */
    uint32_t last_id;
    size_t n_slow; /* requests that wait */
};

void api__faults_init(struct api__faults *fs);
void api__faults_release(struct api__faults *fs);

/* Ends those whose time is over, and sets the gauge. */
void api__faults_expire(struct api *api);
void api__faults_end_all(struct api *api);

/*
 * The newest fault for this request; false: none. `range`: of query_range, which only some kinds
 * are for. No lock is taken when there is no fault.
 */
bool api__faults_find(struct http_req *req, bool range, struct api__fault *out);

/*
 * Before a query is run, on a worker: true when the fault is the answer; `answer` says which.
 * A slow one waits here. `range`: of query_range.
 */
bool api__fault_before(struct http_req *req, const struct api__fault *fault, bool range,
                       struct api__answer *answer);

/* After it: cuts the true answer. */
void api__fault_after(struct http_req *req, const struct api__fault *fault,
                      struct api__answer *answer);

/* "status 503", "slow 5s", "empty" (fault_rules.c). */
int api__fault_parse(struct str text, struct api__fault *out, struct fault *f);
void api__fault_print(struct buf *b, const struct api__fault *fault);

#endif
