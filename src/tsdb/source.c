/*
 * source.c - the store as a source of series: see model/source.h.
 *
 * select() takes ids and labels, from memory when the same was asked before (matched.c), else from
 * an LMDB snapshot; then copies chunks and late samples under one read lock of the heads, and after
 * that the sealed chunks from a snapshot begun under the same lock, so that it is at most a commit
 * ahead. What that commit sealed is in both: the snapshot says how far sealing had come, and what
 * it has is dropped from the copies. When a series was made between the ids and the copies, both
 * are taken again. So no sample is missed or seen twice, and a group of writes is seen whole or not
 * at all.
 */
#include <stdlib.h>

#include "source.h"

#include "ferula/base/check.h"
#include "ferula/model/matcher.h"

#define TAKE_TRIES 2

static struct tsdb *db_of(struct source *src)
{
    struct tsdb *db = (struct tsdb *)(void *)((char *)src - offsetof(struct tsdb, source));

    CHECK_MAGIC(db, TSDB_MAGIC);
    return db;
}

/* ---- which series ----------------------------------------------------------------------- */

struct ordered {
    struct labels labels;
    uint32_t at; /* among the ids */
};

/* As labels_cmp(); equal texts of one selection are one pointer, which spares most comparing. */
static int by_labels(const void *pa, const void *pb)
{
    struct labels a = ((const struct ordered *)pa)->labels;
    struct labels b = ((const struct ordered *)pb)->labels;

    for (size_t i = 0; i < a.n && i < b.n; i++) {
        int c = a.v[i].name.p == b.v[i].name.p ? 0 : str_cmp(a.v[i].name, b.v[i].name);

        if (c == 0 && a.v[i].value.p != b.v[i].value.p)
            c = str_cmp(a.v[i].value, b.v[i].value);
        if (c != 0)
            return c;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

/* Ids and labels into m, which was made for the matchers; scratch memory is in `a`. */
static int read_series(struct tsdb__txn *x, struct arena *a, const struct tsdb__ids *ids,
                       struct tsdb__matched *m)
{
    struct tsdb__texts tx = {.a = &m->arena, .x = x};
    size_t n = tsdb__ids_count(ids);
    struct ordered *v = arena_array(a, struct ordered, n);

    m->ids = arena_array(&m->arena, uint32_t, n);
    m->places = arena_array(&m->arena, uint32_t, n);
    m->labels = arena_array(&m->arena, struct labels, n);
    for (uint32_t id = tsdb__ids_next(ids, 1); id != 0; id = tsdb__ids_next(ids, id + 1)) {
        int rc = tsdb__labels_read(&tx, id, &v[m->n].labels);

        if (rc < 0)
            return rc;
        v[m->n].at = (uint32_t)m->n;
        m->ids[m->n++] = id;
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), by_labels);
    for (size_t i = 0; i < n; i++) {
        m->labels[i] = v[i].labels;
        m->places[v[i].at] = (uint32_t)i;
    }
    return 0;
}

static int find_series(struct tsdb *db, struct arena *a, const struct matcher *m, size_t n,
                       struct tsdb__matched *out, struct fault *f)
{
    struct tsdb__texts tx = {.a = a};
    struct tsdb__ids ids;
    int rc = tsdb__reader_begin(db, &tx.x, f);

    if (rc < 0)
        return rc;
    rc = tsdb__match(db, &tx, m, n, &ids);
    if (rc == 0)
        rc = read_series(tx.x, a, &ids, out);
    tsdb__reader_end(db, tx.x);
    return rc < 0 ? tsdb__read_fault(f, rc) : 0;
}

static void unref(void *ctx)
{
    tsdb__matched_unref(ctx);
}

/* The set lives as long as `a`. */
static int match(struct tsdb *db, struct arena *a, const struct matcher *m, size_t n,
                 const struct tsdb__matched **out, struct fault *f)
{
    /* Before the snapshot: what is made after it makes the set that is remembered void. */
    uint64_t generation = atomic_load(&db->generation);
    struct str key = tsdb__matched_key(a, m, n);
    struct tsdb__matched *found = tsdb__matched_find(&db->matched, key, generation);
    int rc = 0;

    if (found == NULL) {
        found = tsdb__matched_new(key, generation);
        rc = find_series(db, a, m, n, found, f);
        if (rc == 0)
            tsdb__matched_keep(&db->matched, found);
    }
    arena_defer(a, unref, found);
    *out = found;
    return rc;
}

/* ---- their samples ---------------------------------------------------------------------- */

struct query {
    const struct matcher *m;
    size_t n_matchers;
    struct source_range range;
};

/* The series, what memory has of them, and a snapshot of what is sealed: as of one moment. */
struct moment {
    const struct tsdb__matched *matched;
    struct tsdb__picked *picked; /* in the order of the ids */
    uint64_t deleted_seq;        /* as of the copies of memory */
    struct tsdb__txn *x;
};

struct tsdb__picked *tsdb__picked_memory(struct tsdb *db, struct arena *a, const uint32_t *ids,
                                         size_t n, struct source_range range)
{
    struct tsdb__picked *picked = arena_array(a, struct tsdb__picked, n);

    /* The snapshot may have series that are committed, but not published: they have nothing yet. */
    while (n > 0 && ids[n - 1] > db->head.last_id)
        n--;
    for (size_t i = 0; i < n; i++) {
        if (i + 8 < n)
            tsdb__head_look_ahead(&db->head, ids[i + 4], ids[i + 8]);
        picked[i].chunks = tsdb__head_copy(&db->head, ids[i], range, a);
        picked[i].rich = tsdb__head_copy_rich(&db->head, ids[i], range, a);
        picked[i].late = tsdb__late_copy(&db->late, ids[i], range, a);
    }
    return picked;
}

/* Under the heads' read lock. */
static int copy_memory(struct tsdb *db, struct arena *a, struct source_range range,
                       struct moment *mo, struct fault *f)
{
    int rc = tsdb__reader_begin(db, &mo->x, f);

    if (rc < 0)
        return rc;
    mo->deleted_seq = db->deleted_seq;
    mo->picked = tsdb__picked_memory(db, a, mo->matched->ids, mo->matched->n, range);
    return 0;
}

/*
 * A group that made a series must not be seen without it. Where series are made all the time the
 * lock, which keeps the writer from publishing, is taken before the ids.
 */
static int take(struct tsdb *db, struct arena *a, const struct query *q, struct moment *out,
                struct fault *f)
{
    bool taken = false;
    int rc = 0;

    for (int i = 0; i < TAKE_TRIES && !taken; i++) {
        rc = match(db, a, q->m, q->n_matchers, &out->matched, f);
        if (rc < 0)
            return rc;
        tsdb__head_lock_read(&db->head);
        taken = atomic_load(&db->generation) == out->matched->generation;
        if (taken)
            rc = copy_memory(db, a, q->range, out, f);
        tsdb__head_unlock(&db->head);
    }
    if (taken)
        return rc;
    tsdb__head_lock_read(&db->head);
    rc = match(db, a, q->m, q->n_matchers, &out->matched, f);
    if (rc == 0)
        rc = copy_memory(db, a, q->range, out, f);
    tsdb__head_unlock(&db->head);
    return rc;
}

void tsdb__picked_join(struct tsdb__picked *picked, const uint32_t *ids, size_t n,
                       const struct tsdb__sealed_list *lists, struct tsdb__mark sealed)
{
    for (size_t i = 0; i < n; i++) {
        struct tsdb__picked *p = &picked[i];

        p->sealed = lists[i];
        while (p->chunks != NULL && tsdb__is_sealed(sealed, p->chunks->slot, ids[i]))
            p->chunks = p->chunks->next;
        while (p->rich != NULL && tsdb__is_sealed(sealed, p->rich->slot, ids[i]))
            p->rich = p->rich->next;
    }
}

int tsdb__picked_cut(struct tsdb__txn *x, struct arena *a, struct tsdb__picked *picked,
                     const uint32_t *ids, size_t n, uint64_t deleted_seq)
{
    struct tsdb__tomb *tombs;
    size_t n_tombs;
    int rc = tsdb__tombs_read(x, a, &tombs, &n_tombs);

    for (size_t k = 0; rc == 0 && k < n_tombs; k++) {
        const struct tsdb__tomb *t = &tombs[k];
        struct tsdb__cut cut = {NULL, t->range, t->seq > deleted_seq};

        for (size_t i = 0; i < n; i++) {
            if (!tsdb__ids_have(t->ids, t->n, ids[i]))
                continue;
            cut.next = picked[i].cuts;
            picked[i].cuts = arena_new(a, struct tsdb__cut);
            *picked[i].cuts = cut;
        }
    }
    return rc;
}

static int copy_sealed(struct moment *mo, struct arena *a, struct source_range range)
{
    const struct tsdb__matched *m = mo->matched;
    struct tsdb__txn *x = mo->x;
    struct tsdb__sealed_list *lists = arena_array(a, struct tsdb__sealed_list, m->n);
    struct tsdb__state state;
    int rc = tsdb__state_get(x, &state);

    for (size_t i = 0; i < m->n; i++)
        lists[i].last = &lists[i].first;
    if (rc == 0)
        rc = tsdb__chunks_select(x, m->ids, m->n, range, a, lists);
    if (rc < 0)
        return rc;
    tsdb__picked_join(mo->picked, m->ids, m->n, lists, state.sealed);
    return tsdb__picked_cut(x, a, mo->picked, m->ids, m->n, mo->deleted_seq);
}

/* In the order of the labels; series without samples in the range are left out. */
static void list_filled(struct arena *a, const struct tsdb__matched *m, struct tsdb__picked *picked,
                        struct source_selection *sel)
{
    struct tsdb__picked **v = arena_array(a, struct tsdb__picked *, m->n);

    for (size_t i = 0; i < m->n; i++)
        v[m->places[i]] = &picked[i];
    sel->series = arena_array(a, struct source_series, m->n);
    for (size_t i = 0; i < m->n; i++)
        if (tsdb__picked_any(v[i]))
            sel->series[sel->n++] = (struct source_series){m->labels[i], v[i]};
}

static int source_select(struct source *src, struct arena *a, const struct matcher *m,
                         size_t n_matchers, struct source_range range,
                         struct source_selection **out, struct fault *f)
{
    struct tsdb *db = db_of(src);
    struct source_selection *sel = arena_new(a, struct source_selection);
    struct query q = {m, n_matchers, range};
    struct moment mo;
    int rc = take(db, a, &q, &mo, f);

    if (rc < 0)
        return rc;
    rc = copy_sealed(&mo, a, range);
    tsdb__reader_end(db, mo.x);
    if (rc < 0)
        return tsdb__read_fault(f, rc);
    sel->source = src;
    sel->range = range;
    list_filled(a, mo.matched, mo.picked, sel);
    *out = sel;
    return 0;
}

static bool is_plain(const struct tsdb__picked *p)
{
    for (const struct tsdb__sealed *c = p->sealed.first; c != NULL; c = c->next)
        if (c->rich)
            return false;
    return p->rich == NULL && p->late.rich == NULL && p->cuts == NULL;
}

/* Floats only, as nearly all series are. */
static int read_plain(const struct tsdb__picked *p, struct source_range range,
                      struct sample_vec *out)
{
    int rc = 0;

    for (const struct tsdb__sealed *c = p->sealed.first; c != NULL && rc == 0; c = c->next)
        rc = tsdb__sealed_read(c, out);
    for (const struct tsdb__chunk *c = p->chunks; c != NULL && rc == 0; c = c->next)
        rc = tsdb__chunk_read(c, range, out);
    if (rc == 0 && p->late.n > 0)
        tsdb__merge_late(out, 0, p->late.v, p->late.n);
    return rc;
}

static void cut(const struct tsdb__picked *p, bool of_memory, struct tsdb__mixed *m)
{
    for (const struct tsdb__cut *c = p->cuts; c != NULL; c = c->next)
        if (!of_memory || c->memory_too)
            tsdb__mixed_cut(m, c->range);
}

static int read_mixed(const struct tsdb__picked *p, struct source_range range,
                      struct series_samples *out)
{
    struct tsdb__mixed m = {.arena = out->arena}, late = {.arena = out->arena};
    int rc = 0;

    for (const struct tsdb__sealed *c = p->sealed.first; c != NULL && rc == 0; c = c->next)
        rc = tsdb__sealed_add(c, &m);
    cut(p, false, &m);
    for (const struct tsdb__chunk *c = p->chunks; c != NULL && rc == 0; c = c->next)
        rc = tsdb__chunk_add(c, range, &m);
    for (const struct tsdb__chunk *c = p->rich; c != NULL && rc == 0; c = c->next)
        rc = tsdb__chunk_add(c, range, &m);
    tsdb__mixed_sort(&m);
    cut(p, true, &m);
    if (rc == 0)
        rc = tsdb__late_take(&p->late, &late);
    cut(p, true, &late);
    tsdb__mixed_merge(&m, &late);
    tsdb__mixed_give(&m, range, out);
    tsdb__mixed_release(&m);
    tsdb__mixed_release(&late);
    return rc;
}

static int source_read(const struct source_selection *sel, size_t i, struct series_samples *out,
                       struct fault *f)
{
    const struct tsdb__picked *p;
    int rc;

    series_samples_reset(out);
    CHECK(i < sel->n);
    p = sel->series[i].data;
    rc = is_plain(p) ? read_plain(p, sel->range, &out->f) : read_mixed(p, sel->range, out);
    return rc < 0 ? fault_set(f, rc, 0, "a chunk is damaged: %s", fer_strerror(rc)) : 0;
}

/* ---- labels ----------------------------------------------------------------------------- */

/* Symbols whose texts are wanted, each once. */
struct symbol_set {
    struct tsdb__texts *tx;
    struct str *v;
    size_t n, cap;
    struct tsdb__ids seen;
};

static int want_symbol(struct symbol_set *set, uint32_t id)
{
    struct str text;
    int rc;

    if (id == 0 || id > set->seen.max)
        return FER_ECORRUPT;
    if ((set->seen.words[id / 64] >> (id % 64) & 1) != 0)
        return 0;
    set->seen.words[id / 64] |= UINT64_C(1) << (id % 64);
    rc = tsdb__symbol_text(set->tx->x, id, &text);
    if (rc < 0)
        return rc;
    ARENA_GROW(set->tx->a, set->v, set->n, set->cap, struct str);
    set->v[set->n++] = arena_str(set->tx->a, text);
    return 0;
}

/* The names (`name` 0), or the values of `name`, of the series in `ids`. */
static int want_of_series(struct symbol_set *set, const struct tsdb__ids *ids, uint32_t name)
{
    for (uint32_t id = tsdb__ids_next(ids, 1); id != 0; id = tsdb__ids_next(ids, id + 1)) {
        struct tsdb__in pairs;
        size_t n;
        int rc = tsdb__series_row(set->tx->x, id, &pairs, &n);

        for (size_t i = 0; i < n && rc == 0; i++) {
            uint32_t k = tsdb__in_varint32(&pairs), v = tsdb__in_varint32(&pairs);

            if (name == 0 || k == name)
                rc = want_symbol(set, name == 0 ? k : v);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The same of all series, from the keys of the postings. */
static int want_of_all(struct symbol_set *set, uint32_t name)
{
    uint32_t at = 0;
    int rc;

    do {
        rc = name == 0 ? tsdb__postings_next_name(set->tx->x, &at)
                       : tsdb__postings_next_value(set->tx->x, name, &at);
        if (rc == 0)
            rc = want_symbol(set, at);
    } while (rc == 0);
    return rc == FER_ENOENT ? 0 : rc;
}

static int by_text(const void *pa, const void *pb)
{
    return str_cmp(*(const struct str *)pa, *(const struct str *)pb);
}

struct label_query {
    bool values;     /* else names */
    struct str name; /* whose values */
    const struct matcher *m;
    size_t n_matchers;
};

static int label_texts(struct tsdb *db, struct symbol_set *set, const struct label_query *q)
{
    struct tsdb__ids ids;
    uint32_t name = 0, n_symbols;
    int rc = tsdb__last_u32(set->tx->x, T_SYM, &n_symbols);

    if (rc == 0 && q->values)
        rc = tsdb__symbol_find(set->tx->x, db->meta.uuid, q->name, &name);
    if (rc < 0 || (q->values && name == 0))
        return rc;
    set->seen = tsdb__ids_new(set->tx->a, n_symbols);
    if (q->n_matchers == 0)
        return want_of_all(set, name);
    rc = tsdb__match(db, set->tx, q->m, q->n_matchers, &ids);
    return rc < 0 ? rc : want_of_series(set, &ids, name);
}

static int label_answer(struct source *src, struct arena *a, const struct label_query *q,
                        struct symbol_set *set, struct fault *f)
{
    struct tsdb *db = db_of(src);
    struct tsdb__texts tx = {.a = a};
    int rc = tsdb__reader_begin(db, &tx.x, f);

    if (rc < 0)
        return rc;
    *set = (struct symbol_set){.tx = &tx};
    rc = label_texts(db, set, q);
    tsdb__reader_end(db, tx.x);
    set->tx = NULL;
    if (rc < 0)
        return tsdb__read_fault(f, rc);
    if (set->n > 1)
        qsort(set->v, set->n, sizeof(*set->v), by_text);
    return 0;
}

static int source_label_names(struct source *src, struct arena *a, const struct matcher *m,
                              size_t n_matchers, struct source_range range, struct str **out,
                              size_t *n, struct fault *f)
{
    struct label_query q = {.m = m, .n_matchers = n_matchers};
    struct symbol_set set;
    int rc = label_answer(src, a, &q, &set, f);

    (void)range; /* labels are answered for all that is kept, as a block of Prometheus does */
    if (rc < 0)
        return rc;
    *out = set.v;
    *n = set.n;
    return 0;
}

static int source_label_values(struct source *src, struct arena *a, struct str name,
                               const struct matcher *m, size_t n_matchers,
                               struct source_range range, struct str **out, size_t *n,
                               struct fault *f)
{
    struct label_query q = {.values = true, .name = name, .m = m, .n_matchers = n_matchers};
    struct symbol_set set;
    int rc = label_answer(src, a, &q, &set, f);

    (void)range;
    if (rc < 0)
        return rc;
    *out = set.v;
    *n = set.n;
    return 0;
}

const struct source_ops tsdb__source_ops = {
    .select = source_select,
    .read = source_read,
    .label_names = source_label_names,
    .label_values = source_label_values,
};
