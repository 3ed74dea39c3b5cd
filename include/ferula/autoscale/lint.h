/*
 * lint.h - what is likely to go wrong with a ScaledObject, found without a cluster.
 *
 * A rule is a row of lint.tbl.h: id, severity, one line, and its help page.
 */
#ifndef FERULA_AUTOSCALE_LINT_H
#define FERULA_AUTOSCALE_LINT_H

#include "ferula/autoscale/manifest.h"
#include "ferula/autoscale/scaler.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

const char *severity_name(enum severity s); /* "note", "warning", "error" */

/* A rule; all texts are static. */
struct lint_rule {
    const char *id; /* "FER001" */
    enum severity severity;
    const char *title; /* one line */
    const char *what, *why, *example, *fix;
    const char *help; /* all of it, as a page */
};

struct lint_finding {
    const char *rule; /* "FER001" */
    enum severity severity;
    struct place at;
    struct str text; /* one sentence, with the numbers */
    struct str fix;  /* what to do; may be empty */
};

struct lint_opts {
    struct autoscale_versions versions;
    dur_ms scrape_interval;      /* 0: 15 s, KEDA on Azure Managed Prometheus: 30 s */
    bool azure;                  /* the query has to be legal for Azure Monitor */
    const char *const *disabled; /* ids */
    size_t n_disabled;
};

struct lint_report {
    struct lint_finding *v; /* by file and place */
    size_t n;
};

void lint_run(struct arena *a, const struct manifests *m, const struct complaints *c,
              const struct lint_opts *opts, struct lint_report *out);

/* The help page of a rule; NULL: there is none of that id. */
const char *lint_help(struct str rule);
/* NULL: there is none of that id, in upper or lower case. */
const struct lint_rule *lint_rule(struct str id);
/* All ids in order; *n of them. */
const char *const *lint_rules(size_t *n);

#endif
