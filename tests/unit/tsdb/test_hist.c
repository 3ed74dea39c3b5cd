/*
 * test_hist.c - rich samples as bytes: they come back to the bit, are small, and damage is found.
 */
#include "cases.h"
#include "histograms.h"

#define N_ROUNDS 300
#define MOST     200
#define STEP_MS  15000

static struct arena arena;

/* Histograms and floats in turn; many are like the one before. */
static size_t any_run(uint64_t *random, struct tsdb__rich *r)
{
    size_t n = 1 + fx_random(random) % (fx_random(random) % 4 == 0 ? MOST : 4);
    uint64_t number = fx_random(random);
    ts_ms start = (ts_ms)(fx_random(random) % 2) * T0;

    for (size_t i = 0; i < n; i++) {
        uint64_t pick = fx_random(random) % 16;

        r[i] = (struct tsdb__rich){.t = T0 + (ts_ms)i * STEP_MS + (ts_ms)(pick % 3)};
        start += pick == 0 ? (ts_ms)(fx_random(random) >> 20) : 0;
        number = pick < 3 ? fx_random(random) : number;
        r[i].start = pick == 1 ? 0 : start;
        if (pick == 4)
            r[i].v = f64_from_bits(fx_random(random));
        else
            r[i].h = hist_any(&arena, number);
    }
    return n;
}

static void assert_same(const struct tsdb__rich *x, const struct tsdb__rich *y)
{
    assert_int_equal(x->t, y->t);
    assert_int_equal(x->start, y->start);
    assert_true((x->h == NULL) == (y->h == NULL));
    if (x->h == NULL) {
        assert_true(same_bits(x->v, y->v));
        return;
    }
    assert_true(hist_same(x->h, y->h));
    assert_int_equal(x->h->hint, y->h->hint);
}

static void check_full(const struct tsdb__rich *r)
{
    struct buf b = {0};
    struct tsdb__rich back = {.t = r->t};
    struct tsdb__in in;

    tsdb__rich_put(r, &b);
    in = tsdb__in_of(b.p, b.n);
    assert_int_equal(tsdb__rich_get(&in, &arena, &back), 0);
    assert_int_equal(tsdb__in_left(&in), 0);
    assert_same(r, &back);
    assert_true(tsdb__rich_bits(buf_str(&b)).is_histogram == (r->h != NULL));
    buf_release(&b);
}

static void check_stream(const struct tsdb__rich *r, size_t n)
{
    struct tsdb__rich_stream s = {.prev = r[0]}, back = {.prev.t = r[0].t};
    struct buf b = {0};
    struct tsdb__in in;

    tsdb__rich_put_first(&r[0], &b);
    for (size_t i = 1; i < n; i++) {
        tsdb__rich_put_next(&s, &r[i], &b);
        s = (struct tsdb__rich_stream){r[i], (uint64_t)(r[i].t - r[i - 1].t)};
    }
    in = tsdb__in_of(b.p, b.n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(i == 0 ? tsdb__rich_get_first(&in, &arena, &back)
                                : tsdb__rich_get_next(&in, &arena, &back),
                         0);
        assert_same(&r[i], &back.prev);
    }
    assert_int_equal(tsdb__in_left(&in), 0);
    buf_release(&b);
}

static void check_run(const struct tsdb__rich *r, size_t n)
{
    struct tsdb__rich *back = arena_array(&arena, struct tsdb__rich, n);
    struct buf b = {0};

    tsdb__rich_encode(r, n, &b);
    for (size_t i = 0; i < n; i++)
        back[i].t = r[i].t;
    assert_int_equal(tsdb__rich_decode((const uint8_t *)b.p, b.n, &arena, back, n), 0);
    for (size_t i = 0; i < n; i++)
        assert_same(&r[i], &back[i]);
    assert_int_equal(tsdb__rich_decode((const uint8_t *)b.p, b.n - 1, &arena, back, n),
                     FER_ECORRUPT);
    buf_release(&b);
}

static void test_any(void **state)
{
    uint64_t random = fx_random_start();
    struct tsdb__rich r[MOST];

    (void)state;
    for (int round = 0; round < N_ROUNDS; round++) {
        size_t n = any_run(&random, r);

        check_full(&r[0]);
        check_stream(r, n);
        check_run(r, n);
        arena_reset(&arena);
    }
}

