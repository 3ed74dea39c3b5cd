/*
 * test.c - `ferula test FILE...`: unit tests of ScaledObjects, and of PromQL, in virtual time.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "ferula/base/mem.h"
#include "ferula/base/pool.h"
#include "ferula/model/regex.h"

#define MAX_JOBS 256

/* ---- files ------------------------------------------------------------------------------ */

bool cli__tell_complaints(const struct complaints *c)
{
    bool fatal = false;

    for (size_t i = 0; i < c->n; i++) {
        const struct complaint *x = &c->v[i];

        fatal = fatal || x->fatal;
        fprintf(stderr, "%s:%d:%d: %s: " STR_FMT "\n", x->at.file, x->at.line, x->at.column,
                x->fatal ? "error" : "warning", STR_ARG(x->text));
    }
    return fatal;
}

/* Reads all files before anything is run. */
static int load(struct test_run *run, const struct config_list *paths)
{
    int rc = CLI__OK;

    run->files = arena_array(&run->arena, const struct story_file *, paths->n);
    for (size_t i = 0; i < paths->n; i++) {
        struct complaints complaints = {.arena = &run->arena};
        struct story_file *sf;
        struct fault f;

        if (story_file_load(&run->arena, paths->v[i], &sf, &complaints, &f) < 0) {
            fprintf(stderr, "ferula test: %s\n", f.text);
            rc = CLI__USAGE;
            continue;
        }
        if (cli__tell_complaints(&complaints))
            rc = CLI__USAGE;
        run->files[run->n_files++] = sf;
    }
    return rc;
}

static int compile_filter(struct test_run *run, struct regex **out)
{
    struct fault f;

    *out = NULL;
    if (run->flags->run == NULL)
        return CLI__OK;
    if (regex_compile(out, &run->arena,
                      arena_printf(&run->arena, "(?s:.*(?:%s).*)", run->flags->run), &f) < 0)
        return cli__usage_error(run->cmd, "invalid value \"%s\" for flag '--run': %s",
                                run->flags->run, f.text);
    return CLI__OK;
}

static void add_case(struct test_run *run, const struct story_file *sf, size_t i,
                     const struct regex *filter)
{
    struct test_case c = {.sf = sf, .index = i};
    struct str name = story_name(sf, i);

    if (name.n > 0)
        buf_add_str(&c.name, name);
    else
        buf_addf(&c.name, "test %zu", i + 1);
    if (filter != NULL && !regex_match(filter, buf_str(&c.name))) {
        buf_release(&c.name);
        return;
    }
    run->cases[run->n_cases++] = c;
}

static int pick(struct test_run *run)
{
    struct regex *filter;
    size_t n = 0;
    int rc = compile_filter(run, &filter);

    if (rc != CLI__OK)
        return rc;
    for (size_t i = 0; i < run->n_files; i++)
        n += story_count(run->files[i]);
    run->cases = xcalloc(n + 1, sizeof(*run->cases));
    for (size_t i = 0; i < run->n_files; i++)
        for (size_t k = 0; k < story_count(run->files[i]); k++)
            add_case(run, run->files[i], k, filter);
    return CLI__OK;
}

/* ---- running ---------------------------------------------------------------------------- */

static void run_case(void *ctx, size_t worker, size_t i)
{
    struct test_run *run = ctx;
    struct test_case *c = &run->cases[i];
    int64_t began = clock_mono_ns(clock_system());
    struct arena a = {0};
    struct story_result result;
    struct fault f;

    (void)worker;
    if (story_run(c->sf, c->index, &a, &result, &f) < 0)
        cli__test_broken(c, f.text);
    else
        cli__test_describe(c, run->flags, &result);
    arena_release(&a);
    c->took_ns = clock_mono_ns(clock_system()) - began;
}

static void run_all(struct test_run *run)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t jobs = run->flags->jobs > 0 ? run->flags->jobs : (size_t)MAX(processors, 1);
    size_t helpers = MIN(jobs, MIN(run->n_cases, MAX_JOBS));
    struct pool *pool = helpers > 1 ? pool_new("test", helpers - 1, helpers) : NULL;

    pool_share(pool, helpers > 1 ? helpers - 1 : 0, run->n_cases, run_case, run);
    pool_free(pool);
}

static int report(const struct test_run *run)
{
    struct buf out = {0};
    struct fault f;
    int rc = CLI__OK;

    for (size_t i = 0; i < run->n_cases; i++)
        rc = MAX(rc, run->cases[i].broken   ? CLI__USAGE
                     : run->cases[i].failed ? CLI__FAILED
                                            : CLI__OK);
    if (run->flags->junit != NULL) {
        cli__test_junit(&out, run);
        if (cli__write_file(run->flags->junit, buf_str(&out), &f) < 0) {
            fprintf(stderr, "ferula test: %s\n", f.text);
            rc = CLI__USAGE;
        }
        buf_reset(&out);
    }
    cli__test_print(&out, run);
    return cli__print(&out) == CLI__OK ? rc : CLI__FAILED;
}

