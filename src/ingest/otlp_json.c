/*
 * otlp_json.c - OTLP in JSON, rewritten as the same message in protobuf's wire format.
 *
 * One pass, by tables of the messages' fields; no tree is built. Names are lowerCamelCase or
 * snake_case, whole numbers are numbers or strings, enumerations numbers or names, ids are in hex.
 * Fields that are not in the tables are passed over. The length of a submessage is known only
 * behind it, so each is given five bytes, which a varint may have.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#include "otlp.h"

#define DEPTH_MAX    100
#define KEY_MAX      64
#define LENGTH_BYTES 5

enum json_kind {
    JSON_STRING,
    JSON_HEX,
    JSON_BASE64,
    JSON_DOUBLE,
    JSON_FIXED64,
    JSON_VARINT,
    JSON_SINT32,
    JSON_BOOL,
    JSON_TEMPORALITY,
    JSON_MESSAGE,
};

struct json_message;

struct json_field {
    const char *name; /* lowerCamelCase */
    uint32_t number;
    enum json_kind kind;
    bool repeated;
    const struct json_message *message;
};

struct json_message {
    const struct json_field *fields;
    size_t n;
};

#define MESSAGE(name) static const struct json_message name = {name##_fields, COUNT(name##_fields)}

static const struct json_message any_value;

static const struct json_field key_value_fields[] = {
    {"key",   1, JSON_STRING,  false, NULL      },
    {"value", 2, JSON_MESSAGE, false, &any_value},
};
MESSAGE(key_value);

static const struct json_field array_value_fields[] = {
    {"values", 1, JSON_MESSAGE, true, &any_value},
};
MESSAGE(array_value);

static const struct json_field kvlist_value_fields[] = {
    {"values", 1, JSON_MESSAGE, true, &key_value},
};
MESSAGE(kvlist_value);

static const struct json_field any_value_fields[] = {
    {"stringValue", 1, JSON_STRING,  false, NULL         },
    {"boolValue",   2, JSON_BOOL,    false, NULL         },
    {"intValue",    3, JSON_VARINT,  false, NULL         },
    {"doubleValue", 4, JSON_DOUBLE,  false, NULL         },
    {"arrayValue",  5, JSON_MESSAGE, false, &array_value },
    {"kvlistValue", 6, JSON_MESSAGE, false, &kvlist_value},
    {"bytesValue",  7, JSON_BASE64,  false, NULL         },
};
static const struct json_message any_value = {any_value_fields, COUNT(any_value_fields)};

static const struct json_field exemplar_fields[] = {
    {"timeUnixNano",       2, JSON_FIXED64, false, NULL      },
    {"asDouble",           3, JSON_DOUBLE,  false, NULL      },
    {"spanId",             4, JSON_HEX,     false, NULL      },
    {"traceId",            5, JSON_HEX,     false, NULL      },
    {"asInt",              6, JSON_FIXED64, false, NULL      },
    {"filteredAttributes", 7, JSON_MESSAGE, true,  &key_value},
};
MESSAGE(exemplar);

static const struct json_field number_point_fields[] = {
    {"startTimeUnixNano", 2, JSON_FIXED64, false, NULL      },
    {"timeUnixNano",      3, JSON_FIXED64, false, NULL      },
    {"asDouble",          4, JSON_DOUBLE,  false, NULL      },
    {"exemplars",         5, JSON_MESSAGE, true,  &exemplar },
    {"asInt",             6, JSON_FIXED64, false, NULL      },
    {"attributes",        7, JSON_MESSAGE, true,  &key_value},
    {"flags",             8, JSON_VARINT,  false, NULL      },
};
MESSAGE(number_point);

static const struct json_field histogram_point_fields[] = {
    {"startTimeUnixNano", 2,  JSON_FIXED64, false, NULL      },
    {"timeUnixNano",      3,  JSON_FIXED64, false, NULL      },
    {"count",             4,  JSON_FIXED64, false, NULL      },
    {"sum",               5,  JSON_DOUBLE,  false, NULL      },
    {"bucketCounts",      6,  JSON_FIXED64, true,  NULL      },
    {"explicitBounds",    7,  JSON_DOUBLE,  true,  NULL      },
    {"exemplars",         8,  JSON_MESSAGE, true,  &exemplar },
    {"attributes",        9,  JSON_MESSAGE, true,  &key_value},
    {"flags",             10, JSON_VARINT,  false, NULL      },
};
MESSAGE(histogram_point);

