/*
 * lint.h - findings of `ferula lint` in the forms that people and programs want.
 */
#ifndef FERULA_CLI_LINT_H
#define FERULA_CLI_LINT_H

#include "ferula/autoscale.h"
#include "ferula/base/buf.h"

/* FILE:LINE:COLUMN: severity: FER001: text, and the fix below. */
void cli__lint_text(struct buf *out, const struct lint_report *r, size_t n_objects);
void cli__lint_json(struct buf *out, const struct lint_report *r, size_t n_objects);
/* SARIF 2.1.0, as code scanning takes it. */
void cli__lint_sarif(struct buf *out, const struct lint_report *r, size_t n_objects);
/* Workflow commands of GitHub Actions: annotations on the lines. */
void cli__lint_github(struct buf *out, const struct lint_report *r, size_t n_objects);

/* docs/lint.md */
void cli__lint_markdown(struct buf *out);

#endif
