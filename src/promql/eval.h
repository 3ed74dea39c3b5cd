/*
 * eval.h - what the files of the evaluator share: grids, matrices, the state of one query.
 *
 * A node of the tree is evaluated once for all steps of a grid and gives a matrix: series, each
 * with its samples at the times of steps, ascending. Everything lives in the query's arena; only
 * the buffers of struct promql__ev are on the heap and are used again from node to node.
 */
#ifndef FERULA_PROMQL_EVAL_H
#define FERULA_PROMQL_EVAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/model/histogram.h"
#include "ferula/promql.h"

#include "samples.h"

/* The times start, start + step, ... up to `end`; n may be 0. step is at least 1. */
struct promql__grid {
    ts_ms start, end;
    dur_ms step;
    size_t n;
};

/* As an instant query: results keep the order of the operation. */
static inline bool promql__is_instant(const struct promql__grid *g)
{
    return g->start == g->end;
}

static inline ts_ms promql__time(const struct promql__grid *g, size_t i)
{
    return g->start + (dur_ms)i * g->step;
}

static inline size_t promql__step_at(const struct promql__grid *g, ts_ms t)
{
    return (size_t)((t - g->start) / g->step);
}

struct promql__series {
    struct labels labels;
    struct sample *s; /* floats */
    size_t n;
    struct hsample *h; /* histograms, at other times; shared, so copied before they are changed */
    size_t nh;
    bool drop_name; /* the name is to go at the end of the query (delayed name removal) */
};

struct promql__matrix {
    struct promql__series *v;
    size_t n, cap;
};

/* A set of label sets, numbered in order of arrival. */
struct promql__index {
    struct arena *arena;
    struct labels *keys;
    uint64_t *hashes;
    size_t n, cap;
    uint32_t *slots; /* number + 1, or 0; a power of two of them */
    size_t n_slots;
};

void promql__index_init(struct promql__index *ix, struct arena *a);
/* The number of `ls`, which is added when it is new. */
size_t promql__index_put(struct promql__index *ix, struct labels ls);

/* A float, or a histogram when `h` is not NULL. */
struct promql__value {
    double v;
    const struct histogram *h;
};

/* Where one stands in a series that is walked through step by step. */
struct promql__cursor {
    size_t s, h; /* the first samples not yet seen */
};

/* The sample of `x` at `t`, if it has one; each is taken once. */
static inline bool promql__take(const struct promql__series *x, struct promql__cursor *at, ts_ms t,
                                struct promql__value *out)
{
    if (at->s < x->n && x->s[at->s].t == t) {
        *out = (struct promql__value){.v = x->s[at->s++].v};
        return true;
    }
    if (at->h < x->nh && x->h[at->h].t == t) {
        *out = (struct promql__value){.h = x->h[at->h++].h};
        return true;
    }
    return false;
}

struct promql__note;
struct promql__stream;

/* How much of histograms a selector reads; see hist_stats.c. */
enum promql__decoding {
    PROMQL__WHOLE,
    PROMQL__STATS,        /* count, sum and a hint, but no buckets */
    PROMQL__ALWAYS_WHOLE, /* whatever comes further down the tree */
};

struct promql__ev {
    struct source *src;  /* borrowed */
    struct arena *arena; /* borrowed */
    const struct promql_query *q;
    struct fault *f; /* borrowed; may be NULL */
    dur_ms lookback, default_step;
    int64_t max_samples;
    enum promql__decoding decoding; /* of the selectors below the node at work */
    /* Samples in memory now, and the most so far; Prometheus may take off what it never put on. */
    int64_t held, peak;
    struct promql__counts counts;      /* of the grid at work */
    struct promql__operands *operands; /* of the node at work; NULL: not step by step */
    bool in_param;              /* of an aggregation: Prometheus evaluates it in every step */
    size_t work;                /* samples handled since the last poll */
    struct promql__note *notes; /* arena; newest last */
    struct promql__note **notes_end;
    struct series_samples in; /* heap; one series as read; histograms in the arena */
    struct sample_vec out;    /* heap; one series as made: its floats */
    struct hsample_vec hout;  /* and its histograms */
    double *scratch;          /* heap */
    size_t scratch_cap;
    atomic_size_t *failed; /* of a worker of a crew: the first item that failed so far */
    size_t item;           /* what it works on; items behind a failed one are given up */
    bool helper;           /* a worker on a thread that is not the query's own */
};

