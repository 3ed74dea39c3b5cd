/*
 * cadence.c - tells the operator's loop from the HPA's syncs by the times of polls.
 *
 * A poll that has another one 15 s before or after it is one of the HPA's, unless all have; then
 * the commonest distance may be that of a shorter loop. What fits neither way stays unknown.
 */
#include "cadence.h"

#include <stdlib.h>

#include "ferula/base/check.h"

#define HPA_MS      15000
#define SLACK_MS    1000 /* timers of both are armed after the answer */
#define RETRY_MS    1000
#define FEWEST      3 /* of a rhythm */
#define STOPPED_FOR 3 /* intervals */

const char *const api__rhythm_names[N_API_RHYTHMS] = {
    [API_RHYTHM_UNKNOWN] = "unknown",
    [API_RHYTHM_LOOP] = "loop",
    [API_RHYTHM_HPA] = "hpa",
    [API_RHYTHM_RETRY] = "retry",
};

/* One caller's polls of one query. */
struct group {
    const struct api__poll **v;
    enum api__rhythm *rhythm;
    ts_ms *t;      /* of those that are no retries */
    size_t *place; /* in v, of t[i] */
    dur_ms *gaps;  /* scratch */
    size_t n, n_t;
};

static int by_caller(const void *pa, const void *pb)
{
    const struct api__poll *a = *(const struct api__poll *const *)pa;
    const struct api__poll *b = *(const struct api__poll *const *)pb;
    int c = str_cmp(a->query, b->query);

    if (c == 0)
        c = str_cmp(api__poll_host(a), api__poll_host(b));
    if (c != 0)
        return c;
    return a < b ? -1 : a > b;
}

static int by_size(const void *pa, const void *pb)
{
    dur_ms a = *(const dur_ms *)pa, b = *(const dur_ms *)pb;

    return a < b ? -1 : a > b;
}

static bool same_caller(const struct api__poll *a, const struct api__poll *b)
{
    return str_eq(a->query, b->query) && str_eq(api__poll_host(a), api__poll_host(b));
}

static bool is_near(dur_ms d, dur_ms what)
{
    return d >= what - SLACK_MS && d <= what + SLACK_MS;
}

static bool has_after(const struct group *g, size_t i, dur_ms d, dur_ms slack)
{
    for (size_t k = i + 1; k < g->n_t && g->t[k] - g->t[i] <= d + slack; k++)
        if (g->t[k] - g->t[i] >= d - slack)
            return true;
    return false;
}

static bool has_before(const struct group *g, size_t i, dur_ms d, dur_ms slack)
{
    for (size_t k = i; k-- > 0 && g->t[i] - g->t[k] <= d + slack;)
        if (g->t[i] - g->t[k] >= d - slack)
            return true;
    return false;
}

/* Another one is `d` before or after t[i]. */
static bool has_either(const struct group *g, size_t i, dur_ms d)
{
    return has_after(g, i, d, SLACK_MS) || has_before(g, i, d, SLACK_MS);
}

/* One is `d` before and one `d` after t[i], as far as the times reach. */
static bool has_both(const struct group *g, size_t i, dur_ms d)
{
    const dur_ms slack = SLACK_MS / 2;

    return (has_before(g, i, d, slack) || g->t[i] - g->t[0] < d - slack) &&
           (has_after(g, i, d, slack) || g->t[g->n_t - 1] - g->t[i] < d - slack);
}

/* Median distance of the polls in a rhythm; 0: fewer than two. */
static dur_ms median(const struct group *g, enum api__rhythm rhythm, size_t *n)
{
    const ts_ms *before = NULL;
    size_t n_gaps = 0;

    *n = 0;
    for (size_t i = 0; i < g->n_t; i++) {
        if (g->rhythm[g->place[i]] != rhythm)
            continue;
        if (before != NULL)
            g->gaps[n_gaps++] = g->t[i] - *before;
        before = &g->t[i];
        ++*n;
    }
    if (n_gaps == 0)
        return 0;
    qsort(g->gaps, n_gaps, sizeof(*g->gaps), by_size);
    return g->gaps[n_gaps / 2];
}

/* The commonest distance of neighbours, to the second. */
static dur_ms commonest(const struct group *g)
{
    dur_ms best = 0;
    size_t n_best = 0, run = 0;

    for (size_t i = 1; i < g->n_t; i++)
        g->gaps[i - 1] = (g->t[i] - g->t[i - 1] + 500) / 1000 * 1000;
    if (g->n_t > 2)
        qsort(g->gaps, g->n_t - 1, sizeof(*g->gaps), by_size);
    for (size_t i = 0; i + 1 < g->n_t; i++) {
        run = i > 0 && g->gaps[i] == g->gaps[i - 1] ? run + 1 : 1;
        if (run > n_best) {
            n_best = run;
            best = g->gaps[i];
        }
    }
    return best;
}

