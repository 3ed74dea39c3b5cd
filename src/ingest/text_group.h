/*
 * text_group.h - collects parsed lines by label set and metadata by family.
 */
#ifndef INGEST_TEXT_GROUP_H
#define INGEST_TEXT_GROUP_H

#include "ferula/ingest.h"

/* Open addressing over element numbers; everything is in the arena. */
struct text_index {
    uint32_t *slots;  /* element + 1; 0: free */
    size_t n_slots;   /* a power of two, at least twice n */
    uint64_t *hashes; /* by element */
    size_t n, cap;
};

struct text_series {
    struct labels labels;
    struct sample *samples;
    size_t n, cap;
};

struct text_group {
    struct arena *a; /* borrowed */
    struct text_series *series;
    size_t n_series, cap_series;
    struct metadata *metadata;
    size_t n_metadata, cap_metadata;
    struct text_index by_labels, by_family;
};

/* `labels` is normalised; its array is copied when the set is new, its strings never. */
void ingest__group_sample(struct text_group *g, struct labels labels, struct sample s);

/* The family's entry, made when missing; valid until the next call. */
struct metadata *ingest__group_family(struct text_group *g, struct str family);

void ingest__group_result(const struct text_group *g, struct ingest_text *out);

#endif
