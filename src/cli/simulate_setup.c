/*
 * simulate_setup.c - the world of `ferula simulate` from its flags: series, an app, load, faults.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ferula/autoscale/story.h"
#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "form.h"
#include "input.h"
#include "recording_file.h"
#include "simulate.h"

#define DEFAULT_LENGTH_MS (15 * 60 * 1000)
#define MAX_LENGTH_MS     ((dur_ms)3660 * 24 * 3600 * 1000)
#define WINDOWED_FROM_MS  ((dur_ms)7 * 24 * 3600 * 1000)
#define MIN_SCRAPE_MS     1000
#define AFTER_LOAD_MS     (10 * 60 * 1000) /* for what the end of the load does */

static int bad_flag(const struct simulate *s, const char *flag, const char *value, const char *why)
{
    return cli__usage_error(s->cmd, "invalid value \"%s\" for flag '--%s': %s", value, flag, why);
}

/* ---- the app ---------------------------------------------------------------------------- */

static int set_app_key(struct simulate *s, struct str key, struct str value, struct fault *f)
{
    const struct {
        const char *name;
        dur_ms *out;
    } spans[] = {
        {"start",   &s->app.start_up       },
        {"scrape",  &s->app.scrape_interval},
        {"warm-up", &s->app.warm_up        },
    };

    if (str_is(key, "capacity")) {
        if (num_parse(value, &s->app.capacity, NULL) && s->app.capacity >= 0)
            return 0;
        return fault_set(f, FER_EINVAL, 0, "capacity has to be a number of at least 0");
    }
    for (size_t i = 0; i < COUNT(spans); i++)
        if (str_is(key, spans[i].name))
            return duration_parse(value, spans[i].out, f);
    return fault_set(f, FER_EINVAL, 0, "'" STR_FMT "' is none of capacity, start, scrape, warm-up",
                     STR_ARG(key));
}

static int read_app(struct simulate *s)
{
    struct str rest = str_of(s->flags->app), part;
    struct fault f;

    while (s->flags->app != NULL && str_split(&rest, ',', &part)) {
        struct str value = part, key;

        (void)str_split(&value, '=', &key);
        s->app.given = true;
        if (set_app_key(s, str_trim(key), str_trim(value), &f) < 0)
            return bad_flag(s, "app", s->flags->app, f.text);
    }
    if (s->app.scrape_interval != 0 && s->app.scrape_interval < MIN_SCRAPE_MS)
        return bad_flag(s, "app", s->flags->app, "scrape has to be at least 1s");
    if (s->app.warm_up > STORY_MAX_LENGTH)
        return bad_flag(s, "app", s->flags->app, "warm-up is more than 32 days");
    return CLI__OK;
}

static int read_metric(struct simulate *s, const char *flag, const char *text, struct labels *out)
{
    struct promql_series_value *v;
    struct fault f;
    size_t n;

    if (text == NULL)
        return CLI__OK;
    if (promql_parse_series(&s->arena, str_of(text), out, &v, &n, &f) < 0)
        return bad_flag(s, flag, text, f.text);
    if (n > 0 || labels_name(*out).n == 0)
        return bad_flag(s, flag, text, "expected a metric with labels and no values");
    return CLI__OK;
}

static int read_load(struct simulate *s)
{
    struct load_point *points;
    struct fault f;
    int rc = read_metric(s, "metric", s->flags->metric, &s->app.labels);

    if (rc == CLI__OK)
        rc = read_metric(s, "offered-metric", s->flags->offered_metric, &s->app.offered_labels);
    if (rc != CLI__OK || s->flags->load == NULL)
        return rc;
    s->app.given = true;
    s->app.steps = !s->flags->ramp;
    if (load_parse(&s->arena, str_of(s->flags->load), s->start, &points, &s->app.n_load, &f) < 0)
        return bad_flag(s, "load", s->flags->load, f.text);
    s->app.load = points;
    return CLI__OK;
}

/* ---- series ----------------------------------------------------------------------------- */

/* A line is a series of promtool's tests: `m{a="b"} 0+15x20`. */
static int add_line(struct simulate *s, struct str line, struct fault *f)
{
    struct promql_series_value *v;
    struct labels ls;
    size_t n;

    if (str_trim(line).n == 0 || str_trim(line).p[0] == '#')
        return 0;
    if (promql_parse_series(&s->arena, line, &ls, &v, &n, f) < 0)
        return FER_EINVAL;
    for (size_t i = 0; i < n; i++)
        if (!v[i].omitted)
            (void)mem_source_append(s->recording, ls, s->start + (ts_ms)i * s->flags->interval, 0,
                                    v[i].v, v[i].h);
    if (n > 0)
        s->end = MAX(s->end, s->start + (ts_ms)(n - 1) * s->flags->interval);
    return 0;
}

