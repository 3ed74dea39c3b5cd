/*
 * lex.c - PromQL text to tokens, see lex.h.
 *
 * Each state reads one item, or blanks, and names the state to go on in.
 */
#include "lex_scan.h"

#include <ctype.h>
#include <stdio.h>

#include "ferula/base/check.h"

const struct tok_info promql__toks[N_TOKS] = {
#define T(id, text, kind) [TOK_##id] = {text, TOK_KIND_##kind},
#include "tokens.tbl.h"
#undef T
};

static void give_error(struct lexer *lx, const char *fmt, va_list ap)
{
    struct buf text = {0};

    buf_vaddf(&text, fmt, ap);
    lx->item = (struct lex_item){TOK_ERROR, lx->start, arena_str(lx->a, buf_str(&text))};
    lx->scanned = true;
    buf_release(&text);
}

enum lex_state promql__lex_fail(struct lexer *lx, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    give_error(lx, fmt, ap);
    va_end(ap);
    return LEX_END;
}

struct str promql__quoted(struct arena *a, struct str s)
{
    struct buf b = {0};
    struct str out;

    buf_add_go_quoted(&b, s);
    out = arena_str(a, buf_str(&b));
    buf_release(&b);
    return out;
}

const char *promql__quoted_rune(struct lexer *lx, int32_t rune)
{
    char utf8[4];
    struct str s;

    if (rune == RUNE_EOF || rune == RUNE_ERROR)
        return "'\xEF\xBF\xBD'";
    if (rune == '\'')
        return "'\\''";
    if (rune == '"')
        return "'\"'";
    s = promql__quoted(lx->a, (struct str){utf8, utf8_encode((uint32_t)rune, utf8)});
    return arena_printf(lx->a, "'%.*s'", (int)s.n - 2, s.p + 1).p;
}

/* Go's %#U: U+0041 'A'; no character when it cannot be printed. */
static const char *unicode_rune(struct lexer *lx, int32_t rune)
{
    const char *quoted = promql__quoted_rune(lx, rune);

    if (rune == RUNE_EOF)
        return "U+FFFFFFFFFFFFFFFF";
    if (quoted[1] == '\\' && rune != '\\' && rune != '\'')
        return arena_printf(lx->a, "U+%04X", (unsigned)rune).p;
    return arena_printf(lx->a, "U+%04X '%.*s'", (unsigned)rune, (int)lx->width,
                        lx->in.p + lx->pos - lx->width)
        .p;
}

/* ---- numbers, durations, words ---------------------------------------------------------- */

#define DIGITS     "0123456789"
#define HEX_DIGITS "0123456789abcdefABCDEF"

/* One of . e _ in a number, and what may not follow it. False: not a number. */
static bool scan_separator(struct lexer *lx, int32_t r, bool hex, bool *dot, bool *exponent)
{
    bool repeated = (r == '.' && *dot) || (r != '.' && r != '_' && *exponent);

    (void)next(lx);
    if (repeated)
        return false;
    if (r == '.') {
        *dot = true;
        return !accept(lx, "_.") && !hex;
    }
    if (r != '_') {
        *exponent = true;
        (void)accept(lx, "+-");
    }
    return !accept(lx, "._eE") && peek(lx) != RUNE_EOF;
}

bool promql__scan_number(struct lexer *lx)
{
    size_t first = lx->pos;
    const char *digits = DIGITS;
    bool dot = false, exponent = false;

    if (!lx->series && accept(lx, "0") && accept(lx, "xX")) {
        (void)accept(lx, "_");
        digits = HEX_DIGITS;
    }
    (void)accept(lx, ".");
    (void)accept(lx, digits);
    for (;;) {
        int32_t r = peek(lx);

        if (is_any(r, "._eE")) {
            if (!scan_separator(lx, r, digits[10] != '\0', &dot, &exponent))
                return false;
        } else if (is_any(r, digits)) {
            accept_run(lx, digits);
        } else {
            break;
        }
    }
    if (lx->pos == first)
        return false;
    return (lx->series && peek(lx) == 'x') || !is_word(peek(lx));
}

