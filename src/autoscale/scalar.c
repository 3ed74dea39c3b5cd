/*
 * scalar.c - what a plain scalar is: null, a truth value, a number or text.
 *
 * The rules are those of the YAML 1.1 library that kubectl and the API server read manifests with:
 * "yes" and "on" are true, 010 is eight, 1_000 a thousand, and a date is text.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "tree.h"

static const struct {
    const char *text;
    enum tree_kind kind;
    bool truth;
} words[] = {
    {"",      TREE_NULL,   false},
    {"~",     TREE_NULL,   false},
    {"null",  TREE_NULL,   false},
    {"Null",  TREE_NULL,   false},
    {"NULL",  TREE_NULL,   false},
    {"true",  TREE_BOOL,   true },
    {"True",  TREE_BOOL,   true },
    {"TRUE",  TREE_BOOL,   true },
    {"yes",   TREE_BOOL,   true },
    {"Yes",   TREE_BOOL,   true },
    {"YES",   TREE_BOOL,   true },
    {"on",    TREE_BOOL,   true },
    {"On",    TREE_BOOL,   true },
    {"ON",    TREE_BOOL,   true },
    {"y",     TREE_BOOL,   true },
    {"Y",     TREE_BOOL,   true },
    {"false", TREE_BOOL,   false},
    {"False", TREE_BOOL,   false},
    {"FALSE", TREE_BOOL,   false},
    {"no",    TREE_BOOL,   false},
    {"No",    TREE_BOOL,   false},
    {"NO",    TREE_BOOL,   false},
    {"off",   TREE_BOOL,   false},
    {"Off",   TREE_BOOL,   false},
    {"OFF",   TREE_BOOL,   false},
    {"n",     TREE_BOOL,   false},
    {"N",     TREE_BOOL,   false},
    {".nan",  TREE_NUMBER, false},
    {".NaN",  TREE_NUMBER, false},
    {".NAN",  TREE_NUMBER, false},
    {".inf",  TREE_NUMBER, false},
    {".Inf",  TREE_NUMBER, false},
    {".INF",  TREE_NUMBER, false},
    {"+.inf", TREE_NUMBER, false},
    {"+.Inf", TREE_NUMBER, false},
    {"+.INF", TREE_NUMBER, false},
    {"-.inf", TREE_NUMBER, false},
    {"-.Inf", TREE_NUMBER, false},
    {"-.INF", TREE_NUMBER, false},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *p, size_t at, size_t n)
{
    while (at < n && is_digit(p[at]))
        at++;
    return at;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_number(const char *p, size_t n)
{
    size_t at = n > 0 && (p[0] == '-' || p[0] == '+') ? 1 : 0, whole = digits(p, at, n), end;

    if (whole < n && p[whole] == '.') {
        end = digits(p, whole + 1, n);
        if (whole == at && end == whole + 1)
            return false;
    } else {
        end = whole;
        if (whole == at)
            return false;
    }
    if (end < n && (p[end] == 'e' || p[end] == 'E')) {
        size_t exp = end + 1 < n && (p[end + 1] == '-' || p[end + 1] == '+') ? end + 2 : end + 1;

        end = digits(p, exp, n);
        if (end == exp)
            return false;
    }
    return end == n;
}

static int digit_of(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Go's ParseInt with base 0: 0x, 0b, 0o and 0 in front; false when it is none or too large. */
static bool to_integer(const char *p, size_t n, int64_t *out)
{
    bool minus = n > 0 && p[0] == '-';
    size_t at = n > 0 && (p[0] == '-' || p[0] == '+') ? 1 : 0;
    int base = 10;
    uint64_t v = 0, most = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

    if (n - at > 1 && p[at] == '0') {
        char c = p[at + 1];

        base = c == 'x' || c == 'X' ? 16 : c == 'b' || c == 'B' ? 2 : 8;
        at += base != 8 || c == 'o' || c == 'O' ? 2 : 1;
    }
    if (at == n)
        return false;
    for (; at < n; at++) {
        int d = digit_of(p[at]);

        if (d >= base || v > (most - (uint64_t)d) / (uint64_t)base)
            return false;
        v = v * (uint64_t)base + (uint64_t)d;
    }
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* 1.0 and 1e3 go on to the API server as JSON, where they are 1 and 1000. */
static bool to_whole(struct str s, int64_t *out)
{
    double v;

    if (!num_parse(s, &v, NULL) || v != trunc(v) || !(fabs(v) < 9223372036854775808.0))
        return false;
    *out = (int64_t)v;
    return true;
}

void autoscale__resolve(struct tree *t)
{
    char plain[64];
    size_t n = 0;

    t->kind = TREE_TEXT;
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(t->text, words[i].text)) {
            t->kind = words[i].kind;
            t->truth = words[i].truth;
            return;
        }
    if (t->text.n >= sizeof(plain) || !(is_digit(t->text.p[0]) || strchr("+-.", t->text.p[0])))
        return;
    for (size_t i = 0; i < t->text.n; i++)
        if (t->text.p[i] != '_')
            plain[n++] = t->text.p[i];
    if (to_integer(plain, n, &t->integer))
        t->kind = TREE_INTEGER;
    else if (is_number(plain, n))
        t->kind = to_whole((struct str){plain, n}, &t->integer) ? TREE_INTEGER : TREE_NUMBER;
}
