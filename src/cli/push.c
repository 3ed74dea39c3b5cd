/*
 * push.c - `ferula push`: a text exposition or OpenMetrics file, sent as remote write.
 *
 * Samples go out in the order of their times, over all series: a store refuses what is far older
 * than the newest it has, so a long history must not be sent series by series.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_priv.h"
#include "client.h"
#include "ferula/base/arena.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/base/mem.h"
#include "ferula/ingest.h"

/* What Prometheus' own sender puts into a request. */
#define SAMPLES_PER_REQUEST 2000

struct push_flags {
    bool help, backfill;
    const char *format;
    struct config_list headers, labels;
    dur_ms timeout;
};

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "format", .kind = CONFIG_CHOICE, .value = "auto",
     .choices = "auto|prometheus|openmetrics",
     .help = "Form of the input: auto, prometheus or openmetrics; auto looks for '# EOF' at the end."},
    {.name = "label", .kind = CONFIG_LIST, .meta = "NAME=VALUE",
     .help = "Label added to every series, in place of one of that name. May be repeated."},
    CLI__F_HEADER("Extra header of the requests. May be repeated."),
    {.name = "backfill", .kind = CONFIG_BOOL, .value = "false",
     .help = "Older history: ferula takes it at any age that its retention allows, in any order."},
    CLI__F_TIMEOUT("30s", "Most time to wait for each answer."),
};
// clang-format on

/* ---- input ------------------------------------------------------------------------------ */

static int read_file(const char *path, struct buf *text, struct fault *f)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0) {
        buf_reserve(text, 65536);
        n = read(fd, text->p + text->n, 65536);
        if (n > 0)
            text->n += (size_t)n;
    }
    if (n < 0)
        fault_set(f, FER_EIO, 0, "%s: %s", standard ? "stdin" : path, strerror(errno));
    if (fd >= 0 && !standard)
        close(fd);
    return n < 0 ? FER_EIO : 0;
}

static enum ingest_text_format format_of(const char *name)
{
    return strcmp(name, "prometheus") == 0    ? INGEST_TEXT_PROMETHEUS
           : strcmp(name, "openmetrics") == 0 ? INGEST_TEXT_OPENMETRICS
                                              : INGEST_TEXT_AUTO;
}

static int add_labels(struct arena *a, struct ingest_text *text, const struct config_list *labels,
                      struct fault *f)
{
    for (size_t i = 0; i < labels->n; i++) {
        const char *eq = strchr(labels->v[i], '=');
        struct str name = {labels->v[i], eq == NULL ? 0 : (size_t)(eq - labels->v[i])};

        if (name.n == 0)
            return fault_set(f, FER_EINVAL, 0,
                             "invalid value \"%s\" for flag '--label': expected name=value",
                             labels->v[i]);
        for (size_t s = 0; s < text->n_series; s++)
            text->series[s].labels = labels_set(a, text->series[s].labels, name, str_of(eq + 1));
    }
    return 0;
}

/* ---- order ------------------------------------------------------------------------------ */

/* A sample's place: `when` is the latest time of its series so far, so that samples of a series
 * that go back in time still leave in the order in which they came. */
struct place {
    ts_ms when;
    size_t series, sample;
};

static int by_time(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;

    if (a->when != b->when)
        return a->when < b->when ? -1 : 1;
    if (a->series != b->series)
        return a->series < b->series ? -1 : 1;
    return a->sample < b->sample ? -1 : a->sample > b->sample;
}

static int by_series(const void *pa, const void *pb)
{
    const struct place *a = pa, *b = pb;

    if (a->series != b->series)
        return a->series < b->series ? -1 : 1;
    return a->sample < b->sample ? -1 : a->sample > b->sample;
}

static struct place *order(struct arena *a, const struct ingest_text *text, size_t *n)
{
    struct place *places;
    size_t total = 0, k = 0;

    for (size_t s = 0; s < text->n_series; s++)
        total += text->series[s].n_samples;
    places = arena_array(a, struct place, total + 1);
    for (size_t s = 0; s < text->n_series; s++) {
        ts_ms latest = INT64_MIN;

        for (size_t i = 0; i < text->series[s].n_samples; i++) {
            latest = MAX(latest, text->series[s].samples[i].t);
            places[k++] = (struct place){latest, s, i};
        }
    }
    qsort(places, total, sizeof(*places), by_time);
    *n = total;
    return places;
}

/* The places as runs of series; *n says how many runs. */
static struct ingest_series *gather(struct arena *a, const struct ingest_text *text,
                                    struct place *places, size_t n_places, size_t *n)
{
    struct ingest_series *runs = arena_array(a, struct ingest_series, n_places + 1);
    struct sample *samples = arena_array(a, struct sample, n_places + 1);
    size_t k = 0;

    qsort(places, n_places, sizeof(*places), by_series);
    for (size_t i = 0; i < n_places; i++) {
        const struct ingest_series *from = &text->series[places[i].series];

        samples[i] = from->samples[places[i].sample];
        if (i == 0 || places[i].series != places[i - 1].series)
            runs[k++] = (struct ingest_series){.labels = from->labels, .samples = &samples[i]};
        runs[k - 1].n_samples++;
    }
    *n = k;
    return runs;
}

