/*
 * explain_data.c - files, a data folder or a server as a source of series.
 */
#include "explain_data.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"
#include "ferula/tsdb.h"
#include "input.h"
#include "store.h"

#define PIECE_BYTES (1u << 20)

/* ---- files ------------------------------------------------------------------------------ */

int cli__data_add(struct data *d, const char *name, const struct ingest_series *s, struct fault *f)
{
    for (size_t i = 0, run; i < s->n_samples; i += run) { /* they may come in any order */
        for (run = 1; i + run < s->n_samples; run++)
            if (s->samples[i + run].t <= s->samples[i + run - 1].t)
                break;
        mem_source_add(d->files, s->labels, s->samples + i, run);
        d->begin = MIN(d->begin, s->samples[i].t);
        d->end = MAX(d->end, s->samples[i + run - 1].t);
    }
    for (size_t i = 0; i < s->n_hists; i++) {
        d->begin = MIN(d->begin, s->hists[i].t);
        d->end = MAX(d->end, s->hists[i].t);
        if (mem_source_append(d->files, s->labels, s->hists[i].t, 0, 0, s->hists[i].h) < 0)
            return fault_set(f, FER_EINVAL, 0, "%s: histograms of a series are not in order", name);
    }
    return 0;
}

static int read_jsonl(struct data *d, struct input *in, struct fault *f)
{
    struct arena a = {0};
    struct ingest_series s;
    struct fault mine = {0};
    struct str line;
    int rc;

    while ((rc = cli__input_line(in, &line, f)) == 0) {
        if (str_trim(line).n == 0)
            continue;
        if (ingest_parse_jsonl(&a, line, &s, &mine) < 0)
            rc = fault_set(f, FER_EINVAL, 0, "%s: line %llu: %s", in->name,
                           (unsigned long long)in->n_lines, mine.text);
        else
            rc = cli__data_add(d, in->name, &s, f);
        if (rc < 0)
            break;
        arena_reset(&a);
    }
    arena_release(&a);
    return MIN(rc, 0);
}

static int read_text(struct data *d, struct input *in, ts_ms now, struct fault *f)
{
    struct ingest_text text = {0};
    struct arena a = {0};
    struct buf whole = {0};
    struct fault mine = {0};
    struct str piece;
    int rc;

    while ((rc = cli__input_lines(in, PIECE_BYTES, &piece, f)) == 0)
        buf_add_str(&whole, piece);
    if (rc == 1) {
        rc = ingest_parse_text(&a, buf_str(&whole), INGEST_TEXT_AUTO, now, &text, &mine);
        if (rc < 0)
            (void)fault_set(f, FER_EINVAL, 0, "%s: %s", in->name, mine.text);
    }
    for (size_t i = 0; i < text.n_series && rc == 0; i++)
        rc = cli__data_add(d, in->name, &text.series[i], f);
    buf_release(&whole);
    arena_release(&a);
    return rc;
}

static int read_file(struct data *d, const char *path, ts_ms now, struct fault *f)
{
    struct input in;
    struct str start;
    int rc = cli__input_open(&in, path, f);

    if (rc == 0)
        rc = cli__input_peek(&in, &start, f);
    if (rc == 0 && memchr(start.p, '\0', start.n) != NULL)
        rc = fault_set(f, FER_EINVAL, 0, "%s: is neither JSON lines nor OpenMetrics", in.name);
    else if (rc == 0 && cli__looks_like_json(start))
        rc = read_jsonl(d, &in, f);
    else if (rc == 0)
        rc = read_text(d, &in, now, f);
    cli__input_close(&in);
    return rc;
}

/* ---- folders ---------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int open_folder(struct data *d, const char *dir, struct fault *f)
{
    const struct tsdb_opts opts = {.dir = dir};
    struct buf file = {0};
    struct tsdb_stats stats;
    bool absent;
    int rc;

    buf_addf(&file, "%s/ferula.mdb", dir);
    absent = access(file.p, F_OK) != 0;
    buf_release(&file);
    if (absent)
        return fault_set(f, FER_ENOENT, 0, "there is no store in %s: no file ferula.mdb", dir);
    rc = tsdb_open(&d->folder, &opts, f);
    if (rc < 0)
        return rc;
    tsdb_stats(d->folder, &stats);
    d->end = stats.max_time;
    d->source = tsdb_source(d->folder);
    return 0;
}

static bool is_test_file(const char *path)
{
    return str_ends(str_of(path), ".yaml") || str_ends(str_of(path), ".yml");
}

/* ---- any of them ------------------------------------------------------------------------ */

static int open_words(struct data *d, const struct data_opts *opts, struct fault *f)
{
    const struct config_list *words = opts->words;
    int rc = 0;

    if (opts->test != NULL && !(words->n == 1 && is_test_file(words->v[0])))
        return fault_set(f, FER_EINVAL, 0, "--test is of files of ferula test (.yaml, .yml)");
    if (words->n == 1 && cli__is_url(words->v[0])) {
        d->server = cli__http_source_new(words->v[0], opts->headers, opts->timeout);
        d->source = cli__http_source_base(d->server);
        d->end = opts->now / 1000 * 1000; /* KEDA asks for whole seconds */
        return 0;
    }
    if (words->n == 1 && is_folder(words->v[0]))
        return open_folder(d, words->v[0], f);
    if (words->n == 1 && is_test_file(words->v[0]))
        return cli__story_source(d, words->v[0], opts->test, f);
    d->files = mem_source_new();
    d->source = mem_source_base(d->files);
    for (size_t i = 0; i < words->n && rc == 0; i++) {
        if (cli__is_url(words->v[i]) || is_folder(words->v[i]) || is_test_file(words->v[i]))
            return fault_set(f, FER_EINVAL, 0, "%s: only files of samples can be taken together",
                             words->v[i]);
        rc = read_file(d, words->v[i], opts->now, f);
    }
    return rc;
}

int cli__data_open(struct data *d, const struct data_opts *opts, struct fault *f)
{
    int rc;

    *d = (struct data){.begin = INT64_MAX, .end = INT64_MIN};
    rc = open_words(d, opts, f);
    if (rc == 0 && d->end == INT64_MIN) /* nothing is there */
        d->end = opts->now / 1000 * 1000;
    return rc == 0 ? CLI__OK : CLI__USAGE;
}

void cli__data_close(struct data *d)
{
    mem_source_free(d->files);
    tsdb_close(d->folder);
    cli__http_source_free(d->server);
    arena_release(&d->arena);
    *d = (struct data){0};
}
