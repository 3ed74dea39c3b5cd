/*
 * time.c - instants: the Gregorian calendar in UTC, and RFC 3339.
 */
#include "ferula/model/duration.h"

#include <stdbool.h>

#define SECONDS_PER_DAY 86400
#define MS_PER_SECOND   1000

/*
 * The calendar is counted from March, so that the leap day is the last of its year, and in eras of
 * 400 years, which are all equally long.
 */
#define DAYS_PER_ERA       146097
#define YEARS_PER_ERA      400
#define DAYS_TO_1970_MARCH 719468 /* from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return (a % b + b) % b;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

static int day_of_year(int64_t year, int month, int day)
{
    for (int m = 1; m < month; m++)
        day += days_in_month(year, m);
    return day;
}

void civil_from_unix(int64_t seconds, struct civil *out)
{
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    int second = (int)floor_mod(seconds, SECONDS_PER_DAY);
    int64_t shifted = days + DAYS_TO_1970_MARCH;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    /* Takes the leap days out first: each 4 years (1460 days), 100 years, 400 years. */
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    /* Months from March have 153 days in each five. */
    int month_from_march = (int)((5 * from_march + 2) / 153);

    out->day = (int)(from_march - (153 * month_from_march + 2) / 5) + 1;
    out->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    out->year = era * YEARS_PER_ERA + year_of_era + (out->month <= 2);
    out->hour = second / 3600;
    out->minute = second / 60 % 60;
    out->second = second % 60;
    out->weekday = (int)floor_mod(days + 4, 7); /* 1970-01-01 was a Thursday */
    out->yearday = day_of_year(out->year, out->month, out->day);
    out->days_in_month = days_in_month(out->year, out->month);
}

int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, YEARS_PER_ERA);
    int64_t year_of_era = y - era * YEARS_PER_ERA;
    int month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t from_march = (153 * month_from_march + 2) / 5 + day - 1;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           from_march - DAYS_TO_1970_MARCH;
}

/* Takes exactly `n` digits, a number from lo to hi, off *s. */
static bool take(struct str *s, size_t n, int lo, int hi, int *out)
{
    uint64_t v;

    if (s->n < n || !str_to_u64((struct str){s->p, n}, &v))
        return false;
    *s = str_cut(*s, n);
    *out = (int)v;
    return *out >= lo && *out <= hi;
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_cut(*s, 1);
    return true;
}

static bool take_date(struct str *s, int64_t *days)
{
    int year, month, day;

    if (!take(s, 4, 0, 9999, &year) || !take_char(s, '-') || !take(s, 2, 1, 12, &month) ||
        !take_char(s, '-') || !take(s, 2, 1, 31, &day) || day > days_in_month(year, month))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

static bool take_fraction(struct str *s, int *ms)
{
    int digits = 0;

    *ms = 0;
    if (!take_char(s, '.') && !take_char(s, ','))
        return true;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_cut(*s, 1))
        if (digits++ < 3)
            *ms = *ms * 10 + (s->p[0] - '0');
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits > 0;
}

static bool take_time(struct str *s, int *seconds, int *ms)
{
    int hour, minute, second;

    if (!take(s, 2, 0, 23, &hour) || !take_char(s, ':') || !take(s, 2, 0, 59, &minute) ||
        !take_char(s, ':') || !take(s, 2, 0, 59, &second) || !take_fraction(s, ms))
        return false;
    *seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

/* Go takes offsets of 24 hours and 60 minutes, which some people write. */
static bool take_offset(struct str *s, int *seconds)
{
    bool west = s->n > 0 && s->p[0] == '-';
    int hour, minute;

    *seconds = 0;
    if (take_char(s, 'Z'))
        return true;
    if (!take_char(s, west ? '-' : '+') || !take(s, 2, 0, 24, &hour) || !take_char(s, ':') ||
        !take(s, 2, 0, 60, &minute))
        return false;
    *seconds = (hour * 60 + minute) * 60 * (west ? -1 : 1);
    return true;
}

int time_parse_rfc3339(struct str s, ts_ms *out)
{
    int64_t days;
    int seconds, ms, offset;

    if (!take_date(&s, &days) || !take_char(&s, 'T') || !take_time(&s, &seconds, &ms) ||
        !take_offset(&s, &offset) || s.n > 0)
        return FER_EINVAL;
    *out = (days * SECONDS_PER_DAY + seconds - offset) * MS_PER_SECOND + ms;
    return 0;
}

void time_print_rfc3339(struct buf *b, ts_ms t)
{
    int64_t seconds = floor_div(t, MS_PER_SECOND);
    int ms = (int)floor_mod(t, MS_PER_SECOND);
    struct civil c;

    civil_from_unix(seconds, &c);
    buf_addf(b, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)c.year, c.month, c.day, c.hour,
             c.minute, c.second);
    if (ms != 0) {
        buf_addf(b, ".%03d", ms);
        while (b->p[b->n - 1] == '0')
            b->p[--b->n] = '\0';
    }
    buf_putc(b, 'Z');
}
