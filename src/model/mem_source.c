/*
 * mem_source.c - a source whose series are in memory: a list of series, and a hash table of them.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/model/histogram.h"
#include "ferula/model/source.h"

#define MEM_SOURCE_MAGIC 0x6d33a15eu
#define LEAST_SLOTS      64

struct mem_series {
    uint64_t hash;
    struct labels labels; /* in the source's arena */
    struct series_samples samples;
    const struct histogram *last; /* when the newest sample is a histogram */
};

struct mem_source {
    struct source base; /* first: a struct source of ours is the struct mem_source */
    uint32_t magic;
    struct arena arena;         /* labels, series and histograms */
    struct mem_series **series; /* owned array, in the order of adding */
    size_t n, cap;
    struct mem_series **slots; /* owned; open addressing, n_slots a power of two, half empty */
    size_t n_slots;
};

static struct mem_source *mem_source_from(struct source *src)
{
    struct mem_source *ms = (struct mem_source *)(void *)src;

    CHECK_MAGIC(ms, MEM_SOURCE_MAGIC);
    return ms;
}

/* The slot of `ls`: its series, or the empty place where it belongs. */
static struct mem_series **slot_of(const struct mem_source *ms, uint64_t hash, struct labels ls)
{
    size_t i = (size_t)hash & (ms->n_slots - 1);

    while (ms->slots[i] != NULL &&
           !(ms->slots[i]->hash == hash && labels_eq(ms->slots[i]->labels, ls)))
        i = (i + 1) & (ms->n_slots - 1);
    return &ms->slots[i];
}

static void grow_slots(struct mem_source *ms)
{
    ms->n_slots = ms->n_slots == 0 ? LEAST_SLOTS : ms->n_slots * 2;
    free(ms->slots);
    ms->slots = xcalloc(ms->n_slots, sizeof(struct mem_series *));
    for (size_t i = 0; i < ms->n; i++)
        *slot_of(ms, ms->series[i]->hash, ms->series[i]->labels) = ms->series[i];
}

static struct mem_series *find_or_add(struct mem_source *ms, struct labels ls)
{
    uint64_t hash = labels_hash(ls);
    struct mem_series **slot, *s;

    if (ms->n * 2 >= ms->n_slots)
        grow_slots(ms);
    slot = slot_of(ms, hash, ls);
    if (*slot != NULL)
        return *slot;
    s = arena_new(&ms->arena, struct mem_series);
    s->hash = hash;
    s->labels = labels_copy(&ms->arena, ls);
    *slot = s;
    if (ms->n == ms->cap) {
        ms->cap = ms->cap == 0 ? LEAST_SLOTS : ms->cap * 2;
        ms->series = xrealloc(ms->series, ms->cap, sizeof(struct mem_series *));
    }
    ms->series[ms->n++] = s;
    return s;
}

/* Later samples replace earlier ones of the same time. */
static void push(struct sample_vec *sv, struct sample s)
{
    if (sv->n > 0 && sv->v[sv->n - 1].t == s.t)
        sv->v[sv->n - 1] = s;
    else
        sample_vec_push(sv, s);
}

static void merge(struct sample_vec *into, const struct sample *s, size_t n)
{
    struct sample_vec old = *into;
    size_t i = 0;

    *into = (struct sample_vec){0};
    sample_vec_reserve(into, old.n + n);
    for (size_t k = 0; k < n; k++) {
        while (i < old.n && old.v[i].t <= s[k].t)
            push(into, old.v[i++]);
        push(into, s[k]);
    }
    while (i < old.n)
        push(into, old.v[i++]);
    sample_vec_release(&old);
}

void mem_source_add(struct mem_source *ms, struct labels ls, const struct sample *s, size_t n)
{
    struct mem_series *series = find_or_add(ms, ls);
    struct sample_vec *sv = &series->samples.f;

    if (n > 0 && sv->n > 0 && s[0].t < sv->v[sv->n - 1].t) {
        merge(sv, s, n);
        return;
    }
    sample_vec_reserve(sv, n);
    for (size_t i = 0; i < n; i++)
        push(sv, s[i]);
}

/* A start timestamp stands beside each sample as soon as one is known. */
static void push_start(struct ts_vec *starts, size_t n_samples, ts_ms start)
{
    if (start == 0 && starts->n == 0)
        return;
    while (starts->n + 1 < n_samples)
        ts_vec_push(starts, 0);
    ts_vec_push(starts, start);
}

static bool is_newer(const struct series_samples *ss, ts_ms t)
{
    return (ss->f.n == 0 || ss->f.v[ss->f.n - 1].t < t) &&
           (ss->h.n == 0 || ss->h.v[ss->h.n - 1].t < t);
}

