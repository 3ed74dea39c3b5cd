/*
 * log_line.h - a log line as text, apart from where it goes.
 */
#ifndef FERULA_BASE_LOG_LINE_PRIV_H
#define FERULA_BASE_LOG_LINE_PRIV_H

#include "ferula/base/buf.h"
#include "ferula/base/clock.h"
#include "ferula/base/log.h"

struct base__log_line {
    ts_ms at;
    enum log_level level;
    const char *file; /* a path; its last part is shown */
    int line;
    const char *msg;
    const struct log_field *fields; /* borrowed; ends with a NULL key */
};

/* Adds the line and its newline. */
void base__log_line_add(struct buf *b, enum log_format format, const struct base__log_line *l);

#endif
