/*
 * str.h - borrowed text as (pointer, length), and UTF-8.
 *
 * A struct str owns nothing and need not end in NUL. Whoever hands one out says how long it lives.
 */
#ifndef FERULA_BASE_STR_H
#define FERULA_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1}) /* of a string literal */
#define STR_INIT(lit)                                                                              \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    } /* the same, as a static initialiser */
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *cstr)
{
    return (struct str){cstr, cstr == NULL ? 0 : strlen(cstr)};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *cstr)
{
    return str_eq(a, str_of(cstr));
}

/* Byte order, as Prometheus orders label names and values: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

bool str_starts(struct str s, const char *prefix);
bool str_ends(struct str s, const char *suffix);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
struct str str_trim(struct str s);              /* less blanks, tabs, CR and LF at both ends */
struct str str_cut(struct str s, size_t from);  /* s from byte `from`; empty when past the end */

/* Takes the part before the next `sep` off *rest. False when *rest is used up (p == NULL). */
bool str_split(struct str *rest, char sep, struct str *part);

/*
 * Bytes inserted, left out, changed, or swapped with their neighbour, that make one text of the
 * other. O(a.n * b.n).
 */
size_t str_distance(struct str a, struct str b);

/* Strict decimal: digits only, no sign, no blanks; false on overflow or anything else. */
bool str_to_u64(struct str s, uint64_t *out);
bool str_to_i64(struct str s, int64_t *out); /* with an optional sign */

/*
 * Decodes the code point at s.p[0..s.n): its length in bytes (1 to 4), or 0 when the bytes are not
 * valid UTF-8 (overlong forms, surrogates and values above U+10FFFF are not). s.n must not be 0.
 */
size_t utf8_decode(struct str s, uint32_t *rune);
size_t utf8_encode(uint32_t rune, char out[4]); /* U+FFFD for what is no code point */
bool utf8_valid(struct str s);

#endif
