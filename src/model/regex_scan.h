/*
 * regex_scan.h - the pieces of a pattern that have a syntax of their own. Each function takes one
 * off the front of `s`; false: malformed, and *e says how Go puts it.
 */
#ifndef FERULA_MODEL_REGEX_SCAN_PRIV_H
#define FERULA_MODEL_REGEX_SCAN_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/base/str.h"

struct model__scan_error {
    const char *what;
    struct str part;
};

bool model__scan_rune(struct str s, uint32_t *rune, struct str *rest, struct model__scan_error *e);

/* \n, \x{10FFFF}, \052, \. and so on: one code point. */
bool model__scan_escape(struct str s, uint32_t *rune, struct str *rest,
                        struct model__scan_error *e);

/* \d, \pL, \p{Greek}. False with e->what == NULL: not such an escape. */
bool model__scan_class_escape(struct str s, struct str *rest, struct model__scan_error *e);

/* [...] */
bool model__scan_class(struct str s, struct str *rest, struct model__scan_error *e);

/* The name at `name_at`; *head is all of "(?P<name>". */
bool model__scan_group_name(struct str s, size_t name_at, struct str *head, struct str *name,
                            struct model__scan_error *e);

/* (?flags) or, with *opens, (?flags: */
bool model__scan_flags(struct str s, struct str *rest, bool *opens, struct model__scan_error *e);

/*
 * {2}, {2,} (*most is -1), {2,3}. False: literal text. A number too large to be read makes *least
 * -1.
 */
bool model__scan_bounds(struct str s, int *least, int *most, struct str *rest);

#endif
