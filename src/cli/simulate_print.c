/*
 * simulate_print.c - what came of simulations: a table, CSV, JSON.
 */
#include <inttypes.h>

#include "ferula/autoscale/story.h"
#include "ferula/base/check.h"
#include "ferula/base/json.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "simulate.h"
#include "timeline.h"

static const char *const actors[] = {
    [ACTOR_WORLD] = "world", [ACTOR_KEDA] = "keda", [ACTOR_HPA] = "hpa"};

/* ---- for people ------------------------------------------------------------------------- */

static void pad(struct buf *out, size_t from, size_t width)
{
    do
        buf_putc(out, ' ');
    while (out->n - from < width);
}

static size_t name_width(const struct simulate *s)
{
    size_t width = 12;

    for (size_t i = 0; i < s->n_variants; i++)
        width = MAX(width, s->variants[i].name.n + 2);
    return width;
}

static void print_table(struct buf *out, const struct simulate *s)
{
    size_t width = name_width(s), at = out->n;

    buf_puts(out, "variant");
    pad(out, at, width);
    buf_puts(out, "replica-s   under      lost  changes  flaps  min  max  last\n");
    for (size_t i = 0; i < s->n_variants; i++) {
        const struct picture_summary *x = &s->variants[i].summary;
        struct buf under = {0};

        at = out->n;
        buf_add_str(out, s->variants[i].name);
        pad(out, at, width);
        duration_print(&under, (dur_ms)(x->under_s * 1000));
        buf_addf(out, "%9.0f  %6s  %8.0f  %7zu  %5zu  %3" PRId32 "  %3" PRId32 "  %4" PRId32 "\n",
                 x->replica_seconds, under.p, x->lost, x->changes, x->flaps, x->least, x->most,
                 x->last);
        buf_release(&under);
    }
}

void cli__simulate_text(struct buf *out, const struct simulate *s)
{
    if (s->n_variants == 1) {
        const struct variant *v = &s->variants[0];

        cli__timeline_head(out);
        cli__timeline(out, &v->trace, s->start, TIMELINE_ALL, "");
        for (size_t i = 0; i < v->trace.n_warnings; i++)
            buf_addf(out, "warning: %s\n", v->trace.warnings[i]);
        buf_putc(out, '\n');
    }
    print_table(out, s);
}

/* ---- for programs ----------------------------------------------------------------------- */

static void csv_text(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_putc(out, '"');
        buf_putc(out, s.p[i]);
    }
    buf_putc(out, '"');
}

static void csv_count(struct buf *out, int32_t v)
{
    buf_putc(out, ',');
    if (v >= 0)
        buf_add_i64(out, v);
}

static void csv_event(struct buf *out, const struct simulate *s, const struct variant *v,
                      const struct sim_event *e)
{
    csv_text(out, v->name);
    buf_addf(out, ",%.3f,%s,", (double)(e->t - s->start) / 1000, actors[e->actor]);
    if (e->n_metrics > 0 && !e->metrics[0].verdict.failed)
        buf_add_num(out, (double)e->metrics[0].verdict.milli / 1000, 'f');
    buf_putc(out, ',');
    if (e->n_metrics > 0)
        buf_add_num(out, (double)e->metrics[0].target_milli / 1000, 'f');
    csv_count(out, e->proposal);
    csv_count(out, e->desired);
    csv_count(out, e->before);
    csv_count(out, e->after);
    csv_count(out, e->ready_replicas);
    buf_addf(out, ",%s,", reason_name(e->reason));
    csv_text(out, e->note);
    buf_putc(out, '\n');
}

void cli__simulate_csv(struct buf *out, const struct simulate *s)
{
    buf_puts(out, "variant,seconds,actor,metric,target,proposal,desired,before,after,ready,reason,"
                  "note\n");
    for (size_t i = 0; i < s->n_variants; i++)
        for (size_t k = 0; k < s->variants[i].trace.n_events; k++)
            csv_event(out, s, &s->variants[i], &s->variants[i].trace.events[k]);
}

static void json_member_int(struct json *j, const char *key, int64_t v)
{
    json_key(j, key);
    json_int(j, v);
}

static void json_metric(struct json *j, const struct metric_view *m)
{
    json_object_begin(j);
    json_key(j, "failed");
    json_bool(j, m->verdict.failed);
    json_member_int(j, "milli", m->verdict.milli);
    json_member_int(j, "targetMilli", m->target_milli);
    json_key(j, "why");
    json_str(j, m->verdict.why);
    json_object_end(j);
}

static void json_event(struct json *j, const struct sim_event *e)
{
    json_object_begin(j);
    json_key(j, "t");
    json_timestamp(j, e->t);
    json_key(j, "actor");
    json_cstr(j, actors[e->actor]);
    json_member_int(j, "before", e->before);
    json_member_int(j, "after", e->after);
    json_member_int(j, "proposal", e->proposal);
    json_member_int(j, "desired", e->desired);
    json_member_int(j, "ready", e->ready_replicas);
    json_key(j, "reason");
    json_cstr(j, reason_name(e->reason));
    json_key(j, "note");
    json_str(j, e->note);
    json_key(j, "metrics");
    json_array_begin(j);
    for (size_t i = 0; i < e->n_metrics; i++)
        json_metric(j, &e->metrics[i]);
    json_array_end(j);
    json_object_end(j);
}

static void json_summary(struct json *j, const struct picture_summary *x)
{
    json_object_begin(j);
    json_key(j, "replicaSeconds");
    json_float(j, x->replica_seconds);
    json_key(j, "underSeconds");
    json_float(j, x->under_s);
    json_key(j, "lost");
    json_float(j, x->lost);
    json_member_int(j, "changes", (int64_t)x->changes);
    json_member_int(j, "flaps", (int64_t)x->flaps);
    json_member_int(j, "min", x->least);
    json_member_int(j, "max", x->most);
    json_member_int(j, "last", x->last);
    json_object_end(j);
}

void cli__simulate_json(struct buf *out, const struct simulate *s)
{
    struct json j;

    json_init(&j, out);
    json_object_begin(&j);
    json_key(&j, "start");
    json_timestamp(&j, s->start);
    json_key(&j, "end");
    json_timestamp(&j, s->end);
    json_key(&j, "variants");
    json_array_begin(&j);
    for (size_t i = 0; i < s->n_variants; i++) {
        const struct variant *v = &s->variants[i];

        json_object_begin(&j);
        json_key(&j, "name");
        json_str(&j, v->name);
        json_key(&j, "summary");
        json_summary(&j, &v->summary);
        json_key(&j, "events");
        json_array_begin(&j);
        for (size_t k = 0; k < v->trace.n_events; k++)
            json_event(&j, &v->trace.events[k]);
        json_array_end(&j);
        json_object_end(&j);
    }
    json_array_end(&j);
    json_object_end(&j);
    buf_putc(out, '\n');
}
