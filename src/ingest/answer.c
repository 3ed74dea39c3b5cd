/*
 * answer.c - what the sender is told about a finished write.
 *
 * Senders try again on 5xx only: a full disk is 503, so that nothing is lost when there is room
 * again; refused samples are 400, for sending them again would not help. The good part of a 400 is
 * stored.
 */
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
        n += w->n_verdicts[v];
    return n;
}

/* "out of order sample for series {...} at 1700000000000" */
static void print_refusal(struct buf *text, const struct tsdb_refusal *r)
{
    tsdb_refusal_print(text, r);
    buf_puts(text, " for series ");
    ingest__series_print(text, r->labels);
    if (r->why != TSDB_CONFLICT) /* that one says the time already */
        buf_addf(text, " at %lld", (long long)r->sample.t);
}

int ingest_answer(const struct ingest_write *iw, struct buf *text)
{
    const struct ingest_refused *r = &iw->refused;
    size_t by_store = store_refusals(&iw->write);
    size_t total = iw->write.n_samples + r->n_samples + r->n_histograms;

    if (iw->write.rc < 0)
        return failed(iw->write.rc, text);
    if (by_store + r->n_label_sets + r->n_histograms == 0)
        return 204;
    buf_addf(text, "%zu of %zu samples refused", by_store + r->n_samples + r->n_histograms, total);
    if (r->n_label_sets > 0)
        buf_addf(text, ", %zu label set%s refused", r->n_label_sets,
                 r->n_label_sets == 1 ? "" : "s");
    buf_puts(text, ": ");
    if (r->n_label_sets + r->n_histograms > 0)
        buf_add_str(text, r->first);
    if (by_store > 0) {
        if (r->n_label_sets + r->n_histograms > 0)
            buf_puts(text, "; ");
        print_refusal(text, &iw->write.first_refusal);
    }
    return 400;
}
