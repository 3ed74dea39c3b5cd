/*
 * wire.c - the frames that tests/interop/promeval/engine/wire.go describes.
 */
#include <stdlib.h>

#include "fuzz.h"

static void put_u8(struct buf *b, uint8_t v)
{
    buf_putc(b, (char)v);
}

static void put_u32(struct buf *b, size_t v)
{
    uint32_t x = (uint32_t)v;

    buf_add(b, &x, sizeof(x));
}

static void put_i64(struct buf *b, int64_t v)
{
    buf_add(b, &v, sizeof(v));
}

static void put_str(struct buf *b, struct str s)
{
    put_u32(b, s.n);
    buf_add_str(b, s);
}

/* A frame starts with its length, which is known at its end. */
static size_t frame_begin(struct buf *b)
{
    put_u32(b, 0);
    return b->n;
}

static void frame_end(struct buf *b, size_t begin)
{
    uint32_t n = (uint32_t)(b->n - begin);

    memcpy(b->p + begin - sizeof(n), &n, sizeof(n));
}

static void put_f64(struct buf *b, double v)
{
    put_i64(b, (int64_t)f64_bits(v));
}

/* Runs of neighbours; the first offset is from bucket 0. */
static void put_spans(struct buf *b, const struct histogram_side *s)
{
    size_t n_at = b->n, n = 0;
    int32_t next = 0;

    put_u32(b, 0);
    for (size_t i = 0; i < s->n; n++) {
        size_t length = 1;

        while (i + length < s->n && s->index[i + length] == s->index[i] + (int32_t)length)
            length++;
        put_u32(b, (uint32_t)(s->index[i] - next));
        put_u32(b, length);
        next = s->index[i] + (int32_t)length;
        i += length;
    }
    memcpy(b->p + n_at, &(uint32_t){(uint32_t)n}, sizeof(uint32_t));
}

static void put_doubles(struct buf *b, const double *v, size_t n)
{
    put_u32(b, n);
    for (size_t i = 0; i < n; i++)
        put_f64(b, v[i]);
}

static void put_histogram(struct buf *b, const struct histogram *h)
{
    put_u8(b, (uint8_t)h->hint);
    put_u32(b, (uint32_t)h->schema);
    put_f64(b, h->zero_threshold);
    put_f64(b, h->zero_count);
    put_f64(b, h->count);
    put_f64(b, h->sum);
    put_spans(b, &h->pos);
    put_spans(b, &h->neg);
    put_doubles(b, h->pos.count, h->pos.n);
    put_doubles(b, h->neg.count, h->neg.n);
    put_doubles(b, h->bounds, h->n_bounds);
}

static void put_point(struct buf *b, const struct point *p)
{
    put_i64(b, p->t);
    put_i64(b, p->start);
    put_u8(b, p->h != NULL);
    if (p->h != NULL)
        put_histogram(b, p->h);
    else
        put_f64(b, p->v);
}

static void put_series(struct buf *b, const struct series *s)
{
    put_u32(b, s->labels.n);
    for (size_t i = 0; i < s->labels.n; i++) {
        put_str(b, s->labels.v[i].name);
        put_str(b, s->labels.v[i].value);
    }
    put_u32(b, s->n);
    for (size_t i = 0; i < s->n; i++)
        put_point(b, &s->points[i]);
}

void wire_data(struct buf *out, const struct data_set *d)
{
    size_t begin = frame_begin(out);

    put_u8(out, 'D');
    put_u8(out, (uint8_t)((d->delayed_name_removal ? 1 : 0) | (d->start_timestamps ? 2 : 0)));
    put_i64(out, d->lookback);
    put_i64(out, d->subquery_step);
    put_i64(out, (int64_t)d->max_samples);
    put_u32(out, d->n_series);
    for (size_t i = 0; i < d->n_series; i++)
        put_series(out, &d->series[i]);
    frame_end(out, begin);
}

void wire_order(struct buf *out, bool any)
{
    size_t begin = frame_begin(out);

    put_u8(out, 'R');
    put_u8(out, any);
    frame_end(out, begin);
}

void wire_query(struct buf *out, const struct test_case *c)
{
    size_t begin = frame_begin(out);

    put_u8(out, 'Q');
    put_i64(out, c->start);
    put_i64(out, c->step == 0 ? c->start : c->end);
    put_i64(out, c->step);
    put_str(out, c->text);
    frame_end(out, begin);
}

/* ---- answers ---- */

struct reader {
    struct arena *a;
    struct str rest;
    bool bad;
};

static struct str get(struct reader *r, size_t n)
{
    struct str s = {r->rest.p, n};

    if (r->bad || n > r->rest.n) {
        r->bad = true;
        return (struct str){"", 0};
    }
    r->rest = str_cut(r->rest, n);
    return s;
}

static uint64_t get_number(struct reader *r, size_t n)
{
    struct str s = get(r, n);
    uint64_t v = 0;

    memcpy(&v, s.p, s.n);
    return v;
}

