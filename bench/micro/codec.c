/*
 * codec.c - samples to bytes and back: 120 samples of each series of ten pods, by kind of value.
 *
 * A codec is a row of `codecs`. That of sealed chunks is shown without the times, which the series
 * of a scrape share.
 */
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../load/mix.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "values.h"
#include "xor.h"

#define N_PODS    10
#define N_SAMPLES 120
#define N_SERIES  (N_PODS * MIX_POD_SERIES)
#define ROOM      (N_SAMPLES * TSDB__XOR_BITS_MAX / 8 + 64)

struct codec {
    const char *name;
    size_t (*encode)(const struct sample *s, size_t n, uint8_t out[ROOM]); /* bits */
    void (*decode)(const uint8_t *p, size_t n_bits, ts_ms first_t, struct sample *out, size_t n);
};

/* ---- open chunks ------------------------------------------------------------------------ */

static size_t xor_encode(const struct sample *s, size_t n, uint8_t out[ROOM])
{
    struct tsdb__xor x = {0};
    unsigned at = 0;

    for (size_t i = 0; i < n; i++) {
        struct tsdb__xor_code code;

        if (i == 0)
            tsdb__xor_first(&x, s[i], &code);
        else
            tsdb__xor_next(&x, s[i], &code);
        tsdb__xor_write(out, at, &code);
        at += code.n_bits;
    }
    return at;
}

static void xor_decode(const uint8_t *p, size_t n_bits, ts_ms first_t, struct sample *out, size_t n)
{
    struct tsdb__xor_reader r;

    tsdb__xor_reader_init(&r, p, (unsigned)n_bits, first_t);
    for (size_t i = 0; i < n; i++)
        out[i] = tsdb__xor_read(&r);
}

/* ---- sealed chunks ---------------------------------------------------------------------- */

static size_t sealed_encode(const struct sample *s, size_t n, uint8_t out[ROOM])
{
    static struct buf bytes; /* kept from series to series, as the store does */

    buf_reset(&bytes);
    tsdb__values_encode(s, n, &bytes);
    CHECK(bytes.n <= ROOM);
    memcpy(out, bytes.p, bytes.n);
    return 8 * bytes.n;
}

static void sealed_decode(const uint8_t *p, size_t n_bits, ts_ms first_t, struct sample *out,
                          size_t n)
{
    CHECK(tsdb__values_decode(p, n_bits / 8, out, n) == 0);
    for (size_t i = 0; i < n; i++)
        out[i].t = first_t + (micro_time(1) - micro_time(0)) * (ts_ms)i;
}

static const struct codec codecs[] = {
    {"open chunks: XOR",      xor_encode,    xor_decode   },
    {"sealed chunks: values", sealed_encode, sealed_decode},
};

/* ---- the samples ------------------------------------------------------------------------ */

struct codec_run {
    const struct codec *codec;
    const struct sample *series[N_SERIES]; /* those of one kind */
    size_t n_series;
    uint8_t (*bytes)[ROOM]; /* encoded, one after another */
    size_t *n_bits;
};

static struct sample *make_samples(void)
{
    struct sample *all = xcalloc(N_SERIES, N_SAMPLES * sizeof(*all));

    for (uint32_t p = 0; p < N_PODS; p++) {
        struct mix_pod pod;

        mix_pod_init(&pod, 1, p, 0);
        for (uint32_t round = 0; round < N_SAMPLES; round++)
            for (unsigned row = 0; row < MIX_POD_SERIES; row++)
                all[(p * MIX_POD_SERIES + row) * N_SAMPLES + round] =
                    (struct sample){micro_time(round), mix_next(&pod, row, round)};
    }
    return all;
}

static void encode_all(void *ctx)
{
    struct codec_run *r = ctx;

    for (size_t i = 0; i < r->n_series; i++)
        r->n_bits[i] = r->codec->encode(r->series[i], N_SAMPLES, r->bytes[i]);
}

static void decode_all(void *ctx)
{
    const struct codec_run *r = ctx;
    struct sample out[N_SAMPLES];

    for (size_t i = 0; i < r->n_series; i++)
        r->codec->decode(r->bytes[i], r->n_bits[i], r->series[i][0].t, out, N_SAMPLES);
}

static void check_round_trip(const struct codec_run *r)
{
    struct sample out[N_SAMPLES];

    for (size_t i = 0; i < r->n_series; i++) {
        r->codec->decode(r->bytes[i], r->n_bits[i], r->series[i][0].t, out, N_SAMPLES);
        CHECK(memcmp(out, r->series[i], sizeof(out)) == 0);
    }
}

/* Measures the series whose kind is `kind`, all when NULL. */
static void run_kind(struct codec_run *r, const struct sample *all, const char *kind)
{
    double encode_ns, decode_ns, n, bits = 0;

    r->n_series = 0;
    for (size_t i = 0; i < N_SERIES; i++)
        if (kind == NULL || strcmp(mix_kind((unsigned)i % MIX_POD_SERIES), kind) == 0)
            r->series[r->n_series++] = &all[i * N_SAMPLES];
    n = (double)(r->n_series * N_SAMPLES);
    encode_ns = micro_median_ns(encode_all, r);
    check_round_trip(r);
    decode_ns = micro_median_ns(decode_all, r);
    for (size_t i = 0; i < r->n_series; i++)
        bits += (double)r->n_bits[i];
    printf("%-42s %8.1f %% %10.1f ns %10.1f ns %10.2f B\n", kind != NULL ? kind : "all",
           100.0 * (double)r->n_series / N_SERIES, encode_ns / n, decode_ns / n, bits / 8 / n);
}

/* Every kind once: at the first row that has it. */
static bool is_first_of_kind(unsigned row)
{
    for (unsigned i = 0; i < row; i++)
        if (strcmp(mix_kind(i), mix_kind(row)) == 0)
            return false;
    return true;
}

void micro_codec(void)
{
    struct codec_run r = {.bytes = xcalloc(N_SERIES, ROOM),
                          .n_bits = xcalloc(N_SERIES, sizeof(size_t))};
    struct sample *all = make_samples();

    for (size_t c = 0; c < COUNT(codecs); c++) {
        r.codec = &codecs[c];
        printf("\n%-42s %10s %13s %13s %12s\n", r.codec->name, "of all", "encode", "decode",
               "a sample");
        for (unsigned row = 0; row < MIX_POD_SERIES; row++)
            if (is_first_of_kind(row))
                run_kind(&r, all, mix_kind(row));
        run_kind(&r, all, NULL);
    }
    free(all);
    free(r.bytes);
    free(r.n_bits);
}
