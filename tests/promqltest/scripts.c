/*
 * scripts.c - runs the evals of all scripts, each in three forms: as written; an instant query also
 * as a range query around its time; and both with @ on every selector, at several times.
 */
#include "runner.h"

#include <glob.h>
#include <stdio.h>

#include "ferula/base/check.h"

static const struct promql_features all_features = PROMQL_FEATURES_ALL;

static const char *const form_names[N_FORMS] = {
    [FORM_WRITTEN] = "as written", [FORM_RANGE] = "as range", [FORM_AT] = "with @"};

struct counts {
    struct tally forms[N_FORMS];
    size_t not_run; /* instant evals that fail as written: not run in the other forms */
    size_t queries;
};

void run_query(struct arena *a, struct source *src, struct run *run)
{
    struct promql_query q = {
        .text = run->expr,
        .start = run->start,
        .end = run->end,
        .step = run->step,
        .max_samples = 10000,
        .delayed_name_removal = true,
        .use_start_timestamps = true,
        .features = all_features,
    };

    run->fault = (struct fault){0};
    run->rc = promql_parse(a, run->expr, &all_features, &q.expr, &run->fault);
    if (run->rc != 0)
        return;
    run->rc = promql_eval(src, a, &q, &run->result, &run->fault);
    check_shared(a, src, &q, run);
}

/* Evals that occur again in a file are numbered. */
static struct str key_of(struct arena *a, const struct script *s, const struct eval *ev,
                         enum form form)
{
    struct str nth = ev->nth > 1 ? arena_printf(a, " | #%zu", ev->nth) : STR("");

    return arena_printf(a, "%s | " STR_FMT " | " STR_FMT " | " STR_FMT STR_FMT, form_names[form],
                        STR_ARG(s->name), STR_ARG(ev->when), STR_ARG(ev->expr), STR_ARG(nth));
}

static size_t count_occurrence(json_t *seen, struct arena *a, const struct eval *ev)
{
    const char *key =
        arena_printf(a, STR_FMT " | " STR_FMT, STR_ARG(ev->when), STR_ARG(ev->expr)).p;
    json_int_t n = json_integer_value(json_object_get(seen, key)) + 1;

    json_object_set_new_nocheck(seen, key, json_integer(n));
    return (size_t)n;
}

static bool depends_on_range(struct str expr)
{
    static const char *const calls[] = {"start()", "end()", "range()", "step()"};

    for (size_t i = 0; i < COUNT(calls); i++) {
        if (memmem(expr.p, expr.n, calls[i], strlen(calls[i])) != NULL)
            return true;
    }
    return false;
}

static bool has_range_form(const struct eval *ev, struct str expr)
{
    return !ev->range && !ev->fail && !ev->range_vector && !ev->has_string &&
           !depends_on_range(expr);
}

/* The range query around `at`: a minute before, `at`, a minute after. */
static struct str run_around(struct arena *a, struct source *src, const struct eval *ev,
                             struct str expr, ts_ms at)
{
    struct run *run = arena_new(a, struct run);

    *run = (struct run){.expr = expr, .start = at - 60000, .end = at + 60000, .step = 60000};
    run_query(a, src, run);
    return check_point(a, ev, run, at);
}

/* Instant and range queries at times that must not matter, as all selectors have @. */
static struct str run_pinned(struct arena *a, struct source *src, const struct eval *ev,
                             struct str expr, size_t *queries)
{
    bool ranges = has_range_form(ev, expr);
    ts_ms t = ev->end;
    ts_ms times[] = {-10 * t, 0, t / 5, t, 10 * t}, zero_times[] = {-1000, 0, 1000};
    size_t n = t == 0 ? COUNT(zero_times) : COUNT(times);

    for (size_t i = 0; i < n; i++) {
        ts_ms at = t == 0 ? zero_times[i] : times[i];
        struct run *run = arena_new(a, struct run);
        struct str why;

        *run = (struct run){.expr = expr, .start = at, .end = at};
        run_query(a, src, run);
        why = check_run(a, ev, run);
        if (why.n == 0 && ranges)
            why = run_around(a, src, ev, expr, at);
        *queries += 1 + ranges;
        if (why.n > 0)
            return arena_printf(a, "at %lld ms " STR_FMT ": " STR_FMT, (long long)at, STR_ARG(expr),
                                STR_ARG(why));
    }
    return (struct str){0};
}

