/*
 * cron.c - see cron.h.
 */
#include "cron.h"

#include <inttypes.h>

#include "ferula/base/check.h"
#include "ferula/model/duration.h"

#define MINUTE_S 60
#define HOUR_S   3600
#define DAY_S    86400

/* ---- parsing ---------------------------------------------------------------------------- */

struct field {
    const char *name;
    unsigned least, most;
    const char *const *words; /* of the values from `least` on; NULL: numbers alone */
    size_t n_words;
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field fields[] = {
    {"minute",       0, 59, NULL,   0            },
    {"hour",         0, 23, NULL,   0            },
    {"day of month", 1, 31, NULL,   0            },
    {"month",        1, 12, months, COUNT(months)},
    {"day of week",  0, 6,  days,   COUNT(days)  },
};

static bool parse_value(const struct field *fd, struct str s, unsigned *out)
{
    uint64_t v;

    for (size_t i = 0; i < fd->n_words; i++)
        if (str_eq_nocase(s, str_of(fd->words[i]))) {
            *out = fd->least + (unsigned)i;
            return true;
        }
    if (!str_to_u64(s, &v) || v > 1000)
        return false;
    *out = (unsigned)v;
    return true;
}

static struct str before(struct str s, char sep, struct str *rest)
{
    const char *at = memchr(s.p, sep, s.n);

    if (at == NULL) {
        *rest = (struct str){0};
        return s;
    }
    *rest = str_cut(s, (size_t)(at - s.p) + 1);
    return (struct str){s.p, (size_t)(at - s.p)};
}

/* One of "*", "7", "1-5", each with "/step"; "7/2" goes on to the end. */
static int parse_range(const struct field *fd, struct str s, uint64_t *bits, bool *any,
                       struct fault *f)
{
    struct str step_text, high_text, range = before(s, '/', &step_text);
    struct str low_text = before(range, '-', &high_text);
    unsigned low = fd->least, high = fd->most, step = 1;

    if (step_text.p != NULL && (!parse_value(fd, step_text, &step) || step == 0))
        return fault_set(f, FER_EINVAL, 0, "%s: bad step in '" STR_FMT "'", fd->name, STR_ARG(s));
    if (str_is(low_text, "*") || str_is(low_text, "?")) {
        *any = *any || step == 1;
    } else {
        if (!parse_value(fd, low_text, &low))
            return fault_set(f, FER_EINVAL, 0, "%s: failed to parse '" STR_FMT "'", fd->name,
                             STR_ARG(s));
        if (high_text.p == NULL)
            high = step_text.p != NULL ? fd->most : low;
        else if (!parse_value(fd, high_text, &high))
            return fault_set(f, FER_EINVAL, 0, "%s: failed to parse '" STR_FMT "'", fd->name,
                             STR_ARG(s));
    }
    if (low < fd->least || high > fd->most || low > high)
        return fault_set(f, FER_EINVAL, 0, "%s: '" STR_FMT "' is not within %u to %u", fd->name,
                         STR_ARG(s), fd->least, fd->most);
    for (unsigned v = low; v <= high; v += step)
        *bits |= UINT64_C(1) << v;
    return 0;
}

static int parse_field(const struct field *fd, struct str s, uint64_t *bits, bool *any,
                       struct fault *f)
{
    struct str part;

