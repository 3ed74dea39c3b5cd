/*
 * text_print.h - names and values as both text formats, 0.0.4 and OpenMetrics, write them.
 */
#ifndef INGEST_TEXT_PRINT_H
#define INGEST_TEXT_PRINT_H

#include "ferula/base/buf.h"
#include "ferula/base/str.h"

/* In double quotes; backslashes, double quotes and newlines are escaped. */
void ingest__add_quoted(struct buf *out, struct str s);

/* As it is when it is a legacy name of a metric, else in quotes. */
void ingest__add_name(struct buf *out, struct str name);

#endif
