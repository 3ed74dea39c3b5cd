/*
 * recording_file.h - a file of JSON lines in order of time, read as a simulation goes on.
 */
#ifndef FERULA_CLI_RECORDING_FILE_H
#define FERULA_CLI_RECORDING_FILE_H

#include "ferula/model/source.h"

struct recording_file;

/* What the lines of a file span. */
struct recording_span {
    bool lines;       /* it is a file of JSON lines that can be read twice */
    bool ordered;     /* no line begins before the one before it; else `why` says which one does */
    ts_ms begin, end; /* begin > end: no samples */
    struct fault why;
};

/* Reads the file once and keeps nothing. FER_*: it cannot be read. */
int cli__recording_scan(const char *path, struct recording_span *out, struct fault *f);

/*
 * `to` (borrowed, as `f` is for what the feed says) has what can be looked at. The caller ends *out
 * with cli__recording_close() in any case.
 */
int cli__recording_open(const char *path, struct mem_source *to, struct recording_file **out,
                        struct fault *f);
void cli__recording_close(struct recording_file *r);

/* The feed of a world: see world_setup. */
int cli__recording_feed(void *file, ts_ms oldest, ts_ms to);

#endif
