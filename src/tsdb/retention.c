/*
 * retention.c - old chunks go, and the series and strings that nothing else refers to.
 *
 * A series goes with the last of its chunks: when a row is deleted and none of a series' samples is
 * newer, neither in memory nor in a younger slot. That is known for series that got a sample since
 * the start; for the others the younger slots are asked, newest first.
 */
#include "retention.h"

#include <stdlib.h>

#include "chunks.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* Of one slice: a row, a series' label row and its lists and strings each free pages, too. */
#define SERIES_MAX 48
#define PROBES_MAX 4096

static bool is_being_sealed(const struct tsdb *db, int32_t slot)
{
    return slot == db->state.sealed.slot && db->state.sealed.id != UINT32_MAX;
}

static bool is_past(const struct tsdb *db, int32_t slot)
{
    return db->retention > 0 && tsdb__slot_end(slot) <= tsdb__kept_from(db);
}

int tsdb__retention_due(struct tsdb *db, struct tsdb__txn *x, bool *due, int32_t *slot)
{
    struct tsdb__chunk_row row;
    int32_t newest;
    int rc = tsdb__chunk_first(x, &row);

    *due = false;
    if (rc == 0)
        rc = tsdb__chunk_last_slot(x, &newest);
    if (rc < 0)
        return rc == FER_ENOENT ? 0 : rc;
    *slot = row.key.slot;
    if (is_being_sealed(db, *slot))
        return 0;
    *due = is_past(db, *slot) ||
           (db->retention_bytes > 0 && tsdb__used_bytes(db, x) > db->retention_bytes);
    return 0;
}

ts_ms tsdb__kept_from(const struct tsdb *db)
{
    ts_ms max_t = MAX(db->head.max_t, db->state.max_t);

    return db->retention == 0 || max_t < INT64_MIN + db->retention ? INT64_MIN
                                                                   : max_t - db->retention;
}

struct slicing {
    struct tsdb *db;
    struct tsdb__txn *x;
    struct tsdb__gone *gone;
    int32_t slot, newest;
    size_t n_probes;
    struct tsdb__mixed scratch;
    struct arena arena; /* scratch */
};

/* Whether the younger slots have samples of a series; a newest one that is not known is noted. */
static int ask_slots(struct slicing *sl, uint32_t id, struct tsdb__series *series, bool *found)
{
    struct tsdb__rich r;
    int rc = FER_ENOENT;

    for (int32_t slot = sl->newest; slot > sl->slot && rc == FER_ENOENT; slot--) {
        sl->n_probes++;
        arena_reset(&sl->arena);
        rc = tsdb__chunk_newest(sl->x, slot, id, &sl->scratch, &r);
    }
    *found = rc == 0;
    if (rc < 0)
        return rc == FER_ENOENT ? 0 : rc;
    if (series->has_newest)
        return 0;
    tsdb__head_lock_write(&sl->db->head);
    tsdb__head_note(&sl->db->head, series, tsdb__newest_of(&r));
    tsdb__head_unlock(&sl->db->head);
    return 0;
}

/* Nothing of the series is left but in rows of the oldest slot. */
static int is_last(struct slicing *sl, uint32_t id, bool *out)
{
    struct tsdb__series *series = tsdb__head_series(&sl->db->head, id);
    bool found;
    int rc;

    *out = false;
    if (tsdb__late_has(&sl->db->late, id) || tsdb__head_has_chunk(&sl->db->head, id))
        return 0;
    if (series->has_newest && !series->x.gone) {
        *out = tsdb__slot_of(series->x.t) <= sl->slot;
        return 0;
    }
    rc = ask_slots(sl, id, series, &found);
    *out = rc == 0 && !found;
    return rc;
}

int tsdb__retention_remove(struct tsdb__txn *x, uint32_t id, struct tsdb__gone *g)
{
    uint32_t tag;
    int rc = tsdb__series_delete(x, id, &g->postings, &tag);

    if (rc < 0)
        return rc;
    if (g->n == g->cap) {
        g->cap = g->cap == 0 ? SERIES_MAX : g->cap * 2;
        g->v = xrealloc(g->v, g->cap, sizeof(*g->v));
    }
    g->v[g->n].id = id;
    g->v[g->n++].tag = tag;
    return 0;
}

static bool is_gone(const struct tsdb__gone *g, uint32_t id)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].id == id)
            return true;
    return false;
}

/* The series of a row that end with it are taken out. *whole: it can be deleted now. */
static int clear_row(struct slicing *sl, struct tsdb__chunk_row *row, bool *whole)
{
    uint32_t last = tsdb__group_last_id(&row->group);
    struct tsdb__chunk_row next;
    struct tsdb__entry e;
    bool goes_on;
    int rc = tsdb__chunk_next(sl->x, &next);

    /* A series that goes on in the next row ends there. */
    goes_on = rc == 0 && next.key.slot == sl->slot && next.key.first == last;
    *whole = false;
    if (rc == FER_ENOENT)
        rc = 0;
    while (rc == 0 && (rc = tsdb__group_next(&row->group, &e)) == 0) {
        bool ends = false;

        if ((e.id == last && goes_on) || !tsdb__head_lives(&sl->db->head, e.id) ||
            is_gone(sl->gone, e.id))
            continue;
        if (sl->gone->n >= SERIES_MAX || sl->n_probes >= PROBES_MAX)
            return 0;
        rc = is_last(sl, e.id, &ends);
        if (rc == 0 && ends)
            rc = tsdb__retention_remove(sl->x, e.id, sl->gone);
    }
    *whole = rc == 1;
    return rc < 0 ? rc : 0;
}

int tsdb__retention_slice(struct tsdb *db, struct tsdb__txn *x, int32_t slot, size_t most,
                          struct tsdb__gone *gone)
{
    struct slicing sl = {.db = db, .x = x, .gone = gone, .slot = slot};
    bool whole = true;
    int rc = tsdb__chunk_last_slot(x, &sl.newest);

    sl.scratch.arena = &sl.arena;
    gone->n = 0;
    for (size_t i = 0; i < most && rc == 0 && whole; i++) {
        struct tsdb__chunk_row row;

        rc = tsdb__chunk_first(x, &row);
        if (rc < 0 || (row.key.slot != sl.slot &&
                       (is_being_sealed(db, row.key.slot) || !is_past(db, row.key.slot))))
            break;
        sl.slot = row.key.slot;
        rc = clear_row(&sl, &row, &whole);
        if (rc == 0 && whole)
            rc = tsdb__chunk_delete(x, row.key);
    }
    tsdb__mixed_release(&sl.scratch);
    arena_release(&sl.arena);
    if (rc == FER_ENOENT)
        rc = 0;
    return rc < 0 ? rc : tsdb__postings_remove(&gone->postings, x, &db->symbols);
}

void tsdb__retention_publish(struct tsdb *db, const struct tsdb__gone *gone)
{
    if (gone->n == 0)
        return;
    tsdb__head_lock_write(&db->head);
    for (size_t i = 0; i < gone->n; i++) {
        tsdb__head_bury(&db->head, gone->v[i].id);
        tsdb__series_forget(&db->series, gone->v[i].tag, gone->v[i].id);
    }
    tsdb__head_unlock(&db->head);
}

void tsdb__gone_release(struct tsdb__gone *gone)
{
    free(gone->v);
    tsdb__postings_release(&gone->postings);
    *gone = (struct tsdb__gone){0};
}
