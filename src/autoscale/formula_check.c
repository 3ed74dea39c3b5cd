/*
 * formula_check.c - types of a formula before it is run, as expr-lang's checker has them: what
 * cannot fit is refused, also in a branch that is never taken.
 */
#include "formula_priv.h"

#include "ferula/base/check.h"

/* What is not known before it is run is told apart by expr-lang: what came of Go's `any`. */
enum type_kind { TYPE_UNKNOWN, TYPE_ANY, TYPE_NIL, TYPE_BOOL, TYPE_INT, TYPE_FLOAT, TYPE_ARRAY };

struct type {
    enum type_kind kind;
    const struct type *of; /* of an array */
};

/* The predicate that is around; NULL: none. */
struct scope {
    const struct type *element;
    bool has_index, has_acc;
};

struct checker {
    struct arena *arena;
    struct str text;
    const struct scope *scope;
    const struct type *locals[FORMULA_LOCALS_MAX];
    struct fault *f;
    int rc; /* of the first error */
};

static const struct type unknown = {TYPE_UNKNOWN, NULL}, any = {TYPE_ANY, NULL},
                         nil = {TYPE_NIL, NULL}, truth = {TYPE_BOOL, NULL},
                         whole = {TYPE_INT, NULL}, floating = {TYPE_FLOAT, NULL},
                         array_of_any = {TYPE_ARRAY, &any}, array_of_whole = {TYPE_ARRAY, &whole};

static const struct type *type_of(struct checker *c, const struct node *n);

/* ---- what types are ---------------------------------------------------------------------- */

static const char *name_of(const struct type *t)
{
    static const char *const names[] = {"unknown", "interface {}", "nil",           "bool",
                                        "int",     "float64",      "[]interface {}"};

    return names[t->kind];
}

static const struct type *array_of(struct checker *c, const struct type *of)
{
    struct type *t = arena_new(c->arena, struct type);

    *t = (struct type){TYPE_ARRAY, of};
    return t;
}

static bool is_number(const struct type *t)
{
    return t->kind == TYPE_INT || t->kind == TYPE_FLOAT;
}

static bool is_unknown(const struct type *t)
{
    return t->kind == TYPE_UNKNOWN || t->kind == TYPE_ANY;
}

static bool is_untyped(const struct type *t)
{
    return t->kind == TYPE_UNKNOWN || t->kind == TYPE_NIL;
}

/* One of a kind, or not known before it is run. */
static bool may_be(const struct type *t, enum type_kind kind)
{
    return is_unknown(t) || t->kind == kind;
}

static bool may_be_number(const struct type *t)
{
    return is_unknown(t) || is_number(t);
}

static bool assignable(const struct type *from, const struct type *to)
{
    if (from->kind == TYPE_UNKNOWN || from->kind == TYPE_NIL)
        return false;
    return from->kind == to->kind || to->kind == TYPE_ANY;
}

static bool comparable(const struct type *a, const struct type *b)
{
    return a->kind <= TYPE_NIL || b->kind <= TYPE_NIL || (is_number(a) && is_number(b)) ||
           a->kind == b->kind;
}

__attribute__((format(printf, 3, 4))) static const struct type *
refuse(struct checker *c, const struct node *n, const char *fmt, ...)
{
    struct fault why;
    va_list ap;

    if (c->rc < 0)
        return &unknown;
    va_start(ap, fmt);
    (void)fault_vset(&why, FER_EINVAL, n->at, fmt, ap);
    va_end(ap);
    c->rc = formula__refuse(c->f, FER_EINVAL, c->text, n->at, "%s", why.text);
    return &unknown;
}

/* ---- operators --------------------------------------------------------------------------- */

static const struct type *type_of_unary(struct checker *c, const struct node *n)
{
    const struct type *t = type_of(c, n->kids[0]);

    if (n->op == OP_NOT && may_be(t, TYPE_BOOL))
        return &truth;
    if (n->op != OP_NOT && may_be_number(t))
        return is_unknown(t) ? &unknown : t;
    return refuse(c, n, "invalid operation: %s (mismatched type %s)", n->op_text, name_of(t));
}

