/*
 * explain.c - `ferula explain`: why a query, and a ScaledObject with it, comes to what it comes to.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli_priv.h"
#include "client.h"
#include "explain_data.h"
#include "explain_print.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "form.h"

struct explain_run {
    const struct cli__command *cmd;
    bool help;
    const char *at, *format, *name, *test, *replicas, *keda, *k8s;
    size_t elements;
    dur_ms timeout;
    struct config_list words, headers, numbers;
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

/* ---- ScaledObjects ---------------------------------------------------------------------- */

/* A file by its ending, or a path that is there; all else is PromQL, `up` too when there is a file
 * of that name. */
static bool is_manifest(const char *word)
{
    struct str s = str_of(word);

    return str_is(s, "-") || str_ends(s, ".yaml") || str_ends(s, ".yml") || str_ends(s, ".json") ||
           (strpbrk(word, "./") != NULL && access(word, F_OK) == 0);
}

static bool is_wanted(const struct explain_run *r, const struct scaled_object *o)
{
    return r->name == NULL || str_is(o->name.s, r->name);
}

/* Whether KEDA would take it; what is wrong with the file is told in any case. */
static bool tell_complaints(const struct explain_run *r, const struct complaints *c)
{
    bool fatal = false;

    for (size_t i = 0; i < c->n; i++) {
        const struct complaint *one = &c->v[i];

        fprintf(stderr, "ferula %s: %s:%d:%d: " STR_FMT "\n", r->cmd->name,
                one->at.file == NULL ? "" : one->at.file, one->at.line, one->at.column,
                STR_ARG(one->text));
        fatal |= one->fatal;
    }
    return !fatal;
}

/* A number for what is not there would go unnoticed. */
static int check_numbers(const struct explain_run *r, const struct manifests *m)
{
    for (size_t k = 0; k < r->opts.n_numbers; k++) {
        struct str trigger = r->opts.numbers[k].trigger;
        bool found = false;

        for (size_t i = 0; i < m->n_scaled_objects; i++)
            found |= is_wanted(r, &m->scaled_objects[i]) &&
                     trigger_find(&m->scaled_objects[i], trigger) != SIZE_MAX;
        if (!found)
            return cli__usage_error(
                r->cmd, "invalid value \"%s\" for flag '--number': there is no trigger " STR_FMT,
                r->numbers.v[k], STR_ARG(trigger));
    }
    return CLI__OK;
}

/* `j`: NULL for text. */
static int explain_objects(struct explain_run *r, const struct manifests *m, struct buf *out,
                           struct json *j)
{
    struct explained_object x;
    struct fault f = {0};
    size_t n = 0;

    for (size_t i = 0; i < m->n_scaled_objects; i++) {
        int rc;

        if (!is_wanted(r, &m->scaled_objects[i]))
            continue;
        rc = explain_object(&r->arena, &m->scaled_objects[i], &r->opts, &x, &f);
        rc = judge(r, rc, &f);
        if (rc != CLI__OK)
            return rc;
        if (j != NULL) {
            cli__explain_object_json(j, &x, r->elements);
        } else {
            buf_puts(out, n > 0 ? "\n" : "");
            cli__explain_object(out, &x, r->elements);
        }
        n++;
    }
    if (n > 0)
        return CLI__OK;
    return tell(r,
                r->name == NULL ? "there is no ScaledObject in the file"
                                : "there is no such ScaledObject in the file",
                CLI__USAGE);
}

/* Objects, and what lint has to say of the file. */
static int print_manifests(struct explain_run *r, const struct manifests *m,
                           const struct complaints *c, struct buf *out)
{
    const struct lint_opts opts = {.versions = r->opts.versions};
    struct lint_report report = {0};
    struct json j;
    int rc;

    lint_run(&r->arena, m, c, &opts, &report);
    if (strcmp(r->format, "json") != 0) {
        rc = explain_objects(r, m, out, NULL);
        cli__explain_lint(out, &report);
        return rc;
    }
    json_init(&j, out);
    json_object_begin(&j);
    json_key(&j, "objects");
    json_array_begin(&j);
    rc = explain_objects(r, m, out, &j);
    json_array_end(&j);
    json_key(&j, "lint");
    cli__explain_lint_json(&j, &report);
    json_object_end(&j);
    buf_putc(out, '\n');
    return rc;
}

