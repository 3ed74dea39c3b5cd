/*
 * queries.c - what KEDA, dashboards and alerts ask of the load.
 */
#include "queries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/base/check.h"

// clang-format off
static const struct query built_in[] = {
    {"keda",       "sum(rate(http_requests_total{namespace=\"keda-demo\"}[2m]))", false},
    {"sum",        "sum(rate(http_requests_total[2m]))", false},
    {"by-code",    "sum by (code) (rate(http_requests_total[2m]))", false},
    {"topk",       "topk(10, sum by (pod) (rate(http_requests_total[2m])))", false},
    {"quantile",   "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", false},
    {"range-keda", "sum(rate(http_requests_total{namespace=\"keda-demo\"}[2m]))", true},
    {"range-sum",  "sum(rate(http_requests_total[2m]))", true},
};
// clang-format on

static void add(struct arena *a, struct query_list *list, size_t *cap, const char *only,
                struct query q)
{
    if (only != NULL && strcmp(only, q.name) != 0)
        return;
    ARENA_GROW(a, list->v, list->n, *cap, struct query);
    list->v[list->n++] = q;
}

static int read_line(struct arena *a, struct str line, struct query *out)
{
    struct str name, kind;

    if (!str_split(&line, ' ', &name) || !str_split(&line, ' ', &kind) || line.p == NULL)
        return FER_EINVAL;
    out->name = arena_strdup(a, name);
    out->expr = arena_strdup(a, str_trim(line));
    out->range = str_is(kind, "range");
    return out->range || str_is(kind, "instant") ? 0 : FER_EINVAL;
}

static int read_file(struct arena *a, const char *path, const char *only, struct query_list *out,
                     struct fault *f)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t room = 0, cap = 0, number = 0;
    ssize_t n;
    int rc = 0;

    if (in == NULL)
        return fault_set(f, FER_EIO, 0, "%s: %s", path, strerror(errno));
    while (rc == 0 && (n = getline(&text, &room, in)) >= 0) {
        struct str line = str_trim((struct str){text, (size_t)n});
        struct query q = {0};

        number++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (read_line(a, line, &q) == 0)
            add(a, out, &cap, only, q);
        else
            rc = fault_set(f, FER_EINVAL, 0, "%s: line %zu: expected NAME instant|range EXPRESSION",
                           path, number);
    }
    free(text);
    (void)fclose(in);
    return rc;
}

int queries_load(struct arena *a, const char *path, const char *only, struct query_list *out,
                 struct fault *f)
{
    size_t cap = 0;
    int rc = 0;

    *out = (struct query_list){0};
    if (path != NULL)
        rc = read_file(a, path, only, out, f);
    else
        for (size_t i = 0; i < COUNT(built_in); i++)
            add(a, out, &cap, only, built_in[i]);
    if (rc == 0 && out->n == 0)
        return fault_set(f, FER_EINVAL, 0, "no query%s%s", only != NULL ? " called " : "",
                         only != NULL ? only : "");
    return rc;
}