/* ---- eval.c ---- */

int promql__eval(struct promql__ev *ev, const struct promql__grid *g, const struct promql_expr *e,
                 struct promql__matrix *out);
/* A scalar's values at all steps. */
int promql__eval_scalar(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, const double **out);
/* The state of a query, ready for one evaluation. */
struct promql__ev promql__ev_of(struct source *src, struct arena *a, const struct promql_query *q,
                                struct fault *f);
/* A part of ev->q at one time, as if it were the query; @ start() and the like stay the query's. */
int promql__eval_part(struct promql__ev *ev, const struct promql_expr *part, ts_ms t,
                      struct promql_result *out);
int promql__poll(struct promql__ev *ev);
int promql__too_many(struct promql__ev *ev);
double *promql__scratch(struct promql__ev *ev, size_t n);
const struct promql_expr *promql__unparen(const struct promql_expr *e);

/* Counts `n` samples as held in memory. */
static inline int promql__hold(struct promql__ev *ev, size_t n)
{
    ev->held += (int64_t)n;
    return ev->held > ev->max_samples ? promql__too_many(ev) : 0;
}

/* Asks now and then whether to go on; `n` is roughly how many samples were handled. */
static inline int promql__tick(struct promql__ev *ev, size_t n)
{
    ev->work += n + 1;
    return ev->work < 8192 ? 0 : promql__poll(ev);
}

/* ---- invariant.c: parts of a query that no step changes ---- */

bool promql__is_invariant(const struct promql_expr *e);
bool promql__wants_wrap(const struct promql_expr *e);

/* ---- matrix.c ---- */

struct promql__series *promql__matrix_add(struct promql__ev *ev, struct promql__matrix *m,
                                          struct labels ls, size_t cap);
/* Empties ev->out and ev->hout for the next series. */
static inline void promql__out_begin(struct promql__ev *ev)
{
    ev->out.n = ev->hout.n = 0;
}

size_t promql__matrix_samples(const struct promql__matrix *m);
/* Appends a series with a copy of ev->out and ev->hout; nothing when they are empty. */
void promql__matrix_keep(struct promql__ev *ev, struct promql__matrix *m, struct labels ls,
                         bool drop_name);
void promql__matrix_sort(struct promql__matrix *m);
bool promql__matrix_has_twins(struct promql__ev *ev, const struct promql__matrix *m);
/* Makes one of series with equal labels; FER_EEXEC when two have a sample at the same time. */
int promql__matrix_merge(struct promql__ev *ev, struct promql__matrix *m);
/* What an instant-vector operation does with equal label sets in its result. */
int promql__matrix_settle(struct promql__ev *ev, const struct promql__grid *g,
                          struct promql__matrix *m);
int promql__same_labelset(struct promql__ev *ev);

/* Marks the series as nameless, or takes the name off at once. */
void promql__drop_name(struct promql__ev *ev, struct promql__series *s);

struct promql__caps {
    size_t s, h;
};

/* Series of a result that is made step by step; equal labels are one series. */
struct promql__collector {
    struct promql__ev *ev;
    struct promql__matrix m;
    struct promql__caps *caps; /* of each series */
    size_t caps_cap;
    struct promql__index index;
    bool single;               /* an instant query: each sample is a series ... */
    struct promql__matrix one; /* ... here, in the order of the samples */
    bool twins;                /* a series has two samples in one step */
};

