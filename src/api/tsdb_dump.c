/*
 * tsdb_dump.c - /_ferula/tsdb/dump: everything that is stored, as JSON lines, in pages.
 *
 * Series come in the order of their ids, their samples in the order of time, and a line has at most
 * LINE_SAMPLES of them; so lines do not depend on where pages end. A page ends behind the line that
 * fills it, and the header Ferula-Next says where the next one begins.
 */
#include "handlers.h"

#include "ferula/base/check.h"
#include "ferula/model/matcher.h"

#define PAGE_BYTES     (4u << 20)
#define PAGE_BYTES_MAX (16u << 20)
#define LINE_SAMPLES   8192
#define FIRST_SERIES   16
#define MOST_SERIES    1024
#define PARTS_MAX      256 /* of a page: many series without samples in the range end it, too */

struct dump {
    struct tsdb *db;
    const struct tsdb_export *what;
    size_t limit;
    struct buf *out;
    struct tsdb_cursor *at;
    struct series_samples samples;
    struct arena scratch; /* of the histograms */
    size_t n_series;      /* printed */
};

/* What of a series is printed: so many floats, so many histograms. */
struct progress {
    size_t f, h;
};

/* How many samples of the next one's kind come before one of the other kind, up to a line. */
static size_t run_length(const struct series_samples *ss, struct progress at, bool *hists)
{
    const struct sample *f = ss->f.v + at.f;
    const struct hsample *h = ss->h.v + at.h;
    size_t n_f = ss->f.n - at.f, n_h = ss->h.n - at.h, n = 0;

    *hists = n_f == 0 || (n_h > 0 && h[0].t < f[0].t);
    if (*hists)
        while (n < MIN(n_h, (size_t)LINE_SAMPLES) && (n_f == 0 || h[n].t < f[0].t))
            n++;
    else
        while (n < MIN(n_f, (size_t)LINE_SAMPLES) && (n_h == 0 || f[n].t < h[0].t))
            n++;
    return n;
}

/*
 * Prints series `i` of a part. False: the page is full; the cursor is behind what was printed.
 * `goes_on`: the part ends inside the series, and only whole lines are printed.
 */
static bool print_series(struct dump *d, const struct tsdb_part *part, size_t i, bool goes_on)
{
    const struct series_samples *ss = &d->samples;
    struct labels ls = part->sel->series[i].labels;
    size_t n = ss->f.n + ss->h.n;
    struct progress at = {0};
    bool hists;

    while (at.f + at.h < n) {
        size_t line = run_length(ss, at, &hists), first = at.f + at.h;
        ts_ms last = hists ? ss->h.v[at.h + line - 1].t : ss->f.v[at.f + line - 1].t;

        if (goes_on && first > 0 && first + line == n && line < LINE_SAMPLES)
            break;
        if (hists)
            ingest_print_jsonl_histograms(d->out, ls, ss->h.v + at.h, line);
        else
            ingest_print_jsonl(d->out, ls, ss->f.v + at.f, line);
        *(hists ? &at.h : &at.f) += line;
        *d->at = (struct tsdb_cursor){part->ids[i], last + 1};
        if (d->out->n >= d->limit && (first + line < n || goes_on))
            return false;
    }
    return true;
}

/* Where a page goes on after series `i`. */
static struct tsdb_cursor after(const struct dump *d, const struct tsdb_part *part, size_t i)
{
    if (i + 1 < part->sel->n)
        return (struct tsdb_cursor){part->ids[i + 1], d->what->range.from};
    return part->next;
}

/* 1: the page is full. */
static int print_part(struct dump *d, const struct tsdb_part *part, struct fault *f)
{
    const struct source_selection *sel = part->sel;

    for (size_t i = 0; i < sel->n; i++) {
        bool goes_on = part->next.id == part->ids[i];
        int rc;

        arena_reset(&d->scratch);
        d->samples.arena = &d->scratch;
        rc = sel->source->ops->read(sel, i, &d->samples, f);
        if (rc < 0)
            return rc;
        d->n_series++;
        if (!print_series(d, part, i, goes_on))
            return 1;
        /* What is left of a series that goes on is read again with what follows. */
        if (!goes_on || d->samples.f.n + d->samples.h.n == 0)
            *d->at = after(d, part, i);
        if (d->out->n >= d->limit)
            return 1;
    }
    if (sel->n == 0)
        *d->at = part->next;
    return 0;
}

/* How many series fill about what is left of the page. */
static size_t next_series(const struct dump *d, size_t n_before)
{
    size_t left = d->limit - MIN(d->out->n, d->limit);
    size_t n = d->out->n == 0 ? MOST_SERIES : d->n_series * left / d->out->n + 1;

    return MIN(n, MIN(n_before * 4, (size_t)MOST_SERIES));
}

