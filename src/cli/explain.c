/*
 * explain.c - `ferula explain`: why a query, and a ScaledObject with it, comes to what it comes to.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli_priv.h"
#include "client.h"
#include "explain_data.h"
#include "explain_print.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/model/duration.h"
#include "form.h"

struct explain_run {
    const struct cli__command *cmd;
    bool help;
    const char *at, *format;
    size_t elements;
    dur_ms timeout;
    struct config_list words, headers;
    struct data data;
    struct arena arena;
    struct explain_opts opts;
};

static int tell(const struct explain_run *r, const char *text, int exit_code)
{
    fprintf(stderr, "ferula %s: %s\n", r->cmd->name, text);
    return exit_code;
}

/* A time, or a signed duration from the end of the data. */
static int read_at(struct explain_run *r)
{
    dur_ms d;

    r->opts.at = r->data.end;
    if (r->at == NULL)
        return CLI__OK;
    if ((r->at[0] == '-' || r->at[0] == '+') && duration_parse(str_of(r->at + 1), &d, NULL) == 0) {
        r->opts.at += r->at[0] == '-' ? -d : d;
        return CLI__OK;
    }
    return cli__time_or(r->cmd, "at", r->at, 0, &r->opts.at);
}

/* What a source could not give is a fault of the data, not of the query. */
static int judge(const struct explain_run *r, int rc, const struct fault *f)
{
    struct fault server;
    int exit_code =
        r->data.server == NULL ? CLI__OK : cli__http_source_failed(r->data.server, &server);

    if (exit_code != CLI__OK)
        return tell(r, server.text, exit_code);
    if (rc < 0)
        return tell(r, f->text, CLI__USAGE);
    if (r->data.server != NULL && cli__http_source_skipped(r->data.server))
        (void)tell(r, "native histograms were left out: the API does not give them whole", CLI__OK);
    return CLI__OK;
}

static int explain_expr(struct explain_run *r, const char *expr)
{
    struct explained_query q;
    struct fault f = {0};
    struct buf out = {0};
    int rc = explain_query(&r->arena, str_of(expr), &r->opts, &q, &f);

    rc = judge(r, rc, &f);
    if (rc != CLI__OK)
        return rc;
    if (q.rc != 0)
        return tell(r, q.error.p, CLI__USAGE);
    if (strcmp(r->format, "json") == 0) {
        struct json j;

        json_init(&j, &out);
        json_object_begin(&j);
        cli__explain_query_json(&j, &q, r->elements);
        json_object_end(&j);
        buf_putc(&out, '\n');
    } else {
        cli__explain_query(&out, &q, r->elements);
    }
    return cli__print(&out);
}

static int explain(struct explain_run *r, const char *word)
{
    const struct data_opts opts = {&r->words, &r->headers, r->timeout,
                                   clock_now_ms(clock_system())};
    struct fault f = {0};
    int rc = cli__headers_check(&r->headers, &f);

    if (rc < 0)
        return cli__usage_error(r->cmd, "%s", f.text);
    if (r->words.n == 0)
        return cli__usage_error(r->cmd, "required flag --data not provided");
    rc = cli__data_open(&r->data, &opts, &f);
    if (rc != CLI__OK)
        return tell(r, f.text, rc);
    rc = read_at(r);
    if (rc != CLI__OK)
        return rc;
    r->opts.source = r->data.source;
    r->opts.features = (struct promql_features)PROMQL_FEATURES_ALL;
    return explain_expr(r, word);
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct explain_run r = {.cmd = cmd};
    void *const targets[] = {&r.help,     &r.format,  &r.words,  &r.at,
                             &r.elements, &r.headers, &r.timeout};
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc))
        rc = explain(&r, words.list.v[0]);
    cli__data_close(&r.data);
    arena_release(&r.arena);
    config_list_release(&words.list);
    config_list_release(&r.words);
    config_list_release(&r.headers);
    return rc;
}

// clang-format off
static const struct config_flag flags[] = {
    {.name = "help", .kind = CONFIG_ACTION, .shorthand = 'h', .help = "Show this text."},
    {.name = "format", .kind = CONFIG_CHOICE, .shorthand = 'o', .value = "text",
     .choices = "text|json", .help = "Form of the output: text or json."},
    {.name = "data", .kind = CONFIG_LIST, .meta = "URL|DIR|FILE",
     .help = "Where the series are: a server of Prometheus' API, the data folder of a stopped "
             "server, or files of OpenMetrics, text exposition or JSON lines. Files may be "
             "several."},
    {.name = "at", .kind = CONFIG_TEXT, .meta = "TIME",
     .help = "When to ask: seconds, RFC 3339, or -5m from the end of the data. Default: the newest "
             "sample; of a server: now."},
    {.name = "elements", .kind = CONFIG_COUNT, .value = "5", .least = 1, .most = 1000,
     .help = "Most elements to show of each part."},
    {.name = "header", .kind = CONFIG_LIST, .meta = "NAME=VALUE",
     .help = "Extra header of requests to a server. May be repeated."},
    {.name = "timeout", .kind = CONFIG_DURATION, .value = "2m", .least = 1,
     .help = "Most time to wait for each answer of a server."},
};
// clang-format on

const struct cli__command cli__explain = {
    .name = "explain",
    .args = "EXPR",
    .summary = "Tell why a query has the value it has, or none.",
    .notes = "Each part of the query is shown with its value. When the answer is empty: which "
             "matcher\nremoved the last series, and what was probably meant; or that the series "
             "have ended, or\nhave no samples then, or fewer than are needed.\n",
    .examples =
        "  ferula explain 'sum(rate(http_requests_total[2m]))' --data http://127.0.0.1:9090\n"
        "      why a server answers what it answers\n"
        "  ferula explain 'rate(jobs_total[1m])' --data dump.jsonl --at=-10m\n"
        "      ten minutes before the end of a file\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
