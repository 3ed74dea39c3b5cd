/*
 * formula_parse.c - text to tree, by precedence climbing; precedences are expr-lang's
 * (parser/operator/operator.go).
 */
#include "formula_priv.h"

#include "ferula/base/num.h"

enum token_kind { TOKEN_END, TOKEN_NUMBER, TOKEN_NAME, TOKEN_SYMBOL };

struct parser {
    struct arena *arena;
    struct str text;
    size_t at; /* behind the token */
    size_t token_at;
    enum token_kind kind;
    struct str token;
    const struct str *names;
    size_t n_names;
    struct str locals[FORMULA_LOCALS_MAX];
    size_t n_locals, n_nodes;
    int depth, predicate_depth;
    struct fault *f;
    int rc;                    /* of the first error; everything returns quickly then */
    struct fault unknown_name; /* the first, which expr-lang tells after all of syntax; code 0 */
};

static const struct op_row {
    const char *text;
    int precedence;
    bool right;
    enum node_op op;
} binaries[] = {
    {"|",   0,   false, OP_PIPE    },
    {"or",  10,  false, OP_OR      },
    {"||",  10,  false, OP_OR      },
    {"and", 15,  false, OP_AND     },
    {"&&",  15,  false, OP_AND     },
    {"==",  20,  false, OP_EQ      },
    {"!=",  20,  false, OP_NE      },
    {"<",   20,  false, OP_LT      },
    {">",   20,  false, OP_GT      },
    {">=",  20,  false, OP_GE      },
    {"<=",  20,  false, OP_LE      },
    {"in",  20,  false, OP_IN      },
    {"..",  25,  false, OP_RANGE   },
    {"+",   30,  false, OP_ADD     },
    {"-",   30,  false, OP_SUB     },
    {"*",   60,  false, OP_MUL     },
    {"/",   60,  false, OP_DIV     },
    {"%",   60,  false, OP_MOD     },
    {"**",  100, true,  OP_POW     },
    {"^",   100, true,  OP_POW     },
    {"??",  500, false, OP_COALESCE},
};

static const struct op_row unaries[] = {
    {"not", 50, false, OP_NOT },
    {"!",   50, false, OP_NOT },
    {"-",   90, false, OP_NEG },
    {"+",   90, false, OP_PLUS},
};

static struct node *parse_expression(struct parser *p, int precedence);
static struct node *parse_sequence(struct parser *p);

/* ---- tokens ------------------------------------------------------------------------------ */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const struct parser *p, size_t i)
{
    return p->at + i < p->text.n ? p->text.p[p->at + i] : '\0';
}

int formula__refuse(struct fault *f, int code, struct str text, size_t at, const char *fmt, ...)
{
    struct fault why;
    size_t line = 1, column = 1;
    va_list ap;

    va_start(ap, fmt);
    (void)fault_vset(&why, code, at, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < at; i++) {
        column += ((unsigned char)text.p[i] & 0xc0) != 0x80; /* characters */
        if (text.p[i] == '\n') {
            column = 1;
            line++;
        }
    }
    return fault_set(f, code, at, "%s (%zu:%zu)", why.text, line, column);
}

__attribute__((format(printf, 3, 4))) static void *refuse(struct parser *p, int code,
                                                          const char *fmt, ...)
{
    struct fault why;
    va_list ap;

    if (p->rc < 0)
        return NULL;
    va_start(ap, fmt);
    (void)fault_vset(&why, code, p->token_at, fmt, ap);
    va_end(ap);
    p->rc = formula__refuse(p->f, code, p->text, p->token_at, "%s", why.text);
    p->kind = TOKEN_END;
    return NULL;
}

static bool accept_any(struct parser *p, const char *chars)
{
    bool found = peek(p, 0) != '\0' && strchr(chars, peek(p, 0)) != NULL;

    p->at += found;
    return found;
}

static void accept_run(struct parser *p, const char *chars)
{
    while (accept_any(p, chars))
        ;
}

