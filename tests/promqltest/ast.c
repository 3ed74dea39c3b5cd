/*
 * ast.c - a syntax tree as JSON in the form of the corpus, and the comparison with it.
 */
#include <ctype.h>
#include <math.h>

#include "ferula/base/check.h"
#include "runner.h"

static json_t *dump(const struct promql_expr *e);

/* JSON has no bytes that are not UTF-8; the corpus has U+FFFD for each, as Go writes it. */
static json_t *text(struct str s)
{
    struct buf b = {0};
    json_t *v;

    while (s.n > 0) {
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);

        if (n == 0)
            buf_puts(&b, "\xEF\xBF\xBD");
        else
            buf_add(&b, s.p, n);
        s = str_cut(s, MAX(n, 1));
    }
    v = json_stringn_nocheck(buf_str(&b).p, buf_str(&b).n);
    buf_release(&b);
    return v;
}

static void set_pos(json_t *obj, const struct promql_expr *e)
{
    json_object_set_new(obj, "PosRange", json_pack("[ii]", e->pos.start, e->pos.end));
}

/* Fields that are zero are left out. */
static void set_flag(json_t *obj, const char *key, bool v)
{
    if (v)
        json_object_set_new(obj, key, json_true());
}

static void set_ns(json_t *obj, const char *key, dur_ms ms)
{
    if (ms != 0)
        json_object_set_new(obj, key, json_integer((json_int_t)ms * 1000000));
}

static void set_expr(json_t *obj, const char *key, const struct promql_expr *e)
{
    if (e != NULL)
        json_object_set_new(obj, key, dump(e));
}

static void set_names(json_t *obj, const char *key, const struct str *v, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, text(v[i]));
    if (n > 0)
        json_object_set(obj, key, list);
    json_decref(list);
}

static const char *op_name(enum promql_op op)
{
    static const char *const names[] = {
        [PROMQL_ADD] = "ADD",
        [PROMQL_DIV] = "DIV",
        [PROMQL_EQL] = "EQLC",
        [PROMQL_GTE] = "GTE",
        [PROMQL_GTR] = "GTR",
        [PROMQL_TRIM_UPPER] = "TRIM_UPPER",
        [PROMQL_TRIM_LOWER] = "TRIM_LOWER",
        [PROMQL_AND] = "LAND",
        [PROMQL_OR] = "LOR",
        [PROMQL_LSS] = "LSS",
        [PROMQL_LTE] = "LTE",
        [PROMQL_UNLESS] = "LUNLESS",
        [PROMQL_MOD] = "MOD",
        [PROMQL_MUL] = "MUL",
        [PROMQL_NEQ] = "NEQ",
        [PROMQL_POW] = "POW",
        [PROMQL_SUB] = "SUB",
        [PROMQL_ATAN2] = "ATAN2",
        [PROMQL_DUR_STEP] = "STEP",
        [PROMQL_DUR_RANGE] = "RANGE",
        [PROMQL_DUR_MIN_OF] = "MIN_OF",
        [PROMQL_DUR_MAX_OF] = "MAX_OF",
    };

    CHECK((size_t)op < COUNT(names) && names[op] != NULL);
    return names[op];
}

static void set_shift(json_t *obj, const struct promql_shift *shift)
{
    set_ns(obj, "OriginalOffset", shift->offset);
    set_expr(obj, "OriginalOffsetExpr", shift->offset_expr);
    if (shift->at == AT_TIMESTAMP)
        json_object_set_new(obj, "Timestamp", json_integer((json_int_t)shift->timestamp));
    else if (shift->at != AT_NONE)
        json_object_set_new(obj, "StartOrEnd",
                            json_string(shift->at == AT_START ? "START" : "END"));
}

static void dump_number(json_t *obj, const struct promql_expr *e)
{
    double v = e->u.number.value;

    if (isnan(v))
        json_object_set_new(obj, "Val", json_string("NaN"));
    else if (isinf(v))
        json_object_set_new(obj, "Val", json_string(v > 0 ? "+Inf" : "-Inf"));
    else
        json_object_set_new(obj, "Val", json_real(v));
    set_flag(obj, "Duration", e->u.number.duration);
    set_pos(obj, e);
}

static void dump_string(json_t *obj, const struct promql_expr *e)
{
    json_object_set_new(obj, "Val", text(e->u.string));
    set_pos(obj, e);
}

