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
#include "ferula/base/json.h"
#include "timeline.h"

struct simulate_flags {
    bool help, ramp;
    struct config_list data, headers, faults, numbers;
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
    struct simulate *run;
    struct sim_trace trace; /* without events */
    struct picture_tally tally;
    struct timeline_last last[3];
    struct buf rows; /* lines of the timeline; owned */
};

/* What a trigger is worth over time. */
struct trigger_numbers {
    struct str trigger; /* its name, or its place from 0 on */
    struct load_point *v;
    size_t n;
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
    const char *stream;           /* a long file that is read while time goes on; NULL: none */
    bool windowed;                /* a long recording: it is copied while time goes on */
    struct app_model app;
    struct fault_span *faults;
    size_t n_faults;
    struct trigger_numbers *numbers; /* as many as flags->numbers */
    ts_ms start, end;
    struct buf out; /* on its way to stdout */
    struct json json;
};

/* simulate_setup.c: from flags to everything but variants. An exit code; what is wrong was told. */
int cli__simulate_setup(struct simulate *s);
/* What --number says of w->object's triggers. */
void cli__simulate_numbers(struct simulate *s, struct world_setup *w);
/* simulate_sweep.c: a variant for each object and each value that is swept. */
int cli__simulate_variants(struct simulate *s);

/* simulate_print.c */

/* What one form of output says, in this order, to s->out. */
struct simulate_form {
    void (*begin)(struct simulate *s);
    void (*variant)(struct simulate *s, struct variant *v);
    void (*event)(struct simulate *s, struct variant *v, const struct sim_event *e);
    void (*variant_end)(struct simulate *s, struct variant *v);
    void (*end)(struct simulate *s);
};

const struct simulate_form *cli__simulate_form(const struct simulate *s);

#endif
