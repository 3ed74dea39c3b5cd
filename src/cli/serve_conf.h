/*
 * serve_conf.h - what `ferula serve` was asked to do: flags read, checked and made ready to use.
 */
#ifndef FERULA_SERVE_CONF_H
#define FERULA_SERVE_CONF_H

#include "cli_priv.h"
#include "ferula/api.h"
#include "ferula/base/clock.h"
#include "ferula/base/log.h"
#include "ferula/promql.h"

#define SERVE_DATA_DIR "data/" /* when --storage.tsdb.path is not given */

enum {
#define FLAG(...)    +1
#define IGNORED(...) +1
#define REFUSED(...) +1
    SERVE_N_FLAGS = 0
#include "serve_flags.tbl.h"
#undef FLAG
#undef IGNORED
#undef REFUSED
};

struct serve_conf {
    /* One member a row of serve_flags.tbl.h that does something. */
    bool help, version, remote_write, otlp, aliases, memory, admin;
    const char *listen, *route_prefix, *external_url, *cors_origin, *data_dir;
    const char *log_level, *log_format;
    dur_ms read_timeout, lookback, query_timeout, retention, ooo_window;
    size_t max_connections, max_concurrency, max_samples;
    size_t max_exemplars, max_polls, read_sample_limit, max_reads, read_frame_bytes;
    size_t max_labels, max_name_bytes, max_value_bytes, max_request_bytes, map_bytes,
        retention_bytes;
    struct config_list features, messages;

    bool ignored[SERVE_N_FLAGS]; /* rows of Prometheus' flags that were given in vain */
    char *prefix;                /* owned; "" or "/prefix" */
    struct promql_features promql;
    /* By --enable-feature. */
    bool delayed_name_removal, use_start_timestamps; /* in queries */
    bool per_step_stats;                             /* stats=all of a query has them */
    bool type_and_unit_labels; /* __type__ and __unit__ of written series; rate() looks at them */
    bool st_storage;           /* start timestamps of written samples are stored */
    bool refuse_v1, refuse_v2; /* messages of remote write */

    struct api_flag shown[SERVE_N_FLAGS]; /* for status/flags; values are in shown_text */
    size_t n_shown;
    char *shown_text; /* owned */
};

/* Reads and checks. Sets up the log, and logs what was given in vain. As cli__parse(). */
bool cli__serve_conf_init(struct serve_conf *c, const struct cli__command *cmd, int argc,
                          char **argv, int *exit_code);
void cli__serve_conf_release(struct serve_conf *c);

extern const struct config_flag cli__serve_flags[SERVE_N_FLAGS];

#endif
