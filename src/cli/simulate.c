/*
 * simulate.c - `ferula simulate SO.yaml...`: ScaledObjects on recorded or made-up load, in virtual
 * time, next to each other.
 */
#include "simulate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "recording_file.h"
#include "test.h"

#define FLUSH_BYTES 65536

/* ---- running ---------------------------------------------------------------------------- */

static int load_manifests(struct simulate *s, const struct config_list *paths)
{
    int rc = CLI__OK;

    for (size_t i = 0; i < paths->n; i++) {
        struct complaints complaints = {.arena = &s->arena};
        struct fault f;

        if (manifests_load(&s->arena, paths->v[i], &s->manifests, &complaints, &f) < 0) {
            fprintf(stderr, "ferula simulate: %s\n", f.text);
            rc = CLI__USAGE;
        }
        if (cli__tell_complaints(&complaints))
            rc = CLI__USAGE;
    }
    if (rc == CLI__OK && s->manifests.n_scaled_objects == 0) {
        fprintf(stderr, "ferula simulate: there is no ScaledObject in what was given\n");
        rc = CLI__USAGE;
    }
    return rc;
}

static struct labels default_labels(struct simulate *s, const struct scaled_object *so)
{
    struct labels ls =
        labels_set(&s->arena, (struct labels){0}, STR(LABEL_NAME), STR("http_requests_total"));

    return labels_set(&s->arena, ls, STR("namespace"), so->ns.s.n > 0 ? so->ns.s : STR("default"));
}

/* What is there goes to stdout, so that a long run holds little. */
static int flush(struct simulate *s)
{
    int rc = cli__write(buf_str(&s->out));

    buf_reset(&s->out);
    return rc == CLI__OK ? 0 : FER_EIO;
}

static int on_event(void *ctx, const struct sim_event *e)
{
    struct variant *v = ctx;
    struct simulate *s = v->run;

    picture_tally_event(&v->tally, e);
    cli__simulate_form(s)->event(s, v, e);
    return s->out.n >= FLUSH_BYTES ? flush(s) : 0;
}

static void on_sample(void *ctx, const struct world_sample *sample)
{
    struct variant *v = ctx;

    picture_tally_sample(&v->tally, sample);
}

static struct world_setup world_of(struct simulate *s, struct variant *v)
{
    struct world_setup w = {
        .object = v->object,
        .source = mem_source_base(s->recording),
        .app = s->app,
        .faults = s->faults,
        .n_faults = s->n_faults,
        .replicas = (int32_t)s->flags->replicas,
        .start = s->start,
        .features = PROMQL_FEATURES_DEFAULT,
        .sink = on_sample,
        .sink_ctx = v,
    };

    if (w.app.given && w.app.labels.n == 0)
        w.app.labels = default_labels(s, v->object);
    cli__simulate_numbers(s, &w);
    return w;
}

/* Where a long recording is taken from while time goes on. */
struct feed {
    struct recording_windows windows;
    struct recording_file *file; /* owned; NULL: none */
};

static int open_feed(struct simulate *s, struct variant *v, struct feed *feed,
                     struct world_setup *w, struct fault *f)
{
    *feed = (struct feed){
        .windows = {
                    .from = s->data.source, .so = v->object, .to = s->recording, .f = f, .at = s->start}
    };
    if (s->stream == NULL && !s->windowed)
        return 0;
    mem_source_clear(s->recording);
    w->feed = recording_feed;
    w->feed_ctx = &feed->windows;
    if (s->stream != NULL) {
        int rc = cli__recording_open(s->stream, s->recording, &feed->file, f);

        w->feed = cli__recording_feed;
        w->feed_ctx = feed->file;
        return rc;
    }
    return 0;
}

static int run_variant(struct simulate *s, struct variant *v)
{
    struct world_setup w = world_of(s, v);
    struct pod_world *world = NULL;
    struct fault f = {0};
    struct feed feed;
    int rc;

    w.why = &f;
    rc = open_feed(s, v, &feed, &w, &f);

    rc = rc < 0 ? rc : pod_world_new(&w, &world, &f);
    if (rc == 0) {
        v->run = s;
        v->setup = (struct sim_setup){
            .object = v->object,
            .versions = s->versions,
            .world = pod_world_base(world),
            .start = s->start,
            .end = s->end,
            .replicas = (int32_t)s->flags->replicas,
            .sink = on_event,
            .sink_ctx = v,
        };
        picture_tally_begin(&v->tally, &v->setup, s->app.capacity, s->flags->svg != NULL);
        cli__simulate_form(s)->variant(s, v);
        rc = sim_run(&s->arena, &v->setup, &v->trace, &f);
        picture_tally_end(&v->tally);
        cli__simulate_form(s)->variant_end(s, v);
    }
    pod_world_free(world);
    cli__recording_close(feed.file);
    if (s->data.server != NULL && rc == 0 && cli__http_source_failed(s->data.server, &f) != CLI__OK)
        rc = FER_EIO;
    if (rc == FER_EIO && ferror(stdout))
        return CLI__FAILED;
    if (rc < 0)
        fprintf(stderr, "ferula simulate: " STR_FMT ": %s\n", STR_ARG(v->name), f.text);
    if (rc == FER_EIO)
        return CLI__UNREACHABLE;
    return rc < 0 ? CLI__USAGE : CLI__OK;
}

