/*
 * test_chunk_group.c - many series in one page, and each of them out again.
 */
#include "series_kinds.h"

#include "group.h"
#include "tables.h"

#include "cases.h"
#include "ferula/base/buf.h"
#include "ferula/base/err.h"

#define SLOT     (T0 / TSDB__SLOT_MS * TSDB__SLOT_MS)
#define N_SERIES 1000
#define N_SCRAPE 120

/* What was put into groups, and the bodies that came out. */
struct fill {
    struct tsdb__group_builder b;
    struct buf bodies;
    size_t n_groups;
    uint32_t first_ids[2 * N_SERIES];
    size_t ends[2 * N_SERIES];
};

static void flush(struct fill *f)
{
    struct str body = tsdb__group_body(&f->b);

    assert_true(body.n <= TSDB__BODY_MAX);
    assert_true(f->n_groups < COUNT(f->ends));
    buf_add_str(&f->bodies, body);
    f->first_ids[f->n_groups] = tsdb__group_first_id(&f->b);
    f->ends[f->n_groups++] = f->bodies.n;
    tsdb__group_init(&f->b, SLOT);
}

/* As the store does it. */
static void add(struct fill *f, uint32_t id, const struct sample *s, size_t n)
{
    while (n > 0) {
        bool was_empty = tsdb__group_is_empty(&f->b);
        size_t taken = tsdb__group_add(&f->b, id, s, n);

        assert_true(taken <= n && (taken > 0 || !was_empty));
        if (taken < n)
            flush(f);
        s += taken;
        n -= taken;
    }
}

static void fill_release(struct fill *f)
{
    tsdb__group_release(&f->b);
    buf_release(&f->bodies);
}

static int open_group(const struct fill *f, size_t i, struct tsdb__group_reader *g)
{
    size_t start = i == 0 ? 0 : f->ends[i - 1];

    return tsdb__group_open(g, SLOT, f->first_ids[i],
                            tsdb__in_of(f->bodies.p + start, f->ends[i] - start));
}

/* The samples of all entries of a series, in their order. Returns their number. */
static size_t read_series(const struct fill *f, uint32_t id, struct sample *out)
{
    struct tsdb__group_reader g;
    struct tsdb__entry e;
    size_t n = 0;

    for (size_t i = 0; i < f->n_groups; i++) {
        assert_int_equal(open_group(f, i, &g), 0);
        while (tsdb__group_next(&g, &e) == 0) {
            if (e.id != id)
                continue;
            assert_int_equal(tsdb__entry_read(&e, SLOT, out + n), 0);
            n += e.n_samples;
        }
    }
    return n;
}

static void scrape_times(struct sample *s, size_t n, uint64_t *random)
{
    for (size_t i = 0; i < n; i++)
        s[i].t = SLOT + (ts_ms)(i * 15000 + fx_random(random) % 12);
}

static void test_cluster(void **state)
{
    static struct sample s[N_SERIES][N_SCRAPE], out[N_SCRAPE];
    uint64_t random = 1;
    struct fill f = {0};
    uint32_t id = 7;

    (void)state;
    tsdb__group_init(&f.b, SLOT);
    scrape_times(s[0], N_SCRAPE, &random);
    for (size_t i = 0; i < N_SERIES; i++) {
        memcpy(s[i], s[0], sizeof(s[0]));
        if (i == N_SERIES / 2) /* another target */
            scrape_times(s[i], N_SCRAPE, &random);
        series_kind_of_cluster(&random)->fill(&random, s[i], N_SCRAPE);
        add(&f, id + (uint32_t)i * 3, s[i], N_SCRAPE);
    }
    flush(&f);
    print_message("%zu series, %zu groups: %.3f bytes a sample in pages\n", (size_t)N_SERIES,
                  f.n_groups, (double)f.n_groups * 4096 / (N_SERIES * N_SCRAPE));
    assert_true((double)f.n_groups * 4096 / (N_SERIES * N_SCRAPE) < 0.83 * 1.05);
    for (size_t i = 0; i < N_SERIES; i++) {
        assert_int_equal(read_series(&f, id + (uint32_t)i * 3, out), N_SCRAPE);
        assert_memory_equal(out, s[i], sizeof(s[i]));
    }
    fill_release(&f);
}

