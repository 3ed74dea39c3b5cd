/*
 * trigger.c - triggers' metadata: the prometheus one in full, of the others the target.
 *
 * Parameters are required, trimmed and parsed as in KEDA's pkg/scalers; an empty one is none.
 */
#include "autoscale_priv.h"

#include <math.h>
#include <stdio.h>

#define KEDA_HTTP_TIMEOUT_MS 3000 /* KEDA_HTTP_DEFAULT_TIMEOUT */

/* Problems of a trigger, a line each, as errors.Join prints them. */
struct problems {
    struct arena *arena;
    struct str text;
};

__attribute__((format(printf, 2, 3))) static void problem(struct problems *p, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    p->text = p->text.n == 0 ? arena_printf(p->arena, "%s", line)
                             : arena_printf(p->arena, STR_FMT "\n%s", STR_ARG(p->text), line);
}

/* As Go's %q has it. */
static struct str quoted(struct problems *p, struct str s)
{
    struct buf b = {0};
    struct str out;

    buf_add_go_quoted(&b, s);
    out = arena_str(p->arena, buf_str(&b));
    buf_release(&b);
    return out;
}

static void unset(struct problems *p, const char *key, struct str value, const char *why)
{
    problem(p, "unable to set param \"%s\" value " STR_FMT ": %s", key, STR_ARG(quoted(p, value)),
            why);
}

static void read_required(const struct trigger *t, const char *key, struct str *out,
                          struct problems *p)
{
    *out = autoscale__get(&t->metadata, key);
    if (out->n == 0)
        problem(p, "missing required parameter \"%s\" in [triggerMetadata]", key);
}

static void read_number(const struct trigger *t, const char *key, const char *type, double *out,
                        struct problems *p)
{
    struct str s = autoscale__get(&t->metadata, key);
    struct fault why;
    char text[sizeof(why.text) + 64];

    if (s.n == 0) {
        if (isnan(*out))
            problem(p, "missing required parameter \"%s\" in [triggerMetadata]", key);
        return;
    }
    if (autoscale__json_number(s, type, out, &why) == 0)
        return;
    (void)snprintf(text, sizeof(text), "unable to unmarshal to field type %s: %s", type, why.text);
    unset(p, key, s, text);
}

static void read_map(const struct trigger *t, const char *key, struct problems *p)
{
    struct str value = autoscale__get(&t->metadata, key), rest = value, item;

    while (value.n > 0 && str_split(&rest, ',', &item)) {
        const char *eq;

        item = str_trim(item);
        eq = item.n == 0 ? NULL : memchr(item.p, '=', item.n);
        if (eq != NULL && memchr(eq + 1, '=', (size_t)(item.p + item.n - eq - 1)) == NULL)
            continue;
        unset(p, key, value,
              arena_printf(p->arena, "expected format key=value, got " STR_FMT,
                           STR_ARG(quoted(p, item)))
                  .p);
        return;
    }
}

static void read_bool(const struct trigger *t, const char *key, bool *out, struct problems *p)
{
    struct str s = autoscale__get(&t->metadata, key);

    struct str q;

    if (s.n == 0 || autoscale__parse_bool(s, out))
        return;
    q = quoted(p, s);
    unset(p, key, s,
          arena_printf(p->arena,
                       "unable to parse boolean value " STR_FMT
                       ": strconv.ParseBool: parsing " STR_FMT ": invalid syntax",
                       STR_ARG(q), STR_ARG(q))
              .p);
}

/* Go's time.ParseDuration, in milliseconds; false when it is none. */
static bool parse_duration(struct str s, double *ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {
        {"ns", 1e-6},
        {"us", 1e-3},
        {"ms", 1   },
        {"s",  1e3 },
        {"m",  6e4 },
        {"h",  36e5},
    };
    bool negative = str_starts(s, "-");

    *ms = 0;
    if (negative || str_starts(s, "+"))
        s = str_cut(s, 1);
    if (str_is(s, "0"))
        return true;
    if (s.n == 0)
        return false;
    while (s.n > 0) {
        double v = 0, scale = 0;
        size_t i = 0, u = 0, digits = 0;

        for (; i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] == '.' && scale == 0)); i++)
            if (s.p[i] == '.') {
                scale = 1;
            } else {
                v = v * 10 + (s.p[i] - '0');
                scale *= 10;
                digits++;
            }
        s = str_cut(s, i);
        for (; u < COUNT(units); u++)
            if (str_starts(s, units[u].name) && !(u == 4 && str_starts(s, "ms")))
                break;
        if (digits == 0 || u == COUNT(units))
            return false;
        *ms += v / (scale > 0 ? scale : 1) * units[u].ms;
        s = str_cut(s, strlen(units[u].name));
    }
    if (negative)
        *ms = -*ms;
    return true;
}

