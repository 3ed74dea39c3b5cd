/*
 * features.c - /api/v1/features: what this server can do, by Prometheus' names.
 */
#include "handlers.h"

#include "ferula/base/check.h"

struct feature {
    const char *name;
    bool on;
};

static void write_features(struct json *j, const char *category, const struct feature *v, size_t n)
{
    json_key(j, category);
    json_object_begin(j);
    for (size_t i = 0; i < n; i++) {
        json_key(j, v[i].name);
        json_bool(j, v[i].on);
    }
    json_object_end(j);
}

static void write_api(struct json *j, const struct api *api)
{
    const struct feature v[] = {
        {"admin",                 false                 },
        {"label_values_match",    true                  },
        {"lifecycle",             false                 },
        {"otlp_write_receiver",   api->opts.otlp        },
        {"query_stats",           true                  },
        {"query_warnings",        true                  },
        {"remote_write_receiver", api->opts.remote_write},
        {"search",                false                 },
        {"time_range_labels",     true                  },
        {"time_range_series",     true                  },
    };

    write_features(j, "api", v, COUNT(v));
}

/* Keywords of the language, and what the engine may do. */
static void write_promql(struct json *j, const struct api *api)
{
    const struct promql_features *f = &api->opts.features;
    const struct feature v[] = {
        {"anchored",                 f->extended_ranges            },
        {"at_modifier",              true                          },
        {"bool",                     true                          },
        {"by",                       true                          },
        {"delayed_name_removal",     api->opts.delayed_name_removal},
        {"duration_expr",            f->duration_expressions       },
        {"fill",                     f->fill_modifiers             },
        {"fill_left",                f->fill_modifiers             },
        {"fill_right",               f->fill_modifiers             },
        {"group_left",               true                          },
        {"group_right",              true                          },
        {"ignoring",                 true                          },
        {"negative_offset",          true                          },
        {"offset",                   true                          },
        {"on",                       true                          },
        {"per_query_lookback_delta", true                          },
        {"per_step_stats",           api->opts.per_step_stats      },
        {"smoothed",                 f->extended_ranges            },
        {"subqueries",               true                          },
        {"type_and_unit_labels",     api->opts.type_and_unit_labels},
        {"without",                  true                          },
    };

    write_features(j, "promql", v, COUNT(v));
}

static void write_functions(struct json *j, bool experimental)
{
    json_key(j, "promql_functions");
    json_object_begin(j);
    for (size_t i = 0; i < N_PROMQL_FUNCS; i++) {
        json_key(j, promql_funcs[i].name);
        json_bool(j, !promql_funcs[i].experimental || experimental);
    }
    json_object_end(j);
}

/* Aggregations are among them. */
static void write_operators(struct json *j, bool experimental)
{
    static const char *const others[] = {"!~", "=~", "@"};

    json_key(j, "promql_operators");
    json_object_begin(j);
    for (size_t i = 0; i < COUNT(others); i++) {
        json_key(j, others[i]);
        json_bool(j, true);
    }
    for (int op = 0; op < N_PROMQL_OPS; op++) {
        json_key(j, promql_op_text((enum promql_op)op));
        json_bool(j, true);
    }
    for (int agg = 0; agg < N_PROMQL_AGGS; agg++) {
        json_key(j, promql_agg_text((enum promql_agg)agg));
        json_bool(j, experimental || (agg != PROMQL_LIMITK && agg != PROMQL_LIMIT_RATIO));
    }
    json_object_end(j);
}

int api__features(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    bool experimental = api->opts.features.experimental_functions;
    struct json j;

    api__ok_begin(req, &j);
    json_object_begin(&j);
    write_api(&j, api);
    write_promql(&j, api);
    write_functions(&j, experimental);
    write_operators(&j, experimental);
    json_object_end(&j);
    return api__ok_end(&j, NULL);
}
