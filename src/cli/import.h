/*
 * import.h - one run of `ferula tsdb import`: where samples go, and what became of them.
 */
#ifndef FERULA_CLI_IMPORT_H
#define FERULA_CLI_IMPORT_H

#include "ferula/base/arena.h"
#include "ferula/ingest.h"
#include "input.h"
#include "store.h"

struct import {
    struct store_flags flags;
    const char *format;
    struct store store;
    struct input *in;             /* being read */
    struct arena arena;           /* of what is not sent yet */
    struct ingest_series *series; /* in the arena */
    size_t n_series, cap_series, n_samples;
    struct buf packed;
    uint64_t n_sent, n_requests;    /* samples */
    uint64_t n_faults;              /* lines and requests that were refused, at least in part */
    uint64_t done_bytes, all_bytes; /* of the files; all 0: not known */
    int64_t shown_ns;               /* when the progress was */
};

/* Notes a fault; the first are told. Without a newline. */
__attribute__((format(printf, 2, 3))) void cli__import_fault(struct import *im, const char *fmt,
                                                             ...);

/* Sends series as backfill, in requests of some thousand samples. Returns an exit code. */
int cli__import_send(struct import *im, const struct ingest_series *series, size_t n,
                     const struct metadata *metadata, size_t n_metadata);

/* Shows on a terminal how far it has come, now and then; `last`: takes that away. */
void cli__import_progress(struct import *im, bool last);

/* import_text.c: the two formats, from im->in to its end. Exit codes. */
int cli__import_jsonl(struct import *im);
int cli__import_openmetrics(struct import *im);

#endif
