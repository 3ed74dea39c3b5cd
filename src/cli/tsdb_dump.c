/*
 * tsdb_dump.c - `ferula tsdb dump`: every stored sample, as JSON lines or OpenMetrics.
 *
 * Both come from the same pages of JSON lines: a server's, or made here of a folder. So memory is
 * bounded by a page, however large the store is.
 */
#include "tsdb_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/api.h"
#include "ferula/base/check.h"
#include "form.h"

#define PAGE_BYTES (4u << 20)
#define OUT_BYTES  (64u << 10)

/* ---- pages ------------------------------------------------------------------------------ */

static int ask_page(struct dump *d, struct str metric, struct tsdb_cursor *at)
{
    struct client_response resp = {0};
    struct buf form = {0}, cursor = {0};
    int rc;

    for (size_t i = 0; i < d->matchers.n; i++)
        cli__form_add(&form, "match[]", str_of(d->matchers.v[i]));
    if (metric.n > 0)
        cli__form_add(&form, "metric", metric);
    if (d->start != NULL)
        cli__form_add_ms(&form, "start", d->range.from);
    if (d->end != NULL)
        cli__form_add_ms(&form, "end", d->range.to);
    if (at->from != d->range.from || at->id != 1) {
        api_dump_cursor_print(&cursor, *at);
        cli__form_add(&form, "after", buf_str(&cursor));
    }
    rc = cli__store_ask(&d->store, "/_ferula/tsdb/dump", &form, API_DUMP_NEXT, &resp);
    at->id = 0;
    if (rc == CLI__OK && resp.wanted.n > 0 && !api_dump_cursor_parse(buf_str(&resp.wanted), at)) {
        cli__store_say("not what ferula answers: " API_DUMP_NEXT ": %s", resp.wanted.p);
        rc = CLI__FAILED;
    }
    buf_release(&d->page);
    d->page = resp.body;
    buf_release(&resp.wanted);
    buf_release(&form);
    buf_release(&cursor);
    return rc;
}

static int read_page(struct dump *d, struct str metric, struct tsdb_cursor *at)
{
    struct str *selectors = arena_array(&d->arena, struct str, d->matchers.n + 1);
    struct tsdb_export what = {.range = d->range};
    struct fault f;
    int rc;

    for (size_t i = 0; i < d->matchers.n; i++)
        selectors[i] = str_of(d->matchers.v[i]);
    buf_reset(&d->page);
    rc = api_dump_select(&d->arena, selectors, d->matchers.n, metric, &what, &f);
    if (rc == 0)
        rc = api_dump_page(d->store.db, &what, PAGE_BYTES, at, &d->page, &f);
    if (rc == 0)
        return CLI__OK;
    cli__store_say("%s", f.text);
    return CLI__FAILED;
}

int cli__dump_page(struct dump *d, struct str metric, struct tsdb_cursor *at)
{
    return d->store.base != NULL ? ask_page(d, metric, at) : read_page(d, metric, at);
}

/* Writes *b out and empties it. */
static int flush(struct buf *b)
{
    int rc = cli__write(buf_str(b));

    buf_reset(b);
    return rc;
}

/* ---- the formats ------------------------------------------------------------------------ */

static int dump_jsonl(struct dump *d)
{
    struct tsdb_cursor at = {1, d->range.from};
    int rc = CLI__OK;

    while (rc == CLI__OK && at.id != 0) {
        rc = cli__dump_page(d, STR(""), &at);
        if (rc == CLI__OK)
            rc = flush(&d->page);
    }
    return rc;
}

/* OpenMetrics on its way out. */
struct text_out {
    struct buf text;
    struct arena line;
    size_t n_nans;  /* that the format does not tell apart */
    size_t n_hists; /* that it has not at all */
};

static int print_lines(struct dump *d, struct text_out *out)
{
    struct str rest = buf_str(&d->page), line;
    struct ingest_series series;
    struct fault f;
    int rc = CLI__OK;

    while (rc == CLI__OK && str_split(&rest, '\n', &line) && line.n > 0) {
        arena_reset(&out->line);
        if (ingest_parse_jsonl(&out->line, line, &series, &f) < 0) {
            cli__store_say("not what ferula answers: %s", f.text);
            return CLI__FAILED;
        }
        for (size_t i = 0; i < series.n_samples; i++)
            out->n_nans += series.samples[i].v != series.samples[i].v &&
                           f64_bits(series.samples[i].v) != NORMAL_NAN_BITS;
        out->n_hists += series.n_hists;
        ingest_print_openmetrics(&out->text, series.labels, series.samples, series.n_samples);
        if (out->text.n > OUT_BYTES)
            rc = flush(&out->text);
    }
    return rc;
}

static int print_metric(struct dump *d, struct str name, struct text_out *out)
{
    struct tsdb_cursor at = {1, d->range.from};
    int rc = CLI__OK;

    while (rc == CLI__OK && at.id != 0) {
        rc = cli__dump_page(d, name, &at);
        if (rc == CLI__OK)
            rc = print_lines(d, out);
    }
    return rc;
}