/* The rest of a duration, after its first digits. Wrong units are found when it is read. */
static bool scan_duration(struct lexer *lx)
{
    if (!accept(lx, "smhdwy"))
        return false;
    (void)accept(lx, "s");
    while (accept(lx, DIGITS)) {
        accept_run(lx, DIGITS);
        if (!accept(lx, "smhdw"))
            return false;
        (void)accept(lx, "s");
    }
    if (is_word(next(lx)))
        return false;
    backup(lx);
    return true;
}

static enum lex_state number_or_duration(struct lexer *lx)
{
    backup(lx);
    if (promql__scan_number(lx)) {
        emit(lx, TOK_NUMBER);
        return LEX_STATEMENTS;
    }
    if (scan_duration(lx)) {
        emit(lx, TOK_DURATION);
        return LEX_STATEMENTS;
    }
    return promql__lex_fail(lx, "bad number or duration syntax: " STR_FMT,
                            STR_ARG(promql__quoted(lx->a, pending(lx))));
}

enum tok promql__keyword(struct str word)
{
    for (enum tok t = 0; t < TOK_FIRST_HIST_KEY; t++) {
        if (promql__toks[t].text != NULL && isalpha((unsigned char)promql__toks[t].text[0]) &&
            str_eq_nocase(word, str_of(promql__toks[t].text)) && t != TOK_TIMES)
            return t;
    }
    if (str_eq_nocase(word, STR("inf")) || str_eq_nocase(word, STR("nan")))
        return TOK_NUMBER;
    return TOK_IDENTIFIER;
}

/* fill, fill_left and fill_right are ordinary names unless a parenthesis follows. */
static bool paren_follows(const struct lexer *lx)
{
    size_t i = lx->pos;

    while (i < lx->in.n && is_space(lx->in.p[i]))
        i++;
    return i < lx->in.n && lx->in.p[i] == '(';
}

enum lex_state promql__lex_word(struct lexer *lx)
{
    int32_t r;
    enum tok t;

    do
        r = next(lx);
    while (is_word(r) || r == ':');
    backup(lx);
    t = promql__keyword(pending(lx));
    if ((t == TOK_FILL || t == TOK_FILL_LEFT || t == TOK_FILL_RIGHT) && !paren_follows(lx))
        t = TOK_IDENTIFIER;
    else if (t == TOK_IDENTIFIER && memchr(lx->in.p + lx->start, ':', lx->pos - lx->start) != NULL)
        t = TOK_METRIC_IDENTIFIER;
    emit(lx, t);
    return lx->series && peek(lx) != '{' ? LEX_SERIES_VALUES : LEX_STATEMENTS;
}

/* step, range, max_of and min_of: the only words inside brackets. */
static bool scan_duration_keyword(struct lexer *lx)
{
    enum tok t;

    while (is_alpha(next(lx)))
        ;
    backup(lx);
    t = promql__keyword(pending(lx));
    if (t != TOK_STEP && t != TOK_RANGE && t != TOK_MAX_OF && t != TOK_MIN_OF)
        return false;
    emit(lx, t);
    return true;
}

static bool starts_duration_keyword(int32_t r)
{
    return is_any(r, "srmSRM");
}

/* ---- strings ---------------------------------------------------------------------------- */

static uint32_t digit_value(int32_t r)
{
    if (is_digit(r))
        return (uint32_t)(r - '0');
    if (r >= 'a' && r <= 'f')
        return (uint32_t)(r - 'a') + 10;
    if (r >= 'A' && r <= 'F')
        return (uint32_t)(r - 'A') + 10;
    return 16;
}

/* The rest of the string is read after it, for the one who wants to know where it ends. */
__attribute__((format(printf, 2, 3))) static enum lex_state bad_escape(struct lexer *lx,
                                                                       const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    give_error(lx, fmt, ap);
    va_end(ap);
    return LEX_STRING;
}

