/*
 * literals.c - the values of numbers, durations and strings, read as Go and Prometheus read them.
 */
#include "parser.h"

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

static bool is_hex(struct str s)
{
    return s.n > 1 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X');
}

/* An underscore stands between digits, or between the base's prefix and a digit. */
static bool underscores_ok(struct str s)
{
    int base = is_hex(s) ? 16 : 10;

    for (size_t i = 0; i < s.n; i++) {
        bool before = i > 0 && (digit(s.p[i - 1]) < base || (base == 16 && i == 2));

        if (s.p[i] == '_' && !(before && i + 1 < s.n && digit(s.p[i + 1]) < base))
            return false;
    }
    return true;
}

/* strconv.ParseInt(s, 0, 64): 0x is hexadecimal, another leading 0 octal. No sign here. */
static bool parse_int(struct str s, double *out)
{
    int base = is_hex(s) ? 16 : s.n > 1 && s.p[0] == '0' ? 8 : 10;
    uint64_t v = 0;

    for (size_t i = base == 16 ? 2 : 0; i < s.n; i++) {
        if (s.p[i] == '_')
            continue;
        if (digit(s.p[i]) >= base || v > (INT64_MAX - (uint64_t)digit(s.p[i])) / (uint64_t)base)
            return false;
        v = v * (uint64_t)base + (uint64_t)digit(s.p[i]);
    }
    *out = (double)(int64_t)v;
    return s.n > (base == 16 ? 2 : 0);
}

static bool parse_float(struct arena *a, struct str s, double *out, bool *range)
{
    char *plain = arena_alloc(a, s.n + 1, 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '_')
            plain[n++] = s.p[i];
    }
    return num_parse((struct str){plain, n}, out, range);
}

static double number(struct parser *p, const struct lex_item *item)
{
    double v = 0;
    bool range = false, ok = underscores_ok(item->val);

    if (ok && parse_int(item->val, &v))
        return v;
    ok = ok && parse_float(p->a, item->val, &v, &range);
    if (!ok || range)
        promql__fail(p, item->pos,
                     "error parsing number: strconv.ParseFloat: parsing " STR_FMT ": %s",
                     STR_ARG(promql__quoted(p->a, item->val)),
                     range ? "value out of range" : "invalid syntax");
    return v;
}

static double duration(struct parser *p, const struct lex_item *item)
{
    struct fault f;
    dur_ms ms = 0;
    int64_t seconds;

    if (duration_parse(item->val, &ms, &f) < 0)
        promql__fail(p, item->pos, "%s", f.text);
    seconds = ms / 1000; /* the fraction is added as nanoseconds, as Go does */
    return (double)seconds + (double)(ms % 1000 * 1000000) / 1e9;
}

double promql__number(struct parser *p)
{
    struct lex_item item = promql__take(p);

    return item.type == TOK_DURATION ? duration(p, &item) : number(p, &item);
}

struct promql_expr *promql__number_node(struct parser *p)
{
    enum tok type = promql__peek(p);
    size_t start = p->tok.pos, end = start + p->tok.val.n;
    struct promql_expr *e = promql__node(p, PROMQL_E_NUMBER, PROMQL_SCALAR, start, end);

    e->u.number.value = promql__number(p);
    e->u.number.duration = type == TOK_DURATION;
    return e;
}

/* ---- strings ---------------------------------------------------------------------------- */

static uint32_t take_digits(const char **s, int n, uint32_t base)
{
    uint32_t v = 0;

    while (n-- > 0)
        v = v * base + (uint32_t)digit(*(*s)++);
    return v;
}

/* One escape sequence that the lexer has passed; *s is behind the backslash. */
static char *unescape(const char **s, char *to)
{
    static const char from[] = "abfnrtv", into[] = "\a\b\f\n\r\t\v";
    char c = *(*s)++;
    const char *simple = strchr(from, c);

    if (simple != NULL && c != '\0') {
        *to++ = into[simple - from];
    } else if (c >= '0' && c <= '7') {
        (*s)--;
        *to++ = (char)take_digits(s, 3, 8);
    } else if (c == 'x') {
        *to++ = (char)take_digits(s, 2, 16);
    } else if (c == 'u' || c == 'U') {
        to += utf8_encode(take_digits(s, c == 'u' ? 4 : 8, 16), to);
    } else {
        *to++ = c;
    }
    return to;
}

struct str promql__unquote(struct arena *a, struct str quoted)
{
    const char *s = quoted.p + 1, *end = quoted.p + quoted.n - 1;
    char *out, *to;

    CHECK(quoted.n >= 2);
    if (*quoted.p == '`' || memchr(s, '\\', (size_t)(end - s)) == NULL)
        return (struct str){s, (size_t)(end - s)};
    /* No escape sequence is shorter than what it stands for. */
    out = to = arena_alloc(a, quoted.n, 1);
    while (s < end) {
        if (*s == '\\') {
            s++;
            to = unescape(&s, to);
        } else {
            *to++ = *s++;
        }
    }
    return (struct str){out, (size_t)(to - out)};
}