void promql__collect_begin(struct promql__collector *c, struct promql__ev *ev,
                           const struct promql__grid *g);
size_t promql__collect_series(struct promql__collector *c, struct labels ls, bool drop_name);
int promql__collect_add(struct promql__collector *c, size_t series, ts_ms t,
                        struct promql__value v);
/* FER_EEXEC when a series has two samples in a step: at the end of each step that may fail in
 * another way later. */
int promql__collect_check(struct promql__collector *c);
/* Checks, too. */
int promql__collect_end(struct promql__collector *c, struct promql__matrix *out);

/* ---- select.c, subquery.c ---- */

struct promql__shift {
    bool pinned; /* by @ */
    ts_ms at;
    dur_ms offset;
};

struct promql__shift promql__shift_of(const struct promql__ev *ev, const struct promql_shift *s);

/* a - b, kept inside the range of times: @ may stand at its very ends. */
static inline ts_ms promql__minus(ts_ms a, dur_ms b)
{
    ts_ms r;

    if (__builtin_sub_overflow(a, b, &r))
        return b > 0 ? INT64_MIN : INT64_MAX;
    return r;
}

/* The time that a selector looks at in step `i`. */
ts_ms promql__reference(const struct promql__shift *s, const struct promql__grid *g, size_t i);

/* How far before and after its reference a selector looks. */
struct promql__span {
    const struct promql__shift *shift;
    dur_ms before, after;
};

/* Selects what the steps can see: (reference - before, reference + after]. */
int promql__select(struct promql__ev *ev, const struct promql__grid *g,
                   const struct promql_vector_selector *vs, const struct promql__span *span,
                   struct source_selection **out);
/* Reads series `i` into ev->in. */
int promql__read(struct promql__ev *ev, const struct source_selection *sel, size_t i);
void promql__drop_stale(struct series_samples *in);

/* A sample's value, or one of its times in seconds. */
enum promql__wanted { PROMQL__VALUE, PROMQL__TIME, PROMQL__START };

/*
 * The newest sample of each step's window that is not a stale marker, into ev->out and ev->hout;
 * from what promql__read() read.
 */
int promql__pick(struct promql__ev *ev, const struct promql__grid *g,
                 const struct promql__shift *shift, enum promql__wanted wanted);

int promql__eval_vector(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, enum promql__wanted wanted,
                        struct promql__matrix *out);

/* Times of the samples of a selector, which are looked for step by step and are no operand. */
int promql__eval_times(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *e, enum promql__wanted wanted,
                       struct promql__matrix *out);

/* How far a series is read: the first samples after a reference. */
struct promql__place {
    size_t f, h;
};

enum promql__kind { PROMQL__NONE, PROMQL__FLOAT, PROMQL__HIST };

/*
 * Moves on to `ref`, not before that of the call before, and says of which kind the newest sample
 * of ev->in is that an instant selector sees from there: the one before its place.
 */
enum promql__kind promql__newest(const struct promql__ev *ev, struct promql__place *c, ts_ms ref);
int promql__eval_matrix(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__matrix *out);
int promql__eval_subquery(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out);
/* The same for a range function, which counts the samples that its windows see. */
int promql__eval_windows(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out);

/* The last time at which a subquery evaluates what is in it, itself evaluated at `t`; false: none.
 */
bool promql__subquery_newest(const struct promql__ev *ev, const struct promql_subquery *sq, ts_ms t,
                             ts_ms *out);

/* What a range function reads: a matrix selector or a subquery, series by series. */
struct promql__range {
    const struct promql__grid *grid; /* borrowed */
    struct source_selection *sel;    /* NULL for a subquery */
    struct promql__matrix sub;
    struct promql__shift shift;
    dur_ms range;
    dur_ms before, after; /* how far beyond the window an extended one sees */
    const struct promql_vector_selector *extended; /* anchored or smoothed; else NULL */
    size_t n;
};

