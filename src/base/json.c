/*
 * json.c - the JSON writer. Layout and escapes are those of Prometheus' API, byte for byte.
 */
#include "ferula/base/json.h"

#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#define RUNE_LINE_SEPARATOR      0x2028
#define RUNE_PARAGRAPH_SEPARATOR 0x2029

/* Before a value or a key: the comma that the one before it asked for. */
static void begin_item(struct json *j)
{
    if (j->comma)
        buf_putc(j->out, ',');
    j->comma = true;
}

static void open_group(struct json *j, char c)
{
    begin_item(j);
    buf_putc(j->out, c);
    j->comma = false;
}

static void close_group(struct json *j, char c)
{
    buf_putc(j->out, c);
    j->comma = true;
}

void json_object_begin(struct json *j)
{
    open_group(j, '{');
}

void json_object_end(struct json *j)
{
    close_group(j, '}');
}

void json_array_begin(struct json *j)
{
    open_group(j, '[');
}

void json_array_end(struct json *j)
{
    close_group(j, ']');
}

static void add_ascii(struct buf *b, char c, bool html)
{
    if (c == '"' || c == '\\') {
        buf_putc(b, '\\');
        buf_putc(b, c);
    } else if (c == '\n') {
        buf_puts(b, "\\n");
    } else if (c == '\r') {
        buf_puts(b, "\\r");
    } else if (c == '\t') {
        buf_puts(b, "\\t");
    } else if (c < 0x20 || (html && (c == '<' || c == '>' || c == '&'))) {
        buf_addf(b, "\\u%04x", (unsigned)c);
    } else {
        buf_putc(b, c);
    }
}

/* How many bytes at the start of s need no escape. */
static size_t plain_bytes(struct str s, bool html)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\' ||
            (html && (c == '<' || c == '>' || c == '&')))
            break;
    }
    return i;
}

/* Adds the first code point of s, which is not plain; returns its length in bytes. */
static size_t add_special(struct buf *b, struct str s, bool html)
{
    uint32_t rune;
    size_t n = utf8_decode(s, &rune);

    if (n == 0) {
        buf_puts(b, "\\ufffd");
        return 1;
    }
    if (n == 1)
        add_ascii(b, s.p[0], html);
    else if (html && (rune == RUNE_LINE_SEPARATOR || rune == RUNE_PARAGRAPH_SEPARATOR))
        buf_addf(b, "\\u%04x", (unsigned)rune);
    else
        buf_add(b, s.p, n);
    return n;
}

static void add_string(struct buf *b, struct str s, bool html)
{
    buf_reserve(b, s.n + 2);
    buf_putc(b, '"');
    while (s.n > 0) {
        size_t n = plain_bytes(s, html);

        if (n > 0)
            buf_add(b, s.p, n);
        else
            n = add_special(b, s, html);
        s = str_cut(s, n);
    }
    buf_putc(b, '"');
}

void json_key_str(struct json *j, struct str key)
{
    begin_item(j);
    add_string(j->out, key, false);
    buf_putc(j->out, ':');
    j->comma = false;
}

void json_key(struct json *j, const char *key)
{
    json_key_str(j, str_of(key));
}

void json_str(struct json *j, struct str s)
{
    begin_item(j);
    add_string(j->out, s, true);
}

void json_label(struct json *j, struct str s)
{
    begin_item(j);
    add_string(j->out, s, false);
}

void json_cstr(struct json *j, const char *s)
{
    json_str(j, str_of(s));
}

void json_int(struct json *j, int64_t v)
{
    begin_item(j);
    buf_add_i64(j->out, v);
}

void json_bool(struct json *j, bool v)
{
    begin_item(j);
    buf_puts(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
    begin_item(j);
    buf_puts(j->out, "null");
}

void json_float(struct json *j, double v)
{
    char text[NUM_TEXT_MAX];
    size_t n;

    CHECK(isfinite(v));
    begin_item(j);
    n = num_format_sample(text, v);
    /* A small exponent is written without the leading zero: 1e-7. */
    if (n >= 4 && text[n - 4] == 'e' && text[n - 3] == '-' && text[n - 2] == '0') {
        text[n - 2] = text[n - 1];
        n--;
    }
    buf_add(j->out, text, n);
}

void json_sample_value(struct json *j, double v)
{
    begin_item(j);
    buf_putc(j->out, '"');
    buf_add_sample_value(j->out, v);
    buf_putc(j->out, '"');
}

void json_timestamp(struct json *j, int64_t ms)
{
    uint64_t abs = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    begin_item(j);
    if (ms < 0)
        buf_putc(j->out, '-');
    buf_add_u64(j->out, abs / 1000);
    if (abs % 1000 != 0)
        buf_addf(j->out, ".%03u", (unsigned)(abs % 1000));
}

/* ---- members ---------------------------------------------------------------------------- */

void json_member_str(struct json *j, const char *key, struct str s)
{
    json_key(j, key);
    json_str(j, s);
}

void json_member_label(struct json *j, const char *key, struct str s)
{
    json_key(j, key);
    json_label(j, s);
}

void json_member_cstr(struct json *j, const char *key, const char *s)
{
    json_key(j, key);
    json_cstr(j, s);
}

void json_member_int(struct json *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_int(j, v);
}

void json_member_bool(struct json *j, const char *key, bool v)
{
    json_key(j, key);
    json_bool(j, v);
}

void json_member_float(struct json *j, const char *key, double v)
{
    json_key(j, key);
    json_float(j, v);
}

void json_member_sample_value(struct json *j, const char *key, double v)
{
    json_key(j, key);
    json_sample_value(j, v);
}

void json_member_timestamp(struct json *j, const char *key, int64_t ms)
{
    json_key(j, key);
    json_timestamp(j, ms);
}

void json_member_count(struct json *j, const char *key, uint64_t n)
{
    json_member_int(j, key, (int64_t)n);
}
