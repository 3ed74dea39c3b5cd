/*
 * story_change.c - `changes` of a test: what somebody does to the ScaledObjects while it runs.
 */
#include "ferula/base/check.h"
#include "manifest_priv.h"
#include "story_load.h"

/* ---- reading ---------------------------------------------------------------------------- */

/* Of spec what a running test can take over; what is null would be a default that nobody sees. */
static bool check_spec(struct loader *l, const struct tree *spec)
{
    size_t before = l->complaints->n;

    for (size_t i = 0; spec != NULL && spec->kind == TREE_MAP && i < spec->n; i++) {
        const struct tree_pair *p = &spec->pairs[i];

        if (str_is(p->key.s, "triggers") || str_is(p->key.s, "scaleTargetRef"))
            complain(l->complaints, p->key.at, true,
                     "'" STR_FMT "' cannot change while a test runs", STR_ARG(p->key.s));
        else if (p->value->kind == TREE_NULL)
            complain(l->complaints, p->key.at, true, "'" STR_FMT "' needs the value it changes to",
                     STR_ARG(p->key.s));
    }
    return l->complaints->n == before;
}

static void read_change(struct loader *l, const struct tree *v, void *target)
{
    static const struct story_key keys[] = {
        {"at",            story__duration, offsetof(struct story_change, t)          },
        {"scaled_object", story__text,     offsetof(struct story_change, object)     },
        {"annotations",   story__tree,     offsetof(struct story_change, annotations)},
        {"spec",          story__tree,     offsetof(struct story_change, spec)       },
    };
    struct story_change *c = target;

    c->t = -1;
    c->tree = v;
    STORY_MAP(l, v, keys, c);
    if (c->t < 0)
        story__wrong(l, v, "a change needs 'at'");
    if (c->annotations == NULL && c->spec == NULL)
        story__wrong(l, v, "nothing changes here: annotations or spec");
    if (!check_spec(l, c->spec))
        c->spec = NULL;
}

void story__changes(struct loader *l, const struct tree *v, void *target)
{
    struct story_test *t = target;

    story__list(l, v, sizeof(*t->changes), read_change, &t->changes, &t->n_changes);
    for (size_t i = 1; i < t->n_changes; i++)
        if (t->changes[i].t < t->changes[i - 1].t)
            story__wrong(l, t->changes[i].tree, "the times of changes have to ascend");
}

/* ---- applying --------------------------------------------------------------------------- */

static bool is_about(const struct story_change *c, const struct scaled_object *o)
{
    return c->object.s.p == NULL || str_eq(c->object.s, o->name.s);
}

/* Each change is made to what the one before it left. */
static void apply(struct loader *l, const struct story_test *t, struct story_check *check)
{
    struct sim_change *v = arena_array(l->a, struct sim_change, t->n_changes);
    const struct scaled_object *object = check->object;

    for (size_t i = 0; i < t->n_changes; i++) {
        const struct story_change *c = &t->changes[i];
        struct reading r = {.a = l->a, .complaints = l->complaints};
        struct scaled_object *patched;

        if (!is_about(c, object))
            continue;
        patched = arena_new(l->a, struct scaled_object);
        *patched = *object;
        autoscale__patch_scaled_object(&r, c->annotations, c->spec, patched);
        v[check->n_changes++] = (struct sim_change){c->t, patched};
        object = patched;
    }
    check->changes = v;
}

void story__apply_changes(struct loader *l, struct story_test *t)
{
    for (size_t i = 0; i < t->n_changes; i++) {
        const struct story_change *c = &t->changes[i];

        if (c->object.s.p != NULL)
            (void)story__find_object(l, c->tree, &c->object);
        if (c->t >= 0 && c->t < t->created)
            story__wrong(l, c->tree, "this is before the ScaledObject is created ('created_at')");
    }
    for (size_t i = 0; i < t->n_checks; i++) {
        struct story_check *c = &t->checks[i];
        size_t k = 0;

        while (k < i && t->checks[k].object != c->object)
            k++;
        c->changes = t->checks[k].changes;
        c->n_changes = t->checks[k].n_changes;
        if (k == i && c->object != NULL)
            apply(l, t, c);
    }
}
