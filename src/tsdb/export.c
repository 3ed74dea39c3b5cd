/*
 * export.c - everything that is stored, series by series, in parts that fit memory.
 *
 * A part is a selection of a few series, made as in source.c. What a series has cannot be told in
 * advance, so sealed chunks are copied a few slots at a time, and when that gets too much the part
 * is made again of fewer series; one series alone ends where the room ended.
 */
#include "source.h"

#include "ferula/base/check.h"

#define PART_BYTES_MAX   (4u << 20)
#define PART_SAMPLES_MAX (256u << 10)
#define STEP_SLOTS       16

struct exporting {
    struct tsdb *db;
    const struct tsdb_export *what;
    struct tsdb_cursor at;
    struct tsdb__texts tx;
    uint32_t *ids; /* ascending */
    size_t n;
    uint32_t more; /* the next series after them; 0: none */
    struct source_selection *sel;
    struct tsdb__picked *picked;
    uint64_t deleted_seq; /* as of the copies of memory */
    bool full;            /* there was no room for all of it */
};

/* The series after `id` that there is, of the table; 0: none. */
static int next_stored(struct tsdb__txn *x, MDB_cursor_op op, uint32_t *id)
{
    MDB_val k = {.mv_data = id, .mv_size = sizeof(*id)};
    uint32_t found = 0;
    int rc = tsdb__step_key(x, T_SERIES, op, &k);

    if (rc == 0)
        memcpy(&found, k.mv_data, MIN(k.mv_size, sizeof(found)));
    *id = found;
    return rc == FER_ENOENT ? 0 : rc;
}

/* Fills e->ids with the next `most` series from the cursor on. */
static int pick(struct exporting *e, size_t most)
{
    bool all = e->what->n_sets == 0;
    struct tsdb__ids found = {0};
    uint32_t id = e->at.id;
    int rc = all ? 0 : tsdb__match_any(e->db, &e->tx, e->what->sets, e->what->n_sets, &found);

    if (rc < 0)
        return rc;
    e->ids = arena_array(e->tx.a, uint32_t, most);
    if (all)
        rc = next_stored(e->tx.x, MDB_SET_RANGE, &id);
    else
        id = tsdb__ids_next(&found, id);
    while (rc == 0 && id != 0 && e->n < most) {
        e->ids[e->n++] = id;
        if (all)
            rc = next_stored(e->tx.x, MDB_NEXT, &id);
        else
            id = tsdb__ids_next(&found, id + 1);
    }
    e->more = id;
    return rc;
}

static int read_labels(struct exporting *e)
{
    int rc = 0;

    e->sel->series = arena_array(e->tx.a, struct source_series, e->n);
    for (size_t i = 0; i < e->n && rc == 0; i++)
        rc = tsdb__labels_read(&e->tx, e->ids[i], &e->sel->series[i].labels);
    e->sel->n = e->n;
    return rc;
}

/* Samples of the chunks that were copied last: those behind seen[], which is moved on. */
static size_t count_new(const struct exporting *e, const struct tsdb__sealed_list *lists,
                        struct tsdb__sealed *const **seen)
{
    size_t n_samples = 0;

    for (size_t i = 0; i < e->n; i++) {
        for (const struct tsdb__sealed *c = *seen[i]; c != NULL; c = c->next)
            n_samples += c->n;
        seen[i] = lists[i].last;
    }
    return n_samples;
}

/* Copies the next sealed chunks that there are from *slot on, and moves it on. 1: that was all. */
static int copy_step(struct exporting *e, struct tsdb__sealed_list *lists, int64_t *slot,
                     int64_t last)
{
    struct tsdb__chunk_row row;
    struct source_range step;
    int rc = tsdb__chunk_seek(e->tx.x, (int32_t)*slot, e->ids[0], &row);

    if (rc < 0 || row.key.slot > last)
        return rc < 0 && rc != FER_ENOENT ? rc : 1;
    *slot = MIN((int64_t)row.key.slot + STEP_SLOTS - 1, last);
    step.from = MAX(e->sel->range.from, tsdb__slot_start(row.key.slot));
    step.to = MIN(e->sel->range.to, tsdb__slot_end((int32_t)*slot) - 1);
    ++*slot;
    rc = tsdb__chunks_select(e->tx.x, e->ids, e->n, step, e->tx.a, lists);
    return rc < 0 ? rc : *slot > last;
}