struct promql__range_series {
    struct labels labels;
    bool drop_name;
    const struct sample *s;
    size_t n;
    const struct hsample *h;
    size_t nh;
    const ts_ms *s_start, *h_start; /* NULL: none is known */
};

/* Samples of a subquery are not each other's successors: takes back what is known of resets. */
void promql__forget_resets(struct promql__ev *ev, struct promql__matrix *m);

int promql__range_open(struct promql__ev *ev, const struct promql__grid *g,
                       const struct promql_expr *e, struct promql__range *r);
/* The samples are valid until the next call. Stale markers are left out. */
int promql__range_read(struct promql__ev *ev, const struct promql__range *r, size_t i,
                       struct promql__range_series *out);

/* ---- hist_stats.c ---- */

/* What holds for the selectors below `e`, when `now` holds for e. */
enum promql__decoding promql__decoding_below(enum promql__decoding now,
                                             const struct promql_expr *e);

/* How far before a step's reference the reading of a series goes back at most. */
struct promql__reach {
    dur_ms first, later; /* in the first step, in the others */
};

/* Takes the buckets out of ev->in.h; what its hints leave open is found by comparing first. */
void promql__read_stats(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql__shift *shift, struct promql__reach reach);

/* ---- durations.c ---- */

/* Evaluates all duration expressions of the tree, for their errors. */
int promql__check_durations(struct promql__ev *ev, const struct promql_expr *e);
/* The value of `expr` when there is one, else `literal`. */
dur_ms promql__duration(const struct promql__ev *ev, const struct promql_expr *expr,
                        dur_ms literal);

/* ---- aggregate.c, ranking.c ---- */

/* Which series aggregate into which group. */
struct promql__groups {
    struct promql__matrix in;
    struct labels *labels; /* of the groups */
    size_t n;
    uint32_t *of;      /* series -> group */
    uint32_t *members; /* series, group by group, in the order of the input */
    size_t *first;     /* n + 1 places in members */
};

int promql__eval_aggregate(struct promql__ev *ev, const struct promql__grid *g,
                           const struct promql_expr *e, struct promql__matrix *out);
struct labels promql__group_labels(struct promql__ev *ev, const struct promql_aggregate *agg,
                                   struct labels ls);
/* Groups the series of gr->in. */
void promql__group(struct promql__ev *ev, const struct promql_aggregate *agg,
                   struct promql__groups *gr);
/* The same for the series that a stream is going to make. */
void promql__group_stream(struct promql__ev *ev, const struct promql_aggregate *agg,
                          const struct promql__stream *st, struct promql__groups *gr);
/* The aggregators that need all values of a step at once. */
int promql__eval_ranking(struct promql__ev *ev, const struct promql__grid *g,
                         const struct promql_expr *e, struct promql__matrix *out);
int promql__eval_count_values(struct promql__ev *ev, const struct promql__grid *g,
                              const struct promql_aggregate *agg, struct promql__matrix *out);

/* ---- binary.c, matching.c ---- */

int promql__eval_binary(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql_expr *e, struct promql__matrix *out);
int promql__eval_matching(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out);

struct promql__binary_result {
    double v;
    bool keep;
};

struct promql__binary_result promql__combine(enum promql_op op, double l, double r);
bool promql__op_changes_name(enum promql_op op);

/* ---- hist_binary.c ---- */

/* What an operator had to say about two elements. */
enum promql__quarrel {
    QUARREL_NONE,
    QUARREL_RECONCILED, /* custom buckets with different bounds; there is a result all the same */
    QUARREL_COLLISION,  /* of counter resets */
    QUARREL_LAYOUT,     /* exponential and custom buckets */
    QUARREL_TYPES,      /* float and float; then come float and histogram... */
    QUARREL_TYPES_LAST = QUARREL_TYPES + 3,
};

struct promql__pair_result {
    struct promql__value v;
    bool keep;   /* a comparison is true, or there is arithmetic's result */
    bool failed; /* the elements are as if they had never met */
    enum promql__quarrel quarrel;
};

