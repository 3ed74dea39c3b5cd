/*
 * help.c - the rows as people read them: --help, and the reference in docs/flags.md.
 */
#include "config_priv.h"
#include "ferula/base/check.h"
#include "ferula/base/str.h"

#define HELP_COLUMN 33 /* where explanations begin, as in Prometheus' --help */
#define HELP_WIDTH  96

static bool is_foreign(const struct config_flag *flag)
{
    return flag->kind == CONFIG_IGNORED || flag->kind == CONFIG_REFUSED;
}

/* ---- --help ----------------------------------------------------------------------------- */

/* Column of the end of *b, counted from `line`. */
static size_t column(const struct buf *b, size_t line)
{
    return b->n - line;
}

static void pad(struct buf *b, size_t line, size_t to)
{
    while (column(b, line) < to)
        buf_putc(b, ' ');
}

/* The text in words, broken at HELP_WIDTH and indented to HELP_COLUMN. */
static void add_wrapped(struct buf *b, size_t line, struct str text)
{
    struct str word;

    pad(b, line, HELP_COLUMN);
    while (str_split(&text, ' ', &word)) {
        if (column(b, line) > HELP_COLUMN) {
            if (column(b, line) + 1 + word.n > HELP_WIDTH) {
                buf_putc(b, '\n');
                line = b->n;
                pad(b, line, HELP_COLUMN);
            } else {
                buf_putc(b, ' ');
            }
        }
        buf_add_str(b, word);
    }
    buf_putc(b, '\n');
}

static const char *const metas[] = {
    [CONFIG_BOOL] = "",         [CONFIG_TEXT] = "TEXT", [CONFIG_DURATION] = "DURATION",
    [CONFIG_COUNT] = "NUMBER",  [CONFIG_SIZE] = "SIZE", [CONFIG_CHOICE] = "NAME",
    [CONFIG_LIST] = "TEXT ...", [CONFIG_ACTION] = "",   [CONFIG_IGNORED] = "",
    [CONFIG_REFUSED] = "",
};

/* "=5m", "=\"data/\"", "=<path>": the default, or what kind of value is wanted. */
static void add_example(struct buf *b, const struct config_flag *flag)
{
    bool text = flag->kind == CONFIG_TEXT;

    CHECK(flag->kind < COUNT(metas));
    if (config__is_switch(flag))
        return;
    buf_putc(b, '=');
    if (flag->value != NULL)
        buf_addf(b, text ? "\"%s\"" : "%s", flag->value);
    else
        buf_puts(b, flag->meta != NULL ? flag->meta : metas[flag->kind]);
}

static void help_row(struct buf *b, const struct config_flag *flag)
{
    size_t line = b->n;

    if (flag->shorthand != 0)
        buf_addf(b, "  -%c, ", flag->shorthand);
    else
        buf_puts(b, "      ");
    buf_addf(b, "--%s%s", flag->kind == CONFIG_BOOL ? "[no-]" : "", flag->name);
    add_example(b, flag);
    if (column(b, line) + 2 > HELP_COLUMN) {
        buf_putc(b, '\n');
        line = b->n;
    }
    add_wrapped(b, line, str_of(flag->help));
}

void config_print_help(struct buf *b, const struct config_flag *flags, size_t n)
{
    buf_puts(b, "Flags:\n");
    for (size_t i = 0; i < n; i++)
        if (!is_foreign(&flags[i]))
            help_row(b, &flags[i]);
}

/* ---- docs/flags.md ---------------------------------------------------------------------- */

/* A bar would end the table's cell. */
static void add_cell(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            buf_putc(b, '\\');
        buf_putc(b, *text);
    }
}

static void markdown_row(struct buf *b, const struct config_flag *flag)
{
    buf_addf(b, "| `--%s%s` | ", flag->kind == CONFIG_BOOL ? "[no-]" : "", flag->name);
    if (flag->value != NULL)
        buf_addf(b, "`%s`", flag->value);
    buf_puts(b, " | ");
    if (flag->kind != CONFIG_ACTION) {
        buf_putc(b, '`');
        config__env_name(b, flag);
        buf_putc(b, '`');
    }
    buf_puts(b, " | ");
    add_cell(b, flag->help);
    buf_puts(b, " |\n");
}

static void markdown_foreign(struct buf *b, const struct config_flag *flags, size_t n,
                             enum config_kind kind)
{
    for (size_t i = 0; i < n; i++) {
        if (flags[i].kind != kind)
            continue;
        buf_addf(b, "| `--%s` | ", flags[i].name);
        add_cell(b, flags[i].help);
        buf_puts(b, " |\n");
    }
}

void config_print_markdown(struct buf *b, const struct config_flag *flags, size_t n)
{
    buf_puts(b, "| Flag | Default | Environment | What it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++)
        if (!is_foreign(&flags[i]))
            markdown_row(b, &flags[i]);
    buf_puts(b, "\n## Accepted and ignored\n\n"
                "Flags of Prometheus 3.14 on whose effect nobody relies here. Each is accepted, "
                "and one line in the log says that it changes nothing.\n\n"
                "| Flag | Why it changes nothing |\n|---|---|\n");
    markdown_foreign(b, flags, n, CONFIG_IGNORED);
    buf_puts(b, "\n## Refused\n\n"
                "Flags of Prometheus 3.14 whose effect someone relies on and which ferula does not "
                "have. Starting with one of them ends with exit code 2 and the reason.\n\n"
                "| Flag | Why it is refused |\n|---|---|\n");
    markdown_foreign(b, flags, n, CONFIG_REFUSED);
}
