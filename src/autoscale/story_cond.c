/*
 * story_cond.c - conditions on a moment of a simulation: `replicas > 5`.
 */
#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "story_priv.h"

static const char *const vars[N_VARS] = {
    [VAR_REPLICAS] = "replicas", [VAR_READY] = "ready",   [VAR_DESIRED] = "desired",
    [VAR_PROPOSAL] = "proposal", [VAR_METRIC] = "metric", [VAR_ACTIVE] = "active",
    [VAR_FALLBACK] = "fallback",
};

/* Two characters before one. */
static const struct {
    const char *text;
    enum story_op op;
} ops[] = {
    {"==", OP_EQ},
    {"!=", OP_NE},
    {"<=", OP_LE},
    {">=", OP_GE},
    {"<",  OP_LT},
    {">",  OP_GT},
};

const char *story__var_name(enum story_var v)
{
    return vars[v];
}

static bool parse_var(struct str s, enum story_var *out)
{
    for (size_t i = 0; i < N_VARS; i++)
        if (str_is(s, vars[i])) {
            *out = (enum story_var)i;
            return true;
        }
    return false;
}

bool story__cond_parse(struct str text, struct story_cond *out)
{
    for (size_t at = 0; at < text.n; at++)
        for (size_t i = 0; i < COUNT(ops); i++) {
            struct str number;

            if (!str_starts(str_cut(text, at), ops[i].text))
                continue;
            number = str_trim(str_cut(text, at + strlen(ops[i].text)));
            out->op = ops[i].op;
            out->text.s = number;
            return parse_var(str_trim((struct str){text.p, at}), &out->var) &&
                   num_parse(number, &out->number, NULL);
        }
    return false;
}

void story__cond_print(struct buf *b, const struct story_cond *c)
{
    for (size_t i = 0; i < COUNT(ops); i++)
        if (ops[i].op == c->op)
            buf_addf(b, "%s %s ", vars[c->var], ops[i].text);
    buf_add_num(b, c->number, 'f');
}

static bool first_metric(const struct sim_event *e, double *out)
{
    if (e->n_metrics == 0 || e->metrics[0].verdict.failed)
        return false;
    *out = e->metrics[0].verdict.value;
    return true;
}

bool story__var_value(const struct sim_event *e, enum story_var v, double *out)
{
    switch (v) {
    case VAR_REPLICAS:
        *out = e->after;
        return true;
    case VAR_READY:
        *out = e->ready_replicas;
        return true;
    case VAR_DESIRED:
        *out = e->desired;
        return e->desired >= 0;
    case VAR_PROPOSAL:
        *out = e->proposal;
        return e->proposal >= 0;
    case VAR_METRIC:
        return first_metric(e, out);
    case VAR_ACTIVE:
        *out = e->active;
        return e->actor == ACTOR_KEDA;
    case VAR_FALLBACK:
        *out = e->fallback;
        return true;
    default:
        return false;
    }
}

bool story__compare(double value, const struct story_cond *c)
{
    switch (c->op) {
    case OP_EQ:
        return value == c->number;
    case OP_NE:
        return value != c->number;
    case OP_LE:
        return value <= c->number;
    case OP_GE:
        return value >= c->number;
    case OP_LT:
        return value < c->number;
    default:
        return value > c->number;
    }
}