static void dump_vector(json_t *obj, const struct promql_expr *e)
{
    const struct promql_vector_selector *vs = &e->u.vector;
    json_t *list = json_array();

    if (vs->name.n > 0)
        json_object_set_new(obj, "Name", text(vs->name));
    for (size_t i = 0; i < vs->n_matchers; i++) {
        json_t *m = json_object();

        json_object_set_new(m, "type", json_string(match_op_text(vs->matchers[i].op)));
        json_object_set_new(m, "name", text(vs->matchers[i].name));
        json_object_set_new(m, "value", text(vs->matchers[i].value));
        json_array_append_new(list, m);
    }
    json_object_set_new(obj, "LabelMatchers", list);
    set_shift(obj, &vs->shift);
    set_flag(obj, "Anchored", vs->anchored);
    set_flag(obj, "Smoothed", vs->smoothed);
    set_flag(obj, "BypassEmptyMatcherCheck", vs->any_matchers);
    set_pos(obj, e);
}

static void dump_matrix(json_t *obj, const struct promql_expr *e)
{
    set_expr(obj, "VectorSelector", e->u.matrix.selector);
    set_ns(obj, "Range", e->u.matrix.range);
    set_expr(obj, "RangeExpr", e->u.matrix.range_expr);
    json_object_set_new(obj, "EndPos", json_integer(e->pos.end));
}

static void dump_subquery(json_t *obj, const struct promql_expr *e)
{
    const struct promql_subquery *sq = &e->u.subquery;

    set_expr(obj, "Expr", sq->expr);
    set_ns(obj, "Range", sq->range);
    set_expr(obj, "RangeExpr", sq->range_expr);
    set_ns(obj, "Step", sq->step);
    set_expr(obj, "StepExpr", sq->step_expr);
    set_shift(obj, &sq->shift);
    json_object_set_new(obj, "EndPos", json_integer(e->pos.end));
}

static void dump_call(json_t *obj, const struct promql_expr *e)
{
    json_t *args = json_array();

    json_object_set_new(obj, "Func", json_string(promql_funcs[e->u.call.func].name));
    for (size_t i = 0; i < e->u.call.n_args; i++)
        json_array_append_new(args, dump(e->u.call.args[i]));
    json_object_set_new(obj, "Args", args);
    set_pos(obj, e);
}

static void dump_aggregate(json_t *obj, const struct promql_expr *e)
{
    const struct promql_aggregate *agg = &e->u.aggregate;
    char op[32];
    size_t n = 0;

    for (const char *s = promql_agg_text(agg->op); *s != '\0' && n < sizeof(op); s++)
        op[n++] = (char)toupper((unsigned char)*s);
    json_object_set_new(obj, "Op", json_stringn(op, n));
    set_expr(obj, "Expr", agg->expr);
    set_expr(obj, "Param", agg->param);
    set_names(obj, "Grouping", agg->grouping, agg->n_grouping);
    set_flag(obj, "Without", agg->without);
    set_pos(obj, e);
}

static json_t *dump_matching(const struct promql_matching *m)
{
    static const char *const cards[] = {
        [CARD_ONE_TO_ONE] = "CardOneToOne",
        [CARD_MANY_TO_ONE] = "CardManyToOne",
        [CARD_ONE_TO_MANY] = "CardOneToMany",
        [CARD_MANY_TO_MANY] = "CardManyToMany",
    };
    json_t *obj = json_pack("{ss ss}", "_type", "VectorMatching", "Card", cards[m->card]);

    set_names(obj, "MatchingLabels", m->labels, m->n_labels);
    set_flag(obj, "On", m->on);
    set_names(obj, "Include", m->include, m->n_include);
    return obj;
}

static void dump_binary(json_t *obj, const struct promql_expr *e)
{
    json_object_set_new(obj, "Op", json_string(op_name(e->u.binary.op)));
    set_expr(obj, "LHS", e->u.binary.lhs);
    set_expr(obj, "RHS", e->u.binary.rhs);
    if (e->u.binary.matching != NULL)
        json_object_set_new(obj, "VectorMatching", dump_matching(e->u.binary.matching));
    set_flag(obj, "ReturnBool", e->u.binary.return_bool);
}

static void dump_unary(json_t *obj, const struct promql_expr *e)
{
    json_object_set_new(obj, "Op", json_string(op_name(e->u.unary.op)));
    set_expr(obj, "Expr", e->u.unary.expr);
    if (e->pos.start != 0)
        json_object_set_new(obj, "StartPos", json_integer(e->pos.start));
}

static void dump_paren(json_t *obj, const struct promql_expr *e)
{
    set_expr(obj, "Expr", e->u.paren);
    set_pos(obj, e);
}

