/*
 * data.c - data sets: series of counters with resets, gauges and odd values, with gaps and stale
 * markers, and classic histograms.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "fuzz.h"

#define POINTS      60
#define MAX_LABELS  8
#define MAX_SERIES  128
#define DATA_STREAM (UINT64_C(1) << 63) /* data sets draw from streams above those of cases */

struct maker {
    struct arena *a;
    struct rng rng;
    const struct classes *classes;
    struct data_set *d;
};

enum shape { COUNTER, GAUGE, WHOLE, SMALL, HUGE_VALUES, CONSTANT, ODD };

static double next_value(struct maker *m, enum shape shape, double v)
{
    static const double small[] = {1e-7, 1.0, 1e16, -1e16, 0.1, 0.2, 0.3};
    static const double huge[] = {1.7e308, -1.7e308, 1e308, 1e-300, -1e-300};
    static const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 3.0, 0.5};
    struct rng *r = &m->rng;

    switch (shape) {
    case COUNTER:
        if (rng_chance(r, 0.07))
            return rng_chance(r, 0.5) ? 0 : rng_unit(r);
        return v + (rng_chance(r, 0.5) ? (double)rng_below(r, 3) : rng_unit(r) * 10);
    case GAUGE:
        return rng_unit(r) * 200 - 100;
    case WHOLE:
        return (double)rng_between(r, -3, 3);
    case SMALL:
        return PICK(r, small);
    case HUGE_VALUES:
        return PICK(r, huge);
    case ODD:
        return PICK(r, odd);
    case CONSTANT:
        break;
    }
    return v;
}

static enum shape pick_shape(struct maker *m)
{
    static const enum shape tame[] = {COUNTER, COUNTER, COUNTER, GAUGE, GAUGE, WHOLE, CONSTANT};
    static const enum shape wild[] = {SMALL, HUGE_VALUES, ODD, ODD};

    return m->classes->on[CLASS_odd] && rng_chance(&m->rng, 0.3) ? PICK(&m->rng, wild)
                                                                 : PICK(&m->rng, tame);
}

/* What the sample in this place is: a value, a stale marker, or nothing. */
static void place(struct maker *m, struct series *s, struct point p)
{
    double roll = rng_unit(&m->rng);

    if (roll < 0.05 && m->classes->on[CLASS_stale]) {
        p.v = f64_from_bits(STALE_NAN_BITS);
        p.h = p.h == NULL ? NULL : hist_stale(m->a);
    } else if (roll < 0.15) {
        return;
    }
    s->points[s->n++] = p;
}

/* When the counter of a sample began: with the series, at the last sample, or some time between. */
static ts_ms pick_start(struct maker *m, const struct series *s, ts_ms t)
{
    ts_ms last = s->n > 0 ? s->points[s->n - 1].t : t - MINUTE_MS;
    ts_ms start = s->n > 0 ? s->points[s->n - 1].start : 0;

    if (!m->d->start_timestamps || rng_chance(&m->rng, 0.1))
        return 0;
    if (start != 0 && rng_chance(&m->rng, 0.7))
        return start;
    return rng_chance(&m->rng, 0.3) ? last : rng_between(&m->rng, last, t);
}

static void fill_floats(struct maker *m, struct series *s)
{
    static const double starts[] = {0, 1, 5.5, 100, -2};
    static const dur_ms jitters[] = {0, 0, 0, 1, 777};
    enum shape shape = pick_shape(m);
    dur_ms jitter = PICK(&m->rng, jitters);
    double v = PICK(&m->rng, starts);
    size_t from = rng_chance(&m->rng, 0.2) ? rng_below(&m->rng, POINTS) : 0;
    size_t to = rng_chance(&m->rng, 0.2) ? rng_below(&m->rng, POINTS) : POINTS;

    s->points = arena_array(m->a, struct point, POINTS);
    for (size_t i = 0; i < POINTS; i++) {
        v = next_value(m, shape, v);
        if (i >= from && i < to) {
            ts_ms t = m->d->start + (dur_ms)i * m->d->interval + jitter;

            place(m, s, (struct point){.t = t, .start = pick_start(m, s, t), .v = v});
        }
    }
}

/* Histograms, with floats among them when `mixed`. */
static void fill_hists(struct maker *m, struct series *s, bool custom, bool mixed)
{
    struct hist_maker *hm = hist_maker_new(m->a, rng_of(rng_u64(&m->rng), 0), custom);

    s->points = arena_array(m->a, struct point, POINTS);
    for (size_t i = 0; i < POINTS; i++) {
        ts_ms t = m->d->start + (dur_ms)i * m->d->interval;
        struct point p = {.t = t, .start = pick_start(m, s, t), .h = hist_maker_next(hm)};

        if (mixed && rng_chance(&m->rng, 0.3))
            p = (struct point){.t = t, .start = p.start, .v = rng_unit(&m->rng) * 10};
        place(m, s, p);
    }
}

static struct series *add_series(struct maker *m, const struct label *labels, size_t n)
{
    struct data_set *d = m->d;
    struct series *s;

