/*
 * corpora.c - the parser's cases: what is accepted, the texts of errors, syntax trees, printed and
 * prettified forms, series with values. A file *.jsonl each; one that is not there is skipped.
 */
#include <stdio.h>

#include "../../src/promql/print.h"
#include "ferula/base/check.h"
#include "ferula/base/hash.h"
#include "runner.h"

/* Prometheus' own cases run with everything on but fill. */
static const struct promql_features case_features = {
    .duration_expressions = true, .experimental_functions = true, .extended_ranges = true};
static const struct promql_features all_features = PROMQL_FEATURES_ALL;

struct corpus {
    struct runner *r;
    struct tally tally;
    struct arena a; /* of one row */
};

static struct str input_of(struct corpus *c, const json_t *row)
{
    return json_bytes(&c->a, row, "input", "input_b64");
}

static void check_row(struct corpus *c, const char *kind, struct str input, struct str want,
                      bool ok, struct str why)
{
    input.n = MIN(input.n, 300);
    want.n = MIN(want.n, 300);
    report(c->r, &c->tally,
           arena_printf(&c->a, "%s | " STR_FMT " | " STR_FMT, kind, STR_ARG(input), STR_ARG(want)),
           ok, why);
}

/* Two checks for a row that fails: that it is refused, and with which text. */
static void parser_row(struct corpus *c, const json_t *row)
{
    struct str input = input_of(c, row), want = json_text(row, "errMsg");
    bool fail = json_is_true(json_object_get(row, "fail"));
    const struct promql_expr *e;
    struct fault f = {0};
    int rc = promql_parse(&c->a, input, &case_features, &e, &f);
    struct str got = str_of(f.text);

    check_row(c, "accepts", input, fail ? STR("no") : STR("yes"), (rc < 0) == fail,
              rc < 0 ? got : STR("was accepted"));
    if (fail && rc < 0 && want.p != NULL)
        check_row(c, "error", input, want, str_eq(got, want),
                  arena_printf(&c->a, "expected " STR_FMT "\n    got      " STR_FMT, STR_ARG(want),
                               STR_ARG(got)));
}

static const struct promql_expr *parse_row(struct corpus *c, const char *kind, struct str input,
                                           struct str want, const struct promql_features *features)
{
    const struct promql_expr *e;
    struct fault f = {0};

    if (promql_parse(&c->a, input, features, &e, &f) == 0)
        return e;
    check_row(c, kind, input, want, false, str_of(f.text));
    return NULL;
}

