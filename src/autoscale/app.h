/*
 * app.h - pods that take time to start, the load that the ready ones share, and the scraping of
 * their counters.
 *
 * Load is a fluid: a ready pod serves load / ready pods, at most its capacity, and its counter
 * grows by the integral of that; counters are not rounded to whole requests. What no pod serves is
 * lost. A pod that ends is marked stale at the next scrape, as a scraper does.
 */
#ifndef FERULA_AUTOSCALE_APP_H
#define FERULA_AUTOSCALE_APP_H

#include "ferula/autoscale/world.h"

struct app_pod {
    uint64_t number; /* of app-N; never used again */
    ts_ms ready_at;
    bool counts;  /* it was ready when `served` was `served_before` */
    bool scraped; /* has a sample */
    double served_before;
    struct labels labels; /* in the arena; v == NULL: not made yet */
};

struct app {
    struct app_model model; /* points and labels are borrowed */
    dur_ms start_up, interval;
    const struct source_range *gaps; /* borrowed */
    size_t n_gaps;
    struct arena arena;
    struct mem_source *counters; /* owned; NULL: pods without counters */
    struct app_pod *pods;        /* heap; in the order of their making */
    size_t n_pods, cap_pods;
    struct labels *ended; /* heap; to be marked stale */
    size_t n_ended, cap_ended;
    uint64_t next_number;
    int32_t too_many; /* more than WORLD_PODS_MAX were wanted, so many; 0: never */
    ts_ms now, next_scrape;
    double served_each;           /* by a pod that was ready from the beginning */
    double offered_sum;           /* integral of the load */
    struct world_sample *samples; /* heap; those that are kept */
    size_t n_samples, cap_samples;
    void (*sink)(void *ctx, const struct world_sample *s); /* NULL: they are kept */
    void *sink_ctx;
};

void autoscale__app_init(struct app *app, const struct world_setup *setup,
                         const struct source_range *gaps, size_t n_gaps);
void autoscale__app_release(struct app *app);
void autoscale__app_advance(struct app *app, ts_ms now);
void autoscale__app_scale(struct app *app, ts_ms now, int32_t replicas);
/* Forgets what was scraped before `t`. */
void autoscale__app_forget(struct app *app, ts_ms t);
int32_t autoscale__app_ready(const struct app *app);

/* The value at a time of points joined by lines (or held, when they are steps); 0 without points.
 */
double autoscale__load_at(const struct load_point *v, size_t n, bool steps, ts_ms t);

#endif
