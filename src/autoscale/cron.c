/*
 * cron.c - see cron.h.
 */
#include "cron.h"

#include "autoscale_priv.h"
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

static int parse_number(struct str s, unsigned *out, struct fault *f)
{
    struct str digits = s.n > 1 && s.p[0] == '+' ? str_cut(s, 1) : s;
    int64_t v;

    if (!str_to_i64(digits, &v) || (digits.n > 0 && digits.p[0] == '+'))
        return fault_set(f, FER_EINVAL, 0, "failed to parse int from '" STR_FMT "'", STR_ARG(s));
    if (v < 0)
        return fault_set(f, FER_EINVAL, 0, "negative number not allowed: " STR_FMT, STR_ARG(s));
    *out = (unsigned)MIN(v, 1000); /* more than any field has */
    return 0;
}

static int parse_value(const struct field *fd, struct str s, unsigned *out, struct fault *f)
{
    for (size_t i = 0; i < fd->n_words; i++)
        if (str_eq_nocase(s, str_of(fd->words[i]))) {
            *out = fd->least + (unsigned)i;
            return 0;
        }
    return parse_number(s, out, f);
}

/* What is before `sep`; rest->p is NULL when there is none. */
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

static bool has_char(struct str s, char c)
{
    return s.p != NULL && memchr(s.p, c, s.n) != NULL;
}

/* low[-high]; what follows a star is not looked at. */
static int parse_bounds(const struct field *fd, struct str s, unsigned *low, unsigned *high,
                        bool *star, struct fault *f)
{
    struct str high_text, low_text = before(s, '-', &high_text);
    int rc;

    *low = fd->least;
    *high = fd->most;
    *star = str_is(low_text, "*") || str_is(low_text, "?");
    if (*star)
        return 0;
    rc = parse_value(fd, low_text, low, f);
    *high = *low;
    if (rc == 0 && has_char(high_text, '-'))
        return fault_set(f, FER_EINVAL, 0, "too many hyphens: " STR_FMT, STR_ARG(s));
    return rc < 0 || high_text.p == NULL ? rc : parse_value(fd, high_text, high, f);
}

/* One of "*", "7", "1-5", each with "/step"; "7/2" goes on to the end. */
static int parse_range(const struct field *fd, struct str s, uint64_t *bits, bool *any,
                       struct fault *f)
{
    struct str step_text, range = before(s, '/', &step_text);
    unsigned low, high, step = 1;
    bool star;
    int rc = parse_bounds(fd, range, &low, &high, &star, f);

    if (rc == 0 && has_char(step_text, '/'))
        return fault_set(f, FER_EINVAL, 0, "too many slashes: " STR_FMT, STR_ARG(s));
    if (rc == 0 && step_text.p != NULL)
        rc = parse_number(step_text, &step, f);
    if (rc < 0)
        return rc;
    if (step_text.p != NULL && !has_char(range, '-'))
        high = fd->most;
    if (low < fd->least || high > fd->most || low > high)
        return fault_set(f, FER_EINVAL, 0, "'" STR_FMT "' is not within %u to %u", STR_ARG(s),
                         fd->least, fd->most);
    if (step == 0)
        return fault_set(f, FER_EINVAL, 0, "step of range should be a positive number: " STR_FMT,
                         STR_ARG(s));
    *any = *any || (star && step == 1);
    for (unsigned v = low; v <= high; v += step)
        *bits |= UINT64_C(1) << v;
    return 0;
}

/* A list; empty items are passed over, and a list of none matches nothing. */
static int parse_field(const struct field *fd, struct str s, uint64_t *bits, bool *any,
                       struct fault *f)
{
    struct fault why = {0};
    struct str part;

    *bits = 0;
    *any = false;
    while (str_split(&s, ',', &part))
        if (part.n > 0 && parse_range(fd, part, bits, any, &why) < 0)
            return fault_set(f, FER_EINVAL, 0, "%s: %s", fd->name, why.text);
    return 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next word of *rest; false: there is none. */
static bool next_word(struct str *rest, struct str *word)
{
    size_t n = 0;

    while (rest->n > 0 && is_space(rest->p[0]))
        *rest = str_cut(*rest, 1);
    while (n < rest->n && !is_space(rest->p[n]))
        n++;
    *word = (struct str){rest->p, n};
    *rest = str_cut(*rest, n);
    return n > 0;
}

/* "TZ=ZONE " or "CRON_TZ=ZONE " before the fields. */
static int parse_own_zone(struct arena *a, struct str *text, struct cron_schedule *out,
                          struct fault *f)
{
    struct str name, rest;
    struct zone *zone;