/* What tells a histogram from others: all but its hint and start. */
static void test_bits(void **state)
{
    struct tsdb__rich r = {.h = hist_any(&arena, 7)}, other = r;
    struct histogram *h = histogram_copy(&arena, r.h);
    struct buf a = {0}, b = {0};

    (void)state;
    other.h = h;
    other.start = 5;
    h->hint = HISTOGRAM_NOT_RESET;
    tsdb__rich_put(&r, &a);
    tsdb__rich_put(&other, &b);
    assert_true(tsdb__rich_bits(buf_str(&a)).bits == tsdb__rich_bits(buf_str(&b)).bits);
    h->integer = !h->integer;
    buf_reset(&b);
    tsdb__rich_put(&other, &b);
    assert_true(tsdb__rich_bits(buf_str(&a)).bits != tsdb__rich_bits(buf_str(&b)).bits);
    buf_release(&a);
    buf_release(&b);
    arena_reset(&arena);
}

/* Any byte changed: other samples or an error, and no read outside (asan). */
static void test_damaged(void **state)
{
    uint64_t random = fx_random_start();
    struct tsdb__rich r[MOST];

    (void)state;
    for (int round = 0; round < N_ROUNDS; round++) {
        size_t n = any_run(&random, r);
        struct buf b = {0};

        tsdb__rich_encode(r, n, &b);
        for (int i = 0; i < 20; i++) {
            char *copy = arena_alloc_raw(&arena, b.n, 1);
            size_t len = fx_random(&random) % 4 == 0 ? fx_random(&random) % b.n : b.n;

            memcpy(copy, b.p, b.n);
            for (uint64_t k = fx_random(&random) % 4; k > 0; k--)
                copy[fx_random(&random) % b.n] = (char)fx_random(&random);
            (void)tsdb__rich_decode((const uint8_t *)copy, len, &arena, r, n);
        }
        buf_release(&b);
        arena_reset(&arena);
    }
}

/* Half an hour of a histogram, and what a sample of it may cost when it is sealed. */
static struct size_case {
    const char *name;
    size_t n_buckets, n;
    double mean; /* observations between two samples */
    double want; /* bytes */
} sizes[] = {
    {"idle",                   20, 120, 0,     2 },
    {"a request now and then", 20, 120, 1,     8 },
    {"ten requests a second",  20, 120, 150,   20},
    {"a thousand of them",     40, 120, 15000, 60},
    {"each minute",            20, 30,  600,   30},
};

static void test_size(void **state)
{
    const struct size_case *c = *state;
    struct tsdb__rich r[MOST];
    struct tsdb__rich_stream s = {0};
    uint64_t random = 42;
    const struct histogram *h = hist_latencies(&arena, NULL, c->n_buckets, 100000, &random);
    struct buf sealed = {0}, head = {0};
    double size;

    for (size_t i = 0; i < c->n; i++) {
        h = hist_latencies(&arena, h, c->n_buckets, c->mean, &random);
        r[i] = (struct tsdb__rich){.t = T0 + (ts_ms)i * STEP_MS, .h = h};
        if (i == 0)
            tsdb__rich_put_first(&r[i], &head);
        else
            tsdb__rich_put_next(&s, &r[i], &head);
        s = (struct tsdb__rich_stream){r[i], i == 0 ? 0 : STEP_MS};
    }
    check_stream(r, c->n);
    check_run(r, c->n);
    tsdb__rich_encode(r, c->n, &sealed);
    size = (double)sealed.n / (double)c->n;
    print_message("%.1f bytes a sample of %zu buckets, %.1f in memory\n", size, c->n_buckets,
                  (double)head.n / (double)c->n);
    assert_true(size <= c->want);
    buf_release(&sealed);
    buf_release(&head);
    arena_reset(&arena);
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "any samples come back", test_any, NULL);
    cases_add(&c, "what tells histograms apart", test_bits, NULL);
    cases_add(&c, "damage", test_damaged, NULL);
    CASES_ADD_TABLE(&c, sizes, test_size, name);
    return CASES_RUN("tsdb histograms as bytes", &c);
}
