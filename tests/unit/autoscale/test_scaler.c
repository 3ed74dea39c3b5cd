/*
 * test_scaler.c - metadata, answers and quantities as KEDA's scalers read them (tables of
 * prometheus_scaler_test.go among them), and versions.
 */
#include "cases.h"

#include <math.h>

#include "ferula/autoscale/scaler.h"

#define MAX_PAIRS 8

static const struct autoscale_versions newest = AUTOSCALE_VERSIONS_DEFAULT;
static const struct autoscale_versions v219 = {21900, 133};
static const struct autoscale_versions v217 = {21703, 132};
static const struct autoscale_versions v2201 = {22001, 133};

/* ---- versions ---------------------------------------------------------------------------- */

static struct version_case {
    const char *text;
    int keda, k8s; /* 0: refused */
} versions[] = {
    {"2.20.2",  22002, 0  },
    {"v2.19",   21900, 0  },
    {"2.17",    21703, 0  },
    {"v2.18.1", 21801, 0  },
    {"2.20.9",  0,     0  },
    {"2.16",    0,     0  },
    {"3.0",     0,     0  },
    {"1.33",    0,     133},
    {"v1.31.4", 0,     131},
    {"1.30",    0,     0  },
    {"1.36",    0,     0  },
    {"two",     0,     0  },
    {"2.",      0,     0  },
    {"",        0,     0  },
};

static void test_version(void **state)
{
    const struct version_case *c = *state;
    struct fault f = {0};
    int keda = 0, k8s = 0;

    assert_int_equal(autoscale_parse_keda(str_of(c->text), &keda, &f),
                     c->keda > 0 ? 0 : FER_EINVAL);
    assert_int_equal(autoscale_parse_k8s(str_of(c->text), &k8s, &f), c->k8s > 0 ? 0 : FER_EINVAL);
    assert_int_equal(keda, c->keda);
    assert_int_equal(k8s, c->k8s);
}

/* ---- quantities -------------------------------------------------------------------------- */

static struct quantity_case {
    const char *name;
    double v;
    int64_t milli, before; /* before: until KEDA 2.19 */
} quantities[] = {
    {"to the nearest",        57.9215,  57922,               57921              },
    {"of the walkthrough",    57.92,    57920,               57920              },
    {"the double decides",    1.0005,   1000,                1000               },
    {"above the half",        0.0005,   1,                   0                  },
    {"down",                  0.0015,   2,                   1                  },
    {"too small",             1e-9,     0,                   0                  },
    {"whole",                 45,       45000,               45000              },
    {"negative is zero",      -1.5,     0,                   -1500              },
    {"infinity",              INFINITY, 0,                   INT64_MIN          },
    {"no number",             NAN,      0,                   INT64_MIN          },
    {"does not fit",          1e300,    INT64_MAX,           INT64_MIN          },
    {"the largest that does", 9.2e15,   9200000000000000000, 9200000000000000000},
};

static void test_quantity(void **state)
{
    const struct quantity_case *c = *state;
    struct autoscale_rules now = autoscale_rules_of(&newest);
    struct autoscale_rules before = autoscale_rules_of(&v219);

    assert_int_equal(quantity_of(c->v, &now), c->milli);
    assert_int_equal(quantity_of(c->v, &before), c->before);
}

static void test_negative_2201(void **state)
{
    struct autoscale_rules rules = autoscale_rules_of(&v2201);

    (void)state;
    assert_int_equal(quantity_of(-1.5, &rules), -1500);
}

static struct print_case {
    const char *text;
    int64_t milli;
} prints[] = {
    {"0",                     0                  },
    {"5792m",                 5792               },
    {"87m",                   87                 },
    {"15",                    15000              },
    {"37500m",                37500              },
    {"1500",                  1500000            },
    {"1k",                    1000000            },
    {"1500k",                 1500000000         },
    {"1M",                    1000000000         },
    {"11250m",                11250              },
    {"-1500m",                -1500              },
    {"9P",                    9000000000000000000},
    {"-9223372036854775808m", INT64_MIN          },
};

