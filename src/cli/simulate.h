/*
 * simulate.h - one run of `ferula simulate`: what it is told, its variants, and how they are shown.
 */
#ifndef FERULA_CLI_SIMULATE_H
#define FERULA_CLI_SIMULATE_H

#include "cli_priv.h"
#include "explain_data.h"
#include "ferula/autoscale/picture.h"
#include "ferula/autoscale/sim.h"
#include "ferula/autoscale/world.h"

struct simulate_flags {
    bool help, ramp;
    struct config_list data, headers, faults;
    const char *series, *app, *metric, *offered_metric, *load, *start, *sweep, *svg, *format;
    const char *keda, *k8s;
    size_t replicas;
    dur_ms length, interval, timeout;
};

/* One ScaledObject to be simulated, and what came of it. */
struct variant {
    struct str name;
    const struct scaled_object *object;
    struct sim_setup setup;
    struct sim_trace trace;
    struct pod_world *world; /* owned */
    struct picture_summary summary;
};

struct simulate {
    const struct cli__command *cmd;
    const struct simulate_flags *flags;
    struct arena arena;
    struct manifests manifests;
    struct variant *variants; /* in the arena */
    size_t n_variants;
    struct autoscale_versions versions;
    struct data data;             /* as it was opened; data.source NULL: none was given */
    struct mem_source *recording; /* owned: what is asked of it, and of --series */
    struct app_model app;
    struct fault_span *faults;
    size_t n_faults;
    ts_ms start, end;
};

/* simulate_setup.c: from flags to everything but variants. An exit code; what is wrong was told. */
int cli__simulate_setup(struct simulate *s);
/* simulate_sweep.c: a variant for each object and each value that is swept. */
int cli__simulate_variants(struct simulate *s);

/* simulate_print.c */
void cli__simulate_text(struct buf *out, const struct simulate *s);
void cli__simulate_csv(struct buf *out, const struct simulate *s);
void cli__simulate_json(struct buf *out, const struct simulate *s);

/* What the pictures and figures are made of; in the arena. */
struct picture_run *cli__simulate_runs(struct simulate *s);

#endif
