/*
 * hist_binary.c - operators between two elements of which one or both are histograms, and what they
 * have to say.
 */
#include "ferula/base/check.h"

#include "eval.h"

static enum promql__quarrel types_of(struct promql__value l, struct promql__value r)
{
    return (enum promql__quarrel)(QUARREL_TYPES + 2 * (l.h != NULL) + (r.h != NULL));
}

static struct promql__pair_result fail(enum promql__quarrel q)
{
    return (struct promql__pair_result){.failed = true, .quarrel = q};
}

static struct promql__pair_result give(const struct histogram *h)
{
    return (struct promql__pair_result){.v.h = h, .keep = true};
}

static struct promql__pair_result scale(struct promql__ev *ev, enum promql_op op,
                                        const struct histogram *h, double factor)
{
    struct histogram *res = histogram_copy(ev->arena, h);

    if (op == PROMQL_MUL)
        histogram_mul(res, factor);
    else
        histogram_div(res, factor);
    histogram_compact(res);
    return give(res);
}

static struct promql__pair_result trim(struct promql__ev *ev, enum promql_op op,
                                       const struct histogram *h, double at)
{
    struct histogram *res = histogram_copy(ev->arena, h);

    histogram_trim(res, at, op == PROMQL_TRIM_UPPER);
    return give(res);
}

static struct promql__pair_result add(struct promql__ev *ev, enum promql_op op,
                                      const struct histogram *l, const struct histogram *r)
{
    struct histogram *h = histogram_copy(ev->arena, l);
    struct histogram_notes notes = {0};
    struct promql__pair_result res;
    int rc = op == PROMQL_ADD ? histogram_add(ev->arena, h, r, &notes)
                              : histogram_sub(ev->arena, h, r, &notes);

    if (rc != 0)
        return fail(QUARREL_LAYOUT);
    if (notes.reset_collision)
        return fail(QUARREL_COLLISION);
    if (op == PROMQL_SUB)
        h->hint = HISTOGRAM_GAUGE;
    histogram_compact(h);
    res = give(h);
    if (notes.bounds_reconciled)
        res.quarrel = QUARREL_RECONCILED;
    return res;
}

struct promql__pair_result promql__combine_hists(struct promql__ev *ev, enum promql_op op,
                                                 struct promql__value l, struct promql__value r)
{
    bool both = l.h != NULL && r.h != NULL;

    if (both && (op == PROMQL_ADD || op == PROMQL_SUB))
        return add(ev, op, l.h, r.h);
    if (both && (op == PROMQL_EQL || op == PROMQL_NEQ))
        return (struct promql__pair_result){
            .v.h = l.h,
            .keep = histogram_equal(l.h, r.h) == (op == PROMQL_EQL),
        };
    if (l.h != NULL && !both && (op == PROMQL_MUL || op == PROMQL_DIV))
        return scale(ev, op, l.h, r.v);
    if (r.h != NULL && !both && op == PROMQL_MUL)
        return scale(ev, op, r.h, l.v);
    if (l.h != NULL && !both && !promql__op_takes_floats(op))
        return trim(ev, op, l.h, r.v);
    return fail(types_of(l, r));
}

void promql__note_quarrel(struct promql__ev *ev, const struct promql_expr *e,
                          enum promql__quarrel q)
{
    enum promql_op op = e->u.binary.op;
    const char *text = promql_op_text(op);
    const char *operation = op == PROMQL_ADD ? "addition" : "subtraction";

    switch (q) {
    case QUARREL_NONE:
        return;
    case QUARREL_RECONCILED:
        promql__note_arithmetic(ev, e, (struct histogram_notes){.bounds_reconciled = true},
                                operation);
        return;
    case QUARREL_COLLISION:
        promql__note_arithmetic(ev, e, (struct histogram_notes){.reset_collision = true},
                                operation);
        return;
    case QUARREL_LAYOUT:
        promql__warn(ev, e, "incompatible bucket layout encountered for binary operator %s", text);
        return;
    default:
        promql__info(ev, e,
                     "incompatible sample types encountered for binary operator \"%s\": %s %s %s",
                     text, (q - QUARREL_TYPES) & 2 ? "histogram" : "float", text,
                     (q - QUARREL_TYPES) & 1 ? "histogram" : "float");
    }
}
