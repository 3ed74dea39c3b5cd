/*
 * selector.c - metric names, label matchers and lists of label names.
 */
#include "parser.h"

#include "ferula/base/check.h"

bool promql__starts_selector(enum tok t)
{
    switch (t) {
    case TOK_LEFT_BRACE:
    case TOK_IDENTIFIER:
    case TOK_METRIC_IDENTIFIER:
    case TOK_LAND:
    case TOK_LOR:
    case TOK_LUNLESS:
    case TOK_BY:
    case TOK_WITHOUT:
    case TOK_OFFSET:
    case TOK_ANCHORED:
    case TOK_SMOOTHED:
    case TOK_FILL:
    case TOK_FILL_LEFT:
    case TOK_FILL_RIGHT:
        return true;
    default:
        return promql__toks[t].kind == TOK_KIND_AGGREGATOR || promql__toks[t].kind == TOK_KIND_NAME;
    }
}

/* Inside on() and by() nearly every keyword is a label's name. */
static bool is_label_name(enum tok t)
{
    return t == TOK_IDENTIFIER || t == TOK_METRIC_IDENTIFIER || t == TOK_LAND || t == TOK_LOR ||
           t == TOK_LUNLESS || t == TOK_ATAN2 || promql__toks[t].kind == TOK_KIND_AGGREGATOR ||
           promql__toks[t].kind == TOK_KIND_NAME ||
           (promql__toks[t].kind == TOK_KIND_KEYWORD && t != TOK_WITHOUT);
}

/* ---- matchers --------------------------------------------------------------------------- */

static const struct expectation want_matcher = {"label matching", "identifier or \"}\""};
static const struct expectation want_match_op = {"label matching", "label matching operator"};
static const struct expectation want_match_value = {"label matching", "string"};
static const struct expectation want_more_matchers = {"label matching", "\",\" or \"}\""};

static bool take_match_op(struct parser *p, enum match_op *op)
{
    static const enum tok toks[] = {[MATCH_EQ] = TOK_EQL,
                                    [MATCH_NE] = TOK_NEQ,
                                    [MATCH_RE] = TOK_EQL_REGEX,
                                    [MATCH_NRE] = TOK_NEQ_REGEX};

    for (size_t i = 0; i < COUNT(toks); i++) {
        if (promql__take_if(p, toks[i])) {
            *op = (enum match_op)i;
            return true;
        }
    }
    return false;
}

static void make_matcher(struct parser *p, struct matcher *m, enum match_op op, struct str name,
                         struct str value, size_t at)
{
    struct fault *f = arena_new(p->a, struct fault);

    if ((op == MATCH_RE || op == MATCH_NRE) && ++p->n_regexes > PROMQL_MAX_REGEXES) {
        promql__fail_limit(p, at, "more than %d regular expressions", PROMQL_MAX_REGEXES);
        return;
    }
    if (matcher_init(m, p->a, op, name, value, f) < 0)
        promql__fail(p, at, "%s", f->text);
}

/* name="value", "quoted name"="value", or "metric name" alone. */
static void matcher(struct parser *p, struct matcher *m)
{
    enum tok type = promql__peek(p);
    struct lex_item name;
    struct str label;
    enum match_op op;

    if (type != TOK_IDENTIFIER && type != TOK_STRING) {
        promql__unexpected_in(p, &want_matcher);
        return;
    }
    name = promql__take(p);
    label = type == TOK_STRING ? promql__unquote(p->a, name.val) : name.val;
    if (!take_match_op(p, &op)) {
        if (type == TOK_STRING)
            make_matcher(p, m, MATCH_EQ, STR(LABEL_NAME), label, name.pos);
        else
            promql__unexpected_in(p, &want_match_op);
        return;
    }
    if (promql__peek(p) != TOK_STRING) {
        promql__unexpected_in(p, &want_match_value);
        return;
    }
    make_matcher(p, m, op, label, promql__unquote(p->a, promql__take(p).val), name.pos);
}

/* {a="b", c!="d",}: at the brace; gives the array, with room for one more. */
static struct matcher *matchers(struct parser *p, size_t *n)
{
    struct matcher *v = NULL;
    size_t cap = 0;

    *n = 0;
    (void)promql__take(p);
    if (promql__take_if(p, TOK_RIGHT_BRACE))
        return v;
    do {
        if (*n > 0 && promql__take_if(p, TOK_RIGHT_BRACE))
            return v;
        ARENA_GROW(p->a, v, *n, cap, struct matcher);
        v[*n] = (struct matcher){0};
        matcher(p, &v[(*n)++]);
    } while (!p->failed && promql__take_if(p, TOK_COMMA));
    if (!p->failed && !promql__take_if(p, TOK_RIGHT_BRACE))
        promql__unexpected_in(p, &want_more_matchers);
    return v;
}

struct promql_expr *promql__selector(struct parser *p, const struct lex_item *name_item)
{
    struct promql_expr *e;
    struct promql_vector_selector *vs;
    struct matcher *written = NULL, *all;
    size_t n = 0, start, end;
    struct str name = {0};

    (void)promql__peek(p);
    start = p->tok.pos;
    if (name_item != NULL) {
        start = name_item->pos;
        name = name_item->val;
    }
    end = start + name.n;
    if (promql__peek(p) == TOK_LEFT_BRACE && !p->failed) {
        written = matchers(p, &n);
        end = p->last_closing;
    }
    all = arena_array(p->a, struct matcher, n + 1);
    if (n > 0)
        memcpy(all, written, n * sizeof(*all));
    if (name.n > 0)
        make_matcher(p, &all[n++], MATCH_EQ, STR(LABEL_NAME), name, start);
    e = promql__node(p, PROMQL_E_VECTOR_SELECTOR, PROMQL_VECTOR, start, end);
    vs = &e->u.vector;
    vs->name = name;
    vs->matchers = all;
    vs->n_matchers = n;
    return e;
}

/* ---- label lists ------------------------------------------------------------------------ */

static const struct expectation want_list = {"grouping opts", "\"(\""};
static const struct expectation want_label = {"grouping opts", "label"};
static const struct expectation want_more_labels = {"grouping opts", "\",\" or \")\""};

static struct str label_name(struct parser *p)
{
    enum tok type = promql__peek(p);
    struct lex_item item;
    struct str name;

    if (type != TOK_STRING && !is_label_name(type)) {
        promql__unexpected_in(p, &want_label);
        return (struct str){0};
    }
    item = promql__take(p);
    if (type != TOK_STRING)
        return item.val;
    name = promql__unquote(p->a, item.val);
    if (name.n == 0 || !utf8_valid(name))
        promql__fail(p, item.pos, "invalid label name for grouping: " STR_FMT,
                     STR_ARG(promql__quoted(p->a, name)));
    return name;
}

size_t promql__grouping(struct parser *p, const struct str **out)
{
    struct str *v = NULL;
    size_t n = 0, cap = 0;

    *out = NULL;
    if (!promql__take_if(p, TOK_LEFT_PAREN)) {
        promql__unexpected_in(p, &want_list);
        return 0;
    }
    if (promql__take_if(p, TOK_RIGHT_PAREN))
        return 0;
    do {
        if (n > 0 && promql__peek(p) == TOK_RIGHT_PAREN)
            break;
        ARENA_GROW(p->a, v, n, cap, struct str);
        v[n++] = label_name(p);
    } while (!p->failed && promql__take_if(p, TOK_COMMA));
    if (!p->failed && !promql__take_if(p, TOK_RIGHT_PAREN))
        promql__unexpected_in(p, &want_more_labels);
    *out = v;
    return n;
}
