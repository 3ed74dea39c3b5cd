/*
 * labels_print.c - label sets as text, and which names need no quotes in it.
 */
#include "ferula/model/labels.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_legacy(struct str s, bool colon)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!is_letter(c) && !(colon && c == ':') && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

bool label_name_is_legacy(struct str s)
{
    return is_legacy(s, false);
}

bool metric_name_is_legacy(struct str s)
{
    return is_legacy(s, true);
}

static void print_pair(struct buf *b, const struct label *l)
{
    if (label_name_is_legacy(l->name))
        buf_add_str(b, l->name);
    else
        buf_add_go_quoted(b, l->name);
    buf_putc(b, '=');
    buf_add_go_quoted(b, l->value);
}

void labels_print(struct buf *b, struct labels ls)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < ls.n; i++) {
        if (i > 0)
            buf_puts(b, ", ");
        print_pair(b, &ls.v[i]);
    }
    buf_putc(b, '}');
}

void labels_print_series(struct buf *b, struct labels ls)
{
    struct str name = labels_name(ls);
    bool plain = metric_name_is_legacy(name);
    const char *before = "{";

    if (plain) {
        buf_add_str(b, name);
    } else if (name.n > 0) {
        buf_puts(b, before);
        buf_add_go_quoted(b, name);
        before = ", ";
    }
    for (size_t i = 0; i < ls.n; i++) {
        if (str_is(ls.v[i].name, LABEL_NAME))
            continue;
        buf_puts(b, before);
        print_pair(b, &ls.v[i]);
        before = ", ";
    }
    if (before[0] == ',')
        buf_putc(b, '}');
    else if (!plain)
        buf_puts(b, "{}");
}
