/*
 * judge.c - is a difference one? Prometheus keeps the series of a range evaluation in a map, and
 * those of its storage in any order. What follows from an order - which of equals topk() takes, the
 * last digit of a sum, which error comes first - may differ.
 */
#include "fuzz.h"

#define TRIES 100 /* in the order of labels, and in as many other ones */
#define MORE  400 /* once two answers were seen */

struct hearing {
    const struct judge *j;
    const struct test_case *c;
    const struct answer *own;
    struct answer *peer;
    struct str *what;
    struct answer first;
    size_t asked;
    bool wavers;
};

/* True: it is settled, *what tells how. */
static bool ask(struct hearing *h)
{
    struct arena *a = h->j->arena;

    peer_query(h->j->peer, h->c);
    if (!peer_answer(h->j->peer, a, h->peer)) {
        *h->what = STR("Prometheus' engine has ended");
        h->wavers = false;
        return true;
    }
    *h->what = answers_differ(a, h->c, h->own, h->peer);
    if (h->what->n == 0)
        return true;
    if (h->asked++ == 0)
        h->first = *h->peer;
    else
        h->wavers |= answers_differ(a, h->c, &h->first, h->peer).n > 0;
    return false;
}

static bool ask_again(struct hearing *h, bool any_order)
{
    for (size_t i = 0; i < (h->wavers ? MORE : TRIES); i++) {
        if (any_order)
            peer_order(h->j->peer, true);
        if (ask(h))
            return true;
    }
    return false;
}

static bool has(const struct test_case *c, const char *text)
{
    return memmem(c->text.p, c->text.n, text, strlen(text)) != NULL;
}

/* A sum over the series of a range evaluation, whose last digits need not be the same in any try.
 */
static bool only_sums_differ(const struct hearing *h)
{
    struct test_case loose = *h->c;

    loose.inexact = true;
    return (loose.step > 0 || has(&loose, ":")) &&
           (has(&loose, "sum") || has(&loose, "avg") || has(&loose, "std")) &&
           answers_differ(h->j->arena, &loose, h->own, h->peer).n == 0;
}

enum verdict judge_case(const struct judge *j, const struct data_set *d, const struct test_case *c,
                        struct answer *own, struct answer *peer, struct str *what)
{
    struct hearing h = {.j = j, .c = c, .own = own, .peer = peer, .what = what};
    bool settled;

    own_answer(j->arena, j->source, d, c, own);
    settled = ask_again(&h, false) || ask_again(&h, true);
    peer_order(j->peer, false);
    if (settled)
        return what->n == 0 ? SAME : DIFFERS;
    if (only_sums_differ(&h))
        return ORDERED;
    if (!h.wavers)
        return DIFFERS;
    return only_order_differs(j->arena, c, own, peer) ? ORDERED : WAVERS;
}
