/*
 * runner.h - the test program for PromQL: Prometheus' test scripts and parser cases, as files in a
 * directory that is given when it is run.
 */
#ifndef PROMQLTEST_RUNNER_H
#define PROMQLTEST_RUNNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/str.h"
#include "ferula/promql.h"

struct tally {
    size_t passed, failed, skipped;
};

struct runner {
    const char *dir; /* with the scripts and the cases */
    bool verbose;
    struct tally total;
};

/* Reads a whole file into the arena; false when it cannot be read. */
bool read_file(struct arena *a, const char *dir, const char *name, struct str *out);

/* A string of a JSON object; NULL pointer when there is none. */
struct str json_text(const json_t *obj, const char *key);
/* `key`, or what `key`_b64 says: bytes that are not UTF-8. */
struct str json_bytes(struct arena *a, const json_t *obj, const char *key, const char *key64);

/* --parse: queries as JSON lines in, what the parser makes of them out. */
int parse_mode(void);

/* All *.jsonl files that are known and are there. */
void run_corpora(struct runner *r);

#endif
