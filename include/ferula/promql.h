/*
 * promql.h - PromQL: parse, print, evaluate.
 *
 * Everything a call makes lives in the arena that it was given. Parsing and evaluating are safe on
 * any number of threads at once, each with its own arena. Texts of errors and annotations are those
 * of Prometheus 3.14. Values equal Prometheus' to the last bit, but for exp, logarithms, powers and
 * trigonometry (1e-12: the C library's and Go's differ there).
 */
#ifndef FERULA_PROMQL_H
#define FERULA_PROMQL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/pool.h"
#include "ferula/model/sample.h"
#include "ferula/model/source.h"
#include "ferula/promql/ast.h"

/* ---- parsing ---------------------------------------------------------------------------- */

/* What Prometheus hides behind --enable-feature; the first is on by default in 3.14. */
struct promql_features {
    bool duration_expressions;
    bool experimental_functions;
    bool extended_ranges; /* anchored, smoothed */
    bool fill_modifiers;
};

#define PROMQL_FEATURES_DEFAULT                                                                    \
    {                                                                                              \
        .duration_expressions = true                                                               \
    }
#define PROMQL_FEATURES_ALL                                                                        \
    {                                                                                              \
        true, true, true, true                                                                     \
    }

/* Deeper nesting than this is an error, not a stack overflow. */
#define PROMQL_MAX_DEPTH 1000

/*
 * FER_EINVAL: f->text is "1:5: parse error: unexpected end of input" and f->at the offset;
 * FER_ELIMIT: nested too deep, longer than 1 MiB, or more than 1000 regular expressions. The text
 * is copied where the tree needs it.
 */
int promql_parse(struct arena *a, struct str text, const struct promql_features *features,
                 const struct promql_expr **out, struct fault *f);

/* One selector, as match[] has it. Errors as promql_parse(). */
int promql_parse_selector(struct arena *a, struct str text, const struct matcher **out, size_t *n,
                          struct fault *f);

/* The canonical form; it parses to an equal tree, but for ranges under 1 ms: those are printed as
 * 0s. */
void promql_print(struct buf *out, const struct promql_expr *e);
/* On several lines when longer than 100 bytes (format_query). */
void promql_prettify(struct buf *out, const struct promql_expr *e);

/*
 * A series with values in the notation of Prometheus' rule tests: `m{a="b"} 1+2x3 _ stale`, or
 * `m {{schema:1 count:3 buckets:[1 2]}}x4`. Sample i has the time of the item's place; `omitted`
 * places have no value. Histograms are in `a`, shared by equal values, and not checked; of a+bxN
 * the hint is said to be written when b's is. FER_EINVAL: not in the notation, with Prometheus'
 * text.
 */
struct promql_series_value {
    double v;
    bool omitted;
    const struct histogram *h; /* NULL: a float */
    bool has_hint;             /* h's hint was written */
};

int promql_parse_series(struct arena *a, struct str text, struct labels *ls,
                        struct promql_series_value **values, size_t *n, struct fault *f);

/* ---- evaluating ------------------------------------------------------------------------- */

struct promql_query {
    const struct promql_expr *expr;
    struct str text;  /* what expr was parsed from: positions in annotations refer to it */
    ts_ms start, end; /* equal for an instant query */
    dur_ms step;      /* 0 for an instant query */
    dur_ms lookback;  /* 0: 5 minutes */
    dur_ms default_subquery_step; /* 0: 1 minute */
    size_t max_samples;           /* held at once; 0: 50,000,000 */
    bool delayed_name_removal;    /* Prometheus' feature promql-delayed-name-removal */
    bool use_start_timestamps;    /* feature use-start-timestamps */
    bool type_and_unit_labels;    /* feature type-and-unit-labels */
    bool per_step_stats;          /* stats by step are wanted */
    struct promql_features features;

    /*
     * Threads that help with large selections when they are idle, at most `n_helpers`; borrowed.
     * NULL: the caller's thread does it all. The source must allow reads of a selection's series on
     * several threads at once.
     */
    struct pool *helpers;
    size_t n_helpers;
    size_t help_from; /* series that make it worthwhile; 0: 512 */

    /*
     * Asked every few thousand samples; not 0 stops the query with that code: FER_ETIMEOUT ("query
     * timed out in expression evaluation") or FER_ECANCELED ("query was canceled in ..."). May be
     * NULL.
     */
    int (*interrupted)(void *ctx);
    void *interrupted_ctx;
};

struct promql_series {
    struct labels labels;
    const struct sample *samples; /* one in a vector: its time is the query's */
    size_t n;
    const struct hsample *hists; /* the same for histograms; no two of one time in both */
    size_t n_hists;
};

/*
 * Samples as Prometheus counts them, a histogram by its size. Those seen by a window are counted in
 * each step that has them in its window; read are only those that no step before had.
 */
struct promql_stats {
    uint64_t total_samples;
    uint64_t samples_read;
    uint64_t peak_samples; /* most held at once: what max_samples limits */

    /* By step, from the query's start on; NULL unless per_step_stats is set. */
    const uint64_t *total_by_step, *read_by_step;
    size_t n_steps;
};

struct promql_result {
    enum promql_type type; /* a range query gives PROMQL_MATRIX always */
    struct sample scalar;
    struct str string;
    const struct promql_series *series; /* vector: the operation's order; matrix: by labels */
    size_t n_series;
    const struct str *warnings, *infos; /* texts with positions, in order of appearance */
    size_t n_warnings, n_infos;
    struct promql_stats stats;
};

/*
 * FER_EEXEC: f->text is Prometheus' message; FER_ELIMIT: too many samples; FER_EINVAL: a range
 * query over a matrix or string; FER_EUNSUP: a regular expression with more groups than
 * REGEX_MAX_GROUPS; FER_ETIMEOUT, FER_ECANCELED; what the source reports ("expanding series: ...").
 */
int promql_eval(struct source *src, struct arena *a, const struct promql_query *q,
                struct promql_result *out, struct fault *f);

#endif