static const struct json_field buckets_fields[] = {
    {"offset",       1, JSON_SINT32, false, NULL},
    {"bucketCounts", 2, JSON_VARINT, true,  NULL},
};
MESSAGE(buckets);

static const struct json_field exponential_point_fields[] = {
    {"attributes",        1,  JSON_MESSAGE, true,  &key_value},
    {"startTimeUnixNano", 2,  JSON_FIXED64, false, NULL      },
    {"timeUnixNano",      3,  JSON_FIXED64, false, NULL      },
    {"count",             4,  JSON_FIXED64, false, NULL      },
    {"sum",               5,  JSON_DOUBLE,  false, NULL      },
    {"scale",             6,  JSON_SINT32,  false, NULL      },
    {"zeroCount",         7,  JSON_FIXED64, false, NULL      },
    {"positive",          8,  JSON_MESSAGE, false, &buckets  },
    {"negative",          9,  JSON_MESSAGE, false, &buckets  },
    {"flags",             10, JSON_VARINT,  false, NULL      },
    {"exemplars",         11, JSON_MESSAGE, true,  &exemplar },
};
MESSAGE(exponential_point);

static const struct json_field quantile_fields[] = {
    {"quantile", 1, JSON_DOUBLE, false, NULL},
    {"value",    2, JSON_DOUBLE, false, NULL},
};
MESSAGE(quantile);

static const struct json_field summary_point_fields[] = {
    {"startTimeUnixNano", 2, JSON_FIXED64, false, NULL      },
    {"timeUnixNano",      3, JSON_FIXED64, false, NULL      },
    {"count",             4, JSON_FIXED64, false, NULL      },
    {"sum",               5, JSON_DOUBLE,  false, NULL      },
    {"quantileValues",    6, JSON_MESSAGE, true,  &quantile },
    {"attributes",        7, JSON_MESSAGE, true,  &key_value},
    {"flags",             8, JSON_VARINT,  false, NULL      },
};
MESSAGE(summary_point);

static const struct json_field gauge_fields[] = {
    {"dataPoints", 1, JSON_MESSAGE, true, &number_point},
};
MESSAGE(gauge);

static const struct json_field sum_fields[] = {
    {"dataPoints",             1, JSON_MESSAGE,     true,  &number_point},
    {"aggregationTemporality", 2, JSON_TEMPORALITY, false, NULL         },
    {"isMonotonic",            3, JSON_BOOL,        false, NULL         },
};
MESSAGE(sum);

static const struct json_field histogram_fields[] = {
    {"dataPoints",             1, JSON_MESSAGE,     true,  &histogram_point},
    {"aggregationTemporality", 2, JSON_TEMPORALITY, false, NULL            },
};
MESSAGE(histogram);

static const struct json_field exponential_fields[] = {
    {"dataPoints",             1, JSON_MESSAGE,     true,  &exponential_point},
    {"aggregationTemporality", 2, JSON_TEMPORALITY, false, NULL              },
};
MESSAGE(exponential);

static const struct json_field summary_fields[] = {
    {"dataPoints", 1, JSON_MESSAGE, true, &summary_point},
};
MESSAGE(summary);

static const struct json_field metric_fields[] = {
    {"name",                 1,  JSON_STRING,  false, NULL        },
    {"description",          2,  JSON_STRING,  false, NULL        },
    {"unit",                 3,  JSON_STRING,  false, NULL        },
    {"gauge",                5,  JSON_MESSAGE, false, &gauge      },
    {"sum",                  7,  JSON_MESSAGE, false, &sum        },
    {"histogram",            9,  JSON_MESSAGE, false, &histogram  },
    {"exponentialHistogram", 10, JSON_MESSAGE, false, &exponential},
    {"summary",              11, JSON_MESSAGE, false, &summary    },
};
MESSAGE(metric);

static const struct json_field scope_metrics_fields[] = {
    {"metrics", 2, JSON_MESSAGE, true, &metric},
};
MESSAGE(scope_metrics);

static const struct json_field resource_fields[] = {
    {"attributes", 1, JSON_MESSAGE, true, &key_value},
};
MESSAGE(resource);

