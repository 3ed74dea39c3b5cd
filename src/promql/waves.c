/*
 * waves.c - aggregation of series while they are made, so that they need not all be in memory.
 *
 * Series come in waves, group by group: the workers make the series of a wave, each as a row with a
 * cell for every step; then they add the rows up, each for some of the steps. Every step meets the
 * series of a group in their order, so that rounding is the same as Prometheus'.
 */
#include "ferula/base/check.h"

#include "aggregate.h"
#include "stream.h"

/* Rows of a wave take about so much memory together. */
#define WAVE_BYTES     ((size_t)4 << 20)
#define LEAST_ROWS     64
#define LEAST_STEPS    16 /* that a worker adds up at a time */
#define MOST_STEP_PART 64

/* No result of a step has these bits: stale markers are never passed on. */
static double absent(void)
{
    return f64_from_bits(STALE_NAN_BITS);
}

/* A run of rows of one group in a wave. */
struct run {
    size_t group;
    size_t first, n;         /* rows */
    struct promql__acc *acc; /* of the group, a cell a step */
    bool *seen;
};

struct wave {
    const struct promql__waves *w;
    struct promql__load *loads; /* of each series of the stream; NULL: held as they are made */
    size_t n_steps;
    double *rows;
    size_t first, n; /* members that are rows of this wave */
    struct run *runs;
    size_t n_runs;
    size_t block; /* rows that a worker makes at a time */
    size_t part;  /* steps that a worker adds up at a time */
};

/* ---- making rows ------------------------------------------------------------------------ */

static void fill_row(const struct promql__grid *g, const struct sample_vec *made, double *row)
{
    size_t step = 0;

    for (size_t k = 0; k < made->n; k++) {
        while (promql__time(g, step) != made->v[k].t)
            row[step++] = absent();
        row[step++] = made->v[k].v;
    }
    while (step < g->n)
        row[step++] = absent();
}

/* What is held at once depends on the order of series, which is not that of groups. */
static int make_row(struct promql__ev *worker, const struct wave *wv, size_t k)
{
    const struct promql__stream *st = wv->w->st;
    size_t i = wv->w->gr->members[wv->first + k];
    struct promql__load load;
    int rc = promql__stream_make(worker, st, i, &load);

    if (rc == 0 && worker->hout.n > 0)
        return PROMQL__HAS_HISTS;
    if (rc == 0 && wv->loads == NULL)
        rc = promql__hold_load(worker, &load);
    if (rc != 0)
        return rc;
    if (wv->loads != NULL)
        wv->loads[i] = load;
    fill_row(st->grid, &worker->out, wv->rows + k * wv->n_steps);
    return 0;
}

static int make_rows(void *ctx, struct promql__ev *worker, size_t i)
{
    const struct wave *wv = ctx;
    size_t end = MIN((i + 1) * wv->block, wv->n);
    int rc = 0;

    for (size_t k = i * wv->block; rc == 0 && k < end; k++)
        rc = make_row(worker, wv, k);
    return rc;
}

/* ---- adding up -------------------------------------------------------------------------- */

/* Of one run, the steps from `from` to before `to`. */
static void add_run(const struct wave *wv, const struct run *run, size_t from, size_t to)
{
    const struct promql__aggregator *fn = wv->w->fn;

    for (size_t r = run->first; r < run->first + run->n; r++) {
        const double *row = wv->rows + r * wv->n_steps;

        for (size_t k = from; k < to; k++) {
            if (is_stale(row[k]))
                continue;
            if (run->seen[k])
                fn->next(&run->acc[k], row[k]);
            else
                fn->first(&run->acc[k], row[k]);
            run->seen[k] = true;
        }
    }
}

static int add_part(void *ctx, struct promql__ev *worker, size_t i)
{
    const struct wave *wv = ctx;
    size_t from = i * wv->part, to = MIN(from + wv->part, wv->n_steps);

    for (size_t k = 0; k < wv->n_runs; k++)
        add_run(wv, &wv->runs[k], from, to);
    return promql__tick(worker, wv->n * (to - from));
}

/* ---- waves ------------------------------------------------------------------------------ */

/* A group's accumulators go back to a list when it is done. */
struct cells {
    struct promql__acc *acc;
    bool *seen;
    struct cells *next;
};

struct waves {
    struct promql__ev *ev;
    struct promql__crew crew;
    struct wave wave;
    struct cells *free;
    struct cells *open; /* of the group that goes on in the next wave */
    struct cells **of;  /* of each run of this wave */
    size_t group;       /* the first that is not done */
    int64_t kept;       /* of wave.loads so far */
};

static struct cells *take_cells(struct waves *ws)
{
    struct arena *a = ws->ev->arena;
    size_t n = ws->wave.n_steps;
    struct cells *c = ws->free;

    if (c != NULL) {
        ws->free = c->next;
    } else {
        c = arena_new(a, struct cells);
        c->acc = arena_alloc_raw(a, n * sizeof(*c->acc), _Alignof(struct promql__acc));
        c->seen = arena_alloc_raw(a, n * sizeof(*c->seen), _Alignof(bool));
    }
    memset(c->seen, 0, n * sizeof(*c->seen));
    return c;
}

/* Which rows of the wave belong to which group. */
static void plan_runs(struct waves *ws)
{
    const struct promql__groups *gr = ws->wave.w->gr;
    struct wave *wv = &ws->wave;
    size_t end = wv->first + wv->n;

    wv->n_runs = 0;
    for (size_t k = ws->group, at = wv->first; at < end; k++) {
        struct run *run = &wv->runs[wv->n_runs];
        size_t stop = MIN(gr->first[k + 1], end);
        struct cells *c = ws->open != NULL ? ws->open : take_cells(ws);

        ws->open = NULL;
        ws->of[wv->n_runs++] = c;
        *run = (struct run){k, at - wv->first, stop - at, c->acc, c->seen};
        at = stop;
    }
}