static int read_series(struct simulate *s)
{
    struct input in;
    struct str line;
    struct fault f, why;
    int rc;

    if (s->flags->series == NULL)
        return CLI__OK;
    rc = cli__input_open(&in, s->flags->series, &f);
    while (rc == 0 && (rc = cli__input_line(&in, &line, &f)) == 0) {
        rc = add_line(s, line, &why);
        if (rc < 0)
            (void)fault_set(&f, rc, 0, "%s: line %llu: %s", in.name, (unsigned long long)in.n_lines,
                            why.text);
    }
    cli__input_close(&in);
    if (rc < 0)
        fprintf(stderr, "ferula simulate: %s\n", f.text);
    return rc < 0 ? CLI__USAGE : CLI__OK;
}

/* Copies what the objects look at; the server or folder is not asked any more. */
static int copy_data(struct simulate *s)
{
    struct source_range range = {s->start, s->end};
    struct fault f;
    int rc;

    s->windowed =
        s->data.source != NULL && s->flags->series == NULL && s->end - s->start > WINDOWED_FROM_MS;
    if (s->data.source == NULL || s->windowed)
        return CLI__OK;
    rc = recording_copy(s->data.source, s->manifests.scaled_objects, s->manifests.n_scaled_objects,
                        range, s->recording, &f);
    if (s->data.server != NULL && rc == 0 && cli__http_source_failed(s->data.server, &f) != CLI__OK)
        rc = FER_EIO;
    if (rc == 0)
        return CLI__OK;
    fprintf(stderr, "ferula simulate: %s\n", f.text);
    return rc == FER_EIO ? CLI__UNREACHABLE : CLI__FAILED;
}

/* ---- faults ----------------------------------------------------------------------------- */

/* "5m-7m=empty", "5m-7m=503", "5m-7m=slow". */
static bool parse_fault(const struct simulate *s, struct str text, struct fault_span *out)
{
    struct str rest = text, from, to;
    struct fault f;
    uint64_t status;

    *out = (struct fault_span){.delay = INT64_MAX, .trigger = -1};
    if (!str_split(&rest, '-', &from) || !str_split(&rest, '=', &to) || rest.p == NULL)
        return false;
    if (duration_parse(from, &out->from, &f) < 0 || duration_parse(to, &out->to, &f) < 0 ||
        out->to <= out->from)
        return false;
    out->from += s->start;
    out->to += s->start;
    if (str_to_u64(rest, &status) && status >= 300 && status < 600) {
        out->kind = FAULT_STATUS;
        out->status = (int)status;
        return true;
    }
    return fault_kind_parse(rest, &out->kind) && out->kind != FAULT_STATUS;
}

static int read_faults(struct simulate *s)
{
    const struct config_list *list = &s->flags->faults;

    s->faults = arena_array(&s->arena, struct fault_span, list->n);
    for (size_t i = 0; i < list->n; i++)
        if (!parse_fault(s, str_of(list->v[i]), &s->faults[s->n_faults++]))
            return bad_flag(s, "fault", list->v[i],
                            "expected FROM-TO=KIND: 5m-7m=empty; kinds are empty, nan, inf, two, "
                            "slow, gap, garbled, scalar or an HTTP status");
    return CLI__OK;
}

/* ---- numbers ---------------------------------------------------------------------------- */

static bool has_trigger(const struct simulate *s, struct str word)
{
    for (size_t i = 0; i < s->manifests.n_scaled_objects; i++)
        if (trigger_find(&s->manifests.scaled_objects[i], word) != SIZE_MAX)
            return true;
    return false;
}

/* "queue=0:0,5m:40", "0=40". */
static int read_numbers(struct simulate *s)
{
    const struct config_list *list = &s->flags->numbers;

    s->numbers = arena_array(&s->arena, struct trigger_numbers, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct trigger_numbers *one = &s->numbers[i];
        struct str rest = str_of(list->v[i]);
        struct fault f;

        if (!str_split(&rest, '=', &one->trigger) || one->trigger.n == 0 || rest.n == 0)
            return bad_flag(s, "number", list->v[i],
                            "expected TRIGGER=NUMBER or TRIGGER=TIME:NUMBER,...");
        if (memchr(rest.p, ':', rest.n) == NULL) /* a lone number: from the beginning on */
            rest = arena_printf(&s->arena, "0:" STR_FMT, STR_ARG(rest));
        if (load_parse(&s->arena, rest, s->start, &one->v, &one->n, &f) < 0)
            return bad_flag(s, "number", list->v[i], f.text);
        if (!has_trigger(s, one->trigger))
            return bad_flag(
                s, "number", list->v[i],
                arena_printf(&s->arena, "there is no trigger " STR_FMT, STR_ARG(one->trigger)).p);
    }
    return CLI__OK;
}

