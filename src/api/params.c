/*
 * params.c - times, durations, limits and label names as Prometheus reads them from a request.
 */
#include "api.h"

#include <inttypes.h>
#include <math.h>

#include "ferula/base/num.h"
#include "ferula/model/duration.h"

#define NS_PER_S INT64_C(1000000000)

/* Go's %q of a parameter, for messages. */
static int fail_quoted(struct fault *f, const char *before, struct str s, const char *after)
{
    struct buf b = {0};
    int rc;

    buf_puts(&b, before);
    buf_add_go_quoted(&b, s);
    buf_puts(&b, after);
    rc = fault_set(f, FER_EINVAL, 0, STR_FMT, STR_ARG(buf_str(&b)));
    buf_release(&b);
    return rc;
}

/*
 * Go rounds the fraction to milliseconds, multiplies it to nanoseconds and cuts; a last digit that
 * the multiplication loses is lost there too. What is outside the bounds becomes the bound.
 */
static ts_ms time_from_seconds(double t)
{
    double whole, fraction = modf(t, &whole);
    int64_t ns, ms;

    if (!(t > (double)API_MIN_TIME / 1000)) /* NaN too */
        return API_MIN_TIME;
    if (t >= (double)API_MAX_TIME / 1000)
        return API_MAX_TIME;
    ns = (int64_t)(round(fraction * 1000) / 1000 * (double)NS_PER_S);
    ms = ns / 1000000;
    if (ns % 1000000 < 0)
        ms--;
    return (ts_ms)whole * 1000 + ms;
}

int api__parse_time(struct str s, ts_ms *out, struct fault *f)
{
    double t;
    bool out_of_range = false;

    if (num_parse(s, &t, &out_of_range) && !out_of_range) {
        *out = time_from_seconds(t);
        return 0;
    }
    if (time_parse_rfc3339(s, out) == 0)
        return 0;
    /* What client_golang sends for its two ends of time; years have more than four digits. */
    if (str_is(s, "-292273086-05-16T16:47:06Z")) {
        *out = API_MIN_TIME;
        return 0;
    }
    if (str_is(s, "292277025-08-18T07:12:54.999999999Z")) {
        *out = API_MAX_TIME;
        return 0;
    }
    return fail_quoted(f, "cannot parse ", s, " to a valid timestamp");
}

int api__parse_duration_ns(struct str s, int64_t *out_ns, struct fault *f)
{
    bool out_of_range = false;
    double seconds;
    dur_ms ms;

    if (num_parse(s, &seconds, &out_of_range) && !out_of_range) {
        double ns = seconds * (double)NS_PER_S;

        if (ns > (double)INT64_MAX || ns < (double)INT64_MIN)
            return fail_quoted(f, "cannot parse ", s, " to a valid duration. It overflows int64");
        /* Go leaves NaN and 2^63 to the processor, which answers with the smallest number. */
        *out_ns = ns < (double)INT64_MAX ? (int64_t)ns : INT64_MIN;
        return 0;
    }
    if (duration_parse(s, &ms, NULL) == 0 && ms <= INT64_MAX / 1000000) {
        *out_ns = ms * 1000000;
        return 0;
    }
    return fail_quoted(f, "cannot parse ", s, " to a valid duration");
}

int api__parse_atoi(struct str s, int64_t *out, struct fault *f)
{
    struct str digits = s;

    if (str_to_i64(s, out))
        return 0;
    if (digits.n > 0 && (digits.p[0] == '-' || digits.p[0] == '+'))
        digits = str_cut(digits, 1);
    for (size_t i = 0; i < digits.n; i++)
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return fail_quoted(f, "strconv.Atoi: parsing ", s, ": invalid syntax");
    return fail_quoted(f, "strconv.Atoi: parsing ", s,
                       digits.n == 0 ? ": invalid syntax" : ": value out of range");
}

/* Puts `invalid parameter "name": ` before what f says. */
static int invalid_param(struct fault *f, const char *name)
{
    struct fault inner = *f;

    return fault_set(f, FER_EINVAL, 0, "invalid parameter \"%s\": %s", name, inner.text);
}

int api__limit_param(const struct http_req *req, size_t *limit, struct fault *f)
{
    struct str s = http_param(req, "limit");
    int64_t n = 0;

    if (s.n > 0 && api__parse_atoi(s, &n, f) < 0)
        return invalid_param(f, "limit");
    if (n < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "invalid parameter \"limit\": limit must be non-negative");
    *limit = (size_t)n;
    return 0;
}

int api__time_param(const struct http_req *req, const char *name, ts_ms absent, ts_ms *out,
                    struct fault *f)
{
    struct str s = http_param(req, name);
    struct fault inner;

    if (s.n == 0) {
        *out = absent;
        return 0;
    }
    if (api__parse_time(s, out, &inner) == 0)
        return 0;
    return fault_set(f, FER_EINVAL, 0, "invalid parameter \"%s\": invalid time value for '%s': %s",
                     name, name, inner.text);
}

int api__range_params(const struct http_req *req, struct source_range *out, struct fault *f)
{
    int rc = api__time_param(req, "start", API_MIN_TIME, &out->from, f);

    if (rc == 0)
        rc = api__time_param(req, "end", API_MAX_TIME, &out->to, f);
    return rc;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * Reads a code point in hex and the underscore after it; rest->p is just after the first
 * underscore. False when malformed.
 */
static bool take_code_point(struct str *rest, struct buf *out)
{
    uint32_t rune = 0;
    char utf8[4];

    for (size_t i = 0; i < rest->n && i < 6; i++) {
        int digit = hex_digit(rest->p[i]);

        if (rest->p[i] == '_') {
            if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
                return false;
            buf_add(out, utf8, utf8_encode(rune, utf8));
            *rest = str_cut(*rest, i + 1);
            return true;
        }
        if (digit < 0)
            return false;
        rune = rune * 16 + (uint32_t)digit;
    }
    return false;
}

struct str api__unescape_name(struct arena *a, struct str name)
{
    struct buf out = {0};
    struct str rest, result = name;

    if (!str_starts(name, "U__"))
        return name;
    rest = str_cut(name, 3);
    while (rest.n > 0) {
        char c = rest.p[0];

        rest = str_cut(rest, 1);
        if (c != '_') {
            buf_putc(&out, c);
        } else if (rest.n > 0 && rest.p[0] == '_') {
            buf_putc(&out, '_');
            rest = str_cut(rest, 1);
        } else if (!take_code_point(&rest, &out)) {
            goto out;
        }
    }
    result = arena_str(a, buf_str(&out));
out:
    buf_release(&out);
    return result;
}
