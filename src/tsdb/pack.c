/*
 * pack.c - a sequence of integers in few bits.
 *
 * A model says what an integer is coded against and leaves a residual, which is no smaller than 0:
 *
 *     MIN       x - base, base the least of all
 *     DELTA     zigzag(x - the one before)                            base is the first
 *     STEP      x - the one before - step, step the least increase    base is the first
 *     DELTA2    zigzag(increase - the increase before)                base, step are the first
 *
 * Zeros that all residuals have at their lower end are shifted out (before the zigzag). A layout
 * says how residuals become bits:
 *
 *     ONE       each in `wide` bits
 *     TWO       a bit map: 0 in `narrow` bits, 1 in `wide` bits
 *     THREE     a bit map: 0 is zero; for the ones a bit map: 0 `narrow` bits, 1 `wide` bits
 *     SPARSE    a list of those that are not zero, each in `wide` bits
 *
 * The code is model | layout << 2 | (is shifted) << 4. The bytes are
 *
 *     varint  zigzag(base)
 *     varint  zigzag(step)      STEP and DELTA2
 *     u8      shift             when shifted
 *     u8      wide
 *     u8      narrow            TWO and THREE
 *     ...     bit maps, each in whole bytes; or varint number and a gap varint each
 *     ...     residuals, lowest bit first, to the end
 */
#include "pack.h"

#include "bits.h"

#include "ferula/base/check.h"
#include "ferula/base/err.h"

enum model { M_MIN, M_DELTA, M_STEP, M_DELTA2, N_MODELS };
enum layout { L_ONE, L_TWO, L_THREE, L_SPARSE };

/* How many of the first integers are not residuals. */
static const uint8_t n_heads[N_MODELS] = {0, 1, 1, 2};

/* ---- plan ---- */

struct range {
    int64_t min, min_step;
    uint64_t steps, steps2; /* all increases ORed, and the changes of increases */
};

/* How many residuals have how many bits. */
struct histogram {
    uint32_t n[65];
};

static struct range range_of(const uint64_t *x, size_t n)
{
    struct range r = {.min = (int64_t)x[0], .min_step = INT64_MAX};
    uint64_t last_step = n > 1 ? x[1] - x[0] : 0;

    for (size_t i = 1; i < n; i++) {
        uint64_t step = x[i] - x[i - 1];

        r.min = MIN(r.min, (int64_t)x[i]);
        r.min_step = MIN(r.min_step, (int64_t)step);
        r.steps |= step;
        r.steps2 |= step - last_step;
        last_step = step;
    }
    return r;
}

/* Zero counts as one bit here. */
static inline void count(struct histogram *h, uint64_t residual)
{
    h->n[64 - (unsigned)__builtin_clzll(residual | 1)]++;
}

static void count_all(const uint64_t *x, size_t n, const struct range *r, struct histogram *h)
{
    uint32_t zeros[N_MODELS] = {0};
    uint64_t last_step = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t offset = x[i] - (uint64_t)r->min;

        count(&h[M_MIN], offset);
        zeros[M_MIN] += offset == 0;
        if (i >= 1) {
            uint64_t step = x[i] - x[i - 1], above = step - (uint64_t)r->min_step;

            count(&h[M_DELTA], tsdb__zigzag((int64_t)step));
            count(&h[M_STEP], above);
            zeros[M_DELTA] += step == 0;
            zeros[M_STEP] += above == 0;
            if (i >= 2) {
                count(&h[M_DELTA2], tsdb__zigzag((int64_t)(step - last_step)));
                zeros[M_DELTA2] += step == last_step;
            }
            last_step = step;
        }
    }
    for (unsigned m = 0; m < N_MODELS; m++) {
        h[m].n[0] = zeros[m];
        h[m].n[1] -= zeros[m];
    }
}

