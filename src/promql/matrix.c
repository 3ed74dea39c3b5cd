/*
 * matrix.c - series of samples: making, naming, merging and sorting them, and the hashed set of
 * label sets that groups, matches and merges are built on.
 */
#include <stdlib.h>

#include "ferula/base/check.h"

#include "eval.h"

/* ---- index ---- */

void promql__index_init(struct promql__index *ix, struct arena *a)
{
    *ix = (struct promql__index){.arena = a};
}

static void rehash(struct promql__index *ix)
{
    ix->n_slots = ix->n_slots == 0 ? 16 : ix->n_slots * 2;
    ix->slots = arena_array(ix->arena, uint32_t, ix->n_slots);
    for (size_t i = 0; i < ix->n; i++) {
        size_t at = ix->hashes[i] & (ix->n_slots - 1);

        while (ix->slots[at] != 0)
            at = (at + 1) & (ix->n_slots - 1);
        ix->slots[at] = (uint32_t)i + 1;
    }
}

size_t promql__index_put(struct promql__index *ix, struct labels ls)
{
    uint64_t hash = labels_hash(ls);
    size_t at, cap = ix->cap;

    if (ix->n * 4 >= ix->n_slots * 3)
        rehash(ix);
    at = hash & (ix->n_slots - 1);
    for (; ix->slots[at] != 0; at = (at + 1) & (ix->n_slots - 1)) {
        size_t i = ix->slots[at] - 1;

        if (ix->hashes[i] == hash && labels_eq(ix->keys[i], ls))
            return i;
    }
    ARENA_GROW(ix->arena, ix->hashes, ix->n, cap, uint64_t);
    ARENA_GROW(ix->arena, ix->keys, ix->n, ix->cap, struct labels);
    ix->keys[ix->n] = ls;
    ix->hashes[ix->n] = hash;
    ix->slots[at] = (uint32_t)++ix->n;
    return ix->n - 1;
}

/* ---- matrix ---- */

struct promql__series *promql__matrix_add(struct promql__ev *ev, struct promql__matrix *m,
                                          struct labels ls, size_t cap)
{
    struct promql__series *s;

    ARENA_GROW(ev->arena, m->v, m->n, m->cap, struct promql__series);
    s = &m->v[m->n++];
    *s = (struct promql__series){.labels = ls};
    if (cap > 0)
        s->s = arena_alloc_raw(ev->arena, cap * sizeof(*s->s), _Alignof(struct sample));
    return s;
}

void promql__matrix_keep(struct promql__ev *ev, struct promql__matrix *m, struct labels ls,
                         bool drop_name)
{
    struct promql__series *s;

    if (ev->out.n == 0 && ev->hout.n == 0)
        return;
    s = promql__matrix_add(ev, m, ls, ev->out.n);
    if (ev->out.n > 0)
        memcpy(s->s, ev->out.v, ev->out.n * sizeof(*s->s));
    s->n = ev->out.n;
    if (ev->hout.n > 0) {
        s->h = arena_alloc_raw(ev->arena, ev->hout.n * sizeof(*s->h), _Alignof(struct hsample));
        memcpy(s->h, ev->hout.v, ev->hout.n * sizeof(*s->h));
    }
    s->nh = ev->hout.n;
    s->drop_name = drop_name;
}

size_t promql__matrix_samples(const struct promql__matrix *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++) {
        n += m->v[i].n;
        for (size_t k = 0; k < m->v[i].nh; k++)
            n += promql__weight(m->v[i].h[k].h);
    }
    return n;
}

static int by_labels(const void *a, const void *b)
{
    const struct promql__series *x = a, *y = b;

    return labels_cmp(x->labels, y->labels);
}

void promql__matrix_sort(struct promql__matrix *m)
{
    if (m->n > 1)
        qsort(m->v, m->n, sizeof(*m->v), by_labels);
}

void promql__drop_name(struct promql__ev *ev, struct promql__series *s)
{
    s->drop_name = true;
    if (!ev->q->delayed_name_removal)
        s->labels = labels_without_metadata(ev->arena, s->labels);
}

int promql__same_labelset(struct promql__ev *ev)
{
    return fault_set(ev->f, FER_EEXEC, 0, "vector cannot contain metrics with the same labelset");
}

bool promql__matrix_has_twins(struct promql__ev *ev, const struct promql__matrix *m)
{
    struct promql__index ix;

    if (m->n < 2)
        return false;
    promql__index_init(&ix, ev->arena);
    for (size_t i = 0; i < m->n; i++)
        if (promql__index_put(&ix, m->v[i].labels) != i)
            return true;
    return false;
}

static int join_floats(struct promql__ev *ev, struct promql__series *a,
                       const struct promql__series *b)
{
    size_t i = 0, j = 0, n = 0, total = a->n + b->n;
    struct sample *s =
        arena_alloc_raw(ev->arena, MAX(total, 1) * sizeof(*s), _Alignof(struct sample));

    while (i < a->n || j < b->n) {
        if (i < a->n && j < b->n && a->s[i].t == b->s[j].t)
            return promql__same_labelset(ev);
        if (j == b->n || (i < a->n && a->s[i].t < b->s[j].t))
            s[n++] = a->s[i++];
        else
            s[n++] = b->s[j++];
    }
    a->s = s;
    a->n = total;
    return 0;
}

