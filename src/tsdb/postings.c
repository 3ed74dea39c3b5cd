/*
 * postings.c - which series have a label.
 *
 * A list is cut into blocks of at most BLOCK_BYTES: key (name, value, first id), value last id and
 * then the distances of the ids after the first. Ids only grow, so a list grows at its last block.
 * The additions of a transaction are sorted first, so that each list is touched once.
 */
#include "postings.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define BLOCK_BYTES 1000
#define KEY_BYTES   12

static void print_key(uint8_t key[KEY_BYTES], uint32_t name, uint32_t value, uint32_t id)
{
    tsdb__put_be32(key, name);
    tsdb__put_be32(key + 4, value);
    tsdb__put_be32(key + 8, id);
}

static struct tsdb__posting parse_key(const MDB_val *k)
{
    const uint8_t *p = k->mv_data;

    if (k->mv_size != KEY_BYTES)
        return (struct tsdb__posting){0};
    return (struct tsdb__posting){tsdb__get_be32(p), tsdb__get_be32(p + 4), tsdb__get_be32(p + 8)};
}

void tsdb__postings_add(struct tsdb__postings *ps, uint32_t id, const uint32_t *syms, size_t n)
{
    if (ps->n + n > ps->cap) {
        ps->cap = MAX(ps->cap * 2, ps->n + n);
        ps->v = xrealloc(ps->v, ps->cap, sizeof(*ps->v));
    }
    for (size_t i = 0; i < n; i++)
        ps->v[ps->n++] = (struct tsdb__posting){syms[2 * i], syms[2 * i + 1], id};
}

void tsdb__postings_release(struct tsdb__postings *ps)
{
    free(ps->v);
    buf_release(&ps->block);
    *ps = (struct tsdb__postings){0};
}

static int by_key(const void *pa, const void *pb)
{
    const struct tsdb__posting *a = pa, *b = pb;

    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool same_list(const struct tsdb__posting *a, const struct tsdb__posting *b)
{
    return a->name == b->name && a->value == b->value;
}

/* The last block of the list of `want`: its key, and its body in ps->block; first id 0: no block.
 */
static int last_block(struct tsdb__postings *ps, struct tsdb__txn *x,
                      const struct tsdb__posting *want, uint8_t key[KEY_BYTES], uint32_t *last)
{
    MDB_val k = {.mv_data = key, .mv_size = KEY_BYTES};
    struct tsdb__in body;
    struct tsdb__posting at;
    int rc;

    *last = 0;
    print_key(key, want->name, want->value, UINT32_MAX);
    rc = tsdb__step(x, T_POST, MDB_SET_RANGE, &k, &body);
    if (rc == 0 || rc == FER_ENOENT)
        rc = tsdb__step(x, T_POST, rc == 0 ? MDB_PREV : MDB_LAST, &k, &body);
    if (rc < 0)
        return rc == FER_ENOENT ? 0 : rc;
    at = parse_key(&k);
    if (!same_list(&at, want))
        return 0;
    print_key(key, at.name, at.value, at.id);
    *last = (uint32_t)tsdb__in_le(&body, 4);
    buf_reset(&ps->block);
    buf_add(&ps->block, body.p - 4, tsdb__in_left(&body) + 4);
    return 0;
}

static int put_block(struct tsdb__postings *ps, struct tsdb__txn *x, const uint8_t *key,
                     uint32_t last)
{
    memcpy(ps->block.p, &last, sizeof(last));
    return tsdb__put(x, T_POST, (struct str){(const char *)key, KEY_BYTES}, buf_str(&ps->block), 0);
}

/* Adds the ids v[0..n) of one list. */
static int flush_list(struct tsdb__postings *ps, struct tsdb__txn *x, const struct tsdb__posting *v,
                      size_t n)
{
    uint8_t key[KEY_BYTES];
    uint32_t last;
    int rc = last_block(ps, x, v, key, &last);

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (last != 0 && ps->block.n + 5 <= BLOCK_BYTES) {
            tsdb__add_varint(&ps->block, v[i].id - last);
        } else {
            if (last != 0)
                rc = put_block(ps, x, key, last);
            print_key(key, v[i].name, v[i].value, v[i].id);
            buf_reset(&ps->block);
            buf_add(&ps->block, "\0\0\0\0", 4);
        }
        last = v[i].id;
    }
    return rc == 0 ? put_block(ps, x, key, last) : rc;
}

/* ---- removing --------------------------------------------------------------------------- */

/* The ids of a block without those of v[0..n), which ascend; *taken: how many of v it had. */
static int thin_block(struct tsdb__postings *ps, uint32_t first, struct tsdb__in body,
                      const struct tsdb__posting *v, size_t n, uint32_t *new_first, size_t *taken)
{
    uint32_t last = (uint32_t)tsdb__in_le(&body, 4), id = first, before = 0;
    bool more = true;

    *new_first = 0;
    *taken = 0;
    buf_reset(&ps->block);
    buf_add(&ps->block, "\0\0\0\0", 4);
    while (more) {
        if (*taken < n && v[*taken].id == id) {
            ++*taken;
        } else {
            if (*new_first == 0)
                *new_first = id;
            else
                tsdb__add_varint(&ps->block, id - before);
            before = id;
        }
        more = tsdb__in_left(&body) > 0;
        if (more)
            id += tsdb__in_varint32(&body);
        if (body.bad)
            return FER_ECORRUPT;
    }
    memcpy(ps->block.p, &before, sizeof(before));
    return id == last ? 0 : FER_ECORRUPT;
}

