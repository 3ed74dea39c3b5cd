/*
 * test_values.c - doubles in, the same bits out; few bytes between; and any bytes are survived.
 */
#include "series_kinds.h"

#include "pack.h"
#include "values.h"

#include "cases.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"

#define N_MAX 4000

static struct sample in[N_MAX], out[N_MAX];

static void encode(const struct sample *s, size_t n, struct buf *b)
{
    buf_reset(b);
    tsdb__values_encode(s, n, b);
}

/* The bytes in memory of exactly their size, so that sanitizers see a read past their end. */
static int decode_exact(const char *p, size_t len, size_t n)
{
    uint8_t *exact = xmalloc(len);
    int rc;

    memcpy(exact, p, len);
    rc = tsdb__values_decode(exact, len, out, n);
    free(exact);
    return rc;
}

static void assert_same(const struct sample *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!same_bits(s[i].v, out[i].v))
            fail_msg("value %zu of %zu: want %016llx, got %016llx", i, n,
                     (unsigned long long)f64_bits(s[i].v), (unsigned long long)f64_bits(out[i].v));
}

static struct form_case {
    const char *name;
    double v[6];
    size_t n;
    unsigned form;
    size_t bytes;
} forms[] = {
    {"zero is one byte",              {0},                            1, TSDB__VALUES_SAME,     1},
    {"a small integer is two",        {7, 7, 7, 7},                   4, TSDB__VALUES_SAME,     2},
    {"a short decimal is few",        {0.125, 0.125},                 2, TSDB__VALUES_SAME,     3},
    {"a decimal that is no fraction", {0.3},                          1, TSDB__VALUES_SAME,     2},
    {"a power of two is its top",     {4294967296.0},                 1, TSDB__VALUES_SAME,     3},
    {"minus zero is its top",         {-0.0, -0.0},                   2, TSDB__VALUES_SAME,     2},
    {"integers",                      {1, 2, 3, 4, 5, 7},             6, TSDB__VALUES_INTEGERS, 5},
    {"a line needs no bits",          {1000, 1010, 1020, 1030},       4, TSDB__VALUES_INTEGERS, 5},
    {"decimals",                      {0.1, 0.2, 0.3, 0.4, 0.5, 0.7}, 6, TSDB__VALUES_DECIMALS, 6},
    {"nine digits are decimals",      {1.000000001, 2.5, 3.25},       3, TSDB__VALUES_DECIMALS, 0},
    {"one infinity among integers",   {1, 2, INFINITY, 4, 5},         5, TSDB__VALUES_MIXED,    0},
    {"minus zero is no integer",      {1, 2, 3, 4, -0.0, 5},          6, TSDB__VALUES_MIXED,    0},
    {"doubles that were no decimals", {M_PI, M_E, M_SQRT2},           3, TSDB__VALUES_BITS,     0},
};

static void test_form(void **state)
{
    const struct form_case *c = *state;
    struct buf b = {0};

    for (size_t i = 0; i < c->n; i++)
        in[i] = (struct sample){0, c->v[i]};
    encode(in, c->n, &b);
    assert_int_equal(TSDB__VALUES_FORM((uint8_t)b.p[0]), c->form);
    if (c->bytes != 0)
        assert_int_equal(b.n, c->bytes);
    assert_int_equal(decode_exact(b.p, b.n, c->n), 0);
    assert_same(in, c->n);
    buf_release(&b);
}

/* The form of each kind of series, and all layouts of integers, are in use. */
static void test_forms_in_use(void **state)
{
    unsigned n_forms[TSDB__N_VALUES_FORMS] = {0}, n_codes[1 << TSDB__PACK_CODE_BITS] = {0};
    uint64_t random = 1;
    struct buf b = {0};

    (void)state;
    for (unsigned i = 0; i < 200 * COUNT(series_kinds); i++) {
        uint8_t first;

        series_kinds[i % COUNT(series_kinds)].fill(&random, in, 120);
        encode(in, 120, &b);
        first = (uint8_t)b.p[0];
        n_forms[TSDB__VALUES_FORM(first)]++;
        if (TSDB__VALUES_FORM(first) == TSDB__VALUES_INTEGERS)
            n_codes[first & TSDB__PACK_CODE_MASK]++;
    }
    for (unsigned i = 0; i < TSDB__N_VALUES_FORMS; i++)
        if (n_forms[i] == 0)
            fail_msg("nothing has form %u", i);
    for (unsigned part = 0; part < 4; part++) {
        unsigned n_model = 0, n_layout = 0;

        for (unsigned code = 0; code < COUNT(n_codes); code++) {
            n_model += (code & 3) == part ? n_codes[code] : 0;
            n_layout += (code >> 2 & 3) == part ? n_codes[code] : 0;
        }
        if (n_model == 0 || n_layout == 0)
            fail_msg("no integers have model or layout %u", part);
    }
    buf_release(&b);
}

