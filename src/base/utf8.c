/*
 * utf8.c - UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#include "ferula/base/check.h"
#include "ferula/base/str.h"

static bool continues(const char *p)
{
    return ((unsigned char)*p & 0xc0) == 0x80;
}

size_t utf8_decode(struct str s, uint32_t *rune)
{
    /* By length: least value that needs it (smaller ones are overlong), bits of the lead byte. */
    static const struct {
        uint32_t least;
        unsigned lead, mask;
    } forms[] = {
        {0,       0,    0   },
        {0,       0,    0   },
        {0x80,    0xc0, 0xe0},
        {0x800,   0xe0, 0xf0},
        {0x10000, 0xf0, 0xf8}
    };
    unsigned c;

    CHECK(s.n > 0);
    c = (unsigned char)s.p[0];
    if (c < 0x80) {
        *rune = c;
        return 1;
    }
    for (size_t n = 2; n < COUNT(forms); n++) {
        uint32_t v = c & ~forms[n].mask & 0xff;

        if ((c & forms[n].mask) != forms[n].lead)
            continue;
        if (s.n < n)
            return 0;
        for (size_t i = 1; i < n; i++) {
            if (!continues(s.p + i))
                return 0;
            v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
        }
        if (v < forms[n].least || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
            return 0;
        *rune = v;
        return n;
    }
    return 0;
}

size_t utf8_encode(uint32_t rune, char out[4])
{
    if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
        rune = 0xfffd;
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xc0 | rune >> 6);
        out[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        out[0] = (char)(0xe0 | rune >> 12);
        out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        out[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | rune >> 18);
    out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
    out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
    out[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

bool utf8_valid(struct str s)
{
    uint32_t rune;

    for (size_t i = 0, n; i < s.n; i += n) {
        n = (unsigned char)s.p[i] < 0x80 ? 1 : utf8_decode(str_cut(s, i), &rune);
        if (n == 0)
            return false;
    }
    return true;
}
