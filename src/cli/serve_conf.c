/*
 * serve_conf.c - the flags of `ferula serve`: read, checked and made ready to use.
 */
#include "serve_conf.h"

#include <stdlib.h>
#include <string.h>

#include "ferula/base/arena.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/str.h"
#include "ferula/model/regex.h"

const struct config_flag cli__serve_flags[] = {
#define FLAG(kind_, member, ...) {.kind = CONFIG_##kind_, __VA_ARGS__},
#define IGNORED(...)             {.kind = CONFIG_IGNORED, __VA_ARGS__},
#define REFUSED(...)             {.kind = CONFIG_REFUSED, __VA_ARGS__},
#include "serve_flags.tbl.h"
#undef FLAG
#undef IGNORED
#undef REFUSED
};

/* Where a row's value goes in struct serve_conf; NOWHERE for rows of flags that ferula lacks. */
#define NOWHERE SIZE_MAX

static const size_t offsets[] = {
#define FLAG(kind_, member, ...) offsetof(struct serve_conf, member),
#define IGNORED(...)             NOWHERE,
#define REFUSED(...)             NOWHERE,
#include "serve_flags.tbl.h"
#undef FLAG
#undef IGNORED
#undef REFUSED
};

static void *target_of(struct serve_conf *c, size_t i)
{
    if (offsets[i] != NOWHERE)
        return (char *)c + offsets[i];
    return cli__serve_flags[i].kind == CONFIG_IGNORED ? &c->ignored[i] : NULL;
}

/* ---- features --------------------------------------------------------------------------- */

#define ALWAYS_ON                                                                                  \
    "This option for --enable-feature is now permanently enabled and therefore a no-op."
#define NOT_HERE "This option for --enable-feature changes nothing in ferula."

// clang-format off
#define SETS(member) offsetof(struct serve_conf, member)

/* Prometheus 3.14's names, and the member that one sets; for NOWHERE the text is a warning. */
static const struct feature {
    const char *name;
    size_t sets;
    const char *text;
} features[] = {
    {"promql-experimental-functions", SETS(promql.experimental_functions),
     "Experimental PromQL functions enabled."},
    {"promql-delayed-name-removal", SETS(delayed_name_removal),
     "Experimental PromQL delayed name removal enabled."},
    {"promql-extended-range-selectors", SETS(promql.extended_ranges),
     "Experimental PromQL extended range selectors enabled."},
    {"promql-binop-fill-modifiers", SETS(promql.fill_modifiers),
     "Experimental PromQL binary operator fill modifiers enabled."},
    {"use-start-timestamps", SETS(use_start_timestamps),
     "Experimental usage of start timestamps in PromQL engine is enabled."},
    {"promql-per-step-stats", SETS(per_step_stats),
     "Experimental per-step statistics reporting"},
    {"st-storage", SETS(st_storage), "Experimental start timestamp storage enabled."},
    {"type-and-unit-labels", SETS(type_and_unit_labels),
     "Experimental type and unit labels enabled"},
    {"promql-duration-expr", NOWHERE, ALWAYS_ON},
    {"native-histograms", NOWHERE, ALWAYS_ON},
    {"ooo-native-histograms", NOWHERE, ALWAYS_ON},
    {"auto-reload-config", NOWHERE, NOT_HERE},
    {"concurrent-rule-eval", NOWHERE, NOT_HERE},
    {"created-timestamp-zero-ingestion", NOWHERE, NOT_HERE},
    {"delayed-compaction", NOWHERE, NOT_HERE},
    {"exemplar-storage", NOWHERE, NOT_HERE},
    {"extra-scrape-metrics", NOWHERE, NOT_HERE},
    {"fast-startup", NOWHERE, NOT_HERE},
    {"histograms-st-encoding", NOWHERE, NOT_HERE},
    {"memory-snapshot-on-shutdown", NOWHERE, NOT_HERE},
    {"metadata-wal-records", NOWHERE, NOT_HERE},
    {"old-ui", NOWHERE, NOT_HERE},
    {"otlp-deltatocumulative", NOWHERE, NOT_HERE},
    {"otlp-native-delta-ingestion", NOWHERE, NOT_HERE},
    {"search-api", NOWHERE, NOT_HERE},
    {"st-synthesis", NOWHERE, NOT_HERE},
    {"use-uncached-io", NOWHERE, NOT_HERE},
    {"xor2-encoding", NOWHERE, NOT_HERE},
};
// clang-format on