static void offer(struct tsdb__plan *best, const struct tsdb__plan *p, enum layout layout,
                  unsigned narrow, size_t n_bits)
{
    if (n_bits >= best->n_bits)
        return;
    *best = *p;
    best->layout = (uint8_t)layout;
    best->narrow = (uint8_t)narrow;
    best->n_bits = n_bits;
}

/* Tries all layouts for the model `p`, whose n_bits are those of its head so far. */
static void plan_layout(const struct histogram *h, struct tsdb__plan *p, struct tsdb__plan *best)
{
    size_t n = 0, n_zero = h->n[0], upto = 0, head = p->n_bits + 8;
    unsigned most = 0;

    for (unsigned bits = 0; bits <= 64; bits++) {
        n += h->n[bits];
        if (h->n[bits] > 0)
            most = bits;
    }
    p->wide = (uint8_t)(most > p->shift ? most - p->shift : 0);
    offer(best, p, L_ONE, 0, head + n * p->wide);
    if (n_zero > 0 && n_zero < n)
        offer(best, p, L_SPARSE, 0, head + 8 + (n - n_zero) * (8 + p->wide) + n / 128 * 8);
    for (unsigned bits = 0; bits < most; bits++) {
        unsigned narrow = bits > p->shift ? bits - p->shift : 0;
        size_t wide_bits;

        if (h->n[bits] == 0)
            continue;
        upto += h->n[bits];
        wide_bits = (n - upto) * p->wide;
        offer(best, p, L_TWO, narrow, head + 8 + n + upto * narrow + wide_bits);
        if (narrow > 0 && n_zero > 0)
            offer(best, p, L_THREE, narrow,
                  head + 8 + n + (n - n_zero) + (upto - n_zero) * narrow + wide_bits);
    }
}

static unsigned varint_bits(uint64_t v)
{
    return (63 - (unsigned)__builtin_clzll(v | 1)) / 7 * 8 + 8;
}

static uint8_t shift_of(uint64_t all)
{
    return all == 0 ? 0 : (uint8_t)__builtin_ctzll(all);
}

void tsdb__plan(const uint64_t *x, size_t n, struct tsdb__plan *out)
{
    struct histogram h[N_MODELS] = {0};
    struct range r = range_of(x, n);
    struct tsdb__plan models[N_MODELS] = {
        [M_MIN] = {.base = (uint64_t)r.min,      .shift = shift_of(r.steps)},
        [M_DELTA] = {            .base = x[0],  .shift = shift_of(r.steps)                          },
        [M_STEP] = { .base = x[0], .step = (uint64_t)r.min_step,                           .shift = shift_of(r.steps2)},
        [M_DELTA2] = { .base = x[0], .step = n > 1 ? x[1] - x[0] : 0,                           .shift = shift_of(r.steps2)},
    };

    CHECK(n >= 1);
    count_all(x, n, &r, h);
    out->n_bits = SIZE_MAX;
    for (unsigned m = 0; m < N_MODELS; m++) {
        struct tsdb__plan *p = &models[m];

        if (n < n_heads[m] || (m == M_STEP && n < 2))
            continue;
        p->model = (uint8_t)m;
        p->n_bits = varint_bits(tsdb__zigzag((int64_t)p->base)) + (p->shift > 0 ? 8 : 0);
        if (m >= M_STEP)
            p->n_bits += varint_bits(tsdb__zigzag((int64_t)p->step));
        plan_layout(&h[m], p, out);
    }
    out->code = (uint8_t)(out->model | out->layout << 2 | (out->shift > 0) << 4);
}

/* ---- write ---- */

/* Gaps: where few of many things are. Each says how many others lie between. */
static void add_gap(struct buf *out, size_t at, size_t *next)
{
    tsdb__add_varint(out, at - *next);
    *next = at + 1;
}

