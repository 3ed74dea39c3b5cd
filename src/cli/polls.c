/*
 * polls.c - `ferula polls`: who polls a server, how often, and what KEDA makes of the answers.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cli_priv.h"
#include "client.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/model/duration.h"
#include "form.h"

/* How often --follow asks. */
#define FOLLOW_S 1

struct polls {
    const struct cli__command *cmd;
    bool help, follow, csv, json;
    const char *since, *query, *caller;
    size_t limit;
    struct config_list headers;
    dur_ms timeout;

    char *base;        /* owned; the server's URL */
    ts_ms from;        /* INT64_MIN: the beginning */
    json_int_t newest; /* id of the newest poll that was shown */
    bool titled;       /* the line of titles was printed */
    json_t *warned;    /* owned; a member a stream that was told to have stopped */
};

/* ---- a poll ----------------------------------------------------------------------------- */

static const char *text_of(const json_t *poll, const char *key)
{
    const char *s = json_string_value(json_object_get(poll, key));

    return s == NULL ? "" : s;
}

static void add_time(struct buf *b, const json_t *poll)
{
    time_print_rfc3339(b, llround(json_number_value(json_object_get(poll, "time")) * 1000));
}

/* The value, or what is there instead of one. */
static void add_value(struct buf *b, const json_t *poll)
{
    const json_t *n = json_object_get(poll, "elements");

    if (json_object_get(poll, "value") != NULL)
        buf_puts(b, text_of(poll, "value"));
    else if (strcmp(text_of(poll, "kind"), "status") == 0)
        buf_addf(b, "status %lld", json_integer_value(json_object_get(poll, "status")));
    else if (json_integer_value(n) > 0)
        buf_addf(b, "%lld elements", json_integer_value(n));
    else
        buf_putc(b, '-');
}

/* "value", "0 (empty)", "error (timeout)", and what a fault made of it. */
static void add_verdict(struct buf *b, const json_t *poll)
{
    const char *verdict = text_of(poll, "verdict"), *why = text_of(poll, "why");

    buf_puts(b, strcmp(verdict, "zero") == 0 ? "0" : verdict);
    if (*why != '\0')
        buf_addf(b, " (%s)", why);
    if (json_is_true(json_object_get(poll, "fault")))
        buf_puts(b, " by a fault");
}

static double latency_ms(const json_t *poll)
{
    return json_number_value(json_object_get(poll, "latencySeconds")) * 1000;
}

/* On one line, and without what a terminal would obey. */
static void add_plain(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++)
        buf_putc(out, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
}

static void add_row(struct buf *out, const json_t *poll)
{
    struct buf time = {0}, value = {0}, verdict = {0};

    add_time(&time, poll);
    add_value(&value, poll);
    add_verdict(&verdict, poll);
    buf_addf(out, "%-24s  %-21s  %-7s  %-14s  %-25s  %10.3f  ", time.p, text_of(poll, "caller"),
             text_of(poll, "cadence"), value.p, verdict.p, latency_ms(poll));
    add_plain(out, text_of(poll, "query"));
    buf_putc(out, '\n');
    buf_release(&time);
    buf_release(&value);
    buf_release(&verdict);
}