/* Of elements of which at least one is a histogram, or that an operator for histograms meets. */
struct promql__pair_result promql__combine_hists(struct promql__ev *ev, enum promql_op op,
                                                 struct promql__value l, struct promql__value r);
void promql__note_quarrel(struct promql__ev *ev, const struct promql_expr *e,
                          enum promql__quarrel q);

/* For two floats: whether that is promql__combine(). */
static inline bool promql__op_takes_floats(enum promql_op op)
{
    return op != PROMQL_TRIM_UPPER && op != PROMQL_TRIM_LOWER;
}

/* ---- call.c and the function files ---- */

/* A call of a range function in the making. */
struct promql__range_call {
    const struct promql_call *call;
    const struct promql__fn *fn;
    const struct promql_expr *range_arg;
    const double *scalars[2]; /* the other arguments, by step */
    size_t n_scalars;
    struct promql__range range;
};

/* As promql__stream_open(); *rc is in the arena. */
int promql__range_call_open(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql_call *call, struct promql__range_call **rc);
bool promql__range_call_drops_name(const struct promql__range_call *rc);
/* Makes series `i` into ev->out and ev->hout; *rs is what is known of it, *load is not held yet. */
int promql__range_call_make(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql__range_call *rc, size_t i,
                            struct promql__range_series *rs, struct promql__load *load);

enum promql__holding promql__call_holding(const struct promql_call *call);

int promql__eval_call(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out);

/* One window of one series; `time` is the step's, from and to the window's edges. */
struct promql__window {
    ts_ms time, from, to;
    dur_ms range;
    double arg[2];   /* the scalar arguments in this step */
    double *scratch; /* room for as many values as there are samples */
};

/* False: no result. There is at least one sample. */
typedef bool promql__range_fn(const struct sample *s, size_t n, const struct promql__window *w,
                              double *out);

/* A window that has more than plain floats: histograms, start timestamps, samples beyond it. */
struct promql__mixed {
    const struct sample *s;
    size_t n;
    const struct hsample *h;
    size_t nh;
    const ts_ms *s_start, *h_start; /* NULL: not known, or of no matter to the function */
    const struct promql__window *w;
    enum promql_func func;
    promql__range_fn *floats;     /* the same function of floats alone */
    struct labels labels;         /* of the series: annotations name the metric */
    const struct promql_expr *at; /* the first argument: where annotations point; may be NULL */
};

/* Takes out the first samples. */
static inline void promql__mixed_skip(struct promql__mixed *m, size_t floats, size_t hists)
{
    m->s += floats;
    m->n -= floats;
    m->s_start = m->s_start == NULL ? NULL : m->s_start + floats;
    m->h += hists;
    m->nh -= hists;
    m->h_start = m->h_start == NULL ? NULL : m->h_start + hists;
}

/* 1: *out is the result; 0: there is none; or an error. Histograms are made in the arena. */
typedef int promql__mixed_fn(struct promql__ev *ev, const struct promql__mixed *m,
                             struct promql__value *out);
typedef double promql__math_fn(double v);
typedef int promql__call_fn(struct promql__ev *ev, const struct promql__grid *g,
                            const struct promql_expr *e, struct promql__matrix *out);

promql__range_fn promql__rate, promql__increase, promql__delta, promql__irate, promql__idelta,
    promql__deriv, promql__predict_linear, promql__resets, promql__changes,
    promql__double_exponential_smoothing;
promql__mixed_fn promql__mixed_rate, promql__mixed_instant, promql__mixed_resets,
    promql__mixed_changes;
promql__mixed_fn promql__mixed_avg, promql__mixed_count, promql__mixed_first, promql__mixed_floats,
    promql__mixed_last, promql__mixed_present, promql__mixed_sum, promql__mixed_ts_of_first,
    promql__mixed_ts_of_last;