void cli__simulate_numbers(struct simulate *s, struct world_setup *w)
{
    size_t n = w->object->n_triggers;
    const struct load_point **v = arena_array(&s->arena, const struct load_point *, n);
    size_t *counts = arena_array(&s->arena, size_t, n);

    for (size_t i = 0; i < s->flags->numbers.n; i++) {
        size_t trigger = trigger_find(w->object, s->numbers[i].trigger);

        if (trigger == SIZE_MAX)
            continue; /* of another object */
        v[trigger] = s->numbers[i].v;
        counts[trigger] = s->numbers[i].n;
    }
    w->numbers = v;
    w->n_numbers = counts;
}

/* ---- time ------------------------------------------------------------------------------- */

static int read_versions(struct simulate *s)
{
    struct fault f;

    s->versions = (struct autoscale_versions)AUTOSCALE_VERSIONS_DEFAULT;
    if (s->flags->keda != NULL &&
        autoscale_parse_keda(str_of(s->flags->keda), &s->versions.keda, &f) < 0)
        return bad_flag(s, "keda-version", s->flags->keda, f.text);
    if (s->flags->k8s != NULL &&
        autoscale_parse_k8s(str_of(s->flags->k8s), &s->versions.k8s, &f) < 0)
        return bad_flag(s, "k8s-version", s->flags->k8s, f.text);
    return CLI__OK;
}

/* A file that spans long and is in order needs not be held. */
static int open_stream(struct simulate *s, const char *path)
{
    struct recording_span span;
    struct stat st;
    struct fault f;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return CLI__OK; /* of another kind */
    if (cli__recording_scan(path, &span, &f) < 0) {
        fprintf(stderr, "ferula simulate: %s\n", f.text);
        return CLI__USAGE;
    }
    if (!span.lines || span.begin > span.end || span.end - span.begin <= WINDOWED_FROM_MS)
        return CLI__OK;
    if (!span.ordered && span.end - span.begin <= STORY_MAX_LENGTH)
        return CLI__OK;
    if (!span.ordered) {
        fprintf(stderr, "ferula simulate: %s\n", span.why.text);
        return CLI__USAGE;
    }
    s->data.begin = span.begin;
    s->data.end = span.end;
    s->stream = path;
    return CLI__OK;
}

static int open_data(struct simulate *s)
{
    struct data_opts opts = {.words = &s->flags->data,
                             .headers = &s->flags->headers,
                             .timeout = s->flags->timeout,
                             .now = clock_now_ms(clock_system())};
    struct fault f;
    int rc;

    if (s->flags->data.n == 0)
        return CLI__OK;
    if (s->flags->data.n == 1 && s->flags->series == NULL) {
        rc = open_stream(s, s->flags->data.v[0]);
        if (rc != CLI__OK || s->stream != NULL)
            return rc;
    }
    rc = cli__data_open(&s->data, &opts, &f);
    if (rc != CLI__OK)
        fprintf(stderr, "ferula simulate: %s\n", f.text);
    return rc;
}

/* Of files: their first sample; of a server or a folder: so long before the end. */
static ts_ms default_start(const struct simulate *s)
{
    dur_ms length = s->flags->length > 0 ? s->flags->length : DEFAULT_LENGTH_MS;

    if (s->data.source == NULL && s->stream == NULL)
        return 0;
    return s->data.begin != INT64_MAX ? s->data.begin : s->data.end - length;
}

static int set_end(struct simulate *s)
{
    if (s->data.source != NULL || s->stream != NULL)
        s->end = MAX(s->end, s->data.end);
    if (s->app.n_load > 0)
        s->end = MAX(s->end, s->app.load[s->app.n_load - 1].t + AFTER_LOAD_MS);
    for (size_t i = 0; i < s->flags->numbers.n; i++)
        if (s->numbers[i].n > 1)
            s->end = MAX(s->end, s->numbers[i].v[s->numbers[i].n - 1].t + AFTER_LOAD_MS);
    if (s->flags->length > 0)
        s->end = s->start + s->flags->length;
    else if (s->end <= s->start)
        s->end = s->start + DEFAULT_LENGTH_MS;
    if (s->end - s->start <= MAX_LENGTH_MS)
        return CLI__OK;
    return cli__usage_error(s->cmd, "more than ten years: choose --for and --start");
}

int cli__simulate_setup(struct simulate *s)
{
    int rc = read_versions(s);

    rc = rc != CLI__OK ? rc : open_data(s);
    if (rc == CLI__OK)
        rc = cli__time_or(s->cmd, "start", s->flags->start, default_start(s), &s->start);
    if (rc != CLI__OK)
        return rc;
    s->end = s->start;
    s->recording = mem_source_new();
    rc = read_app(s);
    rc = rc != CLI__OK ? rc : read_load(s);
    rc = rc != CLI__OK ? rc : read_faults(s);
    rc = rc != CLI__OK ? rc : read_numbers(s);
    rc = rc != CLI__OK ? rc : read_series(s);
    if (rc != CLI__OK)
        return rc;
    rc = set_end(s);
    return rc != CLI__OK ? rc : copy_data(s);
}
