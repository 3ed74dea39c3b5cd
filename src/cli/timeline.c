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

/* Whether it says what the newest of its actor did not. */
static bool is_news(const struct sim_event *e, const struct sim_event *last)
{
    return last == NULL || e->before != e->after || e->reason != last->reason ||
           e->fallback != last->fallback ||
           (e->n_metrics > 0 && last->n_metrics > 0 &&
            e->metrics[0].verdict.failed != last->metrics[0].verdict.failed);
}

void cli__timeline(struct buf *out, const struct sim_trace *tr, ts_ms zero, ts_ms around,
                   const char *indent)
{
    size_t *news = xcalloc(tr->n_events + 1, sizeof(*news)), n = 0, n_before = 0;
    const struct sim_event *last[3] = {NULL};
    size_t first = 0, end;

    for (size_t i = 0; i < tr->n_events; i++) {
        const struct sim_event *e = &tr->events[i];

        if (is_news(e, last[e->actor])) {
            news[n++] = i;
            n_before += e->t <= around;
        }
        last[e->actor] = e;
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