/* How a value went over a window, from its first to its last sample. */
struct promql__change {
    ts_ms first_t, last_t;
    size_t n; /* samples; at least 2 when `begin` is not known */
    bool counter;
    double first, increase; /* of a counter */
    ts_ms begin; /* when it was 0, inside the window and before the first sample; 0: not known */
};

/*
 * rate(), increase() or delta() of a series of plain floats in all steps, into ev->out: the same as
 * window by window (rates.c).
 */
int promql__slide_rates(struct promql__ev *ev, const struct promql__grid *g,
                        const struct promql__range *r, enum promql_func func,
                        const struct promql__range_series *rs, struct promql__load *load);

/* What the increase is multiplied by, to be that of the whole window. */
double promql__stretch(const struct promql__change *c, const struct promql__window *w);

promql__range_fn promql__avg_over_time, promql__count_over_time, promql__first_over_time,
    promql__last_over_time, promql__mad_over_time, promql__max_over_time, promql__min_over_time,
    promql__present_over_time, promql__quantile_over_time, promql__stddev_over_time,
    promql__stdvar_over_time, promql__sum_over_time, promql__ts_of_first_over_time,
    promql__ts_of_last_over_time, promql__ts_of_max_over_time, promql__ts_of_min_over_time;

promql__math_fn promql__deg, promql__rad, promql__sgn;
promql__math_fn promql__day_of_month, promql__day_of_week, promql__day_of_year,
    promql__days_in_month, promql__hour, promql__minute, promql__month, promql__year;

promql__call_fn promql__fn_absent, promql__fn_absent_over_time, promql__fn_clamp, promql__fn_date,
    promql__fn_histogram, promql__fn_histogram_fraction, promql__fn_histogram_quantile,
    promql__fn_histogram_quantiles, promql__fn_info, promql__fn_label_join,
    promql__fn_label_replace, promql__fn_pair, promql__fn_pi, promql__fn_query_time,
    promql__fn_round, promql__fn_scalar, promql__fn_sort, promql__fn_sort_by_label,
    promql__fn_start_timestamp, promql__fn_time, promql__fn_timestamp, promql__fn_unsupported,
    promql__fn_vector;

/* Takes out histograms, and the series that have nothing else. */
void promql__keep_floats(struct promql__matrix *m);
/* Applies `fn` to every float of a vector argument. */
int promql__map(struct promql__ev *ev, const struct promql__grid *g, const struct promql_expr *arg,
                promql__math_fn *fn, struct promql__matrix *out);
/* The function of a date function's row. */
promql__math_fn *promql__date_fn(enum promql_func func);
/* The labels that absent() gives for its argument. */
struct labels promql__absent_labels(struct promql__ev *ev, const struct promql_expr *arg);
/* A series with a value in every step. */
int promql__fill(struct promql__ev *ev, const struct promql__grid *g, const double *values,
                 struct promql__matrix *out);

/* ---- start_times.c ---- */

/* A sample's time and when its counter began (0: not known). */
struct promql__started {
    ts_ms t, start;
};

bool promql__starts_matter(const struct promql__ev *ev, enum promql_func func);
/* The start timestamps tell of a counter reset between two samples. */
bool promql__began_anew(struct promql__started before, struct promql__started now);
/* The start of the window's first sample when it lies inside the window, else 0. */
ts_ms promql__begin_inside(const ts_ms *start, ts_ms first, const struct promql__window *w);
/* Warns, once, when starts contradict the samples before them; the window is of one kind. */
void promql__note_overlap(struct promql__ev *ev, const struct promql__mixed *m);
/* The function of the window's floats alone. */
promql__mixed_fn promql__floats_of;

/* ---- extended.c: anchored and smoothed ---- */

/* FER_EEXEC when the range argument `arg` is extended and `func` has no use for that. */
int promql__check_extended(struct promql__ev *ev, enum promql_func func,
                           const struct promql_expr *arg);
