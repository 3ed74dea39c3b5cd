/*
 * explain_print.c - an explanation as text: sections with their names at the left edge, the query
 * as a tree with the value of each part.
 */
#include "explain_print.h"

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"
#include "ferula/model/histogram.h"

#define MARGIN       "        " /* under the names of sections, which have up to 7 letters */
#define TEXT_COLUMNS 60         /* values of nodes stand behind these when there is room */

static void add_time_of_day(struct buf *b, ts_ms t)
{
    struct civil c;

    civil_from_unix(t / 1000, &c);
    buf_addf(b, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    if (t % 1000 != 0)
        buf_addf(b, ".%03d", (int)(t % 1000));
}

static void add_count(struct buf *b, size_t n, const char *one, const char *more)
{
    buf_addf(b, "%zu %s", n, n == 1 ? one : more);
}

/* ---- the tree --------------------------------------------------------------------------- */

/* Whether another node hangs from the ancestor of node `i` at `depth` after it. */
static bool goes_on(const struct promql_explanation *x, size_t i, size_t depth)
{
    for (size_t k = i + 1; k < x->n_nodes && x->nodes[k].depth >= depth; k++)
        if (x->nodes[k].depth == depth)
            return true;
    return false;
}

/* The lines of the tree in front of node `i`, or of what is told of it (`under`). */
static size_t add_branches(struct buf *b, const struct promql_explanation *x, size_t i, bool under)
{
    const struct promql_node *n = &x->nodes[i];

    buf_puts(b, MARGIN);
    for (size_t d = 1; d < n->depth; d++)
        buf_puts(b, goes_on(x, i, d) ? "│ " : "  ");
    if (n->depth > 0 && under)
        buf_puts(b, goes_on(x, i, n->depth) ? "│ " : "  ");
    else if (n->depth > 0)
        buf_puts(b, goes_on(x, i, n->depth) ? "├ " : "└ ");
    if (under)
        buf_puts(b, i + 1 < x->n_nodes && x->nodes[i + 1].depth > n->depth ? "│ " : "  ");
    return n->depth * 2;
}

static void add_summary(struct buf *b, const struct promql_node *n)
{
    if (n->rc != 0)
        buf_addf(b, "error: " STR_FMT, STR_ARG(n->error));
    else if (n->type == PROMQL_SCALAR)
        buf_add_num(b, n->scalar.v, 'f');
    else if (n->type == PROMQL_STRING)
        buf_puts(b, "a string");
    else if (n->n_series == 0)
        buf_puts(b, "empty");
    else if (n->type == PROMQL_VECTOR)
        add_count(b, n->n_series, "element", "elements");
    else {
        buf_addf(b, "%zu series, ", n->n_series);
        add_count(b, n->n_samples, "sample", "samples");
    }
    if (n->has_window) {
        buf_puts(b, " in (");
        add_time_of_day(b, n->from);
        buf_puts(b, ", ");
        add_time_of_day(b, n->to);
        buf_putc(b, ']');
    }
    if (n->in_subquery) {
        buf_puts(b, " at ");
        add_time_of_day(b, n->at);
    }
}

static void add_element(struct buf *b, const struct promql_element *e)
{
    labels_print_series(b, e->labels);
    buf_puts(b, e->n_samples > e->n + e->n_hists ? " => ..." : " =>");
    for (size_t i = 0; i < e->n; i++) {
        buf_putc(b, ' ');
        buf_add_num(b, e->samples[i].v, 'f');
    }
    for (size_t i = 0; i < e->n_hists; i++) {
        buf_putc(b, ' ');
        histogram_print_expression(b, e->hists[i].h);
    }
}

static void add_node(struct buf *b, const struct promql_explanation *x, size_t i, size_t elements)
{
    const struct promql_node *n = &x->nodes[i];
    size_t shown = MIN(n->n_elements, elements);
    size_t columns = add_branches(b, x, i, false) + n->text.n;

    buf_addf(b, STR_FMT "%*s", STR_ARG(n->text),
             columns < TEXT_COLUMNS ? (int)(TEXT_COLUMNS - columns) : 2, "");
    add_summary(b, n);
    buf_putc(b, '\n');
    for (size_t k = 0; k < shown; k++) {
        add_branches(b, x, i, true);
        add_element(b, &n->elements[k]);
        buf_putc(b, '\n');
    }
    if (n->n_series > shown) {
        add_branches(b, x, i, true);
        buf_addf(b, "and %zu more\n", n->n_series - shown);
    }
    for (size_t k = 0; k < n->n_notes; k++) {
        add_branches(b, x, i, true);
        buf_addf(b, STR_FMT "\n", STR_ARG(n->notes[k]));
    }
}

/* ---- autopsies -------------------------------------------------------------------------- */

static void add_hint(struct buf *b, const struct autopsy_hint *h)
{
    static const char *const after[] = {
        [AUTOPSY_OTHER_TIME] = "is there, but not then",
        [AUTOPSY_SAME_BUT_CASE] = "differs in upper and lower case only",
        [AUTOPSY_NEAR] = "is near",
        [AUTOPSY_OTHER_LABEL] = "has that value",
        [AUTOPSY_PART] = "is matched in part, but a pattern has to match all of it",
        [AUTOPSY_THERE_IS] = "is there",
    };

    buf_puts(b, MARGIN);
    if (str_is(h->label, LABEL_NAME)) {
        buf_add_str(b, h->value);
    } else {
        buf_addf(b, STR_FMT "=", STR_ARG(h->label));
        buf_add_go_quoted(b, h->value);
    }
    buf_addf(b, " %s\n", after[h->likeness]);
}

static void add_autopsy(struct buf *b, const struct promql_explanation *x, const struct autopsy *d)
{
    bool guilty = d->cause == AUTOPSY_MATCHER;

    buf_addf(b, "empty   " STR_FMT "\n", STR_ARG(x->nodes[d->node].text));
    buf_addf(b, MARGIN STR_FMT "\n", STR_ARG(d->text));
    for (size_t i = 0; i < d->n_steps; i++)
        buf_addf(b, MARGIN "%7zu series match %s" STR_FMT "\n", d->steps[i].n_series,
                 i > 0 ? "and " : "", STR_ARG(d->steps[i].matcher));
    if (guilty && d->n_steps > 1 + (size_t)(d->guilty == d->n_steps - 1))
        buf_addf(b, MARGIN "%7zu series match all but " STR_FMT "\n", d->n_without,
                 STR_ARG(d->steps[d->guilty].matcher));
    for (size_t i = 0; i < d->n_hints; i++)
        add_hint(b, &d->hints[i]);
    if (d->n_values > d->n_hints && d->n_hints > 0)
        buf_addf(b, MARGIN "of %zu values\n", d->n_values);
}

static void add_differing(struct buf *b, const struct explained_query *q)
{
    buf_addf(b, "many    %zu elements; KEDA takes one only. They differ in\n",
             q->tree.nodes[0].n_series);
    for (size_t i = 0; i < q->n_differing; i++) {
        const struct differing_label *d = &q->differing[i];

        buf_addf(b, MARGIN STR_FMT ": ", STR_ARG(d->name));
        for (size_t k = 0; k < MIN(d->n_values, COUNT(d->values)); k++) {
            buf_puts(b, k > 0 ? ", " : "");
            buf_add_go_quoted(b, d->values[k]);
        }
        if (d->n_values > COUNT(d->values))
            buf_addf(b, " and %zu more", d->n_values - COUNT(d->values));
        if (d->n_missing > 0)
            buf_addf(b, "%s%zu without it", d->n_values > 0 ? ", " : "", d->n_missing);
        buf_putc(b, '\n');
    }
}

void cli__explain_query(struct buf *out, const struct explained_query *q, size_t elements)
{
    if (q->rc != 0) {
        buf_addf(out, "query   " STR_FMT "\n" MARGIN STR_FMT "\n", STR_ARG(q->text),
                 STR_ARG(q->error));
        return;
    }
    buf_puts(out, "query   at ");
    time_print_rfc3339(out, q->tree.nodes[0].at);
    buf_putc(out, '\n');
    for (size_t i = 0; i < q->tree.n_nodes; i++)
        add_node(out, &q->tree, i, elements);
    if (q->tree.cut)
        buf_puts(out, MARGIN "and more parts\n");
    if (q->experimental.n > 0)
        buf_addf(out, "server  has to have experimental parts on, or refuses it: " STR_FMT "\n",
                 STR_ARG(q->experimental));
    for (size_t i = 0; i < q->empty.n; i++)
        add_autopsy(out, &q->tree, &q->empty.v[i]);
    if (q->n_differing > 0)
        add_differing(out, q);
}

/* ---- ScaledObjects ---------------------------------------------------------------------- */

/* Errors of KEDA may have several lines. */
static void add_lines(struct buf *b, struct str text)
{
    struct str line;

    for (bool first = true; str_split(&text, '\n', &line); first = false)
        buf_addf(b, "%s" STR_FMT "\n", first ? "" : MARGIN, STR_ARG(line));
}

/* What KEDA compares the value with. */
static const char *activation_name(const struct explained_trigger *t)
{
    return str_is(t->trigger->type.s, "prometheus") ? "activationThreshold" : "activation value";
}

static void add_verdict(struct buf *b, const struct explained_trigger *t)
{
    const struct verdict *v = &t->verdict;

    buf_puts(b, "KEDA    ");
    if (v->failed) {
        buf_puts(b, "an error, and no value: ");
        add_lines(b, v->why);
        return;
    }
    if (v->why.n > 0)
        buf_addf(b, "0, because ignoreNullValues is true: " STR_FMT "\n" MARGIN, STR_ARG(v->why));
    buf_add_num(b, v->value, 'f');
    buf_addf(b, "%s%s ", v->active ? " > " : " is not more than ", activation_name(t));
    buf_add_num(b, t->activation, 'f');
    buf_puts(b, v->active ? ": active; " : ": not active; ");
    buf_puts(b, "the HPA is told ");
    quantity_print(b, v->milli);
    if (v->undefined)
        buf_puts(b, ", whatever NaN becomes on that machine");
    buf_putc(b, '\n');
}

/* The value of a trigger that has no query. */
static void add_value(struct buf *b, const struct explained_trigger *t)
{
    if (t->by == EXPLAINED_BY_SCHEDULE)
        buf_addf(b, "cron    " STR_FMT ": ", STR_ARG(t->text));
    else
        buf_puts(b, "number  ");
    if (t->answer.kind == ANSWER_ERROR)
        buf_puts(b, "not known");
    else
        buf_add_num(b, t->answer.value, 'f');
    buf_puts(b, t->trigger->metric_type == METRIC_UTILIZATION ? " %\n" : "\n");
}

static void add_target(struct buf *b, const struct explained_trigger *t)
{
    static const char *const of[] = {
        [METRIC_AVERAGE_VALUE] = " a replica", [METRIC_VALUE] = "", [METRIC_UTILIZATION] = " %"};

    buf_puts(b, str_is(t->trigger->type.s, "prometheus") ? ", threshold " : ", target ");
    buf_add_num(b, t->target, 'f');
    buf_addf(b, "%s\n", of[t->trigger->metric_type]);
}

static void add_trigger(struct buf *b, const struct explained_trigger *t, size_t i, size_t elements)
{
    buf_addf(b, "trigger %zu, " STR_FMT, i, STR_ARG(t->trigger->type.s));
    if (t->trigger->name.s.n > 0)
        buf_addf(b, " " STR_FMT, STR_ARG(t->trigger->name.s));
    if (t->by == EXPLAINED_BY_NOTHING) {
        buf_puts(b, ": ");
        add_lines(b, t->text);
        return;
    }
    add_target(b, t);
    if (t->by == EXPLAINED_BY_QUERY)
        cli__explain_query(b, &t->query, elements);
    else
        add_value(b, t);
    if (!t->resource)
        add_verdict(b, t);
    else
        buf_puts(b, "KEDA    does not ask for it: the HPA does\n");
}

void cli__explain_object(struct buf *out, const struct explained_object *x, size_t elements)
{
    const struct scaled_object *o = x->object;

    buf_addf(out, "object  " STR_FMT "%s" STR_FMT "\n", STR_ARG(o->ns.s), o->ns.s.n > 0 ? "/" : "",
             STR_ARG(o->name.s));
    for (size_t i = 0; i < x->n_triggers; i++)
        add_trigger(out, &x->triggers[i], i, elements);
    for (size_t i = 0; i < x->n_lines; i++) {
        buf_puts(out, i == 0 ? "HPA     " : MARGIN);
        add_lines(out, x->lines[i]);
    }
    if (!x->known)
        return;
    buf_addf(out, "result  %d -> %d replicas", x->now, x->replicas);
    if (x->assumed)
        buf_addf(out, ", if there are %d now (--current-replicas says how many)", x->now);
    buf_putc(out, '\n');
}

void cli__explain_lint(struct buf *out, const struct lint_report *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct lint_finding *f = &r->v[i];

        buf_addf(out, "lint    %s, line %d: " STR_FMT "\n", f->rule, f->at.line, STR_ARG(f->text));
        if (f->fix.n > 0)
            buf_addf(out, MARGIN STR_FMT "\n", STR_ARG(f->fix));
    }
}
