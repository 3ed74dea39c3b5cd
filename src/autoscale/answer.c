/*
 * answer.c - what KEDA's prometheus scaler makes of an answer, in the order in which it looks
 * (ExecutePromQuery in prometheus_scaler.go).
 */
#include "autoscale_priv.h"

#include <math.h>

static void failed(struct verdict *out, struct str why)
{
    *out = (struct verdict){.failed = true, .why = why};
}

/* What may be ignored and is 0 then. */
static void missing(const struct prometheus_trigger *t, struct str why, struct verdict *out)
{
    if (t->ignore_null_values)
        *out = (struct verdict){.why = why};
    else
        failed(out, why);
}

static struct str status_error(const struct answer *answer, const struct autoscale_rules *rules,
                               struct arena *a)
{
    if (rules->body_in_errors)
        return arena_printf(a, "prometheus query api returned error. status: %d response: " STR_FMT,
                            answer->status, STR_ARG(answer->text));
    return arena_printf(a, "prometheus query api returned error. status: %d", answer->status);
}

/* Answers of which no element is looked at. */
static bool no_result(const struct prometheus_trigger *t, const struct answer *answer,
                      const struct autoscale_rules *rules, struct arena *a, struct verdict *out)
{
    switch (answer->kind) {
    case ANSWER_STATUS:
    case ANSWER_ERROR:
        failed(out, status_error(answer, rules, a));
        return true;
    case ANSWER_TIMEOUT:
        failed(out, arena_printf(a,
                                 "Get \"" STR_FMT "/api/v1/query\": context deadline exceeded "
                                 "(Client.Timeout exceeded while awaiting headers)",
                                 STR_ARG(t->server_address)));
        return true;
    case ANSWER_GARBLED:
        failed(out, answer->text.n == 0
                        ? STR("unexpected end of JSON input")
                        : arena_printf(a, "invalid character '%c' looking for beginning of value",
                                       answer->text.p[0]));
        return true;
    case ANSWER_SCALAR:
        failed(out, STR("json: cannot unmarshal number into Go struct field .data.result of type "
                        "struct { Metric struct {} \"json:\\\"metric\\\"\"; Value []interface {} "
                        "\"json:\\\"value\\\"\" }"));
        return true;
    case ANSWER_VECTOR:
    case ANSWER_MATRIX:
    case ANSWER_NUMBER:
        break;
    }
    return false;
}

static void judge_value(const struct prometheus_trigger *t, double v,
                        const struct autoscale_rules *rules, struct arena *a, struct verdict *out)
{
    if (isinf(v) || (isnan(v) && rules->nan_is_no_value)) {
        missing(t,
                arena_printf(a, "%s query returns %s",
                             rules->says_promtheus ? "promtheus" : "prometheus",
                             isnan(v) ? "NaN" : (v > 0 ? "+Inf" : "-Inf")),
                out);
        return;
    }
    *out = (struct verdict){
        .undefined = isnan(v),
        .active = v > t->activation_threshold,
        .value = v,
        .milli = quantity_of(v, rules),
    };
}

void prometheus_verdict(const struct prometheus_trigger *t, const struct answer *answer,
                        const struct autoscale_rules *rules, struct arena *a, struct verdict *out)
{
    if (no_result(t, answer, rules, a, out))
        return;
    if (answer->kind != ANSWER_NUMBER && answer->n == 0)
        missing(t, STR("prometheus metrics 'prometheus' target may be lost, the result is empty"),
                out);
    else if (answer->kind != ANSWER_NUMBER && answer->n > 1)
        failed(out, arena_printf(a, "prometheus query " STR_FMT " returned multiple elements",
                                 STR_ARG(t->query)));
    else if (answer->kind == ANSWER_MATRIX)
        missing(t,
                STR("prometheus metrics 'prometheus' target may be lost, the value list is empty"),
                out);
    else
        judge_value(t, answer->value, rules, a, out);
    if (!out->failed && out->why.n > 0)
        out->active = 0 > t->activation_threshold;
}

void number_verdict(const struct trigger *t, double activation, const struct answer *answer,
                    const struct autoscale_rules *rules, struct arena *a, struct verdict *out)
{
    if (answer->kind != ANSWER_NUMBER && answer->kind != ANSWER_VECTOR) {
        failed(out, answer->text.n > 0 ? answer->text
                                       : arena_printf(a, "error getting the metric of " STR_FMT,
                                                      STR_ARG(t->type.s)));
        return;
    }
    *out = (struct verdict){
        .undefined = isnan(answer->value),
        .active = answer->value > activation,
        .value = answer->value,
        .milli = quantity_of(answer->value, rules),
    };
}
