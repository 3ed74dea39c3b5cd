/*
 * simulate_print.c - what came of simulations: a table, CSV, JSON.
 */
#include <inttypes.h>

#include "ferula/autoscale/story.h"
#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "simulate.h"

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
        const struct picture_summary *x = &s->variants[i].tally.sum;
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

static void nothing(struct simulate *s)
{
    (void)s;
}

static void no_frame(struct simulate *s, struct variant *v)
{
    (void)s, (void)v;
}

/* A timeline is of one run alone. */
static void text_event(struct simulate *s, struct variant *v, const struct sim_event *e)
{
    if (s->n_variants == 1 && cli__timeline_news(v->last, e))
        cli__timeline_event(&v->rows, e, s->start);
}

static void text_end(struct simulate *s)
{
    if (s->n_variants == 1) {
        const struct variant *v = &s->variants[0];

        cli__timeline_head(&s->out);
        buf_add_str(&s->out, buf_str(&v->rows));
        for (size_t i = 0; i < v->trace.n_warnings; i++)
            buf_addf(&s->out, "warning: %s\n", v->trace.warnings[i]);
        buf_putc(&s->out, '\n');
    }
    print_table(&s->out, s);
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

static void csv_event(struct simulate *s, struct variant *v, const struct sim_event *e)
{
    struct buf *out = &s->out;

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

static void csv_begin(struct simulate *s)
{
    buf_puts(&s->out, "variant,seconds,actor,metric,target,proposal,desired,before,after,ready,"
                      "reason,note\n");
}

static void json_metric(struct json *j, const struct metric_view *m)
{
    json_object_begin(j);
    json_member_bool(j, "failed", m->verdict.failed);
    json_member_int(j, "milli", m->verdict.milli);
    json_member_int(j, "targetMilli", m->target_milli);
    json_member_str(j, "why", m->verdict.why);
    json_object_end(j);
}

static void json_event(struct simulate *s, struct variant *v, const struct sim_event *e)
{
    struct json *j = &s->json;

    (void)v;
    json_object_begin(j);
    json_member_timestamp(j, "t", e->t);
    json_member_cstr(j, "actor", actors[e->actor]);
    json_member_int(j, "before", e->before);
    json_member_int(j, "after", e->after);
    json_member_int(j, "proposal", e->proposal);
    json_member_int(j, "desired", e->desired);
    json_member_int(j, "ready", e->ready_replicas);
    json_member_cstr(j, "reason", reason_name(e->reason));
    json_member_str(j, "note", e->note);
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
    json_member_float(j, "replicaSeconds", x->replica_seconds);
    json_member_float(j, "underSeconds", x->under_s);
    json_member_float(j, "lost", x->lost);
    json_member_count(j, "changes", x->changes);
    json_member_count(j, "flaps", x->flaps);
    json_member_int(j, "min", x->least);
    json_member_int(j, "max", x->most);
    json_member_int(j, "last", x->last);
    json_object_end(j);
}

static void json_begin(struct simulate *s)
{
    struct json *j = &s->json;

    json_init(j, &s->out);
    json_object_begin(j);
    json_member_timestamp(j, "start", s->start);
    json_member_timestamp(j, "end", s->end);
    json_key(j, "variants");
    json_array_begin(j);
}

static void json_variant(struct simulate *s, struct variant *v)
{
    struct json *j = &s->json;

    json_object_begin(j);
    json_member_str(j, "name", v->name);
    json_key(j, "events");
    json_array_begin(j);
}

static void json_variant_end(struct simulate *s, struct variant *v)
{
    struct json *j = &s->json;

    json_array_end(j);
    json_key(j, "summary");
    json_summary(j, &v->tally.sum);
    json_object_end(j);
}

static void json_end(struct simulate *s)
{
    json_array_end(&s->json);
    json_object_end(&s->json);
    buf_putc(&s->out, '\n');
}

const struct simulate_form *cli__simulate_form(const struct simulate *s)
{
    static const struct simulate_form text = {nothing, no_frame, text_event, no_frame, text_end};
    static const struct simulate_form csv = {csv_begin, no_frame, csv_event, no_frame, nothing};
    static const struct simulate_form json = {json_begin, json_variant, json_event,
                                              json_variant_end, json_end};

    if (strcmp(s->flags->format, "csv") == 0)
        return &csv;
    return strcmp(s->flags->format, "json") == 0 ? &json : &text;
}
