/*
 * text_group.c - see text_group.h.
 */
#include "text_group.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

#define FIRST_SLOTS 64

typedef bool (*same_fn)(const struct text_group *g, size_t i, const void *key);

static void place(struct text_index *ix, size_t i)
{
    size_t at = ix->hashes[i] & (ix->n_slots - 1);

    while (ix->slots[at] != 0)
        at = (at + 1) & (ix->n_slots - 1);
    ix->slots[at] = (uint32_t)i + 1;
}

static void grow(struct arena *a, struct text_index *ix)
{
    ix->n_slots = MAX(ix->n_slots * 2, FIRST_SLOTS);
    ix->slots = arena_array(a, uint32_t, ix->n_slots);
    for (size_t i = 0; i < ix->n; i++)
        place(ix, i);
}

/* The element that is `key`; when there is none, the next number is taken and *is_new set. */
static size_t find_or_add(struct text_group *g, struct text_index *ix, uint64_t hash, same_fn same,
                          const void *key, bool *is_new)
{
    if (ix->n * 2 >= ix->n_slots)
        grow(g->a, ix);
    *is_new = false;
    for (size_t at = hash & (ix->n_slots - 1); ix->slots[at] != 0;
         at = (at + 1) & (ix->n_slots - 1)) {
        size_t i = ix->slots[at] - 1;

        if (ix->hashes[i] == hash && same(g, i, key))
            return i;
    }
    ARENA_GROW(g->a, ix->hashes, ix->n, ix->cap, uint64_t);
    ix->hashes[ix->n++] = hash;
    place(ix, ix->n - 1);
    *is_new = true;
    return ix->n - 1;
}

static bool same_labels(const struct text_group *g, size_t i, const void *key)
{
    return labels_eq(g->series[i].labels, *(const struct labels *)key);
}

static bool same_family(const struct text_group *g, size_t i, const void *key)
{
    return str_eq(g->metadata[i].family, *(const struct str *)key);
}

void ingest__group_sample(struct text_group *g, struct labels labels, struct sample s)
{
    struct text_series *series;
    bool is_new;
    size_t i = find_or_add(g, &g->by_labels, labels_hash(labels), same_labels, &labels, &is_new);

    if (is_new) {
        struct label *v = arena_array(g->a, struct label, labels.n);

        memcpy(v, labels.v, labels.n * sizeof(*v));
        ARENA_GROW(g->a, g->series, g->n_series, g->cap_series, struct text_series);
        g->series[g->n_series++] = (struct text_series){
            .labels = {v, labels.n}
        };
    }
    series = &g->series[i];
    ARENA_GROW(g->a, series->samples, series->n, series->cap, struct sample);
    series->samples[series->n++] = s;
}

struct metadata *ingest__group_family(struct text_group *g, struct str family)
{
    bool is_new;
    size_t i = find_or_add(g, &g->by_family, hash_keyed64(family.p, family.n), same_family, &family,
                           &is_new);

    if (is_new) {
        ARENA_GROW(g->a, g->metadata, g->n_metadata, g->cap_metadata, struct metadata);
        g->metadata[g->n_metadata++] = (struct metadata){family, METRIC_UNKNOWN, STR(""), STR("")};
    }
    return &g->metadata[i];
}

void ingest__group_result(const struct text_group *g, struct ingest_text *out)
{
    struct ingest_series *series = arena_array(g->a, struct ingest_series, g->n_series);

    for (size_t i = 0; i < g->n_series; i++)
        series[i] = (struct ingest_series){.labels = g->series[i].labels,
                                           .samples = g->series[i].samples,
                                           .n_samples = g->series[i].n};
    *out = (struct ingest_text){series, g->n_series, g->metadata, g->n_metadata};
}
