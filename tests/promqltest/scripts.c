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

/* Evals that the spine of PromQL must pass: those of class stable-float in these files. */
static const char *const core_files[] = {
    "literals.test",  "collision.test",     "trig_functions.test", "selectors.test",
    "staleness.test", "range_queries.test", "subquery.test",       "at_modifier.test",
    "operators.test", "aggregators.test",
};

struct counts {
    struct tally forms[N_FORMS];
    size_t not_run; /* other forms of an eval that fails as written */
    size_t core, core_passed;
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
        .features = all_features,
    };

    run->fault = (struct fault){0};
    run->rc = promql_parse(a, run->expr, &all_features, &q.expr, &run->fault);
    if (run->rc == 0)
        run->rc = promql_eval(src, a, &q, &run->result, &run->fault);
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

/* An instant query of `expr` at `at`, when asked for, and the range query around it. */
static struct str run_around(struct arena *a, struct source *src, const struct eval *ev,
                             struct str expr, ts_ms at, bool instant_too)
{
    struct run *run = arena_new(a, struct run);
    struct str why = {0};
    enum promql_type type = ev->scalar ? PROMQL_SCALAR : PROMQL_VECTOR;

    if (instant_too) {
        *run = (struct run){.expr = expr, .start = at, .end = at};
        run_query(a, src, run);
        why = check_run(a, ev, run);
    }
    if (why.n > 0 || ev->fail || ev->range_vector || ev->has_string || depends_on_range(expr))
        return why;
    *run = (struct run){.expr = expr, .start = at - 60000, .end = at + 60000, .step = 60000};
    run_query(a, src, run);
    return check_point(a, ev, run, at, type);
}

static struct str run_pinned(struct arena *a, struct source *src, const struct eval *ev,
                             struct str expr)
{
    ts_ms t = ev->end;
    ts_ms times[] = {-10 * t, 0, t / 5, t, 10 * t}, zero_times[] = {-1000, 0, 1000};
    size_t n = t == 0 ? COUNT(zero_times) : COUNT(times);

    for (size_t i = 0; i < n; i++) {
        ts_ms at = t == 0 ? zero_times[i] : times[i];
        struct str why = run_around(a, src, ev, expr, at, true);

        if (why.n > 0)
            return arena_printf(a, "at %lld ms " STR_FMT ": " STR_FMT, (long long)at, STR_ARG(expr),
                                STR_ARG(why));
    }
    return (struct str){0};
}

static void run_other_forms(struct runner *r, const struct script *s, struct arena *a,
                            const struct eval *ev, struct counts *c)
{
    struct source *src = mem_source_base(s->source);
    const struct promql_expr *e;
    struct str why, pinned;

    if (ev->range)
        return;
    if (!ev->fail && !ev->range_vector && !ev->has_string && !depends_on_range(ev->expr)) {
        why = run_around(a, src, ev, ev->expr, ev->end, false);
        report(r, &c->forms[FORM_RANGE], key_of(a, s, ev, FORM_RANGE), why.n == 0, why);
    }
    if (promql_parse(a, ev->expr, &all_features, &e, NULL) < 0)
        return;
    pinned = pin(a, e, ev->end);
    if (pinned.p == NULL)
        return;
    why = run_pinned(a, src, ev, pinned);
    report(r, &c->forms[FORM_AT], key_of(a, s, ev, FORM_AT), why.n == 0, why);
}

static bool run_eval(struct runner *r, const struct script *s, const struct eval *ev,
                     struct counts *c)
{
    struct arena a = {0};
    struct run *run = arena_new(&a, struct run);
    struct str why;
    bool ok;

