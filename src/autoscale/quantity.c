/*
 * quantity.c - Kubernetes' quantities, as far as metrics need them: thousandths in an int64.
 */
#include "autoscale_priv.h"

#include "ferula/base/num.h"

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

/* What stands behind the number; false when it is no suffix. An E alone is exa. */
static bool suffix_factor(struct str suffix, double *out)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {
        {"",   1     },
        {"n",  1e-9  },
        {"u",  1e-6  },
        {"m",  1e-3  },
        {"k",  1e3   },
        {"M",  1e6   },
        {"G",  1e9   },
        {"T",  1e12  },
        {"P",  1e15  },
        {"E",  1e18  },
        {"Ki", 0x1p10},
        {"Mi", 0x1p20},
        {"Gi", 0x1p30},
        {"Ti", 0x1p40},
        {"Pi", 0x1p50},
        {"Ei", 0x1p60},
    };

    for (size_t i = 0; i < COUNT(units); i++)
        if (str_is(suffix, units[i].suffix)) {
            *out = units[i].factor;
            return true;
        }
    return false;
}

bool autoscale__quantity_parse(struct str s, double *out)
{
    size_t n = s.n > 0 && (s.p[0] == '+' || s.p[0] == '-') ? 1 : 0;
    double v, factor = 1;
    struct str suffix;
    int64_t exponent;

    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    suffix = str_cut(s, n);
    if (suffix.n > 1 && (suffix.p[0] == 'e' || suffix.p[0] == 'E') &&
        str_to_i64(str_cut(suffix, 1), &exponent))
        n = s.n;
    else if (!suffix_factor(suffix, &factor))
        return false;
    if (!num_parse((struct str){s.p, n}, &v, NULL))
        return false;
    *out = v * factor;
    return true;
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
