/*
 * regex_scan.c - escapes, classes, flags, names and bounds in patterns, as Go's regexp/syntax reads
 * them.
 */
#include "regex_scan.h"

#include "ferula/base/check.h"

#define RUNE_MAX   0x10ffff
#define RUNE_NONE  0xffffffff /* what is read past the end */
#define MANY_TIMES 100000000

static bool fail(struct model__scan_error *e, const char *what, struct str from, struct str rest)
{
    e->what = what;
    e->part = (struct str){from.p, from.n - rest.n};
    return false;
}

static const struct str nothing = {"", 0};

bool model__scan_rune(struct str s, uint32_t *rune, struct str *rest, struct model__scan_error *e)
{
    size_t n = utf8_decode(s, rune);

    if (n == 0)
        return fail(e, "invalid UTF-8", s, nothing);
    *rest = str_cut(s, n);
    return true;
}

/* At the end there is nothing to read, which is for the caller to object to. */
static bool rune_or_end(struct str *s, uint32_t *rune, struct model__scan_error *e)
{
    *rune = RUNE_NONE;
    return s->n == 0 || model__scan_rune(*s, rune, s, e);
}

static bool check_utf8(struct str s, struct model__scan_error *e)
{
    uint32_t rune;

    while (s.n > 0)
        if (!model__scan_rune(s, &rune, &s, e))
            return false;
    return true;
}

static int hex_of(uint32_t rune)
{
    if (rune >= '0' && rune <= '9')
        return (int)rune - '0';
    if (rune >= 'a' && rune <= 'f')
        return (int)rune - 'a' + 10;
    return rune >= 'A' && rune <= 'F' ? (int)rune - 'A' + 10 : -1;
}

static bool is_octal(struct str s)
{
    return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '7';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The digits of \x{...}; *t starts behind the brace. False, and *e as it was: not hexadecimal. */
static bool hex_braces(struct str *t, uint32_t *rune, struct model__scan_error *e)
{
    uint32_t c;
    int n = 0;

    *rune = 0;
    while (t->n > 0) {
        if (!model__scan_rune(*t, &c, t, e))
            return false;
        if (c == '}')
            return n > 0;
        if (hex_of(c) < 0)
            return false;
        *rune = *rune * 16 + (uint32_t)hex_of(c);
        if (*rune > RUNE_MAX)
            return false;
        n++;
    }
    return false;
}

/* \x41 or \x{41}; *t starts behind the x. */
static bool hex_escape(struct str *t, uint32_t *rune, struct model__scan_error *e)
{
    uint32_t high, low;

    if (!rune_or_end(t, &high, e))
        return false;
    if (high == '{')
        return hex_braces(t, rune, e);
    if (high == RUNE_NONE || !rune_or_end(t, &low, e) || hex_of(high) < 0 || hex_of(low) < 0)
        return false;
    *rune = (uint32_t)(hex_of(high) * 16 + hex_of(low));
    return true;
}

/* One to three octal digits, the first of which was `c`; \1 to \7 alone would be back references.
 */
static bool octal_escape(struct str *t, uint32_t c, uint32_t *rune)
{
    if (c != '0' && !is_octal(*t))
        return false;
    *rune = c - '0';
    for (int i = 1; i < 3 && is_octal(*t); i++) {
        *rune = *rune * 8 + (uint32_t)(t->p[0] - '0');
        *t = str_cut(*t, 1);
    }
    return true;
}

static bool escaped_rune(struct str *t, uint32_t c, uint32_t *rune, struct model__scan_error *e)
{
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    const char *at;

    if (c >= '0' && c <= '7')
        return octal_escape(t, c, rune);
    if (c == 'x')
        return hex_escape(t, rune, e);
    if (c == 0 || c >= 0x80) {
        *rune = c;
        return c == 0;
    }
    at = strchr(letters, (int)c);
    *rune = at != NULL ? (uint32_t)values[at - letters] : c;
    return at != NULL || c == '_' || !is_word((char)c);
}

bool model__scan_escape(struct str s, uint32_t *rune, struct str *rest, struct model__scan_error *e)
{
    struct str t = str_cut(s, 1);
    uint32_t c;

    e->what = NULL;
    if (t.n == 0)
        return fail(e, "trailing backslash at end of expression", nothing, nothing);
    if (!model__scan_rune(t, &c, &t, e))
        return false;
    if (!escaped_rune(&t, c, rune, e))
        return e->what != NULL ? false : fail(e, "invalid escape sequence", s, t);
    *rest = t;
    return true;
}

/* \p{Name}: `s` starts with it and has the brace. */
static bool braced_class(struct str s, struct str *rest, struct model__scan_error *e)
{
    const char *end = memchr(s.p, '}', s.n);

    if (end == NULL)
        return check_utf8(s, e) && fail(e, "invalid character class range", s, nothing);
    *rest = str_cut(s, (size_t)(end - s.p) + 1);
    return check_utf8((struct str){s.p + 3, (size_t)(end - s.p) - 3}, e);
}

bool model__scan_class_escape(struct str s, struct str *rest, struct model__scan_error *e)
{
    struct str t = str_cut(s, 2);
    uint32_t c;

    e->what = NULL;
    if (s.n < 2 || s.p[0] != '\\' || s.p[1] == '\0')
        return false;
    if (strchr("dDsSwW", s.p[1]) != NULL) {
        *rest = t;
        return true;
    }
    if (s.p[1] != 'p' && s.p[1] != 'P')
        return false;
    if (t.n > 0 && t.p[0] == '{')
        return braced_class(s, rest, e);
    if (!rune_or_end(&t, &c, e))
        return false;
    if (c == RUNE_NONE)
        return fail(e, "invalid character class range", s, t);
    *rest = t;
    return true;
}

/* [:alpha:] within a class. False with e->what == NULL: it only looks like the start of one. */
static bool posix_class(struct str s, struct str *rest, struct model__scan_error *e)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};
    struct str name = str_cut(s, 2);
    const char *end;

    e->what = NULL;
    if (s.n <= 2 || s.p[0] != '[' || s.p[1] != ':')
        return false;
    end = memmem(name.p, name.n, ":]", 2);
    if (end == NULL)
        return false;
    name.n = (size_t)(end - name.p);
    *rest = str_cut(s, name.n + 4);
    if (name.n > 0 && name.p[0] == '^')
        name = str_cut(name, 1);
    for (size_t i = 0; i < COUNT(names); i++)
        if (str_is(name, names[i]))
            return true;
    return fail(e, "invalid character class range", s, *rest);
}

