/*
 * view.h - several sources as one, as they are at a time: nothing of later, nothing of gaps.
 */
#ifndef FERULA_AUTOSCALE_VIEW_H
#define FERULA_AUTOSCALE_VIEW_H

#include "ferula/model/source.h"

#define VIEW_MAX_MEMBERS 2

struct view {
    struct source base;
    struct source *members[VIEW_MAX_MEMBERS]; /* borrowed; no series is in two of them */
    size_t n_members;
    const struct source_range *gaps; /* borrowed; `to` is the first time after one */
    size_t n_gaps;
    ts_ms now;
};

/* One that shows nothing yet; members, gaps and the time are the caller's to set. */
void autoscale__view_init(struct view *v);

#endif
