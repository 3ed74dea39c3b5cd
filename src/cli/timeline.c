/*
 * timeline.c - see timeline.h.
 */
#include "timeline.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ferula/autoscale/story.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/num.h"

#define LINES_BEFORE 5
#define LINES_AFTER  2

static const char *const actors[] = {
    [ACTOR_WORLD] = "world", [ACTOR_KEDA] = "KEDA", [ACTOR_HPA] = "HPA"};

static void pad_to(struct buf *out, size_t from, size_t width)
{
    while (out->n - from < width)
        buf_putc(out, ' ');
}

static void print_metric(struct buf *out, const struct metric_view *m)
{
    if (m->verdict.failed)
        buf_puts(out, "failed");
    else
        quantity_print(out, m->verdict.milli);
    if (m->target_milli > 0) {
        buf_putc(out, '/');
        quantity_print(out, m->target_milli);
    }
}

void cli__timeline_event(struct buf *out, const struct sim_event *e, ts_ms zero)
{
    size_t at = out->n;

    story_print_time(out, e->t - zero);
    pad_to(out, at, 9);
    buf_puts(out, actors[e->actor]);
    pad_to(out, at, 15);
    for (size_t i = 0; i < e->n_metrics; i++) {
        if (i > 0)
            buf_putc(out, ' ');
        print_metric(out, &e->metrics[i]);
    }
    buf_putc(out, ' ');
    pad_to(out, at, 27);
    if (e->before == e->after)
        buf_addf(out, "%" PRId32 " ", e->after);
    else
        buf_addf(out, "%" PRId32 " -> %" PRId32 " ", e->before, e->after);
    pad_to(out, at, 36);
    if (e->reason != REASON_None)
        buf_addf(out, "%s: ", reason_name(e->reason));
    if (e->note.n > 0)
        buf_add_str(out, e->note);
    else
        buf_puts(out, reason_text(e->reason));
    buf_putc(out, '\n');
}

void cli__timeline_head(struct buf *out)
{
    buf_puts(out, "TIME     WHO   METRIC      REPLICAS WHY\n");
}

bool cli__timeline_news(struct timeline_last last[3], const struct sim_event *e)
{
    struct timeline_last *l = &last[e->actor];
    const struct timeline_last now = {
        .seen = true,
        .fallback = e->fallback,
        .measured = e->n_metrics > 0,
        .failed = e->n_metrics > 0 && e->metrics[0].verdict.failed,
        .reason = e->reason,
    };
    bool news = !l->seen || e->before != e->after || now.reason != l->reason ||
                now.fallback != l->fallback ||
                (now.measured && l->measured && now.failed != l->failed);

    *l = now;
    return news;
}

void cli__timeline(struct buf *out, const struct sim_trace *tr, ts_ms zero, ts_ms around,
                   const char *indent)
{
    size_t *news = xcalloc(tr->n_events + 1, sizeof(*news)), n = 0, n_before = 0;
    struct timeline_last last[3] = {0};
    size_t first = 0, end;

    for (size_t i = 0; i < tr->n_events; i++) {
        const struct sim_event *e = &tr->events[i];

        if (cli__timeline_news(last, e)) {
            news[n++] = i;
            n_before += e->t <= around;
        }
    }
    end = n;
    if (around != TIMELINE_ALL) {
        first = n_before > LINES_BEFORE ? n_before - LINES_BEFORE : 0;
        end = MIN(n, n_before + LINES_AFTER);
    }
    for (size_t i = first; i < end; i++) {
        buf_puts(out, indent);
        cli__timeline_event(out, &tr->events[news[i]], zero);
    }
    free(news);
}

void cli__timeline_full(struct buf *out, const struct sim_trace *tr, ts_ms zero, const char *indent)
{
    for (size_t i = 0; i < tr->n_events; i++) {
        buf_puts(out, indent);
        cli__timeline_event(out, &tr->events[i], zero);
    }
}
