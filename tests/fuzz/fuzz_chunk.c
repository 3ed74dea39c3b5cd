/*
 * fuzz_chunk.c - any bytes as a group of sealed chunks, as values, as times, and as samples.
 *
 * The first byte picks which. What decodes is in order and within its slot; and samples of any
 * bits come back from what they are encoded to.
 */
#include "group.h"
#include "values.h"

#include "ferula/base/check.h"

#define SLOT (TSDB__SLOT_MS * 900000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sample samples[TSDB__GROUP_SAMPLES_MAX], again[TSDB__GROUP_SAMPLES_MAX];

static void check_times(const struct sample *s, size_t n)
{
    CHECK(s[0].t >= SLOT && s[n - 1].t < SLOT + TSDB__SLOT_MS);
    for (size_t i = 1; i < n; i++)
        CHECK(s[i - 1].t < s[i].t);
}

static void check_same(size_t n)
{
    for (size_t i = 0; i < n; i++)
        CHECK(samples[i].t == again[i].t && same_bits(samples[i].v, again[i].v));
}

/* samples[0..n) through a builder and a reader. */
static void check_round_trip(size_t n)
{
    struct tsdb__group_builder b = {0};
    struct tsdb__group_reader g;
    struct tsdb__entry e;
    struct str body;
    size_t taken;

    tsdb__group_init(&b, SLOT);
    taken = tsdb__group_add(&b, 1, samples, n);
    body = tsdb__group_body(&b);
    CHECK(taken >= 1 && taken <= n);
    CHECK(tsdb__group_open(&g, SLOT, 1, tsdb__in_of(body.p, body.n)) == 0);
    CHECK(tsdb__group_next(&g, &e) == 0 && e.id == 1 && e.n_samples == taken);
    CHECK(tsdb__entry_read(&e, SLOT, again) == 0);
    CHECK(tsdb__group_next(&g, &e) == 1);
    check_same(taken);
    tsdb__group_release(&b);
}

/* A rich run is what it is when it is encoded again. */
static void check_rich(const struct tsdb__entry *e)
{
    struct arena a = {0};
    struct tsdb__mixed m = {.arena = &a};
    struct tsdb__rich *back;
    struct buf bytes = {0};

    if (tsdb__entry_add(e, SLOT, &m) == 0) {
        CHECK(m.rich && m.r.n == e->n_samples);
        tsdb__rich_encode(m.r.v, m.r.n, &bytes);
        back = arena_array(&a, struct tsdb__rich, m.r.n);
        CHECK(tsdb__rich_decode((const uint8_t *)bytes.p, bytes.n, &a, back, m.r.n) == 0);
        for (size_t i = 0; i < m.r.n; i++)
            CHECK((back[i].h == NULL) == (m.r.v[i].h == NULL) &&
                  (back[i].h == NULL ? same_bits(back[i].v, m.r.v[i].v)
                                     : histogram_equal(back[i].h, m.r.v[i].h)) &&
                  back[i].start == m.r.v[i].start);
    }
    buf_release(&bytes);
    tsdb__mixed_release(&m);
    arena_release(&a);
}

static void read_group(const uint8_t *p, size_t n)
{
    struct tsdb__group_reader g;
    struct tsdb__entry e;
    uint32_t last_id = 0;

    if (tsdb__group_open(&g, SLOT, 1, tsdb__in_of(p, n)) != 0)
        return;
    while (tsdb__group_next(&g, &e) == 0) {
        CHECK(e.id > last_id && e.id <= tsdb__group_last_id(&g));
        CHECK(e.n_samples >= 1 && e.n_samples <= TSDB__GROUP_SAMPLES_MAX);
        last_id = e.id;
        if (e.kind == TSDB__KIND_RICH)
            check_rich(&e);
        if (tsdb__entry_read(&e, SLOT, samples) == 0) {
            check_times(samples, e.n_samples);
            check_round_trip(e.n_samples);
        }
    }
    CHECK(last_id == tsdb__group_last_id(&g));
}

/* A step of the time and the bits of a value each. */
static void write_samples(const uint8_t *p, size_t n)
{
    ts_ms t = SLOT;
    size_t n_samples = 0;

    for (; n >= 9 && t < SLOT + TSDB__SLOT_MS; p += 9, n -= 9) {
        samples[n_samples].t = t;
        memcpy(&samples[n_samples++].v, p + 1, 8);
        t += 1 + (ts_ms)p[0] * p[0];
    }
    if (n_samples > 0)
        check_round_trip(n_samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    size_t n_samples;

    if (n < 3 || n > 65536)
        return 0;
    n_samples = 1 + (data[1] | data[2] << 8) % 2000;
    switch (data[0] % 4) {
    case 0:
        read_group(data + 1, n - 1);
        break;
    case 1:
        if (tsdb__values_decode(data + 3, n - 3, samples, n_samples) == 0) {
            struct buf b = {0};

            tsdb__values_encode(samples, n_samples, &b);
            memcpy(again, samples, n_samples * sizeof(*samples));
            CHECK(tsdb__values_decode((const uint8_t *)b.p, b.n, again, n_samples) == 0);
            check_same(n_samples);
            buf_release(&b);
        }
        break;
    case 2:
        if (tsdb__times_decode(data + 3, n - 3, SLOT, samples, n_samples) == 0)
            check_times(samples, n_samples);
        break;
    default:
        write_samples(data + 1, n - 1);
    }
    return 0;
}
