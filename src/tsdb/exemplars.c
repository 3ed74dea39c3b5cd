/*
 * exemplars.c - the newest exemplars.
 *
 * A row is
 *
 *     varint  series
 *     i64     time
 *     8       bytes of the value
 *     ...     labels to the end: name, value, name, value... each u8 n (255: and three bytes more,
 *             which are n then), and n bytes
 *
 * The rules are Prometheus': one that repeats the newest of its series is fine; one that is older,
 * or as old and smaller by value or by the hash of its labels, is out of order.
 */
#include "exemplars.h"

#include <stdlib.h>

#include "id_table.h"
#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"
#include "ferula/base/mem.h"

#define LONG_TEXT 255

/* Deleted beside as many as are added, so that a lower limit is reached soon. */
#define EXTRA_ROWS 2

/* ---- rows ------------------------------------------------------------------------------- */

static void put_text(struct buf *b, struct str s)
{
    uint32_t n = (uint32_t)s.n;

    if (s.n < LONG_TEXT) {
        buf_putc(b, (char)n);
    } else {
        buf_putc(b, (char)LONG_TEXT);
        buf_add(b, &n, 3);
    }
    buf_add_str(b, s);
}

static struct str get_text(struct tsdb__in *in)
{
    size_t n = tsdb__in_u8(in);
    const uint8_t *p;

    if (n == LONG_TEXT)
        n = tsdb__in_le(in, 3);
    p = tsdb__in_bytes(in, n);
    return (struct str){(const char *)p, p == NULL ? 0 : n};
}

/* The whole row; the hash of its labels, as these bytes, is that of Prometheus. */
static uint64_t put_row(struct buf *b, uint32_t id, const struct exemplar *e)
{
    size_t labels;

    buf_reset(b);
    tsdb__add_varint(b, id);
    buf_add(b, &e->t, sizeof(e->t));
    buf_add(b, &e->v, sizeof(e->v));
    labels = b->n;
    for (size_t i = 0; i < e->labels.n; i++) {
        put_text(b, e->labels.v[i].name);
        put_text(b, e->labels.v[i].value);
    }
    return hash_stable64(b->p + labels, b->n - labels);
}

/* Without the labels, which are what is left of `in`. */
static int read_head(struct tsdb__in *in, uint32_t *id, struct exemplar *out)
{
    *id = tsdb__in_varint32(in);
    out->t = (ts_ms)tsdb__in_le(in, 8);
    out->v = f64_from_bits(tsdb__in_le(in, 8));
    return in->bad || *id == 0 ? FER_ECORRUPT : 0;
}

int tsdb__exemplar_read(struct tsdb__in body, struct arena *a, uint32_t *id, struct exemplar *out)
{
    struct label *v = NULL;
    size_t n = 0, cap = 0;
    int rc = read_head(&body, id, out);

    while (rc == 0 && tsdb__in_left(&body) > 0) {
        ARENA_GROW(a, v, n, cap, struct label);
        v[n].name = get_text(&body);
        v[n].value = get_text(&body);
        n++;
        if (body.bad)
            rc = FER_ECORRUPT;
    }
    out->labels = (struct labels){v, n};
    return rc;
}

/* ---- the newest of each series ---------------------------------------------------------- */

static struct tsdb__exemplar_newest *slot_of(const struct tsdb__exemplars *ex, uint32_t id)
{
    return &ex->map[tsdb__id_place(ex->map, sizeof(*ex->map), ex->cap_map, id)];
}

static bool is_known(const struct tsdb__exemplars *ex, const struct tsdb__exemplar_newest *e)
{
    return e->id != 0 && e->number >= ex->first && e->number <= ex->last;
}

/* Makes room for one more; void ones are left behind. */
static void map_reserve(struct tsdb__exemplars *ex)
{
    struct tsdb__exemplars old = *ex;
    size_t n = 0;

    if ((ex->n_map + 1) * 2 <= ex->cap_map)
        return;
    for (size_t i = 0; i < old.cap_map; i++)
        n += is_known(&old, &old.map[i]);
    ex->cap_map = 64;
    while (ex->cap_map < (n + 1) * 4)
        ex->cap_map *= 2;
    ex->map = xcalloc(ex->cap_map, sizeof(*ex->map));
    ex->n_map = n;
    for (size_t i = 0; i < old.cap_map; i++)
        if (is_known(&old, &old.map[i]))
            *slot_of(ex, old.map[i].id) = old.map[i];
    free(old.map);
}

static const struct tsdb__exemplar_newest *find_newest(const struct tsdb__exemplars *ex,
                                                       uint32_t id)
{
    const struct tsdb__exemplar_newest *e = ex->cap_map == 0 ? NULL : slot_of(ex, id);

    return e != NULL && is_known(ex, e) ? e : NULL;
}

