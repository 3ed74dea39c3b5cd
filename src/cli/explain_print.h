/* explain_print.h - explanations as text for people and as JSON. */
#ifndef FERULA_CLI_EXPLAIN_PRINT_H
#define FERULA_CLI_EXPLAIN_PRINT_H

#include "ferula/autoscale/explain.h"
#include "ferula/autoscale/lint.h"
#include "ferula/base/json.h"

/* `elements`: so many of each node are shown. */
void cli__explain_query(struct buf *out, const struct explained_query *q, size_t elements);
void cli__explain_object(struct buf *out, const struct explained_object *x, size_t elements);

void cli__explain_lint(struct buf *out, const struct lint_report *r);

/* The members of an object that is open. */
void cli__explain_query_json(struct json *j, const struct explained_query *q, size_t elements);
/* An object. */
void cli__explain_object_json(struct json *j, const struct explained_object *x, size_t elements);
void cli__explain_lint_json(struct json *j, const struct lint_report *r); /* an array */

#endif
