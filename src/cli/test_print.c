/*
 * test_print.c - results of tests: for people, for JUnit's readers, and for GitHub.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/model/duration.h"
#include "test.h"
#include "timeline.h"

#define INDENT "        "

/* ---- failures for people ---------------------------------------------------------------- */

static void add_indented(struct buf *out, const char *first, struct str text)
{
    struct str line;

    while (str_split(&text, '\n', &line))
        buf_addf(out, INDENT "%s" STR_FMT "\n", first, STR_ARG(line));
}

static void describe_failure(struct buf *out, const struct story_failure *f, bool diff)
{
    buf_addf(out, INDENT STR_FMT "   (%s:%d:%d)\n", STR_ARG(f->text), f->at.file, f->at.line,
             f->at.column);
    if (diff && f->want.p != NULL) {
        add_indented(out, "- ", f->want);
        add_indented(out, "+ ", f->got);
    } else if (f->sim == NULL && f->want.p != NULL) {
        add_indented(out, "    exp: ", f->want);
        add_indented(out, "    got: ", f->got);
    }
}

/* The rules that have decided, once a moment. */
static void describe_moments(struct buf *out, const struct story_result *r)
{
    const struct story_sim *sim = NULL;
    ts_ms when = 0;

    for (size_t i = 0; i < r->n_failures; i++) {
        const struct story_failure *f = &r->failures[i];

        if (f->sim == NULL || (f->sim == sim && f->when == when))
            continue;
        sim = f->sim;
        when = f->when;
        cli__timeline(out, &sim->trace, sim->zero, when, INDENT "  ");
    }
}

/* What lint finds in a ScaledObject that did what it should not. */
static void describe_hints(struct buf *out, const struct story_file *sf,
                           const struct story_result *r)
{
    const struct complaints none = {0};
    const struct scaled_object *last = NULL;
    struct arena a = {0};

    for (size_t i = 0; i < r->n_failures; i++) {
        const struct story_sim *sim = r->failures[i].sim;
        struct manifests alone = *story_manifests(sf);
        struct scaled_object object;
        struct lint_report report;
        struct lint_opts opts = {0};

        if (sim == NULL || sim->object == last)
            continue;
        last = sim->object;
        object = *sim->object;
        alone.scaled_objects = &object;
        alone.n_scaled_objects = 1;
        opts.versions = sim->setup.versions;
        lint_run(&a, &alone, &none, &opts, &report);
        for (size_t k = 0; k < report.n; k++)
            if (report.v[k].severity != SEVERITY_NOTE && report.v[k].fix.n > 0)
                buf_addf(out, INDENT "hint %s: " STR_FMT "; " STR_FMT "\n", report.v[k].rule,
                         STR_ARG(report.v[k].text), STR_ARG(report.v[k].fix));
    }
    arena_release(&a);
}

static void describe_debug(struct buf *out, const struct story_result *r)
{
    for (size_t i = 0; i < r->n_sims; i++) {
        const struct story_sim *sim = r->sims[i];

        buf_addf(out, INDENT "ScaledObject " STR_FMT "\n", STR_ARG(sim->object->name.s));
        cli__timeline_full(out, &sim->trace, sim->zero, INDENT "  ");
        for (size_t k = 0; k < sim->trace.n_warnings; k++)
            buf_addf(out, INDENT "  warning: %s\n", sim->trace.warnings[k]);
    }
}

/* ---- for machines ----------------------------------------------------------------------- */

static void add_xml(struct buf *out, struct str s)
{
    static const struct {
        char c;
        const char *text;
    } escapes[] = {
        {'&',  "&amp;" },
        {'<',  "&lt;"  },
        {'>',  "&gt;"  },
        {'"',  "&quot;"},
        {'\n', "&#10;" },
    };

    for (size_t i = 0; i < s.n; i++) {
        const char *text = NULL;

        for (size_t k = 0; k < COUNT(escapes); k++)
            if (s.p[i] == escapes[k].c)
                text = escapes[k].text;
        if (text != NULL)
            buf_puts(out, text);
        else if ((unsigned char)s.p[i] >= ' ' || s.p[i] == '\t')
            buf_putc(out, s.p[i]);
    }
}

/* GitHub's workflow commands: what ends a line or a property is %XX. */
static void add_github(struct buf *out, struct str s, bool property)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '%' || c == '\n' || c == '\r' || (property && (c == ':' || c == ',')))
            buf_addf(out, "%%%02X", (unsigned)c);
        else
            buf_putc(out, c);
    }
}

static void describe_for_machines(struct test_case *c, const struct story_failure *f)
{
    struct buf text = {0};

    buf_addf(&text, STR_FMT, STR_ARG(f->text));
    buf_puts(&c->github, "::error file=");
    add_github(&c->github, str_of(f->at.file), true);
    buf_addf(&c->github, ",line=%d,col=%d,title=", f->at.line, f->at.column);
    add_github(&c->github, buf_str(&c->name), true);
    buf_puts(&c->github, "::");
    add_github(&c->github, buf_str(&text), false);
    buf_putc(&c->github, '\n');
    if (c->junit.n == 0) {
        buf_puts(&c->junit, "<failure message=\"");
        add_xml(&c->junit, buf_str(&text));
        buf_puts(&c->junit, "\">");
        add_xml(&c->junit, buf_str(&c->text));
        buf_puts(&c->junit, "</failure>");
    }
    buf_release(&text);
}

