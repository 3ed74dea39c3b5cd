/*
 * tsdb_analyze.c - `ferula tsdb analyze`: what a store consists of, as tables or JSON.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ferula/api.h"
#include "ferula/base/check.h"
#include "ferula/model/duration.h"
#include "store.h"

/* Slots in the table; JSON has more. */
#define SLOTS_SHOWN 24

struct analyze {
    struct store_flags flags;
    const char *format;
    size_t limit;
    struct store store;
};

/* ---- the document ----------------------------------------------------------------------- */

/* *out is a reference of the caller's. Exit codes. */
static int ask(struct analyze *an, json_t **out)
{
    struct client_response resp = {0};
    struct buf path = {0};
    json_t *answer = NULL;
    int rc;

    buf_addf(&path, "/_ferula/tsdb/analyze?limit=%zu", an->limit);
    rc = cli__store_ask(&an->store, path.p, NULL, NULL, &resp);
    if (rc == CLI__OK) {
        answer = json_loadb(buf_str(&resp.body).p, resp.body.n, JSON_ALLOW_NUL, NULL);
        *out = json_incref(json_object_get(answer, "data"));
        if (*out == NULL) {
            cli__store_say("not what ferula answers");
            rc = CLI__FAILED;
        }
    }
    json_decref(answer);
    cli__response_release(&resp);
    buf_release(&path);
    return rc;
}

static int look(struct analyze *an, json_t **out)
{
    struct tsdb_analysis analysis;
    struct arena a = {0};
    struct buf text = {0};
    struct fault f;
    int rc = CLI__OK;

    if (tsdb_analyze(an->store.db, &a, an->limit, &analysis, &f) < 0) {
        cli__store_say("%s", f.text);
        rc = CLI__FAILED;
    } else {
        api_analysis_print(&text, &analysis);
        *out = json_loadb(text.p, text.n, JSON_ALLOW_NUL, NULL);
        CHECK(*out != NULL);
    }
    arena_release(&a);
    buf_release(&text);
    return rc;
}

/* ---- tables ----------------------------------------------------------------------------- */

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* A time in ms, or "-" for null. */
static void add_time(struct buf *b, const json_t *object, const char *key)
{
    const json_t *t = json_object_get(object, key);

    if (json_is_integer(t))
        time_print_rfc3339(b, json_integer_value(t));
    else
        buf_putc(b, '-');
}

static void add_ratio(struct buf *b, const json_t *object, const char *key, const char *of)
{
    const json_t *v = json_object_get(object, key);

    if (json_is_number(v))
        buf_addf(b, ", %.2f bytes a sample%s", json_number_value(v), of);
}

static void add_head(struct buf *b, const json_t *doc)
{
    const json_t *s = json_object_get(doc, "samples"), *n = json_object_get(doc, "bytes");
    const json_t *r = json_object_get(doc, "retention"),
                 *q = json_object_get(doc, "bytesPerSample");

    buf_addf(b,
             "series     %lld of %lld metrics with %lld label names; %lld have no sealed sample\n",
             number(doc, "numSeries"), number(doc, "numMetrics"), number(doc, "numLabels"),
             number(doc, "numSeriesUnsealed"));
    buf_addf(b, "samples    %lld sealed in %lld slots of 30 minutes, %lld in memory, %lld late\n",
             number(s, "sealed"), number(doc, "numSlots"), number(s, "inMemory"),
             number(s, "late"));
    buf_puts(b, "times      ");
    add_time(b, s, "minTime");
    buf_puts(b, " to ");
    add_time(b, s, "maxTime");
    buf_addf(b, "\nfile       %lld bytes, %lld in use", number(n, "file"), number(n, "used"));
    add_ratio(b, q, "all", "");
    buf_addf(b, "\n  data     %lld", number(n, "data"));
    add_ratio(b, q, "data", " sealed");
    buf_addf(b, "\n  index    %lld", number(n, "index"));
    add_ratio(b, q, "index", "");
    buf_addf(b, "\n  log      %lld\nretention  ", number(n, "log"));
    if (number(r, "time") == 0)
        buf_puts(b, "no limit of time");
    else
        duration_print(b, number(r, "time"));
    if (number(r, "size") != 0)
        buf_addf(b, ", %lld bytes", number(r, "size"));
    if (json_is_integer(json_object_get(r, "keptFrom"))) {
        buf_puts(b, ", from ");
        add_time(b, r, "keptFrom");
    }
    buf_putc(b, '\n');
}