static int pass_over(void *ctx, const struct sim_event *e)
{
    (void)ctx, (void)e;
    return 0;
}

/* What cannot be run is told before anything is printed: a run of no length, without data. */
static int check_variant(struct simulate *s, struct variant *v)
{
    struct world_setup w = world_of(s, v);
    struct sim_setup setup = {
        .object = v->object,
        .versions = s->versions,
        .start = s->start,
        .end = s->start,
        .replicas = w.replicas,
        .sink = pass_over,
    };
    struct pod_world *world = NULL;
    struct arena a = {0};
    struct sim_trace trace;
    struct fault f = {0};
    int rc;

    w.source = NULL;
    w.app = (struct app_model){0};
    rc = pod_world_new(&w, &world, &f);
    if (rc == 0) {
        setup.world = pod_world_base(world);
        rc = sim_run(&a, &setup, &trace, &f);
    }
    pod_world_free(world);
    arena_release(&a);
    if (rc < 0)
        fprintf(stderr, "ferula simulate: " STR_FMT ": %s\n", STR_ARG(v->name), f.text);
    return rc < 0 ? CLI__USAGE : CLI__OK;
}

/* A picture that cannot be written is not worth simulating for. */
static int check_picture(struct simulate *s)
{
    const char *path = s->flags->svg, *slash = path == NULL ? NULL : strrchr(path, '/');
    const char *folder = slash == NULL ? "."
                         : slash == path
                             ? "/"
                             : arena_printf(&s->arena, "%.*s", (int)(slash - path), path).p;

    if (path == NULL || access(folder, W_OK | X_OK) == 0 || access(path, W_OK) == 0)
        return CLI__OK;
    fprintf(stderr, "ferula simulate: %s: %s\n", path, strerror(errno));
    return CLI__FAILED;
}

static int check(struct simulate *s)
{
    int rc = check_picture(s);

    for (size_t i = 0; rc == CLI__OK && i < s->n_variants; i++)
        rc = check_variant(s, &s->variants[i]);
    return rc;
}

static int draw(struct simulate *s)
{
    struct picture_run *runs = arena_array(&s->arena, struct picture_run, s->n_variants);
    struct buf out = {0};
    struct fault f;
    int rc;

    for (size_t i = 0; i < s->n_variants; i++)
        runs[i] = (struct picture_run){.name = s->variants[i].name,
                                       .trace = &s->variants[i].tally.points};
    picture_svg(&out, runs, s->n_variants, s->variants[0].object->name.s);
    rc = cli__write_file(s->flags->svg, buf_str(&out), &f);
    buf_release(&out);
    if (rc < 0)
        fprintf(stderr, "ferula simulate: %s\n", f.text);
    return rc < 0 ? CLI__FAILED : CLI__OK;
}

static int simulate(struct simulate *s, const struct config_list *paths)
{
    int rc = cli__headers_check(s->cmd, &s->flags->headers);

    rc = rc != CLI__OK ? rc : load_manifests(s, paths);
    rc = rc != CLI__OK ? rc : cli__simulate_setup(s);
    rc = rc != CLI__OK ? rc : cli__simulate_variants(s);
    rc = rc != CLI__OK ? rc : check(s);
    if (rc != CLI__OK)
        return rc;
    cli__simulate_form(s)->begin(s);
    for (size_t i = 0; rc == CLI__OK && i < s->n_variants; i++)
        rc = run_variant(s, &s->variants[i]);
    if (rc == CLI__OK && s->flags->svg != NULL)
        rc = draw(s);
    if (rc != CLI__OK)
        return rc;
    cli__simulate_form(s)->end(s);
    return cli__print(&s->out);
}

static int run_simulate(const struct cli__command *cmd, int argc, char **argv)
{
    struct simulate_flags f = {0};
    struct cli__words words = {.least = 1, .most = SIZE_MAX};
    void *const targets[] = {
        &f.help,   &f.series,         &f.interval, &f.data,   &f.headers, &f.timeout, &f.app,
        &f.metric, &f.offered_metric, &f.load,     &f.ramp,   &f.faults,  &f.numbers, &f.replicas,
        &f.start,  &f.length,         &f.sweep,    &f.format, &f.svg,     &f.keda,    &f.k8s};
    struct simulate s = {.cmd = cmd, .flags = &f};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc))
        rc = simulate(&s, &words.list);
    for (size_t i = 0; i < s.n_variants; i++) {
        picture_tally_release(&s.variants[i].tally);
        buf_release(&s.variants[i].rows);
    }
    buf_release(&s.out);
    cli__data_close(&s.data);
    mem_source_free(s.recording);
    arena_release(&s.arena);
    config_list_release(&words.list);
    config_list_release(&f.data);
    config_list_release(&f.headers);
    config_list_release(&f.faults);
    config_list_release(&f.numbers);
    return rc;
}