static void run_other_forms(struct runner *r, const struct script *s, struct arena *a,
                            const struct eval *ev, const struct promql_expr *e, struct counts *c)
{
    struct source *src = mem_source_base(s->source);
    struct str why, pinned;

    if (has_range_form(ev, ev->expr)) {
        why = run_around(a, src, ev, ev->expr, ev->end);
        c->queries++;
        report(r, &c->forms[FORM_RANGE], key_of(a, s, ev, FORM_RANGE), why.n == 0, why);
    }
    pinned = pin(a, e, ev->end);
    if (pinned.p == NULL)
        return;
    why = run_pinned(a, src, ev, pinned, &c->queries);
    report(r, &c->forms[FORM_AT], key_of(a, s, ev, FORM_AT), why.n == 0, why);
}

/* What a script asks must be PromQL, also where it expects an error. */
static struct str run_written(struct arena *a, const struct script *s, const struct eval *ev,
                              const struct promql_expr **e)
{
    struct run *run = arena_new(a, struct run);
    struct fault f = {0};

    if (promql_parse(a, ev->expr, &all_features, e, &f) < 0)
        return arena_printf(a, "not PromQL: %s", f.text);
    *run = (struct run){.expr = ev->expr, .start = ev->start, .end = ev->end, .step = ev->step};
    if (!ev->range)
        run->start = ev->end, run->step = 0;
    run_query(a, mem_source_base(s->source), run);
    return check_run(a, ev, run);
}

static void run_eval(struct runner *r, const struct script *s, const struct eval *ev,
                     struct counts *c)
{
    struct arena a = {0};
    const struct promql_expr *e;
    struct str why = run_written(&a, s, ev, &e);

    c->queries++;
    report(r, &c->forms[FORM_WRITTEN], key_of(&a, s, ev, FORM_WRITTEN), why.n == 0,
           arena_printf(&a, STR_FMT ":%d: " STR_FMT, STR_ARG(s->name), ev->line, STR_ARG(why)));
    if (why.n > 0)
        c->not_run += !ev->range;
    else if (!ev->range)
        run_other_forms(r, s, &a, ev, e, c);
    arena_release(&a);
}

/* Passed of all, a form a column. */
static void print_counts(const char *what, const struct counts *c)
{
    printf("%-28s", what);
    for (int i = 0; i < N_FORMS; i++) {
        const struct tally *t = &c->forms[i];

        printf("   %5zu of %5zu", t->passed, t->passed + t->failed + t->known);
    }
    putchar('\n');
}

static void run_script(struct runner *r, const char *name, struct counts *all)
{
    struct arena a = {0};
    struct mem_source *source = mem_source_new();
    struct counts c = {0};
    json_t *seen = json_object();
    struct script s;
    struct eval ev;
    struct str text, why = STR("cannot be read");
    int more = -1;

    if (read_file(&a, r->dir, name, &text)) {
        script_open(&s, &a, str_of(name), text, source);
        while ((more = script_next(&s, &ev, &why)) == 1) {
            ev.nth = count_occurrence(seen, &a, &ev);
            run_eval(r, &s, &ev, &c);
        }
    }
    if (more < 0)
        report(r, &c.forms[FORM_WRITTEN], arena_printf(&a, "script | %s", name), false, why);
    print_counts(name, &c);
    for (int i = 0; i < N_FORMS; i++) {
        all->forms[i].passed += c.forms[i].passed;
        all->forms[i].failed += c.forms[i].failed;
        all->forms[i].known += c.forms[i].known;
    }
    all->not_run += c.not_run;
    all->queries += c.queries;
    json_decref(seen);
    mem_source_free(source);
    arena_release(&a);
}

void run_scripts(struct runner *r)
{
    struct arena a = {0};
    struct counts all = {0};
    glob_t files = {0};

    (void)glob(arena_printf(&a, "%s/*.test", r->dir).p, 0, NULL, &files);
    if (files.gl_pathc == 0)
        report_skip(r, "*.test", "no scripts in the directory");
    printf("%-28s", "evals that pass");
    for (int i = 0; i < N_FORMS; i++)
        printf("   %14s", form_names[i]);
    putchar('\n');
    for (size_t i = 0; i < files.gl_pathc; i++)
        run_script(r, strrchr(files.gl_pathv[i], '/') + 1, &all);
    globfree(&files);
    print_counts("all scripts", &all);
    printf("%zu queries\n", all.queries);
    if (all.not_run > 0)
        printf("%zu instant evals fail as written and were not run in the other forms\n",
               all.not_run);
    arena_release(&a);
}
