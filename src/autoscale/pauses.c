/*
 * pauses.c - see pauses.h. KEDA's apis/keda/v1alpha1/scaledobject_types.go and
 * controllers/keda/hpa.go.
 */
#include "pauses.h"

#include "autoscale_priv.h"

#define ANNOTATION "autoscaling.keda.sh/"

/* What is no boolean counts as true. */
static bool is_on(const struct scaled_object *o, const char *name)
{
    const struct pair_at *p = pairs_find(&o->annotations, name);
    bool on = true;

    if (p != NULL)
        (void)autoscale__parse_bool(p->value.s, &on);
    return p != NULL && on;
}

struct pauses autoscale__pauses_of(const struct scaled_object *o,
                                   const struct autoscale_rules *rules)
{
    const struct pair_at *at = pairs_find(&o->annotations, ANNOTATION "paused-replicas");
    bool one_way = rules->pauses_one_way;
    struct pauses p = {
        .all = at != NULL || is_on(o, ANNOTATION "paused"),
        .replicas = -1,
        .in = one_way && is_on(o, ANNOTATION "paused-scale-in"),
        .out = one_way && is_on(o, ANNOTATION "paused-scale-out"),
        .force = one_way && is_on(o, ANNOTATION "force-activation"),
    };
    int64_t n;

    if (at != NULL && str_to_i64(str_trim(at->value.s), &n) && n >= 0 && n <= INT32_MAX)
        p.replicas = (int32_t)n;
    return p;
}

bool autoscale__behavior_of(const struct scaled_object *o, const struct pauses *p,
                            struct behavior *out)
{
    *out = o->behavior.given ? o->behavior : behavior_default();
    if (p->in)
        out->down.select = SELECT_DISABLED;
    if (p->out)
        out->up.select = SELECT_DISABLED;
    return o->behavior.given || p->in || p->out;
}