static const struct json_field resource_metrics_fields[] = {
    {"resource",     1, JSON_MESSAGE, false, &resource     },
    {"scopeMetrics", 2, JSON_MESSAGE, true,  &scope_metrics},
};
MESSAGE(resource_metrics);

static const struct json_field request_fields[] = {
    {"resourceMetrics", 1, JSON_MESSAGE, true, &resource_metrics},
};
MESSAGE(request);

/* ---- characters ------------------------------------------------------------------------- */

struct reader {
    const char *p, *end, *base;
    struct buf *out;  /* borrowed; the message */
    struct buf *text; /* borrowed; scratch for a scalar's text */
    size_t most;      /* of out, in bytes */
    size_t depth;
    struct fault *fault;
};

static int fail(const struct reader *r, const char *what)
{
    size_t at = (size_t)(r->p - r->base);

    return fault_set(r->fault, FER_EINVAL, at, "json: %s at byte %zu", what, at);
}

static void skip_blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
        r->p++;
}

/* Passes over `c` when it is next. */
static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    skip_blanks(r);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
        return false;
    r->p += n;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits behind \u; -1: they are none. */
static int32_t take_unit(struct reader *r)
{
    int32_t v = 0;

    if (r->end - r->p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(r->p[i]);

        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    r->p += 4;
    return v;
}

static int add_unicode(struct reader *r, struct buf *to)
{
    int32_t unit = take_unit(r), low;
    char utf8[4];

    if (unit < 0)
        return fail(r, "malformed escape");
    if (unit >= 0xd800 && unit < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' &&
        r->p[1] == 'u') {
        const char *back = r->p;

        r->p += 2;
        low = take_unit(r);
        if (low >= 0xdc00 && low < 0xe000)
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        else
            r->p = back; /* a half alone: U+FFFD, and what follows for itself */
    }
    buf_add(to, utf8, utf8_encode((uint32_t)unit, utf8));
    return 0;
}

static int add_escape(struct reader *r, struct buf *to)
{
    static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *at;
    char c;

    if (r->p == r->end)
        return fail(r, "unexpected end");
    c = *r->p++;
    if (c == 'u')
        return add_unicode(r, to);
    at = c == '\0' ? NULL : strchr(from, c);
    if (at == NULL)
        return fail(r, "malformed escape");
    buf_putc(to, meant[at - from]);
    return 0;
}

/* The text of a string is appended to `to`. */
static int read_string(struct reader *r, struct buf *to)
{
    if (!take(r, '"'))
        return fail(r, "expected a string");
    for (;;) {
        const char *from = r->p;
        int rc;

        while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= ' ')
            r->p++;
        buf_add(to, from, (size_t)(r->p - from));
        if (r->p == r->end)
            return fail(r, "unexpected end");
        if (*r->p == '"') {
            r->p++;
            return 0;
        }
        if (*r->p++ != '\\')
            return fail(r, "control character in a string");
        rc = add_escape(r, to);
        if (rc < 0)
            return rc;
    }
}

static bool is_of_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* A scalar's text, without quotes, in r->text. */
static int read_scalar(struct reader *r)
{
    buf_reset(r->text);
    skip_blanks(r);
    if (r->p < r->end && *r->p == '"')
        return read_string(r, r->text);
    while (r->p < r->end && is_of_number(*r->p))
        buf_putc(r->text, *r->p++);
    return r->text->n > 0 ? 0 : fail(r, "expected a number or a string");
}

/* ---- values that are passed over -------------------------------------------------------- */

static int skip_value(struct reader *r);

static int skip_members(struct reader *r, char end, bool named)
{
    int rc = 0;

    if (take(r, end))
        return 0;
    do {
        if (named) {
            buf_reset(r->text);
            rc = read_string(r, r->text);
            if (rc == 0 && !take(r, ':'))
                rc = fail(r, "expected ':'");
        }
        if (rc == 0)
            rc = skip_value(r);
    } while (rc == 0 && take(r, ','));
    return rc < 0 ? rc : take(r, end) ? 0 : fail(r, "expected ',' or the end of a list");
}

