/*
 * story_read_check.c - an item of autoscale_test, as claims.
 */
#include "ferula/base/check.h"
#include "story_load.h"

#define NO_COUNT (-1)

/* An item, or its `expect`, word by word. */
struct check_words {
    struct text_at object;
    dur_ms at, within, from, to;
    struct story_count_at {
        int64_t v;
        struct text_at text;
    } replicas, least, most;
    struct text_at never, always, reason, condition;
    struct story_faults faults;
    const struct tree *expect;
};

static void read_count(struct loader *l, const struct tree *v, void *target)
{
    struct story_count_at *c = target;

    story__count(l, v, &c->v);
    c->text = (struct text_at){v->text, v->at};
}

static const struct story_key keys[] = {
    {"scaled_object", story__text,     offsetof(struct check_words, object)   },
    {"at",            story__duration, offsetof(struct check_words, at)       },
    {"within",        story__duration, offsetof(struct check_words, within)   },
    {"from",          story__duration, offsetof(struct check_words, from)     },
    {"to",            story__duration, offsetof(struct check_words, to)       },
    {"replicas",      read_count,      offsetof(struct check_words, replicas) },
    {"min_replicas",  read_count,      offsetof(struct check_words, least)    },
    {"max_replicas",  read_count,      offsetof(struct check_words, most)     },
    {"never",         story__text,     offsetof(struct check_words, never)    },
    {"always",        story__text,     offsetof(struct check_words, always)   },
    {"reason",        story__text,     offsetof(struct check_words, reason)   },
    {"condition",     story__text,     offsetof(struct check_words, condition)},
    {"faults",        story__faults,   offsetof(struct check_words, faults)   },
    {"expect",        story__tree,     offsetof(struct check_words, expect)   },
};

/* ---- claims ----------------------------------------------------------------------------- */

static struct claim *add_claim(struct loader *l, struct story_check *c, enum claim_kind kind,
                               struct place at, const struct check_words *w)
{
    ARENA_GROW(l->a, c->claims, c->n_claims, c->cap_claims, struct claim);
    c->claims[c->n_claims] = (struct claim){.kind = kind, .at = at, .from = w->from, .to = w->to};
    return &c->claims[c->n_claims++];
}

/* Replicas that are a number: at a time, at some time until, or all the time between two. */
static void claim_count(struct loader *l, struct story_check *c, const struct check_words *w,
                        const struct story_count_at *count, enum story_op op)
{
    struct claim *claim;

    if (count->v == NO_COUNT)
        return;
    claim = add_claim(l, c, CLAIM_ALWAYS, count->text.at, w);
    claim->cond = (struct story_cond){VAR_REPLICAS, op, (double)count->v, count->text};
    if (w->at != CLAIM_NO_TIME) {
        claim->kind = CLAIM_AT;
        claim->from = w->at;
    } else if (w->within != CLAIM_NO_TIME) {
        claim->kind = CLAIM_WITHIN;
        claim->to = w->within; /* after `from`, or after the ScaledObject was created */
    }
}

static void claim_cond(struct loader *l, struct story_check *c, const struct check_words *w,
                       const struct text_at *text, enum claim_kind kind)
{
    struct claim *claim;

    if (text->s.p == NULL)
        return;
    claim = add_claim(l, c, kind, text->at, w);
    if (!story__cond_parse(text->s, &claim->cond))
        complain(l->complaints, text->at, true,
                 "'" STR_FMT "' is not NAME OPERATOR NUMBER, as in 'replicas > 5'; names are "
                 "replicas, ready, desired, proposal, metric, active and fallback",
                 STR_ARG(text->s));
    claim->cond.text = (struct text_at){0};
    if (w->at != CLAIM_NO_TIME)
        claim->from = claim->to = w->at;
}

static void claim_reason(struct loader *l, struct story_check *c, const struct check_words *w)
{
    struct claim *claim;
    enum reason reason;

    if (w->reason.s.p == NULL)
        return;
    claim = add_claim(l, c, CLAIM_REASON, w->reason.at, w);
    claim->from = w->at;
    claim->reason = w->reason.s;
    if (!reason_parse(w->reason.s, &reason))
        complain(l->complaints, w->reason.at, true, "'" STR_FMT "' is no reason that there is",
                 STR_ARG(w->reason.s));
    if (w->at == CLAIM_NO_TIME)
        complain(l->complaints, w->reason.at, true, "a reason needs 'at'");
}