static void test_print(void **state)
{
    const struct print_case *c = *state;
    struct buf b = {0};

    quantity_print(&b, c->milli);
    assert_str(buf_str(&b), c->text);
    buf_release(&b);
}

/* ---- answers ----------------------------------------------------------------------------- */

// clang-format off
static struct answer_case {
    const char *name;
    struct answer answer;
    bool strict; /* ignoreNullValues: false */
    const struct autoscale_versions *versions;
    bool failed, active;
    double activation;
    int64_t milli;
    const char *why;
} answers[] = {
    {"a value", {.kind = ANSWER_VECTOR, .n = 1, .value = 2}, false, &newest, false, true, 0, 2000, ""},
    {"activation is strict", {.kind = ANSWER_VECTOR, .n = 1, .value = 5}, false, &newest, false, false, 5, 5000, ""},
    {"activation sees the double", {.kind = ANSWER_VECTOR, .n = 1, .value = 5.0001}, false, &newest, false, true, 5, 5000, ""},
    {"nothing", {.kind = ANSWER_VECTOR}, false, &newest, false, false, 0, 0,
     "prometheus metrics 'prometheus' target may be lost, the result is empty"},
    {"nothing is more than a negative activation", {.kind = ANSWER_VECTOR}, false, &newest, false, true, -1, 0,
     "prometheus metrics 'prometheus' target may be lost, the result is empty"},
    {"nothing is an error", {.kind = ANSWER_VECTOR}, true, &newest, true, false, 0, 0,
     "prometheus metrics 'prometheus' target may be lost, the result is empty"},
    {"two", {.kind = ANSWER_VECTOR, .n = 2}, false, &newest, true, false, 0, 0,
     "prometheus query sum(m) returned multiple elements"},
    {"a matrix", {.kind = ANSWER_MATRIX, .n = 1}, false, &newest, false, false, 0, 0,
     "prometheus metrics 'prometheus' target may be lost, the value list is empty"},
    {"a matrix is an error", {.kind = ANSWER_MATRIX, .n = 1}, true, &newest, true, false, 0, 0,
     "prometheus metrics 'prometheus' target may be lost, the value list is empty"},
    {"a scalar", {.kind = ANSWER_SCALAR, .n = 1}, false, &newest, true, false, 0, 0,
     "json: cannot unmarshal number into Go struct field .data.result of type struct { Metric struct {} "
     "\"json:\\\"metric\\\"\"; Value []interface {} \"json:\\\"value\\\"\" }"},
    {"no JSON", {.kind = ANSWER_GARBLED, .text = STR_INIT("<html>")}, false, &newest, true, false, 0, 0,
     "invalid character '<' looking for beginning of value"},
    {"no body", {.kind = ANSWER_GARBLED}, false, &newest, true, false, 0, 0, "unexpected end of JSON input"},
    {"a status", {.kind = ANSWER_STATUS, .status = 401, .text = STR_INIT("no")}, false, &newest, true, false, 0, 0,
     "prometheus query api returned error. status: 401"},
    {"a status with its body", {.kind = ANSWER_STATUS, .status = 401, .text = STR_INIT("no")}, false, &v219, true, false, 0, 0,
     "prometheus query api returned error. status: 401 response: no"},
    {"an error", {.kind = ANSWER_ERROR, .status = 422}, false, &newest, true, false, 0, 0,
     "prometheus query api returned error. status: 422"},
    {"too late", {.kind = ANSWER_TIMEOUT}, false, &newest, true, false, 0, 0,
     "Get \"http://p/api/v1/query\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"},
    {"NaN", {.kind = ANSWER_VECTOR, .n = 1, .value = NAN}, false, &newest, false, false, 0, 0, "prometheus query returns NaN"},
    {"NaN is an error", {.kind = ANSWER_VECTOR, .n = 1, .value = NAN}, true, &newest, true, false, 0, 0, "prometheus query returns NaN"},
    {"+Inf", {.kind = ANSWER_VECTOR, .n = 1, .value = INFINITY}, false, &newest, false, false, 0, 0, "prometheus query returns +Inf"},
    {"-Inf is an error", {.kind = ANSWER_VECTOR, .n = 1, .value = -INFINITY}, true, &newest, true, false, 0, 0, "prometheus query returns -Inf"},
    {"+Inf until 2.17", {.kind = ANSWER_VECTOR, .n = 1, .value = INFINITY}, true, &v217, true, false, 0, 0, "promtheus query returns +Inf"},
    {"NaN until 2.19", {.kind = ANSWER_VECTOR, .n = 1, .value = NAN}, true, &v219, false, false, 0, INT64_MIN, ""},
};
// clang-format on