static bool class_rune(struct str *t, struct str whole, uint32_t *rune, struct model__scan_error *e)
{
    if (t->n == 0)
        return fail(e, "missing closing ]", whole, nothing);
    if (t->p[0] == '\\')
        return model__scan_escape(*t, rune, t, e);
    return model__scan_rune(*t, rune, t, e);
}

/* a or a-z */
static bool class_range(struct str *t, struct str whole, struct model__scan_error *e)
{
    struct str from = *t;
    uint32_t lo, hi;

    if (!class_rune(t, whole, &lo, e))
        return false;
    if (t->n < 2 || t->p[0] != '-' || t->p[1] == ']')
        return true;
    *t = str_cut(*t, 1);
    if (!class_rune(t, whole, &hi, e))
        return false;
    return hi >= lo || fail(e, "invalid character class range", from, *t);
}

bool model__scan_class(struct str s, struct str *rest, struct model__scan_error *e)
{
    struct str t = str_cut(s, 1);
    bool first = true; /* a ] that comes first is itself */

    if (t.n > 0 && t.p[0] == '^')
        t = str_cut(t, 1);
    for (; first || t.n == 0 || t.p[0] != ']'; first = false) {
        if (posix_class(t, &t, e))
            continue;
        if (e->what == NULL && model__scan_class_escape(t, &t, e))
            continue;
        if (e->what != NULL || !class_range(&t, s, e))
            return false;
    }
    *rest = str_cut(t, 1);
    return true;
}

bool model__scan_group_name(struct str s, size_t name_at, struct str *head, struct str *name,
                            struct model__scan_error *e)
{
    const char *end = memchr(s.p, '>', s.n);

    if (end == NULL)
        return check_utf8(s, e) && fail(e, "invalid named capture", s, nothing);
    *head = (struct str){s.p, (size_t)(end - s.p) + 1};
    *name = (struct str){s.p + name_at, head->n - name_at - 1};
    if (!check_utf8(*name, e))
        return false;
    for (size_t i = 0; i < name->n; i++)
        if (!is_word(name->p[i]))
            return fail(e, "invalid named capture", *head, nothing);
    return name->n > 0 || fail(e, "invalid named capture", *head, nothing);
}

bool model__scan_flags(struct str s, struct str *rest, bool *opens, struct model__scan_error *e)
{
    struct str t = str_cut(s, 2);
    bool minus = false, any = false;
    uint32_t c;

    while (t.n > 0) {
        if (!model__scan_rune(t, &c, &t, e))
            return false;
        if (c == 'i' || c == 'm' || c == 's' || c == 'U') {
            any = true;
        } else if (c == '-' && !minus) {
            minus = true;
            any = false; /* at least one is to follow */
        } else if ((c == ':' || c == ')') && (any || !minus)) {
            *opens = c == ':';
            *rest = t;
            return true;
        } else {
            break;
        }
    }
    return fail(e, "invalid or unsupported Perl syntax", s, t);
}

/* A number without superfluous zeros; -1 when it is beyond all sense. */
static bool number(struct str *s, int *out)
{
    struct str t = *s;
    uint64_t v = 0;

    if (t.n >= 2 && t.p[0] == '0' && t.p[1] >= '0' && t.p[1] <= '9')
        return false;
    for (; t.n > 0 && t.p[0] >= '0' && t.p[0] <= '9'; t = str_cut(t, 1))
        if (v < MANY_TIMES)
            v = v * 10 + (uint64_t)(t.p[0] - '0');
    if (t.n == s->n)
        return false;
    *out = v >= MANY_TIMES ? -1 : (int)v;
    *s = t;
    return true;
}

bool model__scan_bounds(struct str s, int *least, int *most, struct str *rest)
{
    struct str t = str_cut(s, 1);

    if (!number(&t, least))
        return false;
    *most = *least;
    if (t.n > 0 && t.p[0] == ',') {
        t = str_cut(t, 1);
        if (t.n > 0 && t.p[0] == '}') {
            *most = -1;
        } else {
            if (!number(&t, most))
                return false;
            if (*most < 0)
                *least = -1;
        }
    }
    if (t.n == 0 || t.p[0] != '}')
        return false;
    *rest = str_cut(t, 1);
    return true;
}
