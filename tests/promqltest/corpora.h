/*
 * corpora.h - what the files with cases of the parser share.
 */
#ifndef PROMQLTEST_CORPORA_H
#define PROMQLTEST_CORPORA_H

#include "runner.h"

struct corpus {
    struct runner *r;
    struct tally tally, errors; /* errors: texts of the first error of what is refused */
    struct arena a;             /* of one row */
};

struct str row_input(struct corpus *c, const json_t *row);

/* `kind`, `input` and `want` name the check; `why` is what to print when it fails. */
void check_row(struct corpus *c, const char *kind, struct str input, struct str want, bool ok,
               struct str why);
void check_error(struct corpus *c, struct str input, struct str want, struct str got);

void lexer_row(struct corpus *c, const json_t *row);
void series_row(struct corpus *c, const json_t *row);

#endif