/* Integers to residuals, in their place. */
static void to_residuals(const struct tsdb__plan *p, uint64_t *x, size_t n)
{
    switch ((enum model)p->model) {
    case M_MIN:
        for (size_t i = 0; i < n; i++)
            x[i] = (x[i] - p->base) >> p->shift;
        break;
    case M_DELTA:
        for (size_t i = n - 1; i >= 1; i--)
            x[i] = tsdb__zigzag((int64_t)(x[i] - x[i - 1]) >> p->shift);
        break;
    case M_STEP:
        for (size_t i = n - 1; i >= 1; i--)
            x[i] = (x[i] - x[i - 1] - p->step) >> p->shift;
        break;
    case M_DELTA2:
        for (size_t i = n - 1; i >= 2; i--)
            x[i] = tsdb__zigzag((int64_t)(x[i] - 2 * x[i - 1] + x[i - 2]) >> p->shift);
        break;
    default:
        CHECK_UNREACHABLE("an unknown model");
    }
}

static void put_map(struct tsdb__bits_out *bits, const uint64_t *r, size_t n, unsigned narrow)
{
    uint64_t limit = tsdb__bits_mask(narrow);

    for (size_t i = 0; i < n; i++)
        tsdb__bits_put(bits, r[i] > limit, 1);
    bits->p = tsdb__bits_end(bits);
}

static size_t drop_zeros(uint64_t *r, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        r[kept] = r[i];
        kept += r[i] != 0;
    }
    return kept;
}

static void add_gaps(struct buf *out, const uint64_t *r, size_t n)
{
    size_t n_set = 0, next = 0;

    for (size_t i = 0; i < n; i++)
        n_set += r[i] != 0;
    tsdb__add_varint(out, n_set);
    for (size_t i = 0; i < n; i++)
        if (r[i] != 0)
            add_gap(out, i, &next);
}

static void add_residuals(const struct tsdb__plan *p, uint64_t *r, size_t n, struct buf *out)
{
    uint64_t limit = tsdb__bits_mask(p->narrow);
    bool two = p->layout == L_TWO || p->layout == L_THREE;
    struct tsdb__bits_out bits = {0};

    if (p->layout == L_SPARSE) {
        add_gaps(out, r, n);
        n = drop_zeros(r, n);
    }
    buf_reserve(out, n / 4 + n * 8 + 32);
    bits.p = (uint8_t *)out->p + out->n;
    if (p->layout == L_THREE) {
        put_map(&bits, r, n, 0);
        n = drop_zeros(r, n);
    }
    if (two)
        put_map(&bits, r, n, p->narrow);
    for (size_t i = 0; i < n; i++)
        tsdb__bits_put(&bits, r[i], two && r[i] <= limit ? p->narrow : p->wide);
    out->n = (size_t)(tsdb__bits_end(&bits) - (uint8_t *)out->p);
    out->p[out->n] = '\0';
}

void tsdb__pack(const struct tsdb__plan *plan, uint64_t *x, size_t n, struct buf *out)
{
    size_t n_head = n_heads[plan->model];

    tsdb__add_varint(out, tsdb__zigzag((int64_t)plan->base));
    if (plan->model >= M_STEP)
        tsdb__add_varint(out, tsdb__zigzag((int64_t)plan->step));
    if (plan->shift > 0)
        buf_putc(out, (char)plan->shift);
    buf_putc(out, (char)plan->wide);
    if (plan->layout == L_TWO || plan->layout == L_THREE)
        buf_putc(out, (char)plan->narrow);
    to_residuals(plan, x, n);
    add_residuals(plan, x + n_head, n - n_head, out);
}

/* ---- read ---- */

/* Where the integers go. */
struct target {
    uint8_t *p;
    size_t stride, n;
};

static inline void put(const struct target *to, size_t i, uint64_t v)
{
    memcpy(to->p + i * to->stride, &v, sizeof(v));
}

static inline uint64_t get(const struct target *to, size_t i)
{
    uint64_t v;

    memcpy(&v, to->p + i * to->stride, sizeof(v));
    return v;
}

