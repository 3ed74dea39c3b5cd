/*
 * no_store.h - in the place of the store, for decoders that are given none.
 */
#ifndef TESTS_FUZZ_NO_STORE_H
#define TESTS_FUZZ_NO_STORE_H

#include "ferula/base/check.h"
#include "ferula/tsdb.h"

void tsdb_finder_begin(struct tsdb_finder *f, struct tsdb *db)
{
    CHECK(db != NULL);
    f->db = db;
}

void tsdb_finder_end(struct tsdb_finder *f)
{
    CHECK(f->db != NULL);
}

series_id tsdb_finder_find(const struct tsdb_finder *f, struct hash128 raw)
{
    (void)raw;
    CHECK(f->db != NULL);
    return 0;
}

void tsdb_refusal_print(struct buf *b, const struct tsdb_refusal *r)
{
    (void)b;
    CHECK(r != NULL);
}

#endif
