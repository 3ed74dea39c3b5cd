/*
 * histogram.h - native histograms: observations counted in buckets whose bounds follow from a
 * schema (exponential) or are given (custom).
 *
 * As in Prometheus' model/histogram, whose arithmetic is followed to the last bit: counts are
 * floats, which whole numbers up to 2^53 survive. A histogram is not changed once it is shared;
 * functions that change one take it without const. Memory is in the arena given; no function keeps
 * it. Safe on any number of threads.
 */
#ifndef FERULA_MODEL_HISTOGRAM_H
#define FERULA_MODEL_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/model/sample.h"

/* What is known of a counter reset between a sample and the one before it. */
enum histogram_hint {
    HISTOGRAM_UNKNOWN,
    HISTOGRAM_RESET,
    HISTOGRAM_NOT_RESET,
    HISTOGRAM_GAUGE, /* not a counter at all */
};

#define HISTOGRAM_SCHEMA_MIN (-4)
#define HISTOGRAM_SCHEMA_MAX 8
#define HISTOGRAM_CUSTOM     (-53) /* the schema of custom buckets */

/*
 * The buckets of one side that are there, empty ones too, by ascending index. Exponential bucket i
 * of schema s ends at 2^(i / 2^s) (inclusive); custom bucket i at bounds[i], the last at +Inf.
 */
struct histogram_side {
    int32_t *index;
    double *count;
    size_t n;
};

struct histogram {
    enum histogram_hint hint;
    int32_t schema;
    bool integer; /* came with whole counts, as most do; matters to formats, not to arithmetic */
    double zero_threshold, zero_count; /* 0 with custom buckets */
    double count, sum;                 /* a stale marker has a sum of STALE_NAN_BITS */
    struct histogram_side pos, neg;    /* neg is empty with custom buckets */
    const double *bounds;              /* of custom buckets: finite, strictly ascending */
    size_t n_bounds;
};

static inline bool histogram_is_custom(const struct histogram *h)
{
    return h->schema == HISTOGRAM_CUSTOM;
}

static inline bool histogram_is_stale(const struct histogram *h)
{
    return is_stale(h->sum);
}

struct histogram *histogram_copy(struct arena *a, const struct histogram *h);

/* ---- buckets ---------------------------------------------------------------------------- */

struct histogram_bucket {
    double lower, upper, count;
    bool lower_inclusive, upper_inclusive;
    int32_t index;
};

/* The upper bound of an exponential bucket; the last finite one is DBL_MAX, then comes +Inf. */
double histogram_bound(int32_t schema, int32_t index);

/*
 * All buckets from the lowest to the highest bound, or backwards: negative ones, the zero bucket
 * when its count is above 0, positive ones; those that reach into the zero bucket are cut at its
 * bounds.
 */
struct histogram_iter {
    const struct histogram *h;
    bool backwards;
    int stage;
    size_t i;
};

void histogram_iter_begin(struct histogram_iter *it, const struct histogram *h, bool backwards);
bool histogram_iter_next(struct histogram_iter *it, struct histogram_bucket *out);

/* The zero bucket; and bucket `i` of a side as it is, not cut at the zero bucket. */
struct histogram_bucket histogram_zero_bucket(const struct histogram *h);
struct histogram_bucket histogram_side_bucket(const struct histogram *h, bool negative, size_t i);

/*
 * Spans: the runs of buckets with neighbouring indexes, by which formats lay out a side. Start with
 * one that is all zero; each call steps to the next. False: there is none, and *span is as it was.
 */
struct histogram_span {
    size_t at, n; /* the buckets at to at + n - 1 of the side */
    int64_t gap;  /* from the end of the span before to its first index; at first, that index */
};

bool histogram_span_next(const struct histogram_side *s, struct histogram_span *span);
size_t histogram_n_spans(const struct histogram_side *s);

/* ---- arithmetic (all change `h`) -------------------------------------------------------- */

