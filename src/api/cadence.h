/*
 * cadence.h - who polls how often. KEDA's operator asks a trigger's query in two rhythms: its own
 * loop every pollingInterval, and for the HPA every sync of 15 s. Both come from one address with
 * the same query; only their times tell them apart.
 */
#ifndef API_CADENCE_H
#define API_CADENCE_H

#include "polls.h"

enum api__rhythm {
    API_RHYTHM_UNKNOWN, /* too few, or both at once */
    API_RHYTHM_LOOP,
    API_RHYTHM_HPA,
    API_RHYTHM_RETRY, /* at once after an error, as KEDA does */
    N_API_RHYTHMS
};

extern const char *const api__rhythm_names[N_API_RHYTHMS];

/* The polls of one query by one caller in one rhythm. */
struct api__stream {
    const struct api__poll *last;
    enum api__rhythm rhythm;
    size_t n;
    dur_ms interval; /* median; 0: not known */
    bool stopped;    /* silent for three times that */
};

/*
 * polls ascend in time. rhythms[i] is that of polls[i]; *streams is in `a`. O(n log n).
 */
void api__cadence(struct arena *a, const struct api__poll *polls, size_t n, ts_ms now,
                  enum api__rhythm *rhythms, struct api__stream **streams, size_t *n_streams);

#endif
