/*
 * explain.h - a query's value, part by part: what each node of its tree evaluates to.
 *
 * Each part is evaluated on its own, so the cost is that of the query for each of its nodes; the
 * source is asked as often. Limits, interruption and errors are those of the query, each part for
 * itself. Everything that is handed out is in the arena given. As promql_eval(), any number of
 * threads at once.
 */
#ifndef FERULA_PROMQL_EXPLAIN_H
#define FERULA_PROMQL_EXPLAIN_H

#include "ferula/promql.h"

struct promql_explain_opts {
    size_t max_nodes;    /* that are evaluated; 0: 100 */
    size_t max_elements; /* of a node that are kept; 0: 5 */
    size_t max_samples;  /* of an element of a range vector, the newest; 0: 5 */
};

/* One series of a node's value. */
struct promql_element {
    struct labels labels;
    size_t n_samples; /* all of them, floats and histograms */
    const struct sample *samples;
    size_t n; /* the newest that are kept; one in an instant vector */
    const struct hsample *hists;
    size_t n_hists;
};

/* A part of the query. Parentheses are passed over, and so are literals below other nodes. */
struct promql_node {
    const struct promql_expr *expr;
    struct str text; /* canonical */
    size_t depth;    /* of the tree; the query itself is at 0 */
    size_t parent;   /* its place in the list; the query's own is 0 */
    ts_ms at;        /* evaluated then: below a subquery at its newest step */
    bool in_subquery;

    /* What a selector sees: (from, to]. */
    bool has_window;
    ts_ms from, to;

    int rc; /* of its evaluation; the rest is empty when that failed */
    struct str error;
    enum promql_type type;
    struct sample scalar;
    struct str string;
    size_t n_series, n_samples;            /* of all series, histograms as one each */
    const struct promql_element *elements; /* the first of them */
    size_t n_elements;
    const struct str *notes; /* warnings and infos that arise here and not below */
    size_t n_notes;
};

struct promql_explanation {
    struct promql_node *nodes; /* each before those below it, these in the order of the text */
    size_t n_nodes;
    bool cut; /* there are more than max_nodes */
};

/*
 * Explains an instant query: q->start == q->end, q->step == 0. A part that fails (f of
 * promql_eval() is its `error`) leaves the others as they are; nothing fails but with FER_ETIMEOUT
 * and FER_ECANCELED.
 */
int promql_explain(struct source *src, struct arena *a, const struct promql_query *q,
                   const struct promql_explain_opts *opts, struct promql_explanation *out,
                   struct fault *f);

#endif