/* TYPE=STATUS or TYPE=STATUS/REASON */
static void claim_condition(struct loader *l, struct story_check *c, const struct check_words *w)
{
    static const char *const statuses[] = {"Unknown", "True", "False"};
    struct str rest = w->condition.s, type, status;
    struct claim *claim;
    size_t i = 0;

    if (rest.p == NULL)
        return;
    claim = add_claim(l, c, CLAIM_STATUS, w->condition.at, w);
    claim->from = w->at;
    (void)str_split(&rest, '=', &type);
    claim->type = str_trim(type);
    if (!str_split(&rest, '/', &status))
        status = (struct str){0};
    while (i < COUNT(statuses) && !str_is(str_trim(status), statuses[i]))
        i++;
    claim->status = (enum condition_status)i;
    claim->reason = rest.p == NULL ? rest : str_trim(rest);
    if (i == COUNT(statuses) || !story__is_condition(claim->type))
        complain(l->complaints, w->condition.at, true,
                 "'" STR_FMT
                 "' is not TYPE=True|False|Unknown[/REASON]; types are " STORY_CONDITIONS,
                 STR_ARG(w->condition.s));
    if (w->at == CLAIM_NO_TIME)
        complain(l->complaints, w->condition.at, true, "a condition needs 'at'");
}

/* Times that contradict each other; `v`: the item. */
static void check_times(struct loader *l, const struct tree *v, const struct check_words *w)
{
    bool span = w->within != CLAIM_NO_TIME || w->from != CLAIM_NO_TIME || w->to != CLAIM_NO_TIME;

    if (w->at != CLAIM_NO_TIME && span)
        story__wrong(l, v, "'at' is one moment: within, from and to do not go with it");
    if (w->from != CLAIM_NO_TIME && w->to != CLAIM_NO_TIME && w->to < w->from)
        story__wrong(l, v, "'to' is before 'from'");
}

static void add_claims(struct loader *l, struct story_check *c, const struct check_words *w)
{
    claim_count(l, c, w, &w->replicas, OP_EQ);
    claim_count(l, c, w, &w->least, OP_GE);
    claim_count(l, c, w, &w->most, OP_LE);
    claim_cond(l, c, w, &w->never, CLAIM_NEVER);
    claim_cond(l, c, w, &w->always, CLAIM_ALWAYS);
    claim_reason(l, c, w);
    claim_condition(l, c, w);
}

/* ---- items ------------------------------------------------------------------------------ */

static const struct check_words nothing = {
    .at = CLAIM_NO_TIME,
    .within = CLAIM_NO_TIME,
    .from = CLAIM_NO_TIME,
    .to = CLAIM_NO_TIME,
    .replicas = {.v = NO_COUNT},
    .least = {.v = NO_COUNT},
    .most = {.v = NO_COUNT},
};

/* What is expected of faults holds while they do, unless times are given. */
static void read_expect(struct loader *l, const struct tree *v, struct story_check *c,
                        const struct check_words *outer)
{
    struct check_words w = nothing;

    w.from = outer->from;
    w.to = outer->to;
    for (size_t i = 0; i < c->n_faults && outer->from == CLAIM_NO_TIME; i++) {
        w.from = i == 0 ? c->faults[i].from : MIN(w.from, c->faults[i].from);
        w.to = i == 0 ? c->faults[i].to : MAX(w.to, c->faults[i].to);
    }
    if (w.to == INT64_MAX)
        w.to = CLAIM_NO_TIME;
    STORY_MAP(l, v, keys, &w);
    if (w.object.s.p != NULL || w.expect != NULL || w.faults.n > 0)
        story__wrong(l, v, "scaled_object, faults and expect belong outside of expect");
    add_claims(l, c, &w);
}

const struct scaled_object *story__find_object(struct loader *l, const struct tree *v,
                                               const struct text_at *name)
{
    const struct manifests *m = &l->sf->manifests;

    if (name->s.p == NULL && m->n_scaled_objects == 1)
        return &m->scaled_objects[0];
    if (name->s.p == NULL) {
        story__wrong(l, v, "which 'scaled_object'? There are %zu", m->n_scaled_objects);
        return NULL;
    }
    for (size_t i = 0; i < m->n_scaled_objects; i++)
        if (str_eq(m->scaled_objects[i].name.s, name->s))
            return &m->scaled_objects[i];
    complain(l->complaints, name->at, true, "there is no ScaledObject '" STR_FMT "'",
             STR_ARG(name->s));
    return NULL;
}

void story__check(struct loader *l, const struct tree *v, void *target)
{
    struct check_words w = nothing;
    struct story_check *c = target;

    STORY_MAP(l, v, keys, &w);
    check_times(l, v, &w);
    c->at = v->at;
    c->faults = w.faults.v;
    c->n_faults = w.faults.n;
    c->object = story__find_object(l, v, &w.object);
    add_claims(l, c, &w);
    if (w.expect != NULL && w.expect->kind == TREE_LIST)
        for (size_t i = 0; i < w.expect->n; i++)
            read_expect(l, w.expect->items[i], c, &w);
    else if (w.expect != NULL)
        read_expect(l, w.expect, c, &w);
    if (c->n_claims == 0)
        story__wrong(l, v,
                     "nothing is expected here: replicas, min_replicas, max_replicas, never, "
                     "always, reason, condition or expect");
}
