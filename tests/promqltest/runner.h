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
#include "ferula/model/regex.h"
#include "ferula/model/source.h"
#include "ferula/promql.h"

/* ---- the list of expected failures: a line a check, keyed by texts and not by line numbers */

struct known {
    struct str key;
    bool seen, now_fails;
};

struct known_list {
    struct arena a;
    struct known *v;
    size_t n, cap;
};

bool known_load(struct known_list *list, const char *path);
struct known *known_find(struct known_list *list, struct str key);
void known_release(struct known_list *list);

/* ---- counting */

struct tally {
    size_t passed, failed, skipped;
    size_t known;   /* fails and is in the list */
    size_t differs; /* versions of Prometheus differ: see versions_differ() */
};

struct runner {
    const char *dir; /* with the scripts and the cases */
    bool verbose;
    struct known_list known;
    struct known_list failures; /* of this run: what --update writes */
    struct tally total;
    size_t unexpected_passes;
};

/* Counts a check in `t` and in the total. `why` is what to print when it fails. */
void report(struct runner *r, struct tally *t, struct str key, bool ok, struct str why);
/* The same for a case of another version of Prometheus, which must not pass. */
void report_differing(struct runner *r, struct tally *t, struct str key, bool ok);
void report_skip(struct runner *r, const char *what, const char *why);
void print_tally(const char *what, const struct tally *t);

/* ---- input */

/* Reads a whole file into the arena; false when it cannot be read. */
bool read_file(struct arena *a, const char *dir, const char *name, struct str *out);

/* A string of a JSON object; NULL pointer when there is none. */
struct str json_text(const json_t *obj, const char *key);
/* `key`, or what `key64` says: bytes that are not UTF-8. */
struct str json_bytes(struct arena *a, const json_t *obj, const char *key, const char *key64);

/* ---- scripts */

struct condition {
    enum { COND_FAIL, COND_WARN, COND_INFO, N_COND } on;
    bool none;  /* no_warn, no_info */
    bool exact; /* the text is the whole message */
    struct str text;
    struct regex *re; /* else; NULL matches all */
};

struct wanted {
    struct labels labels;
    struct promql_series_value *values;
    size_t n, position;
};

/* One eval of a script, with what it expects. */
struct eval {
    int line;
    size_t nth;      /* of those with the same time and expression in this script */
    struct str when; /* "instant at 5m", "range from 0 to 1h step 5m" */
    struct str expr;
    bool range;
    ts_ms start, end; /* equal for an instant query that gives an instant vector */
    dur_ms step;
    bool fail, warn, info, ordered, range_vector, has_string, scalar;
    double scalar_value;
    struct str string;
    struct condition *conditions;
    size_t n_conditions, conditions_cap;
    struct wanted *wanted;
    size_t n_wanted, wanted_cap;
};

struct script {
    struct arena *a;
    struct str name;
    struct str *lines; /* trimmed, without comments */
    size_t n_lines, at;
    struct mem_source *source;
};

void script_open(struct script *s, struct arena *a, struct str name, struct str text,
                 struct mem_source *source);
/* Executes up to and with the next eval: 1, 0 at the end, -1 and *why when the script is wrong. */
int script_next(struct script *s, struct eval *ev, struct str *why);

/* Takes the first word off *rest. */
struct str next_word(struct str *rest);
/* The command `load` or `load_with_nhcb` at s->at; `rest`: the interval. */
int script_load(struct script *s, struct str command, struct str rest);

/* ---- running an eval */

enum form { FORM_WRITTEN, FORM_RANGE, FORM_AT, N_FORMS };

/* A query, and how it ended. */
struct run {
    struct str expr;
    ts_ms start, end;
    dur_ms step;
    int rc;
    struct promql_result result;
    struct fault fault;
};

void run_query(struct arena *a, struct source *src, struct run *run);
/* Evaluates `q` once more, on several threads; the run fails when that makes a difference. */
void check_shared(struct arena *a, struct source *src, const struct promql_query *q,
                  struct run *run);
void check_shared_end(void); /* the threads end */

/* An empty text: they are equal, but for rounding. */
struct str check_value(struct arena *a, struct labels ls, const struct promql_series_value *want,
                       const struct promql_series_value *got);

/* An empty text: the eval's expectations hold. */
struct str check_run(struct arena *a, const struct eval *ev, const struct run *run);
/* Only the points at `at` of a range query are compared. */
struct str check_point(struct arena *a, const struct eval *ev, const struct run *run, ts_ms at);

/* The expression with @ at on every selector that has none; NULL pointer when that is not allowed.
 */
struct str pin(struct arena *a, const struct promql_expr *e, ts_ms at);

void run_scripts(struct runner *r);

/* ---- the rest */

/* --parse: queries as JSON lines in, what the parser makes of them out. */
int parse_mode(void);
int histogram_mode(void);

/* All *.jsonl files that are known and are there. */
void run_corpora(struct runner *r);

/* As the corpus of syntax trees writes them. An empty text: equal. */
struct str compare_ast(struct arena *a, const struct promql_expr *e, const json_t *want);

#endif
