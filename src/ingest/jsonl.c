/*
 * jsonl.c - a series as a line of JSON, to the bit. The members are those of VictoriaMetrics'
 * export.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/json.h"
#include "ferula/base/num.h"
#include "ferula/ingest.h"
#include "ferula/model/histogram.h"

/* Nesting of members that are passed over. */
#define DEPTH_MAX 32

/* ---- printing --------------------------------------------------------------------------- */

static void print_value(struct buf *out, double v)
{
    if (is_stale(v))
        buf_puts(out, "\"stale\"");
    else if (f64_bits(v) == NORMAL_NAN_BITS)
        buf_puts(out, "\"NaN\"");
    else if (isnan(v))
        buf_addf(out, "\"NaN:%016llx\"", (unsigned long long)f64_bits(v));
    else if (isinf(v))
        buf_puts(out, v > 0 ? "\"+Inf\"" : "\"-Inf\"");
    else
        buf_add_num(out, v, 'g');
}

static void begin_line(struct buf *out, struct labels ls)
{
    struct json j;

    json_init(&j, out);
    buf_puts(out, "{\"metric\":");
    json_object_begin(&j);
    for (size_t i = 0; i < ls.n; i++) {
        json_key_str(&j, ls.v[i].name);
        json_label(&j, ls.v[i].value);
    }
    json_object_end(&j);
}

void ingest_print_jsonl(struct buf *out, struct labels ls, const struct sample *s, size_t n)
{
    begin_line(out, ls);
    buf_puts(out, ",\"values\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        print_value(out, s[i].v);
    }
    buf_puts(out, "],\"timestamps\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        buf_add_i64(out, s[i].t);
    }
    buf_puts(out, "]}\n");
}

static void print_member(struct buf *out, const char *name, double v)
{
    buf_addf(out, ",\"%s\":", name);
    print_value(out, v);
}

static void print_side(struct buf *out, const char *name, const struct histogram_side *s)
{
    if (s->n == 0)
        return;
    buf_addf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < s->n; i++) {
        buf_addf(out, "%s%d,", i > 0 ? "," : "", s->index[i]);
        print_value(out, s->count[i]);
    }
    buf_putc(out, ']');
}

static void print_histogram(struct buf *out, const struct histogram *h)
{
    buf_addf(out, "{\"schema\":%d", h->schema);
    print_member(out, "count", h->count);
    print_member(out, "sum", h->sum);
    print_member(out, "zero_threshold", h->zero_threshold);
    print_member(out, "zero_count", h->zero_count);
    print_side(out, "positive", &h->pos);
    print_side(out, "negative", &h->neg);
    if (h->n_bounds > 0) {
        buf_puts(out, ",\"bounds\":[");
        for (size_t i = 0; i < h->n_bounds; i++) {
            if (i > 0)
                buf_putc(out, ',');
            print_value(out, h->bounds[i]);
        }
        buf_putc(out, ']');
    }
    if (h->integer)
        buf_puts(out, ",\"whole\":true");
    if (h->hint == HISTOGRAM_GAUGE)
        buf_puts(out, ",\"gauge\":true");
    buf_putc(out, '}');
}

void ingest_print_jsonl_histograms(struct buf *out, struct labels ls, const struct hsample *h,
                                   size_t n)
{
    begin_line(out, ls);
    buf_puts(out, ",\"histograms\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        print_histogram(out, h[i].h);
    }
    buf_puts(out, "],\"timestamps\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(out, ',');
        buf_add_i64(out, h[i].t);
    }
    buf_puts(out, "]}\n");
}

/* ---- parsing ---------------------------------------------------------------------------- */

struct parser {
    struct arena *a;
    const char *base, *p, *end;
    struct fault *f;
    struct label *labels; /* NULL: no "metric" yet */
    size_t n_labels, cap_labels;
    double *values;
    size_t n_values, cap_values;
    ts_ms *times;
    size_t n_times, cap_times;
    struct histogram **hists;
    size_t n_hists, cap_hists;
    struct histogram *h; /* being read */
    bool has_metric, has_values, has_hists, has_times;
};

static int fail(const struct parser *ps, const char *at, const char *what)
{
    return fault_set(ps->f, FER_EINVAL, (size_t)(at - ps->base), "byte %zu: %s",
                     (size_t)(at - ps->base) + 1, what);
}

static void skip_blanks(struct parser *ps)
{
    while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\r'))
        ps->p++;
}

