/*
 * parser.c - the parser's hands: tokens, failures, nodes; and the ways in from outside.
 */
#include "parser.h"

#include <math.h>

#include "ferula/base/check.h"

/* ---- failures --------------------------------------------------------------------------- */

/* Line and column, in bytes and from 1, of the offset `at`. */
static struct str position(struct arena *a, struct str text, size_t at)
{
    size_t line = 1, after_break = 0;

    if (text.n == 0)
        return STR("unknown position");
    if (at > text.n)
        return STR("invalid position");
    for (size_t i = 0; i < at; i++) {
        if (text.p[i] == '\n') {
            after_break = i + 1;
            line++;
        }
    }
    return arena_printf(a, "%zu:%zu", line, at - after_break + 1);
}

static int fault_at(struct fault *f, int code, struct str text, size_t at, struct str msg)
{
    struct arena tmp = {0};
    struct str where = position(&tmp, text, at);

    (void)fault_set(f, code, at, STR_FMT ": parse error: " STR_FMT, STR_ARG(where), STR_ARG(msg));
    arena_release(&tmp);
    return code;
}

int promql__parse_fault(struct fault *f, int code, struct str text, size_t at, const char *fmt, ...)
{
    struct buf msg = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&msg, fmt, ap);
    va_end(ap);
    (void)fault_at(f, code, text, at, buf_str(&msg));
    buf_release(&msg);
    return code;
}

static void fail_with(struct parser *p, int code, size_t at, const char *fmt, va_list ap)
{
    struct buf msg = {0};

    if (p->failed)
        return;
    buf_vaddf(&msg, fmt, ap);
    p->failed = true;
    p->rc = fault_at(p->f, code, p->lx.in, at, buf_str(&msg));
    buf_release(&msg);
}

void promql__fail(struct parser *p, size_t at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail_with(p, FER_EINVAL, at, fmt, ap);
    va_end(ap);
}

void promql__fail_limit(struct parser *p, size_t at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail_with(p, FER_ELIMIT, at, fmt, ap);
    va_end(ap);
}

void promql__unexpected_in(struct parser *p, const struct expectation *expect)
{
    struct str what;

    (void)promql__peek(p);
    if (p->failed)
        return;
    what = promql__lex_describe(p->a, &p->tok);
    promql__fail(p, p->tok.pos, "unexpected " STR_FMT "%s%s%s%s", STR_ARG(what),
                 expect->where == NULL ? "" : " in ", expect->where == NULL ? "" : expect->where,
                 expect->what == NULL ? "" : ", expected ",
                 expect->what == NULL ? "" : expect->what);
}

void promql__unexpected(struct parser *p)
{
    promql__unexpected_in(p, p->expect);
}

static void too_deep(struct parser *p, size_t at)
{
    promql__fail_limit(p, at, "expression is nested more than %d levels deep", PROMQL_MAX_DEPTH);
}

bool promql__enter(struct parser *p, size_t at)
{
    if (++p->depth > PROMQL_MAX_DEPTH)
        too_deep(p, at);
    return !p->failed;
}

void promql__leave(struct parser *p)
{
    p->depth--;
}

/* ---- tokens ----------------------------------------------------------------------------- */

enum tok promql__peek(struct parser *p)
{
    if (p->have_tok)
        return p->tok.type;
    do
        promql__lex_next(&p->lx, &p->tok);
    while (p->tok.type == TOK_COMMENT);
    p->have_tok = true;
    switch (p->tok.type) {
    case TOK_ERROR:
        promql__fail(p, p->tok.pos, STR_FMT, STR_ARG(p->tok.val));
        break;
    case TOK_RIGHT_BRACE:
    case TOK_RIGHT_PAREN:
    case TOK_RIGHT_BRACKET:
    case TOK_DURATION:
    case TOK_NUMBER:
        p->last_closing = p->tok.pos + p->tok.val.n;
        break;
    default:
        break;
    }
    return p->tok.type;
}

