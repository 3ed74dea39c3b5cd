/*
 * hash.c - XXH3 under a secret of this process, XXH64, CRC-32C.
 */
#include "ferula/base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crc.h"
#include "ferula/base/check.h"

/* The full length of XXH3's own secret: every long input is mixed with all of it. */
#define SECRET_BYTES 192

static unsigned char secret[SECRET_BYTES];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

/* Requests of up to 256 bytes are never cut short once the kernel's pool is ready. */
static void draw_secret(void)
{
    CHECK(getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret));
}

uint64_t hash_keyed64(const void *p, size_t n)
{
    pthread_once(&secret_once, draw_secret);
    return XXH3_64bits_withSecret(p, n, secret, sizeof(secret));
}

struct hash128 hash_keyed128(const void *p, size_t n)
{
    XXH128_hash_t h;

    pthread_once(&secret_once, draw_secret);
    h = XXH3_128bits_withSecret(p, n, secret, sizeof(secret));
    return (struct hash128){h.low64, h.high64};
}

uint64_t hash_stable64(const void *p, size_t n)
{
    return XXH64(p, n, 0);
}

#define CRC32C_POLYNOMIAL 0x82f63b78u /* bits reversed */

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < COUNT(crc_table); i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ CRC32C_POLYNOMIAL : c >> 1;
        crc_table[i] = c;
    }
}

uint32_t base__crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *at = p;

    pthread_once(&crc_once, make_crc_table);
    crc = ~crc;
    for (; n > 0; n--, at++)
        crc = crc_table[(crc ^ *at) & 0xff] ^ crc >> 8;
    return ~crc;
}

#if defined(__x86_64__)

/*
 * The instruction takes three cycles and can begin one each: three parts of a page are summed at
 * once, and the sums put together with a table of what LANE_BYTES of zeros do to a sum.
 */
#define LANE_BYTES 336

static uint32_t zeros_table[4][256];
static pthread_once_t zeros_once = PTHREAD_ONCE_INIT;

/* The table that a shift by LANE_BYTES of zeros is read from, a byte of the sum at a time. */
static void make_zeros_table(void)
{
    for (unsigned byte = 0; byte < 4; byte++) {
        for (uint32_t v = 0; v < 256; v++) {
            uint32_t c = v << (8 * byte);

            for (unsigned i = 0; i < LANE_BYTES; i++)
                c = crc_table[c & 0xff] ^ c >> 8;
            zeros_table[byte][v] = c;
        }
    }
}

static uint64_t add_zeros(uint64_t c)
{
    return zeros_table[0][c & 0xff] ^ zeros_table[1][c >> 8 & 0xff] ^
           zeros_table[2][c >> 16 & 0xff] ^ zeros_table[3][c >> 24 & 0xff];
}

static uint64_t word_at(const unsigned char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *p,
                                                               size_t n)
{
    const unsigned char *at = p;
    uint64_t c = ~crc;

    if (n >= 3 * LANE_BYTES) {
        pthread_once(&crc_once, make_crc_table);
        pthread_once(&zeros_once, make_zeros_table);
    }
    for (; n >= 3 * LANE_BYTES; n -= 3 * LANE_BYTES, at += 3 * LANE_BYTES) {
        uint64_t second = 0, third = 0;

        c &= UINT32_MAX;
        for (size_t i = 0; i < LANE_BYTES; i += 8) {
            c = __builtin_ia32_crc32di(c, word_at(at + i));
            second = __builtin_ia32_crc32di(second, word_at(at + LANE_BYTES + i));
            third = __builtin_ia32_crc32di(third, word_at(at + 2 * LANE_BYTES + i));
        }
        c = add_zeros(add_zeros(c) ^ second) ^ third;
    }
    for (; n >= 8; n -= 8, at += 8)
        c = __builtin_ia32_crc32di(c, word_at(at));
    for (; n > 0; n--, at++)
        c = __builtin_ia32_crc32qi((uint32_t)c, *at);
    return ~(uint32_t)c;
}

uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n)
{
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse42(crc, p, n);
    return base__crc32c_portable(crc, p, n);
}

#else

uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n)
{
    return base__crc32c_portable(crc, p, n);
}

#endif
