/*
 * purge.c - what deletions left on disk goes.
 *
 * The walk looks at every row that has a series of the deletion. In the slots of its range the rows
 * lose the samples; in the others it only learns which series go on living. A crash begins it anew:
 * what is rewritten already has nothing to lose.
 */
#include "purge.h"

#include "retention.h"

#include "ferula/base/check.h"

#define LOOKS_PER_ROW 16 /* rows looked at cost less than rows rewritten */
#define SERIES_MAX    48 /* taken out by a slice: as retention.c */

static bool in_range(const struct tsdb__purge *p, int64_t slot)
{
    return slot >= tsdb__slot_of(p->tomb.range.from) && slot <= tsdb__slot_of(p->tomb.range.to);
}

static int begin(struct tsdb__purge *p, struct tsdb__txn *x)
{
    struct tsdb__in body;
    MDB_val k;
    int rc;

    arena_reset(&p->arena);
    p->tomb = (struct tsdb__tomb){0};
    for (rc = tsdb__step(x, T_TOMB, MDB_FIRST, &k, &body);
         rc == 0 && (p->tomb.number == 0 || tsdb__tomb_number(&k) == p->tomb.number);
         rc = tsdb__step(x, T_TOMB, MDB_NEXT, &k, &body)) {
        rc = tsdb__tomb_add_row(&k, body, &p->arena, &p->tomb);
        if (rc < 0)
            break;
    }
    if (rc < 0 && rc != FER_ENOENT) {
        p->tomb.number = 0;
        return rc;
    }
    p->alive = arena_array(&p->arena, bool, p->tomb.n);
    p->n_alive = 0;
    p->now = (struct tsdb__purge_place){.phase = TSDB__PURGE_WALK,
                                        .slot = tsdb__slot_of(p->tomb.range.from)};
    return 0;
}

/* ---- a unit of rows --------------------------------------------------------------------- */

static void live_on(struct tsdb__purge *p, size_t i)
{
    p->n_alive += !p->alive[i];
    p->alive[i] = true;
}

/* One entry of a series of the deletion: *hit when it has samples to lose. */
static int look_at(struct tsdb__purge *p, size_t i, const struct tsdb__entry *e, bool *hit)
{
    struct sample_vec *times = &p->samples.f;
    int rc;

    if (!in_range(p, p->now.slot)) {
        live_on(p, i);
        return 0;
    }
    times->n = 0;
    sample_vec_reserve(times, e->n_samples);
    rc = tsdb__times_decode(e->times, e->n_times, tsdb__slot_start((int32_t)p->now.slot), times->v,
                            e->n_samples);
    for (uint32_t k = 0; rc == 0 && k < e->n_samples; k++) {
        ts_ms t = times->v[k].t;

        if (t >= p->tomb.range.from && t <= p->tomb.range.to)
            *hit = true;
        else
            live_on(p, i);
    }
    return rc;
}

static int look(struct tsdb__purge *p, bool *hit)
{
    struct tsdb__unit *u = &p->unit;
    int rc = tsdb__unit_begin(u);

    *hit = false;
    for (; rc == 0 && u->entry.id != 0; rc = tsdb__unit_next(u)) {
        size_t i = tsdb__ids_find(p->tomb.ids, p->tomb.n, u->entry.id);

        if (i < p->tomb.n && p->tomb.ids[i] == u->entry.id)
            rc = look_at(p, i, &u->entry, hit);
        if (rc < 0)
            break;
    }
    return rc;
}

static int rewrite(struct tsdb__purge *p, struct tsdb__txn *x)
{
    int32_t slot = (int32_t)p->now.slot;
    int rc = tsdb__unit_delete(&p->unit, x);

    if (rc == 0)
        rc = tsdb__unit_begin(&p->unit);
    tsdb__chunk_writer_begin(&p->writer, x, slot, false);
    p->samples.arena = &p->scratch;
    while (rc == 0 && p->unit.entry.id != 0) {
        uint32_t id = p->unit.entry.id;

        arena_reset(&p->scratch);
        tsdb__mixed_reset(&p->samples);
        rc = tsdb__unit_take(&p->unit, slot, id, &p->samples);
        if (rc == 0 && tsdb__ids_have(p->tomb.ids, p->tomb.n, id))
            tsdb__mixed_cut(&p->samples, p->tomb.range);
        if (rc == 0)
            rc = tsdb__chunk_writer_add(&p->writer, id, &p->samples);
    }
    return rc == 0 ? tsdb__chunk_writer_end(&p->writer) : rc;
}

/* ---- the walk --------------------------------------------------------------------------- */