/* Copies sealed chunks until there is no more room; the selection's range ends there then. */
static int copy_sealed(struct exporting *e, struct tsdb__sealed_list *lists)
{
    struct source_range *range = &e->sel->range;
    struct tsdb__sealed *const **seen = arena_array(e->tx.a, struct tsdb__sealed *const *, e->n);
    size_t n_samples = 0;
    int64_t slot, last;
    int rc = 0;

    if (e->n == 0 || range->from > range->to || range->to < TSDB__TIME_MIN ||
        range->from > TSDB__TIME_MAX)
        return 0;
    for (size_t i = 0; i < e->n; i++)
        seen[i] = &lists[i].first;
    slot = tsdb__slot_of(MAX(range->from, TSDB__TIME_MIN));
    last = tsdb__slot_of(MIN(range->to, TSDB__TIME_MAX));
    while (rc == 0) {
        rc = copy_step(e, lists, &slot, last);
        n_samples += count_new(e, lists, seen);
        e->full = rc == 0 && (e->tx.a->used_bytes > PART_BYTES_MAX || n_samples > PART_SAMPLES_MAX);
        if (e->full) {
            range->to = tsdb__slot_start((int32_t)slot) - 1;
            return 0;
        }
    }
    return rc < 0 ? rc : 0;
}

static int join_sealed(struct exporting *e)
{
    struct tsdb__sealed_list *lists = arena_array(e->tx.a, struct tsdb__sealed_list, e->n);
    struct tsdb__state state;
    int rc = tsdb__state_get(e->tx.x, &state);

    for (size_t i = 0; i < e->n; i++)
        lists[i].last = &lists[i].first;
    if (rc == 0)
        rc = copy_sealed(e, lists);
    if (rc < 0)
        return rc;
    tsdb__picked_join(e->picked, e->ids, e->n, lists, state.sealed);
    return tsdb__picked_cut(e->tx.x, e->tx.a, e->picked, e->ids, e->n, e->deleted_seq);
}

/* One try, with at most `most` series. */
static int make_part(struct exporting *e, size_t most)
{
    const struct source_range *wanted = &e->what->range;
    bool inside = e->at.from > wanted->from; /* the first series was begun before */
    int rc = pick(e, inside ? 1 : most);

    if (rc < 0)
        return rc;
    e->sel = arena_new(e->tx.a, struct source_selection);
    e->sel->source = &e->db->source;
    e->sel->range = *wanted;
    if (inside && e->n > 0 && e->ids[0] == e->at.id)
        e->sel->range.from = e->at.from;
    rc = read_labels(e);
    if (rc == 0) {
        tsdb__head_lock_read(&e->db->head);
        e->picked = tsdb__picked_memory(e->db, e->tx.a, e->ids, e->n, e->sel->range);
        e->deleted_seq = e->db->deleted_seq;
        rc = tsdb__reader_renew(e->tx.x);
        tsdb__head_unlock(&e->db->head);
    }
    return rc == 0 ? join_sealed(e) : rc;
}

static void finish(struct exporting *e, struct tsdb_part *out)
{
    struct source_selection *sel = e->sel;
    size_t n = 0;

    if (e->full)
        out->next = (struct tsdb_cursor){e->ids[e->n - 1], sel->range.to + 1};
    else
        out->next = (struct tsdb_cursor){e->more, e->what->range.from};
    for (size_t i = 0; i < sel->n; i++) {
        if (!tsdb__picked_any(&e->picked[i]))
            continue;
        e->ids[n] = e->ids[i];
        sel->series[n++] = (struct source_series){sel->series[i].labels, &e->picked[i]};
    }
    sel->n = n;
    out->sel = sel;
    out->ids = e->ids;
}

int tsdb_export(struct tsdb *db, struct arena *a, const struct tsdb_export *what,
                struct tsdb_cursor at, size_t n_series, struct tsdb_part *out, struct fault *f)
{
    struct exporting e;
    int rc;

    CHECK_MAGIC(db, TSDB_MAGIC);
    for (;; n_series = MAX(e.n / 8, 1)) {
        arena_reset(a);
        e = (struct exporting){.db = db, .what = what, .at = at, .tx = {.a = a}};
        rc = tsdb__reader_begin(db, &e.tx.x, f);
        if (rc < 0)
            return rc;
        rc = make_part(&e, MAX(n_series, 1));
        tsdb__reader_end(db, e.tx.x);
        if (rc < 0)
            return tsdb__read_fault(f, rc);
        if (!e.full || e.n == 1)
            break;
    }
    finish(&e, out);
    return 0;
}