/* False: something alphanumeric is behind it, of which the first character was taken, too. */
static bool scan_number(struct parser *p)
{
    const char *digits = "0123456789_";

    if (accept_any(p, "0"))
        digits = accept_any(p, "xX")   ? "0123456789abcdefABCDEF_"
                 : accept_any(p, "oO") ? "01234567_"
                 : accept_any(p, "bB") ? "01_"
                                       : digits;
    accept_run(p, digits);
    if (peek(p, 0) == '.' && peek(p, 1) == '.')
        return true;
    if (accept_any(p, "."))
        accept_run(p, digits);
    if (accept_any(p, "eE")) {
        (void)accept_any(p, "+-");
        accept_run(p, digits);
    }
    if (!is_digit(peek(p, 0)) && !is_name_char(peek(p, 0)))
        return true;
    do
        p->at++;
    while (((unsigned char)peek(p, 0) & 0xc0) == 0x80);
    return false;
}

static void number_token(struct parser *p)
{
    size_t begin = p->at;

    p->kind = TOKEN_NUMBER;
    if (scan_number(p))
        return;
    for (p->token_at = p->at - 1; ((unsigned char)p->text.p[p->token_at] & 0xc0) == 0x80;)
        p->token_at--;
    (void)refuse(p, FER_EINVAL, "bad number syntax: \"" STR_FMT "\"", (int)(p->at - begin),
                 p->text.p + begin);
}

/* Also comments. */
static void skip_blanks(struct parser *p)
{
    for (;;) {
        const char *from = p->text.p + p->at, *end;
        size_t left = p->text.n - p->at;

        if (peek(p, 0) == ' ' || (peek(p, 0) >= '\t' && peek(p, 0) <= '\r')) {
            p->at++;
        } else if (peek(p, 0) == '/' && (peek(p, 1) == '/' || peek(p, 1) == '*')) {
            end =
                peek(p, 1) == '/' ? memchr(from, '\n', left) : memmem(from + 2, left - 2, "*/", 2);
            p->at = end == NULL ? p->text.n : (size_t)(end - p->text.p) + 1 + (*end == '*');
        } else {
            return;
        }
    }
}

static void next(struct parser *p)
{
    static const char *const doubles[] = {
        "||", "&&", "==", "!=", ">=", "<=", "..", "**", "??", "?."};

    if (p->rc < 0)
        return;
    skip_blanks(p);
    p->token_at = p->at;
    if (p->at == p->text.n) {
        p->kind = TOKEN_END;
        p->token_at -= p->at > 0; /* of the last character */
        return;
    }
    if (is_digit(peek(p, 0)) || (peek(p, 0) == '.' && is_digit(peek(p, 1)))) {
        number_token(p);
        if (p->rc < 0)
            return;
    } else if (is_name_char(peek(p, 0))) {
        while (is_name_char(peek(p, 0)) || is_digit(peek(p, 0)))
            p->at++;
        p->kind = TOKEN_NAME;
    } else {
        size_t n = 1;

        for (size_t i = 0; i < COUNT(doubles); i++)
            if (peek(p, 0) == doubles[i][0] && peek(p, 1) == doubles[i][1])
                n = 2;
        p->at += n;
        p->kind = TOKEN_SYMBOL;
    }
    p->token = (struct str){p->text.p + p->token_at, p->at - p->token_at};
}

static bool is(const struct parser *p, const char *text)
{
    return (p->kind == TOKEN_SYMBOL || p->kind == TOKEN_NAME) && str_is(p->token, text);
}

static bool accept(struct parser *p, const char *text)
{
    if (!is(p, text))
        return false;
    next(p);
    return true;
}

/* What the token is, as expr-lang's lexer names it. */
static void *refuse_token(struct parser *p)
{
    static const char *const words[] = {"not",     "in",       "or",         "and",
                                        "matches", "contains", "startsWith", "endsWith",
                                        "let",     "if",       "else"};
    const char *kind = p->kind == TOKEN_NUMBER ? "Number" : "Identifier";

    if (p->kind == TOKEN_END)
        return refuse(p, FER_EINVAL, "unexpected token EOF");
    if (p->kind == TOKEN_SYMBOL)
        kind = strchr("()[]{}", p->token.p[0]) != NULL ? "Bracket" : "Operator";
    for (size_t i = 0; i < COUNT(words); i++)
        if (p->kind == TOKEN_NAME && str_is(p->token, words[i]))
            kind = "Operator";
    return refuse(p, FER_EINVAL, "unexpected token %s(\"" STR_FMT "\")", kind, STR_ARG(p->token));
}