void histogram_mul(struct histogram *h, double factor);
void histogram_div(struct histogram *h, double divisor); /* by 0: no bucket stays */

/* What is worth a word to the user after an addition. */
struct histogram_notes {
    bool reset_collision;   /* reset met not_reset */
    bool bounds_reconciled; /* custom buckets had different bounds */
};

/*
 * h += other, h -= other. FER_EINVAL: exponential and custom buckets cannot be added (Prometheus'
 * ErrHistogramsIncompatibleSchema); h is as it was then. `notes` is set, not added to.
 */
int histogram_add(struct arena *a, struct histogram *h, const struct histogram *other,
                  struct histogram_notes *notes);
int histogram_sub(struct arena *a, struct histogram *h, const struct histogram *other,
                  struct histogram_notes *notes);

/*
 * Kahan's sum of histograms: `c` holds what rounding lost of each number of `h`, and is made by
 * histogram_compensation(). The sum is histogram_add(h, c). Both have the same buckets, in the same
 * arrays of indexes, so only functions that take both may change which there are.
 */
struct histogram *histogram_compensation(struct arena *a, const struct histogram *h);
int histogram_kahan_add(struct arena *a, struct histogram *h, struct histogram *c,
                        const struct histogram *other, struct histogram_notes *notes);

/* Takes out empty buckets. */
void histogram_compact(struct histogram *h);
/* The same for a Kahan sum and its compensation: out go buckets that are empty in both. */
void histogram_kahan_compact(struct histogram *h, struct histogram *c);
/* To a coarser schema, or the same; not for custom buckets. */
void histogram_reduce(struct histogram *h, int32_t schema);
bool histogram_has_overflow(const struct histogram *h);

/* Keeps observations up to `rhs` (upper: the operator </) or from it on (>/). */
void histogram_trim(struct histogram *h, double rhs, bool upper);

/* ---- questions -------------------------------------------------------------------------- */

/* The same bits in all numbers and the same buckets; hints do not count. */
bool histogram_equal(const struct histogram *x, const struct histogram *y);
/* Whether the counter was reset after `prev` and before `h`. */
bool histogram_detect_reset(const struct histogram *h, const struct histogram *prev);
/*
 * What it counts against a limit on samples, times 16: bytes as Prometheus counts them. Each run of
 * neighbouring buckets is a span.
 */
size_t histogram_size(const struct histogram *h);
/*
 * FER_EINVAL and Prometheus' text when it is no sound histogram; whole counts must also add up (as
 * far as doubles tell: exactly below 2^53). Other functions want a sound one.
 */
int histogram_validate(const struct histogram *h, struct fault *f);

/*
 * The hint that Prometheus' storage would give back for `h` after `prev`, the sample before it as
 * stored (NULL: `h` is the first of its series, or comes after a float). Its chunks end where a
 * counter is reset, where gauges begin or end, where whole counts become floats or the other way
 * round, where schema, zero threshold or bounds change and after a stale marker. The first sample
 * of a chunk is HISTOGRAM_UNKNOWN, the rest HISTOGRAM_NOT_RESET; gauges are HISTOGRAM_GAUGE, stale
 * markers HISTOGRAM_UNKNOWN. Chunks that end because they are full (1024 bytes, or a time range)
 * are not imitated. A bucket of `prev` with a count of 0 may be missing in `h`, and buckets of `h`
 * may be new, so that it does not matter whether `prev` is kept compact.
 */
enum histogram_hint histogram_stored_hint(const struct histogram *h, const struct histogram *prev);

/* "{count:3, sum:5, [-0.001,0.001]:1, (1,2]:2}" */
void histogram_print(struct buf *out, const struct histogram *h);
/*
 * As rule tests write it: "{{schema:1 count:3 buckets:[1 2]}}", with all buckets from the first to
 * the last, so that buckets far apart make a long text. Prometheus misplaces buckets that come
 * after a second gap; here they keep their places.
 */
void histogram_print_expression(struct buf *out, const struct histogram *h);

#endif
