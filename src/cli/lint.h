/*
 * lint.h - findings of `ferula lint` in the forms that people and programs want.
 */
#ifndef FERULA_CLI_LINT_H
#define FERULA_CLI_LINT_H

#include "ferula/autoscale.h"
#include "ferula/base/buf.h"

struct cli__linted {
    size_t n_objects;
    bool incomplete; /* a file could not be read, and stderr has why */
};

/* FILE:LINE:COLUMN: severity: FER001: text, and the fix below. */
void cli__lint_text(struct buf *out, const struct lint_report *r, const struct cli__linted *of);
void cli__lint_json(struct buf *out, const struct lint_report *r, const struct cli__linted *of);
/* SARIF 2.1.0, as code scanning takes it. */
void cli__lint_sarif(struct buf *out, const struct lint_report *r, const struct cli__linted *of);
/* Workflow commands of GitHub Actions: annotations on the lines. */
void cli__lint_github(struct buf *out, const struct lint_report *r, const struct cli__linted *of);

/* docs/lint.md */
void cli__lint_markdown(struct buf *out);

#endif
