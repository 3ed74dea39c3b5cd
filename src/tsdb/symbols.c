/*
 * symbols.c - strings as small numbers.
 *
 * T_SYM has the text of an id, T_SYMX finds the id: its keys are a hash of the text, keyed by the
 * store's uuid so that a client cannot prepare collisions, followed by the id; texts are compared.
 */
#include "symbols.h"

#include <stdlib.h>

#include "id_table.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define N_SEEN 4096 /* power of two */

struct tsdb__symbol_seen {
    struct hash128 hash;
    uint32_t id; /* 0: free */
};

struct tsdb__text {
    uint32_t id; /* 0: free */
    struct str text;
};

uint64_t tsdb__symbol_hash(const uint8_t *uuid, struct str s)
{
    char keyed[16 + TSDB__SYMBOL_BYTES_MAX];

    memcpy(keyed, uuid, 16);
    memcpy(keyed + 16, s.p, s.n);
    return hash_stable64(keyed, 16 + s.n);
}

int tsdb__symbol_text(struct tsdb__txn *x, uint32_t id, struct str *out)
{
    struct tsdb__in body;
    int rc = tsdb__get(x, T_SYM, &id, sizeof(id), &body);

    if (rc != 0)
        return rc == FER_ENOENT ? FER_ECORRUPT : rc;
    out->p = (const char *)body.p;
    out->n = tsdb__in_left(&body);
    return 0;
}

int tsdb__symbol_find(struct tsdb__txn *x, const uint8_t *uuid, struct str s, uint32_t *out)
{
    uint8_t want[12] = {0};
    MDB_val k = {.mv_data = want, .mv_size = sizeof(want)};
    struct tsdb__in body;
    int rc;

    *out = 0;
    if (s.n > TSDB__SYMBOL_BYTES_MAX)
        return 0;
    tsdb__put_be64(want, tsdb__symbol_hash(uuid, s));
    for (rc = tsdb__step(x, T_SYMX, MDB_SET_RANGE, &k, &body); rc == 0;
         rc = tsdb__step(x, T_SYMX, MDB_NEXT, &k, &body)) {
        struct str text = {0};
        uint32_t id;

        if (k.mv_size != sizeof(want) || memcmp(k.mv_data, want, 8) != 0)
            return 0;
        id = tsdb__get_be32((const uint8_t *)k.mv_data + 8);
        rc = tsdb__symbol_text(x, id, &text);
        if (rc < 0)
            return rc;
        if (str_eq(text, s)) {
            *out = id;
            return 0;
        }
    }
    return rc == FER_ENOENT ? 0 : rc;
}

void tsdb__symbols_init(struct tsdb__symbols *sy, const uint8_t *uuid, uint32_t n)
{
    memcpy(sy->uuid, uuid, sizeof(sy->uuid));
    sy->n = n;
}

void tsdb__symbols_release(struct tsdb__symbols *sy)
{
    free(sy->seen);
    sy->seen = NULL;
}

void tsdb__symbols_rollback(struct tsdb__symbols *sy, uint32_t n)
{
    if (sy->n != n && sy->seen != NULL)
        memset(sy->seen, 0, N_SEEN * sizeof(*sy->seen));
    sy->n = n;
}

int tsdb__symbols_find(struct tsdb__symbols *sy, struct tsdb__txn *x, struct str s, uint32_t *out)
{
    struct hash128 hash = hash_keyed128(s.p, s.n);
    struct tsdb__symbol_seen *seen;
    int rc;

    if (sy->seen == NULL)
        sy->seen = xcalloc(N_SEEN, sizeof(*sy->seen));
    seen = &sy->seen[hash.lo % N_SEEN];
    if (seen->id != 0 && hash128_eq(seen->hash, hash)) {
        *out = seen->id;
        return 0;
    }
    rc = tsdb__symbol_find(x, sy->uuid, s, out);
    if (rc == 0 && *out != 0)
        *seen = (struct tsdb__symbol_seen){hash, *out};
    return rc;
}

int tsdb__symbols_intern(struct tsdb__symbols *sy, struct tsdb__txn *x, struct str s, uint32_t *out)
{
    uint8_t key[12];
    uint32_t id;
    int rc = s.n > TSDB__SYMBOL_BYTES_MAX ? FER_ELIMIT : tsdb__symbols_find(sy, x, s, out);

    if (rc < 0 || *out != 0)
        return rc;
    id = sy->n + 1;
    rc = tsdb__put(x, T_SYM, (struct str){(const char *)&id, sizeof(id)}, s, MDB_APPEND);
    if (rc < 0)
        return rc;
    sy->n = id;
    tsdb__put_be64(key, tsdb__symbol_hash(sy->uuid, s));
    tsdb__put_be32(key + 8, id);
    rc = tsdb__put(x, T_SYMX, (struct str){(const char *)key, sizeof(key)}, STR(""), 0);
    if (rc == 0)
        *out = id;
    return rc;
}

int tsdb__symbols_delete(struct tsdb__symbols *sy, struct tsdb__txn *x, uint32_t id)
{
    struct hash128 hash;
    struct str text = {0};
    uint8_t key[12];
    int rc = tsdb__symbol_text(x, id, &text);

    if (rc < 0)
        return rc;
    hash = hash_keyed128(text.p, text.n);
    if (sy->seen != NULL)
        sy->seen[hash.lo % N_SEEN] = (struct tsdb__symbol_seen){0};
    tsdb__put_be64(key, tsdb__symbol_hash(sy->uuid, text));
    tsdb__put_be32(key + 8, id);
    rc = tsdb__delete_key(x, T_SYMX, (struct str){(const char *)key, sizeof(key)});
    if (rc == 0)
        rc = tsdb__delete_key(x, T_SYM, (struct str){(const char *)&id, sizeof(id)});
    return rc == FER_ENOENT ? FER_ECORRUPT : rc;
}

static struct tsdb__text *text_slot(const struct tsdb__texts *tx, uint32_t id)
{
    return &tx->v[tsdb__id_place(tx->v, sizeof(*tx->v), tx->cap, id)];
}

static void texts_grow(struct tsdb__texts *tx)
{
    struct tsdb__texts old = *tx;

    tx->cap = old.cap == 0 ? 64 : old.cap * 2;
    tx->v = arena_array(tx->a, struct tsdb__text, tx->cap);
    for (size_t i = 0; i < old.cap; i++)
        if (old.v[i].id != 0)
            *text_slot(tx, old.v[i].id) = old.v[i];
}

int tsdb__texts_get(struct tsdb__texts *tx, uint32_t id, struct str *out)
{
    struct tsdb__text *slot;
    struct str text;
    int rc;

    if (id == 0)
        return FER_ECORRUPT;
    if (tx->n * 2 >= tx->cap)
        texts_grow(tx);
    slot = text_slot(tx, id);
    if (slot->id == 0) {
        rc = tsdb__symbol_text(tx->x, id, &text);
        if (rc < 0)
            return rc;
        slot->id = id;
        slot->text = arena_str(tx->a, text);
        tx->n++;
    }
    *out = slot->text;
    return 0;
}
