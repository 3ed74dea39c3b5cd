/*
 * chunks.c - the sealed samples.
 */
#include "chunks.h"

#include "values.h"

#include "ferula/base/check.h"

/* Slots are biased, so that keys sort as slots do. */
#define SLOT_BIAS UINT32_C(0x80000000)

void tsdb__chunk_key_print(uint8_t out[TSDB__CHUNK_KEY_BYTES], struct tsdb__chunk_key key)
{
    tsdb__put_be32(out, (uint32_t)key.slot + SLOT_BIAS);
    tsdb__put_be32(out + 4, key.first);
    tsdb__put_be32(out + 8, key.number);
}

struct tsdb__chunk_key tsdb__chunk_key_parse(const MDB_val *k)
{
    const uint8_t *p = k->mv_data;

    if (k->mv_size != TSDB__CHUNK_KEY_BYTES)
        return (struct tsdb__chunk_key){0};
    return (struct tsdb__chunk_key){(int32_t)(tsdb__get_be32(p) - SLOT_BIAS), tsdb__get_be32(p + 4),
                                    tsdb__get_be32(p + 8)};
}

/* ---- writing ---------------------------------------------------------------------------- */

void tsdb__chunk_writer_begin(struct tsdb__chunk_writer *w, struct tsdb__txn *x, int32_t slot,
                              bool append)
{
    w->x = x;
    w->slot = slot;
    w->append = append;
    w->first = w->number = 0;
    w->n_rows = 0;
    tsdb__group_init(&w->group, tsdb__slot_start(slot));
}

int tsdb__chunk_writer_end(struct tsdb__chunk_writer *w)
{
    uint8_t key[TSDB__CHUNK_KEY_BYTES];
    int rc;

    if (tsdb__group_is_empty(&w->group))
        return 0;
    tsdb__chunk_key_print(key, (struct tsdb__chunk_key){w->slot, w->first, w->number});
    rc = tsdb__put(w->x, T_CHUNK, (struct str){(const char *)key, sizeof(key)},
                   tsdb__group_body(&w->group), w->append ? MDB_APPEND : 0);
    w->n_rows++;
    tsdb__group_init(&w->group, tsdb__slot_start(w->slot));
    return rc;
}

int tsdb__chunk_writer_add(struct tsdb__chunk_writer *w, uint32_t id, const struct tsdb__mixed *m)
{
    size_t at = 0, n = tsdb__mixed_count(m);
    uint32_t number = 0;
    int rc = 0;

    while (at < n && rc == 0) {
        bool fresh = tsdb__group_is_empty(&w->group);
        /* A row that a series goes on in is not left by another: so that few rows hang together. */
        size_t taken =
            m->rich ? tsdb__group_add_rich(&w->group, id, m->r.v + at, n - at, w->number == 0)
                    : tsdb__group_add(&w->group, id, m->f.v + at, n - at);

        if (fresh) {
            w->first = id;
            w->number = number;
        }
        number += taken > 0;
        at += taken;
        if (at < n)
            rc = tsdb__chunk_writer_end(w);
    }
    return rc;
}

