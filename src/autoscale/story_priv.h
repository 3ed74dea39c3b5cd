/*
 * story_priv.h - a test file in memory; story_read.c fills it in, story_run.c and story_promql.c
 * run it.
 */
#ifndef FERULA_AUTOSCALE_STORY_PRIV_H
#define FERULA_AUTOSCALE_STORY_PRIV_H

#include "ferula/autoscale/story.h"

/* ---- what is asked of replicas ---------------------------------------------------------- */

enum story_var {
    VAR_REPLICAS,
    VAR_READY,
    VAR_DESIRED,
    VAR_PROPOSAL,
    VAR_METRIC,
    VAR_ACTIVE,
    VAR_FALLBACK,
    N_VARS
};

enum story_op { OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT };

/* `replicas > 5` */
struct story_cond {
    enum story_var var;
    enum story_op op;
    double number;
    struct text_at text; /* of the number, as written: what --update replaces */
};

bool story__cond_parse(struct str text, struct story_cond *out);
void story__cond_print(struct buf *b, const struct story_cond *c);
const char *story__var_name(enum story_var v);
/* False: the event has no such value. */
bool story__var_value(const struct sim_event *e, enum story_var v, double *out);
bool story__compare(double value, const struct story_cond *c);

#define STORY_CONDITIONS                                                                           \
    "Ready, Active, Fallback, Paused, HPAActive, AbleToScale, ScalingActive and ScalingLimited"

bool story__is_condition(struct str type);
const struct condition *story__condition(const struct sim_event *e, struct str type);

enum claim_kind { CLAIM_AT, CLAIM_WITHIN, CLAIM_ALWAYS, CLAIM_NEVER, CLAIM_REASON, CLAIM_STATUS };

#define CLAIM_NO_TIME INT64_MIN

/* One thing that has to be true; times are after the start, [from, to] with both ends. */
struct claim {
    enum claim_kind kind;
    struct place at;
    struct story_cond cond;
    dur_ms from, to;   /* CLAIM_NO_TIME: the beginning, the end; `from` alone counts for CLAIM_AT */
    struct str reason; /* CLAIM_REASON; and of CLAIM_STATUS, when p is not NULL */
    struct str type;   /* CLAIM_STATUS: "Ready" */
    enum condition_status status;
};

/* The ScaledObject of that name, or each one, is another one from `t` after the start on. */
struct story_change {
    dur_ms t;
    struct text_at object;                 /* p == NULL: each */
    const struct tree *annotations, *spec; /* NULL: nothing of it */
    const struct tree *tree;
};

/* An item of autoscale_test. */
struct story_check {
    struct place at;
    const struct scaled_object *object; /* NULL: there is none of the name */
    const struct sim_change *changes;   /* of it; times after the start */
    size_t n_changes;
    struct fault_span *faults; /* of this one, beside the test's; times after the start */
    size_t n_faults;
    struct claim *claims;
    size_t n_claims, cap_claims;
};

/* ---- promtool's half -------------------------------------------------------------------- */

struct story_series {
    struct text_at series, values;
};

struct story_sample {
    struct text_at labels, histogram;
    double value;
};

struct story_expr {
    struct text_at expr;
    dur_ms eval_time;
    struct story_sample *samples;
    size_t n_samples;
};

struct story_numbers {
    struct text_at trigger; /* its name, or its place from 0 on */
    struct load_point *v;   /* times after the start */
    size_t n;
};

struct story_test {
    struct text_at name;
    struct place at;
    dur_ms interval;
    ts_ms start;
    struct story_series *series;
    size_t n_series;
    struct story_expr *exprs;
    size_t n_exprs;

    /* autoscale */
    int64_t replicas;
    dur_ms created; /* when the ScaledObject is, after the start */
    dur_ms length;  /* from the start; 0: as long as anything is said about */
    dur_ms sync_period, ready_after;
    struct autoscale_versions versions;
    struct app_model app;
    struct story_numbers *numbers;
    size_t n_numbers;
    struct fault_span *faults;
    size_t n_faults;
    struct story_change *changes;
    size_t n_changes;
    struct story_check *checks;
    size_t n_checks;
};

struct story_file {
    const char *path;
    dur_ms evaluation_interval;
    bool fuzzy_compare;
    struct manifests manifests;
    struct story_test *tests;
    size_t n_tests;
};

/* One run of a test. */
struct running {
    const struct story_file *sf;
    const struct story_test *t;
    struct arena *a;
    struct story_result *out;
    struct source *series;
    dur_ms length;
    struct fault *f;
};

/* Notes a failure when the claim is not true of the simulation. */
void story__claim(const struct running *r, const struct story_sim *sim, const struct claim *c);

/* Adds a failure, with the place of what failed. */
struct story_failure *story__fail(struct arena *a, struct story_result *out, struct place at);

/* The series of a test as a source. FER_EINVAL: a line that is none, with its place. */
int story__series(const struct story_test *t, struct arena *a, struct mem_source **out,
                  dur_ms *length, struct fault *f);
/* Runs promql_expr_test. */
void story__exprs(const struct story_file *sf, const struct story_test *t, struct source *src,
                  struct arena *a, struct story_result *out);

#endif