static int join_hists(struct promql__ev *ev, struct promql__series *a,
                      const struct promql__series *b)
{
    size_t i = 0, j = 0, n = 0, total = a->nh + b->nh;
    struct hsample *h =
        arena_alloc_raw(ev->arena, MAX(total, 1) * sizeof(*h), _Alignof(struct hsample));

    while (i < a->nh || j < b->nh) {
        if (i < a->nh && j < b->nh && a->h[i].t == b->h[j].t)
            return promql__same_labelset(ev);
        if (j == b->nh || (i < a->nh && a->h[i].t < b->h[j].t))
            h[n++] = a->h[i++];
        else
            h[n++] = b->h[j++];
    }
    a->h = h;
    a->nh = total;
    return 0;
}

/* Whether a float of `s` has the time of a histogram. */
static bool kinds_meet(const struct promql__series *s)
{
    size_t i = 0, k = 0;

    while (i < s->n && k < s->nh) {
        if (s->s[i].t == s->h[k].t)
            return true;
        if (s->s[i].t < s->h[k].t)
            i++;
        else
            k++;
    }
    return false;
}

/* Merges the samples of `b` into `a`, both ascending. */
static int join(struct promql__ev *ev, struct promql__series *a, const struct promql__series *b)
{
    int rc = join_floats(ev, a, b);

    if (rc == 0 && a->nh + b->nh > 0)
        rc = join_hists(ev, a, b);
    return rc == 0 && kinds_meet(a) ? promql__same_labelset(ev) : rc;
}

int promql__matrix_merge(struct promql__ev *ev, struct promql__matrix *m)
{
    struct promql__index ix;
    size_t n = 0;

    if (m->n < 2)
        return 0;
    promql__index_init(&ix, ev->arena);
    for (size_t i = 0; i < m->n; i++) {
        size_t at = promql__index_put(&ix, m->v[i].labels);
        int rc;

        if (at == n) {
            m->v[n++] = m->v[i];
            continue;
        }
        rc = join(ev, &m->v[at], &m->v[i]);
        if (rc != 0)
            return rc;
    }
    m->n = n;
    return 0;
}

int promql__matrix_settle(struct promql__ev *ev, const struct promql__grid *g,
                          struct promql__matrix *m)
{
    /* Names that are still there keep the series apart; the end of the query looks again. */
    if (promql__is_instant(g) && ev->q->delayed_name_removal)
        return 0;
    return promql__matrix_merge(ev, m);
}

/* ---- collector ---- */

void promql__collect_begin(struct promql__collector *c, struct promql__ev *ev,
                           const struct promql__grid *g)
{
    *c = (struct promql__collector){.ev = ev, .single = promql__is_instant(g)};
    promql__index_init(&c->index, ev->arena);
}

size_t promql__collect_series(struct promql__collector *c, struct labels ls, bool drop_name)
{
    size_t at = promql__index_put(&c->index, ls);

    if (at < c->m.n)
        return at;
    ARENA_GROW(c->ev->arena, c->caps, c->m.n, c->caps_cap, struct promql__caps);
    c->caps[c->m.n] = (struct promql__caps){0};
    promql__matrix_add(c->ev, &c->m, ls, 0)->drop_name = drop_name;
    return at;
}

/* The one sample of a series. Labels may be twice in an instant vector whose names go later. */
static void collect_single(struct promql__collector *c, struct promql__series *s, ts_ms t,
                           struct promql__value v)
{
    struct promql__series *x = promql__matrix_add(c->ev, &c->one, s->labels, v.h == NULL);

    x->drop_name = s->drop_name;
    if (v.h != NULL) {
        x->h = arena_new(c->ev->arena, struct hsample);
        x->h[x->nh++] = (struct hsample){t, v.h};
    } else {
        x->s[x->n++] = (struct sample){t, v.v};
    }
    c->twins |= s->n > 0 && !c->ev->q->delayed_name_removal;
    s->n = 1; /* there is one */
}

int promql__collect_add(struct promql__collector *c, size_t series, ts_ms t, struct promql__value v)
{
    struct promql__series *s = &c->m.v[series];
    int rc = promql__hold(c->ev, v.h == NULL ? 1 : promql__weight(v.h));

    if (rc != 0)
        return rc;
    if (c->single) {
        collect_single(c, s, t, v);
        return 0;
    }
    c->twins |= (s->n > 0 && s->s[s->n - 1].t == t) || (s->nh > 0 && s->h[s->nh - 1].t == t);
    if (v.h != NULL) {
        ARENA_GROW(c->ev->arena, s->h, s->nh, c->caps[series].h, struct hsample);
        s->h[s->nh++] = (struct hsample){t, v.h};
    } else {
        ARENA_GROW(c->ev->arena, s->s, s->n, c->caps[series].s, struct sample);
        s->s[s->n++] = (struct sample){t, v.v};
    }
    return 0;
}

int promql__collect_check(struct promql__collector *c)
{
    return c->twins ? promql__same_labelset(c->ev) : 0;
}

int promql__collect_end(struct promql__collector *c, struct promql__matrix *out)
{
    size_t n = 0;

    if (c->twins)
        return promql__same_labelset(c->ev);
    if (c->single) {
        *out = c->one;
        return 0;
    }
    for (size_t i = 0; i < c->m.n; i++)
        if (c->m.v[i].n + c->m.v[i].nh > 0)
            c->m.v[n++] = c->m.v[i];
    c->m.n = n;
    *out = c->m;
    return 0;
}
