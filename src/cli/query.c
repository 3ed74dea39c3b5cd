/*
 * query.c - `ferula query ...`: asks a server of Prometheus' API, and prints as promtool does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli_priv.h"
#include "client.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/base/mem.h"
#include "ferula/base/str.h"
#include "form.h"
#include "query_print.h"

/* promtool asks for a year and more around now when no bounds are given. */
#define WIDE_MS (INT64_C(9999) * 3600 * 1000)

struct query_flags {
    bool help;
    const char *format, *time, *start, *end;
    dur_ms step, timeout;
    struct config_list headers, matchers;
};

#define F_FORMAT                                                                                   \
    {                                                                                              \
        .name = "format", .kind = CONFIG_CHOICE, .shorthand = 'o', .value = "promql",              \
        .choices = "promql|json", .help = "Form of the output: promql or json."                    \
    }
#define F_HEADER  CLI__F_HEADER("Extra header of the request. May be repeated.")
#define F_TIMEOUT CLI__F_TIMEOUT("2m", "Most time to wait for the answer.")
#define F_TIME(name_, help_)                                                                       \
    {                                                                                              \
        .name = (name_), .kind = CONFIG_TEXT, .meta = "TIME", .help = (help_)                      \
    }
#define F_STEP                                                                                     \
    {                                                                                              \
        .name = "step", .kind = CONFIG_DURATION, .least = 1,                                       \
        .help = "Time between points. Default: for 250 points, at least 1s."                       \
    }
#define F_MATCH                                                                                    \
    {                                                                                              \
        .name = "match", .kind = CONFIG_LIST, .meta = "SELECTOR",                                  \
        .help = "Only series that this selects. May be repeated."                                  \
    }

/* ---- asking ----------------------------------------------------------------------------- */

/* What a server says that did not answer with Prometheus' JSON. */
static int other_answer(const struct client_response *resp)
{
    const char *who = resp->status >= 500 ? "server" : "client";
    struct str body = str_trim(buf_str(&resp->body));

    if (resp->status < 400)
        fprintf(stderr,
                "query error: bad_response: not an answer of Prometheus' API (status %ld)\n",
                resp->status);
    else
        fprintf(stderr, "query error: %s_error: %s error: %ld%s" STR_FMT "%s\n", who, who,
                resp->status, body.n > 0 ? " (detail: " : "", STR_ARG(body), body.n > 0 ? ")" : "");
    return CLI__FAILED;
}

static void print_warnings(const json_t *answer)
{
    static const char *const lists[] = {"warnings", "infos"};

    for (size_t l = 0; l < COUNT(lists); l++) {
        const json_t *list = json_object_get(answer, lists[l]);

        for (size_t i = 0; i < json_array_size(list); i++)
            fprintf(stderr, "query %.*s: %s\n", (int)strlen(lists[l]) - 1, lists[l],
                    json_string_value(json_array_get(list, i)));
    }
}

static int print_answer(const struct client_response *resp, const char *format, query_printer print)
{
    json_t *answer = json_loadb(buf_str(&resp->body).p, resp->body.n, 0, NULL);
    const char *status = json_string_value(json_object_get(answer, "status"));
    const json_t *data = json_object_get(answer, "data");
    struct buf out = {0};
    int rc;

    if (status != NULL && strcmp(status, "error") == 0) {
        fprintf(stderr, "query error: %s: %s\n",
                json_string_value(json_object_get(answer, "errorType")),
                json_string_value(json_object_get(answer, "error")));
        rc = CLI__FAILED;
    } else if (status == NULL || data == NULL || resp->status != 200) {
        rc = other_answer(resp);
    } else {
        print_warnings(answer);
        if (strcmp(format, "json") == 0)
            print = query_print_json;
        rc = print(&out, data) ? CLI__OK : CLI__FAILED;
        if (rc == CLI__OK)
            rc = cli__print(&out);
        else
            fprintf(stderr, "query error: bad_response: not what Prometheus' API answers\n");
        buf_release(&out);
    }
    json_decref(answer);
    return rc;
}

static int ask(const struct query_flags *q, const char *url, const struct buf *form,
               query_printer print)
{
    struct client_request req = {.url = url, .headers = &q->headers, .timeout = q->timeout};
    struct client_response resp = {0};
    struct fault f = {0};
    int rc;

    if (form != NULL) {
        req.body = buf_str(form);
        req.content_type = "application/x-www-form-urlencoded";
    }
    rc = cli__fetch(&req, &resp, &f);
    if (rc < 0) {
        fprintf(stderr, "query error: %s\n", f.text);
        rc = cli__fetch_exit(rc);
    } else {
        rc = print_answer(&resp, q->format, print);
    }
    cli__response_release(&resp);
    return rc;
}