    out->zone = NULL;
    if (!str_starts(*text, "TZ=") && !str_starts(*text, "CRON_TZ="))
        return 0;
    (void)before(before(*text, ' ', &rest), '=', &name);
    if (autoscale__zone_load(a, name, &zone, f) < 0)
        return fault_set(f, FER_EINVAL, 0,
                         "provided bad location " STR_FMT ": unknown time zone " STR_FMT,
                         STR_ARG(name), STR_ARG(name));
    out->zone = zone;
    *text = rest;
    return 0;
}

int autoscale__cron_parse(struct arena *a, struct str text, struct cron_schedule *out,
                          struct fault *f)
{
    uint64_t *const bits[] = {&out->minute, &out->hour, &out->dom, &out->month, &out->dow};
    struct str words[COUNT(fields)], rest = text, word;
    bool any[COUNT(fields)];
    size_t n = 0;
    int rc = parse_own_zone(a, &rest, out, f);

    if (rc < 0)
        return rc;
    text = rest;
    if (str_starts(text, "@"))
        return fault_set(f, FER_EINVAL, 0, "parser does not accept descriptors: " STR_FMT,
                         STR_ARG(text));
    while (next_word(&rest, &word)) {
        if (n < COUNT(fields))
            words[n] = word;
        n++;
    }
    if (n != COUNT(fields))
        return fault_set(f, FER_EINVAL, 0, "expected exactly 5 fields, found %zu: [" STR_FMT "]", n,
                         STR_ARG(text));
    for (size_t i = 0; rc == 0 && i < COUNT(fields); i++)
        rc = parse_field(&fields[i], words[i], bits[i], &any[i], f);
    if (rc < 0)
        return rc;
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

/* A time that goes on: its local date follows it. */
struct walk {
    const struct zone *zone;
    int64_t t;
    struct civil d;
    bool rounded; /* down to the unit that is looked at */
};

static void go(struct walk *w, int64_t t)
{
    w->t = t;
    civil_from_unix(t + autoscale__zone_offset_s(w->zone, t), &w->d);
}

/* To a local date, of which days may be more than the month has. */
static void go_local(struct walk *w, int64_t year, int month, int day, int second)
{
    go(w, autoscale__zone_unix_s(w->zone, days_from_civil(year, month, day) * DAY_S + second));
}

static void round_down(struct walk *w, int day, int second)
{
    if (!w->rounded)
        go_local(w, w->d.year, w->d.month, day, second);
    w->rounded = true;
}

static int second_of_day(const struct civil *d)
{
    return d->hour * HOUR_S + d->minute * MINUTE_S + d->second;
}

/* The next day's midnight. Where that is skipped it is an hour off, which counts as midnight. */
static void next_day(struct walk *w)
{
    int64_t before = w->t;

    go_local(w, w->d.year, w->d.month, w->d.day + 1, second_of_day(&w->d));
    if (w->d.hour > 12)
        go(w, w->t + (24 - w->d.hour) * HOUR_S);
    else if (w->d.hour > 0)
        go(w, w->t - w->d.hour * HOUR_S);
    if (w->t <= before) /* a day that a zone has left out, over which robfig/cron never gets */
        go(w, before + DAY_S);
}

/* Each returns false when it has come to the begin of the next unit: all is looked at anew. */
static bool find_month(struct walk *w, const struct cron_schedule *c)
{
    while (!has(c->month, w->d.month)) {
        round_down(w, 1, 0);
        go_local(w, w->d.year + w->d.month / 12, w->d.month % 12 + 1, w->d.day,
                 second_of_day(&w->d));
        if (w->d.month == 1)
            return false;
    }
    return true;
}

static bool find_day(struct walk *w, const struct cron_schedule *c)
{
    while (!day_matches(c, &w->d)) {
        round_down(w, w->d.day, 0);
        next_day(w);
        if (w->d.day == 1)
            return false;
    }
    return true;
}

static bool find_hour(struct walk *w, const struct cron_schedule *c)
{
    while (!has(c->hour, w->d.hour)) {
        round_down(w, w->d.day, w->d.hour * HOUR_S);
        go(w, w->t + HOUR_S);
        if (w->d.hour == 0)
            return false;
    }
    return true;
}

static bool find_minute(struct walk *w, const struct cron_schedule *c)
{
    while (!has(c->minute, w->d.minute)) {
        w->rounded = true;
        go(w, w->t - w->d.second + MINUTE_S);
        if (w->d.minute == 0)
            return false;
    }
    return true;
}

static bool find_second(struct walk *w)
{
    if (w->d.second == 0)
        return true;
    w->rounded = true;
    go(w, w->t - w->d.second + MINUTE_S);
    return false;
}

/* The way of robfig/cron, because where clocks are changed the way makes a difference. */
int64_t autoscale__cron_next(const struct cron_schedule *c, const struct zone *z, int64_t unix_s)
{
    struct walk w = {.zone = c->zone != NULL ? c->zone : z};
    int64_t last_year;

    go(&w, unix_s + 1);
    last_year = w.d.year + 5;
    while (w.d.year <= last_year)
        if (find_month(&w, c) && find_day(&w, c) && find_hour(&w, c) && find_minute(&w, c) &&
            find_second(&w))
            return w.t;
    return CRON_NEVER;
}

/* ---- the trigger ------------------------------------------------------------------------ */

static int bad_metadata(struct fault *f, const char *what, const char *why)
{
    return fault_set(f, FER_EINVAL, 0, "error parsing cron metadata: %s%s", what, why);
}

static int schedule(const struct trigger *t, struct arena *a, const char *key,
                    struct cron_schedule *out, struct fault *f)
{
    struct fault why = {0};

