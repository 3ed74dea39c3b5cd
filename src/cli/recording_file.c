/*
 * recording_file.c - see recording_file.h. A line has some samples of one series; those of all
 * series are in the order of their first samples.
 */
#include "recording_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "explain_data.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/ingest.h"
#include "input.h"

struct recording_file {
    struct mem_source *to; /* borrowed; has what can be looked at */
    struct fault *f;
    struct input in;
    struct arena arena;        /* of `next` */
    struct ingest_series next; /* a line that is not in `to` yet */
    ts_ms first, last;         /* of `next` */
    bool ended;
};

/* The next line with samples; r->ended: there is none. */
static int next_line(struct recording_file *r)
{
    struct str line;
    struct fault why;

    for (;;) {
        int rc = cli__input_line(&r->in, &line, r->f);

        r->ended = rc == 1;
        if (rc != 0)
            return MIN(rc, 0);
        if (str_trim(line).n == 0)
            continue;
        arena_reset(&r->arena);
        if (ingest_parse_jsonl(&r->arena, line, &r->next, &why) < 0)
            return fault_set(r->f, FER_EINVAL, 0, "%s:%" PRIu64 ": %s", r->in.name, r->in.n_lines,
                             why.text);
        if (r->next.n_samples + r->next.n_hists > 0)
            break;
    }
    r->first = INT64_MAX;
    r->last = INT64_MIN;
    for (size_t i = 0; i < r->next.n_samples; i++) {
        r->first = MIN(r->first, r->next.samples[i].t);
        r->last = MAX(r->last, r->next.samples[i].t);
    }
    for (size_t i = 0; i < r->next.n_hists; i++) {
        r->first = MIN(r->first, r->next.hists[i].t);
        r->last = MAX(r->last, r->next.hists[i].t);
    }
    return 0;
}

static bool is_lines(struct input *in, const char *path, struct fault *f)
{
    struct stat st;
    struct str start;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && cli__input_peek(in, &start, f) == 0 &&
           memchr(start.p, '\0', start.n) == NULL && cli__looks_like_json(start);
}

int cli__recording_scan(const char *path, struct recording_span *out, struct fault *f)
{
    struct recording_file r = {.f = f};
    int rc = cli__input_open(&r.in, path, f);
    ts_ms before = INT64_MIN;

    *out = (struct recording_span){.ordered = true, .begin = INT64_MAX, .end = INT64_MIN};
    out->lines = rc == 0 && is_lines(&r.in, path, f);
    while (out->lines && rc == 0 && (rc = next_line(&r)) == 0 && !r.ended) {
        if (r.first < before && out->ordered) {
            out->ordered = false;
            (void)fault_set(&out->why, FER_EINVAL, 0,
                            "%s:%" PRIu64 ": the clock goes backwards: lines of a recording of "
                            "more than 32 days have to be in the order of their first samples",
                            path, r.in.n_lines);
        }
        before = r.first;
        out->begin = MIN(out->begin, r.first);
        out->end = MAX(out->end, r.last);
    }
    cli__input_close(&r.in);
    arena_release(&r.arena);
    return rc;
}

int cli__recording_open(const char *path, struct mem_source *to, struct recording_file **out,
                        struct fault *f)
{
    struct recording_file *r = xnew(struct recording_file);
    int rc = cli__input_open(&r->in, path, f);

    r->to = to;
    r->f = f;
    *out = r;
    return rc < 0 ? rc : next_line(r);
}

void cli__recording_close(struct recording_file *r)
{
    if (r == NULL)
        return;
    cli__input_close(&r->in);
    arena_release(&r->arena);
    free(r);
}

int cli__recording_feed(void *file, ts_ms oldest, ts_ms to)
{
    struct recording_file *r = file;
    struct data d = {.files = r->to};
    int rc = 0;

    mem_source_drop(r->to, oldest);
    while (rc == 0 && !r->ended && r->first <= to) {
        if (r->last >= oldest)
            rc = cli__data_add(&d, r->in.name, &r->next, r->f);
        if (rc == 0)
            rc = next_line(r);
    }
    return rc;
}