static int explain_manifest(struct explain_run *r, const char *path)
{
    struct complaints complaints = {.arena = &r->arena};
    struct manifests m = {0};
    struct fault f = {0};
    struct buf out = {0};
    int rc = CLI__USAGE;

    if (manifests_load(&r->arena, path, &m, &complaints, &f) < 0)
        return tell(r, f.text, CLI__USAGE);
    if (tell_complaints(r, &complaints))
        rc = check_numbers(r, &m);
    if (rc == CLI__OK)
        rc = print_manifests(r, &m, &complaints, &out);
    if (rc == CLI__OK)
        return cli__print(&out);
    buf_release(&out);
    return rc;
}

/* ---- the command ------------------------------------------------------------------------ */

/* --number TRIGGER=NUMBER */
static int read_numbers(struct explain_run *r)
{
    struct explain_number *v = arena_array(&r->arena, struct explain_number, r->numbers.n + 1);

    for (size_t i = 0; i < r->numbers.n; i++) {
        struct str rest = str_of(r->numbers.v[i]);

        (void)str_split(&rest, '=', &v[i].trigger);
        if (v[i].trigger.n == 0 || !num_parse(rest, &v[i].value, NULL) || !isfinite(v[i].value))
            return cli__usage_error(r->cmd,
                                    "invalid value \"%s\" for flag '--number': expected "
                                    "TRIGGER=NUMBER",
                                    r->numbers.v[i]);
    }
    r->opts.numbers = v;
    r->opts.n_numbers = r->numbers.n;
    return CLI__OK;
}

static int read_flags(struct explain_run *r)
{
    struct fault f = {0};
    uint64_t n = 0;

    r->opts.replicas = -1;
    if (r->replicas != NULL && (!str_to_u64(str_of(r->replicas), &n) || n > INT32_MAX))
        return cli__usage_error(r->cmd,
                                "invalid value \"%s\" for flag '--current-replicas': expected a "
                                "number",
                                r->replicas);
    if (r->replicas != NULL)
        r->opts.replicas = (int32_t)n;
    if (autoscale_parse_keda(str_of(r->keda), &r->opts.versions.keda, &f) < 0 ||
        autoscale_parse_k8s(str_of(r->k8s), &r->opts.versions.k8s, &f) < 0)
        return cli__usage_error(r->cmd, "%s", f.text);
    return read_numbers(r);
}

/* What would go unnoticed. */
static int check_use(const struct explain_run *r, const char *word)
{
    const char *flag = r->numbers.n > 0      ? "number"
                       : r->name != NULL     ? "name"
                       : r->replicas != NULL ? "current-replicas"
                                             : NULL;

    if (flag != NULL && !is_manifest(word))
        return cli__usage_error(
            r->cmd,
            "--%s is of ScaledObjects, and '%s' is taken for a query: there is no "
            "file called so",
            flag, word);
    for (size_t i = 0; i < r->words.n; i++)
        if (strcmp(word, "-") == 0 && strcmp(r->words.v[i], "-") == 0)
            return cli__usage_error(r->cmd, "stdin cannot be the manifests and the data");
    return CLI__OK;
}