static void keep_blessings(struct test_case *c, const struct story_result *r)
{
    c->blessings = xcalloc(r->n_failures + 1, sizeof(*c->blessings));
    for (size_t i = 0; i < r->n_failures; i++) {
        const struct story_failure *f = &r->failures[i];

        if (f->old_text.n > 0)
            c->blessings[c->n_blessings++] = (struct test_blessing){
                .file = xstrdup(f->blessed_at.file),
                .old_text = xstrndup(f->old_text.p, f->old_text.n),
                .new_text = xstrndup(f->new_text.p, f->new_text.n),
                .line = f->blessed_at.line,
                .column = f->blessed_at.column,
            };
    }
}

void cli__test_describe(struct test_case *c, const struct test_flags *flags,
                        const struct story_result *r)
{
    c->simulated = r->simulated;
    c->failed = r->n_failures > 0;
    for (size_t i = 0; i < r->n_failures; i++)
        describe_failure(&c->text, &r->failures[i], flags->diff);
    if (flags->debug)
        describe_debug(&c->text, r);
    else
        describe_moments(&c->text, r);
    describe_hints(&c->text, c->sf, r);
    for (size_t i = 0; i < r->n_failures; i++)
        describe_for_machines(c, &r->failures[i]);
    keep_blessings(c, r);
}

void cli__test_broken(struct test_case *c, const char *why)
{
    struct place at = story_place(c->sf, c->index);

    c->failed = c->broken = true;
    buf_addf(&c->text, INDENT "%s   (%s:%d:%d)\n", why, at.file, at.line, at.column);
    describe_for_machines(c, &(struct story_failure){.at = at, .text = str_of(why)});
}

/* ---- all of them ------------------------------------------------------------------------ */

static void print_case(struct buf *out, const struct test_case *c, bool times)
{
    buf_addf(out, "  %s  " STR_FMT,
             c->broken   ? "ERROR"
             : c->failed ? "FAIL"
                         : "PASS",
             STR_ARG(buf_str(&c->name)));
    if (c->simulated > 0) {
        buf_puts(out, "   (");
        duration_print(out, c->simulated);
        buf_puts(out, " simulated");
        if (times)
            buf_addf(out, " in %.1f ms", (double)c->took_ns / 1e6);
        buf_putc(out, ')');
    }
    buf_putc(out, '\n');
    buf_add_str(out, buf_str(&c->text));
}

void cli__test_print(struct buf *out, const struct test_run *run)
{
    size_t failed = 0;

    for (size_t i = 0; i < run->n_cases; i++) {
        const struct test_case *c = &run->cases[i];

        failed += c->failed;
        if (run->n_files > 1 && (i == 0 || c->sf != run->cases[i - 1].sf))
            buf_addf(out, "%s\n", story_place(c->sf, 0).file);
        print_case(out, c, run->show_times);
        if (run->flags->github)
            buf_add_str(out, buf_str(&c->github));
    }
    buf_addf(out, "%zu passed, %zu failed\n", run->n_cases - failed, failed);
}

static void print_suite(struct buf *out, const struct test_run *run, const struct story_file *sf)
{
    size_t n = 0, failed = 0;

    for (size_t i = 0; i < run->n_cases; i++) {
        n += run->cases[i].sf == sf;
        failed += run->cases[i].sf == sf && run->cases[i].failed;
    }
    if (n == 0)
        return;
    buf_puts(out, "  <testsuite name=\"");
    add_xml(out, str_of(story_place(sf, 0).file));
    buf_addf(out, "\" tests=\"%zu\" failures=\"%zu\">\n", n, failed);
    for (size_t i = 0; i < run->n_cases; i++) {
        const struct test_case *c = &run->cases[i];

        if (c->sf != sf)
            continue;
        buf_puts(out, "    <testcase name=\"");
        add_xml(out, buf_str(&c->name));
        buf_putc(out, '"');
        if (run->show_times)
            buf_addf(out, " time=\"%.6f\"", (double)c->took_ns / 1e9);
        if (c->failed)
            buf_addf(out, ">" STR_FMT "</testcase>\n", STR_ARG(buf_str(&c->junit)));
        else
            buf_puts(out, "/>\n");
    }
    buf_puts(out, "  </testsuite>\n");
}

void cli__test_junit(struct buf *out, const struct test_run *run)
{
    size_t failed = 0;

    for (size_t i = 0; i < run->n_cases; i++)
        failed += run->cases[i].failed;
    buf_addf(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<testsuites tests=\"%zu\" failures=\"%zu\">\n",
             run->n_cases, failed);
    for (size_t i = 0; i < run->n_files; i++)
        print_suite(out, run, run->files[i]);
    buf_puts(out, "</testsuites>\n");
}
