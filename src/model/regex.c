/*
 * regex.c - patterns: the common shapes by comparing bytes, all others by RE2.
 *
 * A shape is recognised only in a pattern whose metacharacters are all accounted for: texts
 * separated by '|', or one text with .* or .+ before or after it. '.' matches newline, so .* is
 * anything and .+ anything but nothing. Bytes do for code points here, because the text between is
 * valid UTF-8, whose sequences never start within another.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "re2_shim.h"
#include "regex_check.h"
#include "regex_priv.h"

#define MAX_LITERALS 4096 /* more alternatives go to RE2, whose time does not grow with them */

enum wild { WILD_NONE, WILD_STAR, WILD_PLUS };

struct regex {
    void *re2;            /* NULL: one of the shapes below; freed by the arena's clean-up */
    struct str *literals; /* sorted, each once; n_literals > 0: the text is one of them */
    size_t n_literals;
    enum wild before, after; /* otherwise: around `middle` */
    struct str middle;
};

static bool is_meta(char c)
{
    return c != '\0' && strchr("\\.+*?()|[]{}^$", c) != NULL;
}

static bool has_meta(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_meta(s.p[i]))
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return str_cmp(*x, *y);
}

/* text or text|text|text */
static bool find_literals(struct regex *re, struct arena *a, struct str pattern)
{
    size_t n = 1, kept = 0;
    struct str part;

    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] == '|')
            n++;
        else if (is_meta(pattern.p[i]))
            return false;
    }
    if (n > MAX_LITERALS)
        return false;
    pattern = arena_str(a, pattern);
    re->literals = arena_array(a, struct str, n);
    for (size_t i = 0; str_split(&pattern, '|', &part); i++)
        re->literals[i] = part;
    qsort(re->literals, n, sizeof(*re->literals), by_text);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(re->literals[kept - 1], re->literals[i]))
            re->literals[kept++] = re->literals[i];
    re->n_literals = kept;
    return true;
}

static enum wild wild_of(struct str s)
{
    if (str_is(s, ".*"))
        return WILD_STAR;
    return str_is(s, ".+") ? WILD_PLUS : WILD_NONE;
}

/* .*text, text.*, .*text.*, .*, and the same with .+ */
static bool find_wildcards(struct regex *re, struct arena *a, struct str pattern)
{
    struct str rest = pattern;

    if (rest.n >= 2)
        re->before = wild_of((struct str){rest.p, 2});
    if (re->before != WILD_NONE)
        rest = str_cut(rest, 2);
    if (rest.n >= 2)
        re->after = wild_of(str_cut(rest, rest.n - 2));
    if (re->after != WILD_NONE)
        rest.n -= 2;
    if (has_meta(rest) || !utf8_valid(rest))
        return false;
    if (rest.n == 0 && re->before == WILD_PLUS && re->after == WILD_PLUS)
        return false; /* two characters, which would have to be counted */
    re->middle = arena_str(a, rest);
    return true;
}

static int compile_re2(struct regex *re, struct arena *a, struct str pattern, struct fault *f)
{
    struct model__re2_error e = {0};
    struct str rewritten;
    int rc = model__regex_check(pattern, a, &rewritten, f);

    if (rc < 0)
        return rc;
    re->re2 = model__re2_new(rewritten, &e);
    if (re->re2 == NULL)
        return model__regex_refuse(f, e.what, str_of(e.part));
    arena_defer(a, model__re2_free, re->re2);
    return 0;
}

int model__regex_compile_re2(struct regex **out, struct arena *a, struct str pattern,
                             struct fault *f)
{
    struct regex *re = arena_new(a, struct regex);
    int rc = compile_re2(re, a, pattern, f);

    if (rc == 0)
        *out = re;
    return rc;
}

int regex_compile(struct regex **out, struct arena *a, struct str pattern, struct fault *f)
{
    struct regex *re = arena_new(a, struct regex);

    if (!find_literals(re, a, pattern)) {
        *re = (struct regex){0};
        if (!find_wildcards(re, a, pattern))
            return model__regex_compile_re2(out, a, pattern, f);
    }
    *out = re;
    return 0;
}

static bool matches_literals(const struct regex *re, struct str text)
{
    if (re->n_literals == 1)
        return str_eq(re->literals[0], text);
    return bsearch(&text, re->literals, re->n_literals, sizeof(text), by_text) != NULL;
}

static bool matches_wildcards(const struct regex *re, struct str text)
{
    size_t before = re->before == WILD_PLUS, after = re->after == WILD_PLUS;
    struct str m = re->middle;

    if (text.n < before + m.n + after)
        return false;
    if (m.n == 0)
        return text.n >= before + after;
    if (re->before == WILD_NONE)
        return memcmp(text.p, m.p, m.n) == 0;
    if (re->after == WILD_NONE)
        return memcmp(text.p + text.n - m.n, m.p, m.n) == 0;
    return memmem(text.p + before, text.n - before - after, m.p, m.n) != NULL;
}

static bool matches_shape(const struct regex *re, struct str text)
{
    return re->n_literals > 0 ? matches_literals(re, text) : matches_wildcards(re, text);
}

bool regex_match(const struct regex *re, struct str text)
{
    return re->re2 != NULL ? model__re2_match(re->re2, text, NULL, 0) : matches_shape(re, text);
}

bool regex_match_groups(const struct regex *re, struct str text, struct str *group, size_t n_groups)
{
    for (size_t i = 0; i < n_groups; i++)
        group[i] = (struct str){NULL, 0};
    if (re->re2 != NULL)
        return model__re2_match(re->re2, text, group, n_groups);
    if (!matches_shape(re, text))
        return false;
    if (n_groups > 0)
        group[0] = text;
    return true;
}

size_t regex_n_groups(const struct regex *re)
{
    return re->re2 != NULL ? model__re2_n_groups(re->re2) : 1;
}

int regex_group(const struct regex *re, struct str name)
{
    return re->re2 != NULL ? model__re2_group(re->re2, name) : -1;
}

size_t regex_literals(const struct regex *re, const struct str **out)
{
    *out = re->literals;
    return re->n_literals;
}