/* Milliseconds; what is below 0 KEDA notices only when all else is right. */
static void read_whole_timeout(const struct trigger *t, dur_ms *out, struct problems *p,
                               struct fault *negative)
{
    double ms = 0;

    read_number(t, "timeout", "int", &ms, p);
    if (ms < 0)
        (void)fault_set(negative, FER_EINVAL, 0,
                        "error parsing prometheus metadata: timeout must be greater than 0: %.0f",
                        ms);
    else if (ms > 0)
        *out = (dur_ms)MIN(ms, (double)INT32_MAX);
}

static void read_timeout(const struct trigger *t, dur_ms *out, struct problems *p)
{
    struct str s = autoscale__get(&t->metadata, "timeout");
    double ms;
    int64_t whole = 0;
    char why[256];

    if (s.n == 0)
        return;
    if (parse_duration(s, &ms)) {
        if (ms >= 0) {
            *out = ms > 0 ? MAX((dur_ms)ms, 1) : *out;
            return;
        }
        (void)snprintf(why, sizeof(why), "duration cannot be negative: " STR_FMT,
                       STR_ARG(quoted(p, s)));
    } else if (!str_to_i64(s, &whole)) {
        (void)snprintf(why, sizeof(why),
                       "unable to parse duration value " STR_FMT
                       ": must be either a duration string (e.g. '30s', '5m') or a number of "
                       "milliseconds",
                       STR_ARG(quoted(p, s)));
    } else if (whole < 0) {
        (void)snprintf(why, sizeof(why), "duration cannot be negative: %lld milliseconds",
                       (long long)whole);
    } else {
        *out = whole > 0 ? whole : *out;
        return;
    }
    unset(p, "timeout", s, why);
}

int prometheus_trigger_read(const struct trigger *t, const struct autoscale_rules *rules,
                            struct arena *a, struct prometheus_trigger *out, struct fault *f)
{
    struct problems p = {.arena = a};
    struct fault negative = {0};
    struct prometheus_trigger r = {
        .threshold = NAN, .ignore_null_values = true, .timeout = KEDA_HTTP_TIMEOUT_MS};
    bool unsafe_ssl;

    if (t->metric_type == METRIC_UTILIZATION)
        return fault_set(f, FER_EINVAL, 0,
                         "error getting scaler metric type: 'Utilization' metric type is "
                         "unsupported for external metrics, allowed values are 'Value' or "
                         "'AverageValue'");
    /* In the order of KEDA's struct, which is that of its errors. */
    read_required(t, "serverAddress", &r.server_address, &p);
    read_required(t, "query", &r.query, &p);
    read_map(t, "queryParameters", &p);
    read_number(t, "threshold", "float64", &r.threshold, &p);
    read_number(t, "activationThreshold", "float64", &r.activation_threshold, &p);
    r.ns = autoscale__get(&t->metadata, "namespace");
    read_map(t, "customHeaders", &p);
    read_bool(t, "ignoreNullValues", &r.ignore_null_values, &p);
    read_bool(t, "unsafeSsl", &unsafe_ssl, &p);
    if (rules->timeouts_have_units)
        read_timeout(t, &r.timeout, &p);
    else
        read_whole_timeout(t, &r.timeout, &p, &negative);
    if (p.text.n > 0)
        return fault_set(
            f, FER_EINVAL, 0,
            "error parsing prometheus metadata: error parsing prometheus metadata: " STR_FMT,
            STR_ARG(p.text));
    if (negative.code != 0)
        return fault_set(f, FER_EINVAL, 0, "%s", negative.text);
    *out = r;
    return 0;
}

size_t trigger_find(const struct scaled_object *object, struct str word)
{
    uint64_t n;

    for (size_t i = 0; i < object->n_triggers; i++)
        if (word.n > 0 && str_eq(object->triggers[i].name.s, word))
            return i;
    return str_to_u64(word, &n) && n < object->n_triggers ? (size_t)n : SIZE_MAX;
}

bool trigger_is_resource(const struct trigger *t)
{
    return str_is(t->type.s, "cpu") || str_is(t->type.s, "memory");
}

