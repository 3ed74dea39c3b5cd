/*
 * polls.h - the polls of scalers: recognised, recorded in the store's journal, read again.
 *
 * What KEDA's prometheus scaler sends is known by its User-Agent and its `time` of whole seconds.
 * Recording is a copy into memory; the store writes it a second later.
 */
#ifndef API_POLLS_H
#define API_POLLS_H

#include "ferula/base/arena.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/json.h"
#include "ferula/http.h"
#include "ferula/promql.h"

struct api;

enum api__answer_kind { /* as the store has them */
                        API_ANSWER_VECTOR,
                        API_ANSWER_MATRIX,
                        API_ANSWER_SCALAR,
                        API_ANSWER_STRING,
                        API_ANSWER_STATUS, /* not 2xx, or no body */
                        API_ANSWER_GARBLED,
                        N_API_ANSWERS
};

/* What a query was answered with, in a few words. */
struct api__answer {
    enum api__answer_kind kind;
    bool histogram; /* the only element is one: it has no value */
    bool faulted;   /* a fault made it */
    size_t n;       /* elements */
    double value;   /* of the only element, or of the scalar */
};

void api__answer_of(const struct promql_result *res, size_t limit, struct api__answer *out);

struct api__poll {
    uint64_t number;
    struct api__answer answer;
    int status;
    ts_ms at;
    uint32_t latency_us;
    struct str caller, agent, query; /* caller: address and port */
};

/* What KEDA makes of an answer with its default ignoreNullValues. */
struct api__verdict {
    enum { API_VERDICT_VALUE, API_VERDICT_ZERO, API_VERDICT_ERROR } kind;
    const char *why; /* of a zero that is no value, and of an error; "" */
    struct str says; /* KEDA's words for it, where they are known; in the arena */
};

struct api__verdict api__poll_verdict(const struct api__poll *p, struct arena *a);

/* Records a request that has its answer, when it is a poll. */
void api__poll_note(struct http_req *req, const struct api__answer *answer);

/* A row of the journal. Texts of `out` point into `row`. FER_ECORRUPT. */
void api__poll_put(struct buf *row, const struct api__poll *p);
int api__poll_get(struct str row, struct api__poll *out);

/* The caller's address without its port. */
struct str api__poll_host(const struct api__poll *p);

#endif
