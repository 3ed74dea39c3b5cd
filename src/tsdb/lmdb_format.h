/*
 * lmdb_format.h - the layout of an LMDB 0.9 data file on 64-bit little-endian machines, as far as
 * verify.c and tables.c check it. Written from the file format; LMDB's own declarations are private
 * to it.
 */
#ifndef TSDB_LMDB_FORMAT_H
#define TSDB_LMDB_FORMAT_H

#include <stdint.h>

#define LMDB_MAGIC        0xbeefc0deu
#define LMDB_VERSION      1
#define LMDB_META_PAGES   2
#define LMDB_NO_PAGE      UINT64_MAX
#define LMDB_KEY_MAX      511
#define LMDB_ENV_NOSUBDIR 0x4000u /* kept among the flags of the free table */

enum { LMDB_FREE, LMDB_MAIN };

/* Kinds of pages. */
enum { LMDB_BRANCH = 1, LMDB_LEAF = 2, LMDB_OVERFLOW = 4, LMDB_META = 8 };

/* A flag of a page in memory that the transaction made or copied; never of one in the file. */
#define LMDB_DIRTY 16u

/* Kinds of leaf nodes. */
#define LMDB_BIGDATA 1u /* the data is the number of an overflow page */
#define LMDB_SUBDATA 2u /* the data is a struct lmdb_db */

struct lmdb_page {
    uint64_t number;
    uint16_t pad, flags;
    union {
        struct {
            uint16_t lower, upper; /* of the free space */
        };
        uint32_t n_pages; /* of an overflow page */
    };
};

struct lmdb_node {
    uint16_t low, high; /* size of the data; or, with `flags`, the number of a child page */
    uint16_t flags, n_key;
};

struct lmdb_db {
    uint32_t pad; /* of the free table: the size of pages */
    uint16_t flags, depth;
    uint64_t n_branch, n_leaf, n_overflow, n_entries, root;
};

struct lmdb_meta {
    uint32_t magic, version;
    uint64_t address, map_bytes;
    struct lmdb_db dbs[2];
    uint64_t last_page, txn;
};

_Static_assert(sizeof(struct lmdb_page) == 16 && sizeof(struct lmdb_node) == 8 &&
                   sizeof(struct lmdb_db) == 48 && sizeof(struct lmdb_meta) == 136,
               "the layout has no holes");

static inline uint64_t lmdb_node_size(const struct lmdb_node *n)
{
    return (uint64_t)n->high << 16 | n->low;
}

static inline uint64_t lmdb_node_child(const struct lmdb_node *n)
{
    return (uint64_t)n->flags << 32 | (uint64_t)n->high << 16 | n->low;
}

/* A node of a leaf that would be larger has its data on pages of its own. */
static inline uint64_t lmdb_node_max(uint64_t page_bytes)
{
    return (page_bytes - sizeof(struct lmdb_page)) / 2 / 2 * 2 - sizeof(uint16_t);
}

#endif
