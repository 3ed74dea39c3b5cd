/*
 * polls.c - which requests are polls, and their rows.
 */
#include "polls.h"

#include "api.h"

#include "ferula/base/check.h"
#include "ferula/base/stats.h"

#define ROW_VERSION 1
#define AGENT       STR("Go-http-client/1.1")

/* Longer texts are cut, so that a row fits. */
#define MOST_CALLER 64
#define MOST_AGENT  128
#define MOST_QUERY  3800

enum row_flag { ROW_HISTOGRAM = 1, ROW_FAULTED = 2 };

/* ---- answers ---------------------------------------------------------------------------- */

void api__answer_of(const struct promql_result *res, size_t limit, struct api__answer *out)
{
    *out = (struct api__answer){.n = limit > 0 ? MIN(res->n_series, limit) : res->n_series};
    switch (res->type) {
    case PROMQL_SCALAR:
        out->kind = API_ANSWER_SCALAR;
        out->value = res->scalar.v;
        break;
    case PROMQL_STRING:
        out->kind = API_ANSWER_STRING;
        break;
    case PROMQL_MATRIX:
        out->kind = API_ANSWER_MATRIX;
        break;
    default:
        out->kind = API_ANSWER_VECTOR;
        out->histogram = out->n == 1 && res->series[0].n_hists > 0;
        if (out->n == 1 && res->series[0].n > 0)
            out->value = res->series[0].samples[0].v;
    }
}

/* ---- rows ------------------------------------------------------------------------------- */

static void put_text(struct buf *b, struct str s, size_t most)
{
    uint16_t n = (uint16_t)MIN(s.n, most);

    buf_add(b, &n, sizeof(n));
    buf_add(b, s.p, n);
}

void api__poll_put(struct buf *row, const struct api__poll *p)
{
    uint16_t status = (uint16_t)p->status;
    uint32_t n = (uint32_t)MIN(p->answer.n, (size_t)UINT32_MAX);

    buf_putc(row, ROW_VERSION);
    buf_putc(row, (char)p->answer.kind);
    buf_putc(row, (char)((p->answer.histogram ? ROW_HISTOGRAM : 0) |
                         (p->answer.faulted ? ROW_FAULTED : 0)));
    buf_add(row, &status, sizeof(status));
    buf_add(row, &p->at, sizeof(p->at));
    buf_add(row, &p->latency_us, sizeof(p->latency_us));
    buf_add(row, &n, sizeof(n));
    buf_add(row, &p->answer.value, sizeof(p->answer.value));
    put_text(row, p->caller, MOST_CALLER);
    put_text(row, p->agent, MOST_AGENT);
    put_text(row, p->query, MOST_QUERY);
}

/* Takes n bytes off the row. */
static int take(struct str *row, void *out, size_t n)
{
    if (row->n < n)
        return FER_ECORRUPT;
    memcpy(out, row->p, n);
    *row = str_cut(*row, n);
    return 0;
}

static int take_text(struct str *row, struct str *out)
{
    uint16_t n;

    if (take(row, &n, sizeof(n)) < 0 || row->n < n)
        return FER_ECORRUPT;
    *out = (struct str){row->p, n};
    *row = str_cut(*row, n);
    return 0;
}

int api__poll_get(struct str row, struct api__poll *out)
{
    uint8_t head[3];
    uint16_t status;
    uint32_t n;

    *out = (struct api__poll){0};
    if (take(&row, head, sizeof(head)) < 0 || head[0] != ROW_VERSION || head[1] >= N_API_ANSWERS ||
        take(&row, &status, sizeof(status)) < 0 || take(&row, &out->at, sizeof(out->at)) < 0 ||
        take(&row, &out->latency_us, sizeof(out->latency_us)) < 0 ||
        take(&row, &n, sizeof(n)) < 0 ||
        take(&row, &out->answer.value, sizeof(out->answer.value)) < 0 ||
        take_text(&row, &out->caller) < 0 || take_text(&row, &out->agent) < 0 ||
        take_text(&row, &out->query) < 0)
        return FER_ECORRUPT;
    out->answer.kind = (enum api__answer_kind)head[1];
    out->answer.histogram = (head[2] & ROW_HISTOGRAM) != 0;
    out->answer.faulted = (head[2] & ROW_FAULTED) != 0;
    out->answer.n = n;
    out->status = status;
    return 0;
}

struct str api__poll_host(const struct api__poll *p)
{
    size_t n = p->caller.n;

    while (n > 0 && p->caller.p[n - 1] != ':')
        n--;
    return n > 0 ? (struct str){p->caller.p, n - 1} : p->caller;
}

/* ---- recording -------------------------------------------------------------------------- */

/* 2026-01-02T03:04:05Z */
static bool is_whole_second(struct str t)
{
    return t.n == 20 && t.p[4] == '-' && t.p[10] == 'T' && t.p[13] == ':' && t.p[19] == 'Z';
}

void api__poll_note(struct http_req *req, const struct api__answer *answer)
{
    const struct api *api = api__from(req->ctx);
    struct api__poll p = {.answer = *answer, .status = req->reply.status};
    struct buf row = {0};
    int64_t took_ns;

    if (api->opts.max_polls == 0 || req->method != HTTP_GET ||
        !is_whole_second(http_param(req, "time")))
        return;
    p.agent = http_header(req, "User-Agent");
    if (!str_eq(p.agent, AGENT))
        return;
    took_ns = clock_mono_ns(api->opts.clock) - req->arrived_ns;
    p.latency_us = (uint32_t)MIN(MAX(took_ns, 0) / 1000, (int64_t)UINT32_MAX);
    p.at = clock_now_ms(api->opts.clock) - took_ns / 1000000;
    p.caller = http_peer(req);
    p.query = http_param(req, "query");
    if (p.status == 0)
        p.status = 200;
    if (p.status < 200 || p.status > 299)
        p.answer.kind = API_ANSWER_STATUS;
    buf_reserve(&row, 256 + p.query.n);
    api__poll_put(&row, &p);
    stats_add(tsdb_journal_add(api->opts.db, buf_str(&row)) ? STAT_POLLS : STAT_POLLS_DROPPED, 1);
    buf_release(&row);
}
