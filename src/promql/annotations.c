/*
 * annotations.c - warnings and infos of a query: each text once, with where in the query it arose.
 */
#include <math.h>
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"

#include "eval.h"

struct promql__note {
    struct promql__note *next;
    bool warning;
    int at;          /* byte offset in the query */
    struct str text; /* without position */
    size_t count;    /* how often it arose, when that is told; else 0 */
    struct promql__mended *mended;
};

static const char mended_text[] =
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

/* The note with this text; a new one when there is none. */
static struct promql__note *note(struct promql__ev *ev, bool warning, int at, struct str text)
{
    struct promql__note *n;

    for (n = ev->notes; n != NULL; n = n->next)
        if (n->warning == warning && str_eq(n->text, text))
            return n;
    n = arena_new(ev->arena, struct promql__note);
    *n = (struct promql__note){
        .warning = warning,
        .at = at,
        .text = arena_str(ev->arena, text),
    };
    *ev->notes_end = n;
    ev->notes_end = &n->next;
    return n;
}

static int start_of(const struct promql_expr *at)
{
    return at == NULL ? 0 : at->pos.start;
}

static void add(struct promql__ev *ev, bool warning, const struct promql_expr *at, const char *fmt,
                va_list ap)
{
    struct buf b = {0};

    buf_vaddf(&b, fmt, ap);
    /* Of several places the last is told, as Prometheus does. */
    note(ev, warning, start_of(at), buf_str(&b))->at = start_of(at);
    buf_release(&b);
}

void promql__warn(struct promql__ev *ev, const struct promql_expr *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(ev, true, at, fmt, ap);
    va_end(ap);
}

void promql__info(struct promql__ev *ev, const struct promql_expr *at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    add(ev, false, at, fmt, ap);
    va_end(ap);
}

struct str promql__go_g(struct promql__ev *ev, double v)
{
    char text[NUM_TEXT_MAX];

    return arena_str(ev->arena, (struct str){text, num_format(text, v, 'g')});
}

/* What is told of histograms, and how the name of the metric follows. */
static const struct {
    bool warning, optional_name;
    const char *text;
} hist_notes[N_PROMQL__HIST_NOTES] = {
    [PROMQL__MIXED_KINDS] = {true,  false,
                             "encountered a mix of histograms and floats for metric name"     },
    [PROMQL__MIXED_BUCKETS] = {true,  false,
                             "vector contains a mix of histograms with exponential and custom "
                               "buckets schemas for metric name"                              },
    [PROMQL__NOT_COUNTER] = {true,  false, "this native histogram metric is not a counter:"   },
    [PROMQL__NOT_GAUGE] = {true,  false, "this native histogram metric is not a gauge:"     },
    [PROMQL__IGNORED_HISTOGRAMS] = {false, false,
                             "ignored histograms in a range containing both floats and "
                                    "histograms for metric name"                              },
    [PROMQL__MIXED_CLASSIC_NATIVE] = {true,  true,
                             "vector contains a mix of classic and native histograms"         },
    [PROMQL__NAN_RESULT] = {false, true,
                             "input to histogram_quantile has NaN observations, result is NaN"},
    [PROMQL__NAN_SKEW] = {false, true,
                             "input to histogram_quantile has NaN observations, result is skewed "
                          "higher"                                                            },
    [PROMQL__NAN_FRACTION] = {false, true,
                             "input to histogram_fraction has NaN observations, which are "
                              "excluded from all fractions"                                   },
};

void promql__note_histogram(struct promql__ev *ev, const struct promql_expr *at,
                            enum promql__hist_note kind, struct str metric)
{
    struct buf b = {0};

    buf_puts(&b, hist_notes[kind].text);
    if (hist_notes[kind].optional_name && metric.n > 0)
        buf_puts(&b, " for metric name");
    if (!hist_notes[kind].optional_name || metric.n > 0) {
        buf_putc(&b, ' ');
        buf_add_go_quoted(&b, metric);
    }
    note(ev, hist_notes[kind].warning, start_of(at), buf_str(&b))->at = start_of(at);
    buf_release(&b);
}

void promql__note_arithmetic(struct promql__ev *ev, const struct promql_expr *at,
                             struct histogram_notes notes, const char *operation)
{
    if (notes.reset_collision)
        promql__warn(ev, at, "conflicting counter resets during histogram %s", operation);
    if (notes.bounds_reconciled)
        promql__info(ev, at, "mismatched custom buckets were reconciled during %s", operation);
}