static void test_answer(void **state)
{
    const struct answer_case *c = *state;
    struct prometheus_trigger t = {
        .server_address = STR("http://p"),
        .query = STR("sum(m)"),
        .activation_threshold = c->activation,
        .ignore_null_values = !c->strict,
    };
    struct autoscale_rules rules = autoscale_rules_of(c->versions);
    struct arena a = {0};
    struct verdict v;

    prometheus_verdict(&t, &c->answer, &rules, &a, &v);
    assert_int_equal(v.failed, c->failed);
    assert_int_equal(v.active, c->active);
    assert_int_equal(v.milli, c->milli);
    assert_int_equal(v.undefined, c->milli == INT64_MIN);
    assert_str(v.why, c->why);
    arena_release(&a);
}

static void test_number_answer(void **state)
{
    const struct trigger t = {.type.s = STR("azure-queue")};
    struct autoscale_rules rules = autoscale_rules_of(&newest);
    struct answer answer = {.kind = ANSWER_NUMBER, .value = 7};
    struct arena a = {0};
    struct verdict v;

    (void)state;
    number_verdict(&t, 5, &answer, &rules, &a, &v);
    assert_true(v.active && !v.failed && v.milli == 7000);
    answer.kind = ANSWER_STATUS;
    number_verdict(&t, 5, &answer, &rules, &a, &v);
    assert_true(v.failed);
    assert_str(v.why, "error getting the metric of azure-queue");
    arena_release(&a);
}

/* ---- metadata ---------------------------------------------------------------------------- */