/* \ooo, \xhh, \uhhhh, \Uhhhhhhhh: `r` is the first digit. */
static enum lex_state escape_digits(struct lexer *lx, int32_t r, int n, uint32_t base)
{
    uint32_t limit = n <= 3 ? 255 : 0x10FFFF, v = 0;

    for (;;) {
        if (digit_value(r) >= base) {
            if (r == RUNE_EOF)
                return bad_escape(lx, "escape sequence not terminated");
            return bad_escape(lx, "illegal character %s in escape sequence", unicode_rune(lx, r));
        }
        v = v * base + digit_value(r);
        if (--n == 0)
            break;
        r = next(lx);
    }
    if (v > limit || (v >= 0xD800 && v < 0xE000))
        return bad_escape(lx, "escape sequence is an invalid Unicode code point");
    return LEX_STRING;
}

static enum lex_state escape(struct lexer *lx)
{
    int32_t r = next(lx);

    if (is_any(r, "abfnrtv\\") || r == lx->quote)
        return LEX_STRING;
    if (r >= '0' && r <= '7')
        return escape_digits(lx, r, 3, 8);
    switch (r) {
    case 'x':
        return escape_digits(lx, next(lx), 2, 16);
    case 'u':
        return escape_digits(lx, next(lx), 4, 16);
    case 'U':
        return escape_digits(lx, next(lx), 8, 16);
    case RUNE_EOF:
        return bad_escape(lx, "escape sequence not terminated");
    default:
        return bad_escape(lx, "unknown escape sequence %s", unicode_rune(lx, r));
    }
}

static enum lex_state string(struct lexer *lx)
{
    for (;;) {
        int32_t r = next(lx);

        if (r == '\\')
            return escape(lx);
        if (r == RUNE_ERROR)
            return promql__lex_fail(lx, "invalid UTF-8 rune");
        if (r == RUNE_EOF || r == '\n')
            return promql__lex_fail(lx, "unterminated quoted string");
        if (r == lx->quote) {
            emit(lx, TOK_STRING);
            return LEX_STATEMENTS;
        }
    }
}

static enum lex_state raw_string(struct lexer *lx)
{
    for (;;) {
        int32_t r = next(lx);

        if (r == RUNE_ERROR)
            return promql__lex_fail(lx, "invalid UTF-8 rune");
        if (r == RUNE_EOF)
            return promql__lex_fail(lx, "unterminated raw string");
        if (r == '`') {
            emit(lx, TOK_STRING);
            return LEX_STATEMENTS;
        }
    }
}

static enum lex_state open_string(struct lexer *lx, int32_t quote)
{
    lx->quote = quote;
    return quote == '`' ? LEX_RAW_STRING : LEX_STRING;
}

static enum lex_state comment(struct lexer *lx)
{
    int32_t r;

    do
        r = next(lx);
    while (r != '\r' && r != '\n' && r != RUNE_EOF);
    backup(lx);
    emit(lx, TOK_COMMENT);
    return LEX_STATEMENTS;
}

/* ---- the states ------------------------------------------------------------------------- */

static enum lex_state end_of_input(struct lexer *lx)
{
    if (lx->paren_depth != 0)
        return promql__lex_fail(lx, "unclosed left parenthesis");
    if (lx->bracket_open)
        return promql__lex_fail(lx, "unclosed left bracket");
    emit(lx, TOK_EOF);
    return LEX_END;
}

static enum lex_state right_paren(struct lexer *lx, enum lex_state then)
{
    emit(lx, TOK_RIGHT_PAREN);
    if (--lx->paren_depth < 0)
        return promql__lex_fail(lx, "unexpected right parenthesis ')'");
    return then;
}