/* Names the tree that is wanted: corpora may want different ones for the same text. */
static struct str tree_key(struct corpus *c, const json_t *ast)
{
    char *text = json_dumps(ast, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
    uint64_t hash = text == NULL ? 0 : hash_stable64(text, strlen(text));

    free(text);
    return arena_printf(&c->a, "tree %08x", (unsigned)(hash >> 32));
}

static void ast_row(struct corpus *c, const json_t *row)
{
    struct str input = input_of(c, row), why;
    const struct promql_expr *e = parse_row(c, "tree", input, STR("accepted"), &case_features);

    if (e == NULL)
        return;
    why = compare_ast(&c->a, e, json_object_get(row, "ast"));
    check_row(c, "tree", input, tree_key(c, json_object_get(row, "ast")), why.n == 0, why);
}

static void compare_text(struct corpus *c, const char *kind, struct str input, struct str want,
                         struct buf *got)
{
    check_row(c, kind, input, want, str_eq(buf_str(got), want),
              arena_printf(&c->a, "expected " STR_FMT "\n    got      " STR_FMT, STR_ARG(want),
                           STR_ARG(buf_str(got))));
    buf_release(got);
}

static void printer_row(struct corpus *c, const json_t *row)
{
    struct str input = input_of(c, row), want = json_text(row, "printed");
    const struct promql_expr *e = parse_row(c, "printed", input, want, &all_features);
    struct buf got = {0};

    if (e == NULL)
        return;
    promql_print(&got, e);
    compare_text(c, "printed", input, want, &got);
}

static void prettier_row(struct corpus *c, const json_t *row)
{
    struct str input = input_of(c, row), want = json_text(row, "pretty");
    const struct promql_expr *e = parse_row(c, "pretty", input, want, &all_features);
    struct buf got = {0};

    if (e == NULL)
        return;
    promql__prettify_width(
        &got, e, (size_t)json_integer_value(json_object_get(row, "maxCharactersPerLine")));
    compare_text(c, "pretty", input, want, &got);
}

/* print(parse(x)) parses, and prints as itself. */
static void stable_row(struct corpus *c, const json_t *row)
{
    struct str input = json_text(row, "expr");
    const struct promql_expr *e = parse_row(c, "stable", input, STR("accepted"), &all_features);
    struct buf once = {0}, twice = {0};

    if (e == NULL)
        return;
    promql_print(&once, e);
    e = parse_row(c, "stable", buf_str(&once), STR("accepted"), &all_features);
    if (e != NULL) {
        promql_print(&twice, e);
        compare_text(c, "stable", input, arena_str(&c->a, buf_str(&once)), &twice);
    }
    buf_release(&once);
}

static struct str compare_series(struct corpus *c, const json_t *row, struct labels ls,
                                 const struct promql_series_value *v, size_t n)
{
    json_t *labels = json_object_get(row, "labels"), *values = json_object_get(row, "values");

    if (json_object_size(labels) != ls.n)
        return STR("another number of labels");
    for (size_t i = 0; i < ls.n; i++) {
        if (!str_eq(json_text(labels, arena_strdup(&c->a, ls.v[i].name)), ls.v[i].value))
            return STR("another label");
    }
    if (json_array_size(values) != n)
        return arena_printf(&c->a, "expected %zu values, got %zu", json_array_size(values), n);
    for (size_t i = 0; i < n; i++) {
        const json_t *want = json_array_get(values, i);

        if (json_is_null(want) != v[i].omitted ||
            (json_is_number(want) && json_number_value(want) != v[i].v))
            return arena_printf(&c->a, "value %zu differs", i);
    }
    return (struct str){0};
}

static void series_row(struct corpus *c, const json_t *row)
{
    struct str input = input_of(c, row), why;
    bool fail = json_is_true(json_object_get(row, "fail"));
    struct promql_series_value *v;
    struct labels ls;
    struct fault f = {0};
    size_t n;
    int rc = promql_parse_series(&c->a, input, &ls, &v, &n, &f);

    if (json_object_get(row, "histograms") != NULL ||
        (fail && memmem(input.p, input.n, "{{", 2) != NULL)) {
        check_row(c, "series", input, STR("a native histogram, refused"), rc == FER_EUNSUP,
                  str_of(f.text));
        return;
    }
    why = rc < 0 ? str_of(f.text) : fail ? STR("was accepted") : compare_series(c, row, ls, v, n);
    check_row(c, "series", input, fail ? STR("no") : STR("yes"), fail ? rc < 0 : why.n == 0, why);
}

static void run_corpus(struct runner *r, const char *file, const char *title,
                       void (*row)(struct corpus *c, const json_t *row))
{
    struct arena a = {0};
    struct corpus c = {.r = r};
    struct str text, line;

    if (!read_file(&a, r->dir, file, &text)) {
        report_skip(r, title, "no such file in the directory");
        arena_release(&a);
        return;
    }
    while (str_split(&text, '\n', &line)) {
        json_t *obj = line.n == 0 ? NULL : json_loadb(line.p, line.n, JSON_ALLOW_NUL, NULL);

        if (obj != NULL)
            row(&c, obj);
        else if (line.n > 0)
            check_row(&c, title, line, STR("JSON"), false, STR("the row is not JSON"));
        json_decref(obj);
        arena_reset(&c.a);
    }
    print_tally(title, &c.tally);
    arena_release(&c.a);
    arena_release(&a);
}

void run_corpora(struct runner *r)
{
    run_corpus(r, "parser-cases.jsonl", "parser cases", parser_row);
    run_corpus(r, "parser-ast.jsonl", "parser trees", ast_row);
    run_corpus(r, "printer-cases.jsonl", "printer cases", printer_row);
    run_corpus(r, "prettier-cases.jsonl", "prettier cases", prettier_row);
    run_corpus(r, "series-cases.jsonl", "series cases", series_row);
    run_corpus(r, "evals.jsonl", "printing is stable", stable_row);
}
