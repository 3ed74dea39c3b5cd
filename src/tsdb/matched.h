/*
 * matched.h - the series that satisfy matchers, with their labels in order; remembered, for whoever
 * polls or draws asks the same again and again.
 *
 * Any thread. A set never changes; it is valid for as long as no series was made or removed since,
 * which a generation number of the store tells.
 */
#ifndef TSDB_MATCHED_H
#define TSDB_MATCHED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/model/labels.h"
#include "ferula/model/matcher.h"

struct tsdb__matched {
    _Atomic uint32_t n_refs;
    uint64_t generation;
    uint64_t used; /* when, in looks at the cache */
    struct arena arena;
    struct str key;        /* the matchers, as bytes */
    struct labels *labels; /* ascending by labels_cmp() */
    uint32_t *ids;         /* ascending */
    uint32_t *places;      /* labels[places[i]] are those of ids[i] */
    size_t n;
};

#define TSDB__N_MATCHED 32

struct tsdb__matched_cache {
    pthread_mutex_t lock;
    struct tsdb__matched *v[TSDB__N_MATCHED]; /* a reference each */
    size_t n, n_bytes;
    uint64_t n_looks;
};

void tsdb__matched_init(struct tsdb__matched_cache *c);
void tsdb__matched_release(struct tsdb__matched_cache *c);

/* The remembered set of matchers with this key, or NULL; the caller has a reference then. */
struct tsdb__matched *tsdb__matched_find(struct tsdb__matched_cache *c, struct str key,
                                         uint64_t generation);

/* A new set with a reference for the caller; its arena is the caller's to fill. */
struct tsdb__matched *tsdb__matched_new(struct str key, uint64_t generation);

/* Remembers a finished set, if it is not too large; the least used ones go. */
void tsdb__matched_keep(struct tsdb__matched_cache *c, struct tsdb__matched *m);
void tsdb__matched_unref(struct tsdb__matched *m);

/* What tells matchers apart, in `a`. */
struct str tsdb__matched_key(struct arena *a, const struct matcher *m, size_t n);

#endif