/* ---- sending ---------------------------------------------------------------------------- */

struct sender {
    const struct push_flags *flags;
    char *url; /* owned */
    struct buf packed;
    size_t n_requests;
    bool refused; /* a part was answered with 400 */
};

/* The server's own write path may be part of the URL already. */
static char *write_url(const char *given)
{
    char *base = cli__base_url(given);
    struct str url = str_of(base);
    struct buf b = {0};

    buf_add_str(&b, url);
    if (!str_ends(url, "/write"))
        buf_puts(&b, "/api/v1/write");
    free(base);
    return buf_take(&b);
}

/* Exit code; a 400 is told and remembered, since the good part was stored and the rest may be good.
 */
static int send_packed(struct sender *s)
{
    struct client_request req = {
        .url = s->url,
        .body = buf_str(&s->packed),
        .content_type = "application/x-protobuf",
        .snappy = true,
        .backfill = s->flags->backfill,
        .headers = &s->flags->headers,
        .timeout = s->flags->timeout,
    };
    struct client_response resp = {0};
    struct fault f = {0};
    int rc = cli__fetch(&req, &resp, &f);

    s->n_requests++;
    if (rc < 0) {
        fprintf(stderr, "ferula push: %s\n", f.text);
        rc = cli__fetch_exit(rc);
    } else if (resp.status / 100 != 2) {
        struct str text = str_trim(buf_str(&resp.body));

        fprintf(stderr, "ferula push: the server answered %ld: " STR_FMT "\n", resp.status,
                STR_ARG(text));
        s->refused = true;
        rc = resp.status == 400 ? CLI__OK : CLI__FAILED;
    }
    cli__response_release(&resp);
    return rc;
}

/* All of it; metadata goes with the first request. */
static int send_all(struct sender *s, const struct ingest_text *text, size_t *n_samples)
{
    struct arena a = {0}, batch = {0};
    struct place *places = order(&a, text, n_samples);
    size_t n_metadata = text->n_metadata, at = 0;
    int rc = CLI__OK;

    while (rc == CLI__OK && (at < *n_samples || n_metadata > 0)) {
        size_t n = MIN(*n_samples - at, (size_t)SAMPLES_PER_REQUEST), n_runs;
        const struct ingest_series *runs = gather(&batch, text, places + at, n, &n_runs);

        buf_reset(&s->packed);
        ingest_pack_v1(&s->packed, runs, n_runs, text->metadata, n_metadata);
        rc = send_packed(s);
        n_metadata = 0;
        at += n;
        arena_reset(&batch);
    }
    arena_release(&batch);
    arena_release(&a);
    return rc;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int push(const struct push_flags *pf, const char *url, const struct ingest_text *text)
{
    struct sender s = {.flags = pf, .url = write_url(url)};
    struct buf out = {0};
    size_t n;
    int rc = send_all(&s, text, &n);

    if (rc == CLI__OK && s.refused)
        rc = CLI__FAILED;
    if (rc == CLI__OK) {
        buf_addf(&out, "sent %zu sample%s of %zu series in %zu request%s to %s\n", n, plural(n),
                 text->n_series, s.n_requests, plural(s.n_requests), s.url);
        rc = cli__print(&out);
    }
    buf_release(&s.packed);
    free(s.url);
    return rc;
}

static int run_parsed(const struct cli__command *cmd, const struct push_flags *pf,
                      const struct config_list *words)
{
    struct arena a = {0};
    struct buf input = {0};
    struct ingest_text text = {0};
    struct fault f = {0};
    int rc = cli__headers_check(cmd, &pf->headers);

    if (rc != CLI__OK)
        return rc;
    if (read_file(words->v[1], &input, &f) < 0 ||
        ingest_parse_text(&a, buf_str(&input), format_of(pf->format), clock_now_ms(clock_system()),
                          &text, &f) < 0) {
        fprintf(stderr, "ferula push: %s%s%s\n", f.code == FER_EIO ? "" : words->v[1],
                f.code == FER_EIO ? "" : ": ", f.text);
        rc = CLI__FAILED;
    } else if (add_labels(&a, &text, &pf->labels, &f) < 0) {
        rc = cli__usage_error(cmd, "%s", f.text);
    } else {
        rc = push(pf, words->v[0], &text);
    }
    buf_release(&input);
    arena_release(&a);
    return rc;
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct push_flags pf = {0};
    void *const targets[] = {&pf.help,    &pf.format,   &pf.labels,
                             &pf.headers, &pf.backfill, &pf.timeout};
    struct cli__words words = {.least = 2, .most = 2};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc))
        rc = run_parsed(cmd, &pf, &words.list);
    config_list_release(&words.list);
    config_list_release(&pf.headers);
    config_list_release(&pf.labels);
    return rc;
}

const struct cli__command cli__push = {
    .name = "push",
    .args = "URL FILE|-",
    .summary = "Send metrics in text exposition or OpenMetrics as remote write.",
    .examples = "  echo 'queue_length{queue=\"mail\"} 12' | ferula push http://127.0.0.1:9090 -\n"
                "      one sample, now\n"
                "  ferula push --backfill --label=job=replay http://127.0.0.1:9090 history.om\n"
                "      a file with old timestamps, with a label added to each series\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
