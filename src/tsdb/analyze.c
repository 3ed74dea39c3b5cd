/*
 * analyze.c - what a store consists of: samples by slot, pages by table, series by name and label.
 *
 * One walk over the postings counts names and values; one over the directories of sealed groups
 * counts samples and sees in which slot a series was new.
 */
#include <stdlib.h>

#include "chunks.h"
#include "store.h"

#include "ferula/base/check.h"

struct analyzing {
    struct tsdb *db;
    struct tsdb__txn *x;
    struct arena *a;
    size_t most; /* names a list */
    struct tsdb_analysis *out;
    struct tsdb__ids seen; /* series that have a sealed sample */
    size_t cap_slots;
    struct tsdb_slot_size *slots;
};

/* ---- tables ----------------------------------------------------------------------------- */

static uint64_t *part_of(struct tsdb_analysis *out, enum tsdb__table t)
{
    switch (t) {
    case T_CHUNK:
        return &out->data_bytes;
    case T_WAL:
    case T_HEAD:
        return &out->log_bytes;
    default:
        return &out->index_bytes;
    }
}

static int read_tables(struct analyzing *an)
{
    struct tsdb_table_size *v = arena_array(an->a, struct tsdb_table_size, N_TABLES);
    struct tsdb_analysis *out = an->out;
    MDB_envinfo info;
    int rc = tsdb__err(mdb_env_info(an->db->env, &info));

    for (size_t i = 0; i < N_TABLES && rc == 0; i++) {
        MDB_stat st;

        rc = tsdb__err(mdb_stat(an->x->txn, an->db->dbis[i], &st));
        if (rc < 0)
            return rc;
        v[i] = (struct tsdb_table_size){
            tsdb__tables[i].name, st.ms_entries,
            (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) *
                an->db->meta.page_bytes};
        *part_of(out, (enum tsdb__table)i) += v[i].bytes;
    }
    if (rc < 0)
        return rc;
    out->tables = v;
    out->n_tables = N_TABLES;
    out->used_bytes = tsdb__used_bytes(an->db, an->x);
    out->file_bytes = (info.me_last_pgno + 1) * an->db->meta.page_bytes;
    out->map_bytes = info.me_mapsize;
    return 0;
}

/* ---- names and labels ------------------------------------------------------------------- */

struct counted {
    uint32_t symbol;
    uint64_t n_series, n_values;
};

struct counts {
    struct counted *v; /* in the arena */
    size_t n, cap;
};

static struct counted *count_for(struct analyzing *an, struct counts *c, uint32_t symbol)
{
    if (c->n == 0 || c->v[c->n - 1].symbol != symbol) {
        ARENA_GROW(an->a, c->v, c->n, c->cap, struct counted);
        c->v[c->n++] = (struct counted){symbol, 0, 0};
    }
    return &c->v[c->n - 1];
}

/* Series of one block: the first, and one for each varint, which ends in a byte below 128. */
static uint64_t block_series(struct tsdb__in body)
{
    uint64_t n = 1;

    (void)tsdb__in_le(&body, 4);
    for (; body.p < body.end; body.p++)
        n += *body.p < 0x80;
    return n;
}

static int by_series(const void *pa, const void *pb)
{
    const struct counted *a = pa, *b = pb;

    return a->n_series != b->n_series ? (a->n_series < b->n_series ? 1 : -1)
                                      : (a->symbol > b->symbol) - (a->symbol < b->symbol);
}

static int by_values(const void *pa, const void *pb)
{
    const struct counted *a = pa, *b = pb;

    return a->n_values != b->n_values ? (a->n_values < b->n_values ? 1 : -1) : by_series(pa, pb);
}

static int top(struct analyzing *an, struct counts *c, int (*order)(const void *, const void *),
               const struct tsdb_count **out, size_t *n)
{
    size_t most = MIN(c->n, an->most);
    struct tsdb_count *v = arena_array(an->a, struct tsdb_count, most);

    if (c->n > 1)
        qsort(c->v, c->n, sizeof(*c->v), order);
    for (size_t i = 0; i < most; i++) {
        struct str text;
        int rc = tsdb__symbol_text(an->x, c->v[i].symbol, &text);

        if (rc < 0)
            return rc;
        v[i] = (struct tsdb_count){arena_str(an->a, text), c->v[i].n_series, c->v[i].n_values};
    }
    *out = v;
    *n = most;
    return 0;
}