static void release(struct test_run *run)
{
    for (size_t i = 0; i < run->n_cases; i++) {
        struct test_case *c = &run->cases[i];

        for (size_t k = 0; k < c->n_blessings; k++) {
            free(c->blessings[k].file);
            free(c->blessings[k].old_text);
            free(c->blessings[k].new_text);
        }
        free(c->blessings);
        buf_release(&c->name);
        buf_release(&c->text);
        buf_release(&c->junit);
        buf_release(&c->github);
    }
    free(run->cases);
    arena_release(&run->arena);
}

static int print_promtool(const struct test_run *run)
{
    struct buf out = {0};

    if (run->n_files != 1)
        return cli__usage_error(run->cmd, "--promtool prints one file");
    story_print_promtool(&out, run->files[0]);
    return cli__print(&out);
}

/* From files to an exit code, once. */
static int run_once(struct test_run *run, const struct config_list *paths)
{
    int rc = load(run, paths);

    if (rc == CLI__OK && run->flags->promtool)
        return print_promtool(run);
    rc = rc == CLI__OK ? pick(run) : rc;
    if (rc != CLI__OK)
        return rc;
    if (run->n_cases == 0 && run->flags->run != NULL)
        return cli__usage_error(run->cmd, "no test matches '%s'", run->flags->run);
    run_all(run);
    rc = report(run);
    if (run->flags->update && rc != CLI__USAGE) {
        int updated = cli__test_update(run);

        rc = updated == CLI__OK ? rc : updated;
    }
    return rc;
}

static int run_test(const struct cli__command *cmd, int argc, char **argv)
{
    struct test_flags flags = {0};
    struct cli__words words = {.least = 1, .most = SIZE_MAX};
    void *const targets[] = {&flags.help,  &flags.run,    &flags.junit,   &flags.github,
                             &flags.diff,  &flags.debug,  &flags.update,  &flags.jobs,
                             &flags.watch, &flags.timing, &flags.promtool};
    bool again = false;
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc))
        do {
            struct test_run run = {
                .cmd = cmd, .flags = &flags, .show_times = flags.timing || isatty(STDOUT_FILENO)};
            struct fault f;

            rc = run_once(&run, &words.list);
            again = flags.watch && cli__test_wait(&run, &words.list, &f) == 0;
            if (flags.watch && !again)
                fprintf(stderr, "ferula test: %s\n", f.text);
            release(&run);
        } while (again);
    config_list_release(&words.list);
    return rc;
}

/* ---- its row: flags in the order of the targets above ----------------------------------- */

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "run", .kind = CONFIG_TEXT, .meta = "RE",
     .help = "Only tests whose name has a match of this regular expression."},
    {.name = "junit", .kind = CONFIG_TEXT, .meta = "FILE", .help = "Write JUnit's XML there, too."},
    {.name = "github", .kind = CONFIG_BOOL, .help = "Print annotations for GitHub, too."},
    {.name = "diff", .kind = CONFIG_BOOL, .help = "Show what is expected and what is as a diff."},
    {.name = "debug", .kind = CONFIG_BOOL, .help = "Print every poll and every sync."},
    {.name = "update", .kind = CONFIG_BOOL,
     .help = "Replace expected replica counts (at ..., replicas: ...) by those that are."},
    {.name = "jobs", .kind = CONFIG_COUNT, .value = "0", .most = MAX_JOBS,
     .help = "Tests run at once. 0: as many as there are processors."},
    {.name = "watch", .kind = CONFIG_BOOL, .help = "Run again whenever a file changes."},
    {.name = "timing", .kind = CONFIG_BOOL,
     .help = "Print how long each took, also where that is no terminal."},
    {.name = "promtool", .kind = CONFIG_BOOL,
     .help = "Run nothing, but print the half of one file that `promtool test rules` knows."},
};
// clang-format on

const struct cli__command cli__test = {
    .name = "test",
    .args = "FILE...",
    .summary = "Test ScaledObjects and PromQL in virtual time.",
    .notes = "Exit codes: 0 all passed, 1 some failed, 2 a file or flag is wrong; nothing is run "
             "then.\n",
    .examples = "  ferula test examples/walkthrough.test.yaml\n"
                "      what the walkthrough's ScaledObject does with 45 and 150 requests a second\n"
                "  ferula test --run=drain --junit=out.xml tests/*.yaml\n"
                "      only some tests, for a CI server\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run_test,
};
