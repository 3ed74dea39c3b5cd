/*
 * matcher.c - conditions on labels.
 */
#include "ferula/model/matcher.h"

#include "ferula/base/check.h"

static const char *const op_text[] = {
    [MATCH_EQ] = "=",
    [MATCH_NE] = "!=",
    [MATCH_RE] = "=~",
    [MATCH_NRE] = "!~",
};

const char *match_op_text(enum match_op op)
{
    CHECK((size_t)op < COUNT(op_text));
    return op_text[op];
}

int matcher_init(struct matcher *m, struct arena *a, enum match_op op, struct str name,
                 struct str value, struct fault *f)
{
    *m = (struct matcher){.op = op, .name = name, .value = value};
    if (op == MATCH_RE || op == MATCH_NRE)
        return regex_compile(&m->re, a, value, f);
    return 0;
}

bool matcher_matches(const struct matcher *m, struct str value)
{
    switch (m->op) {
    case MATCH_EQ:
        return str_eq(m->value, value);
    case MATCH_NE:
        return !str_eq(m->value, value);
    case MATCH_RE:
        return regex_match(m->re, value);
    case MATCH_NRE:
        return !regex_match(m->re, value);
    }
    CHECK_UNREACHABLE("a matcher without an operator");
}

bool matchers_match(const struct matcher *m, size_t n, struct labels ls)
{
    for (size_t i = 0; i < n; i++)
        if (!matcher_matches(&m[i], labels_get(ls, m[i].name)))
            return false;
    return true;
}

void matcher_print(struct buf *b, const struct matcher *m)
{
    if (label_name_is_legacy(m->name))
        buf_add_str(b, m->name);
    else
        buf_add_go_quoted(b, m->name);
    buf_puts(b, match_op_text(m->op));
    buf_add_go_quoted(b, m->value);
}