static int explain(struct explain_run *r, const char *word)
{
    const struct data_opts opts = {&r->words, &r->headers, r->test, r->timeout,
                                   clock_now_ms(clock_system())};
    struct fault f = {0};
    int rc = cli__headers_check(r->cmd, &r->headers);

    if (rc != CLI__OK)
        return rc;
    if (r->words.n == 0)
        return cli__usage_error(r->cmd, "required flag --data not provided");
    rc = read_flags(r);
    if (rc == CLI__OK)
        rc = check_use(r, word);
    if (rc != CLI__OK)
        return rc;
    rc = cli__data_open(&r->data, &opts, &f);
    if (rc != CLI__OK)
        return tell(r, f.text, rc);
    rc = read_at(r);
    if (rc != CLI__OK)
        return rc;
    r->opts.source = r->data.source;
    r->opts.features = (struct promql_features)PROMQL_FEATURES_ALL;
    return is_manifest(word) ? explain_manifest(r, word) : explain_expr(r, word);
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct explain_run r = {.cmd = cmd};
    void *const targets[] = {&r.help,    &r.format,  &r.words, &r.at,       &r.elements,
                             &r.headers, &r.timeout, &r.name,  &r.replicas, &r.numbers,
                             &r.keda,    &r.k8s,     &r.test};
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc))
        rc = explain(&r, words.list.v[0]);
    cli__data_close(&r.data);
    arena_release(&r.arena);
    config_list_release(&words.list);
    config_list_release(&r.words);
    config_list_release(&r.headers);
    config_list_release(&r.numbers);
    return rc;
}

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "format", .kind = CONFIG_CHOICE, .shorthand = 'o', .value = "text",
     .choices = "text|json", .help = "Form of the output: text or json."},
    {.name = "data", .kind = CONFIG_LIST, .meta = "URL|DIR|FILE",
     .help = "Where the series are: a server of Prometheus' API, the data folder of a stopped "
             "server, a file of ferula test, or files of OpenMetrics, text exposition or "
             "JSON lines, which may be several."},
    {.name = "at", .kind = CONFIG_TEXT, .meta = "TIME",
     .help = "When to ask: seconds, RFC 3339, or -5m from the end of the data. Default: the newest "
             "sample; of a server: now."},
    {.name = "elements", .kind = CONFIG_COUNT, .value = "5", .least = 1, .most = 1000,
     .help = "Most elements to show of each part."},
    CLI__F_HEADER("Extra header of requests to a server. May be repeated."),
    CLI__F_TIMEOUT("2m", "Most time to wait for each answer of a server."),
    {.name = "name", .kind = CONFIG_TEXT, .meta = "NAME",
     .help = "Only the ScaledObject called so. Default: all of the file."},
    {.name = "current-replicas", .kind = CONFIG_TEXT, .meta = "N",
     .help = "Replicas that there are, all of them ready. Default: the HPA's minimum."},
    {.name = "number", .kind = CONFIG_LIST, .meta = "TRIGGER=NUMBER",
     .help = "What a trigger is worth, by its name or its place from 0 on: instead of asking it, and "
             "for those that are neither prometheus nor cron. Of cpu and memory what a pod has on "
             "average, in percent or as a quantity. May be repeated."},
    {.name = "keda-version", .kind = CONFIG_TEXT, .value = "2.20.2", .meta = "VERSION",
     .help = "Whose rules hold."},
    {.name = "k8s-version", .kind = CONFIG_TEXT, .value = "1.33", .meta = "VERSION",
     .help = "Whose rules hold."},
    {.name = "test", .kind = CONFIG_TEXT, .meta = "NAME",
     .help = "Whose input_series to take from a test file. Default: those of the first test."},
};
// clang-format on

const struct cli__command cli__explain = {
    .name = "explain",
    .args = "SO.yaml|EXPR",
    .summary = "Tell why KEDA sees the value it sees, and what comes of it.",
    .notes =
        "The first word is a file of manifests, or PromQL. Each part of a query is shown with its\n"
        "value. When the answer is empty: which matcher removed the last series, and what was\n"
        "probably meant; or that the series have ended, or have no samples then, or fewer than\n"
        "are needed. Of a ScaledObject also what KEDA makes of the answer, and the arithmetic of\n"
        "the HPA. What those remember from before is not known from one moment; it is said where\n"
        "that matters.\n",
    .examples = "  ferula explain so.yaml --data http://127.0.0.1:9090 --current-replicas 3\n"
                "      from the query to the replica count, at this moment\n"
                "  ferula explain 'rate(jobs_total[1m])' --data dump.jsonl --at=-10m\n"
                "      ten minutes before the end of a file\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
