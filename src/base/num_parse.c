/*
 * num_parse.c - numbers as Go reads them. The text is checked here; decimal digits become a double
 * in the C++ library, hexadecimal ones here.
 */
#include "ferula/base/num.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "num_digits.h"

#define MANTISSA_BITS  53
#define LEAST_EXPONENT (-1022) /* of a normal double 1.xxx * 2^e */
#define MANY           1000000 /* an exponent beyond all doubles; larger ones are cut to it */
#define SHORT_TEXT     128

/* What a scan found. */
struct scan {
    uint64_t mantissa; /* hexadecimal only: the first 16 digits, the last bit set for lost ones */
    int64_t exponent;  /* of the first digit that is not zero: d.ddd * base^exponent */
    int64_t written;   /* the exponent after 'e' or 'p' */
    int digits;        /* significant hexadecimal digits in `mantissa` */
    bool any_nonzero, has_exponent, has_underscore;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int digit_of(char c, int base)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take_digit(struct scan *sc, int digit, int64_t place)
{
    if (digit != 0 && !sc->any_nonzero) {
        sc->any_nonzero = true;
        sc->exponent = place;
    }
    if (!sc->any_nonzero)
        return;
    if (sc->digits < 16) {
        sc->mantissa = sc->mantissa << 4 | (unsigned)digit;
        sc->digits++;
    } else if (digit != 0) {
        sc->mantissa |= 1;
    }
}

/*
 * Digits with at most one point. `place` counts down from 0 at the first digit; the shift that puts
 * 0 at the units is only known at the point.
 */
static bool scan_mantissa(struct str *s, int base, struct scan *sc)
{
    int64_t place = 0, units = 0;
    bool any = false, point = false;

    for (; s->n > 0; *s = str_cut(*s, 1)) {
        char c = s->p[0];
        int digit = digit_of(c, base);

        if (c == '_') {
            sc->has_underscore = true;
        } else if (c == '.' && !point) {
            point = true;
            units = place;
        } else if (digit >= 0) {
            any = true;
            take_digit(sc, digit, place--);
        } else {
            break;
        }
    }
    sc->exponent -= (point ? units : place) + 1;
    return any;
}

/* What follows the 'e' or 'p'. */
static bool scan_exponent(struct str *s, struct scan *sc)
{
    bool negative = s->n > 0 && s->p[0] == '-';

    if (s->n > 0 && (s->p[0] == '-' || s->p[0] == '+'))
        *s = str_cut(*s, 1);
    if (s->n == 0 || digit_of(s->p[0], 10) < 0)
        return false;
    for (; s->n > 0; *s = str_cut(*s, 1)) {
        int digit = digit_of(s->p[0], 10);

        if (s->p[0] == '_')
            sc->has_underscore = true;
        else if (digit < 0)
            break;
        else if (sc->written < MANY)
            sc->written = sc->written * 10 + digit;
    }
    if (negative)
        sc->written = -sc->written;
    sc->has_exponent = true;
    return true;
}

static bool scan_number(struct str s, int base, struct scan *sc)
{
    if (!scan_mantissa(&s, base, sc))
        return false;
    if (s.n > 0 && lower(s.p[0]) == (base == 16 ? 'p' : 'e')) {
        s = str_cut(s, 1);
        if (!scan_exponent(&s, sc))
            return false;
    }
    return s.n == 0 && (base != 16 || sc->has_exponent);
}

/* A digit on both sides of each; the base prefix counts as one. `s` starts behind it. */
static bool underscores_fit(struct str s, int base)
{
    bool after_digit = base == 16;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '_' && (!after_digit || i + 1 == s.n || digit_of(s.p[i + 1], base) < 0))
            return false;
        after_digit = digit_of(s.p[i], base) >= 0;
    }
    return true;
}

/* Rounds to even by hand, because ldexp() would round a second time where doubles are denormal. */
static double hex_value(const struct scan *sc)
{
    int64_t exponent;
    uint64_t m = sc->mantissa, kept, lost;
    int bits = MANTISSA_BITS, shift;

    if (!sc->any_nonzero)
        return 0;
    shift = __builtin_clzll(m);
    m <<= shift;
    /* The first digit has 4 bits, of which `shift` (less whole digits) are zero. */
    exponent = sc->exponent * 4 + 3 - (shift - (16 - sc->digits) * 4) + sc->written;
    if (exponent > MANY / 2)
        return INFINITY;
    if (exponent < LEAST_EXPONENT)
        bits -= (int)MIN(LEAST_EXPONENT - exponent, MANTISSA_BITS + 1);
    if (bits < 0)
        return 0;
    kept = bits == 0 ? 0 : m >> (64 - bits);
    lost = m << bits;
    if (lost > UINT64_C(1) << 63 || (lost == UINT64_C(1) << 63 && (kept & 1)))
        kept++;
    return ldexp((double)kept, (int)exponent - bits + 1);
}

static enum base__num_rc convert(struct str s, double *out)
{
    char brief[SHORT_TEXT], *text = s.n <= sizeof(brief) ? brief : xmalloc(s.n);
    enum base__num_rc rc;
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            text[n++] = s.p[i];
    rc = base__num_from_decimal(text, n, out);
    if (text != brief)
        free(text);
    return rc;
}

static bool decimal_value(struct str s, const struct scan *sc, double *out)
{
    double v = 0;
    enum base__num_rc rc =
        sc->has_underscore ? convert(s, &v) : base__num_from_decimal(s.p, s.n, &v);

    if (rc == BASE__NUM_RANGE)
        v = sc->any_nonzero && sc->exponent + sc->written > 0 ? INFINITY : 0;
    *out = v;
    return rc != BASE__NUM_MALFORMED;
}

/* inf and infinity (a sign went before), nan (none may). */
static bool special_value(struct str s, bool has_sign, double *out)
{
    if (str_eq_nocase(s, STR("inf")) || str_eq_nocase(s, STR("infinity"))) {
        *out = INFINITY;
        return true;
    }
    if (has_sign || !str_eq_nocase(s, STR("nan")))
        return false;
    *out = NAN;
    return true;
}

bool num_parse(struct str s, double *out, bool *range)
{
    bool has_sign = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    bool negative = has_sign && s.p[0] == '-';
    struct scan sc = {0};
    double v;

    if (range != NULL)
        *range = false;
    if (has_sign)
        s = str_cut(s, 1);
    if (!special_value(s, has_sign, &v)) {
        int base = s.n > 2 && s.p[0] == '0' && lower(s.p[1]) == 'x' ? 16 : 10;
        struct str digits = base == 16 ? str_cut(s, 2) : s;

        if (!scan_number(digits, base, &sc))
            return false;
        if (sc.has_underscore && !underscores_fit(digits, base))
            return false;
        if (base == 16)
            v = hex_value(&sc);
        else if (!decimal_value(s, &sc, &v))
            return false;
        if (range != NULL)
            *range = isinf(v);
    }
    *out = negative ? -v : v;
    return true;
}