static void enable_feature(struct serve_conf *c, struct str name)
{
    for (size_t i = 0; i < COUNT(features); i++) {
        if (!str_is(name, features[i].name))
            continue;
        if (features[i].sets == NOWHERE) {
            LOG_WARN(features[i].text, LOG_STR("option", name));
        } else {
            *(bool *)((char *)c + features[i].sets) = true;
            LOG_INFO(features[i].text);
        }
        return;
    }
    LOG_WARN("Unknown option for --enable-feature", LOG_STR("option", name));
}

static void enable_features(struct serve_conf *c)
{
    c->promql = (struct promql_features)PROMQL_FEATURES_DEFAULT;
    for (size_t i = 0; i < c->features.n; i++) {
        struct str rest = str_of(c->features.v[i]), name;

        while (str_split(&rest, ',', &name))
            if (name.n > 0)
                enable_feature(c, name);
    }
}

/* ---- checks beyond a single value ------------------------------------------------------- */

static bool check_cors(const struct serve_conf *c, struct fault *f)
{
    struct arena a = {0};
    struct regex *re;
    struct fault inner = {0};
    bool ok = regex_compile(&re, &a, str_of(c->cors_origin), &inner) == 0;

    if (!ok)
        (void)fault_set(f, FER_EINVAL, 0, "could not compile CORS regex string \"%s\": %.1500s",
                        c->cors_origin, inner.text);
    arena_release(&a);
    return ok;
}

/* The path of an http URL, from its slash; empty when it has none. False: not such a URL. */
static bool url_path(struct str url, struct str *path)
{
    size_t skip = str_starts(url, "http://") ? 7 : str_starts(url, "https://") ? 8 : 0;
    const char *slash;

    if (skip == 0 || url.n == skip || url.p[skip] == '/' || memchr(url.p, '?', url.n) != NULL ||
        memchr(url.p, '#', url.n) != NULL)
        return false;
    url = str_cut(url, skip);
    slash = memchr(url.p, '/', url.n);
    *path = slash == NULL ? (struct str){"", 0} : str_cut(url, (size_t)(slash - url.p));
    return true;
}

static bool set_prefix(struct serve_conf *c, struct fault *f)
{
    struct str path = {"", 0};
    struct buf b = {0};

    if (c->external_url != NULL && !url_path(str_of(c->external_url), &path)) {
        (void)fault_set(f, FER_EINVAL, 0,
                        "invalid value \"%s\" for flag '--web.external-url': expected a URL such "
                        "as http://host/path",
                        c->external_url);
        return false;
    }
    if (c->route_prefix != NULL)
        path = str_of(c->route_prefix);
    while (path.n > 0 && path.p[0] == '/')
        path = str_cut(path, 1);
    while (path.n > 0 && path.p[path.n - 1] == '/')
        path.n--;
    buf_puts(&b, path.n == 0 ? "" : "/");
    buf_add_str(&b, path);
    c->prefix = buf_take(&b);
    return true;
}

