/*
 * hash.h - keyed hashes and checksums.
 *
 * Label sets come from the network, so tables that hold them are hashed with a secret drawn at
 * start. Keyed hashes differ from process to process and are never stored. Any thread may call
 * these.
 */
#ifndef FERULA_BASE_HASH_H
#define FERULA_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t lo, hi;
};

static inline bool hash128_eq(struct hash128 a, struct hash128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

uint64_t hash_keyed64(const void *p, size_t n);

/* XXH3-128 under a 192-byte random secret: wide enough to stand for the bytes themselves. */
struct hash128 hash_keyed128(const void *p, size_t n);

uint64_t hash_stable64(const void *p, size_t n);             /* XXH64, seed 0: may be stored */
uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n); /* start with crc = 0 */

#endif
