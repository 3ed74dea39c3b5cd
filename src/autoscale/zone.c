/*
 * zone.c - offsets of a time zone from its file (RFC 8536): transitions, and after the last of them
 * the rule in the file's footer ("CET-1CEST,M3.5.0,M10.5.0/3").
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cron.h"
#include "ferula/base/check.h"
#include "ferula/model/duration.h"

#define MAX_ZONE_BYTES (1u << 20)
#define HEADER_BYTES   44
#define DAY_S          86400

/* When clocks change: in month m, the week-th (5: last) weekday, at a second of the day. */
struct change {
    int month, week, weekday;
    int32_t at_s;
};

struct zone {
    size_t n;
    const int64_t *times;   /* of transitions */
    const int32_t *offsets; /* after each */
    int32_t first;          /* before the first */
    bool has_rule, has_dst; /* of the footer */
    int32_t std_s, dst_s;
    struct change to_dst, to_std;
};

/* ---- the footer ------------------------------------------------------------------------- */

static void skip_name(struct str *s)
{
    size_t i = 0;

    if (s->n > 0 && s->p[0] == '<') {
        while (i < s->n && s->p[i] != '>')
            i++;
        i++;
    } else {
        while (i < s->n && ((s->p[i] | 32) >= 'a' && (s->p[i] | 32) <= 'z'))
            i++;
    }
    *s = str_cut(*s, i);
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_cut(*s, 1);
    return true;
}