/* ---- its row: flags in the order of the targets above ----------------------------------- */

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "series", .kind = CONFIG_TEXT, .meta = "FILE",
     .help = "Series, one a line, as promtool's tests have them: m{a=\"b\"} 0+15x20. - is stdin."},
    {.name = "interval", .kind = CONFIG_DURATION, .value = "15s", .least = 1,
     .help = "Time between the values of --series."},
    {.name = "data", .kind = CONFIG_LIST, .meta = "FILE|DIR|URL",
     .help = "Recorded series: OpenMetrics, JSON lines, a data folder, or a server, of which what "
             "the queries need is copied. Files may be repeated."},
    CLI__F_HEADER("Extra header for the server of --data. May be repeated."),
    CLI__F_TIMEOUT("2m", "Most time to wait for that server."),
    {.name = "app", .kind = CONFIG_TEXT, .meta = "KEY=VALUE,...",
     .help = "Pods that share the load: capacity=20 requests a second each, start=10s until ready, "
             "scrape=15s, warm-up=2m of scrapes before the beginning."},
    {.name = "metric", .kind = CONFIG_TEXT, .meta = "SERIES",
     .help = "Counter of the pods; each adds the label pod. Default: http_requests_total with the "
             "ScaledObject's namespace."},
    {.name = "offered-metric", .kind = CONFIG_TEXT, .meta = "SERIES",
     .help = "Counter of all requests, kept before the pods, as an ingress does."},
    {.name = "load", .kind = CONFIG_TEXT, .meta = "TIME:N,...",
     .help = "Requests a second from a time on: 0:30,5m:150,10m:0."},
    {.name = "ramp", .kind = CONFIG_BOOL, .help = "The load goes from point to point in lines."},
    {.name = "fault", .kind = CONFIG_LIST, .meta = "FROM-TO=KIND",
     .help = "A wrong answer for a while: empty, nan, inf, two, slow, gap, garbled, scalar or an "
             "HTTP status. May be repeated."},
    {.name = "number", .kind = CONFIG_LIST, .meta = "TRIGGER=NUMBER|TIME:N,...",
     .help = "What a trigger is worth, by its name or its place from 0 on: one number, or some at "
             "times, with lines between them. Instead of asking it, and for those that are neither "
             "prometheus nor cron. Of cpu and memory what a pod has on average, in percent or as a "
             "quantity. May be repeated."},
    {.name = "initial-replicas", .kind = CONFIG_COUNT, .value = "1", .most = WORLD_PODS_MAX,
     .help = "Replicas at the beginning."},
    {.name = "start", .kind = CONFIG_TEXT, .meta = "TIME",
     .help = "When the ScaledObject is created: seconds or RFC 3339. Default: the first sample of "
             "files; of a server, --for before now; else 1970."},
    {.name = "for", .kind = CONFIG_DURATION,
     .help = "How long. Default: to the end of the data, or ten minutes after the load's last "
             "change; else 15m."},
    {.name = "sweep", .kind = CONFIG_TEXT, .meta = "KEY=VALUES",
     .help = "Variants with a key of the triggers' metadata or a field of the ScaledObject changed: "
             "threshold=5..20, threshold=5..20:5, cooldownPeriod=60,300."},
    {.name = "format", .kind = CONFIG_CHOICE, .shorthand = 'o', .value = "text",
     .choices = "text|csv|json", .help = "Form of the output: text, csv or json."},
    {.name = "svg", .kind = CONFIG_TEXT, .meta = "FILE", .help = "Draw a picture there, too."},
    {.name = "keda-version", .kind = CONFIG_TEXT, .meta = "VERSION",
     .help = "KEDA's version: 2.17 to 2.20.2."},
    {.name = "k8s-version", .kind = CONFIG_TEXT, .meta = "VERSION",
     .help = "Kubernetes' version: 1.31 to 1.35."},
};
// clang-format on

const struct cli__command cli__simulate = {
    .name = "simulate",
    .args = "SO.yaml...",
    .summary = "Simulate ScaledObjects on load that is given or recorded.",
    .notes =
        "replica-s: replicas, by how long there were so many. under: time in which more was\n"
        "asked for than the pods could do, by --app capacity, else by the first target. flaps:\n"
        "changes of direction.\n"
        "Keys of --sweep: pollingInterval, cooldownPeriod, initialCooldownPeriod, minReplicaCount,\n"
        "maxReplicaCount, idleReplicaCount, scaleDown.stabilizationWindowSeconds, and what is in\n"
        "the metadata of a trigger, which then changes in all triggers that have it.\n",
    .examples =
        "  ferula simulate so.yaml --load=0:30,5m:150,10m:0 --app=capacity=20,start=10s --svg=a.svg\n"
        "      what happens when the load grows and goes, with a picture\n"
        "  ferula simulate so.yaml --data=http://127.0.0.1:9090 --for=6h --sweep=threshold=5..20:5\n"
        "      the last six hours of a server, with four thresholds\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run_simulate,
};