static void test_size(void **state)
{
    const struct series_kind *kind = *state;
    uint64_t random = 1; /* the same series in each run: sizes are an average */
    size_t n_bytes = 0, n_series = 1000;
    struct buf b = {0};
    double got;

    for (size_t i = 0; i < n_series; i++) {
        kind->fill(&random, in, 120);
        encode(in, 120, &b);
        n_bytes += b.n;
    }
    got = (double)n_bytes / (double)(n_series * 120);
    print_message("%s: %.3f bytes a value\n", kind->name, got);
    if (kind->want > 0 && got > kind->want * 1.05)
        fail_msg("want %.3f", kind->want);
    buf_release(&b);
}

static size_t any_size(uint64_t *random)
{
    uint64_t r = fx_random(random);

    if (r % 1000 == 0)
        return 1 + fx_random(random) % N_MAX;
    return 1 + fx_random(random) % (r % 3 == 0 ? 120 : 12);
}

static void test_any_series(void **state)
{
    uint64_t random = fx_random_start();
    struct buf b = {0};

    (void)state;
    for (size_t round = series_rounds(200000); round > 0; round--) {
        const struct series_kind *kind = &series_kinds[fx_random(&random) % COUNT(series_kinds)];
        size_t n = any_size(&random);

        kind->fill(&random, in, n);
        encode(in, n, &b);
        assert_true(b.n <= 8 * n + 12);
        assert_int_equal(decode_exact(b.p, b.n, n), 0);
        assert_same(in, n);
    }
    buf_release(&b);
}

/* Less bytes, more bytes, more values: an error, but where one value is all that there is. */
static void test_cut(void **state)
{
    const struct series_kind *kind = *state;
    uint64_t random = fx_random_start();
    struct buf b = {0};

    for (size_t round = 0; round < 30; round++) {
        size_t n = 2 + fx_random(&random) % 130;

        kind->fill(&random, in, n);
        encode(in, n, &b);
        if (TSDB__VALUES_FORM((uint8_t)b.p[0]) == TSDB__VALUES_SAME)
            continue;
        for (size_t len = 0; len < b.n; len++)
            assert_int_equal(decode_exact(b.p, len, n), FER_ECORRUPT);
        buf_add(&b, "\0\0\0\0\0\0\0\0", 8);
        assert_int_equal(decode_exact(b.p, b.n, n), FER_ECORRUPT);
    }
    buf_release(&b);
}

static void test_flips(void **state)
{
    const struct series_kind *kind = *state;
    uint64_t random = fx_random_start();
    struct buf b = {0};

    for (size_t round = series_rounds(2000); round > 0; round--) {
        size_t n = 1 + fx_random(&random) % 130;

        kind->fill(&random, in, n);
        encode(in, n, &b);
        for (unsigned k = 1 + (unsigned)(fx_random(&random) % 3); k > 0; k--) {
            size_t at = fx_random(&random) % (fx_random(&random) % 2 == 0 ? MIN(b.n, 12) : b.n);

            b.p[at] = (char)fx_random(&random);
        }
        (void)decode_exact(b.p, b.n, n);
        (void)decode_exact(b.p, b.n, 1 + fx_random(&random) % 300);
    }
    buf_release(&b);
}

static void test_any_bytes(void **state)
{
    uint64_t random = fx_random_start();
    char bytes[80];

    (void)state;
    for (size_t round = series_rounds(100000); round > 0; round--) {
        size_t len = fx_random(&random) % sizeof(bytes);

        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(fx_random(&random) >> (fx_random(&random) % 8));
        if (len > 0 && fx_random(&random) % 2 == 0)
            bytes[0] = (char)(fx_random(&random) % (TSDB__N_VALUES_FORMS << 5));
        (void)decode_exact(bytes, len, 1 + fx_random(&random) % 300);
    }
}

int main(void)
{
    static struct cases c;
    int failed;

    CASES_ADD_TABLE(&c, forms, test_form, name);
    cases_add(&c, "every form is in use", test_forms_in_use, NULL);
    cases_add(&c, "any series comes back", test_any_series, NULL);
    cases_add(&c, "any bytes are survived", test_any_bytes, NULL);
    failed = CASES_RUN("tsdb values", &c);
    c.n = 0;
    for (size_t i = 0; i < COUNT(series_kinds); i++)
        cases_add(&c, series_kinds[i].name, test_size, (void *)(uintptr_t)&series_kinds[i]);
    failed += CASES_RUN("tsdb values: size", &c);
    c.n = 0;
    for (size_t i = 0; i < COUNT(series_kinds); i++)
        cases_add(&c, series_kinds[i].name, test_cut, (void *)(uintptr_t)&series_kinds[i]);
    failed += CASES_RUN("tsdb values: cut short", &c);
    c.n = 0;
    for (size_t i = 0; i < COUNT(series_kinds); i++)
        cases_add(&c, series_kinds[i].name, test_flips, (void *)(uintptr_t)&series_kinds[i]);
    return failed + CASES_RUN("tsdb values: damaged", &c);
}
