/*
 * fuzz.h - random PromQL expressions over random series, evaluated by ferula and by Prometheus'
 * engine, which a program of tests/interop/promeval holds at the other end of two pipes.
 *
 * All of it follows from a seed: data set d and case k are made from streams of random numbers of
 * their own, so that a case can be run again without those before it.
 */
#ifndef FUZZ_PROMQL_FUZZ_H
#define FUZZ_PROMQL_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/str.h"
#include "ferula/model/histogram.h"
#include "ferula/model/source.h"
#include "ferula/promql.h"

#define CASES_PER_SET 200
#define MINUTE_MS     INT64_C(60000)

/* ---- random numbers: rng.c --------------------------------------------------------------- */

struct rng {
    uint64_t state;
};

struct rng rng_of(uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *r);
size_t rng_below(struct rng *r, size_t n); /* n > 0 */
int64_t rng_between(struct rng *r, int64_t lo, int64_t hi);
double rng_unit(struct rng *r); /* [0, 1) */
bool rng_chance(struct rng *r, double p);

#define PICK(r, table) ((table)[rng_below((r), sizeof(table) / sizeof((table)[0]))])

/* ---- classes of what is generated: classes.tbl.h ------------------------------------------ */

enum fuzz_class {
#define CLASS(id, on, help) CLASS_##id,
#include "classes.tbl.h"
#undef CLASS
    N_CLASSES
};

struct classes {
    bool on[N_CLASSES];
};

void classes_default(struct classes *c);
/* A list of names: "all", "name" alone, "+name", "-name"; false: a name is unknown. */
bool classes_choose(struct classes *c, const char *list);
void classes_print(void);

/* ---- data: data.c ------------------------------------------------------------------------- */

struct point {
    ts_ms t, start; /* start: when the counter began; 0: not known */
    double v;
    const struct histogram *h; /* NULL: the value is v */
};

struct series {
    struct labels labels;
    struct point *points;
    size_t n;
};

/* Lives in an arena. Series are in the order of their labels. */
struct data_set {
    uint64_t number;
    bool delayed_name_removal, start_timestamps, natives;
    dur_ms lookback, subquery_step;
    size_t max_samples;
    ts_ms start, end; /* of the samples */
    dur_ms interval;
    struct series *series;
    size_t n_series;
};

void data_make(struct arena *a, uint64_t seed, uint64_t number, const struct classes *c,
               struct data_set *out);
/* data_hist.c: native histograms, one after another. */
struct hist_maker;

struct hist_maker *hist_maker_new(struct arena *a, struct rng r, bool custom);
const struct histogram *hist_maker_next(struct hist_maker *m);
const struct histogram *hist_stale(struct arena *a);

void data_load(const struct data_set *d, struct mem_source *into);
void point_print(struct buf *out, const struct point *p);
void series_print(struct buf *out, const struct series *s);

/* ---- cases: gen.c, gen_call.c, gen_operator.c --------------------------------------------- */

struct test_case {
    uint64_t number;
    struct str text;
    ts_ms start, end;
    dur_ms step;    /* 0: an instant query */
    bool inexact;   /* a function is in it whose last digits depend on the library */
    bool zero_sign; /* one that picks among zeros of both signs, which depends on the sort */
    bool stats;     /* what was counted is compared, too */
    size_t max_samples;
    bool natives;   /* there are native histograms */
    bool any_order; /* the order of an instant vector's series says nothing */
};

void case_make(struct arena *a, uint64_t seed, uint64_t number, const struct data_set *d,
               const struct classes *c, struct test_case *out);

/* coverage.c: which functions and aggregations were never made. */
struct coverage {
    bool funcs[N_PROMQL_FUNCS], aggs[N_PROMQL_AGGS];
};

void coverage_add(struct coverage *cov, struct str text);
/* Prints those that are missing; how many. */
size_t coverage_report(const struct coverage *cov);

/* ---- answers ------------------------------------------------------------------------------ */

/* A result of either engine; an error when `error` is not empty. */
struct answer {
    struct str error;
    enum promql_type type;
    struct str string;
    struct series *series;
    size_t n_series;
    struct str *warnings, *infos; /* sorted */
    size_t n_warnings, n_infos;
    struct promql_stats stats;
};

/* own.c: what ferula says. */
void own_answer(struct arena *a, struct mem_source *ms, const struct data_set *d,
                const struct test_case *c, struct answer *out);
/* compare.c: an empty text when they are the same, else in what they differ. */
struct str answers_differ(struct arena *a, const struct test_case *c, const struct answer *own,
                          const struct answer *peer);
/* Whether the order of series is all in which they differ. */
bool only_order_differs(struct arena *a, const struct test_case *c, const struct answer *own,
                        const struct answer *peer);
void answer_print(struct buf *out, const struct answer *x);

/* ---- the peer: peer.c, wire.c ------------------------------------------------------------- */

struct peer;

struct peer *peer_start(const char *program); /* NULL: it cannot be started */
void peer_stop(struct peer *p);
void peer_data(struct peer *p, const struct data_set *d);
/* From here on series are in any order, drawn anew, or again in that of their labels. */
void peer_order(struct peer *p, bool any);
void peer_query(struct peer *p, const struct test_case *c);
void peer_flush(struct peer *p);
/* The answer to the oldest query that has none yet; false when the peer has ended. */
bool peer_answer(struct peer *p, struct arena *a, struct answer *out);

void wire_data(struct buf *out, const struct data_set *d);
void wire_order(struct buf *out, bool any);
void wire_query(struct buf *out, const struct test_case *c);
bool wire_answer(struct arena *a, struct str frame, struct answer *out);

/* ---- judging: judge.c, shrink.c
 * ------------------------------------------------------------------ */

/* Two engines and the room for their answers; both have the data set loaded. */
struct judge {
    struct peer *peer;
    struct mem_source *source;
    struct arena *arena;
};

enum verdict {
    SAME,
    ORDERED, /* the same but for an order: of the series of a vector, or of the terms of a sum */
    WAVERS,  /* Prometheus answers one way and another, and never as ferula does */
    DIFFERS,
};

/* Asks Prometheus again as long as there is hope. *what: in what they differ. */
enum verdict judge_case(const struct judge *j, const struct data_set *d, const struct test_case *c,
                        struct answer *own, struct answer *peer, struct str *what);
/* The smallest expression and data set found that still differ. Loads data into both engines. */
void shrink(const struct judge *j, struct data_set *d, struct test_case *c);

#endif
