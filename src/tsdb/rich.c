/*
 * rich.c - lists of samples of any kind, in the order of time.
 */
#include "rich.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define LEAST 16

void tsdb__rich_vec_reserve(struct tsdb__rich_vec *rv, size_t more)
{
    if (rv->n + more <= rv->cap)
        return;
    rv->cap = MAX(MAX(rv->cap * 2, (size_t)LEAST), rv->n + more);
    rv->v = xrealloc(rv->v, rv->cap, sizeof(*rv->v));
}

void tsdb__rich_vec_push(struct tsdb__rich_vec *rv, struct tsdb__rich r)
{
    tsdb__rich_vec_reserve(rv, 1);
    rv->v[rv->n++] = r;
}

void tsdb__rich_vec_release(struct tsdb__rich_vec *rv)
{
    free(rv->v);
    *rv = (struct tsdb__rich_vec){0};
}

void tsdb__mixed_reset(struct tsdb__mixed *m)
{
    m->rich = false;
    m->f.n = m->r.n = 0;
}

void tsdb__mixed_release(struct tsdb__mixed *m)
{
    sample_vec_release(&m->f);
    tsdb__rich_vec_release(&m->r);
    m->rich = false;
}

void tsdb__mixed_enrich(struct tsdb__mixed *m)
{
    if (m->rich)
        return;
    tsdb__rich_vec_reserve(&m->r, m->f.n);
    for (size_t i = 0; i < m->f.n; i++)
        m->r.v[m->r.n++] = (struct tsdb__rich){.t = m->f.v[i].t, .v = m->f.v[i].v};
    m->f.n = 0;
    m->rich = true;
}

size_t tsdb__mixed_count(const struct tsdb__mixed *m)
{
    return m->rich ? m->r.n : m->f.n;
}

ts_ms tsdb__mixed_last(const struct tsdb__mixed *m)
{
    return m->rich ? m->r.v[m->r.n - 1].t : m->f.v[m->f.n - 1].t;
}

/* ---- order ------------------------------------------------------------------------------ */

/* A stable sort by time of n elements of `size` bytes that begin with it; `room` holds n. */
static void sort_by_time(char *v, size_t n, size_t size, char *room)
{
    char *from = v, *to = room, *t;

    for (size_t width = 1; width < n; width *= 2, t = from, from = to, to = t) {
        for (size_t start = 0; start < n; start += 2 * width) {
            size_t i = start, mid = MIN(start + width, n), k = mid, end = MIN(mid + width, n);

            for (size_t at = start; at < end; at++) {
                ts_ms ti = 0, tk = 0;

                if (i < mid)
                    memcpy(&ti, from + i * size, sizeof(ti));
                if (k < end)
                    memcpy(&tk, from + k * size, sizeof(tk));
                memcpy(to + at * size,
                       from + (i < mid && (k == end || ti <= tk) ? i++ : k++) * size, size);
            }
        }
    }
    if (from != v)
        memcpy(v, from, n * size);
}

_Static_assert(offsetof(struct sample, t) == 0 && offsetof(struct tsdb__rich, t) == 0,
               "samples begin with their time");

static void sort_late(struct sample *late, size_t n)
{
    struct sample *room;
    size_t i = 1;

    while (i < n && late[i - 1].t <= late[i].t)
        i++;
    if (i >= n)
        return;
    room = xcalloc(n, sizeof(*room));
    sort_by_time((char *)late, n, sizeof(*late), (char *)room);
    free(room);
}

static void sort_rich(struct tsdb__rich_vec *rv)
{
    struct tsdb__rich *room;
    size_t i = 1;

    while (i < rv->n && rv->v[i - 1].t <= rv->v[i].t)
        i++;
    if (i >= rv->n)
        return;
    room = xcalloc(rv->n, sizeof(*room));
    sort_by_time((char *)rv->v, rv->n, sizeof(*room), (char *)room);
    free(room);
}

void tsdb__mixed_sort(struct tsdb__mixed *m)
{
    if (m->rich)
        sort_rich(&m->r);
}

/* Nothing is known of what was before it. The histogram may be shared: a copy is changed. */
static void forget_hint(struct tsdb__rich *r, struct arena *a)
{
    struct histogram *h;

    if (r->h == NULL || r->h->hint == HISTOGRAM_GAUGE || r->h->hint == HISTOGRAM_UNKNOWN)
        return;
    h = arena_new(a, struct histogram);
    *h = *r->h;
    h->hint = HISTOGRAM_UNKNOWN;
    r->h = h;
}

