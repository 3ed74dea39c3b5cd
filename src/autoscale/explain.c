/*
 * explain.c - a query explained: part by part, with an autopsy when it is empty, with the labels
 * that differ when it has too many elements.
 */
#include "ferula/autoscale/explain.h"

#define MAX_ELEMENTS 1000

/* Most servers have none of the experimental parts on. */
static struct str refusal(struct arena *a, struct str text)
{
    const struct promql_features usual = PROMQL_FEATURES_DEFAULT;
    const struct promql_expr *expr;
    struct fault f = {0};

    return promql_parse(a, text, &usual, &expr, &f) < 0 ? arena_str(a, str_of(f.text))
                                                        : (struct str){"", 0};
}

int explain_query(struct arena *a, struct str text, const struct explain_opts *opts,
                  struct explained_query *out, struct fault *f)
{
    const struct promql_explain_opts how = {
        .max_elements = opts->max_elements > 0 ? opts->max_elements : MAX_ELEMENTS,
    };
    struct promql_query q = {
        .text = text,
        .start = opts->at,
        .end = opts->at,
        .features = opts->features,
        .interrupted = opts->interrupted,
        .interrupted_ctx = opts->interrupted_ctx,
    };
    struct differing_label *differing;
    const struct promql_node *root;
    struct fault mine = {0};
    int rc;

    *out = (struct explained_query){.text = text};
    out->rc = promql_parse(a, text, &opts->features, &q.expr, &mine);
    if (out->rc < 0) {
        out->error = arena_str(a, str_of(mine.text));
        return 0;
    }
    out->experimental = refusal(a, text);
    rc = promql_explain(opts->source, a, &q, &how, &out->tree, f);
    if (rc == 0)
        rc = autopsy_run(opts->source, a, &out->tree, 0, &out->empty, f);
    if (rc < 0)
        return rc;
    root = &out->tree.nodes[0];
    if (root->type == PROMQL_VECTOR && root->n_series > 1) {
        autopsy_differing(a, root->elements, root->n_elements, &differing, &out->n_differing);
        out->differing = differing;
    }
    return 0;
}