static void set_all(const struct group *g, enum api__rhythm rhythm)
{
    for (size_t i = 0; i < g->n_t; i++)
        g->rhythm[g->place[i]] = rhythm;
}

/* Those with neighbours at `d` are `near`, others `far`. How many are near. */
static size_t split(const struct group *g, dur_ms d,
                    bool (*is_near_one)(const struct group *g, size_t i, dur_ms d),
                    enum api__rhythm near, enum api__rhythm far)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_t; i++) {
        bool is = is_near_one(g, i, d);

        g->rhythm[g->place[i]] = is ? near : far;
        n += is;
    }
    return n;
}

static void classify(const struct group *g)
{
    dur_ms step = commonest(g);
    size_t near, n;

    set_all(g, API_RHYTHM_UNKNOWN);
    if (g->n_t < FEWEST)
        return;
    near = split(g, HPA_MS, has_either, API_RHYTHM_HPA, API_RHYTHM_LOOP);
    if (near == 0)
        return; /* all are the loop's */
    if (near < FEWEST && !is_near(median(g, API_RHYTHM_HPA, &n), HPA_MS))
        set_all(g, API_RHYTHM_LOOP);
    if (g->n_t - near >= 2)
        return;
    /* A loop of few seconds has neighbours at 15 s, too. */
    if (step > 0 && step < HPA_MS - SLACK_MS) {
        near = split(g, step, has_both, API_RHYTHM_LOOP, API_RHYTHM_HPA);
        if (near == g->n_t || is_near(median(g, API_RHYTHM_HPA, &n), HPA_MS))
            return;
    }
    set_all(g, API_RHYTHM_UNKNOWN);
}

/* KEDA repeats a query at once when its answer is an error. */
static void find_retries(struct group *g, struct arena *a)
{
    bool failed = false;

    g->n_t = 0;
    for (size_t i = 0; i < g->n; i++) {
        bool retry = failed && g->v[i]->at - g->v[i - 1]->at < RETRY_MS;

        if (retry) {
            g->rhythm[i] = API_RHYTHM_RETRY;
        } else {
            g->place[g->n_t] = i;
            g->t[g->n_t++] = g->v[i]->at;
        }
        failed = !retry && api__poll_verdict(g->v[i], a).kind == API_VERDICT_ERROR;
    }
}

static struct api__stream stream_of(const struct group *g, enum api__rhythm rhythm, ts_ms now)
{
    struct api__stream s = {.rhythm = rhythm};

    for (size_t i = 0; i < g->n; i++)
        if (g->rhythm[i] == rhythm)
            s.last = g->v[i];
    s.interval = median(g, rhythm, &s.n);
    s.stopped = s.n >= FEWEST && now - s.last->at > STOPPED_FOR * MAX(s.interval, RETRY_MS);
    return s;
}

void api__cadence(struct arena *a, const struct api__poll *polls, size_t n, ts_ms now,
                  enum api__rhythm *rhythms, struct api__stream **streams, size_t *n_streams)
{
    const struct api__poll **v = arena_array(a, const struct api__poll *, n);
    struct group g = {.rhythm = arena_array(a, enum api__rhythm, n),
                      .t = arena_array(a, ts_ms, n),
                      .place = arena_array(a, size_t, n),
                      .gaps = arena_array(a, dur_ms, n)};
    size_t cap = 0;

    *streams = NULL;
    *n_streams = 0;
    for (size_t i = 0; i < n; i++)
        v[i] = &polls[i];
    if (n > 1)
        qsort(v, n, sizeof(*v), by_caller);
    for (size_t from = 0; from < n; from += g.n) {
        g.v = &v[from];
        g.n = 1;
        while (from + g.n < n && same_caller(v[from], v[from + g.n]))
            g.n++;
        find_retries(&g, a);
        classify(&g);
        for (size_t i = 0; i < g.n; i++)
            rhythms[g.v[i] - polls] = g.rhythm[i];
        for (int r = 0; r < API_RHYTHM_RETRY; r++) {
            struct api__stream s = stream_of(&g, (enum api__rhythm)r, now);

            if (s.n == 0)
                continue;
            ARENA_GROW(a, *streams, *n_streams, cap, struct api__stream);
            (*streams)[(*n_streams)++] = s;
        }
    }
}
