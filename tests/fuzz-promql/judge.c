/*
 * judge.c - is a difference one? Prometheus keeps the series of a range evaluation in a map, so
 * their order differs from run to run, and with it what topk() takes of equals and the last digit
 * of a sum.
 */
#include "fuzz.h"

/* Of two series a map of Go gives one first seven times out of eight. */
#define TRIES      100 /* as long as Prometheus gives one answer */
#define MORE_TRIES 400 /* once it gave two */

/* More than so many elements Go's sort does not leave in order when they are equal. */
#define SORTED_IN_ORDER 12

static bool has(const struct test_case *c, const char *text)
{
    return memmem(c->text.p, c->text.n, text, strlen(text)) != NULL;
}

/* Whether sums over series are in it whose order is that of a map. */
static bool adds_in_any_order(const struct test_case *c)
{
    return (c->step > 0 || has(c, ":")) && (has(c, "sum") || has(c, "avg") || has(c, "std"));
}

static bool sorts_many(const struct test_case *c, const struct answer *x)
{
    return x->n_series > SORTED_IN_ORDER && (has(c, "sort") || has(c, "topk") || has(c, "bottomk"));
}

/* What is left when orders are set aside that Prometheus does not promise. */
static enum verdict set_orders_aside(const struct judge *j, const struct test_case *c,
                                     const struct answer *own, const struct answer *peer,
                                     bool wavers)
{
    struct test_case loose = *c;

    if ((wavers || sorts_many(c, peer)) && only_order_differs(j->arena, c, own, peer))
        return ORDERED;
    loose.inexact = true;
    loose.any_order = wavers;
    if (adds_in_any_order(c) && answers_differ(j->arena, &loose, own, peer).n == 0)
        return ORDERED;
    return wavers ? WAVERS : DIFFERS;
}

enum verdict judge_case(const struct judge *j, const struct data_set *d, const struct test_case *c,
                        struct answer *own, struct answer *peer, struct str *what)
{
    struct answer first;
    bool wavers = false;

    own_answer(j->arena, j->source, d, c, own);
    for (size_t i = 0; i < (wavers ? MORE_TRIES : TRIES); i++) {
        peer_query(j->peer, c);
        if (!peer_answer(j->peer, j->arena, peer)) {
            *what = STR("Prometheus' engine has ended");
            return DIFFERS;
        }
        *what = answers_differ(j->arena, c, own, peer);
        if (what->n == 0)
            return SAME;
        if (i == 0)
            first = *peer;
        else
            wavers |= answers_differ(j->arena, c, &first, peer).n > 0;
    }
    return set_orders_aside(j, c, own, peer, wavers);
}