static void set_newest(struct tsdb__exemplars *ex, struct tsdb__exemplar_newest e)
{
    struct tsdb__exemplar_newest *slot;

    map_reserve(ex);
    slot = slot_of(ex, e.id);
    ex->n_map += slot->id == 0;
    *slot = e;
}

/* As set_newest(), and to be undone. */
static void change_newest(struct tsdb__exemplars *ex, struct tsdb__exemplar_newest e)
{
    const struct tsdb__exemplar_newest *was = find_newest(ex, e.id);

    if (ex->before.n == ex->before.cap) {
        ex->before.cap = ex->before.cap == 0 ? 64 : ex->before.cap * 2;
        ex->before.v = xrealloc(ex->before.v, ex->before.cap, sizeof(*ex->before.v));
    }
    ex->before.v[ex->before.n++] =
        was != NULL ? *was : (struct tsdb__exemplar_newest){.id = e.id, .number = 0};
    set_newest(ex, e);
}

void tsdb__exemplars_commit(struct tsdb__exemplars *ex)
{
    ex->before.first = ex->first;
    ex->before.last = ex->last;
    ex->before.n = 0;
}

void tsdb__exemplars_rollback(struct tsdb__exemplars *ex)
{
    ex->first = ex->before.first;
    ex->last = ex->before.last;
    while (ex->before.n > 0)
        set_newest(ex, ex->before.v[--ex->before.n]);
}

int tsdb__exemplars_load(struct tsdb__exemplars *ex, struct tsdb__txn *x)
{
    struct tsdb__in body;
    MDB_val k;
    int rc = tsdb__last_u64(x, T_EXEM, &ex->last);

    ex->first = 1;
    if (rc == 0)
        rc = tsdb__step(x, T_EXEM, MDB_FIRST, &k, &body);
    if (rc == 0)
        memcpy(&ex->first, k.mv_data, MIN(k.mv_size, sizeof(ex->first)));
    for (; rc == 0; rc = tsdb__step(x, T_EXEM, MDB_NEXT, &k, &body)) {
        const struct tsdb__exemplar_newest *newest;
        struct tsdb__exemplar_newest e = {.id = 0};
        struct exemplar ex_row;

        memcpy(&e.number, k.mv_data, MIN(k.mv_size, sizeof(e.number)));
        if (read_head(&body, &e.id, &ex_row) < 0)
            return FER_ECORRUPT;
        e.t = ex_row.t;
        e.v = ex_row.v;
        e.hash = hash_stable64(body.p, tsdb__in_left(&body));
        newest = find_newest(ex, e.id);
        if (newest == NULL || e.t >= newest->t)
            set_newest(ex, e);
    }
    tsdb__exemplars_commit(ex);
    return rc == FER_ENOENT ? 0 : rc;
}

void tsdb__exemplars_release(struct tsdb__exemplars *ex)
{
    free(ex->map);
    free(ex->before.v);
    buf_release(&ex->row);
    *ex = (struct tsdb__exemplars){0};
}

/* ---- adding ----------------------------------------------------------------------------- */

static bool is_out_of_order(const struct tsdb__exemplar_newest *e,
                            const struct tsdb__exemplar_newest *newest, dur_ms window)
{
    if (e->t != newest->t)
        return e->t < newest->t && e->t <= newest->t - window;
    return e->v < newest->v || (e->v == newest->v && e->hash < newest->hash);
}

bool tsdb__exemplars_too_many(const struct tsdb__exemplars *ex)
{
    return ex->last >= ex->first && ex->last - ex->first + 1 > ex->most;
}

int tsdb__exemplars_trim(struct tsdb__exemplars *ex, struct tsdb__txn *x, size_t rows)
{
    for (size_t i = 0; i < rows && tsdb__exemplars_too_many(ex); i++) {
        struct tsdb__in body;
        MDB_val k;
        int rc = tsdb__step(x, T_EXEM, MDB_FIRST, &k, &body);

        if (rc == 0)
            rc = tsdb__delete(x, T_EXEM);
        if (rc < 0)
            return rc == FER_ENOENT ? FER_ECORRUPT : rc;
        ex->first++;
    }
    return 0;
}