static void expect(struct parser *p, const char *text)
{
    if (!accept(p, text))
        (void)refuse_token(p);
}

/* ---- nodes ------------------------------------------------------------------------------- */

static struct node *node_new(struct parser *p, enum node_kind kind)
{
    struct node *n = arena_new(p->arena, struct node);

    if (++p->n_nodes > FORMULA_NODES_MAX)
        (void)refuse(p, FER_EINVAL, "compilation failed: expression exceeds maximum allowed nodes");
    n->kind = kind;
    n->at = p->token_at;
    return n;
}

static void add_kid(struct parser *p, struct node *n, struct node *kid)
{
    ARENA_GROW(p->arena, n->kids, n->n, n->cap, struct node *);
    n->kids[n->n++] = kid;
}

/* The base that "0x", "0o" and "0b" say; *digits: what is behind it. */
static int base_of(struct str *digits)
{
    char c = digits->n > 1 && digits->p[0] == '0' ? (char)(digits->p[1] | 0x20) : '\0';
    int base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;

    if (base != 10)
        *digits = str_cut(*digits, 2);
    return base;
}

static bool parse_whole(struct str digits, int64_t *out, bool *out_of_range)
{
    int base = base_of(&digits);
    uint64_t v = 0;

    *out_of_range = false;
    if (digits.n == 0)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        char c = (char)(digits.p[i] | 0x20);
        int digit = is_digit(digits.p[i])  ? digits.p[i] - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                           : base;

        if (digit >= base)
            return false;
        *out_of_range |= __builtin_mul_overflow(v, (uint64_t)base, &v) ||
                         __builtin_add_overflow(v, (uint64_t)digit, &v) || v > INT64_MAX;
    }
    *out = (int64_t)v;
    return !*out_of_range;
}

/* Underscores may stand between digits. */
static struct str without_underscores(struct arena *a, struct str s)
{
    char *out = arena_array(a, char, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            out[n++] = s.p[i];
    return (struct str){out, n};
}

static struct node *parse_number(struct parser *p)
{
    struct str digits = without_underscores(p->arena, p->token), rest = digits;
    struct node *n = node_new(p, NODE_INT);
    int base = base_of(&rest);
    bool out_of_range = false, ok;
    const char *kind = base == 16 ? "hex" : base == 8 ? "octal" : base == 2 ? "binary" : "integer";

    next(p);
    if (base != 16 && strpbrk(digits.p, ".eE") != NULL) {
        kind = "float";
        n->kind = NODE_FLOAT;
        ok = num_parse(digits, &n->f, &out_of_range) && !out_of_range;
    } else {
        ok = parse_whole(digits, &n->i, &out_of_range);
    }
    if (ok)
        return n;
    return refuse(p, FER_EINVAL, "invalid %s literal: strconv.Parse%s: parsing \"" STR_FMT "\": %s",
                  kind, n->kind == NODE_FLOAT ? "Float" : "Int", STR_ARG(digits),
                  out_of_range ? "value out of range" : "invalid syntax");
}

static struct node *parse_array(struct parser *p)
{
    struct node *n = node_new(p, NODE_ARRAY);

    next(p);
    while (p->rc == 0 && !is(p, "]")) {
        if (n->n > 0)
            expect(p, ",");
        if (is(p, "]"))
            break;
        add_kid(p, n, parse_expression(p, 0));
    }
    expect(p, "]");
    return n;
}

static struct node *parse_predicate(struct parser *p)
{
    struct node *n;

    p->predicate_depth++;
    if (accept(p, "{")) {
        n = parse_sequence(p);
        expect(p, "}");
    } else {
        n = parse_expression(p, 0);
    }
    p->predicate_depth--;
    return n;
}

/* The token is behind the name. `first`: what stood before a pipe; may be NULL. */
static struct node *parse_call(struct parser *p, struct str name, struct node *first)
{
    const struct builtin *b = formula__builtin(name);
    struct node *n = node_new(p, NODE_CALL);