/* Takes the character, and blanks around it; false when it is not there. */
static bool take(struct parser *ps, char c)
{
    skip_blanks(ps);
    if (ps->p == ps->end || *ps->p != c)
        return false;
    ps->p++;
    skip_blanks(ps);
    return true;
}

static bool hex4(struct parser *ps, uint32_t *out)
{
    *out = 0;
    if (ps->end - ps->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = *ps->p++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

/* Behind "\u": a code point, of two escapes when it is a surrogate. */
static bool escaped_rune(struct parser *ps, char **out)
{
    uint32_t rune, low;

    if (!hex4(ps, &rune))
        return false;
    if (rune >= 0xd800 && rune < 0xdc00) {
        if (ps->end - ps->p < 6 || ps->p[0] != '\\' || ps->p[1] != 'u')
            return false;
        ps->p += 2;
        if (!hex4(ps, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        rune = 0x10000 + ((rune - 0xd800) << 10 | (low - 0xdc00));
    }
    *out += utf8_encode(rune, *out);
    return true;
}

static bool escape(struct parser *ps, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    if (ps->p == ps->end)
        return false;
    if (*ps->p == 'u') {
        ps->p++;
        return escaped_rune(ps, out);
    }
    at = memchr(from, *ps->p, sizeof(from) - 1);
    if (at == NULL)
        return false;
    ps->p++;
    *(*out)++ = to[at - from];
    return true;
}

/* A string, copied; what it holds need not be UTF-8. */
static int string(struct parser *ps, struct str *out)
{
    const char *at, *close;
    char *copy, *to;

    skip_blanks(ps);
    at = ps->p;
    if (ps->p == ps->end || *ps->p != '"')
        return fail(ps, at, "expected a string");
    ps->p++;
    for (close = ps->p; close < ps->end && *close != '"'; close++)
        close += *close == '\\' && close + 1 < ps->end;
    if (close == ps->end)
        return fail(ps, at, "a string does not end");
    /* No escape is shorter than what it stands for. */
    copy = to = arena_alloc_raw(ps->a, (size_t)(close - ps->p) + 1, 1);
    while (ps->p < close) {
        at = ps->p;
        if (*ps->p != '\\')
            *to++ = *ps->p++;
        else if (ps->p++, !escape(ps, &to))
            return fail(ps, at, "an escape is malformed");
    }
    ps->p = close + 1;
    *out = (struct str){copy, (size_t)(to - copy)};
    return 0;
}

/* Letters, digits and signs: a number or a literal. */
static struct str token(struct parser *ps)
{
    const char *from;

    skip_blanks(ps);
    for (from = ps->p; ps->p < ps->end; ps->p++) {
        char c = *ps->p;

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            c != '-' && c != '+' && c != '.')
            break;
    }
    return (struct str){from, (size_t)(ps->p - from)};
}

static bool hex_bits(struct str s, uint64_t *out)
{
    *out = 0;
    if (s.n != 16)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static bool named_value(struct str s, double *out)
{
    uint64_t bits;

    if (str_is(s, "stale"))
        *out = f64_from_bits(STALE_NAN_BITS);
    else if (str_is(s, "NaN"))
        *out = f64_from_bits(NORMAL_NAN_BITS);
    else if (str_is(s, "+Inf") || str_is(s, "Infinity"))
        *out = INFINITY;
    else if (str_is(s, "-Inf") || str_is(s, "-Infinity"))
        *out = -INFINITY;
    else if (str_starts(s, "NaN:") && hex_bits(str_cut(s, 4), &bits) && isnan(f64_from_bits(bits)))
        *out = f64_from_bits(bits);
    else
        return false;
    return true;
}

static int value(struct parser *ps)
{
    const char *at = ps->p;
    bool range = false;
    struct str s;
    double v;

    if (ps->p < ps->end && *ps->p == '"') {
        if (string(ps, &s) < 0)
            return FER_EINVAL;
        if (!named_value(s, &v))
            return fail(ps, at, "a value is neither a number nor NaN, stale, +Inf, -Inf");
    } else {
        s = token(ps);
        if (str_is(s, "null"))
            v = f64_from_bits(NORMAL_NAN_BITS);
        else if (s.n == 0 || (s.p[0] != '-' && !(s.p[0] >= '0' && s.p[0] <= '9')) ||
                 !num_parse(s, &v, &range) || range || !isfinite(v))
            return fail(ps, at,
                        range ? "a value is larger than a double can hold"
                              : "a value is not a number");
    }
    ARENA_GROW(ps->a, ps->values, ps->n_values, ps->cap_values, double);
    ps->values[ps->n_values++] = v;
    return 0;
}

static int timestamp(struct parser *ps)
{
    const char *at = ps->p;
    ts_ms t;

    if (!str_to_i64(token(ps), &t))
        return fail(ps, at, "a timestamp is not a whole number of milliseconds");
    ARENA_GROW(ps->a, ps->times, ps->n_times, ps->cap_times, ts_ms);
    ps->times[ps->n_times++] = t;
    return 0;
}

/* A list or an object, by what its items are. */
static int items(struct parser *ps, char open, char close, int (*item)(struct parser *ps))
{
    if (!take(ps, open))
        return fail(ps, ps->p, open == '[' ? "expected a list" : "expected an object");
    if (take(ps, close))
        return 0;
    do {
        int rc = item(ps);

        if (rc < 0)
            return rc;
    } while (take(ps, ','));
    return take(ps, close) ? 0 : fail(ps, ps->p, "expected a comma or the end of a list");
}

static int label(struct parser *ps)
{
    struct str name, text;

    if (string(ps, &name) < 0)
        return FER_EINVAL;
    if (!take(ps, ':'))
        return fail(ps, ps->p, "expected a colon");
    if (string(ps, &text) < 0)
        return FER_EINVAL;
    ARENA_GROW(ps->a, ps->labels, ps->n_labels, ps->cap_labels, struct label);
    ps->labels[ps->n_labels++] = (struct label){name, text};
    return 0;
}

/* Passes over any value. */
static int skip_value(struct parser *ps, unsigned depth)
{
    struct str s;
    char close;

    skip_blanks(ps);
    if (depth == DEPTH_MAX)
        return fail(ps, ps->p, "nested too deep");
    if (ps->p < ps->end && *ps->p == '"')
        return string(ps, &s);
    if (ps->p == ps->end || (*ps->p != '[' && *ps->p != '{'))
        return token(ps).n > 0 ? 0 : fail(ps, ps->p, "expected a value");
    close = *ps->p++ == '[' ? ']' : '}';
    if (take(ps, close))
        return 0;
    do {
        if (close == '}' && (string(ps, &s) < 0 || !take(ps, ':')))
            return fail(ps, ps->p, "expected a name and a colon");
        if (skip_value(ps, depth + 1) < 0)
            return FER_EINVAL;
    } while (take(ps, ','));
    return take(ps, close) ? 0 : fail(ps, ps->p, "expected a comma or the end of a list");
}

/* ---- histograms ------------------------------------------------------------------------- */

/* A list of values, copied out of those of the line. */
static int value_list(struct parser *ps, const double **out, size_t *n)
{
    size_t before = ps->n_values;
    double *v;
    int rc = items(ps, '[', ']', value);

    if (rc < 0)
        return rc;
    *n = ps->n_values - before;
    v = arena_array(ps->a, double, *n + 1);
    for (size_t i = 0; i < *n; i++)
        v[i] = ps->values[before + i];
    ps->n_values = before;
    *out = v;
    return 0;
}

/* Indexes and counts in turn. */
static int side(struct parser *ps, struct histogram_side *s)
{
    const char *at = ps->p;
    const double *v;
    size_t n;

    if (value_list(ps, &v, &n) < 0)
        return FER_EINVAL;
    s->n = n / 2;
    s->index = arena_array(ps->a, int32_t, s->n + 1);
    s->count = arena_array(ps->a, double, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        double index = v[2 * i];

        if (!(index >= INT32_MIN && index <= INT32_MAX) ||
            (i > 0 && (int32_t)index <= s->index[i - 1]))
            return fail(ps, at, "the indexes of buckets do not ascend");
        s->index[i] = (int32_t)index;
        s->count[i] = v[2 * i + 1];
    }
    return n % 2 == 0 ? 0 : fail(ps, at, "a bucket has no count");
}

static int scalar(struct parser *ps, double *out)
{
    int rc = value(ps);

    if (rc == 0)
        *out = ps->values[--ps->n_values];
    return rc;
}

static int flag(struct parser *ps, bool *out)
{
    const char *at = ps->p;
    struct str s = token(ps);

    *out = str_is(s, "true");
    return *out || str_is(s, "false") ? 0 : fail(ps, at, "expected true or false");
}

static int schema(struct parser *ps)
{
    const char *at = ps->p;
    int64_t v;

    if (!str_to_i64(token(ps), &v) || v < INT8_MIN || v > INT8_MAX)
        return fail(ps, at, "no schema of histograms has this number");
    ps->h->schema = (int32_t)v;
    return 0;
}

static int histogram_member(struct parser *ps)
{
    struct histogram *h = ps->h;
    struct str name;
    bool gauge;
    int rc;

    if (string(ps, &name) < 0)
        return FER_EINVAL;
    if (!take(ps, ':'))
        return fail(ps, ps->p, "expected a colon");
    if (str_is(name, "schema"))
        return schema(ps);
    if (str_is(name, "count"))
        return scalar(ps, &h->count);
    if (str_is(name, "sum"))
        return scalar(ps, &h->sum);
    if (str_is(name, "zero_threshold"))
        return scalar(ps, &h->zero_threshold);
    if (str_is(name, "zero_count"))
        return scalar(ps, &h->zero_count);
    if (str_is(name, "positive") || str_is(name, "negative"))
        return side(ps, name.p[0] == 'p' ? &h->pos : &h->neg);
    if (str_is(name, "bounds"))
        return value_list(ps, &h->bounds, &h->n_bounds);
    if (str_is(name, "whole"))
        return flag(ps, &h->integer);
    if (!str_is(name, "gauge"))
        return skip_value(ps, 0);
    rc = flag(ps, &gauge);
    h->hint = gauge ? HISTOGRAM_GAUGE : HISTOGRAM_UNKNOWN;
    return rc;
}

static int histogram(struct parser *ps)
{
    ps->h = arena_new(ps->a, struct histogram);
    ARENA_GROW(ps->a, ps->hists, ps->n_hists, ps->cap_hists, struct histogram *);
    ps->hists[ps->n_hists++] = ps->h;
    return items(ps, '{', '}', histogram_member);
}

/* ---- lines ------------------------------------------------------------------------------ */

static int member(struct parser *ps)
{
    const char *at = ps->p;
    struct str name;
    bool *has;

    if (string(ps, &name) < 0)
        return FER_EINVAL;
    if (!take(ps, ':'))
        return fail(ps, ps->p, "expected a colon");
    has = str_is(name, "metric")       ? &ps->has_metric
          : str_is(name, "values")     ? &ps->has_values
          : str_is(name, "histograms") ? &ps->has_hists
          : str_is(name, "timestamps") ? &ps->has_times
                                       : NULL;
    if (has == NULL)
        return skip_value(ps, 0);
    if (*has)
        return fail(ps, at, "a member is there twice");
    *has = true;
    if (has == &ps->has_metric)
        return items(ps, '{', '}', label);
    return items(ps, '[', ']',
                 has == &ps->has_values  ? value
                 : has == &ps->has_hists ? histogram
                                         : timestamp);
}

static void make_series(struct parser *ps, struct ingest_series *out)
{
    struct sample *samples = arena_array(ps->a, struct sample, ps->n_values + 1);
    struct hsample *hists = arena_array(ps->a, struct hsample, ps->n_hists + 1);

    for (size_t i = 0; i < ps->n_values; i++)
        samples[i] = (struct sample){ps->times[i], ps->values[i]};
    for (size_t i = 0; i < ps->n_hists; i++)
        hists[i] = (struct hsample){ps->times[i], ps->hists[i]};
    *out = (struct ingest_series){
        {ps->labels, ps->n_labels},
        samples, ps->n_values, hists, ps->n_hists
    };
}

int ingest_parse_jsonl(struct arena *a, struct str line, struct ingest_series *out, struct fault *f)
{
    struct parser ps = {.a = a, .base = line.p, .p = line.p, .end = line.p + line.n, .f = f};
    struct fault why;
    int rc = items(&ps, '{', '}', member);

    if (rc < 0)
        return rc;
    skip_blanks(&ps);
    if (ps.p != ps.end)
        return fail(&ps, ps.p, "something follows the object");
    if (!ps.has_metric || !(ps.has_values || ps.has_hists) || !ps.has_times)
        return fail(&ps, ps.p, "expected the members metric, values and timestamps");
    if (ps.has_values && ps.has_hists)
        return fail(&ps, ps.p, "there are values and histograms; a line has one of them");
    if (ps.n_values + ps.n_hists != ps.n_times)
        return fail(&ps, ps.p, "there are not as many values as timestamps");
    if (labels_normalise(ps.labels, &ps.n_labels, &why) < 0)
        return fault_set(f, FER_EINVAL, 0, "%s", why.text);
    make_series(&ps, out);
    return 0;
}