/* A count of items of at least `size` bytes each. */
static size_t get_count(struct reader *r, size_t size)
{
    size_t n = get_number(r, 4);

    if (n > r->rest.n / size)
        r->bad = true;
    return r->bad ? 0 : n;
}

static struct str get_str(struct reader *r)
{
    return arena_str(r->a, get(r, get_count(r, 1)));
}

static double get_f64(struct reader *r)
{
    return f64_from_bits(get_number(r, 8));
}

static int32_t *get_spans(struct reader *r, size_t *n)
{
    size_t spans = get_count(r, 8), cap = 0;
    int32_t *index = NULL, next = 0;

    *n = 0;
    for (size_t i = 0; i < spans; i++) {
        size_t length;

        next += (int32_t)get_number(r, 4);
        length = get_number(r, 4);
        for (size_t k = 0; k < length && !r->bad; k++) {
            ARENA_GROW(r->a, index, *n, cap, int32_t);
            index[(*n)++] = next++;
        }
    }
    return index;
}

static double *get_doubles(struct reader *r, size_t *n)
{
    double *v;

    *n = get_count(r, 8);
    v = arena_array(r->a, double, *n);
    for (size_t i = 0; i < *n; i++)
        v[i] = get_f64(r);
    return v;
}

static const struct histogram *get_histogram(struct reader *r)
{
    struct histogram *h = arena_new(r->a, struct histogram);
    size_t n_pos, n_neg;

    h->hint = (enum histogram_hint)get_number(r, 1);
    h->schema = (int32_t)get_number(r, 4);
    h->zero_threshold = get_f64(r);
    h->zero_count = get_f64(r);
    h->count = get_f64(r);
    h->sum = get_f64(r);
    h->pos.index = get_spans(r, &h->pos.n);
    h->neg.index = get_spans(r, &h->neg.n);
    h->pos.count = get_doubles(r, &n_pos);
    h->neg.count = get_doubles(r, &n_neg);
    h->bounds = get_doubles(r, &h->n_bounds);
    r->bad |= n_pos != h->pos.n || n_neg != h->neg.n;
    return h;
}

static void get_point(struct reader *r, struct point *p)
{
    p->t = (ts_ms)get_number(r, 8);
    p->start = (ts_ms)get_number(r, 8);
    if (get_number(r, 1) == 1)
        p->h = get_histogram(r);
    else
        p->v = get_f64(r);
}

static void get_series(struct reader *r, struct series *s)
{
    size_t n = get_count(r, 8);
    struct label *v = arena_array(r->a, struct label, n);

    for (size_t i = 0; i < n; i++) {
        v[i].name = get_str(r);
        v[i].value = get_str(r);
    }
    s->labels = (struct labels){v, n};
    s->n = get_count(r, 25);
    s->points = arena_array(r->a, struct point, s->n);
    for (size_t i = 0; i < s->n; i++)
        get_point(r, &s->points[i]);
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str *get_texts(struct reader *r, size_t *n)
{
    struct str *v;

    *n = get_count(r, 4);
    v = arena_array(r->a, struct str, *n);
    for (size_t i = 0; i < *n; i++)
        v[i] = get_str(r);
    if (*n > 1)
        qsort(v, *n, sizeof(*v), by_text);
    return v;
}

static const uint64_t *get_numbers(struct reader *r, size_t *n)
{
    uint64_t *v;

    *n = get_count(r, sizeof(*v));
    v = arena_array(r->a, uint64_t, *n);
    for (size_t i = 0; i < *n; i++)
        v[i] = get_number(r, sizeof(*v));
    return v;
}

static void get_stats(struct reader *r, struct promql_stats *s)
{
    s->total_samples = get_number(r, 8);
    s->samples_read = get_number(r, 8);
    s->peak_samples = get_number(r, 8);
    s->total_by_step = get_numbers(r, &s->n_steps);
    s->read_by_step = get_numbers(r, &s->n_steps);
}

static enum promql_type type_of(char letter)
{
    switch (letter) {
    case 's':
        return PROMQL_SCALAR;
    case 't':
        return PROMQL_STRING;
    case 'v':
        return PROMQL_VECTOR;
    case 'm':
        return PROMQL_MATRIX;
    default:
        return PROMQL_NONE;
    }
}

bool wire_answer(struct arena *a, struct str frame, struct answer *out)
{
    struct reader r = {a, frame, false};

    *out = (struct answer){.error = get_str(&r)};
    if (out->error.n > 0)
        return !r.bad;
    out->type = type_of((char)get_number(&r, 1));
    out->string = get_str(&r);
    out->n_series = get_count(&r, 8);
    out->series = arena_array(a, struct series, out->n_series);
    for (size_t i = 0; i < out->n_series; i++)
        get_series(&r, &out->series[i]);
    out->warnings = get_texts(&r, &out->n_warnings);
    out->infos = get_texts(&r, &out->n_infos);
    get_stats(&r, &out->stats);
    return !r.bad;
}
