/*
 * form.c - parameters of a request: times as people write them, and the escapes of a form.
 */
#include "form.h"

#include <math.h>

#include "ferula/base/num.h"
#include "ferula/model/duration.h"

/* Unix seconds or RFC 3339. */
static bool parse_time(const char *text, ts_ms *out)
{
    double seconds;

    if (num_parse(str_of(text), &seconds, NULL)) {
        if (!(fabs(seconds) < 9e15))
            return false;
        *out = (ts_ms)llround(seconds * 1000);
        return true;
    }
    return time_parse_rfc3339(str_of(text), out) == 0;
}

int cli__time_or(const struct cli__command *cmd, const char *flag, const char *text,
                 ts_ms otherwise, ts_ms *out)
{
    if (text == NULL) {
        *out = otherwise;
        return 0;
    }
    if (parse_time(text, out))
        return 0;
    return cli__usage_error(cmd,
                            "invalid value \"%s\" for flag '--%s': expected seconds since 1970 or "
                            "RFC 3339, such as 2026-01-02T03:04:05Z",
                            text, flag);
}

void cli__form_escape(struct buf *b, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            buf_putc(b, (char)c);
        } else {
            buf_putc(b, '%');
            buf_putc(b, hex[c >> 4]);
            buf_putc(b, hex[c & 15]);
        }
    }
}

void cli__form_add(struct buf *form, const char *name, struct str value)
{
    if (form->n > 0)
        buf_putc(form, '&');
    buf_addf(form, "%s=", name);
    cli__form_escape(form, value);
}

void cli__form_add_ms(struct buf *form, const char *name, int64_t ms)
{
    struct buf b = {0};

    buf_add_num(&b, (double)ms / 1000, 'f');
    cli__form_add(form, name, buf_str(&b));
    buf_release(&b);
}