/* Takes from the block that holds v[0] as many of v as it has; *taken is at least one. */
static int remove_from_block(struct tsdb__postings *ps, struct tsdb__txn *x,
                             const struct tsdb__posting *v, size_t n, size_t *taken)
{
    uint8_t key[KEY_BYTES];
    MDB_val k = {.mv_data = key, .mv_size = KEY_BYTES};
    struct tsdb__in body;
    struct tsdb__posting at;
    uint32_t first;
    int rc;

    print_key(key, v->name, v->value, v->id);
    rc = tsdb__step(x, T_POST, MDB_SET_RANGE, &k, &body);
    if (rc == 0 && memcmp(k.mv_data, key, sizeof(key)) != 0)
        rc = tsdb__step(x, T_POST, MDB_PREV, &k, &body);
    else if (rc == FER_ENOENT)
        rc = tsdb__step(x, T_POST, MDB_LAST, &k, &body);
    if (rc < 0)
        return rc == FER_ENOENT ? FER_ECORRUPT : rc;
    at = parse_key(&k);
    if (!same_list(&at, v))
        return FER_ECORRUPT;
    rc = thin_block(ps, at.id, body, v, n, &first, taken);
    if (rc < 0 || *taken == 0)
        return FER_ECORRUPT;
    if (first != at.id)
        rc = tsdb__delete(x, T_POST);
    if (rc < 0 || first == 0)
        return rc;
    print_key(key, v->name, v->value, first);
    return tsdb__put(x, T_POST, (struct str){(const char *)key, KEY_BYTES}, buf_str(&ps->block), 0);
}

static int has_list(struct tsdb__txn *x, uint32_t name, uint32_t value, bool *out)
{
    uint8_t key[KEY_BYTES];
    MDB_val k = {.mv_data = key, .mv_size = KEY_BYTES};
    struct tsdb__in body;
    struct tsdb__posting at;
    int rc;

    print_key(key, name, value, 0);
    rc = tsdb__step(x, T_POST, MDB_SET_RANGE, &k, &body);
    *out = false;
    if (rc < 0)
        return rc == FER_ENOENT ? 0 : rc;
    at = parse_key(&k);
    *out = at.name == name && (value == 0 || at.value == value);
    return 0;
}

/* A label's name, a value of any name, or a metric family. */
static int is_used(struct tsdb__txn *x, uint32_t symbol, bool *out)
{
    struct tsdb__in body;
    uint32_t name = 0;
    int rc = tsdb__get(x, T_MDATA, &symbol, sizeof(symbol), &body);

    *out = rc == 0;
    if (rc == FER_ENOENT)
        rc = has_list(x, symbol, 0, out);
    while (rc == 0 && !*out && (rc = tsdb__postings_next_name(x, &name)) == 0)
        rc = has_list(x, name, symbol, out);
    return rc == FER_ENOENT ? 0 : rc;
}

static int drop_symbol(struct tsdb__txn *x, struct tsdb__symbols *sy, uint32_t symbol)
{
    bool used;
    int rc = is_used(x, symbol, &used);

    return rc < 0 || used ? rc : tsdb__symbols_delete(sy, x, symbol);
}

static int remove_list(struct tsdb__postings *ps, struct tsdb__txn *x, struct tsdb__symbols *sy,
                       const struct tsdb__posting *v, size_t n)
{
    size_t taken;
    bool left;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i += taken)
        rc = remove_from_block(ps, x, v + i, n - i, &taken);
    if (rc == 0)
        rc = has_list(x, v->name, v->value, &left);
    if (rc < 0 || left)
        return rc;
    rc = drop_symbol(x, sy, v->value);
    if (rc == 0)
        rc = has_list(x, v->name, 0, &left);
    return rc < 0 || left || v->name == v->value ? rc : drop_symbol(x, sy, v->name);
}

/* One after another of the lists that were added to. */
static int each_list(struct tsdb__postings *ps, struct tsdb__txn *x, struct tsdb__symbols *sy)
{
    size_t i = 0, end;
    int rc = 0;

    if (ps->n > 1)
        qsort(ps->v, ps->n, sizeof(*ps->v), by_key);
    for (; i < ps->n && rc == 0; i = end) {
        for (end = i + 1; end < ps->n && same_list(&ps->v[i], &ps->v[end]);)
            end++;
        rc = sy == NULL ? flush_list(ps, x, ps->v + i, end - i)
                        : remove_list(ps, x, sy, ps->v + i, end - i);
    }
    ps->n = 0;
    return rc;
}

int tsdb__postings_flush(struct tsdb__postings *ps, struct tsdb__txn *x)
{
    return each_list(ps, x, NULL);
}