/* Moves on to a slot that has rows. 1: there is none left for this phase. */
static int find_slot(struct tsdb__purge *p, struct tsdb__txn *x)
{
    bool knows_all = p->n_alive == p->tomb.n;
    struct tsdb__chunk_row row;
    int rc;

    if (p->now.slot > INT32_MAX || (knows_all && !in_range(p, p->now.slot)))
        return 1;
    rc = tsdb__chunk_seek(x, (int32_t)p->now.slot, p->tomb.ids[0], &row);
    if (rc < 0)
        return rc == FER_ENOENT ? 1 : rc;
    /* The seek may give the row before: then there may be others. */
    p->now.slot = MAX(p->now.slot, row.key.slot);
    if (p->now.phase == TSDB__PURGE_LOOK && p->now.slot >= tsdb__slot_of(p->tomb.range.from))
        return 1;
    return 0;
}

/* The next series that the slot has to be asked for. */
static bool find_series(struct tsdb__purge *p)
{
    bool all = in_range(p, p->now.slot);

    while (p->now.at < p->tomb.n && !all && p->alive[p->now.at])
        p->now.at++;
    return p->now.at < p->tomb.n;
}

/* *cost: rows rewritten, times LOOKS_PER_ROW, and rows looked at. */
static int walk_unit(struct tsdb__purge *p, struct tsdb__txn *x, size_t *cost)
{
    bool hit = false;
    int rc = tsdb__unit_load(&p->unit, x, (int32_t)p->now.slot, p->tomb.ids[p->now.at]);

    *cost += p->unit.n + 1;
    if (rc == 0 && p->unit.n > 0)
        rc = look(p, &hit);
    if (rc == 0 && hit) {
        *cost += p->unit.n * LOOKS_PER_ROW;
        rc = rewrite(p, x);
    }
    if (rc == 0)
        p->now.at = MAX(p->now.at + 1, tsdb__ids_find(p->tomb.ids, p->tomb.n, p->unit.limit));
    return rc;
}

static void end_phase(struct tsdb__purge *p)
{
    p->now.phase++;
    p->now.at = 0;
    p->now.slot = INT32_MIN + 1;
}

static int walk(struct tsdb__purge *p, struct tsdb__txn *x, size_t most)
{
    size_t cost = 0;

    while (cost < most * LOOKS_PER_ROW) {
        int rc = p->now.at == 0 ? find_slot(p, x) : 0;

        if (rc == 1)
            end_phase(p);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        if (find_series(p)) {
            rc = walk_unit(p, x, &cost);
            if (rc < 0)
                return rc;
        } else {
            p->now.slot++;
            p->now.at = 0;
            cost++;
        }
    }
    return 0;
}

/* ---- series and rows of the deletion ---------------------------------------------------- */

static int remove_series(struct tsdb *db, struct tsdb__purge *p, struct tsdb__txn *x)
{
    struct tsdb__gone *gone = &db->upkeep.gone;
    int rc = 0;

    for (; rc == 0 && p->now.at < p->tomb.n && gone->n < SERIES_MAX; p->now.at++) {
        uint32_t id = p->tomb.ids[p->now.at];

        if (!p->alive[p->now.at] && tsdb__head_lives(&db->head, id) &&
            !tsdb__head_has_chunk(&db->head, id) && !tsdb__late_has(&db->late, id))
            rc = tsdb__retention_remove(x, id, gone);
    }
    if (rc == 0)
        rc = tsdb__postings_remove(&gone->postings, x, &db->symbols);
    if (rc == 0 && p->now.at == p->tomb.n)
        end_phase(p);
    return rc;
}

int tsdb__purge_slice(struct tsdb *db, struct tsdb__txn *x, size_t most)
{
    struct tsdb__purge *p = &db->upkeep.purge;
    bool done;
    int rc = 0;

    db->upkeep.gone.n = 0;
    if (p->tomb.number == 0)
        rc = begin(p, x);
    p->at_commit = p->now;
    if (rc < 0)
        return rc;
    switch (p->now.phase) {
    case TSDB__PURGE_WALK:
    case TSDB__PURGE_LOOK:
        return walk(p, x, most);
    case TSDB__PURGE_REMOVE:
        return remove_series(db, p, x);
    default:
        rc = tsdb__tomb_delete(x, p->tomb.number, most, &done);
        if (rc == 0 && done)
            end_phase(p);
        return rc;
    }
}

bool tsdb__purge_publish(struct tsdb__purge *p)
{
    if (p->now.phase != TSDB__PURGE_DONE)
        return false;
    p->tomb.number = 0;
    tsdb__unit_release(&p->unit);
    tsdb__mixed_release(&p->samples);
    arena_release(&p->scratch);
    arena_release(&p->arena);
    return true;
}

void tsdb__purge_undo(struct tsdb__purge *p)
{
    p->now = p->at_commit;
}

void tsdb__purge_release(struct tsdb__purge *p)
{
    tsdb__unit_release(&p->unit);
    tsdb__chunk_writer_release(&p->writer);
    tsdb__mixed_release(&p->samples);
    arena_release(&p->scratch);
    arena_release(&p->arena);
}