/* A column of numbers: its title is the key in capitals. */
struct column {
    const char *key, *title;
};

/* Rows of numbers with a name or a time behind them. */
static void add_table(struct buf *b, const json_t *list, size_t from, const struct column *columns,
                      size_t n, const char *last)
{
    if (json_array_size(list) <= from)
        return;
    buf_putc(b, '\n');
    for (size_t c = 0; c < n; c++)
        buf_addf(b, "%12s", columns[c].title);
    buf_addf(b, "  %s\n", last);
    for (size_t i = from; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(row, "name"));

        for (size_t c = 0; c < n; c++)
            buf_addf(b, "%12lld", number(row, columns[c].key));
        buf_puts(b, "  ");
        if (name != NULL)
            buf_puts(b, name);
        else
            add_time(b, row, "start");
        buf_putc(b, '\n');
    }
}

static void print_tables(struct buf *b, const json_t *doc)
{
    static const struct column tables[] = {
        {"rows",  "ROWS" },
        {"bytes", "BYTES"}
    };
    static const struct column labels[] = {
        {"values", "VALUES"},
        {"series", "SERIES"}
    };
    static const struct column metrics[] = {
        {"series", "SERIES"}
    };
    static const struct column slots[] = {
        {"samples",   "SAMPLES"},
        {"series",    "SERIES" },
        {"newSeries", "NEW"    },
        {"rows",      "ROWS"   }
    };
    const json_t *all = json_object_get(doc, "slots");
    size_t n = json_array_size(all);

    add_head(b, doc);
    add_table(b, json_object_get(doc, "tables"), 0, tables, COUNT(tables), "TABLE");
    add_table(b, json_object_get(doc, "metrics"), 0, metrics, COUNT(metrics), "METRIC");
    add_table(b, json_object_get(doc, "labels"), 0, labels, COUNT(labels), "LABEL");
    add_table(b, all, n > SLOTS_SHOWN ? n - SLOTS_SHOWN : 0, slots, COUNT(slots), "SLOT");
}

/* ---- the command ------------------------------------------------------------------------ */

static int analyze(struct analyze *an, const char *word)
{
    struct buf out = {0};
    json_t *doc = NULL;
    char *text;
    int rc = cli__store_open(&an->store, word, &an->flags, false);

    if (rc == CLI__OK)
        rc = an->store.base != NULL ? ask(an, &doc) : look(an, &doc);
    if (rc == CLI__OK && strcmp(an->format, "json") == 0) {
        text = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
        CHECK(text != NULL);
        buf_addf(&out, "%s\n", text);
        free(text);
    } else if (rc == CLI__OK) {
        print_tables(&out, doc);
    }
    json_decref(doc);
    cli__store_close(&an->store);
    if (rc != CLI__OK) {
        buf_release(&out);
        return rc;
    }
    return cli__print(&out);
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct analyze an = {.limit = 0};
    void *const targets[] = {&an.flags.help, &an.format, &an.limit, &an.flags.headers,
                             &an.flags.timeout};
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc)) {
        rc = cli__headers_check(cmd, &an.flags.headers);
        if (rc == CLI__OK)
            rc = analyze(&an, words.list.v[0]);
    }
    config_list_release(&words.list);
    config_list_release(&an.flags.headers);
    return rc;
}

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "format", .kind = CONFIG_CHOICE, .value = "table", .choices = "table|json",
     .shorthand = 'o', .help = "Form of the output: table or json."},
    {.name = "limit", .kind = CONFIG_COUNT, .value = "10", .least = 1, .most = 10000,
     .help = "Most metrics and labels to list."},
    STORE_F_HEADER,
    STORE_F_TIMEOUT,
};
// clang-format on

const struct cli__command cli__tsdb_analyze = {
    .name = "tsdb analyze",
    .args = "URL|DIR",
    .summary = "Show what a store consists of: series, samples, bytes, cardinality, churn.",
    .notes = "The slots are the newest ones; NEW counts the series that no earlier slot has.\n",
    .examples = "  ferula tsdb analyze http://127.0.0.1:9090\n"
                "      of a running server\n"
                "  ferula tsdb analyze --format=json --limit=100 /var/lib/ferula\n"
                "      of a folder that no server holds\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