static bool take_int(struct str *s, int *out)
{
    int v = 0;
    size_t i = 0;

    for (; i < s->n && i < 4 && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        v = v * 10 + (s->p[i] - '0');
    *s = str_cut(*s, i);
    *out = v;
    return i > 0;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int32_t *out)
{
    bool minus = take_char(s, '-');
    int v[3] = {0};

    if (!minus)
        (void)take_char(s, '+');
    if (!take_int(s, &v[0]))
        return false;
    for (int i = 1; i < 3 && take_char(s, ':'); i++)
        if (!take_int(s, &v[i]))
            return false;
    *out = v[0] * 3600 + v[1] * 60 + v[2];
    *out = minus ? -*out : *out;
    return true;
}

static bool take_change(struct str *s, struct change *out)
{
    out->at_s = 2 * 3600;
    if (!take_char(s, ',') || !take_char(s, 'M') || !take_int(s, &out->month) ||
        !take_char(s, '.') || !take_int(s, &out->week) || !take_char(s, '.') ||
        !take_int(s, &out->weekday))
        return false;
    if (out->month < 1 || out->month > 12 || out->week < 1 || out->week > 5 || out->weekday > 6)
        return false;
    return !take_char(s, '/') || take_time(s, &out->at_s);
}

static void parse_rule(struct zone *z, struct str s)
{
    skip_name(&s);
    if (!take_time(&s, &z->std_s))
        return;
    z->std_s = -z->std_s;
    z->dst_s = z->std_s + 3600;
    z->has_rule = true;
    if (s.n == 0)
        return;
    skip_name(&s);
    if (s.n > 0 && s.p[0] != ',') {
        if (!take_time(&s, &z->dst_s))
            return;
        z->dst_s = -z->dst_s;
    }
    z->has_dst = take_change(&s, &z->to_dst) && take_change(&s, &z->to_std);
}

/* The local second of a change in a year. */
static int64_t change_local_s(const struct change *c, int64_t year)
{
    int64_t day = days_from_civil(year, c->month, 1);
    struct civil d;

    civil_from_unix(day * DAY_S, &d);
    day += (c->weekday - d.weekday + 7) % 7 + 7 * (c->week - 1);
    civil_from_unix(day * DAY_S, &d);
    return (d.month == c->month ? day : day - 7) * DAY_S + c->at_s;
}

static int32_t rule_offset_s(const struct zone *z, int64_t t)
{
    struct civil d;
    int64_t on, off;

    if (!z->has_dst)
        return z->std_s;
    civil_from_unix(t + z->std_s, &d);
    on = change_local_s(&z->to_dst, d.year) - z->std_s;
    off = change_local_s(&z->to_std, d.year) - z->dst_s;
    if (on < off)
        return t >= on && t < off ? z->dst_s : z->std_s;
    return t >= off && t < on ? z->std_s : z->dst_s;
}

/* ---- the file --------------------------------------------------------------------------- */

static uint32_t be32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int64_t be64(const char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct header {
    uint32_t n_isut, n_isstd, n_leap, n_times, n_types, n_chars;
};

static bool read_header(struct str s, struct header *h)
{
    if (s.n < HEADER_BYTES || memcmp(s.p, "TZif", 4) != 0 || s.p[4] < '2')
        return false;
    *h = (struct header){be32(s.p + 20), be32(s.p + 24), be32(s.p + 28),
                         be32(s.p + 32), be32(s.p + 36), be32(s.p + 40)};
    return h->n_times <= 100000 && h->n_types >= 1 && h->n_types <= 256 && h->n_chars <= 100000 &&
           h->n_leap <= 100000 && h->n_isut <= 256 && h->n_isstd <= 256;
}

static size_t body_bytes(const struct header *h, size_t time_bytes)
{
    return h->n_times * (time_bytes + 1) + h->n_types * 6 + h->n_chars +
           h->n_leap * (time_bytes + 4) + h->n_isstd + h->n_isut;
}

static bool parse_zone(struct arena *a, struct str s, struct zone *z)
{
    struct header h;
    int64_t *times;
    int32_t *offsets;
    const char *types;

    /* The first block is for readers of 32-bit times. */
    if (!read_header(s, &h))
        return false;
    s = str_cut(s, HEADER_BYTES + body_bytes(&h, 4));
    if (!read_header(s, &h) || s.n < HEADER_BYTES + body_bytes(&h, 8))
        return false;
    times = arena_array(a, int64_t, h.n_times + 1);
    offsets = arena_array(a, int32_t, h.n_times + 1);
    types = s.p + HEADER_BYTES + (size_t)h.n_times * 9;
    for (uint32_t i = 0; i < h.n_times; i++) {
        unsigned type = (unsigned char)s.p[HEADER_BYTES + (size_t)h.n_times * 8 + i];

        if (type >= h.n_types)
            return false;
        times[i] = be64(s.p + HEADER_BYTES + (size_t)i * 8);
        offsets[i] = (int32_t)be32(types + (size_t)type * 6);
    }
    z->first = (int32_t)be32(types);
    z->n = h.n_times;
    z->times = times;
    z->offsets = offsets;
    s = str_trim(str_cut(s, HEADER_BYTES + body_bytes(&h, 8)));
    parse_rule(z, s);
    return true;
}

int32_t autoscale__zone_offset_s(const struct zone *z, int64_t unix_s)
{
    size_t lo = 0, hi = z->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (z->times[mid] <= unix_s)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == z->n && z->has_rule)
        return rule_offset_s(z, unix_s);
    return lo == 0 ? z->first : z->offsets[lo - 1];
}

int64_t autoscale__zone_unix_s(const struct zone *z, int64_t local_s)
{
    int32_t guess = autoscale__zone_offset_s(z, local_s);

    return local_s - autoscale__zone_offset_s(z, local_s - guess);
}

/* No way out of the folder, as Go has it. */
static bool name_is_sound(struct str name)
{
    for (size_t i = 0; i + 1 < name.n; i++)
        if (name.p[i] == '.' && name.p[i + 1] == '.')
            return false;
    return name.n > 0 && name.n < 256 && name.p[0] != '/' && memchr(name.p, '\\', name.n) == NULL &&
           memchr(name.p, 0, name.n) == NULL;
}

static bool read_file(struct arena *a, const char *path, struct str *out)
{
    FILE *file = fopen(path, "rbe");
    char *text;

    if (file == NULL)
        return false;
    text = arena_alloc_raw(a, MAX_ZONE_BYTES, 1);
    *out = (struct str){text, fread(text, 1, MAX_ZONE_BYTES, file)};
    (void)fclose(file); /* only read from */
    return true;
}

int autoscale__zone_load(struct arena *a, struct str name, struct zone **out, struct fault *f)
{
    const char *dir = getenv("ZONEINFO");
    struct zone *z = arena_new(a, struct zone);
    struct str text;

    if (name.n == 0 || str_is(name, "UTC") || str_is(name, "Local")) {
        *out = z;
        return 0;
    }
    if (dir == NULL || dir[0] == '\0')
        dir = "/usr/share/zoneinfo";
    if (!name_is_sound(name) ||
        !read_file(a, arena_printf(a, "%s/" STR_FMT, dir, STR_ARG(name)).p, &text) ||
        !parse_zone(a, text, z))
        return fault_set(f, FER_EINVAL, 0, "unable to load timezone: unknown time zone " STR_FMT,
                         STR_ARG(name));
    *out = z;
    return 0;
}