static void test_columns_shared(void **state)
{
    struct sample s[3][N_SCRAPE], out[N_SCRAPE];
    struct fill f = {0};
    struct tsdb__group_reader g;
    struct tsdb__entry e[6];
    uint64_t random = 1;
    size_t n_bytes;

    (void)state;
    tsdb__group_init(&f.b, SLOT);
    for (size_t k = 0; k < 3; k++) {
        scrape_times(s[k], N_SCRAPE, &random);
        kind_constant(&random, s[k], N_SCRAPE);
    }
    for (uint32_t i = 0; i < 5; i++)
        add(&f, 1 + i, s[i % 2], N_SCRAPE);
    n_bytes = tsdb__group_body(&f.b).n;
    add(&f, 6, s[0], N_SCRAPE);
    assert_true(tsdb__group_body(&f.b).n - n_bytes <= 16);
    add(&f, 7, s[2], N_SCRAPE);
    assert_true(tsdb__group_body(&f.b).n - n_bytes > 60);
    flush(&f);
    assert_int_equal(open_group(&f, 0, &g), 0);
    assert_int_equal(tsdb__group_last_id(&g), 7);
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(tsdb__group_next(&g, &e[i]), 0);
        assert_int_equal(e[i].id, 1 + i);
        assert_int_equal(e[i].column, i < 5 ? i % 2 : 0);
        assert_int_equal(tsdb__entry_read(&e[i], SLOT, out), 0);
        assert_memory_equal(out, s[e[i].column], sizeof(out));
    }
    assert_ptr_equal(e[0].times, e[2].times);
    assert_ptr_not_equal(e[0].times, e[1].times);
    fill_release(&f);
}

/* A series that a page cannot hold goes on in the next ones. */
static void test_split(void **state)
{
    static struct sample s[40000], out[40000];
    struct fill f = {0};
    uint64_t random = 1;

    (void)state;
    tsdb__group_init(&f.b, SLOT);
    for (size_t i = 0; i < COUNT(s); i++)
        s[i].t = SLOT + (ts_ms)i * 45;
    kind_any_bits(&random, s, 1800);
    add(&f, 1, s, 2);
    add(&f, 2, s, 1800);
    kind_constant(&random, s + 2000, COUNT(s) - 2000);
    add(&f, 3, s + 2000, COUNT(s) - 2000);
    flush(&f);
    assert_true(f.n_groups <= 1800 * 8 / 3800 + 1 + 3);
    assert_int_equal(read_series(&f, 1, out), 2);
    assert_int_equal(read_series(&f, 2, out), 1800);
    assert_memory_equal(out, s, 1800 * sizeof(*s));
    assert_int_equal(read_series(&f, 3, out), COUNT(s) - 2000);
    assert_memory_equal(out, s + 2000, (COUNT(s) - 2000) * sizeof(*s));
    fill_release(&f);
}

/* The last byte of a page is used: what fits exactly is taken, one byte more is not. */
static void test_exact(void **state)
{
    struct fill f = {0};
    uint64_t random = 1;
    struct sample s[400];
    size_t at_limit = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(s); i++)
        s[i].t = SLOT + (ts_ms)i * 15;
    kind_any_bits(&random, s, COUNT(s));
    for (size_t n = 1; n <= 120; n++) {
        size_t n_bytes;
        uint32_t id = 1;

        tsdb__group_init(&f.b, SLOT);
        assert_int_equal(tsdb__group_add(&f.b, id++, s, 380), 380);
        assert_int_equal(tsdb__group_add(&f.b, id++, s, n), n);
        do {
            n_bytes = tsdb__group_body(&f.b).n;
            assert_true(n_bytes <= TSDB__BODY_MAX);
        } while (tsdb__group_add(&f.b, id++, s, 1) == 1);
        assert_true(n_bytes + 13 > TSDB__BODY_MAX);
        assert_int_equal(tsdb__group_body(&f.b).n, n_bytes); /* a refusal changes nothing */
        at_limit += n_bytes == TSDB__BODY_MAX;
    }
    assert_true(at_limit > 0);
    fill_release(&f);
}

