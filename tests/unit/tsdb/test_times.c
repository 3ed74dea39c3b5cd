/*
 * test_times.c - timestamps of a slot in, the same out, in few bytes; anything else is refused.
 */
#include "fixture.h"

#include "times.h"

#include "cases.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"

#define SLOT  (T0 / TSDB__SLOT_MS * TSDB__SLOT_MS)
#define N_MAX 2000

static struct sample in[N_MAX], out[N_MAX];

static int decode_exact(const char *p, size_t len, size_t n)
{
    uint8_t *exact = xmalloc(len);
    int rc;

    memcpy(exact, p, len);
    rc = tsdb__times_decode(exact, len, SLOT, out, n);
    free(exact);
    return rc;
}

static void assert_comes_back(size_t n, struct buf *b)
{
    buf_reset(b);
    tsdb__times_encode(in, n, SLOT, b);
    assert_int_equal(decode_exact(b->p, b->n, n), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(out[i].t, in[i].t);
}

/* Times `step` apart, moved by up to `jitter` ms, of which one in `gap` is missing. */
static struct times_case {
    const char *name;
    uint32_t first, step, jitter, gap;
    size_t n, max_bytes;
} cases[] = {
    {"one",                      0,       1,     0,  0,  1,    4 },
    {"the last moment",          1799999, 1,     0,  0,  1,    6 },
    {"every 15 s",               11400,   15000, 0,  0,  119,  8 },
    {"every minute",             11400,   60000, 0,  0,  29,   8 },
    {"every second",             400,     1000,  0,  0,  1799, 8 },
    {"every 15 s, 3 ms around",  11400,   15000, 3,  0,  119,  60},
    {"every 15 s, 10 ms around", 11400,   15000, 10, 0,  119,  85},
    {"every 15 s, some missing", 11400,   15000, 0,  20, 100,  40},
    {"every ms",                 0,       1,     0,  0,  2000, 8 },
};

static void test_case(void **state)
{
    const struct times_case *c = *state;
    uint64_t random = 1, t = c->first;
    struct buf b = {0};

    for (size_t i = 0; i < c->n; i++) {
        uint64_t moved = c->jitter == 0 ? 0 : fx_random(&random) % (c->jitter + 1);

        in[i].t = SLOT + (ts_ms)(t + moved);
        t += c->step;
        if (c->gap != 0 && fx_random(&random) % c->gap == 0)
            t += c->step;
    }
    assert_comes_back(c->n, &b);
    print_message("%s: %zu bytes\n", c->name, b.n);
    assert_true(b.n <= c->max_bytes);
    buf_release(&b);
}

static size_t random_times(uint64_t *random)
{
    uint64_t step = UINT64_MAX >> (44 + fx_random(random) % 20), t = fx_random(random) % 100;
    size_t n = 0, most = 1 + fx_random(random) % (fx_random(random) % 50 == 0 ? N_MAX : 150);

    do {
        in[n++].t = SLOT + (ts_ms)t;
        t += 1 + (fx_random(random) & step);
    } while (n < most && t < TSDB__SLOT_MS);
    return n;
}

static void test_any_times(void **state)
{
    uint64_t random = fx_random_start();
    struct buf b = {0};

    (void)state;
    for (int round = 0; round < 50000; round++)
        assert_comes_back(random_times(&random), &b);
    buf_release(&b);
}

/* What the encoder never writes: descending, equal, before or after the slot. */
static void test_refused(void **state)
{
    static const struct {
        uint8_t p[6];
        size_t len, n;
    } bad[] = {
        {{0x01, 20, 3, 0},                  4, 2}, /* DELTA of 0 */
        {{0x02, 20, 1, 0},                  4, 2}, /* STEP of -1 */
        {{0x02, 20, 0, 0},                  4, 2}, /* of 0 */
        {{0x00, 1, 0},                      3, 1}, /* MIN of -1 */
        {{0x00, 0x80, 0xdd, 0xdb, 0x01, 0}, 6, 1}, /* the first moment after the slot */
        {{0x20, 0, 0},                      3, 1}, /* no such code */
        {{0},                               0, 1},
        {{0x00, 0, 0},                      3, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(decode_exact((const char *)bad[i].p, bad[i].len, bad[i].n), FER_ECORRUPT);
}

static void assert_times_or_corrupt(int rc, size_t n)
{
    if (rc != 0) {
        assert_int_equal(rc, FER_ECORRUPT);
        return;
    }
    assert_true(out[0].t >= SLOT && out[n - 1].t < SLOT + TSDB__SLOT_MS);
    for (size_t i = 1; i < n; i++)
        assert_true(out[i].t > out[i - 1].t);
}

static void test_damaged(void **state)
{
    uint64_t random = fx_random_start();
    struct buf b = {0};

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t n = random_times(&random);

        buf_reset(&b);
        tsdb__times_encode(in, n, SLOT, &b);
        assert_int_equal(decode_exact(b.p, fx_random(&random) % b.n, n), FER_ECORRUPT);
        b.p[fx_random(&random) % b.n] = (char)fx_random(&random);
        assert_times_or_corrupt(decode_exact(b.p, b.n, n), n);
    }
    buf_release(&b);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_case, name);
    cases_add(&c, "any times come back", test_any_times, NULL);
    cases_add(&c, "what is no time is refused", test_refused, NULL);
    cases_add(&c, "damage is refused or gives times", test_damaged, NULL);
    return CASES_RUN("tsdb times", &c);
}
