/*
 * values.c - the values of a sealed chunk.
 *
 * Most doubles of a monitoring system were integers or short decimals before. What is exactly
 * i / 10^e, bit for bit, is stored as i, which pack.c makes small. The first byte is
 * form << 5 | x, and after it come
 *
 *     SAME      x = e: varint zigzag(i);  x = 31: the upper bytes of the double, the others are 0
 *     INTEGERS  x = code of the integers: the integers (pack.c)
 *     DECIMALS  x = code: u8 e, the integers
 *     MIXED     x = code: u8 e, the exceptions, the integers, which are of no meaning at exceptions
 *     BITS      x = code: the integers
 *     XOR       x = 0: a stream of bits, lowest first
 *
 * Exceptions are a varint, their number, and for each a varint gap << 1 | k, gap the number of
 * values since the exception before. k = 0: a stale marker; k = 1: the 8 bytes of a double follow.
 *
 * The stream starts with the 64 bits of the first value. Then for each value, XORed to the one
 * before:
 *
 *     0                           unchanged
 *     1 0   width bits            in the window of the last that had one
 *     1 1   lead (6)  width - 1 (6)  width bits         lead, width: a window's zeros above and
 * size
 */
#include "values.h"

#include <stdlib.h>

#include "bits.h"
#include "pack.h"

#include "ferula/base/check.h"
#include "ferula/base/err.h"
#include "ferula/base/mem.h"

#define SMALL        512
#define EXPONENT_MAX 9
#define UPPER_BYTES  31 /* x of SAME */

/* Integers of a larger size are not all doubles. */
#define INTEGER_MAX 9007199254740992.0

/* In an array of integers: not one, but an exception. No integer here is so small. */
#define EXCEPTION ((uint64_t)INT64_MIN)

/* A form that needs fewer bits a value is taken without looking at the others. */
#define GOOD_BITS 32

/* So many finite values that are no decimals, and a few more the longer the series, end the try. */
#define TRIES 4

