/*
 * parser.h - what the files of the parser share.
 *
 * The parser is recursive descent with operator precedences. It stops at the first mistake:
 * p->failed is set, the fault is filled in, and every function gives up; what is returned then is
 * not used. Tokens are read one ahead and only where Prometheus' LALR parser reads one, because a
 * mistake of the lexer found early hides one of the grammar found later.
 */
#ifndef FERULA_PROMQL_PARSER_H
#define FERULA_PROMQL_PARSER_H

#include "ferula/promql.h"
#include "lex.h"

#define PROMQL_MAX_TEXT_BYTES (1 << 20)
/* Each takes milliseconds to compile when it is built to. */
#define PROMQL_MAX_REGEXES 1000

/* Appended to "unexpected X": " in <where>, expected <what>". */
struct expectation {
    const char *where, *what; /* NULL: not said */
};

struct parser {
    struct arena *a;
    struct lexer lx;
    struct promql_features features;
    struct lex_item tok; /* the token read ahead, when have_tok */
    bool have_tok, failed;
    size_t last_closing; /* end of the last token read that can end a selector or a call */
    const struct expectation *expect; /* of the innermost rule that has a message of its own */
    unsigned depth;                   /* of the recursion */
    unsigned n_regexes;
    struct fault *f;
    int rc; /* when failed */
};

void promql__parser_init(struct parser *p, struct arena *a, struct str text, struct fault *f);

/* ---- tokens */
enum tok promql__peek(struct parser *p);
struct lex_item promql__take(struct parser *p); /* the token that peek saw, or the next one */
bool promql__take_if(struct parser *p, enum tok type);
/* Takes a token of `type`, or fails as unexpected. */
bool promql__need(struct parser *p, enum tok type);

/* ---- failing; later failures than the first are dropped */
__attribute__((format(printf, 3, 4))) void promql__fail(struct parser *p, size_t at,
                                                        const char *fmt, ...);
/* The same with FER_ELIMIT. */
__attribute__((format(printf, 3, 4))) void promql__fail_limit(struct parser *p, size_t at,
                                                              const char *fmt, ...);
void promql__unexpected(struct parser *p); /* the token that peek sees */
void promql__unexpected_in(struct parser *p, const struct expectation *expect);
/* Counts the recursion; false (and failed) when it is too deep. Leave after every enter. */
bool promql__enter(struct parser *p, size_t at);
void promql__leave(struct parser *p);

/* ---- nodes */
struct promql_expr *promql__node(struct parser *p, enum promql_kind kind, enum promql_type type,
                                 size_t start, size_t end);
/* `e` got the child `child`. */
void promql__adopt(struct parser *p, struct promql_expr *e, const struct promql_expr *child);

/* ---- rules, a file or part of one each */
struct promql_expr *promql__expr(struct parser *p);
struct promql_expr *promql__number_node(struct parser *p); /* a NUMBER or DURATION that peek sees */
double promql__number(struct parser *p);                   /* its value */
struct str promql__unquote(struct arena *a, struct str quoted);
/* Behind `name`, or at a brace when name is NULL. */
struct promql_expr *promql__selector(struct parser *p, const struct lex_item *name);
bool promql__starts_selector(enum tok t);
bool promql__starts_expr(enum tok t);
struct promql_expr *promql__range_duration(struct parser *p); /* more than 0 */
struct promql_expr *promql__offset_duration(struct parser *p);
size_t promql__grouping(struct parser *p, const struct str **out); /* (a, b): how many */
const struct promql_matching *promql__matching(struct parser *p, bool *return_bool);
struct promql_expr *promql__postfix(struct parser *p, struct promql_expr *e);
struct promql_expr *promql__aggregate(struct parser *p, const struct lex_item *op);
struct promql_expr *promql__call(struct parser *p, const struct lex_item *name);

/* {{...}}; `has_hint`: its hint is written. */
const struct histogram *promql__histogram(struct parser *p, bool *has_hint);
/* N of xN, or another whole number in a series description. */
uint64_t promql__repetitions(struct parser *p, const struct expectation *expect);

/* FER_EINVAL with the first type error in *f. */
int promql__check_types(struct str text, const struct promql_expr *e, struct fault *f);

/* "1:5: parse error: ..." into *f; `code` is returned. */
__attribute__((format(printf, 5, 6))) int
promql__parse_fault(struct fault *f, int code, struct str text, size_t at, const char *fmt, ...);

/* Seconds as milliseconds, the way of Go's time.Duration: rounded to ns, then cut to ms. */
dur_ms promql__ms_of_seconds(double seconds);

#endif
