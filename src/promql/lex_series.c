/*
 * lex_series.c - the tokens of a series description after its labels: values, and the native
 * histograms among them.
 */
#include "lex_scan.h"

#include "ferula/base/check.h"

static enum lex_state scan_value(struct lexer *lx, enum lex_state then)
{
    if (!promql__scan_number(lx))
        return promql__lex_fail(lx, "bad number syntax: " STR_FMT,
                                STR_ARG(promql__quoted(lx->a, pending(lx))));
    emit(lx, TOK_NUMBER);
    return then;
}

/* Blanks separate the items, and count. */
enum lex_state promql__lex_series_values(struct lexer *lx)
{
    int32_t r = next(lx);

    if (r == RUNE_EOF)
        return LEX_STATEMENTS;
    if (is_space(r)) {
        emit(lx, TOK_SPACE);
        return skip_spaces(lx, LEX_SERIES_VALUES);
    }
    if (r == '{' && peek(lx) == '{') {
        (void)next(lx);
        emit(lx, TOK_OPEN_HIST);
        return LEX_HISTOGRAM;
    }
    if (is_any(r, "+-x_")) {
        emit(lx, r == 'x' ? TOK_TIMES : r == '_' ? TOK_BLANK : r == '+' ? TOK_ADD : TOK_SUB);
        return LEX_SERIES_VALUES;
    }
    if (is_digit(r) || (r == '.' && is_digit(peek(lx)))) {
        lx->pos = lx->start;
        return scan_value(lx, LEX_SERIES_VALUES);
    }
    if (is_alpha(r)) {
        backup(lx);
        return promql__lex_word(lx);
    }
    return promql__lex_fail(lx, "unexpected character in series sequence: %s",
                            promql__quoted_rune(lx, r));
}

/* The token of `kind` that is written so; N_TOKS when there is none. */
static enum tok find_word(struct str word, enum tok_kind kind)
{
    enum tok t = 0;

    while (t < N_TOKS &&
           !(promql__toks[t].kind == kind && str_eq_nocase(word, str_of(promql__toks[t].text))))
        t++;
    return t;
}

/* A key, which has a colon behind it; or a value in words. */
static enum lex_state histogram_word(struct lexer *lx)
{
    struct str word;
    enum tok t;

    while (is_alpha(next(lx)))
        ;
    backup(lx);
    word = pending(lx);
    t = find_word(word, TOK_KIND_HIST_KEY);
    if (t < N_TOKS && peek(lx) != ':')
        return promql__lex_fail(lx, "missing `:` for histogram descriptor");
    if (t == N_TOKS)
        t = promql__keyword(word) == TOK_NUMBER ? TOK_NUMBER : find_word(word, TOK_KIND_HIST_HINT);
    if (t == N_TOKS)
        return promql__lex_fail(lx, "bad histogram descriptor found: " STR_FMT,
                                STR_ARG(promql__quoted(lx->a, word)));
    emit(lx, t);
    return LEX_HISTOGRAM;
}

/* Between {{ and }}. */
enum lex_state promql__lex_histogram(struct lexer *lx)
{
    int32_t r = next(lx);

    if (is_space(r)) {
        emit(lx, TOK_SPACE);
        return skip_spaces(lx, LEX_HISTOGRAM);
    }
    if (is_alpha(r)) {
        backup(lx);
        return histogram_word(lx);
    }
    if (is_digit(r)) {
        backup(lx);
        return scan_value(lx, LEX_HISTOGRAM);
    }
    if (r == ':' || r == '-') {
        emit(lx, r == ':' ? TOK_COLON : TOK_SUB);
        return LEX_HISTOGRAM;
    }
    if (r == '[') {
        emit(lx, TOK_LEFT_BRACKET);
        return LEX_BUCKETS;
    }
    if (r == '}' && peek(lx) == '}') {
        (void)next(lx);
        emit(lx, TOK_CLOSE_HIST);
        return LEX_SERIES_VALUES;
    }
    return promql__lex_fail(lx, "histogram description incomplete unexpected: %s",
                            promql__quoted_rune(lx, r));
}

/* Between [ and ]. Letters that do not end in Inf or NaN stick to what follows. */
enum lex_state promql__lex_buckets(struct lexer *lx)
{
    int32_t r = next(lx);

    if (is_space(r)) {
        emit(lx, TOK_SPACE);
        return skip_spaces(lx, LEX_BUCKETS);
    }
    if (r == '-') {
        emit(lx, TOK_SUB);
        return LEX_BUCKET_NUMBER;
    }
    if (is_digit(r)) {
        backup(lx);
        return LEX_BUCKET_NUMBER;
    }
    if (r == ']') {
        emit(lx, TOK_RIGHT_BRACKET);
        return LEX_HISTOGRAM;
    }
    if (!is_alpha(r))
        return promql__lex_fail(lx, "invalid character in buckets description: %s",
                                promql__quoted_rune(lx, r));
    if (promql__keyword(pending(lx)) == TOK_NUMBER)
        emit(lx, TOK_NUMBER);
    return LEX_BUCKETS;
}

enum lex_state promql__lex_bucket_number(struct lexer *lx)
{
    return scan_value(lx, LEX_BUCKETS);
}
