/*
 * api.h - what the files of the api module share: the object, answers, parameters.
 *
 * A handler reads parameters in Prometheus' order, asks the engine or the store, and streams JSON
 * into req->reply.body. Nothing is kept from request to request but the counters in struct api.
 */
#ifndef API_API_H
#define API_API_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/api.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/base/json.h"
#include "ferula/base/str.h"
#include "ferula/http.h"
#include "ferula/promql.h"

#include "brief.h"
#include "faults.h"
#include "gate.h"
#include "timing.h"

#define API_MAGIC 0x6170692eu

/* The version whose API this is; clients switch features on by it. */
#define API_PROMETHEUS_VERSION "3.14.0"

/* Bounds of an optional time range (Prometheus' MinTime and MaxTime), far from any overflow. */
#define API_MIN_TIME ((INT64_MIN / 1000 + INT64_C(62135596801)) * 1000)
#define API_MAX_TIME ((INT64_MAX / 1000 - INT64_C(62135596801)) * 1000 + 999)

struct api {
    uint32_t magic;
    struct api_opts opts;
    struct http_route *routes; /* owned */
    size_t n_routes;
    struct api_flag *flags; /* owned copy, sorted by name; the texts are borrowed */
    ts_ms started;
    _Atomic(struct http_server *) http; /* borrowed; NULL until api_set_http() */
    struct api__gate queries;           /* lets max_concurrency queries run at once */
    struct api__gate reads;             /* the same for remote reads */
    struct api__brief brief;            /* which queries took next to no time */
    struct api__timing inner_eval, queue_time;
    struct api__faults faults;
};

struct api *api__from(void *ctx); /* of a route; checks the magic */

/* ---- answers (reply.c) ------------------------------------------------------------------ */

/* Prometheus' errorType and its status. */
enum api__error {
    API_BAD_DATA,
    API_EXECUTION,
    API_TIMEOUT,
    API_CANCELED,
    API_INTERNAL,
    API_UNAVAILABLE,
    API_BUSY, /* "unavailable", but worth trying again soon: 503 with Retry-After */
    API_NOT_FOUND,
    N_API_ERRORS
};

/* Makes the error envelope the answer. Returns 0, so that a handler can return it. */
__attribute__((format(printf, 3, 4))) int api__fail(struct http_req *req, enum api__error kind,
                                                    const char *fmt, ...);

/* The kind of a failure of the store or of a query's source; `other` for codes that say little. */
enum api__error api__store_error(int rc, enum api__error other);

/* Begins a success envelope; the handler then writes exactly one value, the data. */
void api__ok_begin(struct http_req *req, struct json *j);

/* Warnings and infos that go with an answer. */
struct api__notes {
    const struct str *warnings, *infos; /* borrowed */
    size_t n_warnings, n_infos;
    struct str more[2]; /* the handler's own warnings; p == NULL: none */
};

/* Ends what api__ok_begin() began; notes may be NULL. Returns 0. */
int api__ok_end(struct json *j, const struct api__notes *notes);

/* Whether --web.enable-admin-api is not given; the answer says so then. */
bool api__admin_disabled(struct http_req *req);

/* A whole success answer whose data is this JSON text. */
int api__ok_raw(struct http_req *req, const char *data);

#define API_TRUNCATED STR("results truncated due to limit")

/*
 * Whether nobody waits for the answer any more: the client has gone or the server stops. A call of
 * the kernel, so that work on many series asks once for so many of them.
 */
bool api__abandoned(const struct http_req *req);
#define API_SERIES_A_LOOK 64

/* {"__name__":"up","job":"x"} */
void api__labels(struct json *j, struct labels ls);

/* ---- parameters (params.c) -------------------------------------------------------------- */

/* All return FER_EINVAL with Prometheus' text (less `invalid parameter "x": `) in f. */
int api__parse_time(struct str s, ts_ms *out, struct fault *f);
int api__parse_duration_ns(struct str s, int64_t *out_ns, struct fault *f);
int api__parse_atoi(struct str s, int64_t *out, struct fault *f);

/* The same for a request's parameter of that name; the prefix is in f->text. */
int api__limit_param(const struct http_req *req, size_t *limit, struct fault *f); /* 0: none */
int api__time_param(const struct http_req *req, const char *name, ts_ms absent, ts_ms *out,
                    struct fault *f);

/* `start` and `end` of an optional range; a reversed range is no error. */
int api__range_params(const struct http_req *req, struct source_range *out, struct fault *f);

/* Whether the form is sound and has a match[]; when not, the answer is an error. (series.c) */
bool api__match_given(struct http_req *req);

/* All match[] of a request; FER_EINVAL with the parser's text. In the arena. (series.c) */
int api__match_params(struct http_req *req, struct tsdb_match **sets, size_t *n, struct fault *f);

/* U__ names: `U__foo_2e_bar` is foo.bar; a malformed one is itself. In the arena when changed. */
struct str api__unescape_name(struct arena *a, struct str name);

#endif