    *run = (struct run){.expr = ev->expr, .start = ev->start, .end = ev->end, .step = ev->step};
    if (!ev->range)
        run->start = ev->end, run->step = 0;
    run_query(&a, mem_source_base(s->source), run);
    why = check_run(&a, ev, run);
    ok = why.n == 0;
    report(r, &c->forms[FORM_WRITTEN], key_of(&a, s, ev, FORM_WRITTEN), ok,
           arena_printf(&a, STR_FMT ":%d: " STR_FMT, STR_ARG(s->name), ev->line, STR_ARG(why)));
    if (ok)
        run_other_forms(r, s, &a, ev, c);
    else
        c->not_run += !ev->range;
    arena_release(&a);
    return ok;
}

/* Whether evals.jsonl, when there is one, calls the eval of this line stable-float. */
static bool is_core(const json_t *classes, struct str file, int line)
{
    char key[300];
    bool core_file = false;

    for (size_t i = 0; i < COUNT(core_files); i++)
        core_file = core_file || str_is(file, core_files[i]);
    (void)snprintf(key, sizeof(key), STR_FMT ":%d", STR_ARG(file), line);
    return core_file && str_is(json_text(classes, key), "stable-float");
}

static json_t *load_classes(struct runner *r)
{
    struct arena a = {0};
    struct str text, line;
    json_t *classes = json_object();

    if (read_file(&a, r->dir, "evals.jsonl", &text)) {
        while (str_split(&text, '\n', &line)) {
            json_t *row = json_loadb(line.p, line.n, 0, NULL);

            if (row != NULL)
                json_object_set(classes,
                                arena_printf(&a, "%s:%lld", json_text(row, "file").p,
                                             json_integer_value(json_object_get(row, "line")))
                                    .p,
                                json_object_get(row, "class"));
            json_decref(row);
        }
    }
    arena_release(&a);
    return classes;
}

static void run_script(struct runner *r, const char *name, const json_t *classes,
                       struct counts *all)
{
    struct arena a = {0};
    struct mem_source *source = mem_source_new();
    struct counts c = {0};
    json_t *seen = json_object();
    struct script s;
    struct eval ev;
    struct str text, why;
    int more = -1;

    if (!read_file(&a, r->dir, name, &text)) {
        report_skip(r, name, "cannot be read");
        goto out;
    }
    script_open(&s, &a, str_of(name), text, source);
    while ((more = script_next(&s, &ev, &why)) == 1) {
        bool ok;

        ev.nth = count_occurrence(seen, &a, &ev);
        ok = run_eval(r, &s, &ev, &c);

        if (is_core(classes, s.name, ev.line)) {
            all->core++;
            all->core_passed += ok;
        }
    }
    if (more < 0)
        report(r, &c.forms[FORM_WRITTEN], arena_printf(&a, "script | %s", name), false, why);
    print_tally(name, &c.forms[FORM_WRITTEN]);
    for (int i = 0; i < N_FORMS; i++) {
        all->forms[i].passed += c.forms[i].passed;
        all->forms[i].failed += c.forms[i].failed;
        all->forms[i].known += c.forms[i].known;
    }
    all->not_run += c.not_run;
out:
    json_decref(seen);
    mem_source_free(source);
    arena_release(&a);
}

void run_scripts(struct runner *r)
{
    struct arena a = {0};
    struct counts all = {0};
    glob_t files = {0};
    json_t *classes = load_classes(r);

    (void)glob(arena_printf(&a, "%s/*.test", r->dir).p, 0, NULL, &files);
    if (files.gl_pathc == 0)
        report_skip(r, "*.test", "no scripts in the directory");
    for (size_t i = 0; i < files.gl_pathc; i++)
        run_script(r, strrchr(files.gl_pathv[i], '/') + 1, classes, &all);
    globfree(&files);
    for (int i = 0; i < N_FORMS; i++)
        print_tally(form_names[i], &all.forms[i]);
    printf("%-28s %5zu instant evals that fail as written were not run in the other forms\n", "",
           all.not_run);
    if (all.core > 0)
        printf("%-28s %5zu of %zu stable-float evals of the ten core files pass as written\n",
               "core", all.core_passed, all.core);
    json_decref(classes);
    arena_release(&a);
}
