/*
 * main.c - autoscale-diff: the mode, the version, and the lines.
 */
#include "diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    diff_mode run;
    bool kubernetes; /* VERSION is of Kubernetes, else of KEDA */
} modes[] = {
    {"hpa",      diff_hpa,      true },
    {"scaler",   diff_scaler,   false},
    {"operator", diff_operator, false},
    {"formula",  diff_formula,  false},
    {"cron",     diff_cron,     false},
};

void diff_die(const char *what)
{
    fprintf(stderr, "autoscale-diff: %s\n", what);
    exit(2);
}

json_t *diff_text(struct str s)
{
    return json_stringn(s.p == NULL ? "" : s.p, s.n);
}

const struct scaled_object *diff_object(struct diff *d, const json_t *metadata, const json_t *spec)
{
    json_t *o =
        json_pack("{s:s, s:s, s:o, s:O}", "apiVersion", "keda.sh/v1alpha1", "kind", "ScaledObject",
                  "metadata",
                  metadata == NULL ? json_pack("{s:s, s:s}", "name", "so", "namespace", "ns")
                                   : json_deep_copy(metadata),
                  "spec", spec);
    char *text = o == NULL ? NULL : json_dumps(o, 0);
    struct manifests m = {0};
    struct complaints c = {.arena = &d->arena};
    struct fault f = {0};

    if (text == NULL ||
        manifests_read(&d->arena, arena_str(&d->arena, str_of(text)), "case", &m, &c, &f) < 0 ||
        m.n_scaled_objects != 1)
        diff_die(text == NULL ? "no ScaledObject" : f.text);
    for (size_t i = 0; i < c.n; i++)
        if (c.v[i].fatal)
            diff_die(arena_strdup(&d->arena, c.v[i].text));
    free(text);
    json_decref(o);
    return &m.scaled_objects[0];
}

static void run_line(struct diff *d, diff_mode run, const char *line)
{
    json_error_t e;
    json_t *in = json_loads(line, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e), *out;

    if (in == NULL)
        diff_die(e.text);
    out = run(d, in);
    if (out == NULL || json_dumpf(out, stdout, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        diff_die("a result that cannot be printed");
    putchar('\n');
    json_decref(out);
    json_decref(in);
    arena_reset(&d->arena);
}

int main(int argc, char **argv)
{
    struct diff d = {.versions = AUTOSCALE_VERSIONS_DEFAULT};
    diff_mode run = NULL;
    char *line = NULL;
    size_t cap = 0;
    int rc = -1;

    for (size_t i = 0; argc == 3 && i < COUNT(modes); i++)
        if (strcmp(argv[1], modes[i].name) == 0) {
            struct str version = str_of(argv[2]);

            run = modes[i].run;
            rc = modes[i].kubernetes ? autoscale_parse_k8s(version, &d.versions.k8s, NULL)
                                     : autoscale_parse_keda(version, &d.versions.keda, NULL);
        }
    if (rc < 0) {
        fprintf(stderr,
                "usage: autoscale-diff hpa|scaler|operator|formula|cron VERSION < cases.jsonl\n");
        return 2;
    }
    d.rules = autoscale_rules_of(&d.versions);
    while (getline(&line, &cap, stdin) > 0)
        run_line(&d, run, line);
    free(line);
    arena_release(&d.arena);
    return 0;
}