    *bits = 0;
    *any = false;
    while (str_split(&s, ',', &part)) {
        int rc = parse_range(fd, part, bits, any, f);

        if (rc < 0)
            return rc;
    }
    return 0;
}

int autoscale__cron_parse(struct str text, struct cron_schedule *out, struct fault *f)
{
    uint64_t *const bits[] = {&out->minute, &out->hour, &out->dom, &out->month, &out->dow};
    struct str words[COUNT(fields)], rest = str_trim(text), word;
    bool any[COUNT(fields)];
    size_t n = 0;

    while (str_split(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        if (n < COUNT(fields))
            words[n] = word;
        n++;
    }
    if (n != COUNT(fields))
        return fault_set(f, FER_EINVAL, 0, "expected exactly 5 fields, found %zu: [" STR_FMT "]", n,
                         STR_ARG(text));
    for (size_t i = 0; i < COUNT(fields); i++) {
        int rc = parse_field(&fields[i], words[i], bits[i], &any[i], f);

        if (rc < 0)
            return rc;
    }
    out->any_dom = any[2];
    out->any_dow = any[4];
    return 0;
}

/* ---- the next time ---------------------------------------------------------------------- */

static bool has(uint64_t bits, int v)
{
    return bits >> v & 1;
}

/* Both kinds of days are looked at: each when the other is a star, else one of the two is enough.
 */
static bool day_matches(const struct cron_schedule *c, const struct civil *d)
{
    bool dom = has(c->dom, d->day), dow = has(c->dow, d->weekday);

    return c->any_dom || c->any_dow ? dom && dow : dom || dow;
}

static struct civil local(const struct zone *z, int64_t t)
{
    struct civil d;

    civil_from_unix(t + autoscale__zone_offset_s(z, t), &d);
    return d;
}

/* The local midnight after `t`, also where clocks are changed on that day. */
static int64_t next_day(const struct zone *z, int64_t t, const struct civil *d)
{
    struct civil there;

    t += DAY_S - (d->hour * HOUR_S + d->minute * MINUTE_S);
    there = local(z, t);
    if (there.hour > 12)
        t += (24 - there.hour) * HOUR_S;
    else if (there.hour > 0)
        t -= there.hour * HOUR_S;
    return t;
}

int64_t autoscale__cron_next(const struct cron_schedule *c, const struct zone *z, int64_t unix_s)
{
    int64_t t = unix_s - ((unix_s % MINUTE_S) + MINUTE_S) % MINUTE_S + MINUTE_S;
    int64_t last_year = local(z, unix_s).year + 5;

    for (;;) {
        struct civil d = local(z, t);

        if (d.year > last_year)
            return CRON_NEVER;
        if (!has(c->month, d.month) || !day_matches(c, &d))
            t = next_day(z, t, &d);
        else if (!has(c->hour, d.hour))
            t += HOUR_S - d.minute * MINUTE_S;
        else if (!has(c->minute, d.minute))
            t += MINUTE_S;
        else
            return t;
    }
}

/* ---- the trigger ------------------------------------------------------------------------ */

static int schedule(const struct trigger *t, const char *key, struct cron_schedule *out,
                    struct fault *f)
{
    struct str text = str_trim(pairs_get(&t->metadata, key));
    struct fault why;

    if (text.n == 0)
        return fault_set(f, FER_EINVAL, 0,
                         "error parsing cron metadata: missing required parameter \"%s\" in "
                         "[triggerMetadata]",
                         key);
    if (autoscale__cron_parse(text, out, &why) < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "error parsing cron metadata: error parsing %s schedule: %s", key,
                         why.text);
    return 0;
}

int autoscale__cron_trigger_read(const struct trigger *t, struct arena *a, struct cron_trigger *out,
                                 struct fault *f)
{
    struct str start = str_trim(pairs_get(&t->metadata, "start"));
    struct str end = str_trim(pairs_get(&t->metadata, "end"));
    int rc = schedule(t, "start", &out->start, f);

    rc = rc < 0 ? rc : schedule(t, "end", &out->end, f);
    if (rc < 0)
        return rc;
    if (str_eq(start, end))
        return fault_set(
            f, FER_EINVAL, 0,
            "error parsing cron metadata: start and end can not have exactly same time input");
    if (!str_to_i64(str_trim(pairs_get(&t->metadata, "desiredReplicas")), &out->replicas) ||
        out->replicas == 0)
        return fault_set(f, FER_EINVAL, 0,
                         "error parsing cron metadata: no desiredReplicas specified");
    return autoscale__zone_load(a, str_trim(pairs_get(&t->metadata, "timezone")), &out->zone, f);
}

/*
 * KEDA compares the next start with the next end: when the end comes first, it is within. A
 * schedule that never matches gives Go's zero time, which is before any other.
 */
double autoscale__cron_trigger_value(const struct cron_trigger *t, ts_ms now)
{
    int64_t now_s = now / 1000;
    int64_t start = autoscale__cron_next(&t->start, t->zone, now_s);
    int64_t end = autoscale__cron_next(&t->end, t->zone, now_s);
    bool within = start < end ? start == CRON_NEVER : start == CRON_NEVER || end != CRON_NEVER;

    return within ? (double)t->replicas : 0;
}