static int read_postings(struct analyzing *an)
{
    struct counts labels = {0}, metrics = {0};
    uint32_t metric_name, name, value, before[2] = {0};
    struct tsdb__in body;
    MDB_val k;
    int rc = tsdb__symbol_find(an->x, an->db->meta.uuid, STR(LABEL_NAME), &metric_name);

    if (rc == 0)
        rc = tsdb__step(an->x, T_POST, MDB_FIRST, &k, &body);
    for (; rc == 0; rc = tsdb__step(an->x, T_POST, MDB_NEXT, &k, &body)) {
        uint64_t n = block_series(body);
        struct counted *label;

        if (k.mv_size != 12)
            return FER_ECORRUPT;
        name = tsdb__get_be32(k.mv_data);
        value = tsdb__get_be32((const uint8_t *)k.mv_data + 4);
        label = count_for(an, &labels, name);
        label->n_series += n;
        label->n_values += name != before[0] || value != before[1];
        if (name == metric_name)
            count_for(an, &metrics, value)->n_series += n;
        before[0] = name;
        before[1] = value;
    }
    if (rc != FER_ENOENT)
        return rc;
    an->out->n_labels = labels.n;
    an->out->n_metrics = metrics.n;
    rc = top(an, &labels, by_values, &an->out->labels, &an->out->n_top_labels);
    return rc < 0 ? rc : top(an, &metrics, by_series, &an->out->metrics, &an->out->n_top_metrics);
}

/* ---- slots ------------------------------------------------------------------------------ */

static struct tsdb_slot_size *slot_for(struct analyzing *an, int32_t slot)
{
    ts_ms start = tsdb__slot_start(slot);
    size_t n = an->out->n_slots;

    if (n == 0 || an->slots[n - 1].start != start) {
        ARENA_GROW(an->a, an->slots, an->out->n_slots, an->cap_slots, struct tsdb_slot_size);
        an->slots[n] = (struct tsdb_slot_size){.start = start};
        an->out->n_slots++;
    }
    return &an->slots[an->out->n_slots - 1];
}

static int read_row(struct analyzing *an, struct tsdb__chunk_row *row, uint32_t *last_id)
{
    struct tsdb_slot_size *slot = slot_for(an, row->key.slot);
    struct tsdb__entry e;
    int rc;

    if (slot->rows++ == 0)
        *last_id = 0;
    while ((rc = tsdb__group_next(&row->group, &e)) == 0) {
        slot->samples += e.n_samples;
        slot->series += e.id != *last_id; /* a long series is in several rows */
        *last_id = e.id;
        if (e.id > an->seen.max || (an->seen.words[e.id / 64] >> (e.id % 64) & 1) != 0)
            continue;
        an->seen.words[e.id / 64] |= UINT64_C(1) << (e.id % 64);
        slot->new_series++;
    }
    return rc < 0 ? rc : 0;
}

static int read_chunks(struct analyzing *an)
{
    struct tsdb__chunk_row row;
    uint32_t max, last_id = 0;
    MDB_val k;
    int rc = tsdb__last_u32(an->x, T_SERIES, &max);

    if (rc < 0)
        return rc;
    an->seen = tsdb__ids_new(an->a, max);
    for (rc = tsdb__chunk_first(an->x, &row); rc == 0; rc = tsdb__chunk_next(an->x, &row)) {
        rc = read_row(an, &row, &last_id);
        if (rc < 0)
            return rc;
    }
    an->out->slots = an->slots;
    for (size_t i = 0; i < an->out->n_slots; i++)
        an->out->n_samples_sealed += an->slots[i].samples;
    if (rc == FER_ENOENT)
        rc = tsdb__step_key(an->x, T_SERIES, MDB_FIRST, &k);
    for (; rc == 0; rc = tsdb__step_key(an->x, T_SERIES, MDB_NEXT, &k)) {
        uint32_t id = 0;

        memcpy(&id, k.mv_data, MIN(k.mv_size, sizeof(id)));
        if (id <= max)
            an->out->n_series_unsealed += (an->seen.words[id / 64] >> (id % 64) & 1) == 0;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb_analyze(struct tsdb *db, struct arena *a, size_t most_names, struct tsdb_analysis *out,
                 struct fault *f)
{
    struct analyzing an = {.db = db, .a = a, .most = most_names, .out = out};
    struct tsdb_stats st;
    int rc;

    CHECK_MAGIC(db, TSDB_MAGIC);
    tsdb_stats(db, &st);
    *out = (struct tsdb_analysis){.n_series = st.n_series,
                                  .n_samples_head = st.n_samples_head,
                                  .n_samples_late = st.n_samples_late,
                                  .min_time = st.min_time,
                                  .max_time = st.max_time,
                                  .retention = db->retention,
                                  .retention_bytes = db->retention_bytes,
                                  .kept_from = INT64_MIN};
    rc = tsdb__reader_begin(db, &an.x, f);
    if (rc < 0)
        return rc;
    if (db->retention > 0 && st.max_time >= INT64_MIN + db->retention)
        out->kept_from = st.max_time - db->retention;
    rc = read_tables(&an);
    if (rc == 0)
        rc = read_postings(&an);
    if (rc == 0)
        rc = read_chunks(&an);
    tsdb__reader_end(db, an.x);
    return rc < 0 ? tsdb__read_fault(f, rc) : 0;
}