    n->at = (size_t)(name.p - p->text.p);
    if (b == NULL) {
        p->token_at = n->at;
        return refuse(p, FER_EUNSUP, "the function " STR_FMT "() cannot be computed here",
                      STR_ARG(name));
    }
    n->call = b;
    if (first != NULL)
        add_kid(p, n, first);
    expect(p, "(");
    for (bool more = false; p->rc == 0 && !is(p, ")"); more = true) {
        if (more)
            expect(p, ",");
        if (is(p, ")") && (!formula__has_predicate(b) || n->n == b->max_args))
            break;
        add_kid(p, n,
                formula__has_predicate(b) && n->n == 1 ? parse_predicate(p)
                                                       : parse_expression(p, 0));
    }
    expect(p, ")");
    if (p->rc < 0 || (n->n >= b->min_args && n->n <= b->max_args))
        return n;
    p->token_at = n->at;
    if (b->min_args == 1 && b->max_args == 1)
        return refuse(p, FER_EINVAL, "invalid number of arguments (expected 1, got %zu)", n->n);
    return refuse(p, FER_EINVAL, "%s arguments to call " STR_FMT,
                  n->n < b->min_args ? "not enough" : "too many", STR_ARG(name));
}

static struct node *parse_pointer(struct parser *p)
{
    struct node *n = node_new(p, NODE_ELEMENT);

    if (p->predicate_depth == 0)
        return refuse_token(p);
    next(p);
    if (accept(p, "acc"))
        n->kind = NODE_ACC;
    else if (accept(p, "index"))
        n->kind = NODE_INDEX;
    return n;
}

static struct node *unknown_name(struct parser *p, struct str name)
{
    size_t at = (size_t)(name.p - p->text.p);

    if (p->unknown_name.code == 0)
        (void)formula__refuse(&p->unknown_name, FER_EINVAL, p->text, at, "unknown name " STR_FMT,
                              STR_ARG(name));
    return node_new(p, NODE_NIL);
}

static struct node *parse_name(struct parser *p)
{
    static const struct {
        const char *name;
        enum node_kind kind;
        int64_t i;
    } literals[] = {
        {"true",  NODE_BOOL, 1},
        {"false", NODE_BOOL, 0},
        {"nil",   NODE_NIL,  0},
    };
    struct str name = p->token;
    struct node *n = node_new(p, NODE_NIL);

    next(p);
    for (size_t i = 0; i < COUNT(literals); i++)
        if (str_is(name, literals[i].name)) {
            n->kind = literals[i].kind;
            n->i = literals[i].i;
            return n;
        }
    if (is(p, "("))
        return parse_call(p, name, NULL);
    for (n->slot = p->n_locals; n->slot-- > 0;)
        if (str_eq(name, p->locals[n->slot])) {
            n->kind = NODE_LOCAL;
            return n;
        }
    for (n->slot = 0; n->slot < p->n_names; n->slot++)
        if (str_eq(name, p->names[n->slot])) {
            n->kind = NODE_VAR;
            return n;
        }
    return unknown_name(p, name);
}

/* From "[" on: an index, or a slice whose ends may be left out. */
static struct node *parse_brackets(struct parser *p, struct node *array)
{
    struct node *n = node_new(p, NODE_AT), *from = NULL, *to = NULL;

    next(p);
    if (!is(p, ":"))
        from = parse_expression(p, 0);
    if (accept(p, ":")) {
        n->kind = NODE_SLICE;
        if (!is(p, "]"))
            to = parse_expression(p, 0);
    }
    expect(p, "]");
    add_kid(p, n, array);
    add_kid(p, n, from);
    if (n->kind == NODE_SLICE)
        add_kid(p, n, to);
    return n;
}

static struct node *parse_postfix(struct parser *p, struct node *n)
{
    while (p->rc == 0) {
        if (is(p, ".") || is(p, "?."))
            return refuse(p, FER_EUNSUP, "fields cannot be computed here: numbers have none");
        if (!is(p, "["))
            break;
        n = parse_brackets(p, n);
    }
    return n;
}

static struct node *parse_primary(struct parser *p)
{
    struct node *n;

