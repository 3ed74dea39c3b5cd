/*
 * trace.h - the file in which libtrace.so writes down what a store does to its files.
 *
 * A trace is a list of events in the order in which the calls returned; each is a struct
 * trace_event and `n` bytes, padded. Files are numbered in the order of their making, and keep
 * their number when they are renamed. Lock files are left out: they hold nothing.
 */
#ifndef TEST_TRACE_H
#define TEST_TRACE_H

#include <stdint.h>

/* The environment of a traced program. */
#define TRACE_OUT   "FERULA_TRACE"       /* the trace; not traced when missing */
#define TRACE_DIR   "FERULA_TRACE_DIR"   /* the folder of the store, as the program names it */
#define TRACE_MARKS "FERULA_TRACE_MARKS" /* what is written to this file becomes marks */

enum { TRACE_FILES_MAX = 16 };

enum trace_kind {
    TRACE_MAKE = 1,   /* bytes: the name in the folder */
    TRACE_RENAME,     /* bytes: the new name */
    TRACE_REMOVE,     /* the name is gone */
    TRACE_SYNC_DIR,   /* the names so far are durable */
    TRACE_WRITE,      /* bytes at `at` */
    TRACE_WRITE_SYNC, /* the same, durable when it returned */
    TRACE_RESIZE,     /* to `at` bytes */
    TRACE_SYNC,       /* the file's writes so far are durable */
    TRACE_MARK        /* bytes: the program's */
};

#define TRACE_PADDED(n) (((n) + 7) / 8 * 8)

struct trace_event {
    uint32_t kind, file;
    uint64_t at, n;
};

#endif
