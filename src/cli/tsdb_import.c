/*
 * tsdb_import.c - `ferula tsdb import`: dumps on their way back, as backfill.
 *
 * Files are read in pieces and sent in requests, which a server takes as remote write; for a folder
 * the same requests are decoded and written here. What is refused is told, the rest is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferula/api.h"
#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "import.h"

#define REQUEST_SAMPLES 10000
#define FAULTS_SHOWN    20
#define PROGRESS_NS     (INT64_C(200) * 1000 * 1000)
#define BAR_CHARS       30

void cli__import_fault(struct import *im, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    if (++im->n_faults > FAULTS_SHOWN)
        return;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < b.n; i++) /* files may hold what a terminal obeys */
        if ((unsigned char)b.p[i] < ' ' || b.p[i] == 0x7f)
            b.p[i] = '?';
    cli__import_progress(im, true);
    cli__store_say("%s", b.p);
    buf_release(&b);
}

void cli__import_progress(struct import *im, bool last)
{
    int64_t now = clock_mono_ns(clock_system());
    uint64_t done = im->done_bytes + (im->in != NULL ? im->in->n_read : 0);

    if (isatty(STDERR_FILENO) == 0 || (last ? im->shown_ns == 0 : now - im->shown_ns < PROGRESS_NS))
        return;
    im->shown_ns = last ? 0 : now;
    fputs("\r\033[K", stderr);
    if (last)
        return;
    if (im->all_bytes > 0) {
        int filled = (int)(MIN(done, im->all_bytes) * BAR_CHARS / im->all_bytes);

        fprintf(stderr, "[%.*s%*s] %3d%% ", filled, "##############################",
                BAR_CHARS - filled, "", (int)(MIN(done, im->all_bytes) * 100 / im->all_bytes));
    }
    fprintf(stderr, "%.1f MB, %llu samples", (double)done / (1 << 20),
            (unsigned long long)im->n_sent);
}

/* ---- one request ------------------------------------------------------------------------ */

/* Exit code for the status of an answer; a 400 is told, since the good part of it was stored. */
static int judge(struct import *im, long status, struct str text)
{
    if (status / 100 == 2)
        return CLI__OK;
    text = str_trim(text);
    cli__import_fault(im, "refused: " STR_FMT, STR_ARG(text));
    return status == 400 ? CLI__OK : CLI__FAILED;
}

static int send_to_server(struct import *im)
{
    struct client_request req = {
        .body = buf_str(&im->packed),
        .content_type = "application/x-protobuf",
        .snappy = true,
        .backfill = true,
        .headers = &im->flags.headers,
        .timeout = im->flags.timeout,
    };
    struct client_response resp = {0};
    struct buf url = {0};
    struct fault f = {0};
    int rc;

    buf_addf(&url, "%s/api/v1/write", im->store.base);
    req.url = url.p;
    rc = cli__fetch(&req, &resp, &f);
    if (rc < 0) {
        cli__import_fault(im, "%s", f.text);
        rc = cli__fetch_exit(rc);
    } else {
        rc = judge(im, resp.status, buf_str(&resp.body));
    }
    cli__response_release(&resp);
    buf_release(&url);
    return rc;
}

static int write_to_folder(struct import *im)
{
    const struct ingest_limits limits = INGEST_LIMITS_DEFAULT;
    struct ingest_write *iw;
    struct arena a = {0};
    struct buf text = {0};
    struct fault f = {0};
    int rc;

    if (ingest_decode_v1(im->store.db, &a, &limits, buf_str(&im->packed), &iw, &f) < 0) {
        cli__import_fault(im, "%s", f.text);
        rc = CLI__FAILED;
    } else {
        iw->write.backfill = true;
        if (iw->write.n_rows > 0 || iw->write.n_metadata > 0)
            (void)tsdb_write_sync(im->store.db, &iw->write); /* the answer has its result */
        rc = ingest_answer(iw, &text);
        rc = judge(im, rc, buf_str(&text));
    }
    arena_release(&a);
    buf_release(&text);
    return rc;
}

static int send_request(struct import *im, const struct ingest_series *series, size_t n,
                        const struct metadata *metadata, size_t n_metadata)
{
    buf_reset(&im->packed);
    ingest_pack_v1(&im->packed, series, n, metadata, n_metadata);
    im->n_requests++;
    for (size_t i = 0; i < n; i++)
        im->n_sent += series[i].n_samples + series[i].n_hists;
    return im->store.base != NULL ? send_to_server(im) : write_to_folder(im);
}

/* Samples `from` on of a series, which are floats or histograms. */
static struct ingest_series run_of(const struct ingest_series *s, size_t from, size_t n)
{
    struct ingest_series run = {.labels = s->labels};

    if (s->n_hists > 0) {
        run.hists = s->hists + from;
        run.n_hists = n;
    } else {
        run.samples = s->samples + from;
        run.n_samples = n;
    }
    return run;
}