static int dump_openmetrics(struct dump *d)
{
    struct text_out out = {.n_nans = 0};
    struct dump_metric *metrics;
    size_t n = 0;
    int rc = cli__dump_metrics(d, &metrics, &n);

    for (size_t i = 0; i < n && rc == CLI__OK; i++) {
        bool begins = i == 0 || !str_eq(metrics[i - 1].family, metrics[i].family);

        if (begins && metrics[i].md != NULL)
            ingest_print_family(&out.text, metrics[i].md);
        if (metrics[i].name.n > 0)
            rc = print_metric(d, metrics[i].name, &out);
    }
    if (rc == CLI__OK) {
        buf_puts(&out.text, "# EOF\n");
        rc = flush(&out.text);
    }
    if (rc == CLI__OK && out.n_nans > 0)
        cli__store_say("%zu stale markers and NaNs with payloads were written as NaN, for "
                       "OpenMetrics has no other; --format=jsonl keeps them",
                       out.n_nans);
    if (rc == CLI__OK && out.n_hists > 0)
        cli__store_say("%zu native histograms were left out, for OpenMetrics has none; "
                       "--format=jsonl keeps them",
                       out.n_hists);
    buf_release(&out.text);
    arena_release(&out.line);
    return rc;
}

/* ---- the command ------------------------------------------------------------------------ */

static int dump(struct dump *d, const char *word)
{
    bool text = strcmp(d->format, "openmetrics") == 0;
    int rc = cli__store_open(&d->store, word, &d->flags, false);

    if (rc == CLI__OK)
        rc = text ? dump_openmetrics(d) : dump_jsonl(d);
    cli__store_close(&d->store);
    return rc;
}

/* Selectors are looked at before a server is asked. */
static int check(struct dump *d)
{
    struct tsdb_export what;
    struct fault f;
    int rc = cli__time_or(d->cmd, "start", d->start, INT64_MIN, &d->range.from);

    if (rc == CLI__OK)
        rc = cli__time_or(d->cmd, "end", d->end, INT64_MAX, &d->range.to);
    if (rc == CLI__OK)
        rc = cli__headers_check(d->cmd, &d->flags.headers);
    for (size_t i = 0; i < d->matchers.n && rc == CLI__OK; i++) {
        struct str selector = str_of(d->matchers.v[i]);

        if (api_dump_select(&d->arena, &selector, 1, STR(""), &what, &f) < 0)
            rc = cli__usage_error(d->cmd, "invalid value \"%s\" for flag '--match': %s",
                                  d->matchers.v[i], f.text);
    }
    return rc;
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct dump d = {.cmd = cmd};
    void *const targets[] = {&d.flags.help, &d.format,        &d.matchers,     &d.start,
                             &d.end,        &d.flags.headers, &d.flags.timeout};
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc)) {
        rc = check(&d);
        if (rc == CLI__OK)
            rc = dump(&d, words.list.v[0]);
    }
    config_list_release(&words.list);
    config_list_release(&d.matchers);
    config_list_release(&d.flags.headers);
    arena_release(&d.arena);
    buf_release(&d.page);
    return rc;
}

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "format", .kind = CONFIG_CHOICE, .value = "jsonl", .choices = "jsonl|openmetrics",
     .help = "Form of the output: jsonl or openmetrics."},
    {.name = "match", .kind = CONFIG_LIST, .meta = "SELECTOR",
     .help = "Only series that this selects. May be repeated."},
    {.name = "start", .kind = CONFIG_TEXT, .meta = "TIME",
     .help = "Only samples from then on: seconds or RFC 3339."},
    {.name = "end", .kind = CONFIG_TEXT, .meta = "TIME", .help = "Only samples until then."},
    STORE_F_HEADER,
    STORE_F_TIMEOUT,
};
// clang-format on

const struct cli__command cli__tsdb_dump = {
    .name = "tsdb dump",
    .args = "URL|DIR",
    .summary = "Write every stored sample, of a server or of a folder that no server holds.",
    .notes =
        "jsonl: a line is an object of metric, values and timestamps (ms), as VictoriaMetrics\n"
        "exports, with at most 8192 samples. Values are numbers in the shortest form that reads\n"
        "back to the same bits. What JSON has no number for is a string: \"+Inf\", \"-Inf\", \"NaN\",\n"
        "\"stale\" (the marker that ends a series), \"NaN:7ff8000000000123\" (any other NaN, by its\n"
        "bits). Metadata are not in it.\n"
        "openmetrics: with metadata; every NaN is NaN there.\n",
    .examples = "  ferula tsdb dump http://127.0.0.1:9090 | gzip > all.jsonl.gz\n"
                "      a copy that any machine can read\n"
                "  ferula tsdb dump --format=openmetrics --match=up --start=1767322800 data\n"
                "      one metric, from a folder\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
