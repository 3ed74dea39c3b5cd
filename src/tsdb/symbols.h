/*
 * symbols.h - strings as small numbers: label names, label values, metric family names.
 */
#ifndef TSDB_SYMBOLS_H
#define TSDB_SYMBOLS_H

#include "tables.h"

#include "ferula/base/arena.h"
#include "ferula/base/hash.h"

#define TSDB__SYMBOL_BYTES_MAX (TSDB__BODY_MAX - 16)

/* What T_SYMX has of a text of at most TSDB__SYMBOL_BYTES_MAX bytes. */
uint64_t tsdb__symbol_hash(const uint8_t *uuid, struct str s);

/* The symbol of a string; 0: there is none. `uuid` (16 bytes) keys the hash. */
int tsdb__symbol_find(struct tsdb__txn *x, const uint8_t *uuid, struct str s, uint32_t *out);

/* The text; it points into the map until the transaction ends or writes. */
int tsdb__symbol_text(struct tsdb__txn *x, uint32_t id, struct str *out);

/* The writer's: gives ids, and remembers the ones it saw lately. */
struct tsdb__symbols {
    uint8_t uuid[16];
    uint32_t n;                     /* ids given so far: the newest */
    struct tsdb__symbol_seen *seen; /* owned */
};

void tsdb__symbols_init(struct tsdb__symbols *sy, const uint8_t *uuid, uint32_t n);
void tsdb__symbols_release(struct tsdb__symbols *sy);

int tsdb__symbols_find(struct tsdb__symbols *sy, struct tsdb__txn *x, struct str s, uint32_t *out);

/* The symbol of a string, made when there is none. FER_ELIMIT: too long. */
int tsdb__symbols_intern(struct tsdb__symbols *sy, struct tsdb__txn *x, struct str s,
                         uint32_t *out);

/* Deletes a symbol that nothing refers to any more. */
int tsdb__symbols_delete(struct tsdb__symbols *sy, struct tsdb__txn *x, uint32_t id);

/* The transaction was aborted: what was made after the n-th is gone. */
void tsdb__symbols_rollback(struct tsdb__symbols *sy, uint32_t n);

/* A reader's: each text is copied into the arena once, so that equal texts are one pointer. */
struct tsdb__texts {
    struct arena *a;
    struct tsdb__txn *x;
    struct tsdb__text *v; /* see id_table.h */
    size_t n, cap;
};

int tsdb__texts_get(struct tsdb__texts *tx, uint32_t id, struct str *out);

#endif