static const struct type *coalesced(const struct type *l, const struct type *r)
{
    if (l->kind == TYPE_NIL)
        return r;
    if (r->kind == TYPE_NIL || assignable(r, l))
        return l;
    return &unknown;
}

static const struct type *type_of_in(struct checker *c, const struct node *n, const struct type *l,
                                     const struct type *r)
{
    if (r->kind == TYPE_ARRAY && !comparable(l, r->of))
        return refuse(c, n, "cannot use %s as type %s in array", name_of(l), name_of(r->of));
    return may_be(r, TYPE_ARRAY) ? &truth : NULL;
}

/* Of two numbers; any of them may be known when it is run. */
static const struct type *type_of_arithmetic(enum node_op op, const struct type *l,
                                             const struct type *r)
{
    if (!may_be_number(l) || !may_be_number(r))
        return NULL;
    if (op >= OP_LT && op <= OP_LE)
        return &truth;
    if (op == OP_DIV || op == OP_POW)
        return &floating;
    if (is_unknown(l) || is_unknown(r))
        return &unknown;
    return l->kind == TYPE_INT && r->kind == TYPE_INT ? &whole : &floating;
}

static const struct type *type_of_binary(struct checker *c, const struct node *n)
{
    const struct type *l = type_of(c, n->kids[0]), *r = type_of(c, n->kids[1]), *t = NULL;

    switch (n->op) {
    case OP_COALESCE:
        t = coalesced(l, r);
        break;
    case OP_EQ:
    case OP_NE:
        t = comparable(l, r) ? &truth : NULL;
        break;
    case OP_AND:
    case OP_OR:
        t = may_be(l, TYPE_BOOL) && may_be(r, TYPE_BOOL) ? &truth : NULL;
        break;
    case OP_IN:
        t = type_of_in(c, n, l, r);
        break;
    case OP_MOD:
        if (n->kids[0]->kind == NODE_INT && n->kids[1]->kind == NODE_INT && n->kids[1]->i == 0)
            return refuse(c, n, "integer divide by zero");
        t = may_be(l, TYPE_INT) && may_be(r, TYPE_INT) ? &whole : NULL;
        break;
    case OP_RANGE:
        t = may_be(l, TYPE_INT) && may_be(r, TYPE_INT) ? &array_of_whole : NULL;
        break;
    default:
        t = type_of_arithmetic(n->op, l, r);
        break;
    }
    if (t != NULL)
        return t;
    return refuse(c, n, "invalid operation: %s (mismatched types %s and %s)", n->op_text,
                  name_of(l), name_of(r));
}

static const struct type *type_of_cond(struct checker *c, const struct node *n)
{
    const struct type *cond = type_of(c, n->kids[0]);
    const struct type *yes = type_of(c, n->kids[1]), *no = type_of(c, n->kids[2]);

    if (!may_be(cond, TYPE_BOOL))
        return refuse(c, n->kids[0], "non-bool expression (type %s) used as condition",
                      name_of(cond));
    if (yes->kind == TYPE_NIL)
        return no;
    if (no->kind == TYPE_NIL)
        return yes;
    if (!assignable(yes, no))
        return &unknown;
    if (yes->kind == TYPE_ARRAY && no->kind == TYPE_ARRAY &&
        (!assignable(yes->of, no->of) || !assignable(no->of, yes->of)))
        return &array_of_any;
    return yes;
}

static const struct type *type_of_array(struct checker *c, const struct node *n)
{
    const struct type *last = &unknown, *t;
    bool same = true;

    for (size_t i = 0; i < n->n; i++) {
        t = type_of(c, n->kids[i]);
        same = same && (i == 0 || t->kind == last->kind || (is_untyped(t) && is_untyped(last)));
        last = t;
    }
    return same ? array_of(c, last) : &array_of_any;
}

