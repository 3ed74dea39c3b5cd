/*
 * picture.c - see picture.h. Two panels over one axis of time: what is measured and what the
 * replicas can take (target x replicas, or the target), and replicas, wanted and real, with the
 * rules that have decided as numbered marks and a list of them below.
 */
#include "ferula/autoscale/picture.h"

#include <inttypes.h>
#include <math.h>

#include "ferula/autoscale/story.h"
#include "ferula/base/check.h"
#include "ferula/base/num.h"

/* ---- drawing ---------------------------------------------------------------------------- */

#define WIDTH        960
#define LEFT         64
#define RIGHT        24
#define TOP          72
#define PANEL        200
#define GAP          44
#define LINE         18
#define INDENT       24
#define LINE_CHARS   130 /* of the small letters fit between the edges */
#define CHAR_WIDTH   7   /* rather more than they take */
#define MAX_REPLICAS 1e6

static const char *const colours[] = {"#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce",
                                      "#b45309", "#0f766e", "#be123c", "#475569"};

struct canvas {
    struct buf *out;
    const struct picture_run *v;
    size_t n;
    ts_ms start, end;
    double most_metric, most_replicas;
};

static double x_of(const struct canvas *c, ts_ms t)
{
    double span = (double)MAX(c->end - c->start, 1);

    return LEFT + (double)(t - c->start) / span * (WIDTH - LEFT - RIGHT);
}

static double y_of(double v, double most, int top)
{
    return top + PANEL - MIN(v, most) / most * PANEL;
}

static void add_text(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];

        if (ch == '<')
            buf_puts(out, "&lt;");
        else if (ch == '>')
            buf_puts(out, "&gt;");
        else if (ch == '&')
            buf_puts(out, "&amp;");
        else if ((unsigned char)ch >= ' ')
            buf_putc(out, ch);
    }
}

/* 1, 2 or 5 times a power of ten, so that about five lines fit. */
static double step_of(double most)
{
    double raw = most / 5, p = pow(10, floor(log10(raw)));

    return raw <= p ? p : raw <= 2 * p ? 2 * p : raw <= 5 * p ? 5 * p : 10 * p;
}

/* 2500000 is 2.5M: a label has little room. */
static void add_short(struct buf *out, double v)
{
    static const struct {
        double unit;
        const char *suffix;
    } units[] = {
        {1e12, "T"},
        {1e9,  "G"},
        {1e6,  "M"},
        {1e4,  "k"}
    };

    for (size_t i = 0; i < COUNT(units) && v < 1e15; i++)
        if (v >= units[i].unit) {
            buf_add_num(out, v / (units[i].unit > 1e4 ? units[i].unit : 1e3), 'g');
            buf_puts(out, units[i].suffix);
            return;
        }
    buf_add_num(out, v, 'g');
}

static void draw_grid(const struct canvas *c, double most, double step, int top, const char *title)
{
    buf_addf(c->out, "<text x=\"%d\" y=\"%d\" class=\"t\">%s</text>\n", LEFT, top - 10, title);
    for (double v = 0; v <= most * 1.0001; v += step) {
        double y = y_of(v, most, top);

        buf_addf(c->out,
                 "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>"
                 "<text x=\"%d\" y=\"%.1f\" class=\"l\" text-anchor=\"end\">",
                 LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4);
        add_short(c->out, v);
        buf_puts(c->out, "</text>\n");
    }
}

static void draw_times(const struct canvas *c, int y)
{
    static const int64_t steps_s[] = {15,   30,   60,    120,   300,   600,    1200,   1800,
                                      3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000};
    dur_ms span = c->end - c->start, step = steps_s[COUNT(steps_s) - 1] * 1000;

    for (size_t i = COUNT(steps_s); i > 0; i--)
        if (span / (steps_s[i - 1] * 1000) <= 12)
            step = steps_s[i - 1] * 1000;
    for (dur_ms t = 0; t <= span; t += step) {
        buf_addf(c->out, "<text x=\"%.1f\" y=\"%d\" class=\"l\" text-anchor=\"middle\">",
                 x_of(c, c->start + t), y);
        story_print_time(c->out, t);
        buf_puts(c->out, "</text>\n");
    }
}

/* ---- lines ------------------------------------------------------------------------------ */

enum series { SERIES_METRIC, SERIES_TARGET, SERIES_WANTED, SERIES_REPLICAS };

static bool series_value(const struct sim_trace *tr, size_t i, enum series s, double *out)
{
    const struct sim_event *e = &tr->events[i];
    const struct metric_view *m = e->n_metrics > 0 ? &e->metrics[0] : NULL;

    switch (s) {
    case SERIES_METRIC:
        if (m == NULL || m->verdict.failed || e->actor != ACTOR_HPA)
            return false;
        *out = (double)m->verdict.milli / 1000;
        return true;
    case SERIES_TARGET:
        if (m == NULL || e->actor != ACTOR_HPA)
            return false;
        *out = (double)m->target_milli / 1000 * picture_targets(tr->setup, e->before);
        return true;
    case SERIES_WANTED:
        *out = e->proposal;
        return e->proposal >= 0 && e->actor == ACTOR_HPA;
    default:
        *out = e->after;
        return true;
    }
}

