/*
 * metadata.c - values of triggers' metadata as KEDA parses them (scalersconfig/typed_config.go):
 * numbers through Go's JSON decoder, with its errors.
 */
#include "autoscale_priv.h"

#include "ferula/base/num.h"

#include <math.h>

struct str autoscale__get(const struct pairs *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_is(p->v[i].key.s, key))
            return str_trim(p->v[i].value.s);
    return (struct str){0};
}

bool autoscale__parse_bool(struct str s, bool *out)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < COUNT(yes); i++)
        if (str_is(s, yes[i]) || str_is(s, no[i])) {
            *out = str_is(s, yes[i]);
            return true;
        }
    return false;
}

/* Go's decoder sees a blank behind the end. */
static char at(struct str s, size_t i)
{
    return i < s.n ? s.p[i] : ' ';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int unexpected(struct fault *f, char c, const char *where)
{
    return fault_set(f, FER_EINVAL, 0, "invalid character '%s%c' %s",
                     c == '\'' || c == '\\' ? "\\" : "", c, where);
}

static int wrong_type(struct fault *f, const char *what, const char *type)
{
    return fault_set(f, FER_EINVAL, 0, "json: cannot unmarshal %s into Go value of type %s", what,
                     type);
}

/* What starts with something else than a number. */
static int no_number(struct str s, const char *type, struct fault *f)
{
    static const char *const literals[] = {"true", "false", "null"};

    for (size_t i = 0; i < COUNT(literals); i++) {
        const char *lit = literals[i];

        if (s.p[0] != lit[0])
            continue;
        for (size_t k = 1; lit[k] != '\0'; k++)
            if (at(s, k) != lit[k])
                return fault_set(f, FER_EINVAL, 0,
                                 "invalid character '%c' in literal %s (expecting '%c')", at(s, k),
                                 lit, lit[k]);
        return wrong_type(f, lit[0] == 'n' ? "null" : "bool", type);
    }
    switch (s.p[0]) {
    case '"':
        return wrong_type(f, "string", type);
    case '{':
        return wrong_type(f, "object", type);
    case '[':
        return wrong_type(f, "array", type);
    default:
        return unexpected(f, s.p[0], "looking for beginning of value");
    }
}

int autoscale__json_number(struct str s, const char *type, double *out, struct fault *f)
{
    size_t i = 0;
    bool fraction = false, range = false, whole = type[0] == 'i';

    if (s.n == 0)
        return fault_set(f, FER_EINVAL, 0, "unexpected end of JSON input");
    if (s.p[0] != '-' && !is_digit(s.p[0]))
        return no_number(s, type, f);
    if (s.p[0] == '-' && !is_digit(at(s, ++i)))
        return unexpected(f, at(s, i), "in numeric literal");
    if (s.p[i] == '0')
        i++;
    else
        while (is_digit(at(s, i)))
            i++;
    if (at(s, i) == '.') {
        fraction = true;
        if (!is_digit(at(s, ++i)))
            return unexpected(f, at(s, i), "after decimal point in numeric literal");
        while (is_digit(at(s, i)))
            i++;
    }
    if (at(s, i) == 'e' || at(s, i) == 'E') {
        fraction = true;
        i++;
        if (at(s, i) == '+' || at(s, i) == '-')
            i++;
        if (!is_digit(at(s, i)))
            return unexpected(f, at(s, i), "in exponent of numeric literal");
        while (is_digit(at(s, i)))
            i++;
    }
    if (i < s.n) /* values are trimmed: behind a blank there is something */
        return unexpected(f, str_trim(str_cut(s, i)).p[0], "after top-level value");
    if (!num_parse(s, out, &range) || range || isinf(*out) || (whole && fraction))
        return fault_set(f, FER_EINVAL, 0,
                         "json: cannot unmarshal number " STR_FMT " into Go value of type %s",
                         STR_ARG(s), type);
    return 0;
}