    for (size_t i = 0; i < COUNT(unaries); i++)
        if (is(p, unaries[i].text)) {
            n = node_new(p, NODE_UNARY);
            n->op = unaries[i].op;
            n->op_text = unaries[i].text;
            next(p);
            add_kid(p, n, parse_expression(p, unaries[i].precedence));
            return parse_postfix(p, n);
        }
    if (accept(p, "(")) {
        n = parse_sequence(p);
        expect(p, ")");
    } else if (is(p, "#")) {
        n = parse_pointer(p);
    } else if (is(p, "[")) {
        n = parse_array(p);
    } else if (p->kind == TOKEN_NUMBER) {
        return parse_number(p);
    } else if (p->kind == TOKEN_NAME) {
        n = parse_name(p);
    } else if (is(p, "\"") || is(p, "'") || is(p, "`") || is(p, "{")) {
        return refuse(p, FER_EUNSUP,
                      "texts and maps cannot be computed here: a metric is a number");
    } else {
        return refuse_token(p);
    }
    return parse_postfix(p, n);
}

/* ---- operators --------------------------------------------------------------------------- */

static const struct op_row *binary_of(const struct parser *p)
{
    for (size_t i = 0; i < COUNT(binaries); i++)
        if (is(p, binaries[i].text))
            return &binaries[i];
    return NULL;
}

/* Its place is the operator's. */
static struct node *binary(struct parser *p, const struct op_row *row, size_t at, struct node *left,
                           struct node *right)
{
    struct node *n = node_new(p, NODE_BINARY);

    n->at = at;
    n->op = row->op;
    n->op_text = row->text;
    add_kid(p, n, left);
    add_kid(p, n, right);
    return n;
}

static bool is_comparison(const struct op_row *row)
{
    return row != NULL && row->op >= OP_LT && row->op <= OP_LE;
}

/* a < b < c is a < b && b < c. */
static struct node *parse_comparison(struct parser *p, const struct op_row *row, struct node *left)
{
    static const struct op_row both = {"&&", 15, false, OP_AND};
    struct node *root = NULL;

    while (p->rc == 0 && is_comparison(row)) {
        struct node *right, *compared;
        size_t at = p->token_at;

        next(p);
        right = parse_expression(p, row->precedence + 1);
        compared = binary(p, row, at, left, right);
        root = root == NULL ? compared : binary(p, &both, at, root, compared);
        left = right;
        row = binary_of(p);
    }
    return root;
}

static struct node *parse_pipe(struct parser *p, struct node *left)
{
    struct str name;

    next(p);
    name = p->token;
    if (p->kind != TOKEN_NAME)
        return refuse_token(p);
    next(p);
    return parse_call(p, name, left);
}

/* One of at least that precedence, of which "not" before "in" is eaten; NULL: none. */
static const struct op_row *next_binary(struct parser *p, int precedence, bool *negate)
{
    struct parser before = *p;
    const struct op_row *row;

    *negate = accept(p, "not");
    row = binary_of(p);
    if (row != NULL && row->precedence >= precedence && (!*negate || row->op == OP_IN))
        return row;
    *p = before;
    return NULL;
}

static struct node *parse_binaries(struct parser *p, struct node *left, int precedence)
{
    bool coalesced = false;

    while (p->rc == 0) {
        bool negate;
        const struct op_row *row = next_binary(p, precedence, &negate);

        if (row == NULL)
            break;
        if (coalesced && row->op != OP_COALESCE && row->op != OP_PIPE)
            return refuse(p, FER_EINVAL,
                          "Operator (%s) and coalesce expressions (?\?) cannot be mixed. Wrap "
                          "either by parentheses.",
                          row->text);
        coalesced = row->op == OP_COALESCE;
        if (row->op == OP_PIPE) {
            left = parse_pipe(p, left);
        } else if (is_comparison(row)) {
            left = parse_comparison(p, row, left);
        } else {
            size_t at = p->token_at;

            next(p);
            left = binary(p, row, at, left,
                          parse_expression(p, row->precedence + (row->right ? 0 : 1)));
        }
        if (negate) {
            struct node *not = node_new(p, NODE_UNARY);

            not ->op = OP_NOT;
            not ->op_text = "not";
            add_kid(p, not, left);
            left = not ;
        }
    }
    return left;
}

static struct node *conditional(struct parser *p, struct node *cond, struct node *yes,
                                struct node *no)
{
    struct node *n = node_new(p, NODE_COND);