static enum lex_state left_bracket(struct lexer *lx)
{
    if (lx->bracket_open)
        return promql__lex_fail(lx, "unexpected left bracket '['");
    lx->got_colon = false;
    emit(lx, TOK_LEFT_BRACKET);
    lx->bracket_open = true;
    return skip_spaces(lx, LEX_DURATION_EXPR);
}

/* = == < <= </ and their like. */
static enum lex_state comparison(struct lexer *lx, int32_t r)
{
    int32_t then = peek(lx);
    char two[3] = {(char)r, is_any(then, "=/") ? (char)then : '\0', '\0'};
    enum tok t;

    if (r == '=' && then == '~')
        return promql__lex_fail(lx, "unexpected character after '=': '~'");
    if (r == '!' && then != '=') {
        return promql__lex_fail(lx, "unexpected character after '!': %s",
                                promql__quoted_rune(lx, then));
    }
    if (two[1] == '/' && r == '=')
        two[1] = '\0';
    if (two[1] != '\0')
        (void)next(lx);
    for (t = 0; t < N_TOKS; t++) {
        if (promql__toks[t].text != NULL && strcmp(promql__toks[t].text, two) == 0)
            break;
    }
    CHECK(t < N_TOKS);
    emit(lx, t);
    return LEX_STATEMENTS;
}

static enum lex_state word_or_colon(struct lexer *lx, int32_t r)
{
    if (!lx->bracket_open) {
        backup(lx);
        return promql__lex_word(lx);
    }
    if (r == ':') {
        if (lx->got_colon)
            return promql__lex_fail(lx, "unexpected colon ':'");
        emit(lx, TOK_COLON);
        lx->got_colon = true;
        return LEX_STATEMENTS;
    }
    if (starts_duration_keyword(r) && scan_duration_keyword(lx))
        return LEX_STATEMENTS;
    return promql__lex_fail(lx, "unexpected character: %s, expected ':'",
                            promql__quoted_rune(lx, r));
}

/* Tokens of one character that mean the same everywhere. */
static enum tok single(int32_t r)
{
    static const struct {
        char c;
        enum tok t;
    } of[] = {
        {'*', TOK_MUL  },
        {'/', TOK_DIV  },
        {'%', TOK_MOD  },
        {'+', TOK_ADD  },
        {'-', TOK_SUB  },
        {'^', TOK_POW  },
        {',', TOK_COMMA},
    };

    for (size_t i = 0; i < COUNT(of); i++) {
        if (of[i].c == r)
            return of[i].t;
    }
    return TOK_ERROR;
}

static enum lex_state bracket_or_brace(struct lexer *lx, int32_t r)
{
    switch (r) {
    case '(':
        emit(lx, TOK_LEFT_PAREN);
        lx->paren_depth++;
        return LEX_STATEMENTS;
    case ')':
        return right_paren(lx, LEX_STATEMENTS);
    case '{':
        emit(lx, TOK_LEFT_BRACE);
        lx->brace_open = true;
        return LEX_BRACES;
    case '[':
        return left_bracket(lx);
    case ']':
        if (!lx->bracket_open)
            return promql__lex_fail(lx, "unexpected right bracket ']'");
        emit(lx, TOK_RIGHT_BRACKET);
        lx->bracket_open = false;
        return LEX_STATEMENTS;
    default:
        return promql__lex_fail(lx, "unexpected character: %s", promql__quoted_rune(lx, r));
    }
}

static enum lex_state statements(struct lexer *lx)
{
    int32_t r;

    if (lx->brace_open)
        return LEX_BRACES;
    r = next(lx);
    if (r == '#')
        return comment(lx);
    if (r == RUNE_EOF)
        return end_of_input(lx);
    if (is_space(r))
        return skip_spaces(lx, LEX_STATEMENTS);
    if (single(r) != TOK_ERROR) {
        emit(lx, single(r));
        return LEX_STATEMENTS;
    }
    if (r == '@') {
        emit(lx, TOK_AT);
        return LEX_STATEMENTS;
    }
    if (is_any(r, "=!<>"))
        return comparison(lx, r);
    if (is_digit(r) || (r == '.' && is_digit(peek(lx)))) {
        lx->width = 1;
        return number_or_duration(lx);
    }
    if (is_any(r, "\"'`"))
        return open_string(lx, r);
    if (is_alpha(r) || r == ':')
        return word_or_colon(lx, r);
    return bracket_or_brace(lx, r);
}

