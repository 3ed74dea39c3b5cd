/*
 * coverage.c - whether all functions and aggregations were among the expressions.
 */
#include <stdio.h>

#include "fuzz.h"

static bool is_word(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The next word of *rest that no quote or label has around it; empty at the end. */
static struct str next_word(struct str *rest)
{
    struct str s = *rest, word;

    while (s.n > 0 && !is_word(*s.p))
        s = str_cut(s, 1);
    word = s;
    word.n = 0;
    while (word.n < s.n && is_word(s.p[word.n]))
        word.n++;
    *rest = str_cut(s, word.n);
    return word;
}

void coverage_add(struct coverage *cov, struct str text)
{
    struct str rest = text, word;

    while ((word = next_word(&rest)).n > 0) {
        for (size_t i = 0; i < N_PROMQL_FUNCS && rest.n > 0 && *rest.p == '('; i++)
            cov->funcs[i] |= str_is(word, promql_funcs[i].name);
        for (size_t i = 0; i < N_PROMQL_AGGS; i++)
            cov->aggs[i] |= str_is(word, promql_agg_text((enum promql_agg)i));
    }
}

size_t coverage_report(const struct coverage *cov)
{
    size_t missing = 0;

    for (size_t i = 0; i < N_PROMQL_FUNCS; i++)
        if (!cov->funcs[i] && ++missing)
            printf("%s() was never called\n", promql_funcs[i].name);
    for (size_t i = 0; i < N_PROMQL_AGGS; i++)
        if (!cov->aggs[i] && ++missing)
            printf("%s was never used\n", promql_agg_text((enum promql_agg)i));
    return missing;
}