int cli__import_send(struct import *im, const struct ingest_series *series, size_t n,
                     const struct metadata *metadata, size_t n_metadata)
{
    struct ingest_series *runs = arena_array(&im->arena, struct ingest_series, n);
    size_t i = 0, from = 0;
    int rc = CLI__OK;

    while (rc == CLI__OK && (i < n || n_metadata > 0)) {
        size_t n_runs = 0, room = REQUEST_SAMPLES;

        while (i < n && room > 0) {
            size_t all = series[i].n_samples + series[i].n_hists, take = MIN(all - from, room);

            runs[n_runs++] = run_of(&series[i], from, take);
            room -= take;
            from += take;
            if (from == all) {
                i++;
                from = 0;
            }
        }
        rc = send_request(im, runs, n_runs, metadata, n_metadata);
        n_metadata = 0;
        cli__import_progress(im, false);
    }
    return rc;
}

/* ---- files ------------------------------------------------------------------------------ */

static int import_file(struct import *im, const char *path)
{
    bool by_look = strcmp(im->format, "auto") == 0, json = strcmp(im->format, "jsonl") == 0;
    struct input in;
    struct fault f = {0};
    struct str start;
    int rc;

    if (cli__input_open(&in, path, &f) < 0 || cli__input_peek(&in, &start, &f) < 0) {
        cli__import_fault(im, "%s", f.text);
        cli__input_close(&in);
        return CLI__OK; /* the other files are none the worse */
    }
    im->in = &in;
    if (str_starts(start, "\x1f\x8b")) {
        cli__import_fault(
            im, "%s: is compressed; unpack it first: zcat FILE | ferula tsdb import -", in.name);
        rc = CLI__OK;
    } else if (by_look && memchr(start.p, '\0', start.n) != NULL) {
        cli__import_fault(im, "%s: is neither JSON lines nor OpenMetrics", in.name);
        rc = CLI__OK;
    } else if (json || (by_look && (cli__looks_like_json(start) || str_trim(start).n == 0))) {
        rc = cli__import_jsonl(im);
    } else {
        rc = cli__import_openmetrics(im);
    }
    im->done_bytes += in.n_read;
    im->in = NULL;
    cli__input_close(&in);
    arena_reset(&im->arena);
    return rc;
}

/* The bytes of all files; 0 when one of them is no plain file. */
static uint64_t sizes_of(const char *const *paths, size_t n)
{
    uint64_t all = 0;

    for (size_t i = 0; i < n; i++) {
        struct stat st;

        if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) != 0 || !S_ISREG(st.st_mode))
            return 0;
        all += (uint64_t)st.st_size;
    }
    return all;
}

static int import(struct import *im, const char *const *paths, size_t n, const char *word)
{
    struct buf out = {0};
    int rc = cli__store_open(&im->store, word, &im->flags, true);

    im->all_bytes = sizes_of(paths, n);
    if (rc != CLI__OK)
        return rc;
    for (size_t i = 0; i < n && rc == CLI__OK; i++)
        rc = import_file(im, paths[i]);
    cli__import_progress(im, true);
    if (im->n_faults > FAULTS_SHOWN)
        cli__store_say("and %llu more", (unsigned long long)(im->n_faults - FAULTS_SHOWN));
    buf_addf(&out, "sent %llu sample%s in %llu request%s to %s", (unsigned long long)im->n_sent,
             im->n_sent == 1 ? "" : "s", (unsigned long long)im->n_requests,
             im->n_requests == 1 ? "" : "s", word);
    if (im->n_faults > 0)
        buf_addf(&out, ", %llu fault%s", (unsigned long long)im->n_faults,
                 im->n_faults == 1 ? "" : "s");
    buf_putc(&out, '\n');
    if (cli__print(&out) != CLI__OK && rc == CLI__OK)
        rc = CLI__FAILED;
    return rc == CLI__OK && im->n_faults > 0 ? CLI__FAILED : rc;
}

/* ---- the command ------------------------------------------------------------------------ */

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct import im = {.in = NULL};
    void *const targets[] = {&im.flags.help, &im.format, &im.flags.headers, &im.flags.timeout};
    struct cli__words words = {.least = 2, .most = SIZE_MAX};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc)) {
        size_t n = words.list.n - 1;

        rc = cli__headers_check(cmd, &im.flags.headers);
        if (rc == CLI__OK)
            rc = import(&im, words.list.v, n, words.list.v[n]);
    }
    cli__store_close(&im.store);
    config_list_release(&words.list);
    config_list_release(&im.flags.headers);
    arena_release(&im.arena);
    buf_release(&im.packed);
    return rc;
}

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "format", .kind = CONFIG_CHOICE, .value = "auto", .choices = "auto|jsonl|openmetrics",
     .help = "Form of the files: auto, jsonl or openmetrics; auto looks at the beginning."},
    STORE_F_HEADER,
    STORE_F_TIMEOUT,
};
// clang-format on

const struct cli__command cli__tsdb_import = {
    .name = "tsdb import",
    .args = "FILE|- ... URL|DIR",
    .summary = "Store what dumps hold: any order, older history, to a server or a folder.",
    .notes =
        "The last word says where to. `ferula tsdb dump --help` has the formats; null, Infinity\n"
        "and -Infinity are read, too. A line that is malformed, and samples that the store\n"
        "refuses, are told and left out: the exit code is 1 then. Samples that are there\n"
        "already change nothing, so an import may be repeated.\n",
    .examples = "  zcat all.jsonl.gz | ferula tsdb import - http://127.0.0.1:9090\n"
                "      from a pipe to a running server\n"
                "  ferula tsdb import monday.om tuesday.om /var/lib/ferula\n"
                "      files to a folder that no server holds; it is made when missing\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
