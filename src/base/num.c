/*
 * num.c - the layout of numbers as Go writes them.
 */
#include "ferula/base/num.h"

#include <math.h>

#include "ferula/base/check.h"
#include "num_digits.h"

/* 'g' writes no exponent from 1e-04 up to, but not with, 1e+06. */
#define G_LEAST_EXPONENT (-4)
#define G_END_EXPONENT   6

struct decimal {
    char digits[BASE__MAX_DIGITS];
    size_t n;
    int exponent; /* d.ddd * 10^exponent */
};

static size_t put(char *out, size_t at, const char *p, size_t n)
{
    memcpy(out + at, p, n);
    return at + n;
}

static size_t put_zeros(char *out, size_t at, int n)
{
    if (n <= 0)
        return at;
    memset(out + at, '0', (size_t)n);
    return at + (size_t)n;
}

/* d.ddde+XX, the exponent with two digits at least. */
static size_t put_e(char *out, size_t at, const struct decimal *d)
{
    unsigned e = (unsigned)(d->exponent < 0 ? -d->exponent : d->exponent);

    out[at++] = d->digits[0];
    if (d->n > 1) {
        out[at++] = '.';
        at = put(out, at, d->digits + 1, d->n - 1);
    }
    out[at++] = 'e';
    out[at++] = d->exponent < 0 ? '-' : '+';
    if (e >= 100)
        out[at++] = (char)('0' + e / 100);
    out[at++] = (char)('0' + e / 10 % 10);
    out[at++] = (char)('0' + e % 10);
    return at;
}

static size_t put_f(char *out, size_t at, const struct decimal *d)
{
    size_t whole = d->exponent < 0 ? 0 : MIN((size_t)d->exponent + 1, d->n);

    if (whole == 0) {
        at = put(out, at, "0.", 2);
        at = put_zeros(out, at, -d->exponent - 1);
        return put(out, at, d->digits, d->n);
    }
    at = put(out, at, d->digits, whole);
    at = put_zeros(out, at, d->exponent + 1 - (int)whole);
    if (d->n > whole) {
        out[at++] = '.';
        at = put(out, at, d->digits + whole, d->n - whole);
    }
    return at;
}

static size_t put_special(char *out, double v)
{
    if (isnan(v))
        return put(out, 0, "NaN", 3);
    return put(out, 0, v < 0 ? "-Inf" : "+Inf", 4);
}

size_t num_format(char out[NUM_TEXT_MAX], double v, char format)
{
    struct decimal d = {.digits = "0", .n = 1};
    size_t at = 0;

    CHECK(format == 'f' || format == 'e' || format == 'g');
    if (!isfinite(v))
        return put_special(out, v);
    if (signbit(v))
        out[at++] = '-';
    if (v != 0)
        d.n = base__num_digits(fabs(v), d.digits, &d.exponent);
    if (format == 'g')
        format = d.exponent < G_LEAST_EXPONENT || d.exponent >= G_END_EXPONENT ? 'e' : 'f';
    return format == 'e' ? put_e(out, at, &d) : put_f(out, at, &d);
}

size_t num_format_sample(char out[NUM_TEXT_MAX], double v)
{
    double size = fabs(v);

    return num_format(out, v, size != 0 && (size < 1e-6 || size >= 1e21) ? 'e' : 'f');
}

void buf_add_num(struct buf *b, double v, char format)
{
    char text[NUM_TEXT_MAX];

    buf_add(b, text, num_format(text, v, format));
}

void buf_add_sample_value(struct buf *b, double v)
{
    char text[NUM_TEXT_MAX];

    buf_add(b, text, num_format_sample(text, v));
}