static void test_gaps_in_ids(void **state)
{
    static const uint32_t ids[] = {1, 2, 1000, 70000, UINT32_MAX - 1, UINT32_MAX};
    struct sample one = {SLOT + 5, 1}, out;
    struct fill f = {0};

    (void)state;
    tsdb__group_init(&f.b, SLOT);
    for (size_t i = 0; i < COUNT(ids); i++) {
        one.v = (double)i;
        add(&f, ids[i], &one, 1);
    }
    flush(&f);
    assert_int_equal(f.n_groups, 1);
    for (size_t i = 0; i < COUNT(ids); i++) {
        assert_int_equal(read_series(&f, ids[i], &out), 1);
        assert_true(same_bits(out.v, (double)i));
    }
    fill_release(&f);
}

/* More columns than a group can name: the next series goes into the next group. */
static void test_many_columns(void **state)
{
    struct fill f = {0};
    struct sample s = {SLOT, 0}, out;

    (void)state;
    tsdb__group_init(&f.b, SLOT);
    for (uint32_t id = 1; id <= 600; id++) {
        s.t = SLOT + id;
        add(&f, id, &s, 1);
    }
    flush(&f);
    assert_int_equal(f.n_groups, 3);
    for (uint32_t id = 1; id <= 600; id++) {
        assert_int_equal(read_series(&f, id, &out), 1);
        assert_int_equal(out.t, SLOT + id);
    }
    fill_release(&f);
}

static void test_any_groups(void **state)
{
    static struct sample s[N_SERIES][300], out[300];
    static size_t n[N_SERIES];
    uint64_t random = fx_random_start();

    (void)state;
    for (size_t round = series_rounds(200); round > 0; round--) {
        size_t n_series = 1 + fx_random(&random) % 60;
        struct fill f = {0};

        tsdb__group_init(&f.b, SLOT);
        for (size_t i = 0; i < n_series; i++) {
            n[i] = 1 + fx_random(&random) % (fx_random(&random) % 4 == 0 ? 300 : 100);
            for (size_t k = 0; k < n[i]; k++)
                s[i][k].t = SLOT + (ts_ms)k * 6000;
            if (fx_random(&random) % 5 == 0)
                s[i][n[i] - 1].t += (ts_ms)(fx_random(&random) % 5000);
            series_kinds[fx_random(&random) % COUNT(series_kinds)].fill(&random, s[i], n[i]);
            add(&f, 1 + (uint32_t)i * 5, s[i], n[i]);
        }
        flush(&f);
        for (size_t i = 0; i < n_series; i++) {
            assert_int_equal(read_series(&f, 1 + (uint32_t)i * 5, out), n[i]);
            assert_memory_equal(out, s[i], n[i] * sizeof(*out));
        }
        fill_release(&f);
    }
}

/* Opens and reads all; returns 0 when all was good. */
static int read_exact(const char *p, size_t len)
{
    static struct sample out[TSDB__GROUP_SAMPLES_MAX];
    uint8_t *exact = xmalloc(len);
    struct tsdb__group_reader g;
    struct tsdb__entry e;
    int rc;

    memcpy(exact, p, len);
    rc = tsdb__group_open(&g, SLOT, 1, tsdb__in_of(exact, len));
    while (rc == 0 && (rc = tsdb__group_next(&g, &e)) == 0)
        rc = tsdb__entry_read(&e, SLOT, out);
    free(exact);
    return rc == 1 ? 0 : rc;
}

static void test_damaged(void **state)
{
    struct sample s[N_SCRAPE];
    uint64_t random = fx_random_start();
    struct fill f = {0};

    (void)state;
    tsdb__group_init(&f.b, SLOT);
    for (uint32_t id = 1; id <= 20; id++) {
        if (id % 5 == 1)
            scrape_times(s, N_SCRAPE, &random);
        series_kind_of_cluster(&random)->fill(&random, s, N_SCRAPE);
        add(&f, id, s, N_SCRAPE);
    }
    flush(&f);
    assert_int_equal(read_exact(f.bodies.p, f.ends[0]), 0);
    for (size_t len = 0; len < f.ends[0]; len++)
        assert_int_equal(read_exact(f.bodies.p, len), FER_ECORRUPT);
    for (size_t round = series_rounds(20000); round > 0; round--) {
        size_t at = fx_random(&random) % (fx_random(&random) % 2 == 0 ? 80 : f.ends[0]);
        char was = f.bodies.p[at];
        int rc;

        f.bodies.p[at] = (char)fx_random(&random);
        rc = read_exact(f.bodies.p, f.ends[0]);
        assert_true(rc == 0 || rc == FER_ECORRUPT || rc == FER_EUNSUP);
        f.bodies.p[at] = was;
    }
    fill_release(&f);
}

