/*
 * lint.c - `ferula lint`: what is likely to go wrong with ScaledObjects in files.
 */
#include "lint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_priv.h"
#include "ferula/base/arena.h"
#include "ferula/base/check.h"

enum { FOLDERS_MAX_DEPTH = 32 };

struct lint {
    bool help, azure;
    const char *format, *severity, *keda, *k8s;
    struct config_list disabled;
    dur_ms scrape_interval;

    struct arena arena;
    struct manifests manifests;
    struct complaints complaints;
    bool failed; /* a file could not be read */
};

// clang-format off
static const struct config_flag flags[] = {
    CLI__F_HELP,
    {.name = "format", .kind = CONFIG_CHOICE, .value = "text",
     .choices = "text|json|sarif|github",
     .help = "Form of the findings: text, json, sarif (2.1.0) or github (annotations)."},
    {.name = "severity", .kind = CONFIG_CHOICE, .value = "note", .choices = "note|warning|error",
     .help = "The least severity that counts: note, warning or error."},
    {.name = "disable", .kind = CONFIG_LIST, .meta = "RULE",
     .help = "A rule to leave out, as FER001. May be repeated."},
    {.name = "azure", .kind = CONFIG_BOOL, .value = "false",
     .help = "The queries are for Azure Monitor, whatever serverAddress is."},
    {.name = "scrape-interval", .kind = CONFIG_DURATION, .value = "15s", .least = 1,
     .help = "How often the targets are scraped."},
    {.name = "keda-version", .kind = CONFIG_TEXT, .value = "2.20.2", .meta = "VERSION",
     .help = "KEDA's version: 2.17 to 2.20.2."},
    {.name = "k8s-version", .kind = CONFIG_TEXT, .value = "1.33", .meta = "VERSION",
     .help = "Kubernetes' version: 1.31 to 1.35."},
};
// clang-format on

/* ---- files ------------------------------------------------------------------------------ */

static void read_file(struct lint *l, const char *path)
{
    struct fault f = {0};

    if (manifests_load(&l->arena, path, &l->manifests, &l->complaints, &f) == 0)
        return;
    fprintf(stderr, "ferula lint: %s\n", f.text);
    l->failed = true;
}

static bool is_manifest(const char *name)
{
    struct str s = str_of(name);

    return str_ends(s, ".yaml") || str_ends(s, ".yml") || str_ends(s, ".json");
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool read_path(struct lint *l, const char *path, int depth);

/* In the order of names; links to folders are not followed below the first. */
static bool read_folder(struct lint *l, const char *path, int depth)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_visible, alphasort);

    if (n < 0)
        return false;
    for (int i = 0; i < n; i++) {
        struct str name = arena_printf(&l->arena, "%s%s%s", path,
                                       str_ends(str_of(path), "/") ? "" : "/", entries[i]->d_name);
        struct stat st;

        if (is_manifest(name.p) || (lstat(name.p, &st) == 0 && S_ISDIR(st.st_mode)))
            if (!read_path(l, name.p, depth + 1)) {
                fprintf(stderr, "ferula lint: %s: %s\n", name.p, strerror(errno));
                l->failed = true;
            }
        free(entries[i]);
    }
    free(entries);
    return true;
}

static bool read_path(struct lint *l, const char *path, int depth)
{
    struct stat st;

    if (strcmp(path, "-") == 0) {
        read_file(l, path);
        return true;
    }
    if (stat(path, &st) < 0)
        return false;
    if (!S_ISDIR(st.st_mode)) {
        read_file(l, path);
        return true;
    }
    if (depth > FOLDERS_MAX_DEPTH) {
        errno = ELOOP;
        return false;
    }
    return read_folder(l, path, depth);
}

/* ---- the command ------------------------------------------------------------------------ */