int mem_source_append(struct mem_source *ms, struct labels ls, ts_ms t, ts_ms start, double v,
                      const struct histogram *h)
{
    struct mem_series *series = find_or_add(ms, ls);
    struct series_samples *ss = &series->samples;
    struct histogram *copy;

    if (!is_newer(ss, t))
        return FER_EINVAL;
    if (h == NULL) {
        sample_vec_push(&ss->f, (struct sample){t, v});
        push_start(&ss->f_start, ss->f.n, start);
        series->last = NULL;
        return 0;
    }
    copy = histogram_copy(&ms->arena, h);
    copy->hint = histogram_stored_hint(h, series->last);
    series->last = copy;
    hsample_vec_push(&ss->h, (struct hsample){t, copy});
    push_start(&ss->h_start, ss->h.n, start);
    return 0;
}

/* The first float at or after `t`. */
static size_t lower_bound(const struct sample_vec *sv, ts_ms t)
{
    size_t lo = 0, hi = sv->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (sv->v[mid].t < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static size_t lower_hist(const struct hsample_vec *hv, ts_ms t)
{
    size_t lo = 0, hi = hv->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (hv->v[mid].t < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool has_samples(const struct mem_series *s, struct source_range range)
{
    const struct series_samples *ss = &s->samples;
    size_t i = lower_bound(&ss->f, range.from), k = lower_hist(&ss->h, range.from);

    return (i < ss->f.n && ss->f.v[i].t <= range.to) || (k < ss->h.n && ss->h.v[k].t <= range.to);
}

static int by_labels(const void *a, const void *b)
{
    const struct source_series *x = a, *y = b;

    return labels_cmp(x->labels, y->labels);
}

static int mem_select(struct source *src, struct arena *a, const struct matcher *m,
                      size_t n_matchers, struct source_range range, struct source_selection **out,
                      struct fault *f)
{
    struct mem_source *ms = mem_source_from(src);
    struct source_selection *sel = arena_new(a, struct source_selection);
    size_t cap = 0;

    (void)f;
    sel->source = src;
    sel->range = range;
    for (size_t i = 0; i < ms->n; i++) {
        struct mem_series *s = ms->series[i];

        if (!matchers_match(m, n_matchers, s->labels) || !has_samples(s, range))
            continue;
        ARENA_GROW(a, sel->series, sel->n, cap, struct source_series);
        sel->series[sel->n].labels = labels_copy(a, s->labels);
        sel->series[sel->n].data = s;
        sel->n++;
    }
    if (sel->n > 1)
        qsort(sel->series, sel->n, sizeof(*sel->series), by_labels);
    *out = sel;
    return 0;
}

static int mem_read(const struct source_selection *sel, size_t i, struct series_samples *out,
                    struct fault *f)
{
    const struct series_samples *ss;

    (void)f;
    CHECK(i < sel->n);
    ss = &((const struct mem_series *)sel->series[i].data)->samples;
    series_samples_reset(out);
    for (size_t k = lower_bound(&ss->f, sel->range.from);
         k < ss->f.n && ss->f.v[k].t <= sel->range.to; k++) {
        sample_vec_push(&out->f, ss->f.v[k]);
        if (ss->f_start.n > 0)
            ts_vec_push(&out->f_start, k < ss->f_start.n ? ss->f_start.v[k] : 0);
    }
    for (size_t k = lower_hist(&ss->h, sel->range.from);
         k < ss->h.n && ss->h.v[k].t <= sel->range.to; k++) {
        hsample_vec_push(&out->h, ss->h.v[k]);
        if (ss->h_start.n > 0)
            ts_vec_push(&out->h_start, k < ss->h_start.n ? ss->h_start.v[k] : 0);
    }
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return str_cmp(*x, *y);
}

/* Borrowed texts become the answer: sorted, each once, copied into `a`. */
static void give_texts(struct arena *a, struct str *v, size_t n, struct str **out, size_t *n_out)
{
    size_t kept = 0;

    if (n > 1)
        qsort(v, n, sizeof(*v), by_text);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(v[kept - 1], v[i]))
            v[kept++] = v[i];
    for (size_t i = 0; i < kept; i++)
        v[i] = arena_str(a, v[i]);
    *out = v;
    *n_out = kept;
}

static int mem_label_names(struct source *src, struct arena *a, const struct matcher *m,
                           size_t n_matchers, struct source_range range, struct str **out,
                           size_t *n, struct fault *f)
{
    struct mem_source *ms = mem_source_from(src);
    struct str *v = NULL;
    size_t used = 0, cap = 0;

    (void)f;
    for (size_t i = 0; i < ms->n; i++) {
        const struct mem_series *s = ms->series[i];

        if (!matchers_match(m, n_matchers, s->labels) || !has_samples(s, range))
            continue;
        for (size_t k = 0; k < s->labels.n; k++) {
            ARENA_GROW(a, v, used, cap, struct str);
            v[used++] = s->labels.v[k].name;
        }
    }
    give_texts(a, v, used, out, n);
    return 0;
}

static int mem_label_values(struct source *src, struct arena *a, struct str name,
                            const struct matcher *m, size_t n_matchers, struct source_range range,
                            struct str **out, size_t *n, struct fault *f)
{
    struct mem_source *ms = mem_source_from(src);
    struct str *v = NULL;
    size_t used = 0, cap = 0;

    (void)f;
    for (size_t i = 0; i < ms->n; i++) {
        const struct mem_series *s = ms->series[i];
        struct str value = labels_get(s->labels, name);

        if (value.n == 0 || !matchers_match(m, n_matchers, s->labels) || !has_samples(s, range))
            continue;
        ARENA_GROW(a, v, used, cap, struct str);
        v[used++] = value;
    }
    give_texts(a, v, used, out, n);
    return 0;
}

static const struct source_ops mem_ops = {
    .select = mem_select,
    .read = mem_read,
    .label_names = mem_label_names,
    .label_values = mem_label_values,
};

struct mem_source *mem_source_new(void)
{
    struct mem_source *ms = xnew(struct mem_source);

    ms->base.ops = &mem_ops;
    ms->magic = MEM_SOURCE_MAGIC;
    return ms;
}

void mem_source_clear(struct mem_source *ms)
{
    CHECK_MAGIC(ms, MEM_SOURCE_MAGIC);
    for (size_t i = 0; i < ms->n; i++)
        series_samples_release(&ms->series[i]->samples);
    free(ms->series);
    free(ms->slots);
    ms->series = ms->slots = NULL;
    ms->n = ms->cap = ms->n_slots = 0;
    arena_reset(&ms->arena);
}

static void drop_starts(struct ts_vec *starts, size_t n_dropped)
{
    if (starts->n == 0)
        return;
    n_dropped = MIN(n_dropped, starts->n);
    starts->n -= n_dropped;
    memmove(starts->v, starts->v + n_dropped, starts->n * sizeof(*starts->v));
}

/* What a series has from `t` on; its histograms move to `a`. */
static void drop_samples(struct mem_series *s, ts_ms t, struct arena *a)
{
    struct series_samples *ss = &s->samples;
    size_t i = lower_bound(&ss->f, t), k = lower_hist(&ss->h, t);

    ss->f.n -= i;
    ss->h.n -= k;
    if (i > 0 && ss->f.n > 0)
        memmove(ss->f.v, ss->f.v + i, ss->f.n * sizeof(*ss->f.v));
    if (k > 0 && ss->h.n > 0)
        memmove(ss->h.v, ss->h.v + k, ss->h.n * sizeof(*ss->h.v));
    drop_starts(&ss->f_start, i);
    drop_starts(&ss->h_start, k);
    for (k = 0; k < ss->h.n; k++)
        ss->h.v[k].h = histogram_copy(a, ss->h.v[k].h);
    if (s->last != NULL)
        s->last = ss->h.n > 0 ? ss->h.v[ss->h.n - 1].h : NULL;
}

void mem_source_drop(struct mem_source *ms, ts_ms t)
{
    struct arena kept = {0};
    size_t n = 0;

    CHECK_MAGIC(ms, MEM_SOURCE_MAGIC);
    for (size_t i = 0; i < ms->n; i++) {
        struct mem_series *s = arena_new(&kept, struct mem_series);

        *s = *ms->series[i];
        drop_samples(s, t, &kept);
        if (s->samples.f.n == 0 && s->samples.h.n == 0) {
            series_samples_release(&s->samples);
            continue;
        }
        s->labels = labels_copy(&kept, s->labels);
        ms->series[n++] = s;
    }
    ms->n = n;
    arena_release(&ms->arena);
    ms->arena = kept;
    if (ms->n_slots == 0)
        return;
    memset(ms->slots, 0, ms->n_slots * sizeof(*ms->slots));
    for (size_t i = 0; i < ms->n; i++)
        *slot_of(ms, ms->series[i]->hash, ms->series[i]->labels) = ms->series[i];
}

void mem_source_free(struct mem_source *ms)
{
    if (ms == NULL)
        return;
    mem_source_clear(ms);
    arena_release(&ms->arena);
    ms->magic = 0;
    free(ms);
}

struct source *mem_source_base(struct mem_source *ms)
{
    CHECK_MAGIC(ms, MEM_SOURCE_MAGIC);
    return &ms->base;
}
