/*
 * query_print.h - answers of Prometheus' API as promtool prints them.
 *
 * `data` is the answer's "data". False: it is not what the API answers; *out is incomplete then.
 */
#ifndef FERULA_QUERY_PRINT_H
#define FERULA_QUERY_PRINT_H

#include <stdbool.h>

#include <jansson.h>

#include "ferula/base/buf.h"

typedef bool (*query_printer)(struct buf *out, const json_t *data);

bool query_print_value(struct buf *out, const json_t *data);  /* of query and query_range */
bool query_print_series(struct buf *out, const json_t *data); /* a label set a line */
bool query_print_names(struct buf *out, const json_t *data);  /* a text a line */
bool query_print_json(struct buf *out, const json_t *data);   /* any; a value without its type */

#endif
