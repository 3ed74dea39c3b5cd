/*
 * test_print.c - values printed back, and the rows as --help and markdown.
 */
#include "cases.h"

#include <stdlib.h>

#include "ferula/config.h"

static const struct value_case {
    const char *name;
    enum config_kind kind;
    const char *text, *want;
} values[] = {
    {"a boolean",                        CONFIG_BOOL,     "1",        "true"    },
    {"a text",                           CONFIG_TEXT,     "data/",    "data/"   },
    {"a duration",                       CONFIG_DURATION, "300s",     "5m"      },
    {"a number",                         CONFIG_COUNT,    "5e7",      "50000000"},
    {"a size in the largest whole unit", CONFIG_SIZE,     "33554432", "32MB"    },
    {"a size that is no whole unit",     CONFIG_SIZE,     "1025",     "1025B"   },
    {"no size at all",                   CONFIG_SIZE,     "0",        "0B"      },
    {"a large size",                     CONFIG_SIZE,     "64GiB",    "64GB"    },
    {"a list",                           CONFIG_LIST,     "a,b",      "a,b"     },
};

static void test_value(void **state)
{
    const struct value_case *c = *state;
    const struct config_flag flag = {.name = "x", .kind = c->kind, .value = c->text, .help = ""};
    union {
        bool yes;
        const char *text;
        int64_t duration;
        size_t size;
        struct config_list list;
    } v = {0};
    void *target = &v;
    struct buf b = {0};
    struct fault f;

    assert_int_equal(config_parse(&flag, &target, 1, false, 0, NULL, NULL, &f), 0);
    config_print_value(&b, &flag, &v);
    assert_string_equal(b.p, c->want);
    buf_release(&b);
    if (c->kind == CONFIG_LIST)
        config_list_release(&v.list);
}

// clang-format off
static const struct config_flag rows[] = {
    {.name = "help", .kind = CONFIG_ACTION, .help = "Show this.", .shorthand = 'h'},
    {.name = "web.enable-remote-write-receiver", .kind = CONFIG_BOOL, .value = "true",
     .help = "Accept remote write. A sentence that is so long that it does not fit on one line."},
    {.name = "query.timeout", .kind = CONFIG_DURATION, .value = "2m", .help = "Time a|b."},
    {.name = "data", .kind = CONFIG_TEXT, .value = "data/", .help = "Folder."},
    {.name = "web.page-title", .kind = CONFIG_IGNORED, .meta = "TEXT", .help = "No page."},
    {.name = "agent", .kind = CONFIG_REFUSED, .help = "No agent."},
};
// clang-format on

static void test_help(void **state)
{
    struct buf b = {0};

    (void)state;
    config_print_help(&b, rows, COUNT(rows));
    assert_string_equal(
        b.p,
        "Flags:\n"
        "  -h, --help                     Show this.\n"
        "      --[no-]web.enable-remote-write-receiver\n"
        "                                 Accept remote write. A sentence that is so long that it does\n"
        "                                 not fit on one line.\n"
        "      --query.timeout=2m         Time a|b.\n"
        "      --data=\"data/\"             Folder.\n");
    buf_release(&b);
}

static void test_markdown(void **state)
{
    struct buf b = {0};

    (void)state;
    config_print_markdown(&b, rows, COUNT(rows));
    assert_non_null(
        strstr(b.p, "| `--query.timeout` | `2m` | `FERULA_QUERY_TIMEOUT` | Time a\\|b. |\n"));
    assert_non_null(strstr(b.p, "| `--help` |  |  | Show this. |\n"));
    assert_non_null(strstr(b.p, "## Accepted and ignored"));
    assert_non_null(strstr(b.p, "| `--web.page-title` | No page. |\n"));
    assert_non_null(strstr(b.p, "| `--agent` | No agent. |\n"));
    buf_release(&b);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, values, test_value, name);
    cases_add(&c, "help", test_help, NULL);
    cases_add(&c, "markdown", test_markdown, NULL);
    return CASES_RUN("config print", &c);
}