static const struct type *type_of_at(struct checker *c, const struct node *n)
{
    const struct type *array = type_of(c, n->kids[0]), *index = type_of(c, n->kids[1]);

    if (is_unknown(array))
        return &unknown;
    if (array->kind != TYPE_ARRAY)
        return refuse(c, n, "type %s[%s] is undefined", name_of(array), name_of(index));
    if (!may_be(index, TYPE_INT))
        return refuse(c, n->kids[1],
                      "array elements can only be selected using an integer (got %s)",
                      name_of(index));
    return array->of;
}

static const struct type *type_of_slice(struct checker *c, const struct node *n)
{
    const struct type *array = type_of(c, n->kids[0]);

    if (!may_be(array, TYPE_ARRAY))
        return refuse(c, n, "cannot slice %s", name_of(array));
    for (size_t i = 1; i < 3 && array->kind == TYPE_ARRAY; i++) {
        const struct type *end = n->kids[i] == NULL ? &whole : type_of(c, n->kids[i]);

        if (!may_be(end, TYPE_INT))
            return refuse(c, n->kids[i], "non-integer slice index %s", name_of(end));
    }
    return array->kind == TYPE_ARRAY ? array : &unknown;
}

/* ---- calls ------------------------------------------------------------------------------- */

static const struct type *type_of_predicate(struct checker *c, const struct node *n,
                                            const struct type *array)
{
    const struct scope *around = c->scope;
    const struct scope scope = {
        .element = array->kind == TYPE_ARRAY ? array->of : &unknown,
        .has_index = n->call->args == ARGS_MAP || n->call->args == ARGS_REDUCE,
        .has_acc = n->call->args == ARGS_REDUCE,
    };
    const struct type *t;

    c->scope = &scope;
    t = type_of(c, n->kids[1]);
    c->scope = around;
    if (t->kind == TYPE_NIL)
        return refuse(c, n->kids[1], "predicate should has one input and one output param");
    return t;
}

static const struct type *type_of_loop(struct checker *c, const struct node *n)
{
    const struct type *array = type_of(c, n->kids[0]), *body = &truth;
    const struct type *element = array->kind == TYPE_ARRAY ? array->of : &unknown;
    enum builtin_args args = n->call->args;

    if (!may_be(array, TYPE_ARRAY))
        return refuse(c, n->kids[0], "builtin %s takes only array (got %s)", n->call->name,
                      name_of(array));
    if (n->n > 1)
        body = type_of_predicate(c, n, array);
    if (n->n > 2)
        (void)type_of(c, n->kids[2]);
    if (args <= ARGS_FIND && !may_be(body, TYPE_BOOL))
        return refuse(c, n->kids[1], "predicate should return boolean (got %s)", name_of(body));
    switch (args) {
    case ARGS_TRUTH:
        return &truth;
    case ARGS_COUNT:
        return &whole;
    case ARGS_FILTER:
        return array->kind == TYPE_ARRAY ? array_of(c, element) : &array_of_any;
    case ARGS_FIND:
        return element;
    case ARGS_MAP:
        return array_of(c, body);
    case ARGS_SUM:
        return n->n > 1 ? body : element;
    case ARGS_REDUCE:
        return body;
    default:
        return array;
    }
}

static const struct type *bad_argument(struct checker *c, const struct node *n,
                                       const struct type *t)
{
    return refuse(c, n, "invalid argument for %s (type %s)", n->call->name, name_of(t));
}

/* Numbers, or arrays of them, behind the first of which nothing is looked at. */
static const struct type *type_of_many(struct checker *c, const struct node *n)
{
    const struct type **args = arena_array(c->arena, const struct type *, n->n);

    for (size_t i = 0; i < n->n; i++)
        args[i] = type_of(c, n->kids[i]);
    for (size_t i = 0; i < n->n; i++) {
        if (may_be(args[i], TYPE_ARRAY))
            return &any;
        if (!is_number(args[i]))
            return bad_argument(c, n, args[i]);
    }
    return args[0];
}

