/*
 * lex.h - PromQL text to tokens. Which characters are legal depends on what is open (braces,
 * brackets, a series' values), so the lexer is a state machine that keeps that in mind, as
 * Prometheus' does: which of two mistakes a user is told about depends on it.
 */
#ifndef FERULA_PROMQL_LEX_H
#define FERULA_PROMQL_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/str.h"

enum tok {
#define T(id, text, kind) TOK_##id,
#include "tokens.tbl.h"
#undef T
    N_TOKS,
    TOK_FIRST_HIST_KEY = TOK_SUM_DESC /* from here on: words that mean something in {{ }} only */
};

enum tok_kind {
    TOK_KIND_PLAIN,
    TOK_KIND_OPERATOR,
    TOK_KIND_AGGREGATOR,
    TOK_KIND_KEYWORD,
    TOK_KIND_NAME,
    TOK_KIND_HIST_KEY, /* words in {{ }} only, each in its place */
    TOK_KIND_HIST_HINT
};

struct tok_info {
    const char *text; /* NULL: none of its own */
    enum tok_kind kind;
};

extern const struct tok_info promql__toks[N_TOKS];

struct lex_item {
    enum tok type;
    size_t pos;     /* byte offset of the first byte */
    struct str val; /* as written; the message for TOK_ERROR */
};

enum lex_state {
    LEX_STATEMENTS,
    LEX_BRACES,
    LEX_DURATION_EXPR,
    LEX_STRING,
    LEX_RAW_STRING,
    LEX_SERIES_VALUES,
    LEX_HISTOGRAM,
    LEX_BUCKETS,
    LEX_BUCKET_NUMBER,
    LEX_END,
};

struct lexer {
    struct arena *a; /* for messages */
    struct str in;
    enum lex_state state;
    size_t pos, start, width; /* next byte; first byte of the item; bytes of the last rune */
    struct lex_item item;
    bool scanned;
    int paren_depth;
    bool brace_open, bracket_open, got_colon, got_duration;
    int32_t quote; /* that opened the string being read */
    bool series;   /* a series description: see promql_parse_series() */
};

void promql__lex_init(struct lexer *lx, struct arena *a, struct str text);

/*
 * The next token, comments too. After the end: TOK_EOF for ever; after an error also, but the rest
 * of a string with a bad escape sequence.
 */
void promql__lex_next(struct lexer *lx, struct lex_item *out);

/* How messages name the item: `identifier "x"`, `<op:+>`, `end of input` ... */
struct str promql__lex_describe(struct arena *a, const struct lex_item *item);

/* Go's %q of a text. */
struct str promql__quoted(struct arena *a, struct str s);

#endif