int tsdb__postings_remove(struct tsdb__postings *ps, struct tsdb__txn *x, struct tsdb__symbols *sy)
{
    return each_list(ps, x, sy);
}

/* ---- sets of ids ------------------------------------------------------------------------ */

struct tsdb__ids tsdb__ids_new(struct arena *a, uint32_t max)
{
    return (struct tsdb__ids){arena_array(a, uint64_t, max / 64 + 1), max};
}

bool tsdb__ids_add(struct tsdb__ids *s, uint32_t id)
{
    if (id == 0 || id > s->max)
        return false;
    s->words[id / 64] |= UINT64_C(1) << (id % 64);
    return true;
}

void tsdb__ids_and(struct tsdb__ids *s, struct tsdb__ids other)
{
    for (size_t i = 0; i <= s->max / 64; i++)
        s->words[i] &= other.words[i];
}

void tsdb__ids_and_not(struct tsdb__ids *s, struct tsdb__ids other)
{
    for (size_t i = 0; i <= s->max / 64; i++)
        s->words[i] &= ~other.words[i];
}

size_t tsdb__ids_count(const struct tsdb__ids *s)
{
    size_t n = 0;

    for (size_t i = 0; i <= s->max / 64; i++)
        n += (size_t)__builtin_popcountll(s->words[i]);
    return n;
}

uint32_t tsdb__ids_next(const struct tsdb__ids *s, uint32_t from)
{
    if (from > s->max)
        return 0;
    for (size_t i = from / 64; i <= s->max / 64; i++) {
        uint64_t w = s->words[i];

        if (i == from / 64)
            w &= ~UINT64_C(0) << (from % 64);
        if (w != 0)
            return (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(w);
    }
    return 0;
}

/* Adds the ids of one block. */
static int read_block(uint32_t first, struct tsdb__in body, struct tsdb__ids *out)
{
    uint32_t last = (uint32_t)tsdb__in_le(&body, 4), id = first;
    bool good = tsdb__ids_add(out, id);

    while (good && tsdb__in_left(&body) > 0 && !body.bad) {
        id += tsdb__in_varint32(&body);
        good = tsdb__ids_add(out, id);
    }
    return good && !body.bad && id == last ? 0 : FER_ECORRUPT;
}

int tsdb__postings_read(struct tsdb__txn *x, uint32_t name, uint32_t value, struct tsdb__ids *out)
{
    uint8_t key[KEY_BYTES];
    MDB_val k = {.mv_data = key, .mv_size = KEY_BYTES};
    struct tsdb__in body;
    int rc;

    print_key(key, name, value, 0);
    for (rc = tsdb__step(x, T_POST, MDB_SET_RANGE, &k, &body); rc == 0;
         rc = tsdb__step(x, T_POST, MDB_NEXT, &k, &body)) {
        struct tsdb__posting at = parse_key(&k);

        if (at.name != name || at.value != value)
            return 0;
        rc = read_block(at.id, body, out);
        if (rc < 0)
            return rc;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

int tsdb__postings_blocks(struct tsdb__txn *x, uint32_t name, uint32_t value, unsigned most,
                          unsigned *out)
{
    uint8_t key[KEY_BYTES];
    MDB_val k = {.mv_data = key, .mv_size = KEY_BYTES};
    int rc;

    print_key(key, name, value, 0);
    *out = 0;
    for (rc = tsdb__step_key(x, T_POST, MDB_SET_RANGE, &k); rc == 0 && *out < most;
         rc = tsdb__step_key(x, T_POST, MDB_NEXT, &k)) {
        struct tsdb__posting at = parse_key(&k);

        if (at.name != name || at.value != value)
            return 0;
        ++*out;
    }
    return rc == FER_ENOENT ? 0 : rc;
}

/* The first block whose key is not below (name, value, id). */
static int seek(struct tsdb__txn *x, struct tsdb__posting want, struct tsdb__posting *at)
{
    uint8_t key[KEY_BYTES];
    MDB_val k = {.mv_data = key, .mv_size = KEY_BYTES};
    struct tsdb__in body;
    int rc;

    print_key(key, want.name, want.value, want.id);
    rc = tsdb__step(x, T_POST, MDB_SET_RANGE, &k, &body);
    if (rc == 0)
        *at = parse_key(&k);
    return rc;
}

int tsdb__postings_next_value(struct tsdb__txn *x, uint32_t name, uint32_t *value)
{
    struct tsdb__posting at = {0};
    int rc = seek(x, (struct tsdb__posting){name, *value, UINT32_MAX}, &at);

    if (rc < 0 || at.name != name)
        return rc < 0 ? rc : FER_ENOENT;
    *value = at.value;
    return 0;
}

int tsdb__postings_next_name(struct tsdb__txn *x, uint32_t *name)
{
    struct tsdb__posting at = {0};
    int rc = seek(x, (struct tsdb__posting){*name, UINT32_MAX, UINT32_MAX}, &at);

    if (rc == 0)
        *name = at.name;
    return rc;
}