static int skip_value(struct reader *r)
{
    int rc;

    if (++r->depth > DEPTH_MAX)
        return fail(r, "nested too deeply");
    if (take(r, '{'))
        rc = skip_members(r, '}', true);
    else if (take(r, '['))
        rc = skip_members(r, ']', false);
    else if (take_word(r, "true") || take_word(r, "false") || take_word(r, "null"))
        rc = 0;
    else
        rc = read_scalar(r);
    r->depth--;
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------- */

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

static void put_tag(struct reader *r, uint32_t number, uint32_t type)
{
    put_varint(r->out, number << 3 | type);
}

static void put_8_bytes(struct buf *b, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        buf_putc(b, (char)(v >> (8 * i)));
}

static size_t begin_bytes(struct reader *r, uint32_t number)
{
    put_tag(r, number, WIRE_BYTES);
    buf_add(r->out, "\x80\x80\x80\x80\0", LENGTH_BYTES);
    return r->out->n;
}

static int end_bytes(struct reader *r, size_t from)
{
    size_t n = r->out->n - from;

    if (r->out->n > r->most)
        return fault_set(r->fault, FER_ELIMIT, 0, "decoded size exceeds the %zu bytes limit",
                         r->most);
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        r->out->p[from - LENGTH_BYTES + i] |= (char)(n >> (7 * i) & 0x7f);
    return 0;
}

/* ---- scalars ---------------------------------------------------------------------------- */

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static int put_base64(struct reader *r, struct str s)
{
    uint32_t bits = 0;
    size_t n = 0;

    while (s.n > 0 && s.n % 4 == 0 && s.p[s.n - 1] == '=' && n++ < 2)
        s.n--;
    n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int d = base64_digit(s.p[i]);

        if (d < 0)
            return fail(r, "malformed base64");
        bits = bits << 6 | (uint32_t)d;
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_putc(r->out, (char)(bits >> n));
        }
    }
    return 0;
}

static int put_hex(struct reader *r, struct str s)
{
    if (s.n % 2 != 0)
        return fail(r, "malformed id");
    for (size_t i = 0; i < s.n; i += 2) {
        int high = hex_digit(s.p[i]), low = hex_digit(s.p[i + 1]);

        if (high < 0 || low < 0)
            return fail(r, "malformed id");
        buf_putc(r->out, (char)(high << 4 | low));
    }
    return 0;
}

/* Whole numbers of 64 bits, signed or not. */
static int whole(struct reader *r, uint64_t *out)
{
    int64_t v;

    if (str_to_u64(buf_str(r->text), out))
        return 0;
    if (!str_to_i64(buf_str(r->text), &v))
        return fail(r, "expected a whole number");
    *out = (uint64_t)v;
    return 0;
}

static int read_temporality(struct reader *r, uint64_t *out)
{
    static const char *const names[] = {"AGGREGATION_TEMPORALITY_UNSPECIFIED",
                                        "AGGREGATION_TEMPORALITY_DELTA",
                                        "AGGREGATION_TEMPORALITY_CUMULATIVE"};

    for (size_t i = 0; i < COUNT(names); i++) {
        if (str_is(buf_str(r->text), names[i])) {
            *out = i;
            return 0;
        }
    }
    return whole(r, out);
}

/* The value without its tag. */
static int put_number(struct reader *r, enum json_kind kind)
{
    uint64_t v = 0;
    double d = 0;
    int rc = read_scalar(r);

    if (rc < 0)
        return rc;
    if (kind == JSON_DOUBLE && !num_parse(buf_str(r->text), &d, NULL))
        return fail(r, "expected a number");
    if (kind == JSON_TEMPORALITY)
        rc = read_temporality(r, &v);
    else if (kind != JSON_DOUBLE)
        rc = whole(r, &v);
    if (rc < 0)
        return rc;
    if (kind == JSON_DOUBLE)
        memcpy(&v, &d, sizeof(v));
    if (kind == JSON_SINT32)
        v = (uint32_t)v << 1 ^ (uint32_t)((int32_t)v >> 31);
    if (kind == JSON_DOUBLE || kind == JSON_FIXED64)
        put_8_bytes(r->out, v);
    else
        put_varint(r->out, v);
    return 0;
}

static int put_bool(struct reader *r, uint32_t number)
{
    bool yes = take_word(r, "true");

    if (!yes && !take_word(r, "false"))
        return fail(r, "expected true or false");
    put_tag(r, number, WIRE_VARINT);
    buf_putc(r->out, (char)yes);
    return 0;
}

/* ---- messages --------------------------------------------------------------------------- */

static int read_message(struct reader *r, const struct json_message *m);