static int take_gap(struct tsdb__in *in, size_t n, size_t *next, size_t *at)
{
    uint64_t gap = tsdb__in_varint(in);

    if (in->bad || gap >= n - *next)
        return FER_ECORRUPT;
    *at = *next + (size_t)gap;
    *next = *at + 1;
    return 0;
}

/* A map of n bits; NULL unless it is there and ends in zeros. */
static const uint8_t *take_map(struct tsdb__in *in, size_t n, size_t *n_set)
{
    size_t n_bytes = (n + 7) / 8;
    const uint8_t *map = tsdb__in_bytes(in, n_bytes);

    *n_set = 0;
    if (map == NULL || ((n & 7) != 0 && map[n_bytes - 1] >> (n & 7) != 0))
        return NULL;
    for (size_t i = 0; i < n_bytes; i += 8) {
        uint64_t word = 0;

        memcpy(&word, map + i, MIN(n_bytes - i, 8));
        *n_set += (unsigned)__builtin_popcountll(word);
    }
    return map;
}

/* All that is left, which must be exactly n_bits. */
static int take_payload(struct tsdb__in *in, uint64_t n_bits, struct tsdb__bits_in *bits)
{
    size_t n_bytes = tsdb__in_left(in);

    if (in->bad || n_bytes != (n_bits + 7) / 8)
        return FER_ECORRUPT;
    tsdb__bits_in_init(bits, tsdb__in_bytes(in, n_bytes), n_bytes);
    return 0;
}

static int read_one(struct tsdb__in *in, const struct tsdb__plan *p, struct target to)
{
    uint64_t mask = tsdb__bits_mask(p->wide);
    struct tsdb__bits_in bits;

    if (take_payload(in, (uint64_t)to.n * p->wide, &bits) < 0)
        return FER_ECORRUPT;
    for (size_t i = 0, at = 0; i < to.n; i++, at += p->wide)
        put(&to, i, tsdb__bits_peek(&bits, at) & mask);
    return 0;
}

static int read_two(struct tsdb__in *in, const struct tsdb__plan *p, struct target to)
{
    const unsigned width[2] = {p->narrow, p->wide};
    const uint64_t mask[2] = {tsdb__bits_mask(p->narrow), tsdb__bits_mask(p->wide)};
    size_t n_set, at = 0;
    const uint8_t *map = take_map(in, to.n, &n_set);
    struct tsdb__bits_in bits;

    if (map == NULL ||
        take_payload(in, (uint64_t)(to.n - n_set) * p->narrow + (uint64_t)n_set * p->wide, &bits) <
            0)
        return FER_ECORRUPT;
    for (size_t i = 0; i < to.n; i++) {
        unsigned kind = map[i >> 3] >> (i & 7) & 1;

        put(&to, i, tsdb__bits_peek(&bits, at) & mask[kind]);
        at += width[kind];
    }
    return 0;
}

static int read_three(struct tsdb__in *in, const struct tsdb__plan *p, struct target to)
{
    const unsigned width[3] = {0, p->narrow, p->wide};
    const uint64_t mask[3] = {0, tsdb__bits_mask(p->narrow), tsdb__bits_mask(p->wide)};
    size_t n_set, n_wide, k = 0, at = 0;
    const uint8_t *map = take_map(in, to.n, &n_set), *kinds;
    struct tsdb__bits_in bits;

    if (map == NULL || n_set == 0 || p->narrow == 0 || p->wide == 0)
        return FER_ECORRUPT;
    kinds = take_map(in, n_set, &n_wide);
    if (kinds == NULL ||
        take_payload(in, (uint64_t)(n_set - n_wide) * p->narrow + (uint64_t)n_wide * p->wide,
                     &bits) < 0)
        return FER_ECORRUPT;
    /* After the last one, kinds[] may be looked at a byte too far: there the payload is. */
    for (size_t i = 0; i < to.n; i++) {
        unsigned set = map[i >> 3] >> (i & 7) & 1;
        unsigned kind = set + (set & kinds[k >> 3] >> (k & 7));

        k += set;
        put(&to, i, tsdb__bits_peek(&bits, at) & mask[kind]);
        at += width[kind];
    }
    return 0;
}

