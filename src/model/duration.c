/*
 * duration.c - durations as Prometheus writes and reads them.
 */
#include "ferula/model/duration.h"

#include "ferula/base/check.h"

#define NS_PER_MS     UINT64_C(1000000)
#define MAX_NS        ((uint64_t)INT64_MAX) /* about 292 years, as in Go */
#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_DAY    (24 * 3600 * MS_PER_SECOND)

/* Largest first: the order in which units may follow each other. */
static const struct {
    struct str name;
    int64_t ms;
    bool only_whole; /* printed only when nothing remains: 90d reads easier than 12w6d */
} units[] = {
    {STR_INIT("y"),  365 * MS_PER_DAY,     true },
    {STR_INIT("w"),  7 * MS_PER_DAY,       true },
    {STR_INIT("d"),  MS_PER_DAY,           false},
    {STR_INIT("h"),  3600 * MS_PER_SECOND, false},
    {STR_INIT("m"),  60 * MS_PER_SECOND,   false},
    {STR_INIT("s"),  MS_PER_SECOND,        false},
    {STR_INIT("ms"), 1,                    false},
};

static int refuse(struct fault *f, const char *what, struct str s)
{
    struct buf b = {0};

    buf_add_go_quoted(&b, s);
    fault_set(f, FER_EINVAL, 0, "%s" STR_FMT, what, STR_ARG(buf_str(&b)));
    buf_release(&b);
    return FER_EINVAL;
}

static int refuse_unit(struct fault *f, struct str unit, struct str all)
{
    struct buf b = {0};

    buf_puts(&b, "unknown unit ");
    buf_add_go_quoted(&b, unit);
    buf_puts(&b, " in duration ");
    buf_add_go_quoted(&b, all);
    fault_set(f, FER_EINVAL, 0, STR_FMT, STR_ARG(buf_str(&b)));
    buf_release(&b);
    return FER_EINVAL;
}

/* Takes bytes off *s as long as their being digits is `digits`. */
static struct str take(struct str *s, bool digits)
{
    struct str taken = *s;
    size_t n = 0;

    while (n < s->n && (s->p[n] >= '0' && s->p[n] <= '9') == digits)
        n++;
    taken.n = n;
    *s = str_cut(*s, n);
    return taken;
}

static size_t find_unit(struct str name)
{
    size_t i = 0;

    while (i < COUNT(units) && !str_eq(units[i].name, name))
        i++;
    return i;
}

static int add_part(uint64_t *sum_ns, uint64_t v, int64_t unit_ms, struct fault *f)
{
    uint64_t ns;

    if (__builtin_mul_overflow(v, (uint64_t)unit_ms * NS_PER_MS, &ns) ||
        __builtin_add_overflow(*sum_ns, ns, sum_ns) || *sum_ns > MAX_NS)
        return fault_set(f, FER_EINVAL, 0, "duration out of range");
    return 0;
}

int duration_parse(struct str s, dur_ms *out, struct fault *f)
{
    struct str rest = s;
    size_t next = 0; /* the first unit that may still come */
    uint64_t ns = 0;

    if (s.n == 0)
        return fault_set(f, FER_EINVAL, 0, "empty duration string");
    if (str_is(s, "0")) {
        *out = 0;
        return 0;
    }
    while (rest.n > 0) {
        struct str number = take(&rest, true), name = take(&rest, false);
        size_t unit = find_unit(name);
        uint64_t v;
        int rc;

        if (!str_to_u64(number, &v) || name.n == 0)
            return refuse(f, "not a valid duration string: ", s);
        if (unit == COUNT(units))
            return refuse_unit(f, name, s);
        if (unit < next)
            return refuse(f, "not a valid duration string: ", s);
        next = unit + 1;
        rc = add_part(&ns, v, units[unit].ms, f);
        if (rc < 0)
            return rc;
    }
    *out = (dur_ms)(ns / NS_PER_MS);
    return 0;
}

void duration_print(struct buf *b, dur_ms d)
{
    uint64_t ms = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;

    if (d == 0) {
        buf_puts(b, "0s");
        return;
    }
    if (d < 0)
        buf_putc(b, '-');
    for (size_t i = 0; i < COUNT(units); i++) {
        uint64_t unit = (uint64_t)units[i].ms;

        if (ms < unit || (units[i].only_whole && ms % unit != 0))
            continue;
        buf_add_u64(b, ms / unit);
        buf_add_str(b, units[i].name);
        ms %= unit;
    }
}