int api_dump_page(struct tsdb *db, const struct tsdb_export *what, size_t limit,
                  struct tsdb_cursor *at, struct buf *out, struct fault *f)
{
    struct dump d = {.db = db, .what = what, .limit = limit, .out = out, .at = at};
    size_t n_series = FIRST_SERIES;
    struct arena a = {0};
    int rc = 0;

    for (size_t i = 0; i < PARTS_MAX && rc == 0 && at->id != 0; i++) {
        struct tsdb_part part;

        rc = tsdb_export(db, &a, what, *at, n_series, &part, f);
        if (rc == 0)
            rc = print_part(&d, &part, f);
        n_series = next_series(&d, n_series);
    }
    series_samples_release(&d.samples);
    arena_release(&d.scratch);
    arena_release(&a);
    return rc < 0 ? rc : 0;
}

void api_dump_cursor_print(struct buf *out, struct tsdb_cursor at)
{
    buf_addf(out, "%u:%lld", at.id, (long long)at.from);
}

bool api_dump_cursor_parse(struct str text, struct tsdb_cursor *out)
{
    struct str rest = text, id;
    uint64_t n;
    int64_t from;

    if (!str_split(&rest, ':', &id) || rest.p == NULL || !str_to_u64(id, &n) || n == 0 ||
        n > UINT32_MAX || !str_to_i64(rest, &from))
        return false;
    *out = (struct tsdb_cursor){(series_id)n, from};
    return true;
}

/* ---- the request ------------------------------------------------------------------------ */

/* Adds the matcher of a metric name to each of the sets; to one of its own when there is none. */
static int restrict_to(struct arena *a, struct str metric, struct tsdb_match *sets, size_t *n,
                       struct fault *f)
{
    if (*n == 0)
        sets[(*n)++] = (struct tsdb_match){NULL, 0};
    for (size_t i = 0; i < *n; i++) {
        struct matcher *m = arena_array(a, struct matcher, sets[i].n + 1);

        if (sets[i].n > 0)
            memcpy(m, sets[i].m, sets[i].n * sizeof(*m));
        if (matcher_init(&m[sets[i].n], a, MATCH_EQ, STR(LABEL_NAME), metric, f) < 0)
            return FER_EINVAL;
        sets[i] = (struct tsdb_match){m, sets[i].n + 1};
    }
    return 0;
}

int api_dump_select(struct arena *a, const struct str *selectors, size_t n, struct str metric,
                    struct tsdb_export *out, struct fault *f)
{
    struct tsdb_match *sets = arena_array(a, struct tsdb_match, n + 1);

    for (size_t i = 0; i < n; i++)
        if (promql_parse_selector(a, selectors[i], &sets[i].m, &sets[i].n, f) < 0)
            return FER_EINVAL;
    if (metric.n > 0 && restrict_to(a, metric, sets, &n, f) < 0)
        return FER_EINVAL;
    out->sets = sets;
    out->n_sets = n;
    return 0;
}

static int read_params(struct http_req *req, struct tsdb_export *what, struct tsdb_cursor *at,
                       size_t *limit, struct fault *f)
{
    struct str after_text = http_param(req, "after");
    const struct str *selectors;
    size_t n = http_params(req, "match[]", &selectors);

    if (api__limit_param(req, limit, f) < 0 || api__range_params(req, &what->range, f) < 0)
        return FER_EINVAL;
    *limit = *limit == 0 ? PAGE_BYTES : MIN(*limit, PAGE_BYTES_MAX);
    *at = (struct tsdb_cursor){1, what->range.from};
    if (after_text.n > 0 && !api_dump_cursor_parse(after_text, at))
        return fault_set(f, FER_EINVAL, 0,
                         "invalid parameter \"after\": not what Ferula-Next said");
    return api_dump_select(&req->arena, selectors, n, http_param(req, "metric"), what, f);
}

int api__tsdb_dump(struct http_req *req)
{
    struct tsdb_export what = {0};
    struct tsdb_cursor at;
    struct buf next = {0};
    struct fault f;
    size_t limit;
    int rc;

    if (read_params(req, &what, &at, &limit, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    rc = api_dump_page(api__from(req->ctx)->opts.db, &what, limit, &at, &req->reply.body, &f);
    if (rc < 0) {
        buf_reset(&req->reply.body);
        return api__fail(req, API_EXECUTION, "%s", f.text);
    }
    req->reply.content_type = "application/x-ndjson; charset=utf-8";
    if (at.id != 0) {
        api_dump_cursor_print(&next, at);
        http_reply_header(req, API_DUMP_NEXT, buf_str(&next));
        buf_release(&next);
    }
    return 0;
}