static double most_of(const struct canvas *c, enum series s)
{
    double most = 0, v;

    for (size_t r = 0; r < c->n; r++)
        for (size_t i = 0; i < c->v[r].trace->n_events; i++)
            if (series_value(c->v[r].trace, i, s, &v) && isfinite(v))
                most = MAX(most, s == SERIES_WANTED ? MIN(v, MAX_REPLICAS) : v);
    return most;
}

/* Steps: a value holds until the next. */
static void draw_series(const struct canvas *c, const struct picture_run *run, enum series s,
                        double most, int top, const char *style)
{
    const struct sim_trace *tr = run->trace;
    double last = NAN, v;

    buf_addf(c->out, "<path fill=\"none\" %s d=\"", style);
    if (s == SERIES_REPLICAS) {
        last = tr->setup->replicas;
        buf_addf(c->out, "M%.1f %.1f", x_of(c, c->start), y_of(last, most, top));
    }
    for (size_t i = 0; i < tr->n_events; i++) {
        if (!series_value(tr, i, s, &v) || !isfinite(v) || v == last)
            continue;
        buf_addf(c->out, isnan(last) ? "M%.1f %.1f" : "H%.1fV%.1f", x_of(c, tr->events[i].t),
                 y_of(MAX(v, 0), most, top));
        last = v;
    }
    if (!isnan(last))
        buf_addf(c->out, "H%.1f", x_of(c, c->end));
    buf_puts(c->out, "\"/>\n");
}

static void draw_run(const struct canvas *c, size_t i, int metric_top, int replica_top)
{
    const char *colour = colours[i % COUNT(colours)];
    struct buf style = {0};

    buf_addf(&style, "stroke=\"%s\" stroke-width=\"2\"", colour);
    draw_series(c, &c->v[i], SERIES_METRIC, c->most_metric, metric_top, style.p);
    draw_series(c, &c->v[i], SERIES_REPLICAS, c->most_replicas, replica_top, style.p);
    buf_reset(&style);
    buf_addf(&style, "stroke=\"%s\" stroke-width=\"1.2\" stroke-dasharray=\"4 3\" opacity=\"0.7\"",
             colour);
    draw_series(c, &c->v[i], SERIES_TARGET, c->most_metric, metric_top, style.p);
    draw_series(c, &c->v[i], SERIES_WANTED, c->most_replicas, replica_top, style.p);
    buf_release(&style);
}

/* ---- reasons ---------------------------------------------------------------------------- */

/* What of a text fits on a line: up to a blank, when one is near. */
static struct str take_line(struct str *s)
{
    size_t n = MIN(s->n, LINE_CHARS), cut = n;
    struct str line;

    if (n < s->n) {
        while (cut > LINE_CHARS / 2 && s->p[cut] != ' ')
            cut--;
        if (cut > LINE_CHARS / 2)
            n = cut;
        while (n > 1 && ((unsigned char)s->p[n] & 0xc0) == 0x80)
            n--; /* not in the middle of a character */
    }
    line = (struct str){s->p, n};
    *s = str_trim(str_cut(*s, n));
    return line;
}

/* On as many lines as it takes, from line `row` of the list on; the number of the next. */
static size_t draw_reason(const struct canvas *c, const struct sim_event *e, size_t n, int below,
                          size_t row)
{
    struct buf b = {0};
    struct str rest;

    buf_addf(&b, "%zu. at ", n);
    story_print_time(&b, e->t - c->start);
    buf_addf(&b, ", %" PRId32 " to %" PRId32 ". %s: ", e->before, e->after, reason_name(e->reason));
    buf_add_str(&b, e->note.n > 0 ? e->note : str_of(reason_text(e->reason)));
    rest = buf_str(&b);
    for (int x = LEFT; rest.n > 0; x = LEFT + INDENT) {
        buf_addf(c->out, "<text x=\"%d\" y=\"%d\" class=\"l\">", x, below + (int)++row * LINE);
        add_text(c->out, take_line(&rest));
        buf_puts(c->out, "</text>\n");
    }
    buf_release(&b);
    return row;
}

/* Marks that would hide each other are one, with the numbers of all. */
struct mark {
    double x, y; /* of the first */
    size_t first, last;
};

static bool hides(const struct mark *m, double x, double y)
{
    return m->last > 0 && fabs(x - m->x) < 12 && fabs(y - m->y) < 12;
}

static void draw_mark(const struct canvas *c, const struct mark *m)
{
    double half = m->last == m->first ? 8 : 20;

    buf_addf(c->out,
             "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"16\" rx=\"8\" class=\"m\"/>"
             "<text x=\"%.1f\" y=\"%.1f\" class=\"n\" text-anchor=\"middle\">%zu",
             m->x - half, m->y - 8, 2 * half, m->x, m->y + 3.5, m->first);
    if (m->last != m->first)
        buf_addf(c->out, "-%zu", m->last);
    buf_puts(c->out, "</text>\n");
}