/* As RFC 4180 wants it. */
static void add_csv_text(struct buf *out, const char *s)
{
    buf_putc(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"')
            buf_putc(out, '"');
        buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static void add_csv(struct buf *out, const json_t *poll)
{
    static const char *const texts[] = {"caller", "userAgent", "cadence", "kind"};

    add_time(out, poll);
    for (size_t i = 0; i < COUNT(texts); i++) {
        buf_putc(out, ',');
        add_csv_text(out, text_of(poll, texts[i]));
    }
    buf_addf(out, ",%lld,%lld,%s,%s,", json_integer_value(json_object_get(poll, "status")),
             json_integer_value(json_object_get(poll, "elements")), text_of(poll, "value"),
             text_of(poll, "verdict"));
    add_csv_text(out, text_of(poll, "why"));
    buf_addf(out, ",%s,%.6f,", json_is_true(json_object_get(poll, "fault")) ? "true" : "false",
             latency_ms(poll) / 1000);
    add_csv_text(out, text_of(poll, "query"));
    buf_putc(out, '\n');
}

static void add_json(struct buf *out, const json_t *poll)
{
    char *text = json_dumps(poll, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));

    CHECK(text != NULL);
    buf_addf(out, "%s\n", text);
    free(text);
}

static void add_titles(struct polls *p, struct buf *out)
{
    if (!p->titled && p->csv)
        buf_puts(out, "time,caller,user_agent,cadence,kind,status,elements,value,verdict,why,fault,"
                      "latency_seconds,query\n");
    else if (!p->titled && !p->json)
        buf_addf(out, "%-24s  %-21s  %-7s  %-14s  %-25s  %10s  %s\n", "TIME", "CALLER", "CADENCE",
                 "VALUE", "KEDA'S VERDICT", "LATENCY ms", "QUERY");
    p->titled = true;
}

/* ---- streams that have stopped ---------------------------------------------------------- */

static void warn(struct polls *p, const json_t *stream)
{
    double silent_s = (double)clock_now_ms(clock_system()) / 1000 -
                      json_number_value(json_object_get(stream, "last"));
    struct buf key = {0};

    buf_addf(&key, "%s %s %s", text_of(stream, "cadence"), text_of(stream, "caller"),
             text_of(stream, "query"));
    if (!json_is_true(json_object_get(stream, "stopped"))) {
        json_object_del(p->warned, key.p);
    } else if (json_object_get(p->warned, key.p) == NULL) {
        json_object_set_new(p->warned, key.p, json_true());
        fprintf(stderr,
                "ferula polls: the polls by %s (%s) have stopped: none for %.0f s, and they came "
                "every %.3g s: %s\n",
                text_of(stream, "caller"), text_of(stream, "cadence"), silent_s,
                json_number_value(json_object_get(stream, "intervalSeconds")),
                text_of(stream, "query"));
    }
    buf_release(&key);
}

/* ---- asking ----------------------------------------------------------------------------- */

static int print_answer(struct polls *p, const json_t *data)
{
    const json_t *polls = json_object_get(data, "polls"),
                 *streams = json_object_get(data, "streams");
    struct buf out = {0};
    int rc;

    add_titles(p, &out);
    for (size_t i = 0; i < json_array_size(polls); i++) {
        const json_t *poll = json_array_get(polls, i);
        json_int_t id = json_integer_value(json_object_get(poll, "id"));

        p->newest = MAX(p->newest, id);
        if (p->json)
            add_json(&out, poll);
        else if (p->csv)
            add_csv(&out, poll);
        else
            add_row(&out, poll);
    }
    rc = cli__print(&out);
    for (size_t i = 0; i < json_array_size(streams); i++)
        warn(p, json_array_get(streams, i));
    return rc;
}

static void make_url(const struct polls *p, struct buf *url)
{
    struct buf form = {0};

    cli__form_add(&form, "query", str_of(p->query == NULL ? "" : p->query));
    cli__form_add(&form, "caller", str_of(p->caller == NULL ? "" : p->caller));
    if (p->from != INT64_MIN)
        cli__form_add_ms(&form, "since", p->from);
    buf_addf(url, "%s/_ferula/polls?%s&limit=%zu&after=%lld", p->base, form.p, p->limit, p->newest);
    buf_release(&form);
}

static int ask(struct polls *p)
{
    struct client_response resp = {0};
    struct buf url = {0};
    struct client_request req = {.headers = &p->headers, .timeout = p->timeout};
    json_t *answer = NULL;
    const json_t *data;
    struct fault f = {0};
    int rc;

    make_url(p, &url);
    req.url = url.p;
    rc = cli__fetch(&req, &resp, &f);
    if (rc < 0) {
        fprintf(stderr, "ferula polls: %s\n", f.text);
        rc = cli__fetch_exit(rc);
        goto out;
    }
    answer = json_loadb(buf_str(&resp.body).p, resp.body.n, JSON_ALLOW_NUL, NULL);
    data = json_object_get(answer, "data");
    if (resp.status == 200 && json_is_object(data)) {
        rc = print_answer(p, data);
    } else {
        fprintf(stderr, "ferula polls: not what ferula answers (status %ld)%s%s\n", resp.status,
                json_object_get(answer, "error") == NULL ? "" : ": ", text_of(answer, "error"));
        rc = CLI__FAILED;
    }
out:
    json_decref(answer);
    cli__response_release(&resp);
    buf_release(&url);
    return rc;
}

/* ---- the command ------------------------------------------------------------------------ */

/* --since: how long ago, or a time. */
static int read_since(struct polls *p)
{
    struct fault f;
    dur_ms ago;

    p->from = INT64_MIN;
    if (p->since == NULL)
        return CLI__OK;
    if (duration_parse(str_of(p->since), &ago, &f) == 0) {
        p->from = clock_now_ms(clock_system()) - ago;
        return CLI__OK;
    }
    return cli__time_or(p->cmd, "since", p->since, INT64_MIN, &p->from);
}

static int follow(struct polls *p, const char *word)
{
    const struct timespec a_while = {.tv_sec = FOLLOW_S};
    int rc;

    p->base = cli__base_url(word);
    p->warned = json_object();
    do {
        rc = ask(p);
    } while (rc == CLI__OK && p->follow && nanosleep(&a_while, NULL) == 0);
    json_decref(p->warned);
    free(p->base);
    return rc;
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct polls p = {.cmd = cmd};
    void *const targets[] = {&p.help,  &p.follow, &p.since, &p.csv,     &p.json,
                             &p.query, &p.caller, &p.limit, &p.headers, &p.timeout};
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc)) {
        rc = cli__headers_check(cmd, &p.headers);
        if (rc == CLI__OK && p.csv && p.json)
            rc = cli__usage_error(cmd, "--csv and --json exclude each other");
        if (rc == CLI__OK)
            rc = read_since(&p);
        if (rc == CLI__OK)
            rc = follow(&p, words.list.v[0]);
    }
    config_list_release(&words.list);
    config_list_release(&p.headers);
    return rc;
}

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "follow", .kind = CONFIG_BOOL, .value = "false", .shorthand = 'f',
     .help = "Go on with the polls that come, until interrupted."},
    {.name = "since", .kind = CONFIG_TEXT, .meta = "TIME",
     .help = "Only polls from then on: how long ago (10m), seconds since 1970, or RFC 3339."},
    {.name = "csv", .kind = CONFIG_BOOL, .value = "false", .help = "Print CSV."},
    {.name = "json", .kind = CONFIG_BOOL, .value = "false", .help = "Print JSON, a line a poll."},
    {.name = "query", .kind = CONFIG_TEXT, .meta = "TEXT",
     .help = "Only polls whose query has this in it."},
    {.name = "caller", .kind = CONFIG_TEXT, .meta = "TEXT",
     .help = "Only polls whose address or User-Agent has this in it."},
    {.name = "limit", .kind = CONFIG_COUNT, .value = "1000", .most = 10000000,
     .help = "Most polls to show, the newest; 0: all that are kept."},
    CLI__F_HEADER("Extra header of the request. May be repeated."),
    CLI__F_TIMEOUT("2m", "Most time to wait for the answer."),
};
// clang-format on

const struct cli__command cli__polls = {
    .name = "polls",
    .args = "URL",
    .summary = "Show who polls a server as KEDA does, and what KEDA makes of the answers.",
    .notes =
        "CADENCE tells KEDA's own loop from the HPA's syncs by their rhythms, where it can. The\n"
        "verdict is that of a trigger whose ignoreNullValues is true, the default. Polls of a query\n"
        "that have stopped for three of their intervals are told on stderr.\n",
    .examples =
        "  ferula polls --follow http://127.0.0.1:9090\n"
        "      the polls there are, and those that come\n"
        "  ferula polls --since=10m --csv --query=http_requests_total http://127.0.0.1:9090\n"
        "      ten minutes of one query's polls, for a spreadsheet\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