static enum lex_state brace_operator(struct lexer *lx, int32_t r)
{
    int32_t then = next(lx);

    if (r == '=') {
        if (then != '~')
            backup(lx);
        emit(lx, then == '~' ? TOK_EQL_REGEX : TOK_EQL);
        return LEX_BRACES;
    }
    if (then != '~' && then != '=') {
        return promql__lex_fail(lx, "unexpected character after '!' inside braces: %s",
                                promql__quoted_rune(lx, then));
    }
    emit(lx, then == '~' ? TOK_NEQ_REGEX : TOK_NEQ);
    return LEX_BRACES;
}

/* Inside { } no word is a keyword. */
static enum lex_state braces(struct lexer *lx)
{
    int32_t r = next(lx);

    if (r == '#')
        return comment(lx);
    if (is_space(r))
        return skip_spaces(lx, LEX_BRACES);
    if (is_any(r, "\"'`"))
        return open_string(lx, r);
    if (r == '=' || r == '!')
        return brace_operator(lx, r);
    if (is_alpha(r)) {
        while (is_word(next(lx)))
            ;
        backup(lx);
        emit(lx, TOK_IDENTIFIER);
        return LEX_BRACES;
    }
    switch (r) {
    case RUNE_EOF:
        return promql__lex_fail(lx, "unexpected end of input inside braces");
    case ',':
        emit(lx, TOK_COMMA);
        return LEX_BRACES;
    case '{':
        return promql__lex_fail(lx, "unexpected left brace '{'");
    case '}':
        emit(lx, TOK_RIGHT_BRACE);
        lx->brace_open = false;
        return lx->series ? LEX_SERIES_VALUES : LEX_STATEMENTS;
    default:
        return promql__lex_fail(lx, "unexpected character inside braces: %s",
                                promql__quoted_rune(lx, r));
    }
}

/* What stands after [ up to the first number; after that statements() goes on. */
static enum lex_state duration_expr(struct lexer *lx)
{
    int32_t r = next(lx);

    if (is_space(r))
        return skip_spaces(lx, LEX_DURATION_EXPR);
    if (single(r) != TOK_ERROR) {
        emit(lx, single(r));
        return LEX_DURATION_EXPR;
    }
    if (is_digit(r) || (r == '.' && is_digit(peek(lx)))) {
        lx->got_duration = true;
        lx->width = 1;
        return number_or_duration(lx);
    }
    if (starts_duration_keyword(r) && scan_duration_keyword(lx))
        return LEX_DURATION_EXPR;
    switch (r) {
    case RUNE_EOF:
        return promql__lex_fail(lx, "unexpected end of input in duration expression");
    case ']':
        emit(lx, TOK_RIGHT_BRACKET);
        lx->bracket_open = lx->got_colon = false;
        return LEX_STATEMENTS;
    case ':':
        emit(lx, TOK_COLON);
        if (!lx->got_duration)
            return promql__lex_fail(lx, "unexpected colon before duration in duration expression");
        if (lx->got_colon)
            return promql__lex_fail(lx, "unexpected repeated colon in duration expression");
        lx->got_colon = true;
        return LEX_DURATION_EXPR;
    case '(':
        emit(lx, TOK_LEFT_PAREN);
        lx->paren_depth++;
        return LEX_DURATION_EXPR;
    case ')':
        return right_paren(lx, LEX_DURATION_EXPR);
    default:
        return promql__lex_fail(lx, "unexpected character in duration expression: %s",
                                promql__quoted_rune(lx, r));
    }
}

