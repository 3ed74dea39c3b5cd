/*
 * federate.c - /federate: the newest sample of every series that match[] selects, for a Prometheus
 * that scrapes this one. Errors are plain text.
 */
#include "handlers.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#define PROTOBUF_TYPE "application/vnd.google.protobuf"
#define MAX_ACCEPTED  32

/* ---- what the scraper accepts ----------------------------------------------------------- */

/* One entry of the header Accept. */
struct accepted {
    struct str type, proto, encoding, version, escaping;
    double q;
};

static struct str unquoted(struct str s)
{
    return s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? (struct str){s.p + 1, s.n - 2} : s;
}

static struct accepted parse_accepted(struct str text)
{
    struct accepted x = {.q = 1};
    struct str part, key;

    if (str_split(&text, ';', &part))
        x.type = str_trim(part);
    while (str_split(&text, ';', &part)) {
        struct str value = part;
        bool out_of_range = false;

        if (!str_split(&value, '=', &key) || value.p == NULL)
            continue;
        key = str_trim(key);
        value = unquoted(str_trim(value));
        if (str_is(key, "proto"))
            x.proto = value;
        else if (str_is(key, "encoding"))
            x.encoding = value;
        else if (str_is(key, "version"))
            x.version = value;
        else if (str_is(key, "escaping"))
            x.escaping = value;
        else if (str_is(key, "q") && !num_parse(value, &x.q, &out_of_range))
            x.q = 1;
    }
    return x;
}

/* Sorted by preference; those preferred alike keep their order. */
static size_t parse_accept(struct str header, struct accepted *v)
{
    struct str part;
    size_t n = 0;

    while (n < MAX_ACCEPTED && str_split(&header, ',', &part)) {
        struct accepted x = parse_accepted(part);
        size_t at = n++;

        for (; at > 0 && v[at - 1].q < x.q; at--)
            v[at] = v[at - 1];
        v[at] = x;
    }
    return n;
}

static const struct {
    const char *name, *protobuf, *text;
    enum ingest_escaping escaping;
} schemes[] = {
    {"underscores",
     PROTOBUF_TYPE "; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
                   "escaping=underscores", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", INGEST_ESCAPE_UNDERSCORES},
    {"allow-utf-8",
     PROTOBUF_TYPE "; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
                   "escaping=allow-utf-8", "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8", INGEST_ESCAPE_NONE       },
    {"dots",
     PROTOBUF_TYPE "; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
                   "escaping=dots",        "text/plain; version=0.0.4; charset=utf-8; escaping=dots",        INGEST_ESCAPE_DOTS       },
    {"values",
     PROTOBUF_TYPE "; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
                   "escaping=values",      "text/plain; version=0.0.4; charset=utf-8; escaping=values",      INGEST_ESCAPE_VALUES     },
};

/* As client_golang negotiates; the content type is what the answer says of itself. */
static const char *negotiate(struct str header, struct ingest_federation *how)
{
    struct accepted v[MAX_ACCEPTED];
    size_t n = parse_accept(header, v), scheme = 0;

    how->protobuf = false;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < COUNT(schemes); k++)
            if (str_is(v[i].escaping, schemes[k].name))
                scheme = k;
        how->protobuf = str_is(v[i].type, PROTOBUF_TYPE) &&
                        str_is(v[i].proto, "io.prometheus.client.MetricFamily") &&
                        str_is(v[i].encoding, "delimited");
        if (how->protobuf || (str_is(v[i].type, "text/plain") &&
                              (v[i].version.n == 0 || str_is(v[i].version, "0.0.4"))))
            break;
    }
    how->escaping = schemes[scheme].escaping;
    return how->protobuf ? schemes[scheme].protobuf : schemes[scheme].text;
}

/* ---- samples ---------------------------------------------------------------------------- */

struct federation {
    struct http_req *req;
    struct ingest_newest *v;
    size_t n, cap;
    struct series_samples ss;
};

/* The newest sample, unless it ends the series. */
static bool newest(const struct series_samples *ss, struct ingest_newest *out)
{
    const struct sample *s = ss->f.n > 0 ? &ss->f.v[ss->f.n - 1] : NULL;
    const struct hsample *h = ss->h.n > 0 ? &ss->h.v[ss->h.n - 1] : NULL;

    if (h != NULL && (s == NULL || h->t > s->t)) {
        out->t = h->t;
        out->h = h->h;
        return !histogram_is_stale(h->h);
    }
    if (s == NULL)
        return false;
    out->t = s->t;
    out->v = s->v;
    return !is_stale(s->v);
}

static int take(struct federation *fed, struct source *src, const struct tsdb_match *set,
                struct source_range range, struct fault *f)
{
    struct arena *a = &fed->req->arena;
    struct source_selection *sel;
    int rc = src->ops->select(src, a, set->m, set->n, range, &sel, f);

    fed->ss.arena = a;
    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        struct ingest_newest x = {.labels = sel->series[i].labels};

        rc = src->ops->read(sel, i, &fed->ss, f);
        if (rc == 0 && i % API_SERIES_A_LOOK == 0 && api__abandoned(fed->req))
            rc = fault_set(f, FER_ECANCELED, 0, "context canceled");
        if (rc < 0 || !newest(&fed->ss, &x))
            continue;
        ARENA_GROW(a, fed->v, fed->n, fed->cap, struct ingest_newest);
        fed->v[fed->n++] = x;
    }
    return rc;
}

/* By name, then by labels. */
static int by_name(const void *a, const void *b)
{
    const struct ingest_newest *x = a, *y = b;
    int order = str_cmp(labels_name(x->labels), labels_name(y->labels));

    return order != 0 ? order : labels_cmp(x->labels, y->labels);
}

/* Several selectors may give the same series. */
static void sort_unique(struct federation *fed)
{
    size_t n = 0;

    if (fed->n > 1)
        qsort(fed->v, fed->n, sizeof(*fed->v), by_name);
    for (size_t i = 0; i < fed->n; i++)
        if (n == 0 || !labels_eq(fed->v[n - 1].labels, fed->v[i].labels))
            fed->v[n++] = fed->v[i];
    fed->n = n;
}

int api__federate(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    ts_ms now = clock_now_ms(api->opts.clock);
    struct source_range range = {now - api->opts.lookback + 1, now};
    struct federation fed = {.req = req};
    struct ingest_federation how;
    struct tsdb_match *sets;
    struct str malformed;
    struct fault f;
    size_t n_sets;
    int rc = 0;

    if (!http_form_ok(req, &malformed))
        return http_reply_text(req, 400, "error parsing form values: " STR_FMT, STR_ARG(malformed));
    if (api__match_params(req, &sets, &n_sets, &f) < 0)
        return http_reply_text(req, 400, "%s", f.text);
    for (size_t i = 0; rc == 0 && i < n_sets; i++)
        rc = take(&fed, tsdb_source(api->opts.db), &sets[i], range, &f);
    series_samples_release(&fed.ss);
    if (rc < 0)
        return http_reply_text(req, 500, "%s", f.text);
    sort_unique(&fed);
    req->reply.content_type = negotiate(http_header(req, "Accept"), &how);
    ingest_print_federation(&req->reply.body, fed.v, fed.n, &how);
    return 0;
}
