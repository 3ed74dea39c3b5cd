/*
 * tsdb_dump.h - one run of `ferula tsdb dump`.
 */
#ifndef FERULA_CLI_TSDB_DUMP_H
#define FERULA_CLI_TSDB_DUMP_H

#include "ferula/base/arena.h"
#include "ferula/model/metadata.h"
#include "store.h"

struct dump {
    const struct cli__command *cmd;
    struct store_flags flags;
    const char *format, *start, *end; /* as given */
    struct config_list matchers;
    struct source_range range;
    struct store store;
    struct arena arena; /* of the run */
    struct buf page;    /* JSON lines */
};

/*
 * The next page of all series, or of those of one metric, from *at on, into d->page. Tells what
 * failed and returns an exit code.
 */
int cli__dump_page(struct dump *d, struct str metric, struct tsdb_cursor *at);

/* A metric name, and the family that it belongs to. */
struct dump_metric {
    struct str family, name;   /* no name: a family without series */
    const struct metadata *md; /* NULL: none is known */
};

/* Those that the selectors pick, by family and name; in d->arena. As cli__dump_page(). */
int cli__dump_metrics(struct dump *d, struct dump_metric **out, size_t *n);

#endif
