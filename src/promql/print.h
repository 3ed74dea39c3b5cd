/* print.h - what the printer and the prettifier share. */
#ifndef FERULA_PROMQL_PRINT_H
#define FERULA_PROMQL_PRINT_H

#include "ferula/promql.h"

/* "sum by (a) " up to the parenthesis; "== bool on (a)"; "[5m:] @ 1.000 offset 5m". */
void promql__print_agg_head(struct buf *out, const struct promql_aggregate *agg);
void promql__print_operator(struct buf *out, const struct promql_binary *b);
void promql__print_subquery_tail(struct buf *out, const struct promql_subquery *sq);

/* promql_prettify() with another width than 100 bytes. */
void promql__prettify_width(struct buf *out, const struct promql_expr *e, size_t width);

#endif