static enum lex_state end(struct lexer *lx)
{
    emit(lx, TOK_EOF);
    return LEX_END;
}

static enum lex_state (*const states[])(struct lexer *lx) = {
    [LEX_STATEMENTS] = statements,
    [LEX_BRACES] = braces,
    [LEX_DURATION_EXPR] = duration_expr,
    [LEX_STRING] = string,
    [LEX_RAW_STRING] = raw_string,
    [LEX_SERIES_VALUES] = promql__lex_series_values,
    [LEX_HISTOGRAM] = promql__lex_histogram,
    [LEX_BUCKETS] = promql__lex_buckets,
    [LEX_BUCKET_NUMBER] = promql__lex_bucket_number,
    [LEX_END] = end,
};

void promql__lex_init(struct lexer *lx, struct arena *a, struct str text)
{
    *lx = (struct lexer){.a = a, .in = text, .state = LEX_STATEMENTS};
}

void promql__lex_next(struct lexer *lx, struct lex_item *out)
{
    lx->scanned = false;
    while (!lx->scanned)
        lx->state = states[lx->state](lx);
    *out = lx->item;
}

/* ---- naming items in messages ------------------------------------------------------------ */

/* A text longer than 10 bytes is cut to 10 characters. */
static struct str quoted_short(struct arena *a, struct str s)
{
    struct str cut = s, quoted;
    size_t n = 0;
    uint32_t rune;

    if (s.n <= 10)
        return promql__quoted(a, s);
    for (int i = 0; i < 10 && n < s.n; i++) {
        size_t width = utf8_decode(str_cut(s, n), &rune);

        n += width == 0 ? 1 : width;
    }
    cut.n = n;
    quoted = promql__quoted(a, cut);
    return arena_printf(a, STR_FMT "...", STR_ARG(quoted));
}

/* Prometheus has no names for the words of histograms, and gives the numbers of their tokens. */
static struct str describe_nameless(struct arena *a, const struct lex_item *item)
{
    enum { FIRST_KEY = 57370, FIRST_HINT = 57445 };
    int number = item->type < TOK_UNKNOWN_COUNTER_RESET
                     ? FIRST_KEY + (int)(item->type - TOK_FIRST_HIST_KEY)
                     : FIRST_HINT + (int)(item->type - TOK_UNKNOWN_COUNTER_RESET);

    return arena_printf(a, "\"<Item %d>\" " STR_FMT, number, STR_ARG(quoted_short(a, item->val)));
}

struct str promql__lex_describe(struct arena *a, const struct lex_item *item)
{
    static const char *const names[N_TOKS] = {
        [TOK_IDENTIFIER] = "identifier", [TOK_METRIC_IDENTIFIER] = "metric identifier",
        [TOK_STRING] = "string",         [TOK_NUMBER] = "number",
        [TOK_DURATION] = "duration",
    };
    static const char *const marks[] = {
        [TOK_KIND_OPERATOR] = "op:", [TOK_KIND_AGGREGATOR] = "aggr:", [TOK_KIND_KEYWORD] = ""};
    enum tok_kind kind = promql__toks[item->type].kind;
    struct str text;

    if (item->type == TOK_EOF)
        return STR("end of input");
    if (kind == TOK_KIND_HIST_KEY || kind == TOK_KIND_HIST_HINT)
        return describe_nameless(a, item);
    if (kind != TOK_KIND_PLAIN && kind != TOK_KIND_NAME)
        return arena_printf(a, "<%s" STR_FMT ">", marks[kind], STR_ARG(item->val));
    if (item->type == TOK_IDENTIFIER || item->type == TOK_METRIC_IDENTIFIER)
        text = promql__quoted(a, item->val);
    else
        text = quoted_short(a, item->val);
    if (names[item->type] == NULL)
        return text;
    return arena_printf(a, "%s " STR_FMT, names[item->type], STR_ARG(text));
}