static const double pow10s[EXPONENT_MAX + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* ---- decimals ---- */

/* The integer i with v == i / scale to the last bit; EXCEPTION when there is none. */
static inline uint64_t integer_of(double v, double scale)
{
    double scaled = v * scale;
    int64_t i;

    if (!(scaled > -INTEGER_MAX && scaled < INTEGER_MAX))
        return EXCEPTION;
    i = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    return same_bits((double)i / scale, v) ? (uint64_t)i : EXCEPTION;
}

static inline uint64_t whole_of(double v)
{
    int64_t i;

    if (!(v > -INTEGER_MAX && v < INTEGER_MAX))
        return EXCEPTION;
    i = (int64_t)v;
    return same_bits((double)i, v) ? (uint64_t)i : EXCEPTION;
}

static bool is_finite(double v)
{
    return (f64_bits(v) >> 52 & 0x7ff) != 0x7ff;
}

/* The least exponent above `e` that makes an integer of v; `e` itself when there is none. */
static unsigned more_digits(double v, unsigned e)
{
    for (unsigned k = e + 1; k <= EXPONENT_MAX; k++)
        if (integer_of(v, pow10s[k]) != EXCEPTION)
            return k;
    return e;
}

struct decimals {
    unsigned e;
    size_t n_exceptions;
    size_t n_odd; /* of them finite */
};

/* With the exponent d->e, up to a value that needs a larger one: that one is returned, or d->e. */
static unsigned scale_all(const struct sample *s, size_t n, size_t n_odd_max, uint64_t *x,
                          struct decimals *d)
{
    for (size_t i = 0; i < n && d->n_odd <= n_odd_max; i++) {
        unsigned e;

        x[i] = d->e == 0 ? whole_of(s[i].v) : integer_of(s[i].v, pow10s[d->e]);
        if (x[i] != EXCEPTION)
            continue;
        d->n_exceptions++;
        if (!is_finite(s[i].v))
            continue;
        e = more_digits(s[i].v, d->e);
        if (e > d->e)
            return e;
        d->n_odd++;
    }
    return d->e;
}

/*
 * Values that are integers with a smaller exponent are so with a larger one, too, unless they are
 * huge. So the exponent only rises, and what was done with a smaller one is done again.
 */
static bool to_decimals(const struct sample *s, size_t n, uint64_t *x, struct decimals *d)
{
    size_t n_odd_max = TRIES + n / 16;
    unsigned e = 0;

    do {
        *d = (struct decimals){.e = e};
        e = scale_all(s, n, n_odd_max, x, d);
    } while (e > d->e);
    return d->n_odd <= n_odd_max && d->n_exceptions < n;
}

static void add_exceptions(const struct sample *s, const uint64_t *x, size_t n, size_t n_exceptions,
                           struct buf *out)
{
    size_t next = 0;

    tsdb__add_varint(out, n_exceptions);
    for (size_t i = 0; i < n; i++) {
        bool stale = is_stale(s[i].v);

        if (x[i] != EXCEPTION)
            continue;
        tsdb__add_varint(out, (i - next) << 1 | !stale);
        if (!stale)
            buf_add(out, &s[i].v, sizeof(s[i].v));
        next = i + 1;
    }
}

/* Gives exceptions the value before them: that costs least. */
static void fill_exceptions(uint64_t *x, size_t n)
{
    uint64_t last = EXCEPTION;

    for (size_t i = 0; i < n && last == EXCEPTION; i++)
        last = x[i];
    for (size_t i = 0; i < n; i++) {
        if (x[i] == EXCEPTION)
            x[i] = last;
        last = x[i];
    }
}

/* ---- encode ---- */

static void add_form(struct buf *out, enum tsdb__values_form form, unsigned x)
{
    buf_putc(out, (char)(uint8_t)((unsigned)form << 5 | x));
}

static bool all_same(const struct sample *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (!same_bits(s[i].v, s[0].v))
            return false;
    return true;
}

static void encode_same(double v, struct buf *out)
{
    uint64_t bits = f64_bits(v), i = whole_of(v);
    unsigned n_upper = bits == 0 ? 0 : 8 - (unsigned)__builtin_ctzll(bits) / 8;
    unsigned e = i == EXCEPTION && is_finite(v) ? more_digits(v, 0) : 0;
    uint8_t text[10];
    size_t n;

    if (e > 0)
        i = integer_of(v, pow10s[e]);
    n = tsdb__put_varint(text, tsdb__zigzag((int64_t)i));
    if (i != EXCEPTION && n < n_upper) {
        add_form(out, TSDB__VALUES_SAME, e);
        buf_add(out, text, n);
        return;
    }
    add_form(out, TSDB__VALUES_SAME, UPPER_BYTES);
    buf_add(out, (const uint8_t *)&bits + 8 - n_upper, n_upper);
}

static bool encode_decimals(const struct sample *s, size_t n, uint64_t *x, struct buf *out)
{
    enum tsdb__values_form form = TSDB__VALUES_INTEGERS;
    size_t at = out->n;
    struct tsdb__plan plan;
    struct decimals d;

    if (!to_decimals(s, n, x, &d))
        return false;
    if (d.n_exceptions > 0)
        form = TSDB__VALUES_MIXED;
    else if (d.e > 0)
        form = TSDB__VALUES_DECIMALS;
    add_form(out, form, 0);
    if (form != TSDB__VALUES_INTEGERS)
        buf_putc(out, (char)d.e);
    if (form == TSDB__VALUES_MIXED) {
        add_exceptions(s, x, n, d.n_exceptions, out);
        fill_exceptions(x, n);
    }
    tsdb__plan(x, n, &plan);
    out->p[at] = (char)(out->p[at] | plan.code);
    tsdb__pack(&plan, x, n, out);
    return true;
}

static bool encode_bits(const struct sample *s, size_t n, uint64_t *x, struct buf *out)
{
    struct tsdb__plan plan;

    for (size_t i = 0; i < n; i++)
        x[i] = f64_bits(s[i].v);
    tsdb__plan(x, n, &plan);
    add_form(out, TSDB__VALUES_BITS, plan.code);
    tsdb__pack(&plan, x, n, out);
    return true;
}

/* The zero bits around what an XOR changes: those above, and the size of what is between. */
struct window {
    unsigned lead, width;
};

static bool encode_xor(const struct sample *s, size_t n, uint64_t *x, struct buf *out)
{
    struct tsdb__bits_out bits = {0};
    struct window w = {0};

    (void)x;
    add_form(out, TSDB__VALUES_XOR, 0);
    buf_reserve(out, n * 10 + 16);
    bits.p = (uint8_t *)out->p + out->n;
    tsdb__bits_put(&bits, f64_bits(s[0].v), 64);
    for (size_t i = 1; i < n; i++) {
        uint64_t diff = f64_bits(s[i].v) ^ f64_bits(s[i - 1].v);
        unsigned lead, width;

        if (diff == 0) {
            tsdb__bits_put(&bits, 0, 1);
            continue;
        }
        lead = (unsigned)__builtin_clzll(diff);
        width = 64 - lead - (unsigned)__builtin_ctzll(diff);
        /* A new window costs 12 bits more than the old one does. */
        if (w.width != 0 && lead >= w.lead && lead + width <= w.lead + w.width &&
            w.width <= width + 12) {
            tsdb__bits_put(&bits, 1, 2);
        } else {
            w = (struct window){lead, width};
            tsdb__bits_put(&bits, 3 | lead << 2 | (width - 1) << 8, 14);
        }
        tsdb__bits_put(&bits, diff >> (64 - w.lead - w.width), w.width);
    }
    out->n = (size_t)(tsdb__bits_end(&bits) - (uint8_t *)out->p);
    out->p[out->n] = '\0';
    return true;
}

void tsdb__values_encode(const struct sample *s, size_t n, struct buf *out)
{
    static bool (*const encoders[])(const struct sample *, size_t, uint64_t *,
                                    struct buf *) = {encode_decimals, encode_bits, encode_xor};
    uint64_t small[SMALL], *x = small;
    size_t start = out->n, best = SIZE_MAX;

    CHECK(n >= 1);
    if (all_same(s, n)) {
        encode_same(s[0].v, out);
        return;
    }
    if (n > SMALL)
        x = xmalloc(n * sizeof(*x));
    for (size_t i = 0; i < COUNT(encoders) && (best == SIZE_MAX || best * 8 > n * GOOD_BITS); i++) {
        size_t at = out->n, size;

        if (!encoders[i](s, n, x, out))
            continue;
        size = out->n - at;
        if (size < best && at > start)
            memmove(out->p + start, out->p + at, size);
        best = MIN(best, size);
        out->n = start + best;
    }
    out->p[out->n] = '\0';
    if (x != small)
        free(x);
}

/* ---- decode ---- */

static void put_bits(struct sample *s, uint64_t bits)
{
    s->v = f64_from_bits(bits);
}

static int decode_same(unsigned x, struct tsdb__in *in, struct sample *s, size_t n)
{
    uint64_t bits = 0;
    double v;

    if (x == UPPER_BYTES) {
        size_t n_upper = tsdb__in_left(in);

        if (n_upper > sizeof(bits))
            return FER_ECORRUPT;
        memcpy((uint8_t *)&bits + 8 - n_upper, tsdb__in_bytes(in, n_upper), n_upper);
        v = f64_from_bits(bits);
    } else {
        if (x > EXPONENT_MAX)
            return FER_ECORRUPT;
        v = (double)tsdb__unzigzag(tsdb__in_varint(in)) / pow10s[x];
        if (in->bad || tsdb__in_left(in) > 0)
            return FER_ECORRUPT;
    }
    for (size_t i = 0; i < n; i++)
        s[i].v = v;
    return 0;
}

static int unpack(unsigned code, struct tsdb__in *in, struct sample *s, size_t n)
{
    return tsdb__unpack(code, in, (uint8_t *)&s->v, sizeof(*s), n);
}

static void to_doubles(struct sample *s, size_t n, unsigned e)
{
    double scale = pow10s[e];

    if (e == 0) {
        for (size_t i = 0; i < n; i++)
            s[i].v = (double)(int64_t)f64_bits(s[i].v);
        return;
    }
    for (size_t i = 0; i < n; i++)
        s[i].v = (double)(int64_t)f64_bits(s[i].v) / scale;
}

static int decode_integers(unsigned x, struct tsdb__in *in, struct sample *s, size_t n)
{
    if (unpack(x, in, s, n) < 0)
        return FER_ECORRUPT;
    to_doubles(s, n, 0);
    return 0;
}

static int decode_decimals(unsigned x, struct tsdb__in *in, struct sample *s, size_t n)
{
    unsigned e = tsdb__in_u8(in);

    if (e > EXPONENT_MAX || unpack(x, in, s, n) < 0)
        return FER_ECORRUPT;
    to_doubles(s, n, e);
    return 0;
}

/* One exception; into *to unless that is NULL. */
static int take_exception(struct tsdb__in *in, size_t n, size_t *next, struct sample *to)
{
    uint64_t code = tsdb__in_varint(in), bits = STALE_NAN_BITS;
    size_t at = *next;

    if (in->bad || code >> 1 >= n - *next)
        return FER_ECORRUPT;
    at += (size_t)(code >> 1);
    *next = at + 1;
    if ((code & 1) != 0)
        bits = tsdb__in_le(in, 8);
    if (to != NULL)
        put_bits(&to[at], bits);
    return in->bad ? FER_ECORRUPT : 0;
}

static int decode_mixed(unsigned x, struct tsdb__in *in, struct sample *s, size_t n)
{
    unsigned e = tsdb__in_u8(in);
    uint64_t n_exceptions = tsdb__in_varint(in);
    struct tsdb__in exceptions = *in;
    size_t next = 0;

    if (in->bad || e > EXPONENT_MAX || n_exceptions > n)
        return FER_ECORRUPT;
    for (uint64_t k = 0; k < n_exceptions; k++)
        if (take_exception(in, n, &next, NULL) < 0)
            return FER_ECORRUPT;
    if (unpack(x, in, s, n) < 0)
        return FER_ECORRUPT;
    to_doubles(s, n, e);
    next = 0;
    for (uint64_t k = 0; k < n_exceptions; k++)
        if (take_exception(&exceptions, n, &next, s) < 0)
            return FER_ECORRUPT;
    return 0;
}

static int decode_xor(unsigned x, struct tsdb__in *in, struct sample *s, size_t n)
{
    size_t n_bytes = tsdb__in_left(in), n_bits = n_bytes * 8;
    struct tsdb__bits_in bits;
    struct window w = {0};
    uint64_t v;

    if (x != 0 || n_bytes < 8)
        return FER_ECORRUPT;
    tsdb__bits_in_init(&bits, in->p, n_bytes);
    v = tsdb__bits_take(&bits, 64);
    put_bits(&s[0], v);
    for (size_t i = 1; i < n; i++) {
        uint64_t code = tsdb__bits_peek(&bits, bits.at);

        if ((code & 3) == 3) {
            w = (struct window){code >> 2 & 63, (unsigned)(code >> 8 & 63) + 1};
            bits.at += 14;
        } else {
            bits.at += 1 + (code & 1);
        }
        if ((code & 1) != 0) {
            if (w.width == 0 || w.lead + w.width > 64)
                return FER_ECORRUPT;
            v ^= tsdb__bits_take(&bits, w.width) << (64 - w.lead - w.width);
        }
        if (bits.at > n_bits)
            return FER_ECORRUPT;
        put_bits(&s[i], v);
    }
    return n_bytes == (bits.at + 7) / 8 ? 0 : FER_ECORRUPT;
}

int tsdb__values_decode(const uint8_t *p, size_t len, struct sample *s, size_t n)
{
    static int (*const decoders[TSDB__N_VALUES_FORMS])(unsigned, struct tsdb__in *, struct sample *,
                                                       size_t) = {
        [TSDB__VALUES_SAME] = decode_same,
        [TSDB__VALUES_INTEGERS] = decode_integers,
        [TSDB__VALUES_DECIMALS] = decode_decimals,
        [TSDB__VALUES_MIXED] = decode_mixed,
        [TSDB__VALUES_BITS] = unpack,
        [TSDB__VALUES_XOR] = decode_xor,
    };
    struct tsdb__in in = tsdb__in_of(p, len);
    uint8_t first = tsdb__in_u8(&in);
    unsigned form = TSDB__VALUES_FORM(first);

    if (in.bad || n == 0 || form >= TSDB__N_VALUES_FORMS)
        return FER_ECORRUPT;
    return decoders[form](first & TSDB__PACK_CODE_MASK, &in, s, n);
}