/* ---- the four commands ------------------------------------------------------------------ */

/* One run of a command; targets of its flags point into it. */
struct query_run {
    const struct cli__command *cmd;
    struct query_flags flags;
    struct cli__words words;
    char *base; /* owned; the server's URL without a slash at the end */
    struct buf form;
};

/* Reads flags and words; the first word is the server. As cli__parse(). */
static bool begin(struct query_run *r, void *const *targets, int argc, char **argv, int *rc)
{
    if (!cli__parse(r->cmd, targets, false, argc, argv, &r->words, rc))
        return false;
    *rc = cli__headers_check(r->cmd, &r->flags.headers);
    if (*rc != CLI__OK)
        return false;
    r->base = cli__base_url(r->words.list.v[0]);
    return true;
}

static void end(struct query_run *r)
{
    config_list_release(&r->words.list);
    config_list_release(&r->flags.headers);
    config_list_release(&r->flags.matchers);
    free(r->base);
    buf_release(&r->form);
}

/* POSTs the form to the endpoint. */
static int post(const struct query_run *r, const char *endpoint, query_printer print)
{
    struct buf url = {0};
    int rc;

    buf_addf(&url, "%s/api/v1/%s", r->base, endpoint);
    rc = ask(&r->flags, url.p, &r->form, print);
    buf_release(&url);
    return rc;
}

static int run_instant(const struct cli__command *cmd, int argc, char **argv)
{
    struct query_run r = {
        .cmd = cmd, .words = {.least = 2, .most = 2}
    };
    void *const targets[] = {&r.flags.help, &r.flags.format, &r.flags.time, &r.flags.headers,
                             &r.flags.timeout};
    ts_ms at;
    int rc;

    if (begin(&r, targets, argc, argv, &rc))
        rc = cli__time_or(cmd, "time", r.flags.time, clock_now_ms(clock_system()), &at);
    else
        goto out;
    if (rc != CLI__OK)
        goto out;
    cli__form_add(&r.form, "query", str_of(r.words.list.v[1]));
    cli__form_add_ms(&r.form, "time", at);
    rc = post(&r, "query", query_print_value);
out:
    end(&r);
    return rc;
}

/* Both bounds, or those given instead when there is no flag. */
static int bounds(const struct query_run *r, ts_ms start, ts_ms end_at, ts_ms out[2])
{
    int rc = cli__time_or(r->cmd, "end", r->flags.end, end_at, &out[1]);

    return rc != CLI__OK ? rc : cli__time_or(r->cmd, "start", r->flags.start, start, &out[0]);
}

static int range_form(struct query_run *r)
{
    ts_ms now = clock_now_ms(clock_system()), at[2];
    dur_ms step = r->flags.step;
    int rc = bounds(r, INT64_MIN, now, at);

    if (rc != CLI__OK)
        return rc;
    if (at[0] == INT64_MIN)
        at[0] = at[1] - 5 * 60 * 1000;
    if (at[0] >= at[1])
        return cli__usage_error(r->cmd, "start time is not before end time");
    if (step == 0) /* promtool's: 250 points */
        step = MAX((at[1] - at[0]) / 250 / 1000, 1) * 1000;
    cli__form_add(&r->form, "query", str_of(r->words.list.v[1]));
    cli__form_add_ms(&r->form, "start", at[0]);
    cli__form_add_ms(&r->form, "end", at[1]);
    cli__form_add_ms(&r->form, "step", step);
    return CLI__OK;
}

static int run_range(const struct cli__command *cmd, int argc, char **argv)
{
    struct query_run r = {
        .cmd = cmd, .words = {.least = 2, .most = 2}
    };
    void *const targets[] = {&r.flags.help, &r.flags.format,  &r.flags.start,  &r.flags.end,
                             &r.flags.step, &r.flags.headers, &r.flags.timeout};
    int rc;

    if (begin(&r, targets, argc, argv, &rc)) {
        rc = range_form(&r);
        if (rc == CLI__OK)
            rc = post(&r, "query_range", query_print_value);
    }
    end(&r);
    return rc;
}

/* match[] and bounds, wide unless given. */
static int series_form(struct query_run *r)
{
    ts_ms now = clock_now_ms(clock_system()), at[2];
    int rc = bounds(r, now - WIDE_MS, now + WIDE_MS, at);

    if (rc != CLI__OK)
        return rc;
    for (size_t i = 0; i < r->flags.matchers.n; i++)
        cli__form_add(&r->form, "match[]", str_of(r->flags.matchers.v[i]));
    cli__form_add_ms(&r->form, "start", at[0]);
    cli__form_add_ms(&r->form, "end", at[1]);
    return CLI__OK;
}