void tsdb__mixed_cut(struct tsdb__mixed *m, struct source_range range)
{
    size_t n = 0;
    bool gap = false;

    if (!m->rich) {
        for (size_t i = 0; i < m->f.n; i++)
            if (m->f.v[i].t < range.from || m->f.v[i].t > range.to)
                m->f.v[n++] = m->f.v[i];
        m->f.n = n;
        return;
    }
    for (size_t i = 0; i < m->r.n; i++) {
        struct tsdb__rich r = m->r.v[i];
        bool out = r.t >= range.from && r.t <= range.to;

        if (!out && gap)
            forget_hint(&r, m->arena);
        if (!out)
            m->r.v[n++] = r;
        gap = out;
    }
    m->r.n = n;
}

/* ---- merging ---------------------------------------------------------------------------- */

void tsdb__merge_late(struct sample_vec *sv, size_t from, struct sample *late, size_t n)
{
    size_t n_old = sv->n - from, n_late = 0, at;
    struct sample *v;

    sort_late(late, n);
    sample_vec_reserve(sv, n);
    v = sv->v + from;
    /* What is new of it, in place; then both lists merged from their ends. */
    for (size_t i = 0, k = 0; i < n; i++) {
        while (k < n_old && v[k].t < late[i].t)
            k++;
        if ((k == n_old || v[k].t != late[i].t) && (n_late == 0 || late[n_late - 1].t != late[i].t))
            late[n_late++] = late[i];
    }
    at = n_old + n_late;
    sv->n = from + at;
    while (n_late > 0)
        v[--at] = n_old > 0 && v[n_old - 1].t > late[n_late - 1].t ? v[--n_old] : late[--n_late];
}

static void merge_rich(struct tsdb__mixed *m, struct tsdb__rich_vec *late)
{
    struct tsdb__rich_vec old = m->r;
    size_t i = 0;
    bool after_late = false;

    sort_rich(late);
    m->r = (struct tsdb__rich_vec){0};
    tsdb__rich_vec_reserve(&m->r, old.n + late->n);
    for (size_t k = 0; i < old.n || k < late->n;) {
        bool is_old = i < old.n && (k == late->n || old.v[i].t <= late->v[k].t);
        struct tsdb__rich r = is_old ? old.v[i++] : late->v[k++];

        if (m->r.n > 0 && m->r.v[m->r.n - 1].t == r.t)
            continue;
        if (!is_old || after_late)
            forget_hint(&r, m->arena);
        after_late = !is_old;
        m->r.v[m->r.n++] = r;
    }
    tsdb__rich_vec_release(&old);
}

void tsdb__mixed_merge(struct tsdb__mixed *m, struct tsdb__mixed *late)
{
    if (tsdb__mixed_count(late) == 0)
        return;
    if (!m->rich && !late->rich) {
        tsdb__merge_late(&m->f, 0, late->f.v, late->f.n);
        return;
    }
    tsdb__mixed_enrich(m);
    tsdb__mixed_enrich(late);
    merge_rich(m, &late->r);
}

/* ---- giving ----------------------------------------------------------------------------- */

/* Start timestamps stand beside all samples as soon as one is known. */
static void give_start(struct ts_vec *starts, size_t n, ts_ms start)
{
    if (starts->n == 0 && start == 0)
        return;
    while (starts->n < n)
        ts_vec_push(starts, 0);
    ts_vec_push(starts, start);
}

void tsdb__mixed_give(const struct tsdb__mixed *m, struct source_range range,
                      struct series_samples *out)
{
    for (size_t i = 0; !m->rich && i < m->f.n; i++)
        if (m->f.v[i].t >= range.from && m->f.v[i].t <= range.to)
            sample_vec_push(&out->f, m->f.v[i]);
    for (size_t i = 0; m->rich && i < m->r.n; i++) {
        const struct tsdb__rich *r = &m->r.v[i];

        if (r->t < range.from || r->t > range.to)
            continue;
        if (r->h != NULL) {
            give_start(&out->h_start, out->h.n, r->start);
            hsample_vec_push(&out->h, (struct hsample){r->t, r->h});
        } else {
            give_start(&out->f_start, out->f.n, r->start);
            sample_vec_push(&out->f, (struct sample){r->t, r->v});
        }
    }
}
