/*
 * lint_priv.h - what the files of lint share: the rules by number, and adding a finding.
 */
#ifndef FERULA_AUTOSCALE_LINT_PRIV_H
#define FERULA_AUTOSCALE_LINT_PRIV_H

#include "autoscale_priv.h"
#include "ferula/autoscale/lint.h"
#include "ferula/promql.h"

enum lint_rule_id {
#define L(id, severity, title, what, why, example, fix) RULE_##id,
#include "lint.tbl.h"
#undef L
    N_LINT_RULES
};

struct linter {
    struct arena *a;
    const struct manifests *m;
    const struct lint_opts *opts;
    struct lint_finding *v;
    size_t n, cap;
};

/* Does nothing when the rule is disabled. The texts are in the linter's arena. */
void autoscale__find(struct linter *l, enum lint_rule_id rule, struct place at, struct str text,
                     struct str fix);

/* FER015 and FER023: what is refused of a ScaledObject that could be read. */
void autoscale__lint_refused(struct linter *l, size_t index);

/* What is known of a prometheus trigger whose query parses. */
struct query_view {
    const struct scaled_object *so;
    const struct trigger *trigger;
    struct text_at query; /* trimmed as KEDA does */
    const struct promql_expr *expr;
    double threshold; /* NAN: it could not be read */
    bool ignores_nulls;
    bool azure;
};

/* The place of a byte of the query in the file. Exact but for folded and escaped texts. */
struct place autoscale__place_in(const struct text_at *text, size_t at);

/* FER002, FER003, FER005 to FER010, FER012. */
void autoscale__lint_query(struct linter *l, const struct query_view *q);
/* FER008, over all queries of an object. */
void autoscale__lint_cases(struct linter *l, const struct query_view *q, size_t n);

/* True when the result is one element or none, whatever series there are. */
bool autoscale__is_single(const struct promql_expr *e);
/* False when nothing bounds the value from above. */
bool autoscale__upper_bound(const struct promql_expr *e, double *out);

#endif
