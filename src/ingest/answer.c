/*
 * answer.c - what the sender is told about a finished write.
 *
 * Senders try again on 5xx only: a full disk is 503, so that nothing is lost when there is room
 * again; refused samples are 400, for sending them again would not help. The good part of a 400 is
 * stored. The receiver of OTLP says 500 where Prometheus' does; OTLP's senders do not repeat that.
 */
#include "ferula/base/check.h"

#include "decode.h"

static const struct {
    int rc, status;
    const char *text;
} failures[] = {
    {FER_ENOSPC, 503, "no space left to store samples; try again later"    },
    {FER_ESTOP,  503, "the server is shutting down; try again later"       },
    {FER_EIO,    500, "the store failed; nothing of this request is stored"},
};

static int failed(int rc, struct buf *text)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].rc == rc) {
            buf_puts(text, failures[i].text);
            return failures[i].status;
        }
    }
    buf_addf(text, "the store failed: %s", fer_strerror(rc));
    return 500;
}

static size_t store_refusals(const struct tsdb_write *w)
{
    size_t n = 0;

    for (int v = TSDB_OUT_OF_ORDER; v < N_TSDB_VERDICTS; v++)
        n += w->n_verdicts[v] + w->n_hist_verdicts[v];
    return n;
}

/* "out of order sample for series {...}" */
static void print_refusal(struct buf *text, const struct tsdb_refusal *r)
{
    tsdb_refusal_print(text, r);
    buf_puts(text, " for series ");
    ingest__series_print(text, r->labels);
}

/* One sentence: how many of how many, and the first. */
static void print_v1(struct buf *text, const struct ingest_write *iw, size_t by_store)
{
    const struct ingest_refused *r = &iw->refused;
    size_t total = iw->write.n_samples + iw->write.n_hists + r->n_samples + r->n_histograms;
    const struct tsdb_refusal *first = &iw->write.first_refusal;

    buf_addf(text, "%zu of %zu samples refused", by_store + r->n_samples + r->n_histograms, total);
    if (r->n_label_sets > 0)
        buf_addf(text, ", %zu label set%s refused", r->n_label_sets,
                 r->n_label_sets == 1 ? "" : "s");
    buf_puts(text, ": ");
    if (r->n_lines > 0)
        buf_add_str(text, r->lines[0]);
    if (by_store == 0)
        return;
    if (r->n_lines > 0)
        buf_puts(text, "; ");
    print_refusal(text, first);
    if (first->why != TSDB_CONFLICT) /* that one says the time already */
        buf_addf(text, " at %lld", (long long)first->sample.t);
}

static void new_line(struct buf *text)
{
    if (text->n > 0)
        buf_putc(text, '\n');
}

/* A line for each thing, as Prometheus joins them, up to so many; what is more is counted. */
static void print_lines(struct buf *text, const struct ingest_write *iw, size_t by_store)
{
    const struct ingest_refused *r = &iw->refused;
    size_t more = r->n_lines - MIN(r->n_lines, INGEST_LINES);

    for (size_t i = 0; i < r->n_lines - more; i++) {
        new_line(text);
        buf_add_str(text, r->lines[i]);
    }
    if (more > 0)
        buf_addf(text, "\nand %zu more like these", more);
    if (by_store > 0) {
        new_line(text);
        print_refusal(text, &iw->write.first_refusal);
    }
    if (by_store > 1)
        buf_addf(text, "\nand %zu more samples refused", by_store - 1);
}

/*
 * Exemplars alone are taken when their series is there. Of those whose series is not, the first is
 * named, and *n is how many there are.
 */
static const struct labels *without_series(const struct tsdb_write *w, size_t *n)
{
    const struct labels *first = NULL;

    *n = 0;
    for (size_t i = 0; i < w->n_exemplars; i++) {
        const struct tsdb_exemplar *e = &w->exemplars[i];

        if (e->id != 0 || w->series[e->new_series].id != 0)
            continue;
        if (first == NULL)
            first = &w->series[e->new_series].labels;
        ++*n;
    }
    return first;
}

static void print_exemplars(struct buf *text, const struct tsdb_write *w)
{
    size_t n;
    const struct labels *alone = without_series(w, &n);

    if (alone != NULL) {
        new_line(text);
        buf_puts(text, "TimeSeries must contain at least one sample or histogram for series ");
        ingest__series_print(text, *alone);
    }
    if (w->n_exemplars_refused > n) {
        new_line(text);
        buf_puts(text, "out of order exemplar");
    }
    if (w->n_exemplars_refused > 1)
        buf_addf(text, "\n%zu exemplars refused", w->n_exemplars_refused);
}

static int answer_v2(const struct ingest_write *iw, size_t by_store, struct buf *text)
{
    print_lines(text, iw, by_store);
    if (iw->write.n_exemplars_refused > 0)
        print_exemplars(text, &iw->write);
    return text->n == 0 ? 204 : 400;
}

static int answer_otlp(const struct ingest_write *iw, size_t by_store, struct buf *text)
{
    print_lines(text, iw, by_store);
    return text->n == 0 ? 200 : by_store > 0 ? 400 : 500;
}

int ingest_answer(const struct ingest_write *iw, struct buf *text)
{
    size_t by_store = store_refusals(&iw->write);

    if (iw->write.rc < 0)
        return failed(iw->write.rc, text);
    if (iw->protocol == INGEST_V2)
        return answer_v2(iw, by_store, text);
    if (iw->protocol == INGEST_OTLP)
        return answer_otlp(iw, by_store, text);
    if (by_store + iw->refused.n_label_sets + iw->refused.n_histograms == 0)
        return 204;
    print_v1(text, iw, by_store);
    return 400;
}

struct ingest_written ingest_written(const struct ingest_write *iw)
{
    const struct tsdb_write *w = &iw->write;
    bool kept = w->n_exemplars_stored + w->n_exemplars_refused > 0;

    if (w->rc < 0)
        return (struct ingest_written){0, 0, 0};
    return (struct ingest_written){
        .samples = w->n_verdicts[TSDB_STORED] + w->n_verdicts[TSDB_DUPLICATE],
        .histograms = w->n_hist_verdicts[TSDB_STORED] + w->n_hist_verdicts[TSDB_DUPLICATE],
        /* A store that keeps none takes all, as Prometheus' does. */
        .exemplars = kept ? w->n_exemplars_stored : w->n_exemplars,
    };
}