    CHECK(d->n_series < MAX_SERIES);
    s = &d->series[d->n_series++];
    *s = (struct series){.labels = labels_copy(m->a, (struct labels){labels, n})};
    return s;
}

/* 0, 1, 2, 10: natural order and that of bytes differ. */
static struct str digit(struct maker *m, size_t i)
{
    return arena_printf(m->a, "%zu", i == 3 ? 10 : i);
}

/* Label names in order: __name__, __type__, extra, instance, job. */
static void add_floats(struct maker *m, const char *name, const char *job, size_t instance)
{
    static const char *const types[] = {"counter", "gauge", "unknown"};
    static const char *const extras[] = {"x", "y"};
    struct label v[MAX_LABELS];
    size_t n = 0;

    v[n++] = (struct label){STR(LABEL_NAME), str_of(name)};
    if (rng_chance(&m->rng, 0.1))
        v[n++] = (struct label){STR(LABEL_TYPE), str_of(PICK(&m->rng, types))};
    if (rng_chance(&m->rng, 0.3))
        v[n++] = (struct label){STR("extra"), str_of(PICK(&m->rng, extras))};
    v[n++] = (struct label){STR("instance"), digit(m, instance)};
    v[n++] = (struct label){STR("job"), str_of(job)};
    fill_floats(m, add_series(m, v, n));
}

/* nh has exponential buckets, nc custom ones, nm anything. */
static void add_native(struct maker *m, const char *name, const char *job, size_t instance)
{
    struct label v[] = {
        {STR(LABEL_NAME), str_of(name)},
        {STR("instance"), digit(m,      instance)},
        {STR("job"),               str_of(job)                 }
    };
    bool mixed = strcmp(name, "nm") == 0;

    fill_hists(m, add_series(m, v, 3),
               strcmp(name, "nc") == 0 || (mixed && rng_chance(&m->rng, 0.5)), mixed);
}

/* One of the info series of a target at a time; now and then two at once. */
static void add_info(struct maker *m, const char *name, const char *job, size_t instance)
{
    static const char *const versions[] = {"1", "2"};
    struct series *s[2];
    size_t now = 0;

    for (size_t i = 0; i < 2; i++) {
        struct label v[MAX_LABELS];
        size_t n = 0;

        v[n++] = (struct label){STR(LABEL_NAME), str_of(name)};
        v[n++] = (struct label){STR("instance"), digit(m, instance)};
        v[n++] = (struct label){STR("job"), str_of(job)};
        if (rng_chance(&m->rng, 0.5))
            v[n++] = (struct label){STR("os"), STR("linux")};
        v[n++] = (struct label){STR("version"), str_of(versions[i])};
        s[i] = add_series(m, v, n);
        s[i]->points = arena_array(m->a, struct point, POINTS);
    }
    for (size_t i = 0; i < POINTS; i++) {
        struct point p = {.t = m->d->start + (dur_ms)i * m->d->interval, .v = 1};

        if (rng_chance(&m->rng, 0.1)) {
            p.v = f64_from_bits(STALE_NAN_BITS);
            s[now]->points[s[now]->n++] = p;
            now = !now;
        } else if (rng_chance(&m->rng, 0.9)) {
            s[now]->points[s[now]->n++] = p;
        }
    }
}

#define N_BOUNDS 6

/* Cumulative buckets that now and then are not, and now and then miss one. */
static void add_classic(struct maker *m, const char *job)
{
    static const char *const bounds[N_BOUNDS] = {"-1", "0.1", "0.5", "1", "2.5", "+Inf"};
    struct series *s[N_BOUNDS];
    double counts[N_BOUNDS] = {0};
    size_t first = rng_below(&m->rng, 2), last = rng_chance(&m->rng, 0.1) ? 4 : N_BOUNDS - 1;

    for (size_t k = first; k <= last; k++) {
        const char *le = k == 3 && rng_chance(&m->rng, 0.1) ? "one" : bounds[k];
        struct label v[] = {
            {STR(LABEL_NAME), STR("h_bucket")},
            {STR("job"),      str_of(job)    },
            {STR("le"),       str_of(le)     }
        };

        s[k] = add_series(m, v, 3);
        s[k]->points = arena_array(m->a, struct point, POINTS);
    }
    for (size_t i = 0; i < POINTS; i++) {
        ts_ms t = m->d->start + (dur_ms)i * m->d->interval;
        bool reset = rng_chance(&m->rng, 0.03);

        for (size_t k = first; k <= last; k++) {
            double below = k > first ? counts[k - 1] : 0, more = (double)rng_below(&m->rng, 3);

            counts[k] = reset ? below : (counts[k] > below ? counts[k] : below) + more;
            if (rng_chance(&m->rng, 0.97))
                s[k]->points[s[k]->n++] =
                    (struct point){.t = t, .v = counts[k] - (rng_chance(&m->rng, 0.03) ? 4 : 0)};
        }
    }
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct series *)a)->labels, ((const struct series *)b)->labels);
}