/* The changes of one run as numbered marks at its line; the text of each goes below. */
static size_t draw_marks(const struct canvas *c, const struct picture_run *run, int top, int below)
{
    struct mark m = {.last = 0};
    size_t n = 0, rows = 0;

    for (size_t i = 0; i < run->trace->n_events && n < PICTURE_MARKS; i++) {
        const struct sim_event *e = &run->trace->events[i];
        double x = x_of(c, e->t), y = y_of(e->after, c->most_replicas, top);

        if (e->before == e->after)
            continue;
        n++;
        if (!hides(&m, x, y)) {
            if (m.last > 0)
                draw_mark(c, &m);
            m = (struct mark){x, y, n, n};
        }
        m.last = n;
        rows = draw_reason(c, e, n, below, rows);
    }
    if (n > 0)
        draw_mark(c, &m);
    return rows;
}

/* Names of the lines, in rows; how many rows. One that is called as the picture needs none. */
static int draw_legend(const struct canvas *c, struct str title)
{
    size_t shown = c->n == 1 && str_eq(c->v[0].name, title) ? 0 : MIN(c->n, COUNT(colours));
    int x = LEFT, y = 38, rows = 1;

    for (size_t i = 0; i < shown; i++) {
        struct str name = c->v[i].name, rest = name;
        int width;

        name = take_line(&rest);
        width = 34 + CHAR_WIDTH * (int)name.n;
        if (i > 0 && x + width > WIDTH - RIGHT) {
            x = LEFT;
            y += LINE;
            rows++;
        }
        buf_addf(c->out,
                 "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"4\" fill=\"%s\"/>"
                 "<text x=\"%d\" y=\"%d\" class=\"l\">",
                 x, y - 6, colours[i], x + 18, y);
        add_text(c->out, name);
        buf_puts(c->out, "</text>\n");
        x += width;
    }
    if (shown > 0 && shown < c->n)
        buf_addf(c->out, "<text x=\"%d\" y=\"%d\" class=\"l\">and %zu more</text>\n", LEFT,
                 38 + LINE * rows++, c->n - shown);
    return rows;
}

static void draw_head(struct buf *out, int height, struct str title)
{
    buf_addf(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
             "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
             WIDTH, height, WIDTH, height);
    add_text(out, title);
    buf_puts(out, "</title>\n<style>text{font-family:system-ui,sans-serif;fill:#1f2937}"
                  ".h{font-size:16px;font-weight:600}.t{font-size:13px;font-weight:600}"
                  ".l{font-size:12px}.n{font-size:10px;fill:#fff}.m{fill:#374151}"
                  ".g{stroke:#e5e7eb;stroke-width:1}</style>\n"
                  "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
    buf_addf(out, "<text x=\"%d\" y=\"22\" class=\"h\">", LEFT);
    add_text(out, title);
    buf_puts(out, "</text>\n");
}

static const char *metric_title(const struct canvas *c)
{
    size_t n_each = 0;

    for (size_t i = 0; i < c->n; i++)
        n_each += picture_targets(c->v[i].trace->setup, 2) == 2;
    return n_each == c->n ? "metric (line) and target x replicas (dashed)"
           : n_each == 0  ? "metric (line) and target (dashed)"
                          : "metric (line) and target, x replicas unless it is a Value (dashed)";
}

void picture_svg(struct buf *out, const struct picture_run *v, size_t n, struct str title)
{
    struct buf body = {0};
    struct canvas c = {.out = &body, .v = v, .n = n};
    int top, replica_top, below;
    size_t rows = 0;

    CHECK(n > 0);
    c.start = v[0].trace->setup->start;
    c.end = v[0].trace->setup->end;
    c.most_metric = MAX(MAX(most_of(&c, SERIES_METRIC), most_of(&c, SERIES_TARGET)), 1) * 1.08;
    c.most_replicas = MAX(MAX(most_of(&c, SERIES_REPLICAS), most_of(&c, SERIES_WANTED)), 1) * 1.08;
    top = TOP + (draw_legend(&c, title) - 1) * LINE;
    replica_top = top + PANEL + GAP;
    below = replica_top + PANEL + 36;
    draw_grid(&c, c.most_metric, step_of(c.most_metric), top, metric_title(&c));
    draw_grid(&c, c.most_replicas, MAX(step_of(c.most_replicas), 1), replica_top,
              "replicas (line) and what the HPA proposes (dashed)");
    draw_times(&c, replica_top + PANEL + 18);
    for (size_t i = 0; i < n; i++)
        draw_run(&c, i, top, replica_top);
    if (n == 1)
        rows = draw_marks(&c, &v[0], replica_top, below);
    draw_head(out, below + (int)rows * LINE + 24, title);
    buf_add_str(out, buf_str(&body));
    buf_puts(out, "</svg>\n");
    buf_release(&body);
}