/* Where a type has its target; `fallback` NAN: it is required. */
static const struct target_keys {
    const char *type, *target, *activation;
    bool whole;
    double fallback;
} target_keys[] = {
    {"prometheus",          "threshold",                 "activationThreshold",                 false, NAN},
    {"azure-queue",         "queueLength",               "activationQueueLength",               true,  5  },
    {"azure-servicebus",    "messageCount",              "activationMessageCount",              true,  5  },
    {"azure-eventhub",      "unprocessedEventThreshold", "activationUnprocessedEventThreshold", true,
     64                                                                                                   },
    {"azure-blob",          "blobCount",                 "activationBlobCount",                 true,  5  },
    {"azure-monitor",       "targetValue",               "activationTargetValue",               false, NAN},
    {"azure-log-analytics", "threshold",                 "activationThreshold",                 false, NAN},
    {"kafka",               "lagThreshold",              "activationLagThreshold",              true,  10 },
    {"apache-kafka",        "lagThreshold",              "activationLagThreshold",              true,  10 },
    {"rabbitmq",            "value",                     "activationValue",                     false, NAN},
    {"redis",               "listLength",                "activationListLength",                true,  5  },
    {"redis-streams",       "pendingEntriesCount",       "activationLagCount",                  true,  5  },
    {"aws-sqs-queue",       "queueLength",               "activationQueueLength",               true,  5  },
    {"postgresql",          "targetQueryValue",          "activationTargetQueryValue",          false, NAN},
    {"mysql",               "queryValue",                "activationQueryValue",                false, NAN},
    {"mongodb",             "queryValue",                "activationQueryValue",                false, NAN},
    {"metrics-api",         "targetValue",               "activationTargetValue",               false, NAN},
    {"kubernetes-workload", "value",                     "activationValue",                     false, NAN},
    {"datadog",             "queryValue",                "activationQueryValue",                false, NAN},
    {"graphite",            "threshold",                 "activationThreshold",                 false, 100},
    {"influxdb",            "thresholdValue",            "activationThresholdValue",            false, NAN},
    {"loki",                "threshold",                 "activationThreshold",                 false, NAN},
    {"nats-jetstream",      "lagThreshold",              "activationLagThreshold",              true,  10 },
};

static int resource_target(const struct trigger *t, struct arena *a, double *target,
                           struct fault *f)
{
    struct problems p = {.arena = a};
    struct str value;
    int64_t percent;
    bool number;

    read_required(t, "value", &value, &p);
    if (p.text.n > 0)
        return fault_set(f, FER_EINVAL, 0, "error parsing " STR_FMT " metadata: " STR_FMT,
                         STR_ARG(t->type.s), STR_ARG(p.text));
    if (t->metric_type == METRIC_VALUE)
        return fault_set(f, FER_EINVAL, 0,
                         "error parsing " STR_FMT " metadata: unknown metric type: Value, allowed "
                         "values are 'Utilization' or 'AverageValue'",
                         STR_ARG(t->type.s));
    if (t->metric_type == METRIC_AVERAGE_VALUE) {
        if (autoscale__quantity_parse(value, target))
            return 0;
        return fault_set(f, FER_EINVAL, 0,
                         "cannot parse '" STR_FMT "': quantities must match the regular expression "
                         "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                         STR_ARG(value));
    }
    number = str_to_i64(value, &percent);
    if (!number || percent < INT32_MIN || percent > INT32_MAX)
        return fault_set(
            f, FER_EINVAL, 0,
            "error parsing " STR_FMT " metadata: strconv.ParseInt: parsing \"" STR_FMT "\": %s",
            STR_ARG(t->type.s), STR_ARG(value), number ? "value out of range" : "invalid syntax");
    *target = (double)percent;
    return 0;
}

static int cron_target(const struct trigger *t, struct arena *a, double *target, struct fault *f)
{
    static const char *const required[] = {"timezone", "start", "end"};
    struct problems p = {.arena = a};
    struct str unused;
    double desired = NAN;

    for (size_t i = 0; i < COUNT(required); i++)
        read_required(t, required[i], &unused, &p);
    read_number(t, "desiredReplicas", "int64", &desired, &p);
    if (p.text.n > 0)
        return fault_set(f, FER_EINVAL, 0, "error parsing cron metadata: " STR_FMT,
                         STR_ARG(p.text));
    *target = 1;
    return 0;
}

int trigger_target(const struct trigger *t, struct arena *a, double *target, double *activation,
                   struct fault *f)
{
    *activation = 0;
    if (trigger_is_resource(t))
        return resource_target(t, a, target, f);
    if (t->metric_type == METRIC_UTILIZATION)
        return fault_set(f, FER_EINVAL, 0,
                         "error getting scaler metric type: 'Utilization' metric type is "
                         "unsupported for external metrics, allowed values are 'Value' or "
                         "'AverageValue'");
    if (str_is(t->type.s, "cron"))
        return cron_target(t, a, target, f);
    for (size_t i = 0; i < COUNT(target_keys); i++) {
        const struct target_keys *k = &target_keys[i];
        struct problems p = {.arena = a};

        if (!str_is(t->type.s, k->type))
            continue;
        *target = k->fallback;
        read_number(t, k->target, k->whole ? "int64" : "float64", target, &p);
        read_number(t, k->activation, k->whole ? "int64" : "float64", activation, &p);
        if (p.text.n > 0)
            return fault_set(f, FER_EINVAL, 0, "error parsing " STR_FMT " metadata: " STR_FMT,
                             STR_ARG(t->type.s), STR_ARG(p.text));
        return 0;
    }
    return fault_set(f, FER_EUNSUP, 0, "triggers of type \"" STR_FMT "\" cannot be simulated",
                     STR_ARG(t->type.s));
}