/* rate(), increase() and delta() of an extended window; as promql__mixed_fn. */
int promql__extended_rate(struct promql__ev *ev, const struct promql_vector_selector *vs,
                          const struct promql__mixed *m, struct promql__value *out);
/* Begins an anchored window at its anchor. False: nothing in it comes after its start. */
bool promql__anchor(struct promql__mixed *m);
/* The samples of an extended range vector, with values at its edges, into ev->out. */
int promql__extend_matrix(struct promql__ev *ev, const struct promql__range *r,
                          const struct promql__grid *g, const struct promql__range_series *rs);
int promql__eval_smoothed(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out);

/* ---- order.c ---- */

struct promql__ranked {
    double v;
    uint32_t i;
};

typedef bool promql__less_fn(const void *ctx, const struct promql__ranked *a,
                             const struct promql__ranked *b);

bool promql__less_up(const void *ctx, const struct promql__ranked *a,
                     const struct promql__ranked *b); /* NaN first */
bool promql__less_down(const void *ctx, const struct promql__ranked *a,
                       const struct promql__ranked *b); /* NaN first */
void promql__sort(struct promql__ranked *v, size_t n, promql__less_fn *less, const void *ctx);
void promql__sort_reverse(struct promql__ranked *v, size_t n, promql__less_fn *less,
                          const void *ctx);
void promql__heap_push(struct promql__ranked *v, size_t *n, struct promql__ranked x,
                       promql__less_fn *less);
void promql__heap_sink(struct promql__ranked *v, size_t n, promql__less_fn *less);
/* Sorts `v`. phi outside 0 to 1 gives an infinity. */
double promql__quantile(double phi, double *v, size_t n);

/* ---- annotations.c ---- */

/* What had to be mended in classic histograms, over all steps. */
struct promql__mended {
    uint64_t count; /* of histograms, less one */
    ts_ms first, last;
    double min_bucket, max_bucket, max_diff;
};

/* `at` is where it arose; NULL: the query as a whole, which is told as its beginning. */
__attribute__((format(printf, 3, 4))) void
promql__warn(struct promql__ev *ev, const struct promql_expr *at, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void
promql__info(struct promql__ev *ev, const struct promql_expr *at, const char *fmt, ...);
/* Counted: it is told how often it arose. */
void promql__warn_overlap(struct promql__ev *ev, const struct promql_expr *at, struct str metric);
void promql__info_mended(struct promql__ev *ev, const struct promql_expr *at, struct str metric,
                         const struct promql__mended *m);

/* Notes on histograms. These name a metric: */
enum promql__hist_note {
    PROMQL__MIXED_KINDS,
    PROMQL__MIXED_BUCKETS,
    PROMQL__NOT_COUNTER,
    PROMQL__NOT_GAUGE,
    PROMQL__IGNORED_HISTOGRAMS,
    /* and these when the name is known: */
    PROMQL__MIXED_CLASSIC_NATIVE,
    PROMQL__NAN_RESULT,
    PROMQL__NAN_SKEW,
    PROMQL__NAN_FRACTION,
    N_PROMQL__HIST_NOTES,
};

void promql__note_histogram(struct promql__ev *ev, const struct promql_expr *at,
                            enum promql__hist_note note, struct str metric);
/* What is in `notes`; `operation` is "addition", "subtraction" or "aggregation". */
void promql__note_arithmetic(struct promql__ev *ev, const struct promql_expr *at,
                             struct histogram_notes notes, const char *operation);
void promql__warn_quantile(struct promql__ev *ev, const struct promql_expr *at, double phi);
void promql__info_hist_ignored(struct promql__ev *ev, const struct promql_expr *at,
                               enum promql_agg agg);
/* Takes over what a worker noted. */
void promql__notes_merge(struct promql__ev *ev, const struct promql__ev *worker);
void promql__notes_finish(struct promql__ev *ev, struct promql_result *out);
/* Go's %g. */
struct str promql__go_g(struct promql__ev *ev, double v);

#endif
