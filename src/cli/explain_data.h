/*
 * explain_data.h - where a command that evaluates by itself has its series from: files, a data
 * folder, or a server.
 */
#ifndef FERULA_CLI_EXPLAIN_DATA_H
#define FERULA_CLI_EXPLAIN_DATA_H

#include "http_source.h"

struct tsdb;

struct data {
    struct arena arena;       /* of the series of a test file */
    struct mem_source *files; /* these three: owned; one of them is there, or none */
    struct tsdb *folder;
    struct http_source *server;
    struct source *source;
    ts_ms begin; /* of files: the oldest sample; else not known: INT64_MAX */
    ts_ms end;   /* of the data: the newest sample; of a server: now */
};

struct data_opts {
    const struct config_list *words; /* URL, DIR, a test file, or FILE ...,
                                        which are taken together */
    const struct config_list *headers;
    const char *test; /* of a test file; NULL: the first */
    dur_ms timeout;
    ts_ms now;
};

/*
 * An exit code: CLI__OK; CLI__USAGE when what is there cannot be read, f->text says what. A server
 * is not asked yet. Ended by cli__data_close() in any case.
 */
int cli__data_open(struct data *d, const struct data_opts *opts, struct fault *f);
void cli__data_close(struct data *d);

/* explain_story.c: the input_series of a test in a file of `ferula test`. */
int cli__story_source(struct data *d, const char *path, const char *test, struct fault *f);

#endif
