/*
 * verdict.c - what KEDA makes of the answer to a poll: the scaler's model, asked with the defaults
 * of a trigger.
 */
#include "polls.h"

#include <math.h>

#include "ferula/autoscale/scaler.h"
#include "ferula/base/check.h"

/* KEDA gives up after so long unless a trigger's `timeout` says otherwise. */
#define KEDA_TIMEOUT_US (3 * 1000 * 1000)
#define CLIENT_GONE     499 /* the status of an answer that nobody waits for any more */

/* The answer as the scaler's model has it. */
static struct answer scaler_answer(const struct api__poll *p)
{
    static const enum answer_kind kinds[N_API_ANSWERS] = {
        [API_ANSWER_VECTOR] = ANSWER_VECTOR, [API_ANSWER_MATRIX] = ANSWER_MATRIX,
        [API_ANSWER_SCALAR] = ANSWER_SCALAR, [API_ANSWER_STRING] = ANSWER_SCALAR,
        [API_ANSWER_STATUS] = ANSWER_STATUS, [API_ANSWER_GARBLED] = ANSWER_GARBLED,
    };
    struct answer an = {.kind = kinds[p->answer.kind],
                        .status = p->status,
                        .n = p->answer.n,
                        .value = p->answer.value};

    if (p->latency_us >= KEDA_TIMEOUT_US || p->status == CLIENT_GONE)
        an.kind = ANSWER_TIMEOUT;
    else if (an.kind == ANSWER_STATUS && p->status / 100 == 2)
        an.kind = ANSWER_GARBLED; /* it has no body */
    else if (p->answer.histogram)
        an.kind = ANSWER_MATRIX;
    return an;
}

/* In a word or two. */
static const char *why_of(const struct answer *an)
{
    static const char *const words[] = {
        [ANSWER_SCALAR] = "scalar",   [ANSWER_STATUS] = "status",   [ANSWER_ERROR] = "status",
        [ANSWER_TIMEOUT] = "timeout", [ANSWER_GARBLED] = "no JSON",
    };

    if (an->kind < COUNT(words) && words[an->kind] != NULL)
        return words[an->kind];
    if (an->n != 1)
        return an->n == 0 ? "empty" : "multiple elements";
    if (an->kind == ANSWER_MATRIX)
        return "no value";
    return isnan(an->value) ? "NaN" : an->value > 0 ? "+Inf" : "-Inf";
}

struct api__verdict api__poll_verdict(const struct api__poll *p, struct arena *a)
{
    static const struct autoscale_versions versions = AUTOSCALE_VERSIONS_DEFAULT;
    const struct autoscale_rules rules = autoscale_rules_of(&versions);
    const struct prometheus_trigger trigger = {.query = p->query, .ignore_null_values = true};
    const struct answer an = scaler_answer(p);
    struct verdict v = {0};

    prometheus_verdict(&trigger, &an, &rules, a, &v);
    if (!v.failed && v.why.n == 0)
        return (struct api__verdict){API_VERDICT_VALUE, "", v.why};
    /* Which words those are depends on what ferula does not know: the address, the bytes. */
    if (an.kind == ANSWER_TIMEOUT || an.kind == ANSWER_GARBLED)
        v.why.n = 0;
    return (struct api__verdict){v.failed ? API_VERDICT_ERROR : API_VERDICT_ZERO, why_of(&an),
                                 v.why};
}
