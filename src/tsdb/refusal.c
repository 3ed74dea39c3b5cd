/*
 * refusal.c - what became of a sample, in Prometheus' words.
 */
#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/tsdb.h"

const char *tsdb_verdict_text(enum tsdb_verdict v)
{
    static const char *const texts[N_TSDB_VERDICTS] = {
        [TSDB_STORED] = "stored",
        [TSDB_DUPLICATE] = "duplicate sample",
        [TSDB_OUT_OF_ORDER] = "out of order sample",
        [TSDB_CONFLICT] = "duplicate sample for timestamp",
        [TSDB_TOO_OLD] = "out of bounds",
        [TSDB_BEYOND_WINDOW] = "too old sample",
        [TSDB_TOO_NEW] = "out of bounds: timestamp is too far in the future",
    };

    CHECK(v < N_TSDB_VERDICTS);
    return texts[v];
}

void tsdb_refusal_print(struct buf *b, const struct tsdb_refusal *r)
{
    buf_puts(b, tsdb_verdict_text(r->why));
    if (r->why != TSDB_CONFLICT || r->is_histogram)
        return;
    buf_addf(b, " %lld; overrides not allowed: existing ", (long long)r->sample.t);
    if (r->existing_is_histogram)
        buf_puts(b, "is a histogram");
    else
        buf_add_num(b, r->existing, 'g');
    buf_puts(b, ", new value ");
    buf_add_num(b, r->sample.v, 'g');
}
