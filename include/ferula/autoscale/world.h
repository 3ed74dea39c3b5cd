/*
 * world.h - worlds for sim.h: series that are given or recorded, pods that take time to start, and
 * load that the ready replicas share, so that the metric follows from the replica count.
 *
 * Time in a world is the simulation's. One thread at a time.
 */
#ifndef FERULA_AUTOSCALE_WORLD_H
#define FERULA_AUTOSCALE_WORLD_H

#include "ferula/autoscale/sim.h"
#include "ferula/model/source.h"
#include "ferula/promql.h"

/* An answer instead of the real one, for a while. */
enum fault_kind {
    FAULT_EMPTY,
    FAULT_NAN,
    FAULT_INF,
    FAULT_TWO,    /* elements */
    FAULT_STATUS, /* 401, 403, 429, 503... */
    FAULT_SLOW,   /* an answer after `delay`: none, when that is longer than the timeout */
    FAULT_GAP,    /* nothing is scraped meanwhile */
    FAULT_GARBLED,
    FAULT_SCALAR,
};

struct fault_span {
    ts_ms from, to; /* [from, to) */
    enum fault_kind kind;
    int status;
    dur_ms delay;
    int trigger; /* -1: all */
};

/* "empty", "nan", "status"...: the words of test files. */
bool fault_kind_parse(struct str word, enum fault_kind *out);
const char *fault_kind_name(enum fault_kind kind);

/* Load over time: points joined by straight lines, or steps. */
struct load_point {
    ts_ms t;
    double v;
};

/*
 * "0:30,5m:150,10m:0": numbers at durations after `start`, ascending. FER_EINVAL with f->at. In the
 * arena.
 */
int load_parse(struct arena *a, struct str text, ts_ms start, struct load_point **out, size_t *n,
               struct fault *f);

/* Pods that serve requests. */
struct app_model {
    bool given;
    const struct load_point *load; /* requests a second, ascending times; holds before and after */
    size_t n_load;
    bool steps;                   /* no lines between the points */
    double capacity;              /* requests a second of a pod; 0: no limit */
    dur_ms start_up;              /* from being made to being ready */
    dur_ms scrape_interval;       /* 0: 15 s */
    dur_ms warm_up;               /* the pods of the beginning were scraped so long before it */
    struct labels labels;         /* of the counters, with __name__; each pod adds pod="..." */
    struct labels offered_labels; /* of a counter of the load, kept before the pods; n 0: none */
};

/* What happened, for summary figures and pictures: by second of scrape. */
struct world_sample {
    ts_ms t;
    double offered, served;
    int32_t replicas, ready;
};

/* Pods that a world can have at once. */
#define WORLD_PODS_MAX 100000

struct world_setup {
    const struct scaled_object *object;
    struct source *source; /* series that are there; borrowed; NULL: none */
    struct app_model app;
    dur_ms ready_after; /* of pods without an app model */
    const struct fault_span *faults;
    size_t n_faults;
    /* Numbers over time, joined by lines, by trigger; for those that are neither prometheus nor
     * cron, and instead of asking those. NULL: none. */
    const struct load_point *const *numbers;
    const size_t *n_numbers;
    int32_t replicas; /* ready at the beginning */
    ts_ms start;
    struct promql_features features;
    /*
     * When set, samples are given to it and not kept, and of the app's counters no more is kept
     * than queries can look at: for long simulations, whose memory is bounded then.
     */
    void (*sink)(void *ctx, const struct world_sample *s);
    void *sink_ctx;
    /*
     * When set, `source` is filled as time goes on: all samples up to `to` are to be there when it
     * returns, and none from before `oldest` will be looked at again. Below 0: the call of the
     * world that needed them returns that.
     */
    int (*feed)(void *ctx, ts_ms oldest, ts_ms to);
    void *feed_ctx;
    /* Told why when a call of the world fails with FER_ELIMIT: more than WORLD_PODS_MAX are wanted.
     * Borrowed; NULL: it is not told. */
    struct fault *why;
};

/* How far back a query looks at most; INT64_MAX: no bound (@ TIME, computed durations). */
dur_ms recording_reach(const struct promql_expr *e);

/*
 * Copies the series that the objects' queries look at in `range`, and before it as far back as they
 * look, so that a server or a store is asked once. Errors are the source's.
 */
int recording_copy(struct source *from, const struct scaled_object *objects, size_t n,
                   struct source_range range, struct mem_source *to, struct fault *f);

/* The same of one object in windows, as a world's feed: `to` holds no more than one of them and
 * what is seen. */
struct recording_windows {
    struct source *from;
    const struct scaled_object *so;
    struct mem_source *to;
    struct fault *f;
    ts_ms at; /* the beginning; then: what is before was copied */
    bool begun;
};

int recording_feed(void *windows, ts_ms oldest, ts_ms to);

struct pod_world;

/* FER_EINVAL: a trigger that cannot be asked here (f->text says why). The caller frees it. */
int pod_world_new(const struct world_setup *setup, struct pod_world **out, struct fault *f);
void pod_world_free(struct pod_world *w);
struct world pod_world_base(struct pod_world *w);

const struct world_sample *pod_world_samples(const struct pod_world *w, size_t *n);

#endif
