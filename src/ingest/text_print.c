/*
 * text_print.c - OpenMetrics 1.0, as text.c reads it.
 */
#include "text_print.h"

#include <math.h>

#include "ferula/base/num.h"
#include "ferula/ingest.h"

static void add_escaped(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n') {
            buf_puts(out, "\\n");
        } else {
            if (s.p[i] == '\\' || s.p[i] == '"')
                buf_putc(out, '\\');
            buf_putc(out, s.p[i]);
        }
    }
}

void ingest__add_quoted(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    add_escaped(out, s);
    buf_putc(out, '"');
}

void ingest__add_name(struct buf *out, struct str name)
{
    if (metric_name_is_legacy(name))
        buf_add_str(out, name);
    else
        ingest__add_quoted(out, name);
}

/* m{a="b"}, or {"odd name",a="b"}. */
static void add_series(struct buf *out, struct labels ls)
{
    struct str name = labels_name(ls);
    bool legacy = metric_name_is_legacy(name), comma = !legacy;

    if (legacy)
        buf_add_str(out, name);
    if (legacy && ls.n == 1)
        return;
    buf_putc(out, '{');
    if (!legacy)
        ingest__add_quoted(out, name);
    for (size_t i = 0; i < ls.n; i++) {
        if (str_is(ls.v[i].name, LABEL_NAME))
            continue;
        if (comma)
            buf_putc(out, ',');
        if (label_name_is_legacy(ls.v[i].name))
            buf_add_str(out, ls.v[i].name);
        else
            ingest__add_quoted(out, ls.v[i].name);
        buf_putc(out, '=');
        ingest__add_quoted(out, ls.v[i].value);
        comma = true;
    }
    buf_putc(out, '}');
}

/* Seconds, with three decimals. */
static void add_time(struct buf *out, ts_ms t)
{
    uint64_t ms = t < 0 ? 0 - (uint64_t)t : (uint64_t)t;
    unsigned rest = (unsigned)(ms % 1000);

    if (t < 0)
        buf_putc(out, '-');
    buf_add_u64(out, ms / 1000);
    buf_putc(out, '.');
    buf_putc(out, (char)('0' + rest / 100));
    buf_putc(out, (char)('0' + rest / 10 % 10));
    buf_putc(out, (char)('0' + rest % 10));
}

void ingest_print_openmetrics(struct buf *out, struct labels ls, const struct sample *s, size_t n)
{
    struct buf series = {0};

    add_series(&series, ls);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(out, buf_str(&series));
        buf_putc(out, ' ');
        if (isnan(s[i].v))
            buf_puts(out, "NaN");
        else
            buf_add_num(out, s[i].v, 'g');
        buf_putc(out, ' ');
        add_time(out, s[i].t);
        buf_putc(out, '\n');
    }
    buf_release(&series);
}

static void begin_line(struct buf *out, const char *kind, struct str family)
{
    buf_addf(out, "# %s ", kind);
    ingest__add_name(out, family);
    buf_putc(out, ' ');
}

void ingest_print_family(struct buf *out, const struct metadata *md)
{
    struct str end =
        str_cut(md->family, md->family.n - (md->unit.n < md->family.n ? md->unit.n : 0));

    begin_line(out, "TYPE", md->family);
    buf_addf(out, "%s\n", metric_type_text(md->type));
    /* A unit must end the name in OpenMetrics. */
    if (md->unit.n > 0 && str_eq(end, md->unit) && end.p[-1] == '_') {
        begin_line(out, "UNIT", md->family);
        buf_add_str(out, md->unit);
        buf_putc(out, '\n');
    }
    if (md->help.n > 0) {
        begin_line(out, "HELP", md->family);
        add_escaped(out, md->help);
        buf_putc(out, '\n');
    }
}
