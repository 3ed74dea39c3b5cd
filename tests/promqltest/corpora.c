/*
 * corpora.c - the parser's cases: what is accepted, the texts of errors, syntax trees, printed and
 * prettified forms, tokens, series with values. A file *.jsonl each; one that is not there is
 * skipped.
 */
#include "corpora.h"

#include <stdio.h>

#include "../../src/promql/print.h"
#include "ferula/base/check.h"
#include "ferula/base/hash.h"

/* Prometheus' own cases run with everything on but fill. */
static const struct promql_features case_features = {
    .duration_expressions = true, .experimental_functions = true, .extended_ranges = true};
static const struct promql_features all_features = PROMQL_FEATURES_ALL;

/*
 * Versions of Prometheus differ: 3.14.0 reads a sign before parentheses away, later ones keep it,
 * and ferula with them. These are the cases of 3.14.0; they must not pass.
 */
static const struct {
    const char *kind, *input, *want;
} of_other_version[] = {
    {"tree",    "foo offset +(5)", "tree 99f2180b" },
    {"tree",    "foo offset -(5)", "tree 3db7b05b" },
    {"printed", "foo offset +(5)", "foo offset 5s" },
    {"printed", "foo offset -(5)", "foo offset -5s"},
    {"pretty",  "foo offset +(5)", "foo offset 5s" },
    {"pretty",  "foo offset -(5)", "foo offset -5s"},
};

static bool versions_differ(const char *kind, struct str input, struct str want)
{
    for (size_t i = 0; i < COUNT(of_other_version); i++) {
        if (strcmp(kind, of_other_version[i].kind) == 0 &&
            str_is(input, of_other_version[i].input) && str_is(want, of_other_version[i].want))
            return true;
    }
    return false;
}

struct str row_input(struct corpus *c, const json_t *row)
{
    return json_bytes(&c->a, row, "input", "input_b64");
}

static void check_in(struct corpus *c, struct tally *t, const char *kind, struct str input,
                     struct str want, bool ok, struct str why)
{
    struct str key;

    input.n = MIN(input.n, 300);
    want.n = MIN(want.n, 300);
    key = arena_printf(&c->a, "%s | " STR_FMT " | " STR_FMT, kind, STR_ARG(input), STR_ARG(want));
    if (versions_differ(kind, input, want))
        report_differing(c->r, t, key, ok);
    else
        report(c->r, t, key, ok, why);
}

void check_row(struct corpus *c, const char *kind, struct str input, struct str want, bool ok,
               struct str why)
{
    check_in(c, &c->tally, kind, input, want, ok, why);
}

void check_error(struct corpus *c, struct str input, struct str want, struct str got)
{
    check_in(c, &c->errors, "error", input, want, str_eq(got, want),
             arena_printf(&c->a, "expected " STR_FMT "\n    got      " STR_FMT, STR_ARG(want),
                          STR_ARG(got)));
}

/* Two checks for a row that fails: that it is refused, and with which text. */
static void parser_row(struct corpus *c, const json_t *row)
{
    struct str input = row_input(c, row), want = json_text(row, "errMsg");
    bool fail = json_is_true(json_object_get(row, "fail"));
    const struct promql_expr *e;
    struct fault f = {0};
    int rc = promql_parse(&c->a, input, &case_features, &e, &f);
    struct str got = str_of(f.text);

    check_row(c, "accepts", input, fail ? STR("no") : STR("yes"), (rc < 0) == fail,
              rc < 0 ? got : STR("was accepted"));
    if (fail && rc < 0 && want.p != NULL)
        check_error(c, input, want, got);
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
    struct str input = row_input(c, row), why;
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
    struct str input = row_input(c, row), want = json_text(row, "printed");
    const struct promql_expr *e = parse_row(c, "printed", input, want, &all_features);
    struct buf got = {0};

    if (e == NULL)
        return;
    promql_print(&got, e);
    compare_text(c, "printed", input, want, &got);
}

static void prettier_row(struct corpus *c, const json_t *row)
{
    struct str input = row_input(c, row), want = json_text(row, "pretty");
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
    if (c.errors.passed + c.errors.failed + c.errors.known > 0)
        print_tally(arena_printf(&a, "%s: first errors", title).p, &c.errors);
    arena_release(&c.a);
    arena_release(&a);
}

void run_corpora(struct runner *r)
{
    run_corpus(r, "lexer-cases.jsonl", "lexed", lexer_row);
    run_corpus(r, "parser-cases.jsonl", "accepted or refused", parser_row);
    run_corpus(r, "parser-ast.jsonl", "trees", ast_row);
    run_corpus(r, "printer-cases.jsonl", "printed", printer_row);
    run_corpus(r, "prettier-cases.jsonl", "prettified", prettier_row);
    run_corpus(r, "evals.jsonl", "printed twice", stable_row);
    run_corpus(r, "series-cases.jsonl", "series", series_row);
}
