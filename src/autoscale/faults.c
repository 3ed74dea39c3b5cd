/*
 * faults.c - see faults.h.
 */
#include "faults.h"

#include <math.h>

#include "ferula/base/check.h"

/* By fault_kind: its word, and the answer that stands for it. */
static const struct {
    const char *word;
    struct answer answer;
} kinds[] = {
    [FAULT_EMPTY] = {"empty",   {.kind = ANSWER_VECTOR, .status = 200}                           },
    [FAULT_NAN] = {"nan",     {.kind = ANSWER_VECTOR, .status = 200, .n = 1, .value = NAN}     },
    [FAULT_INF] = {"inf",     {.kind = ANSWER_VECTOR, .status = 200, .n = 1, .value = INFINITY}},
    [FAULT_TWO] = {"two",     {.kind = ANSWER_VECTOR, .status = 200, .n = 2}                   },
    [FAULT_STATUS] = {"status",  {.kind = ANSWER_STATUS}                                          },
    [FAULT_SLOW] = {"slow",    {.kind = ANSWER_TIMEOUT}                                         },
    [FAULT_GAP] = {"gap",     {0}                                                              },
    [FAULT_GARBLED] = {"garbled", {.kind = ANSWER_GARBLED, .status = 200}                          },
    [FAULT_SCALAR] = {"scalar",  {.kind = ANSWER_SCALAR, .status = 200}                           },
};

bool fault_kind_parse(struct str word, enum fault_kind *out)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(word, kinds[i].word)) {
            *out = (enum fault_kind)i;
            return true;
        }
    return false;
}

const char *fault_kind_name(enum fault_kind kind)
{
    CHECK((size_t)kind < COUNT(kinds));
    return kinds[kind].word;
}

static bool holds(const struct fault_span *s, int trigger, ts_ms now, dur_ms timeout)
{
    if (now < s->from || now >= s->to || (s->trigger >= 0 && s->trigger != trigger))
        return false;
    if (s->kind == FAULT_SLOW)
        return s->delay >= timeout;
    return s->kind != FAULT_GAP;
}

bool autoscale__fault_answer(const struct fault_span *v, size_t n, int trigger, ts_ms now,
                             dur_ms timeout, bool query, struct answer *out)
{
    while (n > 0) {
        const struct fault_span *s = &v[--n];

        if (!holds(s, trigger, now, timeout))
            continue;
        *out = kinds[s->kind].answer;
        if (s->kind == FAULT_STATUS)
            out->status = s->status;
        if (!query)
            *out = (struct answer){.kind = ANSWER_ERROR, .text = STR("the scaler cannot be asked")};
        return true;
    }
    return false;
}

struct source_range *autoscale__fault_gaps(struct arena *a, const struct fault_span *v, size_t n,
                                           size_t *n_gaps)
{
    struct source_range *gaps = arena_array(a, struct source_range, n);

    *n_gaps = 0;
    for (size_t i = 0; i < n; i++)
        if (v[i].kind == FAULT_GAP)
            gaps[(*n_gaps)++] = (struct source_range){v[i].from, v[i].to};
    return gaps;
}