    add_kid(p, n, cond);
    add_kid(p, n, yes);
    add_kid(p, n, no);
    return n;
}

static struct node *parse_ternary(struct parser *p, struct node *cond)
{
    while (p->rc == 0 && accept(p, "?")) {
        struct node *yes = cond;

        if (!is(p, ":"))
            yes = parse_expression(p, 0);
        expect(p, ":");
        cond = conditional(p, cond, yes, parse_expression(p, 0));
    }
    return cond;
}

static struct node *parse_if(struct parser *p)
{
    struct node *cond, *yes, *no;

    next(p);
    cond = parse_expression(p, 0);
    expect(p, "{");
    yes = parse_sequence(p);
    expect(p, "}");
    expect(p, "else");
    if (is(p, "if")) {
        no = parse_expression(p, 0);
    } else {
        expect(p, "{");
        no = parse_sequence(p);
        expect(p, "}");
    }
    return conditional(p, cond, yes, no);
}

static struct node *parse_let(struct parser *p)
{
    struct node *n = node_new(p, NODE_LET);
    struct str name;

    next(p);
    name = p->token;
    if (p->kind != TOKEN_NAME)
        return refuse_token(p);
    for (size_t i = 0; i < p->n_names; i++)
        if (str_eq(name, p->names[i]))
            return refuse(p, FER_EINVAL, "cannot redeclare " STR_FMT, STR_ARG(name));
    for (size_t i = 0; i < p->n_locals; i++)
        if (str_eq(name, p->locals[i]))
            return refuse(p, FER_EINVAL, "cannot redeclare variable " STR_FMT, STR_ARG(name));
    if (formula__builtin(name) != NULL)
        return refuse(p, FER_EINVAL, "cannot redeclare builtin " STR_FMT, STR_ARG(name));
    next(p);
    expect(p, "=");
    add_kid(p, n, parse_expression(p, 0));
    expect(p, ";");
    if (p->n_locals == FORMULA_LOCALS_MAX)
        return refuse(p, FER_EUNSUP, "more than %d variables", FORMULA_LOCALS_MAX);
    n->slot = p->n_locals;
    p->locals[p->n_locals++] = name;
    add_kid(p, n, parse_sequence(p));
    p->n_locals--;
    return n;
}

static struct node *parse_expression(struct parser *p, int precedence)
{
    struct node *n = NULL;

    if (p->rc < 0)
        return NULL;
    if (p->depth == FORMULA_DEPTH_MAX)
        return refuse(p, FER_EUNSUP, "nested too deeply");
    p->depth++;
    if (precedence == 0 && is(p, "let")) {
        n = parse_let(p);
    } else if (precedence == 0 && is(p, "if")) {
        n = parse_if(p);
    } else {
        n = parse_binaries(p, parse_primary(p), precedence);
        if (precedence == 0)
            n = parse_ternary(p, n);
    }
    p->depth--;
    return n;
}

static struct node *parse_sequence(struct parser *p)
{
    struct node *n = parse_expression(p, 0);

    while (p->rc == 0 && accept(p, ";")) {
        struct node *both = node_new(p, NODE_SEQUENCE);

        if (p->kind == TOKEN_END)
            break;
        add_kid(p, both, n);
        add_kid(p, both, parse_expression(p, 0));
        n = both;
    }
    return n;
}

int formula__parse(struct arena *a, struct str text, const struct str *names, size_t n,
                   struct node **out, struct fault *f)
{
    struct parser p = {.arena = a, .text = text, .names = names, .n_names = n, .f = f};
    struct node *root;

    next(&p);
    root = parse_sequence(&p);
    if (p.rc == 0 && p.kind != TOKEN_END)
        (void)refuse_token(&p);
    if (p.unknown_name.code != 0 && p.rc != FER_EINVAL) {
        *f = p.unknown_name;
        return FER_EINVAL;
    }
    if (p.rc < 0)
        return p.rc;
    *out = root;
    return 0;
}
