/*
 * quantity.c - Kubernetes' quantities, as far as metrics need them: thousandths in an int64.
 */
#include "autoscale_priv.h"

#include <math.h>
#include <stdio.h>

/* 2^63 / 1000: above it thousandths do not fit. */
#define QUANTITY_MAX 9223372036854775.0

/* fmt.Sprintf("%.3f") and back: the double's exact decimal value decides how it is rounded. */
static int64_t rounded(double v)
{
    char text[64];
    int64_t milli = 0;
    int n = snprintf(text, sizeof(text), "%.3f", fabs(v));

    for (int i = 0; i < n; i++)
        if (text[i] >= '0' && text[i] <= '9')
            milli = milli * 10 + (text[i] - '0');
    return v < 0 ? -milli : milli;
}

int64_t quantity_of(double v, const struct autoscale_rules *rules)
{
    if (rules->quantities_round) {
        if (isnan(v) || isinf(v) || (v < 0 && rules->negatives_are_zero))
            return 0;
    } else if (isnan(v)) {
        return INT64_MIN; /* what amd64 makes of it */
    }
    if (v >= QUANTITY_MAX)
        return rules->quantities_round ? INT64_MAX : INT64_MIN;
    if (v <= -QUANTITY_MAX)
        return INT64_MIN;
    return rules->quantities_round ? rounded(v) : (int64_t)(v * 1000);
}

double autoscale__of_milli(int64_t milli)
{
    return (double)milli * 1e-3;
}

void quantity_print(struct buf *out, int64_t milli)
{
    static const char *const suffixes[] = {"m", "", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;

    if (milli == 0) {
        buf_putc(out, '0');
        return;
    }
    while (milli % 1000 == 0 && i + 1 < COUNT(suffixes)) {
        milli /= 1000;
        i++;
    }
    buf_add_i64(out, milli);
    buf_puts(out, suffixes[i]);
}

struct str autoscale__decimal(struct arena *a, int64_t milli)
{
    uint64_t abs = milli < 0 ? -(uint64_t)milli : (uint64_t)milli;
    struct str s = arena_printf(a, "%s%llu.%03llu", milli < 0 ? "-" : "",
                                (unsigned long long)(abs / 1000), (unsigned long long)(abs % 1000));

    while (s.p[s.n - 1] == '0')
        s.n--;
    if (s.p[s.n - 1] == '.')
        s.n--;
    return s;
}