void tsdb__chunk_writer_release(struct tsdb__chunk_writer *w)
{
    tsdb__group_release(&w->group);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int open_row(const MDB_val *k, struct tsdb__in body, struct tsdb__chunk_row *out)
{
    out->key = tsdb__chunk_key_parse(k);
    out->body = body;
    return tsdb__group_open(&out->group, tsdb__slot_start(out->key.slot), out->key.first, body);
}

static int step(struct tsdb__txn *x, MDB_cursor_op op, MDB_val *k, struct tsdb__chunk_row *out)
{
    struct tsdb__in body;
    int rc = tsdb__step(x, T_CHUNK, op, k, &body);

    return rc == 0 ? open_row(k, body, out) : rc;
}

int tsdb__chunk_next(struct tsdb__txn *x, struct tsdb__chunk_row *out)
{
    MDB_val k;

    return step(x, MDB_NEXT, &k, out);
}

int tsdb__chunk_first(struct tsdb__txn *x, struct tsdb__chunk_row *out)
{
    MDB_val k;

    return step(x, MDB_FIRST, &k, out);
}

int tsdb__chunk_delete(struct tsdb__txn *x, struct tsdb__chunk_key key)
{
    uint8_t text[TSDB__CHUNK_KEY_BYTES];

    tsdb__chunk_key_print(text, key);
    return tsdb__delete_key(x, T_CHUNK, (struct str){(const char *)text, sizeof(text)});
}

int tsdb__chunk_last_slot(struct tsdb__txn *x, int32_t *out)
{
    struct tsdb__in body;
    MDB_val k;
    int rc = tsdb__step(x, T_CHUNK, MDB_LAST, &k, &body);

    if (rc == 0)
        *out = tsdb__chunk_key_parse(&k).slot;
    return rc;
}

int tsdb__chunk_seek(struct tsdb__txn *x, int32_t slot, uint32_t id, struct tsdb__chunk_row *out)
{
    uint8_t key[TSDB__CHUNK_KEY_BYTES];
    MDB_val k = {.mv_data = key, .mv_size = sizeof(key)};
    struct tsdb__in body;
    struct tsdb__chunk_key at;
    int rc;

    tsdb__chunk_key_print(key, (struct tsdb__chunk_key){slot, id, 0});
    rc = tsdb__step(x, T_CHUNK, MDB_SET_RANGE, &k, &body);
    if (rc == 0 && memcmp(k.mv_data, key, sizeof(key)) == 0)
        return open_row(&k, body, out);
    if (rc < 0 && rc != FER_ENOENT)
        return rc;
    /* The row before may hold it, when it is of the slot. */
    rc = tsdb__step(x, T_CHUNK, rc == 0 ? MDB_PREV : MDB_LAST, &k, &body);
    if (rc == FER_ENOENT)
        return tsdb__chunk_first(x, out);
    if (rc < 0)
        return rc;
    at = tsdb__chunk_key_parse(&k);
    return at.slot == slot ? open_row(&k, body, out) : tsdb__chunk_next(x, out);
}

int tsdb__chunk_newest(struct tsdb__txn *x, int32_t slot, uint32_t id, struct tsdb__mixed *scratch,
                       struct tsdb__rich *out)
{
    struct tsdb__chunk_row row;
    bool found = false;
    int rc = tsdb__chunk_seek(x, slot, id, &row);

    while (rc == 0 && row.key.slot == slot && row.key.first <= id) {
        struct tsdb__entry e;

        while ((rc = tsdb__group_next(&row.group, &e)) == 0 && e.id < id)
            ;
        if (rc < 0)
            return rc;
        if (rc == 0 && e.id == id) {
            found = true;
            tsdb__mixed_reset(scratch);
            rc = tsdb__entry_add(&e, tsdb__slot_start(slot), scratch);
            if (rc < 0)
                return rc;
            tsdb__mixed_enrich(scratch);
            *out = scratch->r.v[e.n_samples - 1];
        }
        if (tsdb__group_last_id(&row.group) > id)
            break;
        rc = tsdb__chunk_next(x, &row);
    }
    if (rc < 0 && rc != FER_ENOENT)
        return rc;
    return found ? 0 : FER_ENOENT;
}

/* ---- selecting -------------------------------------------------------------------------- */

struct selecting {
    struct tsdb__txn *x;
    const uint32_t *ids;
    size_t n;
    struct arena *a;
    struct tsdb__sealed_list *lists;
    size_t at;     /* the next that is wanted, */
    uint32_t want; /* and its id; 0: none is left */
    struct source_range range;
    struct sample_vec scratch;
};

static const uint8_t *copy_bytes(struct arena *a, const uint8_t *p, size_t n)
{
    uint8_t *to = arena_alloc_raw(a, n + 1, 1);

    memcpy(to, p, n);
    return to;
}

/* A column of times of a row: which of them lie in the range. Read once, many series share it. */
struct column {
    bool known;
    uint32_t first, n;
    const ts_ms *times;
};

static int read_column(struct selecting *sl, int32_t slot, const struct tsdb__entry *e,
                       struct column *c)
{
    size_t first = 0, end = e->n_samples;
    struct sample *s;
    ts_ms *times;
    int rc;

    sl->scratch.n = 0;
    sample_vec_reserve(&sl->scratch, e->n_samples);
    s = sl->scratch.v;
    rc = tsdb__times_decode(e->times, e->n_times, tsdb__slot_start(slot), s, e->n_samples);
    if (rc < 0)
        return rc;
    while (end > 0 && s[end - 1].t > sl->range.to)
        end--;
    while (first < end && s[first].t < sl->range.from)
        first++;
    times = arena_array(sl->a, ts_ms, end - first);
    for (size_t i = first; i < end; i++)
        times[i - first] = s[i].t;
    *c = (struct column){true, (uint32_t)first, (uint32_t)(end - first), times};
    return 0;
}

static int take_entry(struct selecting *sl, int32_t slot, struct column *columns,
                      const struct tsdb__entry *e)
{
    struct column *column = &columns[e->column];
    struct tsdb__sealed *c;

    if (!column->known) {
        int rc = read_column(sl, slot, e, column);

        if (rc < 0)
            return rc;
    }
    if (column->n == 0)
        return 0;
    c = arena_new(sl->a, struct tsdb__sealed);
    c->rich = e->kind == TSDB__KIND_RICH;
    c->values = copy_bytes(sl->a, e->values, e->n_values);
    c->n_values = e->n_values;
    c->n_samples = e->n_samples;
    c->first = column->first;
    c->n = column->n;
    c->times = column->times;
    *sl->lists[sl->at].last = c;
    sl->lists[sl->at].last = &c->next;
    return 0;
}

static void want_next(struct selecting *sl)
{
    sl->at++;
    sl->want = sl->at < sl->n ? sl->ids[sl->at] : 0;
}

/* Takes what is wanted of one row; what is wanted next is at its last id or after it. */
static int take_row(struct selecting *sl, struct tsdb__chunk_row *row)
{
    struct column columns[TSDB__GROUP_COLUMNS_MAX + 1];
    uint32_t last = tsdb__group_last_id(&row->group);
    struct tsdb__entry e;
    int rc;

    for (size_t i = 0; i <= row->group.n_columns; i++)
        columns[i].known = false;
    while ((rc = tsdb__group_next(&row->group, &e)) == 0) {
        while (sl->want != 0 && sl->want < e.id)
            want_next(sl);
        if (sl->want == 0)
            return 0;
        if (sl->want == e.id)
            rc = take_entry(sl, row->key.slot, columns, &e);
        if (rc < 0)
            return rc;
        /* The last series of a row may go on in the next one. */
        if (sl->want == e.id && e.id < last)
            want_next(sl);
    }
    return rc < 0 ? rc : 0;
}

/* From the row under the cursor to the one that may hold what is wanted; of any slot. */
static int advance(struct selecting *sl, struct tsdb__chunk_row *row)
{
    struct tsdb__chunk_key was = row->key;
    uint32_t last = tsdb__group_last_id(&row->group);
    int rc = tsdb__chunk_next(sl->x, row);

    if (rc < 0 || row->key.slot != was.slot)
        return rc;
    if (row->key.first > last && sl->want == last)
        want_next(sl);
    if (sl->want != 0 && sl->want > tsdb__group_last_id(&row->group))
        return tsdb__chunk_seek(sl->x, was.slot, sl->want, row);
    return 0;
}

static int select_slot(struct selecting *sl, struct tsdb__chunk_row *row)
{
    int32_t slot = row->key.slot;
    int rc = 0;

    while (rc == 0 && row->key.slot == slot && sl->want != 0) {
        rc = take_row(sl, row);
        if (rc == 0 && sl->want != 0)
            rc = advance(sl, row);
    }
    return rc;
}

int tsdb__chunks_select(struct tsdb__txn *x, const uint32_t *ids, size_t n,
                        struct source_range range, struct arena *a, struct tsdb__sealed_list *lists)
{
    struct selecting sl = {.x = x, .ids = ids, .n = n, .a = a, .lists = lists, .range = range};
    struct tsdb__chunk_row row;
    int32_t slot, to;
    int rc;

    if (n == 0 || range.from > range.to || range.to < TSDB__TIME_MIN || range.from > TSDB__TIME_MAX)
        return 0;
    slot = tsdb__slot_of(MAX(range.from, TSDB__TIME_MIN));
    to = tsdb__slot_of(MIN(range.to, TSDB__TIME_MAX));
    for (rc = tsdb__chunk_seek(x, slot, ids[0], &row); rc == 0 && row.key.slot <= to;
         rc = tsdb__chunk_seek(x, slot + 1, ids[0], &row)) {
        slot = row.key.slot;
        sl.want = ids[0];
        sl.at = 0;
        rc = select_slot(&sl, &row);
        if (rc < 0)
            break;
        if (slot == to)
            break;
    }
    sample_vec_release(&sl.scratch);
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb__sealed_read(const struct tsdb__sealed *c, struct sample_vec *out)
{
    struct sample *s;
    int rc;

    sample_vec_reserve(out, c->n_samples);
    s = out->v + out->n;
    rc = tsdb__values_decode(c->values, c->n_values, s, c->n_samples);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < c->n; i++)
        s[i] = (struct sample){c->times[i], s[c->first + i].v};
    out->n += c->n;
    return 0;
}

static int add_rich(const struct tsdb__sealed *c, struct tsdb__mixed *out)
{
    struct tsdb__rich *r;
    int rc;

    tsdb__mixed_enrich(out);
    tsdb__rich_vec_reserve(&out->r, c->n_samples);
    r = out->r.v + out->r.n;
    for (uint32_t i = 0; i < c->n_samples; i++)
        r[i] = (struct tsdb__rich){.t = 0};
    for (uint32_t i = 0; i < c->n; i++)
        r[c->first + i].t = c->times[i];
    rc = tsdb__rich_decode(c->values, c->n_values, out->arena, r, c->n_samples);
    if (rc < 0)
        return rc;
    memmove(r, r + c->first, c->n * sizeof(*r));
    out->r.n += c->n;
    return 0;
}

int tsdb__sealed_add(const struct tsdb__sealed *c, struct tsdb__mixed *out)
{
    size_t n = out->f.n;
    int rc;

    if (c->rich)
        return add_rich(c, out);
    rc = tsdb__sealed_read(c, &out->f);
    for (; rc == 0 && out->rich && n < out->f.n; n++)
        tsdb__rich_vec_push(&out->r, (struct tsdb__rich){.t = out->f.v[n].t, .v = out->f.v[n].v});
    if (out->rich)
        out->f.n = 0;
    return rc;
}