/* Bodies that a builder never makes. */
static struct bad_case {
    const char *name;
    uint8_t p[24];
    size_t len;
    uint32_t first_id;
    int want;
} bad[] = {
    {"a good one",           {1, 0, 1, 1, 1, 3, 0, 4, 0, 0, 0, 0x1f},    12, 5,          0           },
    {"another version",      {2, 0, 1, 1, 1, 3, 0, 4, 0, 0, 0, 0x1f},    12, 5,          FER_ECORRUPT},
    {"the first id is 0",    {1, 0, 1, 1, 1, 3, 0, 4, 0, 0, 0, 0x1f},    12, 0,          FER_ECORRUPT},
    {"no column",            {1, 0, 0, 1, 0, 4, 0x1f},                   7,  5,          FER_ECORRUPT},
    {"no entry",             {1, 0, 1, 0, 1, 3, 0, 0, 0},                9,  5,          FER_ECORRUPT},
    {"no samples",           {1, 0, 1, 1, 0, 3, 0, 4, 0, 0, 0, 0x1f},    12, 5,          FER_ECORRUPT},
    {"ids end too early",    {1, 1, 1, 1, 1, 3, 0, 4, 0, 0, 0, 0x1f},    12, 5,          FER_ECORRUPT},
    {"not the first id",     {1, 1, 1, 1, 1, 3, 1, 4, 0, 0, 0, 0x1f},    12, 5,          FER_ECORRUPT},
    {"ids past the largest", {1, 1, 1, 1, 1, 3, 0, 4, 0, 0, 0, 0x1f},    12, UINT32_MAX, FER_ECORRUPT},
    {"a byte too much",      {1, 0, 1, 1, 1, 3, 0, 4, 0, 0, 0, 0x1f, 0}, 13, 5,          FER_ECORRUPT},
    {"no such column",       {1, 0, 1, 1, 1, 3, 0, 6, 1, 0, 0, 0, 0x1f}, 13, 5,          FER_ECORRUPT},
    {"no such kind",         {1, 0, 1, 1, 1, 3, 0, 5, 2, 0, 0, 0, 0x1f}, 13, 5,          FER_ECORRUPT},
    {"a rich run as floats", {1, 0, 1, 1, 1, 3, 0, 5, 1, 0, 0, 0, 0x1f}, 13, 5,          FER_ECORRUPT},
    {"empty",                {0},                                        0,  5,          FER_ECORRUPT},
};

static void test_bad(void **state)
{
    const struct bad_case *c = *state;
    struct tsdb__group_reader g;
    struct tsdb__entry e;
    struct sample out;
    int rc = tsdb__group_open(&g, SLOT, c->first_id, tsdb__in_of(c->p, c->len));

    if (rc == 0) {
        assert_int_equal(tsdb__group_next(&g, &e), 0);
        rc = tsdb__entry_read(&e, SLOT, &out);
        assert_int_equal(tsdb__group_next(&g, &e), 1);
    }
    assert_int_equal(rc, c->want);
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "a cluster's series share pages", test_cluster, NULL);
    cases_add(&c, "times are stored once", test_columns_shared, NULL);
    cases_add(&c, "a series larger than a page is split", test_split, NULL);
    cases_add(&c, "a page is filled to its last byte", test_exact, NULL);
    cases_add(&c, "ids may have gaps", test_gaps_in_ids, NULL);
    cases_add(&c, "columns are limited", test_many_columns, NULL);
    cases_add(&c, "any groups come back", test_any_groups, NULL);
    cases_add(&c, "damage is refused or gives samples", test_damaged, NULL);
    CASES_ADD_TABLE(&c, bad, test_bad, name);
    return CASES_RUN("tsdb chunk groups", &c);
}