static bool is_choice(const struct promql_expr *e)
{
    return e->kind == PROMQL_E_DURATION &&
           (e->u.duration.op == PROMQL_DUR_MAX_OF || e->u.duration.op == PROMQL_DUR_MIN_OF);
}

/* Prometheus keeps the positions of words and signs only. */
static void dump_duration(json_t *obj, const struct promql_expr *e)
{
    const struct promql_duration *d = &e->u.duration;

    json_object_set_new(obj, "Op", json_string(op_name(d->op)));
    set_expr(obj, "LHS", d->lhs);
    set_expr(obj, "RHS", d->rhs);
    set_flag(obj, "Wrapped", d->wrapped);
    if (d->op >= N_PROMQL_OPS || d->lhs == NULL)
        json_object_set_new(obj, "StartPos", json_integer(e->pos.start));
    if (d->op >= N_PROMQL_OPS || (d->lhs == NULL && (d->op == PROMQL_ADD || is_choice(d->rhs))))
        json_object_set_new(obj, "EndPos", json_integer(e->pos.end));
}

static json_t *dump(const struct promql_expr *e)
{
    static const struct {
        const char *type;
        void (*fields)(json_t *obj, const struct promql_expr *e);
    } kinds[] = {
        [PROMQL_E_NUMBER] = {"NumberLiteral",  dump_number   },
        [PROMQL_E_STRING] = {"StringLiteral",  dump_string   },
        [PROMQL_E_VECTOR_SELECTOR] = {"VectorSelector", dump_vector   },
        [PROMQL_E_MATRIX_SELECTOR] = {"MatrixSelector", dump_matrix   },
        [PROMQL_E_SUBQUERY] = {"SubqueryExpr",   dump_subquery },
        [PROMQL_E_CALL] = {"Call",           dump_call     },
        [PROMQL_E_AGGREGATE] = {"AggregateExpr",  dump_aggregate},
        [PROMQL_E_BINARY] = {"BinaryExpr",     dump_binary   },
        [PROMQL_E_UNARY] = {"UnaryExpr",      dump_unary    },
        [PROMQL_E_PAREN] = {"ParenExpr",      dump_paren    },
        [PROMQL_E_DURATION] = {"DurationExpr",   dump_duration },
    };
    json_t *obj = json_pack("{ss}", "_type", kinds[e->kind].type);

    kinds[e->kind].fields(obj, e);
    return obj;
}

/* ---- comparing -------------------------------------------------------------------------- */

static bool is_zero(const json_t *v)
{
    if (json_is_string(v))
        return strcmp(json_string_value(v), "CardOneToOne") == 0;
    return v == NULL || json_is_null(v) || json_is_false(v) ||
           (json_is_number(v) && json_number_value(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0);
}

static struct str compare(struct arena *a, const char *where, json_t *got, json_t *want);

static struct str compare_objects(struct arena *a, json_t *got, json_t *want)
{
    const char *key;
    json_t *v;
    struct str why = {0};

    json_object_foreach(want, key, v)
    {
        why = compare(a, key, json_object_get(got, key), v);
        if (why.n > 0)
            return arena_printf(a, "%s.%s: " STR_FMT, json_text(want, "_type").p, key,
                                STR_ARG(why));
    }
    json_object_foreach(got, key, v)
    {
        if (json_object_get(want, key) == NULL && !is_zero(v))
            return arena_printf(a, "%s.%s is set", json_text(want, "_type").p, key);
    }
    return why;
}

static struct str compare(struct arena *a, const char *where, json_t *got, json_t *want)
{
    bool equal;

    if (is_zero(got) && is_zero(want))
        return (struct str){0};
    if (json_is_object(got) && json_is_object(want))
        return compare_objects(a, got, want);
    if (json_is_array(got) && json_is_array(want) &&
        json_array_size(got) == json_array_size(want)) {
        for (size_t i = 0; i < json_array_size(want); i++) {
            struct str why = compare(a, where, json_array_get(got, i), json_array_get(want, i));

            if (why.n > 0)
                return why;
        }
        return (struct str){0};
    }
    if (json_is_number(got) && json_is_number(want))
        equal = json_number_value(got) == json_number_value(want);
    else
        equal = got != NULL && json_equal(got, want);
    return equal ? (struct str){0} : arena_printf(a, "%s differs", where);
}

struct str compare_ast(struct arena *a, const struct promql_expr *e, const json_t *want)
{
    json_t *got = dump(e), *copy = json_deep_copy(want);
    struct str why = compare(a, "", got, copy);

    json_decref(got);
    json_decref(copy);
    return why;
}