void promql__warn_quantile(struct promql__ev *ev, const struct promql_expr *at, double phi)
{
    promql__warn(ev, at, "quantile value should be between 0 and 1, got " STR_FMT,
                 STR_ARG(promql__go_g(ev, phi)));
}

void promql__info_hist_ignored(struct promql__ev *ev, const struct promql_expr *at,
                               enum promql_agg agg)
{
    promql__info(ev, at, "ignored histogram in %s aggregation", promql_agg_text(agg));
}

void promql__warn_overlap(struct promql__ev *ev, const struct promql_expr *at, struct str metric)
{
    struct buf b = {0};

    buf_puts(&b, "sample has start time that overlaps with previous sample timestamp for metric ");
    buf_add_go_quoted(&b, metric);
    note(ev, true, start_of(at), buf_str(&b))->count++;
    buf_release(&b);
}

void promql__info_mended(struct promql__ev *ev, const struct promql_expr *at, struct str metric,
                         const struct promql__mended *m)
{
    struct promql__note *n;
    struct buf b = {0};

    buf_puts(&b, mended_text);
    if (metric.n > 0) {
        buf_puts(&b, " for metric name ");
        buf_add_go_quoted(&b, metric);
    }
    n = note(ev, false, start_of(at), buf_str(&b));
    buf_release(&b);
    if (n->mended == NULL) {
        n->mended = arena_new(ev->arena, struct promql__mended);
        *n->mended = *m;
        return;
    }
    n->mended->count += m->count + 1;
    n->mended->first = MIN(n->mended->first, m->first);
    n->mended->last = MAX(n->mended->last, m->last);
    n->mended->min_bucket = fmin(n->mended->min_bucket, m->min_bucket);
    n->mended->max_bucket = fmax(n->mended->max_bucket, m->max_bucket);
    n->mended->max_diff = fmax(n->mended->max_diff, m->max_diff);
}

static void print_mended(struct promql__ev *ev, struct buf *b, const struct promql__mended *m)
{
    buf_addf(b, ", from buckets " STR_FMT, STR_ARG(promql__go_g(ev, m->min_bucket)));
    buf_addf(b, " to " STR_FMT, STR_ARG(promql__go_g(ev, m->max_bucket)));
    buf_addf(b, ", with a max diff of %.2g, over %lld samples from ", m->max_diff,
             (long long)m->count + 1);
    time_print_rfc3339(b, m->first / 1000 * 1000);
    buf_puts(b, " to ");
    time_print_rfc3339(b, m->last / 1000 * 1000);
}

static void print_position(struct buf *b, struct str query, int at)
{
    int line = 1, col = at + 1;

    if (query.n == 0)
        return;
    if (at < 0 || (size_t)at > query.n) {
        buf_puts(b, " (invalid position)");
        return;
    }
    for (int i = 0; i < at; i++)
        if (query.p[i] == '\n') {
            line++;
            col = at - i;
        }
    buf_addf(b, " (%d:%d)", line, col);
}

void promql__notes_merge(struct promql__ev *ev, const struct promql__ev *worker)
{
    for (const struct promql__note *n = worker->notes; n != NULL; n = n->next) {
        struct promql__note *own = note(ev, n->warning, n->at, n->text);

        own->at = n->at;
        own->count += n->count;
    }
}

void promql__notes_finish(struct promql__ev *ev, struct promql_result *out)
{
    size_t n[2] = {0};
    struct str *texts[2];
    struct buf b = {0};

    for (const struct promql__note *x = ev->notes; x != NULL; x = x->next)
        n[x->warning]++;
    for (int k = 0; k < 2; k++)
        texts[k] = arena_array(ev->arena, struct str, n[k] + 1);
    n[0] = n[1] = 0;
    for (const struct promql__note *x = ev->notes; x != NULL; x = x->next) {
        buf_reset(&b);
        buf_puts(&b, x->warning ? "PromQL warning: " : "PromQL info: ");
        buf_add_str(&b, x->text);
        if (x->mended != NULL)
            print_mended(ev, &b, x->mended);
        if (x->count > 1)
            buf_addf(&b, " (%zu occurrences)", x->count);
        print_position(&b, ev->q->text, x->at);
        texts[x->warning][n[x->warning]++] = arena_str(ev->arena, buf_str(&b));
    }
    buf_release(&b);
    out->infos = texts[0];
    out->n_infos = n[0];
    out->warnings = texts[1];
    out->n_warnings = n[1];
}