static const struct type *type_of_arrays(struct checker *c, const struct node *n)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct type *t = type_of(c, n->kids[i]);

        if (!may_be(t, TYPE_ARRAY))
            return bad_argument(c, n, t);
    }
    return &array_of_any;
}

static const struct type *type_of_take(struct checker *c, const struct node *n)
{
    const struct type *array = type_of(c, n->kids[0]), *count = type_of(c, n->kids[1]);

    if (!may_be(array, TYPE_ARRAY) || !may_be(count, TYPE_INT))
        return bad_argument(c, n, may_be(array, TYPE_ARRAY) ? count : array);
    return array->kind == TYPE_ARRAY ? &array_of_any : &any;
}

static const struct type *type_of_call(struct checker *c, const struct node *n)
{
    enum builtin_args args = n->call->args;
    const struct type *t;

    if (formula__has_predicate(n->call))
        return type_of_loop(c, n);
    if (args == ARGS_MANY)
        return type_of_many(c, n);
    if (args == ARGS_ARRAYS)
        return type_of_arrays(c, n);
    if (args == ARGS_TAKE)
        return type_of_take(c, n);
    t = type_of(c, n->kids[0]);
    if (args == ARGS_LEN || args == ARGS_FIRST ? !may_be(t, TYPE_ARRAY) : !may_be_number(t))
        return bad_argument(c, n, t);
    switch (args) {
    case ARGS_FIRST:
        return &any;
    case ARGS_ROUND:
        return &floating;
    case ARGS_NUMBER:
        return is_unknown(t) ? &any : t;
    default:
        return &whole;
    }
}

/* ---- all of them ------------------------------------------------------------------------- */

static const struct type *type_of_pointer(struct checker *c, const struct node *n)
{
    CHECK(c->scope != NULL); /* the parser has refused others */
    if (n->kind == NODE_ELEMENT)
        return c->scope->element;
    if (n->kind == NODE_INDEX)
        return c->scope->has_index ? &whole : refuse(c, n, "unknown pointer #index");
    return c->scope->has_acc ? &unknown : refuse(c, n, "unknown pointer #acc");
}

static const struct type *type_of_let(struct checker *c, const struct node *n)
{
    c->locals[n->slot] = type_of(c, n->kids[0]);
    return type_of(c, n->kids[1]);
}

static const struct type *type_of(struct checker *c, const struct node *n)
{
    switch (n->kind) {
    case NODE_NIL:
        return &nil;
    case NODE_BOOL:
        return &truth;
    case NODE_INT:
        return &whole;
    case NODE_FLOAT:
    case NODE_VAR:
        return &floating;
    case NODE_LOCAL:
        return c->locals[n->slot];
    case NODE_ELEMENT:
    case NODE_INDEX:
    case NODE_ACC:
        return type_of_pointer(c, n);
    case NODE_ARRAY:
        return type_of_array(c, n);
    case NODE_UNARY:
        return type_of_unary(c, n);
    case NODE_BINARY:
        return type_of_binary(c, n);
    case NODE_COND:
        return type_of_cond(c, n);
    case NODE_LET:
        return type_of_let(c, n);
    case NODE_SEQUENCE:
        (void)type_of(c, n->kids[0]);
        return type_of(c, n->kids[1]);
    case NODE_CALL:
        return type_of_call(c, n);
    case NODE_AT:
        return type_of_at(c, n);
    case NODE_SLICE:
        return type_of_slice(c, n);
    }
    CHECK_UNREACHABLE("an unknown kind of node");
}

int formula__check(struct arena *a, struct str text, const struct node *root, struct fault *f)
{
    struct checker c = {.arena = a, .text = text, .f = f};

    (void)type_of(&c, root);
    return c.rc;
}
