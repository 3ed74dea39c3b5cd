/*
 * model.h - what a test writes to a store, worked out from a seed, and whether it is all there.
 *
 * Some clients send numbered requests, each client one after the other. What is in request `n` of a
 * client follows from the seed, so that another process knows what a store must hold. All series
 * of a request carry its time or, in some requests, a second one as well; values are of many kinds,
 * with every bit that a double has. Some series are of native histograms, some have start
 * timestamps; some are late with some of their samples. A request brings an exemplar. Some requests
 * repeat what the one before said, as an agent does that had no answer. Now and then a client
 * deletes some older samples of one of its series.
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include "ferula/tsdb.h"

#define MODEL_T0 INT64_C(1700000000000)

/* What is known of a request. */
enum model_fate {
    FATE_UNSENT = 0, /* or known to have failed: nothing of it may be there */
    FATE_OPEN,       /* whole or absent */
    FATE_STORED      /* acknowledged */
};

struct model_sample {
    struct sample s;
    uint32_t request; /* that brings it */
};

/* All samples that a series ever gets, by time. */
struct model_series {
    struct model_sample *v; /* owned */
    size_t n, cap;
};

struct model {
    uint64_t seed;
    uint32_t n_clients, n_requests; /* requests of each client */
    uint32_t n_steady;              /* series of a client that are in most of its requests */
    uint32_t new_every;             /* requests after which one series ends and another begins */
    dur_ms step;                    /* between two requests */
    dur_ms late;                    /* how far late samples are behind at most */
    dur_ms retention;               /* of the store; older samples may be there or not */
    uint8_t *fate;                  /* of request i of client c: [c * n_requests + i] */
    uint8_t *deletions;             /* owned; the same of deletion i: see model_delete() */
    struct model_series *series;    /* owned; by client and series */
};

/* The members up to `retention` are set, and `fate` is the caller's, all FATE_UNSENT. */
void model_init(struct model *m);
void model_release(struct model *m);

static inline uint8_t *model_fate(const struct model *m, uint32_t client, uint32_t request)
{
    return &m->fate[client * m->n_requests + request];
}

/* The newest time in a request: clocks must not be behind it. */
ts_ms model_time(const struct model *m, uint32_t client, uint32_t request);

/*
 * Sets up *w for tsdb_submit(); all that it points to is in `a`. Fates of earlier requests are
 * right by then: what failed is not repeated.
 */
void model_write(const struct model *m, struct tsdb *db, uint32_t client, uint32_t request,
                 struct arena *a, struct tsdb_write *w);

/*
 * Deletion i of a client may follow its request MODEL_DELETES_EVERY * (i + 1) - 1. It takes out
 * what one series got with some of the requests before that.
 */
#define MODEL_DELETES_EVERY 10

static inline uint8_t *model_deletion(const struct model *m, uint32_t client, uint32_t i)
{
    return &m->deletions[client * m->n_requests + i];
}

int model_delete(const struct model *m, struct tsdb *db, uint32_t client, uint32_t i);

/* Exemplars that a store must keep at least. */
#define MODEL_EXEMPLARS 2000

/* What a comparison found. */
struct model_diff {
    uint32_t n_lost;    /* samples of stored requests that are missing */
    uint32_t n_wrong;   /* samples or series that are not what was sent, or never were */
    uint32_t n_torn;    /* open requests that are there in part */
    uint32_t n_samples; /* that are as they should be */
    char text[200];     /* of the first difference */
};

/*
 * Reads the whole store and compares. The fate of open requests becomes what was found, so that a
 * second comparison is strict. Returns 0, or the code of a read that failed.
 */
int model_compare(struct model *m, struct tsdb *db, struct model_diff *out, struct fault *f);

/* A kind of its own work that the stores of this process have not done; NULL: they did all. */
const char *model_work_missed(void);

static inline bool model_agrees(const struct model_diff *d)
{
    return d->n_lost == 0 && d->n_wrong == 0 && d->n_torn == 0;
}

#endif
