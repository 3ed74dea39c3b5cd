/*
 * lex_scan.h - what the files of the lexer share: runes, items, and the states that are in another
 * file than the table of states.
 */
#ifndef FERULA_PROMQL_LEX_SCAN_H
#define FERULA_PROMQL_LEX_SCAN_H

#include "lex.h"

#define RUNE_EOF   (-1)
#define RUNE_ERROR 0xFFFD

/* ---- reading runes ---------------------------------------------------------------------- */

static inline int32_t next(struct lexer *lx)
{
    uint32_t rune;

    if (lx->pos >= lx->in.n) {
        lx->width = 0;
        return RUNE_EOF;
    }
    lx->width = utf8_decode(str_cut(lx->in, lx->pos), &rune);
    if (lx->width == 0) {
        lx->width = 1;
        rune = RUNE_ERROR;
    }
    lx->pos += lx->width;
    return (int32_t)rune;
}

/* Once after each next(). */
static inline void backup(struct lexer *lx)
{
    lx->pos -= lx->width;
}

static inline int32_t peek(struct lexer *lx)
{
    int32_t r = next(lx);

    backup(lx);
    return r;
}

static inline bool is_any(int32_t r, const char *of)
{
    return r > 0 && r < 128 && strchr(of, r) != NULL;
}

static inline bool accept(struct lexer *lx, const char *valid)
{
    if (is_any(next(lx), valid))
        return true;
    backup(lx);
    return false;
}

static inline void accept_run(struct lexer *lx, const char *valid)
{
    while (accept(lx, valid))
        ;
}

static inline bool is_space(int32_t r)
{
    return r == ' ' || r == '\t' || r == '\n' || r == '\r';
}

static inline bool is_digit(int32_t r)
{
    return r >= '0' && r <= '9';
}

static inline bool is_alpha(int32_t r)
{
    return r == '_' || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z');
}

static inline bool is_word(int32_t r)
{
    return is_alpha(r) || is_digit(r);
}

/* ---- giving items ----------------------------------------------------------------------- */

static inline struct str pending(const struct lexer *lx)
{
    return (struct str){lx->in.p + lx->start, lx->pos - lx->start};
}

static inline void emit(struct lexer *lx, enum tok type)
{
    lx->item = (struct lex_item){type, lx->start, pending(lx)};
    lx->start = lx->pos;
    lx->scanned = true;
}

static inline enum lex_state skip_spaces(struct lexer *lx, enum lex_state then)
{
    while (is_space(peek(lx)))
        (void)next(lx);
    lx->start = lx->pos;
    return then;
}

/* A TOK_ERROR item with that message. */
__attribute__((format(printf, 2, 3))) enum lex_state promql__lex_fail(struct lexer *lx,
                                                                      const char *fmt, ...);

/* Go's %q of a rune: as in a string, but between single quotes. */
const char *promql__quoted_rune(struct lexer *lx, int32_t rune);

/* Reads a number; not all that passes is one, the parser has the last word. */
bool promql__scan_number(struct lexer *lx);

/* TOK_IDENTIFIER when it is no keyword; in any case of letters. */
enum tok promql__keyword(struct str word);
enum lex_state promql__lex_word(struct lexer *lx);

/* ---- states of series descriptions (lex_series.c) --------------------------------------- */

enum lex_state promql__lex_series_values(struct lexer *lx);
enum lex_state promql__lex_histogram(struct lexer *lx);
enum lex_state promql__lex_buckets(struct lexer *lx);
enum lex_state promql__lex_bucket_number(struct lexer *lx);

#endif
