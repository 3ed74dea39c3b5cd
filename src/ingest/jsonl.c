/*
 * jsonl.c - a series as a line of JSON, to the bit. The members are those of VictoriaMetrics'
 * export.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/json.h"
#include "ferula/base/num.h"
#include "ferula/ingest.h"

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

void ingest_print_jsonl(struct buf *out, struct labels ls, const struct sample *s, size_t n)
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
    bool has_metric, has_values, has_times;
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
          : str_is(name, "timestamps") ? &ps->has_times
                                       : NULL;
    if (has == NULL)
        return skip_value(ps, 0);
    if (*has)
        return fail(ps, at, "a member is there twice");
    *has = true;
    if (has == &ps->has_metric)
        return items(ps, '{', '}', label);
    return items(ps, '[', ']', has == &ps->has_values ? value : timestamp);
}

int ingest_parse_jsonl(struct arena *a, struct str line, struct ingest_series *out, struct fault *f)
{
    struct parser ps = {.a = a, .base = line.p, .p = line.p, .end = line.p + line.n, .f = f};
    struct sample *samples;
    struct fault why;
    int rc = items(&ps, '{', '}', member);

    if (rc < 0)
        return rc;
    skip_blanks(&ps);
    if (ps.p != ps.end)
        return fail(&ps, ps.p, "something follows the object");
    if (!ps.has_metric || !ps.has_values || !ps.has_times)
        return fail(&ps, ps.p, "expected the members metric, values and timestamps");
    if (ps.n_values != ps.n_times)
        return fail(&ps, ps.p, "there are not as many values as timestamps");
    if (labels_normalise(ps.labels, &ps.n_labels, &why) < 0)
        return fault_set(f, FER_EINVAL, 0, "%s", why.text);
    samples = arena_array(a, struct sample, ps.n_times);
    for (size_t i = 0; i < ps.n_times; i++)
        samples[i] = (struct sample){ps.times[i], ps.values[i]};
    *out = (struct ingest_series){
        {ps.labels, ps.n_labels},
        samples, ps.n_times
    };
    return 0;
}