    if (autoscale__cron_parse(a, str_trim(pairs_get(&t->metadata, key)), out, &why) < 0)
        return bad_metadata(f, arena_printf(a, "error parsing %s schedule: ", key).p, why.text);
    return 0;
}

static int read_replicas(const struct trigger *t, struct arena *a, int64_t *out, struct fault *f)
{
    struct str text = str_trim(pairs_get(&t->metadata, "desiredReplicas"));
    struct fault why = {0};
    double v;

    if (autoscale__json_number(text, "int64", &v, &why) < 0 || !str_to_i64(text, out))
        return bad_metadata(f,
                            arena_printf(a,
                                         "unable to set param \"desiredReplicas\" value "
                                         "\"" STR_FMT "\": unable to unmarshal to field type "
                                         "int64: ",
                                         STR_ARG(text))
                                .p,
                            why.text);
    return *out != 0 ? 0 : bad_metadata(f, "no desiredReplicas specified", "");
}

int autoscale__cron_trigger_read(const struct trigger *t, struct arena *a, struct cron_trigger *out,
                                 struct fault *f)
{
    static const char *const required[] = {"start", "end", "timezone", "desiredReplicas"};
    struct str start = str_trim(pairs_get(&t->metadata, "start"));
    struct str end = str_trim(pairs_get(&t->metadata, "end"));
    int rc;

    for (size_t i = 0; i < COUNT(required); i++)
        if (str_trim(pairs_get(&t->metadata, required[i])).n == 0)
            return bad_metadata(
                f,
                arena_printf(a, "missing required parameter \"%s\" in [triggerMetadata]",
                             required[i])
                    .p,
                "");
    rc = schedule(t, a, "start", &out->start, f);
    rc = rc < 0 ? rc : schedule(t, a, "end", &out->end, f);
    if (rc == 0 && str_eq(start, end))
        rc = bad_metadata(f, "start and end can not have exactly same time input", "");
    rc = rc < 0 ? rc : read_replicas(t, a, &out->replicas, f);
    if (rc < 0)
        return rc;
    return autoscale__zone_load(a, str_trim(pairs_get(&t->metadata, "timezone")), &out->zone, f);
}

/*
 * KEDA compares the next start with the next end: when the end comes first, it is within. A
 * schedule that never matches gives Go's zero time, which is before any other; where clocks are set
 * back, "next" may be before now.
 */
double autoscale__cron_trigger_value(const struct cron_trigger *t, ts_ms now)
{
    int64_t now_s = now / 1000;
    int64_t start = autoscale__cron_next(&t->start, t->zone, now_s);
    int64_t end = autoscale__cron_next(&t->end, t->zone, now_s);
    bool within = start < end ? now_s > start && now_s < end : now_s > start || now_s < end;

    return within ? (double)t->replicas : 0;
}