static void print(const struct lint *l, struct buf *out, const struct lint_report *r)
{
    static const struct {
        const char *name;
        void (*print)(struct buf *out, const struct lint_report *r, size_t n_objects);
    } formats[] = {
        {"text",   cli__lint_text  },
        {"json",   cli__lint_json  },
        {"sarif",  cli__lint_sarif },
        {"github", cli__lint_github},
    };

    for (size_t i = 0; i < COUNT(formats); i++)
        if (strcmp(l->format, formats[i].name) == 0)
            formats[i].print(out, r, l->manifests.n_scaled_objects);
}

/* Leaves out what is less severe than asked for. */
static void keep_severe(struct lint_report *r, const char *least)
{
    size_t n = 0;
    enum severity wanted = SEVERITY_NOTE;

    while (wanted < SEVERITY_ERROR && strcmp(severity_name(wanted), least) != 0)
        wanted++;
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].severity >= wanted)
            r->v[n++] = r->v[i];
    r->n = n;
}

static int read_opts(const struct cli__command *cmd, const struct lint *l, struct lint_opts *out)
{
    struct fault f = {0};
    size_t n;
    const char *const *ids = lint_rules(&n);

    *out = (struct lint_opts){.scrape_interval = l->scrape_interval,
                              .azure = l->azure,
                              .disabled = l->disabled.v,
                              .n_disabled = l->disabled.n};
    if (autoscale_parse_keda(str_of(l->keda), &out->versions.keda, &f) < 0 ||
        autoscale_parse_k8s(str_of(l->k8s), &out->versions.k8s, &f) < 0)
        return cli__usage_error(cmd, "%s", f.text);
    for (size_t i = 0; i < l->disabled.n; i++) {
        const char *near = config_nearest(l->disabled.v[i], ids, n);

        if (lint_rule(str_of(l->disabled.v[i])) == NULL)
            return cli__usage_error(cmd, "there is no rule '%s'%s%s%s", l->disabled.v[i],
                                    near != NULL ? ", did you mean '" : "",
                                    near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return CLI__OK;
}

static int run_parsed(const struct cli__command *cmd, struct lint *l,
                      const struct config_list *paths)
{
    struct lint_report report;
    struct lint_opts opts;
    struct buf out = {0};
    int rc = read_opts(cmd, l, &opts);

    if (rc != CLI__OK)
        return rc;
    for (size_t i = 0; i < paths->n; i++)
        if (!read_path(l, paths->v[i], 0)) {
            fprintf(stderr, "ferula lint: %s: %s\n", paths->v[i], strerror(errno));
            l->failed = true;
        }
    lint_run(&l->arena, &l->manifests, &l->complaints, &opts, &report);
    keep_severe(&report, l->severity);
    print(l, &out, &report);
    rc = cli__print(&out);
    if (rc != CLI__OK)
        return rc;
    return l->failed ? CLI__USAGE : report.n > 0 ? CLI__FINDINGS : CLI__OK;
}

static int run(const struct cli__command *cmd, int argc, char **argv)
{
    struct lint l = {0};
    void *const targets[] = {&l.help,  &l.format,          &l.severity, &l.disabled,
                             &l.azure, &l.scrape_interval, &l.keda,     &l.k8s};
    struct cli__words words = {.least = 1, .most = SIZE_MAX};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc))
        rc = run_parsed(cmd, &l, &words.list);
    config_list_release(&words.list);
    config_list_release(&l.disabled);
    arena_release(&l.arena);
    return rc;
}

const struct cli__command cli__lint = {
    .name = "lint",
    .args = "FILE|FOLDER|-...",
    .summary = "Find what is likely to go wrong with ScaledObjects, without a cluster.",
    .notes =
        "Of folders, all *.yaml, *.yml and *.json below are read. `ferula help FER001` explains a "
        "rule.\nExit codes: 0 no findings, 2 wrong usage or a file that cannot be read, 3 "
        "findings.\n",
    .examples = "  ferula lint deploy/\n      all manifests of a folder\n"
                "  helm template chart | ferula lint --severity=warning -\n"
                "      what a chart renders, without notes\n",
    .flags = flags,
    .n_flags = COUNT(flags),
    .run = run,
};
