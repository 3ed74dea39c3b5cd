/*
 * autopsy.h - why a query has an empty answer, or more than one element.
 *
 * Works on an explanation (promql/explain.h) and asks the source of its series what there is
 * instead. Everything is in the arena given. One thread, which may be any.
 */
#ifndef FERULA_AUTOSCALE_AUTOPSY_H
#define FERULA_AUTOSCALE_AUTOPSY_H

#include "ferula/promql/explain.h"

enum autopsy_cause {
    AUTOPSY_NO_SERIES,  /* the source has none at all around then */
    AUTOPSY_MATCHER,    /* a matcher removed the last series */
    AUTOPSY_STALE,      /* their scraper said that they have gone */
    AUTOPSY_TOO_OLD,    /* the newest sample lies before what the selector sees */
    AUTOPSY_TOO_NEW,    /* the oldest lies after it */
    AUTOPSY_ONE_SAMPLE, /* the function needs two in its window */
    AUTOPSY_COMPARISON, /* it is true of no element */
    AUTOPSY_UNMATCHED,  /* no element has the labels of one on the other side */
    AUTOPSY_OTHER,
};

const char *autopsy_cause_name(enum autopsy_cause c); /* "matcher", "stale"... */

/* What matches so many matchers, the name's first, then as written. */
struct autopsy_step {
    struct str matcher;
    size_t n_series;
};

/* What may have been meant. */
enum autopsy_likeness {
    AUTOPSY_OTHER_TIME, /* the value itself: sources may list what is there at any time */
    AUTOPSY_SAME_BUT_CASE,
    AUTOPSY_NEAR,
    AUTOPSY_OTHER_LABEL, /* which has the very value */
    AUTOPSY_PART,        /* the pattern matches a part of it, but has to match all */
    AUTOPSY_THERE_IS,    /* not alike, but there */
};

struct autopsy_hint {
    enum autopsy_likeness likeness;
    struct str label, value;
};

struct autopsy {
    size_t node; /* of the explanation: the lowest that is empty */
    enum autopsy_cause cause;
    struct str text;                  /* one sentence */
    const struct autopsy_step *steps; /* of a selector */
    size_t n_steps;
    size_t guilty;    /* AUTOPSY_MATCHER: the last step's place */
    size_t n_without; /* series that match all but that one */
    const struct autopsy_hint *hints;
    size_t n_hints;
    size_t n_values; /* that the label has in the series before that step */
    ts_ms seen;      /* AUTOPSY_STALE, _TOO_OLD, _TOO_NEW: the sample next to the window */
    dur_ms interval; /* between the newest samples; 0: not known */
};

struct autopsies {
    struct autopsy *v; /* in the order of the query */
    size_t n;
};

/*
 * Why the query is empty: one for each of the lowest empty nodes of `x`; none when the query is not
 * empty. Series are looked for as far as `around` before and after what a selector sees (0: a day).
 * Errors are the source's.
 */
int autopsy_run(struct source *src, struct arena *a, const struct promql_explanation *x,
                dur_ms around, struct autopsies *out, struct fault *f);

/* A label in which label sets differ. */
struct differing_label {
    struct str name;
    size_t n_values, n_missing; /* different ones; sets without it */
    struct str values[3];       /* the first */
};

/* By name. */
void autopsy_differing(struct arena *a, const struct promql_element *v, size_t n,
                       struct differing_label **out, size_t *n_out);

#endif
