/*
 * story.h - test files: promtool's unit tests of rules, and what ScaledObjects have to do.
 *
 * A file is what `promtool test rules` reads (3.14; without rules), and more: scaled_objects, and
 * in each test autoscale (the world) and autoscale_test (what has to be). docs/testing.md has each
 * field. Time begins at start_timestamp (1970-01-01T00:00:00Z unless given), when each ScaledObject
 * is created.
 *
 * A file that was read is not changed any more: its tests may run on any number of threads at once.
 */
#ifndef FERULA_AUTOSCALE_STORY_H
#define FERULA_AUTOSCALE_STORY_H

#include "ferula/autoscale/sim.h"
#include "ferula/autoscale/world.h"

/* A simulation keeps all that happened: about 24 MB a day. Longer ones are refused. */
#define STORY_MAX_LENGTH ((dur_ms)32 * 24 * 3600 * 1000)

struct story_file;

/*
 * Errors as manifests_load() has them; what is wrong with what parses is in `complaints`, and with
 * a fatal one *out must not be run. Everything is in the arena.
 */
int story_file_load(struct arena *a, const char *path, struct story_file **out,
                    struct complaints *complaints, struct fault *f);
/* The same for a text; the files that it names are looked for from the folder of `path`. */
int story_file_read(struct arena *a, struct str text, const char *path, struct story_file **out,
                    struct complaints *complaints, struct fault *f);

size_t story_count(const struct story_file *sf);
struct str story_name(const struct story_file *sf, size_t i); /* "test 2" when it has none */
struct place story_place(const struct story_file *sf, size_t i);
const struct manifests *story_manifests(const struct story_file *sf);

/*
 * The series of test `i` alone, without what its world would make; *end is the time of the last
 * value. The source lives as long as the arena. FER_EINVAL: a line that is none, with its place.
 */
int story_series(const struct story_file *sf, size_t i, struct arena *a, struct source **out,
                 ts_ms *end, struct fault *f);

/* One simulation of a test: of one ScaledObject and one set of faults. */
struct story_sim {
    const struct scaled_object *object;
    ts_ms zero; /* what the times of the test count from */
    struct sim_setup setup;
    struct sim_trace trace;
    const struct world_sample *samples;
    size_t n_samples;
};

struct story_failure {
    struct place at;             /* of the expectation */
    struct str text;             /* "at 5m: replicas are 4, not 5" */
    struct str want, got;        /* the same for --diff, on lines of their own */
    const struct story_sim *sim; /* NULL: of PromQL alone */
    ts_ms when;                  /* where to look in its trace */
    /* The text at `blessed_at` that may be replaced to make it pass; n 0: none. */
    struct place blessed_at;
    struct str old_text, new_text;
};

struct story_result {
    struct story_failure *failures;
    size_t n_failures, cap_failures;
    struct story_sim **sims;
    size_t n_sims, cap_sims;
    size_t n_checks;
    dur_ms simulated;
};

/*
 * Runs test `i`; the result is in the arena. FER_EINVAL: it cannot be run (an object that KEDA
 * refuses, a trigger that cannot be asked): f->text. FER_ELIMIT: longer than STORY_MAX_LENGTH.
 */
int story_run(const struct story_file *sf, size_t i, struct arena *a, struct story_result *out,
              struct fault *f);

/*
 * The half of the file that is promtool's, as JSON, which is YAML: promtool refuses fields that it
 * does not know, --ignore-unknown-fields is about files of rules.
 */
void story_print_promtool(struct buf *out, const struct story_file *sf);

/* "1m30s", and "-" before it for a negative one. */
void story_print_time(struct buf *b, dur_ms since_start);

#endif
