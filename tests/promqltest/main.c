/*
 * main.c - promqltest: options and the summary.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

#define EXPECTED_FAILURES "tests/promqltest/expected-failures.txt"

static int usage(void)
{
    fprintf(
        stderr,
        "usage: promqltest [-v] [--update [--add]] [--expected FILE] [DIR]\n"
        "       promqltest --parse < queries.jsonl\n"
        "       promqltest --histogram < histograms.txt\n"
        "Runs Prometheus' PromQL test scripts (*.test) and parser cases (*.jsonl) in DIR, or in\n"
        "$PROMQLTEST_DIR. FILE is the list of expected failures (" EXPECTED_FAILURES "):\n"
        "what fails must be in it, and what is in it must fail. --update writes it anew, less what\n"
        "passes now; -v shows every failure.\n");
    return 2;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(((const struct known *)a)->key, ((const struct known *)b)->key);
}

static void keep(struct known_list *list, const struct known *k)
{
    ARENA_GROW(&list->a, list->v, list->n, list->cap, struct known);
    list->v[list->n++] = *k;
}

/* The list less what passes now; with `add` also what fails now and is not in it. */
static int update(struct runner *r, const char *path, bool add)
{
    struct known_list list = {0};
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        perror(path);
        return 2;
    }
    for (size_t i = 0; i < r->known.n; i++) {
        if (!r->known.v[i].seen || r->known.v[i].now_fails)
            keep(&list, &r->known.v[i]);
    }
    for (size_t i = 0; add && i < r->failures.n; i++)
        keep(&list, &r->failures.v[i]);
    if (list.n > 1)
        qsort(list.v, list.n, sizeof(*list.v), by_text);
    fprintf(file,
            "# What Prometheus' PromQL tests expect and ferula does not do yet, a check a line:\n"
            "# form | file | time | expression, or kind of case | input | expected. It can only\n"
            "# shrink: `promqltest --update DIR` takes out what passes.\n");
    for (size_t i = 0; i < list.n; i++) {
        if (i == 0 || !str_eq(list.v[i].key, list.v[i - 1].key))
            fprintf(file, STR_FMT "\n", STR_ARG(list.v[i].key));
    }
    known_release(&list);
    return fclose(file) == 0 ? 0 : 2;
}

static int summary(const struct runner *r)
{
    size_t absent = 0;

    for (size_t i = 0; i < r->known.n; i++)
        absent += !r->known.v[i].seen;
    if (absent > 0)
        printf("%zu expected failures do not occur in this directory\n", absent);
    if (r->total.known > 0)
        printf("%zu fail as expected\n", r->total.known);
    if (r->total.differs > 0)
        printf("%zu are cases of another version of Prometheus, see corpora.c\n", r->total.differs);
    if (r->unexpected_passes > 0)
        printf("%zu expected failures pass: run with --update\n", r->unexpected_passes);
    printf("%zu passed, %zu failed, %zu skipped\n", r->total.passed,
           r->total.failed + r->unexpected_passes, r->total.skipped);
    return r->total.failed + r->unexpected_passes > 0;
}

int main(int argc, char **argv)
{
    struct runner r = {.dir = getenv("PROMQLTEST_DIR")};
    const char *expected = EXPECTED_FAILURES;
    bool rewrite = false, add = false;
    int rc;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--parse") == 0)
            return parse_mode();
        if (strcmp(argv[i], "--histogram") == 0)
            return histogram_mode();
        if (strcmp(argv[i], "-v") == 0)
            r.verbose = true;
        else if (strcmp(argv[i], "--update") == 0)
            rewrite = true;
        else if (strcmp(argv[i], "--add") == 0)
            add = true;
        else if (strcmp(argv[i], "--expected") == 0 && i + 1 < argc)
            expected = argv[++i];
        else if (argv[i][0] != '-')
            r.dir = argv[i];
        else
            return usage();
    }
    if (r.dir == NULL)
        return usage();
    if (!known_load(&r.known, expected))
        fprintf(stderr, "promqltest: no list of expected failures at %s\n", expected);
    run_corpora(&r);
    run_scripts(&r);
    check_shared_end();
    rc = summary(&r);
    if (rewrite)
        rc = update(&r, expected, add);
    known_release(&r.known);
    known_release(&r.failures);
    return rc;
}