static int run_series(const struct cli__command *cmd, int argc, char **argv)
{
    struct query_run r = {
        .cmd = cmd, .words = {.least = 1, .most = 1}
    };
    void *const targets[] = {&r.flags.help, &r.flags.format,  &r.flags.matchers, &r.flags.start,
                             &r.flags.end,  &r.flags.headers, &r.flags.timeout};
    int rc;

    if (begin(&r, targets, argc, argv, &rc)) {
        rc = r.flags.matchers.n == 0 ? cli__usage_error(cmd, "required flag --match not provided")
                                     : series_form(&r);
        if (rc == CLI__OK)
            rc = post(&r, "series", query_print_series);
    }
    end(&r);
    return rc;
}

/* Label values are asked for by GET, with the form in the URL. */
static int run_labels(const struct cli__command *cmd, int argc, char **argv)
{
    struct query_run r = {
        .cmd = cmd, .words = {.least = 2, .most = 2}
    };
    void *const targets[] = {&r.flags.help, &r.flags.format,  &r.flags.matchers, &r.flags.start,
                             &r.flags.end,  &r.flags.headers, &r.flags.timeout};
    struct buf url = {0};
    int rc;

    if (begin(&r, targets, argc, argv, &rc)) {
        rc = series_form(&r);
        buf_addf(&url, "%s/api/v1/label/", r.base);
        cli__form_escape(&url, str_of(r.words.list.v[1]));
        buf_addf(&url, "/values?" STR_FMT, STR_ARG(buf_str(&r.form)));
        if (rc == CLI__OK)
            rc = ask(&r.flags, url.p, NULL, query_print_names);
    }
    buf_release(&url);
    end(&r);
    return rc;
}

/* ---- their rows: flags in the order of the targets above -------------------------------- */

static const struct config_flag instant_flags[] = {
    CLI__F_HELP, F_FORMAT, F_TIME("time", "When to evaluate: seconds or RFC 3339. Default: now."),
    F_HEADER, F_TIMEOUT};

static const struct config_flag range_flags[] = {
    CLI__F_HELP,
    F_FORMAT,
    F_TIME("start", "First time. Default: 5 minutes before the end."),
    F_TIME("end", "Last time: seconds or RFC 3339. Default: now."),
    F_STEP,
    F_HEADER,
    F_TIMEOUT,
};

static const struct config_flag series_flags[] = {
    CLI__F_HELP,
    F_FORMAT,
    F_MATCH,
    F_TIME("start", "Only series with samples from then on."),
    F_TIME("end", "Only series with samples until then."),
    F_HEADER,
    F_TIMEOUT};

const struct cli__command cli__query_instant = {
    .name = "query instant",
    .args = "URL EXPR",
    .summary = "Evaluate PromQL at one time.",
    .examples =
        "  ferula query instant http://127.0.0.1:9090 'sum(rate(http_requests_total[2m]))'\n"
        "      the value now\n"
        "  ferula query instant -o json --time=2026-01-02T03:04:05Z http://127.0.0.1:9090 up\n"
        "      at a time, as JSON\n",
    .flags = instant_flags,
    .n_flags = COUNT(instant_flags),
    .run = run_instant,
};

const struct cli__command cli__query_range = {
    .name = "query range",
    .args = "URL EXPR",
    .summary = "Evaluate PromQL at many times.",
    .examples =
        "  ferula query range --step=15s http://127.0.0.1:9090 up\n"
        "      the last 5 minutes\n"
        "  ferula query range --start=1767322800 --end=1767326400 http://127.0.0.1:9090 up\n"
        "      an hour, 250 points\n",
    .flags = range_flags,
    .n_flags = COUNT(range_flags),
    .run = run_range,
};

const struct cli__command cli__query_series = {
    .name = "query series",
    .args = "URL",
    .summary = "List the series that selectors match.",
    .examples = "  ferula query series --match='{job=\"app\"}' http://127.0.0.1:9090\n"
                "      the series of a job\n"
                "  ferula query series --match=up --match=down -o json http://127.0.0.1:9090\n"
                "      those of two metrics, as JSON\n",
    .flags = series_flags,
    .n_flags = COUNT(series_flags),
    .run = run_series,
};

const struct cli__command cli__query_labels = {
    .name = "query labels",
    .args = "URL NAME",
    .summary = "List the values of a label.",
    .examples =
        "  ferula query labels http://127.0.0.1:9090 job\n"
        "      all jobs\n"
        "  ferula query labels --match=http_requests_total http://127.0.0.1:9090 namespace\n"
        "      the namespaces of one metric\n",
    .flags = series_flags,
    .n_flags = COUNT(series_flags),
    .run = run_labels,
};
