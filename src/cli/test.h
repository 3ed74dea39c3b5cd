/*
 * test.h - one run of `ferula test`: what it is told, its tests, and what became of them.
 */
#ifndef FERULA_CLI_TEST_H
#define FERULA_CLI_TEST_H

#include "cli_priv.h"
#include "ferula/autoscale/lint.h"
#include "ferula/autoscale/story.h"

struct test_flags {
    bool help;
    const char *run, *junit;
    bool github, diff, debug, update, watch, timing, promtool;
    size_t jobs;
};

/* A number in a file that would make its test pass. Heap. */
struct test_blessing {
    char *file, *old_text, *new_text;
    int line, column;
};

/* What became of a test; texts are made by the thread that ran it. */
struct test_case {
    const struct story_file *sf;
    size_t index;
    bool failed, broken; /* broken: it could not be run */
    struct buf name;     /* as shown */
    struct buf text;     /* for people, when it failed or --debug */
    struct buf junit;    /* of the failures, escaped */
    struct buf github;   /* annotations, a line each */
    struct test_blessing *blessings;
    size_t n_blessings;
    dur_ms simulated;
    int64_t took_ns;
};

struct test_run {
    const struct cli__command *cmd;
    const struct test_flags *flags;
    struct arena arena; /* of the files */
    const struct story_file **files;
    size_t n_files;
    struct test_case *cases; /* heap */
    size_t n_cases;
    bool show_times;
};

/* test.c: what is wrong in files, on stderr; true: something is fatal. */
bool cli__tell_complaints(const struct complaints *c);

/* test_print.c: fills in a case's texts from its result. */
void cli__test_describe(struct test_case *c, const struct test_flags *flags,
                        const struct story_result *r);
void cli__test_broken(struct test_case *c, const char *why);
/* All of it in order: lines and the sum; the same for JUnit. */
void cli__test_print(struct buf *out, const struct test_run *run);
void cli__test_junit(struct buf *out, const struct test_run *run);

/* test_update.c: replaces the numbers that are not met; tells how many. An exit code. */
int cli__test_update(const struct test_run *run);
/* Writes a file as a whole or not at all. */
int cli__write_file(const char *path, struct str text, struct fault *f);

/* test_watch.c: waits until one of the files that the run has read changes. Not 0: it cannot. */
int cli__test_wait(const struct test_run *run, const struct config_list *paths, struct fault *f);

#endif