static int read_bytes(struct reader *r, const struct json_field *f)
{
    size_t from = begin_bytes(r, f->number);
    int rc;

    if (f->kind == JSON_MESSAGE) {
        rc = read_message(r, f->message);
    } else if (f->kind == JSON_STRING) {
        rc = read_string(r, r->out);
    } else {
        buf_reset(r->text);
        rc = read_string(r, r->text);
        if (rc == 0)
            rc = f->kind == JSON_HEX ? put_hex(r, buf_str(r->text))
                                     : put_base64(r, buf_str(r->text));
    }
    return rc < 0 ? rc : end_bytes(r, from);
}

static bool is_bytes(enum json_kind kind)
{
    return kind == JSON_MESSAGE || kind <= JSON_BASE64;
}

static int read_one(struct reader *r, const struct json_field *f)
{
    if (is_bytes(f->kind))
        return read_bytes(r, f);
    if (f->kind == JSON_BOOL)
        return put_bool(r, f->number);
    put_tag(r, f->number,
            f->kind == JSON_DOUBLE || f->kind == JSON_FIXED64 ? WIRE_FIXED64 : WIRE_VARINT);
    return put_number(r, f->kind);
}

static int read_list(struct reader *r, const struct json_field *f)
{
    bool packed = !is_bytes(f->kind);
    size_t from = packed ? begin_bytes(r, f->number) : 0;
    int rc = 0;

    if (!take(r, '['))
        return fail(r, "expected a list");
    if (!take(r, ']')) {
        do
            rc = packed ? put_number(r, f->kind) : read_bytes(r, f);
        while (rc == 0 && r->out->n <= r->most && take(r, ','));
        if (rc == 0 && r->out->n <= r->most && !take(r, ']'))
            rc = fail(r, "expected ',' or ']'");
    }
    return rc < 0 || !packed ? rc : end_bytes(r, from);
}

/* "timeUnixNano" is also time_unix_nano. */
static bool is_name(const char *camel, struct str key)
{
    size_t i = 0;

    for (; *camel != '\0'; camel++) {
        bool upper = *camel >= 'A' && *camel <= 'Z';

        if (i < key.n && key.p[i] == *camel)
            i++;
        else if (upper && i + 1 < key.n && key.p[i] == '_' && key.p[i + 1] == *camel + ('a' - 'A'))
            i += 2;
        else
            return false;
    }
    return i == key.n;
}

static const struct json_field *field_of(const struct json_message *m, struct str key)
{
    for (size_t i = 0; i < m->n && key.n <= KEY_MAX; i++)
        if (is_name(m->fields[i].name, key))
            return &m->fields[i];
    return NULL;
}

static int read_member(struct reader *r, const struct json_message *m)
{
    const struct json_field *f;
    int rc;

    buf_reset(r->text);
    rc = read_string(r, r->text);
    if (rc < 0)
        return rc;
    if (!take(r, ':'))
        return fail(r, "expected ':'");
    f = field_of(m, buf_str(r->text));
    if (f == NULL)
        return skip_value(r);
    if (take_word(r, "null"))
        return 0;
    return f->repeated ? read_list(r, f) : read_one(r, f);
}

static int read_message(struct reader *r, const struct json_message *m)
{
    int rc = 0;

    if (!take(r, '{'))
        return fail(r, "expected an object");
    if (++r->depth > DEPTH_MAX)
        return fail(r, "nested too deeply");
    if (!take(r, '}')) {
        do
            rc = read_member(r, m);
        while (rc == 0 && take(r, ','));
        if (rc == 0 && !take(r, '}'))
            rc = fail(r, "expected ',' or '}'");
    }
    r->depth--;
    return rc;
}

int ingest__otlp_from_json(struct arena *a, size_t max_bytes, struct str json, struct str *out,
                           struct fault *f)
{
    struct buf message = {0}, text = {0};
    struct reader r = {.p = json.p,
                       .end = json.p + json.n,
                       .base = json.p,
                       .out = &message,
                       .text = &text,
                       .most = max_bytes,
                       .fault = f};
    int rc = read_message(&r, &request);

    skip_blanks(&r);
    if (rc == 0 && r.p != r.end)
        rc = fail(&r, "something follows the request");
    buf_release(&text);
    if (rc == 0) {
        *out = buf_str(&message);
        arena_defer(a, free, buf_take(&message));
    }
    buf_release(&message);
    return rc;
}
