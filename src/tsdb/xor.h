/*
 * xor.h - samples as a bit stream: the codec of open chunks.
 *
 * Bit-exact for every double (NaN payloads, -0, denormals) and every timestamp. The layout is drawn
 * in xor.c and docs/store-format.md: checkpoints keep such streams on disk.
 */
#ifndef TSDB_XOR_H
#define TSDB_XOR_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/model/sample.h"

/* The bits that the longest sample needs. */
#define TSDB__XOR_BITS_MAX 160

/* What the next sample is coded against. All zero before the first sample of a series. */
struct tsdb__xor {
    ts_ms t;        /* newest sample */
    uint64_t bits;  /* its value */
    uint64_t delta; /* its distance to the sample before it in the chunk; 0 for a chunk's first */
    uint8_t lead;   /* window of the last XOR that carried one: leading zero bits, */
    uint8_t width;  /* and meaningful bits; 0: no window yet in this chunk */
    /* For the heads, of the newest sample; none of it after a float is coded. */
    bool is_hist; /* it is a histogram: `bits` stand for it (hist.h) */
    bool apart;   /* it is in no chunk of floats: the next float begins one */
    bool gone;    /* it was deleted: what follows is still judged by it */
};

/* The fields of one coded sample, most significant bit first; at most six of up to 64 bits. */
struct tsdb__xor_code {
    struct {
        uint64_t v;
        unsigned n;
    } field[6];
    unsigned n_fields, n_bits;
};

/* Codes `s` against `x` and moves `x` on. The first sample of a chunk carries only its value. */
void tsdb__xor_first(struct tsdb__xor *x, struct sample s, struct tsdb__xor_code *out);
void tsdb__xor_next(struct tsdb__xor *x, struct sample s, struct tsdb__xor_code *out);

/*
 * Writes the fields at bit `at` of `p`, of which the bytes from there on need not be zero; up to
 * TSDB__XOR_BITS_MAX bits behind it may change.
 */
void tsdb__xor_write(uint8_t *p, unsigned at, const struct tsdb__xor_code *code);

struct tsdb__xor_reader {
    const uint8_t *p;
    unsigned at, n_bits;
    struct tsdb__xor x;
    bool bad; /* the stream ended too early */
};

/* `first_t` is kept beside the stream. Then tsdb__xor_read() once a sample, the first too. */
void tsdb__xor_reader_init(struct tsdb__xor_reader *r, const uint8_t *p, unsigned n_bits,
                           ts_ms first_t);
struct sample tsdb__xor_read(struct tsdb__xor_reader *r);

#endif