static void give_group(struct waves *ws, const struct run *run, struct promql__matrix *out)
{
    const struct promql__waves *w = ws->wave.w;
    const struct promql__grid *g = w->st->grid;
    struct promql__ev *ev = ws->ev;

    promql__out_begin(ev);
    for (size_t i = 0; i < g->n; i++)
        if (run->seen[i])
            sample_vec_push(&ev->out,
                            (struct sample){promql__time(g, i), w->fn->result(&run->acc[i])});
    promql__matrix_keep(ev, out, w->gr->labels[run->group],
                        ev->q->delayed_name_removal && w->st->drop);
}

/* Groups that end in this wave become series of the result. */
static void give_groups(struct waves *ws, struct promql__matrix *out)
{
    const struct promql__groups *gr = ws->wave.w->gr;
    struct wave *wv = &ws->wave;

    for (size_t k = 0; k < wv->n_runs; k++) {
        const struct run *run = &wv->runs[k];

        if (gr->first[run->group + 1] > wv->first + wv->n) {
            ws->open = ws->of[k];
            return;
        }
        give_group(ws, run, out);
        ws->group = run->group + 1;
        ws->of[k]->next = ws->free;
        ws->free = ws->of[k];
    }
}

/* An early end for what will be too much in any order. */
static int check_kept(struct waves *ws)
{
    const struct wave *wv = &ws->wave;

    for (size_t k = wv->first; wv->loads != NULL && k < wv->first + wv->n; k++)
        ws->kept += wv->loads[wv->w->gr->members[k]].kept;
    return ws->ev->held + ws->kept > ws->ev->max_samples ? promql__too_many(ws->ev) : 0;
}

static int run_wave(struct waves *ws, struct promql__item *items, struct promql__matrix *out)
{
    struct wave *wv = &ws->wave;
    int rc = promql__crew_run(&ws->crew, (wv->n + wv->block - 1) / wv->block, items, make_rows, wv);

    if (rc == 0)
        rc = check_kept(ws);
    if (rc != 0)
        return rc;
    plan_runs(ws);
    rc = promql__crew_run(&ws->crew, (wv->n_steps + wv->part - 1) / wv->part, items, add_part, wv);
    if (rc == 0)
        give_groups(ws, out);
    return rc;
}

/* As many rows as there is room for, and no more groups than have room for their accumulators. */
static size_t wave_rows(const struct waves *ws, size_t n_rows)
{
    const struct promql__groups *gr = ws->wave.w->gr;
    size_t cell = sizeof(struct promql__acc) + sizeof(bool);
    size_t most = MAX(2 * WAVE_BYTES / (cell * ws->wave.n_steps), (size_t)1);
    size_t end = gr->first[MIN(ws->group + most, gr->n)];

    return MIN(n_rows, end - ws->wave.first);
}

static int run_waves(struct waves *ws, struct promql__matrix *out)
{
    struct wave *wv = &ws->wave;
    struct promql__ev *ev = ws->ev;
    size_t n = wv->w->st->sel->n, n_steps = wv->n_steps;
    size_t n_rows = MIN(n, MAX(WAVE_BYTES / sizeof(double) / n_steps, (size_t)LEAST_ROWS));
    struct promql__item *items;
    int rc = 0;

    wv->rows = arena_alloc_raw(ev->arena, n_rows * n_steps * sizeof(double), _Alignof(double));
    wv->runs = arena_array(ev->arena, struct run, n_rows);
    ws->of = arena_array(ev->arena, struct cells *, n_rows);
    promql__crew_begin(&ws->crew, ev, n);
    wv->block = ws->crew.block;
    wv->part =
        MIN(MAX(n_steps / (2 * ws->crew.n) + 1, (size_t)LEAST_STEPS), (size_t)MOST_STEP_PART);
    items = arena_array(ev->arena, struct promql__item,
                        MAX(n_rows / wv->block, n_steps / wv->part) + 1);
    for (size_t at = 0; rc == 0 && at < n; at += wv->n) {
        wv->first = at;
        wv->n = wave_rows(ws, n_rows);
        rc = run_wave(ws, items, out);
    }
    promql__crew_end(&ws->crew);
    for (size_t i = 0; rc == 0 && wv->loads != NULL && i < n; i++)
        rc = promql__hold_load(ev, &wv->loads[i]);
    return rc;
}

int promql__aggregate_waves(struct promql__ev *ev, const struct promql__waves *w,
                            struct promql__matrix *out)
{
    struct waves ws = {
        .ev = ev, .wave = {.w = w, .n_steps = w->st->grid->n}
    };
    struct promql__counts before = ev->counts;
    int64_t held = ev->held, peak = ev->peak;
    int rc;

    if (w->st->sel->n == 0)
        return 0;
    if (w->st->range != NULL && w->gr->n > 1)
        ws.wave.loads = arena_array(ev->arena, struct promql__load, w->st->sel->n);
    promql__counts_like(&ev->counts, &before);
    rc = run_waves(&ws, out);
    if (rc == PROMQL__HAS_HISTS) { /* all is done, and counted, again */
        ev->held = held;
        ev->peak = peak;
        out->n = 0;
    } else {
        promql__counts_merge(&before, &ev->counts);
    }
    promql__counts_release(&ev->counts);
    ev->counts = before;
    return rc;
}