int tsdb__exemplars_add(struct tsdb__exemplars *ex, struct tsdb__txn *x, uint32_t id,
                        const struct exemplar *e, dur_ms window)
{
    struct tsdb__exemplar_newest it = {.id = id, .t = e->t, .v = e->v};
    const struct tsdb__exemplar_newest *newest = find_newest(ex, id);
    int rc;

    it.hash = put_row(&ex->row, id, e);
    it.number = ex->last + 1;
    if (newest != NULL && it.hash == newest->hash && it.t == newest->t && it.v == newest->v)
        return TSDB__EXEMPLAR_STORED;
    if ((newest != NULL && is_out_of_order(&it, newest, window)) || ex->row.n > TSDB__BODY_MAX)
        return TSDB__EXEMPLAR_REFUSED;
    rc = tsdb__put(x, T_EXEM, (struct str){(const char *)&it.number, sizeof(it.number)},
                   buf_str(&ex->row), MDB_APPEND);
    if (rc < 0)
        return rc;
    ex->last = it.number;
    if (newest == NULL || it.t >= newest->t)
        change_newest(ex, it);
    rc = tsdb__exemplars_trim(ex, x, EXTRA_ROWS);
    return rc < 0 ? rc : TSDB__EXEMPLAR_STORED;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* An exemplar that was found, and its place among the others. */
struct found {
    uint32_t id;
    uint64_t number;
    struct exemplar e;
};

struct finding {
    struct tsdb__texts tx;
    struct tsdb__ids ids;
    struct source_range range;
    struct found *v; /* in the arena */
    size_t n, cap;
};

static bool is_wanted(const struct finding *fi, uint32_t id, ts_ms t)
{
    return t >= fi->range.from && t <= fi->range.to && id <= fi->ids.max &&
           (fi->ids.words[id / 64] >> (id % 64) & 1) != 0;
}

static int take_row(struct finding *fi, const MDB_val *k, struct tsdb__in body)
{
    struct tsdb__in head = body;
    struct found f = {.id = 0};
    int rc = read_head(&head, &f.id, &f.e);

    if (rc < 0 || !is_wanted(fi, f.id, f.e.t))
        return rc;
    memcpy(&f.number, k->mv_data, MIN(k->mv_size, sizeof(f.number)));
    rc = tsdb__exemplar_read(body, fi->tx.a, &f.id, &f.e);
    if (rc < 0)
        return rc;
    f.e.labels = labels_copy(fi->tx.a, f.e.labels);
    ARENA_GROW(fi->tx.a, fi->v, fi->n, fi->cap, struct found);
    fi->v[fi->n++] = f;
    return 0;
}

static int find_rows(struct finding *fi, size_t most)
{
    struct tsdb__in body;
    uint64_t last, from;
    MDB_val k = {.mv_data = &from, .mv_size = sizeof(from)};
    int rc = tsdb__last_u64(fi->tx.x, T_EXEM, &last);

    from = last > most ? last - most + 1 : 1;
    if (rc < 0 || last == 0 || most == 0)
        return rc;
    for (rc = tsdb__step(fi->tx.x, T_EXEM, MDB_SET_RANGE, &k, &body); rc == 0;
         rc = tsdb__step(fi->tx.x, T_EXEM, MDB_NEXT, &k, &body)) {
        rc = take_row(fi, &k, body);
        if (rc < 0)
            return rc;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

static int by_place(const void *pa, const void *pb)
{
    const struct found *a = pa, *b = pb;

    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    if (a->e.t != b->e.t)
        return a->e.t < b->e.t ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int by_labels(const void *pa, const void *pb)
{
    return labels_cmp(((const struct tsdb_exemplars *)pa)->labels,
                      ((const struct tsdb_exemplars *)pb)->labels);
}

/* What was found, series by series. */
static int group(struct finding *fi, struct tsdb_exemplars **out, size_t *n)
{
    struct tsdb_exemplars *v = arena_array(fi->tx.a, struct tsdb_exemplars, fi->n);
    struct exemplar *e = arena_array(fi->tx.a, struct exemplar, fi->n);
    size_t n_series = 0;

    if (fi->n > 1)
        qsort(fi->v, fi->n, sizeof(*fi->v), by_place);
    for (size_t i = 0; i < fi->n; i++) {
        e[i] = fi->v[i].e;
        if (i == 0 || fi->v[i].id != fi->v[i - 1].id) {
            int rc = tsdb__labels_read(&fi->tx, fi->v[i].id, &v[n_series].labels);

            if (rc < 0)
                return rc;
            v[n_series++].v = &e[i];
        }
        v[n_series - 1].n++;
    }
    if (n_series > 1)
        qsort(v, n_series, sizeof(*v), by_labels);
    *out = v;
    *n = n_series;
    return 0;
}

int tsdb_query_exemplars(struct tsdb *db, struct arena *a, const struct tsdb_match *sets,
                         size_t n_sets, struct source_range range, struct tsdb_exemplars **out,
                         size_t *n, struct fault *f)
{
    struct finding fi = {.tx.a = a, .range = range};
    int rc;

    CHECK_MAGIC(db, TSDB_MAGIC);
    *out = NULL;
    *n = 0;
    rc = tsdb__reader_begin(db, &fi.tx.x, f);
    if (rc < 0)
        return rc;
    rc = tsdb__match_any(db, &fi.tx, sets, n_sets, &fi.ids);
    if (rc == 0)
        rc = find_rows(&fi, db->exemplars.most);
    if (rc == 0)
        rc = group(&fi, out, n);
    tsdb__reader_end(db, fi.tx.x);
    return rc < 0 ? tsdb__read_fault(f, rc) : 0;
}