/* None given: both are accepted. */
static bool set_messages(struct serve_conf *c, struct fault *f)
{
    bool v1 = c->messages.n == 0, v2 = v1;

    for (size_t i = 0; i < c->messages.n; i++) {
        const char *name = c->messages.v[i];
        bool is_v1 = strcmp(name, "prometheus.WriteRequest") == 0;
        bool is_v2 = strcmp(name, "io.prometheus.write.v2.Request") == 0;

        if (!is_v1 && !is_v2) {
            (void)fault_set(f, FER_EINVAL, 0,
                            "unknown remote write protobuf message %s, supported: "
                            "prometheus.WriteRequest, io.prometheus.write.v2.Request",
                            name);
            return false;
        }
        v1 = v1 || is_v1;
        v2 = v2 || is_v2;
    }
    c->refuse_v1 = !v1;
    c->refuse_v2 = !v2;
    return true;
}

/* ---- status/flags ----------------------------------------------------------------------- */

/*
 * Every flag with its value, and those of Prometheus whose value is known (web.enable-admin-api is
 * false): clients read them.
 */
static void show_flags(struct serve_conf *c)
{
    size_t at[SERVE_N_FLAGS];
    struct buf b = {0};

    for (size_t i = 0; i < SERVE_N_FLAGS; i++) {
        const struct config_flag *flag = &cli__serve_flags[i];

        if (flag->kind == CONFIG_IGNORED || flag->kind == CONFIG_ACTION ||
            (flag->kind == CONFIG_REFUSED && flag->value == NULL))
            continue;
        at[c->n_shown] = b.n;
        c->shown[c->n_shown++].name = flag->name;
        if (flag->kind == CONFIG_REFUSED)
            buf_puts(&b, flag->value);
        else
            config_print_value(&b, flag, target_of(c, i));
        buf_putc(&b, '\0');
    }
    c->shown_text = buf_take(&b);
    for (size_t i = 0; i < c->n_shown; i++)
        c->shown[i].value = c->shown_text + at[i];
}

/* ---- all of it -------------------------------------------------------------------------- */

static void setup_log(const struct serve_conf *c)
{
    static const char *const levels[] = {[LOG_LEVEL_DEBUG] = "debug",
                                         [LOG_LEVEL_INFO] = "info",
                                         [LOG_LEVEL_WARN] = "warn",
                                         [LOG_LEVEL_ERROR] = "error"};
    enum log_level level = LOG_LEVEL_INFO;

    for (size_t i = 0; i < COUNT(levels); i++)
        if (strcmp(c->log_level, levels[i]) == 0)
            level = (enum log_level)i;
    log_setup(level, strcmp(c->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
}

static void log_ignored(const struct serve_conf *c)
{
    for (size_t i = 0; i < SERVE_N_FLAGS; i++)
        if (c->ignored[i])
            LOG_WARN("Flag has no effect in ferula", LOG_S("flag", cli__serve_flags[i].name),
                     LOG_S("reason", cli__serve_flags[i].help));
}

bool cli__serve_conf_init(struct serve_conf *c, const struct cli__command *cmd, int argc,
                          char **argv, int *exit_code)
{
    void *targets[SERVE_N_FLAGS];
    struct cli__words words = {.most = 0};
    struct fault f = {0};
    bool go_on;

    *c = (struct serve_conf){0};
    for (size_t i = 0; i < SERVE_N_FLAGS; i++)
        targets[i] = target_of(c, i);
    go_on = cli__parse(cmd, targets, true, argc, argv, &words, exit_code);
    config_list_release(&words.list);
    if (!go_on)
        return false;
    if (c->version) {
        struct buf b = {0};

        cli__print_version(&b);
        *exit_code = cli__print(&b);
        return false;
    }
    if (!check_cors(c, &f) || !set_prefix(c, &f) || !set_messages(c, &f)) {
        *exit_code = cli__usage_error(cmd, "%s", f.text);
        return false;
    }
    setup_log(c);
    log_ignored(c);
    enable_features(c);
    show_flags(c);
    return true;
}

void cli__serve_conf_release(struct serve_conf *c)
{
    config_list_release(&c->features);
    config_list_release(&c->messages);
    free(c->prefix);
    free(c->shown_text);
    *c = (struct serve_conf){0};
}
