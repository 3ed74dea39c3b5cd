/*
 * test_xor.c - samples in, the same bits out: streams and chunks of random and awkward samples.
 */
#include "cases.h"
#include "fixture.h"

#include "head.h"
#include "xor.h"

/* How the values and the times of a series behave. */
static struct stream_case {
    const char *name;
    uint64_t (*value)(uint64_t *random, uint64_t last, size_t i);
    int64_t (*step)(uint64_t *random);
} cases[];

static uint64_t constant(uint64_t *random, uint64_t last, size_t i)
{
    (void)random;
    (void)last;
    (void)i;
    return f64_bits(42);
}

static uint64_t counter(uint64_t *random, uint64_t last, size_t i)
{
    (void)i;
    return f64_bits(f64_from_bits(last) + (double)(fx_random(random) % 7));
}

static uint64_t any_bits(uint64_t *random, uint64_t last, size_t i)
{
    (void)last;
    (void)i;
    return fx_random(random);
}

static uint64_t awkward(uint64_t *random, uint64_t last, size_t i)
{
    static const uint64_t v[] = {0,
                                 UINT64_C(0x8000000000000000),
                                 1,
                                 UINT64_C(0x000fffffffffffff),
                                 UINT64_C(0x7ff0000000000000),
                                 UINT64_C(0xfff0000000000000),
                                 STALE_NAN_BITS,
                                 NORMAL_NAN_BITS,
                                 UINT64_C(0x7ff8000000000000),
                                 UINT64_C(0xffffffffffffffff),
                                 UINT64_C(0x7fefffffffffffff),
                                 UINT64_C(0x4340000000000000)};

    (void)last;
    (void)i;
    return v[fx_random(random) % COUNT(v)];
}

static uint64_t gauge(uint64_t *random, uint64_t last, size_t i)
{
    (void)last;
    (void)i;
    return f64_bits((double)(fx_random(random) % 1000) / 100);
}

static int64_t steady(uint64_t *random)
{
    (void)random;
    return 15000;
}

static int64_t jitter(uint64_t *random)
{
    return 14990 + (int64_t)(fx_random(random) % 20);
}

static int64_t gaps(uint64_t *random)
{
    return 1 + (int64_t)(fx_random(random) >> (fx_random(random) % 40 + 23));
}

static struct stream_case cases[] = {
    {"constant, steady", constant, steady},
    {"counter, steady",  counter,  steady},
    {"counter, jitter",  counter,  jitter},
    {"gauge, gaps",      gauge,    gaps  },
    {"any bits, jitter", any_bits, jitter},
    {"any bits, gaps",   any_bits, gaps  },
    {"awkward, steady",  awkward,  steady},
    {"awkward, gaps",    awkward,  gaps  },
};

#define N_SAMPLES 5000

static size_t read_range(struct tsdb__head *h, struct source_range r, struct arena *a,
                         struct sample_vec *out)
{
    out->n = 0;
    for (const struct tsdb__chunk *c = tsdb__head_copy(h, 1, r, a); c != NULL; c = c->next)
        assert_int_equal(tsdb__chunk_read(c, r, out), 0);
    return out->n;
}

static void test_series(void **state)
{
    const struct stream_case *c = *state;
    static struct sample s[N_SAMPLES];
    uint64_t random = fx_random_start(), bits = 0;
    struct tsdb__head h;
    struct arena a = {0};
    struct sample_vec sv = {0};
    struct source_range all = {INT64_MIN, INT64_MAX};
    ts_ms t = -1000000;

    tsdb__head_init(&h);
    tsdb__head_reserve(&h, 1);
    tsdb__head_revive(&h, 1);
    tsdb__head_lock_write(&h);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        bits = c->value(&random, bits, i);
        t = (ts_ms)((uint64_t)t + (uint64_t)c->step(&random));
        s[i] = (struct sample){t, f64_from_bits(bits)};
        tsdb__head_append(&h, tsdb__head_series(&h, 1), s[i]);
    }
    tsdb__head_unlock(&h);
    print_message("%s: %.2f bytes a sample\n", c->name, (double)h.n_bytes / N_SAMPLES);

    assert_int_equal(read_range(&h, all, &a, &sv), N_SAMPLES);
    assert_memory_equal(sv.v, s, sizeof(s));
    for (int i = 0; i < 200; i++) {
        size_t from = fx_random(&random) % N_SAMPLES;
        size_t to = from + fx_random(&random) % (N_SAMPLES - from);
        struct source_range r = {s[from].t, s[to].t};

        assert_int_equal(read_range(&h, r, &a, &sv), to - from + 1);
        assert_memory_equal(sv.v, s + from, sv.n * sizeof(*s));
    }
    tsdb__head_drop(&h, tsdb__head_series(&h, 1), INT32_MAX);
    assert_int_equal(h.n_bytes, 0);
    assert_int_equal(h.n_slots, 0);
    assert_int_equal(h.n_samples, 0);
    sample_vec_release(&sv);
    arena_release(&a);
    tsdb__head_release(&h);
}

static void test_extreme_times(void **state)
{
    static const ts_ms t[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    uint8_t bits[512] = {0};
    struct tsdb__xor x;
    struct tsdb__xor_code code;
    struct tsdb__xor_reader r;
    unsigned at = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(t); i++) {
        struct sample s = {t[i], (double)i};

        (i == 0 ? tsdb__xor_first : tsdb__xor_next)(&x, s, &code);
        assert_true(code.n_bits <= TSDB__XOR_BITS_MAX);
        tsdb__xor_write(bits, at, &code);
        at += code.n_bits;
    }
    tsdb__xor_reader_init(&r, bits, at, t[0]);
    for (size_t i = 0; i < COUNT(t); i++)
        assert_int_equal(tsdb__xor_read(&r).t, t[i]);
    assert_false(r.bad);
    (void)tsdb__xor_read(&r);
    assert_true(r.bad);
}

/* Any bytes decode to something, within their bounds (the sanitizers watch). */
static void test_any_bytes(void **state)
{
    uint64_t random = fx_random_start();

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t n = fx_random(&random) % 64;
        uint8_t *p = xmalloc(n + 1);
        struct tsdb__xor_reader r;

        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)fx_random(&random);
        tsdb__xor_reader_init(&r, p, (unsigned)n * 8, 0);
        for (int i = 0; i < 600 && !r.bad; i++)
            (void)tsdb__xor_read(&r);
        assert_true(r.bad);
        free(p);
    }
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "extreme times", test_extreme_times, NULL);
    cases_add(&c, "any bytes", test_any_bytes, NULL);
    CASES_ADD_TABLE(&c, cases, test_series, name);
    return CASES_RUN("tsdb chunks", &c);
}
