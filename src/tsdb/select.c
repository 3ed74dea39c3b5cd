/*
 * select.c - the series that satisfy matchers, as a set of ids.
 *
 * A matcher that the empty text does not satisfy keeps the series that have one of the values it
 * accepts. One that the empty text satisfies also keeps the series without the label, so it takes
 * away those that have a value it does not accept. Each value of a name is matched once. Equality
 * goes first, the shortest list before the rest; once few series are left, the other matchers look
 * at their labels instead of reading lists that may be long.
 */
#include "store.h"

#include "ferula/base/check.h"
#include "ferula/model/matcher.h"

/* Reading the labels of a series costs some 30 list entries of 30 ns. */
#define FEW_SERIES 256

struct selecting {
    struct tsdb *db;
    struct tsdb__texts *tx;
    uint32_t max; /* id */
};

/* Adds to `out` the series whose value of the name is, or is not, accepted. */
static int by_enumeration(struct selecting *sl, const struct matcher *m, uint32_t name,
                          bool accepted, struct tsdb__ids *out)
{
    uint32_t value = 0;
    int rc;

    while ((rc = tsdb__postings_next_value(sl->tx->x, name, &value)) == 0) {
        struct str text;

        rc = tsdb__symbol_text(sl->tx->x, value, &text);
        if (rc == 0 && matcher_matches(m, text) == accepted)
            rc = tsdb__postings_read(sl->tx->x, name, value, out);
        if (rc < 0)
            return rc;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

static int by_texts(struct selecting *sl, const struct str *texts, size_t n, uint32_t name,
                    struct tsdb__ids *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t value;
        int rc = tsdb__symbol_find(sl->tx->x, sl->db->meta.uuid, texts[i], &value);

        if (rc == 0 && value != 0 && texts[i].n != 0)
            rc = tsdb__postings_read(sl->tx->x, name, value, out);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The series whose value is in (accepted) or is none of the matcher's. */
static int by_lists(struct selecting *sl, const struct matcher *m, bool accepted,
                    struct tsdb__ids *out)
{
    bool negated = m->op == MATCH_NE || m->op == MATCH_NRE;
    const struct str *texts = &m->value;
    size_t n_texts = m->op == MATCH_RE || m->op == MATCH_NRE ? regex_literals(m->re, &texts) : 1;
    uint32_t name;
    int rc = tsdb__symbol_find(sl->tx->x, sl->db->meta.uuid, m->name, &name);

    if (rc < 0 || name == 0)
        return rc;
    /* The values that it names are those wanted: accepted by = and =~, refused by != and !~. */
    if (n_texts != 0 && accepted != negated)
        return by_texts(sl, texts, n_texts, name, out);
    return by_enumeration(sl, m, name, accepted, out);
}

/* All series of the snapshot. */
static int all_series(struct selecting *sl, struct tsdb__ids *ids)
{
    MDB_val k;
    int rc;

    for (rc = tsdb__step_key(sl->tx->x, T_SERIES, MDB_FIRST, &k); rc == 0;
         rc = tsdb__step_key(sl->tx->x, T_SERIES, MDB_NEXT, &k)) {
        uint32_t id = 0;

        memcpy(&id, k.mv_data, MIN(k.mv_size, sizeof(id)));
        tsdb__ids_add(ids, id);
    }
    return rc == FER_ENOENT ? 0 : rc;
}

/* `first`: no matcher was applied yet, and the set is empty. */
static int apply_lists(struct selecting *sl, const struct matcher *m, bool first,
                       struct tsdb__ids *ids)
{
    bool empty_too = matcher_matches(m, STR(""));
    struct tsdb__ids found = {0};
    int rc = 0;

    if (first && !empty_too)
        return by_lists(sl, m, true, ids);
    if (first)
        rc = all_series(sl, ids);
    found = tsdb__ids_new(sl->tx->a, sl->max);
    if (rc == 0)
        rc = by_lists(sl, m, !empty_too, &found);
    if (rc < 0)
        return rc;
    if (empty_too)
        tsdb__ids_and_not(ids, found);
    else
        tsdb__ids_and(ids, found);
    return 0;
}

static int apply_labels(struct selecting *sl, const struct matcher *const *m, size_t n,
                        struct tsdb__ids *ids)
{
    for (uint32_t id = tsdb__ids_next(ids, 1); id != 0; id = tsdb__ids_next(ids, id + 1)) {
        struct labels ls;
        bool keep = true;
        int rc = tsdb__labels_read(sl->tx, id, &ls);

        if (rc < 0)
            return rc;
        for (size_t i = 0; i < n && keep; i++)
            keep = matcher_matches(m[i], labels_get(ls, m[i]->name));
        if (!keep)
            ids->words[id / 64] &= ~(UINT64_C(1) << (id % 64));
    }
    return 0;
}

/* An equality whose list is this long or longer is as good as any other. */
#define BLOCKS_MAX 8

/*
 * Lower is earlier: equalities with the shortest list first, for what is left after them is looked
 * at series by series; then what the empty text does not satisfy, then the rest.
 */
static int rank(struct selecting *sl, const struct matcher *m, unsigned *out)
{
    uint32_t name, value;
    int rc;

    *out = matcher_matches(m, STR("")) ? BLOCKS_MAX + 3 : BLOCKS_MAX + 2;
    if (m->op != MATCH_EQ || m->value.n == 0)
        return 0;
    rc = tsdb__symbol_find(sl->tx->x, sl->db->meta.uuid, m->name, &name);
    if (rc == 0)
        rc = tsdb__symbol_find(sl->tx->x, sl->db->meta.uuid, m->value, &value);
    *out = 0;
    if (rc < 0 || name == 0 || value == 0)
        return rc;
    return tsdb__postings_blocks(sl->tx->x, name, value, BLOCKS_MAX, out);
}

static int in_order(struct selecting *sl, const struct matcher *m, size_t n,
                    const struct matcher ***out)
{
    const struct matcher **v = arena_array(sl->tx->a, const struct matcher *, n);
    unsigned *ranks = arena_array(sl->tx->a, unsigned, n);

    for (size_t i = 0; i < n; i++) {
        unsigned r;
        size_t at = i;
        int rc = rank(sl, &m[i], &r);

        if (rc < 0)
            return rc;
        for (; at > 0 && ranks[at - 1] > r; at--) {
            v[at] = v[at - 1];
            ranks[at] = ranks[at - 1];
        }
        v[at] = &m[i];
        ranks[at] = r;
    }
    *out = v;
    return 0;
}

int tsdb__match(struct tsdb *db, struct tsdb__texts *tx, const struct matcher *m, size_t n,
                struct tsdb__ids *out)
{
    struct selecting sl = {.db = db, .tx = tx};
    const struct matcher **v = NULL;
    int rc = tsdb__last_u32(tx->x, T_SERIES, &sl.max);

    if (rc == 0)
        rc = in_order(&sl, m, n, &v);
    if (rc < 0)
        return rc;
    *out = tsdb__ids_new(tx->a, sl.max);
    if (n == 0)
        return all_series(&sl, out);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && tsdb__ids_count(out) <= FEW_SERIES)
            return apply_labels(&sl, v + i, n - i, out);
        rc = apply_lists(&sl, v[i], i == 0, out);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int tsdb__match_any(struct tsdb *db, struct tsdb__texts *tx, const struct tsdb_match *sets,
                    size_t n, struct tsdb__ids *out)
{
    uint32_t max;
    int rc = tsdb__last_u32(tx->x, T_SERIES, &max);

    *out = tsdb__ids_new(tx->a, max);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct tsdb__ids found;

        rc = tsdb__match(db, tx, sets[i].m, sets[i].n, &found);
        for (size_t w = 0; rc == 0 && w <= max / 64; w++)
            out->words[w] |= found.words[w];
    }
    return rc;
}