static void pick_options(struct maker *m)
{
    static const ts_ms starts[] = {0, INT64_C(1700000000000), -30 * MINUTE_MS};
    static const dur_ms intervals[] = {15000, 30000, MINUTE_MS};
    static const dur_ms lookbacks[] = {5 * MINUTE_MS, 5 * MINUTE_MS, MINUTE_MS, 45000, 17001};
    static const dur_ms steps[] = {MINUTE_MS, MINUTE_MS, 15000};

    m->d->delayed_name_removal = rng_chance(&m->rng, 0.5);
    m->d->start_timestamps = m->classes->on[CLASS_start] && rng_chance(&m->rng, 0.4);
    m->d->natives = m->classes->on[CLASS_native] && rng_chance(&m->rng, 0.5);
    m->d->start = PICK(&m->rng, starts);
    m->d->interval = PICK(&m->rng, intervals);
    m->d->end = m->d->start + POINTS * m->d->interval;
    do
        m->d->lookback = PICK(&m->rng, lookbacks);
    while (m->d->lookback <= m->d->interval && rng_chance(&m->rng, 0.9)); /* few see anything */
    m->d->subquery_step = PICK(&m->rng, steps);
    m->d->max_samples = m->classes->on[CLASS_limit_samples] && rng_chance(&m->rng, 0.15)
                            ? (size_t)rng_between(&m->rng, 20, 1500)
                            : 50000000;
}

void data_make(struct arena *a, uint64_t seed, uint64_t number, const struct classes *c,
               struct data_set *out)
{
    static const char *const names[] = {"m", "n_total", "o"};
    static const char *const natives[] = {"nc", "nh", "nm"};
    static const char *const jobs[] = {"a", "b"};
    struct maker m = {.a = a, .rng = rng_of(seed, DATA_STREAM + number), .classes = c, .d = out};

    *out = (struct data_set){.number = number, .series = arena_array(a, struct series, MAX_SERIES)};
    pick_options(&m);
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 2; j++) {
            size_t n = rng_chance(&m.rng, 0.1) ? 0 : 1 + rng_below(&m.rng, 4);

            for (size_t k = 0; k < n; k++)
                add_floats(&m, names[i], jobs[j], k);
        }
    }
    for (size_t j = 0; j < 2; j++)
        add_classic(&m, jobs[j]);
    for (size_t i = 0; c->on[CLASS_info] && i < 4; i++)
        if (rng_chance(&m.rng, 0.7))
            add_info(&m, i % 2 == 0 ? "target_info" : "build_info", jobs[rng_below(&m.rng, 2)],
                     i / 2);
    for (size_t i = 0; out->natives && i < 3; i++)
        for (size_t j = 0; j < 2; j++)
            for (size_t k = 1 + rng_below(&m.rng, 2); k > 0; k--)
                add_native(&m, natives[i], jobs[j], k);
    qsort(out->series, out->n_series, sizeof(*out->series), by_labels);
}

void data_load(const struct data_set *d, struct mem_source *into)
{
    mem_source_clear(into);
    for (size_t i = 0; i < d->n_series; i++) {
        const struct series *s = &d->series[i];

        for (size_t k = 0; k < s->n; k++) {
            const struct point *p = &s->points[k];

            CHECK(mem_source_append(into, s->labels, p->t, p->start, p->v, p->h) == 0);
        }
    }
}

static void side_print(struct buf *out, const char *name, const struct histogram_side *s)
{
    for (size_t i = 0; i < s->n; i++)
        buf_addf(out, " %s[%d]:%.17g", name, s->index[i], s->count[i]);
}

static void histogram_dump(struct buf *out, const struct histogram *h)
{
    static const char *const hints[] = {"unknown", "reset", "not_reset", "gauge"};

    buf_addf(out, "{%s%s schema:%d count:%.17g sum:%.17g zero(%g):%.17g",
             histogram_is_stale(h) ? "stale " : "", hints[h->hint], h->schema, h->count, h->sum,
             h->zero_threshold, h->zero_count);
    side_print(out, "pos", &h->pos);
    side_print(out, "neg", &h->neg);
    for (size_t i = 0; i < h->n_bounds; i++)
        buf_addf(out, "%s%g", i == 0 ? " bounds:" : ",", h->bounds[i]);
    buf_putc(out, '}');
}

void point_print(struct buf *out, const struct point *p)
{
    if (p->h != NULL)
        histogram_dump(out, p->h);
    else if (is_stale(p->v))
        buf_puts(out, "stale");
    else
        buf_addf(out, "%.17g (%016llx)", p->v, (unsigned long long)f64_bits(p->v));
    buf_addf(out, " @%lld", (long long)p->t);
    if (p->start != 0)
        buf_addf(out, " since %lld", (long long)p->start);
}

void series_print(struct buf *out, const struct series *s)
{
    buf_puts(out, "    ");
    labels_print(out, s->labels);
    for (size_t i = 0; i < s->n; i++) {
        buf_puts(out, i % 4 == 0 ? "\n        " : "  ");
        point_print(out, &s->points[i]);
    }
    buf_putc(out, '\n');
}
