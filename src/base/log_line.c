/*
 * log_line.c - log lines as logfmt (Go's slog) and as JSON.
 */
#include "log_line.h"

#include <math.h>
#include <time.h>

#include "ferula/base/json.h"
#include "ferula/base/num.h"
#include "rune.h"

#define RUNE_REPLACEMENT 0xfffd

static const char *const level_text[] = {
    [LOG_LEVEL_DEBUG] = "DEBUG",
    [LOG_LEVEL_INFO] = "INFO",
    [LOG_LEVEL_WARN] = "WARN",
    [LOG_LEVEL_ERROR] = "ERROR",
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static void add_time(struct buf *b, ts_ms at)
{
    ts_ms ms = ((at % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((at - ms) / 1000);
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL) {
        buf_add_i64(b, at);
        return;
    }
    buf_addf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms);
}

static bool needs_quotes(struct str s)
{
    uint32_t rune;

    if (s.n == 0)
        return true;
    while (s.n > 0) {
        size_t n = utf8_decode(s, &rune);

        if (n == 0 || rune <= ' ' || rune == '=' || rune == '"' || rune == RUNE_REPLACEMENT)
            return true;
        if (rune >= 0x80 && !base__rune_is_print(rune))
            return true;
        s = str_cut(s, n);
    }
    return false;
}

static void add_text(struct buf *b, struct str s)
{
    if (needs_quotes(s))
        buf_add_go_quoted(b, s);
    else
        buf_add_str(b, s);
}

static void add_logfmt(struct buf *b, const struct base__log_line *l)
{
    buf_puts(b, "time=");
    add_time(b, l->at);
    buf_addf(b, " level=%s source=%s:%d msg=", level_text[l->level], base_name(l->file), l->line);
    add_text(b, str_of(l->msg));
    for (const struct log_field *f = l->fields; f != NULL && f->key != NULL; f++) {
        buf_putc(b, ' ');
        add_text(b, str_of(f->key));
        buf_putc(b, '=');
        if (f->kind == LOG_KIND_INT)
            buf_add_i64(b, f->i);
        else if (f->kind == LOG_KIND_FLOAT)
            buf_add_num(b, f->f, 'g');
        else
            add_text(b, f->s);
    }
}

/* JSON has no NaN and no infinity: they go out as strings. */
static void add_json_float(struct json *j, double v)
{
    if (isfinite(v))
        json_float(j, v);
    else
        json_sample_value(j, v);
}

static void add_json(struct buf *b, const struct base__log_line *l)
{
    struct buf text = {0};
    struct json j;

    json_init(&j, b);
    json_object_begin(&j);
    json_key(&j, "time");
    add_time(&text, l->at);
    json_label(&j, buf_str(&text));
    json_key(&j, "level");
    json_label(&j, str_of(level_text[l->level]));
    json_key(&j, "source");
    buf_reset(&text);
    buf_addf(&text, "%s:%d", base_name(l->file), l->line);
    json_label(&j, buf_str(&text));
    json_key(&j, "msg");
    json_label(&j, str_of(l->msg));
    for (const struct log_field *f = l->fields; f != NULL && f->key != NULL; f++) {
        json_key(&j, f->key);
        if (f->kind == LOG_KIND_INT)
            json_int(&j, f->i);
        else if (f->kind == LOG_KIND_FLOAT)
            add_json_float(&j, f->f);
        else
            json_label(&j, f->s);
    }
    json_object_end(&j);
    buf_release(&text);
}

void base__log_line_add(struct buf *b, enum log_format format, const struct base__log_line *l)
{
    if (format == LOG_FORMAT_JSON)
        add_json(b, l);
    else
        add_logfmt(b, l);
    buf_putc(b, '\n');
}