static int read_sparse(struct tsdb__in *in, const struct tsdb__plan *p, struct target to)
{
    uint64_t mask = tsdb__bits_mask(p->wide), n_set = tsdb__in_varint(in);
    struct tsdb__in gaps = *in;
    struct tsdb__bits_in bits;
    size_t next = 0, at;

    if (in->bad || n_set > to.n)
        return FER_ECORRUPT;
    for (uint64_t k = 0; k < n_set; k++)
        if (take_gap(in, to.n, &next, &at) < 0)
            return FER_ECORRUPT;
    if (take_payload(in, n_set * p->wide, &bits) < 0)
        return FER_ECORRUPT;
    for (size_t i = 0; i < to.n; i++)
        put(&to, i, 0);
    next = 0;
    for (uint64_t k = 0; k < n_set; k++)
        if (take_gap(&gaps, to.n, &next, &at) == 0)
            put(&to, at, tsdb__bits_peek(&bits, k * p->wide) & mask);
    return 0;
}

/* Residuals to integers, in their place. */
static void from_residuals(const struct tsdb__plan *p, const struct target *to)
{
    uint64_t x = p->base, step = p->step;
    unsigned shift = p->shift;

    switch ((enum model)p->model) {
    case M_MIN:
        for (size_t i = 0; i < to->n; i++)
            put(to, i, x + (get(to, i) << shift));
        break;
    case M_DELTA:
        for (size_t i = 1; i < to->n; i++)
            put(to, i, x += (uint64_t)tsdb__unzigzag(get(to, i)) << shift);
        break;
    case M_STEP:
        for (size_t i = 1; i < to->n; i++)
            put(to, i, x += step + (get(to, i) << shift));
        break;
    case M_DELTA2:
        put(to, 1, x += step);
        for (size_t i = 2; i < to->n; i++) {
            step += (uint64_t)tsdb__unzigzag(get(to, i)) << shift;
            put(to, i, x += step);
        }
        break;
    default:
        CHECK_UNREACHABLE("an unknown model");
    }
    if (p->model != M_MIN)
        put(to, 0, p->base);
}

static int take_head(unsigned code, struct tsdb__in *in, struct tsdb__plan *p)
{
    *p = (struct tsdb__plan){.model = code & 3, .layout = code >> 2 & 3};
    p->base = (uint64_t)tsdb__unzigzag(tsdb__in_varint(in));
    if (p->model >= M_STEP)
        p->step = (uint64_t)tsdb__unzigzag(tsdb__in_varint(in));
    if (code >> 4 != 0) {
        p->shift = tsdb__in_u8(in);
        in->bad |= p->shift == 0;
    }
    p->wide = tsdb__in_u8(in);
    if (p->layout == L_TWO || p->layout == L_THREE)
        p->narrow = tsdb__in_u8(in);
    return in->bad || p->shift > 63 || p->wide > 64 || p->narrow > 64 ? FER_ECORRUPT : 0;
}

int tsdb__unpack(unsigned code, struct tsdb__in *in, uint8_t *to, size_t stride, size_t n)
{
    static int (*const readers[])(struct tsdb__in *, const struct tsdb__plan *, struct target) = {
        [L_ONE] = read_one,
        [L_TWO] = read_two,
        [L_THREE] = read_three,
        [L_SPARSE] = read_sparse,
    };
    struct target all = {to, stride, n}, rest = all;
    struct tsdb__plan p;
    size_t n_head;

    if (take_head(code & TSDB__PACK_CODE_MASK, in, &p) < 0 || n < n_heads[p.model])
        return FER_ECORRUPT;
    n_head = n_heads[p.model];
    rest.p += n_head * stride;
    rest.n -= n_head;
    if (readers[p.layout](in, &p, rest) < 0)
        return FER_ECORRUPT;
    from_residuals(&p, &all);
    return 0;
}