// clang-format off
static struct metadata_case {
    const char *name;
    const char *pairs[MAX_PAIRS][2]; /* beyond serverAddress, query and threshold */
    enum target_type type;
    const char *error; /* behind the two prefixes; NULL: it is right */
} metadata[] = {
    {"all", {{NULL}}, METRIC_AVERAGE_VALUE, NULL},
    {"blanks around", {{"threshold", " 10 "}}, METRIC_AVERAGE_VALUE, NULL},
    {"an exponent", {{"threshold", "1e3"}}, METRIC_AVERAGE_VALUE, NULL},
    {"no address", {{"serverAddress", ""}}, METRIC_AVERAGE_VALUE,
     "missing required parameter \"serverAddress\" in [triggerMetadata]"},
    {"no query and no threshold", {{"query", " "}, {"threshold", ""}}, METRIC_AVERAGE_VALUE,
     "missing required parameter \"query\" in [triggerMetadata]\n"
     "missing required parameter \"threshold\" in [triggerMetadata]"},
    {"threshold in words", {{"threshold", "one"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"one\": unable to unmarshal to field type float64: "
     "invalid character 'o' looking for beginning of value"},
    {"activationThreshold in words", {{"activationThreshold", "one"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"activationThreshold\" value \"one\": unable to unmarshal to field type "
     "float64: invalid character 'o' looking for beginning of value"},
    {"a plus", {{"threshold", "+1"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"+1\": unable to unmarshal to field type float64: "
     "invalid character '+' looking for beginning of value"},
    {"a zero before", {{"threshold", "010"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"010\": unable to unmarshal to field type float64: "
     "invalid character '1' after top-level value"},
    {"a unit", {{"threshold", "10s"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"10s\": unable to unmarshal to field type float64: "
     "invalid character 's' after top-level value"},
    {"a point at the end", {{"threshold", "1."}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"1.\": unable to unmarshal to field type float64: "
     "invalid character ' ' after decimal point in numeric literal"},
    {"half a word", {{"threshold", "ten"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"ten\": unable to unmarshal to field type float64: "
     "invalid character 'e' in literal true (expecting 'r')"},
    {"a text", {{"threshold", "\"5\""}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"\\\"5\\\"\": unable to unmarshal to field type float64: "
     "json: cannot unmarshal string into Go value of type float64"},
    {"too large", {{"threshold", "1e999"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"threshold\" value \"1e999\": unable to unmarshal to field type float64: "
     "json: cannot unmarshal number 1e999 into Go value of type float64"},
    {"no boolean", {{"ignoreNullValues", "xxxx"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"ignoreNullValues\" value \"xxxx\": unable to parse boolean value \"xxxx\": "
     "strconv.ParseBool: parsing \"xxxx\": invalid syntax"},
    {"headers", {{"customHeaders", "a=1, b = 2"}}, METRIC_AVERAGE_VALUE, NULL},
    {"a header without a value", {{"customHeaders", "key1=value1,key2"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"customHeaders\" value \"key1=value1,key2\": expected format key=value, got "
     "\"key2\""},
    {"a parameter with two", {{"queryParameters", "k=v=w"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"queryParameters\" value \"k=v=w\": expected format key=value, got \"k=v=w\""},
    {"milliseconds", {{"timeout", "1000"}}, METRIC_AVERAGE_VALUE, NULL},
    {"a negative timeout", {{"timeout", "-1"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"timeout\" value \"-1\": duration cannot be negative: -1 milliseconds"},
    {"a negative duration", {{"timeout", "-1s"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"timeout\" value \"-1s\": duration cannot be negative: \"-1s\""},
    {"a timeout in words", {{"timeout", "a"}}, METRIC_AVERAGE_VALUE,
     "unable to set param \"timeout\" value \"a\": unable to parse duration value \"a\": must be either a "
     "duration string (e.g. '30s', '5m') or a number of milliseconds"},
};
// clang-format on

#define METADATA_PREFIX "error parsing prometheus metadata: error parsing prometheus metadata: "

/* Rows come first, so that they win over what is always there. */
static void fill(struct pair_at *v, size_t *n, const char *const pairs[MAX_PAIRS][2])
{
    static const char *const always[][2] = {
        {"serverAddress", "http://p"},
        {"query",         "sum(m)"  },
        {"threshold",     "10"      },
    };

    *n = 0;
    for (size_t i = 0; i < MAX_PAIRS && pairs[i][0] != NULL; i++)
        v[(*n)++] = (struct pair_at){.key.s = str_of(pairs[i][0]), .value.s = str_of(pairs[i][1])};
    for (size_t i = 0; i < COUNT(always); i++)
        v[(*n)++] =
            (struct pair_at){.key.s = str_of(always[i][0]), .value.s = str_of(always[i][1])};
}

static void test_metadata(void **state)
{
    const struct metadata_case *c = *state;
    struct pair_at v[MAX_PAIRS + 3];
    struct trigger t = {.metadata.v = v, .metric_type = c->type};
    const struct autoscale_rules rules = autoscale_rules_of(&newest);
    struct prometheus_trigger out;
    struct arena a = {0};
    struct fault f = {0};
    int rc;

    fill(v, &t.metadata.n, c->pairs);
    rc = prometheus_trigger_read(&t, &rules, &a, &out, &f);
    assert_int_equal(rc, c->error == NULL ? 0 : FER_EINVAL);
    if (c->error != NULL) {
        assert_true(str_starts(str_of(f.text), METADATA_PREFIX));
        assert_str(str_cut(str_of(f.text), strlen(METADATA_PREFIX)), c->error);
    }
    arena_release(&a);
}

static struct timeout_case {
    const char *text;
    dur_ms ms;
    int keda;
    const char *error;
} timeouts[] = {
    {"",      3000,    22002, NULL                                                                   },
    {"0",     3000,    22002, NULL                                                                   },
    {"1000",  1000,    22002, NULL                                                                   },
    {"500ms", 500,     22002, NULL                                                                   },
    {"5s",    5000,    21800, NULL                                                                   },
    {"1.5s",  1500,    22002, NULL                                                                   },
    {"1m30s", 90000,   22002, NULL                                                                   },
    {"1h",    3600000, 22002, NULL                                                                   },
    {"2us",   1,       22002, NULL                                                                   },
    {"1500",  1500,    21703, NULL                                                                   },
    {" 0 ",   3000,    21703, NULL                                                                   },
    {"5s",    0,       21703,
     METADATA_PREFIX "unable to set param \"timeout\" value \"5s\": unable to unmarshal to "
                     "field type int: invalid character 's' after top-level value"                   },
    {"-1",    0,       21703, "error parsing prometheus metadata: timeout must be greater than 0: -1"},
};

static void test_timeout(void **state)
{
    const struct timeout_case *c = *state;
    const char *const pairs[MAX_PAIRS][2] = {
        {"timeout", c->text}
    };
    struct pair_at v[MAX_PAIRS + 3];
    struct trigger t = {.metadata.v = v};
    const struct autoscale_versions of = {.keda = c->keda};
    const struct autoscale_rules rules = autoscale_rules_of(&of);
    struct prometheus_trigger out;
    struct arena a = {0};
    struct fault f = {0};

    fill(v, &t.metadata.n, pairs);
    assert_int_equal(prometheus_trigger_read(&t, &rules, &a, &out, &f),
                     c->error == NULL ? 0 : FER_EINVAL);
    if (c->error == NULL)
        assert_int_equal(out.timeout, c->ms);
    else
        assert_string_equal(f.text, c->error);
    arena_release(&a);
}

/* ---- other types ------------------------------------------------------------------------- */

// clang-format off
static struct target_case {
    const char *name, *type;
    enum target_type metric_type;
    const char *pairs[MAX_PAIRS][2];
    double target, activation;
    const char *error;
} targets[] = {
    {"prometheus", "prometheus", METRIC_VALUE, {{"activationThreshold", "2.5"}}, 10, 2.5, NULL},
    {"percent", "cpu", METRIC_UTILIZATION, {{"value", "60"}}, 60, 0, NULL},
    {"of a pod", "memory", METRIC_AVERAGE_VALUE, {{"value", "512Mi"}}, 536870912, 0, NULL},
    {"thousandths of a core", "cpu", METRIC_AVERAGE_VALUE, {{"value", "250m"}}, 0.25, 0, NULL},
    {"an exponent", "memory", METRIC_AVERAGE_VALUE, {{"value", "+1.5e3"}}, 1500, 0, NULL},
    {"exa", "memory", METRIC_AVERAGE_VALUE, {{"value", "1E"}}, 1e18, 0, NULL},
    {"no quantity", "memory", METRIC_AVERAGE_VALUE, {{"value", "5 Mi"}}, 0, 0,
     "cannot parse '5 Mi': quantities must match the regular expression "
     "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
    {"a suffix alone", "memory", METRIC_AVERAGE_VALUE, {{"value", "m"}}, 0, 0,
     "cannot parse 'm': quantities must match the regular expression "
     "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
    {"too many percent", "cpu", METRIC_UTILIZATION, {{"value", "3000000000"}}, 0, 0,
     "error parsing cpu metadata: strconv.ParseInt: parsing \"3000000000\": value out of range"},
    {"no value", "cpu", METRIC_UTILIZATION, {{NULL}}, 0, 0,
     "error parsing cpu metadata: missing required parameter \"value\" in [triggerMetadata]"},
    {"Value of cpu", "cpu", METRIC_VALUE, {{"value", "60"}}, 0, 0,
     "error parsing cpu metadata: unknown metric type: Value, allowed values are 'Utilization' or "
     "'AverageValue'"},
    {"cron", "cron", METRIC_AVERAGE_VALUE,
     {{"timezone", "Etc/UTC"}, {"start", "0 6 * * *"}, {"end", "0 20 * * *"}, {"desiredReplicas", "10"}},
     1, 0, NULL},
    {"cron without an end", "cron", METRIC_AVERAGE_VALUE,
     {{"timezone", "Etc/UTC"}, {"start", "0 6 * * *"}, {"desiredReplicas", "10"}},
     0, 0, "error parsing cron metadata: missing required parameter \"end\" in [triggerMetadata]"},
    {"a queue", "azure-queue", METRIC_AVERAGE_VALUE,
     {{"queueLength", "20"}, {"activationQueueLength", "3"}}, 20, 3, NULL},
    {"a queue's default", "azure-queue", METRIC_AVERAGE_VALUE, {{NULL}}, 5, 0, NULL},
    {"an event hub", "azure-eventhub", METRIC_AVERAGE_VALUE, {{NULL}}, 64, 0, NULL},
    {"a broken number", "azure-queue", METRIC_AVERAGE_VALUE, {{"queueLength", "5.5"}}, 0, 0,
     "error parsing azure-queue metadata: unable to set param \"queueLength\" value \"5.5\": unable to "
     "unmarshal to field type int64: json: cannot unmarshal number 5.5 into Go value of type int64"},
    {"Utilization", "azure-queue", METRIC_UTILIZATION, {{NULL}}, 0, 0,
     "error getting scaler metric type: 'Utilization' metric type is unsupported for external metrics, "
     "allowed values are 'Value' or 'AverageValue'"},
    {"unknown", "carrier-pigeon", METRIC_AVERAGE_VALUE, {{NULL}}, 0, 0,
     "triggers of type \"carrier-pigeon\" cannot be simulated"},
};
// clang-format on

static void test_target(void **state)
{
    const struct target_case *c = *state;
    struct pair_at v[MAX_PAIRS + 3];
    struct trigger t = {.type.s = str_of(c->type), .metadata.v = v, .metric_type = c->metric_type};
    double target = 0, activation = 0;
    struct arena a = {0};
    struct fault f = {0};
    int rc;

    fill(v, &t.metadata.n, c->pairs);
    rc = trigger_target(&t, &a, &target, &activation, &f);
    if (c->error != NULL) {
        assert_true(rc < 0);
        assert_string_equal(f.text, c->error);
    } else {
        assert_int_equal(rc, 0);
        assert_true(target == c->target);
        assert_true(activation == c->activation);
    }
    arena_release(&a);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, versions, test_version, text);
    CASES_ADD_TABLE(&c, quantities, test_quantity, name);
    cases_add(&c, "negatives in KEDA 2.20.1", test_negative_2201, NULL);
    CASES_ADD_TABLE(&c, prints, test_print, text);
    CASES_ADD_TABLE(&c, answers, test_answer, name);
    cases_add(&c, "another type's answer", test_number_answer, NULL);
    CASES_ADD_TABLE(&c, metadata, test_metadata, name);
    CASES_ADD_TABLE(&c, timeouts, test_timeout, text);
    CASES_ADD_TABLE(&c, targets, test_target, name);
    return CASES_RUN("scaler", &c);
}
