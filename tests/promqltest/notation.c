/*
 * notation.c - cases of the lexer, and of series with values.
 */
#include "corpora.h"

#include "../../src/promql/lex.h"
#include "ferula/base/check.h"
#include "ferula/model/histogram.h"

/* ---- tokens: rows of [name, offset, text] ------------------------------------------------ */

static const char *const tok_names[N_TOKS] = {
#define T(id, text, kind) [TOK_##id] = #id,
#include "../../src/promql/tokens.tbl.h"
#undef T
};

static struct str compare_token(struct corpus *c, const struct lex_item *got, const json_t *want)
{
    const char *name = json_string_value(json_array_get(want, 0));
    const json_t *text = json_array_get(want, 2);

    if (name != NULL && strcmp(name, tok_names[got->type]) == 0 &&
        got->pos == (size_t)json_integer_value(json_array_get(want, 1)) &&
        str_eq(got->val, (struct str){json_string_value(text), json_string_length(text)}))
        return (struct str){0};
    return arena_printf(&c->a, "expected %s, got %s \"" STR_FMT "\" at %zu",
                        name == NULL ? "nothing" : name, tok_names[got->type], STR_ARG(got->val),
                        got->pos);
}

/* All tokens as wanted. An error is one of them, and not the last. */
static struct str check_tokens(struct corpus *c, struct lexer *lx, const json_t *want)
{
    struct lex_item item;
    struct str why = {0};
    size_t n = json_array_size(want);

    for (size_t i = 0; i < n && why.n == 0; i++) {
        promql__lex_next(lx, &item);
        why = compare_token(c, &item, json_array_get(want, i));
    }
    if (why.n > 0)
        return why;
    promql__lex_next(lx, &item);
    return item.type == TOK_EOF && item.pos == lx->in.n ? why : STR("there are more tokens");
}

static bool has_error(struct lexer *lx)
{
    struct lex_item item;

    do
        promql__lex_next(lx, &item);
    while (item.type != TOK_EOF && item.type != TOK_ERROR);
    return item.type == TOK_ERROR;
}

void lexer_row(struct corpus *c, const json_t *row)
{
    struct str input = row_input(c, row), why = {0};
    struct lexer lx;

    promql__lex_init(&lx, &c->a, input);
    lx.series = json_is_true(json_object_get(row, "seriesDesc"));
    if (!json_is_true(json_object_get(row, "fail")))
        why = check_tokens(c, &lx, json_object_get(row, "tokens"));
    else if (!has_error(&lx))
        why = STR("was accepted");
    check_row(c, "lexed", input, STR("as is"), why.n == 0, why);
}

/* ---- series ------------------------------------------------------------------------------ */

static bool same_number(const json_t *obj, const char *key, double v)
{
    return json_number_value(json_object_get(obj, key)) == v;
}

static bool same_side(const json_t *obj, const char *buckets, const char *spans,
                      const struct histogram_side *got)
{
    const json_t *counts = json_object_get(obj, buckets), *list = json_object_get(obj, spans);
    size_t n = 0;
    int32_t index = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *span = json_array_get(list, i);

        index += (int32_t)json_integer_value(json_object_get(span, "Offset"));
        for (json_int_t k = json_integer_value(json_object_get(span, "Length")); k > 0; k--) {
            if (n >= got->n || got->index[n] != index++ ||
                json_number_value(json_array_get(counts, n)) != got->count[n])
                return false;
            n++;
        }
    }
    return n == got->n && n == json_array_size(counts);
}

static bool same_histogram(const json_t *want, const struct histogram *got)
{
    static const char *const hints[] = {
        [HISTOGRAM_UNKNOWN] = "histogram.UnknownCounterReset",
        [HISTOGRAM_RESET] = "histogram.CounterReset",
        [HISTOGRAM_NOT_RESET] = "histogram.NotCounterReset",
        [HISTOGRAM_GAUGE] = "histogram.GaugeType",
    };
    const json_t *bounds = json_object_get(want, "CustomValues");
    struct str hint = json_text(want, "CounterResetHint");

    if (json_array_size(bounds) != got->n_bounds)
        return false;
    for (size_t i = 0; i < got->n_bounds; i++) {
        if (json_number_value(json_array_get(bounds, i)) != got->bounds[i])
            return false;
    }
    return same_number(want, "Schema", got->schema) && same_number(want, "Sum", got->sum) &&
           same_number(want, "Count", got->count) &&
           same_number(want, "ZeroCount", got->zero_count) &&
           same_number(want, "ZeroThreshold", got->zero_threshold) &&
           (hint.n == 0 ? got->hint == HISTOGRAM_UNKNOWN : str_is(hint, hints[got->hint])) &&
           same_side(want, "PositiveBuckets", "PositiveSpans", &got->pos) &&
           same_side(want, "NegativeBuckets", "NegativeSpans", &got->neg);
}

static struct str compare_labels(struct corpus *c, const json_t *want, struct labels ls)
{
    if (json_object_size(want) != ls.n)
        return STR("another number of labels");
    for (size_t i = 0; i < ls.n; i++) {
        if (!str_eq(json_text(want, arena_strdup(&c->a, ls.v[i].name)), ls.v[i].value))
            return STR("another label");
    }
    return (struct str){0};
}

/* Of floats and gaps, or of histograms. */
static struct str compare_values(struct corpus *c, const json_t *row,
                                 const struct promql_series_value *v, size_t n)
{
    const json_t *hists = json_object_get(row, "histograms");
    const json_t *values = hists != NULL ? hists : json_object_get(row, "values");

    if (json_array_size(values) != n)
        return arena_printf(&c->a, "expected %zu values, got %zu", json_array_size(values), n);
    for (size_t i = 0; i < n; i++) {
        const json_t *want = json_array_get(values, i);
        bool ok = hists != NULL ? v[i].h != NULL && same_histogram(want, v[i].h)
                                : v[i].h == NULL && json_is_null(want) == v[i].omitted &&
                                      (!json_is_number(want) || json_number_value(want) == v[i].v);

        if (!ok)
            return arena_printf(&c->a, "value %zu differs", i);
    }
    return (struct str){0};
}

void series_row(struct corpus *c, const json_t *row)
{
    struct str input = row_input(c, row), why, want = json_text(row, "errMsg");
    bool fail = json_is_true(json_object_get(row, "fail"));
    struct promql_series_value *v;
    struct labels ls;
    struct fault f = {0};
    size_t n;
    int rc = promql_parse_series(&c->a, input, &ls, &v, &n, &f);

    why = rc < 0 ? str_of(f.text) : fail ? STR("was accepted") : compare_values(c, row, v, n);
    if (!fail && why.n == 0 && json_object_get(row, "labels") != NULL)
        why = compare_labels(c, json_object_get(row, "labels"), ls);
    check_row(c, "series", input, fail ? STR("no") : STR("yes"), fail ? rc < 0 : why.n == 0, why);
    if (fail && rc < 0 && want.p != NULL)
        check_error(c, input, want, str_of(f.text));
}