struct lex_item promql__take(struct parser *p)
{
    (void)promql__peek(p);
    /* After a failure the token stays, so that no loop over tokens finds more than one. */
    p->have_tok = p->failed;
    return p->tok;
}

bool promql__take_if(struct parser *p, enum tok type)
{
    if (promql__peek(p) != type || p->failed)
        return false;
    (void)promql__take(p);
    return true;
}

bool promql__need(struct parser *p, enum tok type)
{
    if (promql__take_if(p, type))
        return true;
    promql__unexpected(p);
    return false;
}

/* ---- nodes ------------------------------------------------------------------------------ */

struct promql_expr *promql__node(struct parser *p, enum promql_kind kind, enum promql_type type,
                                 size_t start, size_t end)
{
    struct promql_expr *e = arena_new(p->a, struct promql_expr);

    e->kind = kind;
    e->type = type;
    e->pos = (struct promql_pos){(int)start, (int)end};
    e->height = 1;
    return e;
}

void promql__adopt(struct parser *p, struct promql_expr *e, const struct promql_expr *child)
{
    if (child->height >= e->height)
        e->height = child->height + 1;
    if (e->height <= PROMQL_MAX_DEPTH || p->failed)
        return;
    /* A long chain: what is wrong with its beginning says more than its length. */
    p->rc = promql__check_types(p->lx.in, child, p->f);
    p->failed = p->rc < 0;
    too_deep(p, (size_t)e->pos.start);
}

dur_ms promql__ms_of_seconds(double seconds)
{
    double ns = round(seconds * 1e9);

    if (!(fabs(ns) < 9223372036854775808.0))
        return ns > 0 ? INT64_MAX / 1000000 : INT64_MIN / 1000000;
    return (int64_t)ns / 1000000;
}

/* ---- from outside ----------------------------------------------------------------------- */

void promql__parser_init(struct parser *p, struct arena *a, struct str text, struct fault *f)
{
    static const struct expectation nothing;

    *p = (struct parser){.a = a, .expect = &nothing, .f = f};
    promql__lex_init(&p->lx, a, arena_str(a, text));
}

static int too_long(struct str text, struct fault *f)
{
    return fault_set(f, FER_ELIMIT, 0, "query is %zu bytes long, more than %d are not parsed",
                     text.n, PROMQL_MAX_TEXT_BYTES);
}

int promql_parse(struct arena *a, struct str text, const struct promql_features *features,
                 const struct promql_expr **out, struct fault *f)
{
    struct parser p;
    const struct promql_expr *e;
    int rc;

    if (text.n > PROMQL_MAX_TEXT_BYTES)
        return too_long(text, f);
    promql__parser_init(&p, a, text, f);
    p.features = *features;
    if (promql__peek(&p) == TOK_EOF && !p.failed)
        promql__fail(&p, 0, "no expression found in input");
    e = promql__expr(&p);
    if (!p.failed && promql__peek(&p) != TOK_EOF)
        promql__unexpected(&p);
    if (p.failed)
        return p.rc;
    rc = promql__check_types(p.lx.in, e, f);
    if (rc == 0)
        *out = e;
    return rc;
}

int promql_parse_selector(struct arena *a, struct str text, const struct matcher **out, size_t *n,
                          struct fault *f)
{
    struct parser p;
    struct promql_expr *e;
    struct lex_item name;

    if (text.n > PROMQL_MAX_TEXT_BYTES)
        return too_long(text, f);
    promql__parser_init(&p, a, text, f);
    if (!promql__starts_selector(promql__peek(&p)))
        promql__unexpected(&p);
    if (p.failed)
        return p.rc;
    if (promql__peek(&p) == TOK_LEFT_BRACE) {
        e = promql__selector(&p, NULL);
    } else {
        name = promql__take(&p);
        e = promql__selector(&p, &name);
    }
    if (!p.failed && promql__peek(&p) != TOK_EOF)
        promql__unexpected(&p);
    if (p.failed)
        return p.rc;
    *out = e->u.vector.matchers;
    *n = e->u.vector.n_matchers;
    return 0;
}
