/*
 * simulate_sweep.c - variants of ScaledObjects: each that is given, and each with a value changed.
 */
#include <math.h>
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "simulate.h"

#define MAX_VALUES   1000
#define WINDOW_MAX_S 3600 /* what the API server takes */

/* "threshold=5..20", "threshold=5..20:5", "cooldownPeriod=60,300". */
struct sweep {
    struct str key;
    double *v;
    size_t n, cap;
};

/* ---- values ----------------------------------------------------------------------------- */

static bool add_value(struct simulate *s, struct sweep *sw, double v)
{
    if (sw->n == MAX_VALUES)
        return false;
    ARENA_GROW(&s->arena, sw->v, sw->n, sw->cap, double);
    sw->v[sw->n++] = v;
    return true;
}

static bool add_range(struct simulate *s, struct sweep *sw, struct str low, struct str high)
{
    struct str to = high, step_text = {0};
    const char *colon = memchr(high.p, ':', high.n);
    double a, b, step = 1;

    if (colon != NULL) {
        to.n = (size_t)(colon - high.p);
        step_text = str_cut(high, to.n + 1);
        if (!num_parse(step_text, &step, NULL))
            return false;
    }
    if (!num_parse(low, &a, NULL) || !num_parse(to, &b, NULL) || !(step > 0) || !(a <= b) ||
        !((b - a) / step < MAX_VALUES))
        return false;
    for (size_t i = 0; a + (double)i * step <= b * (1 + 1e-12); i++)
        if (!add_value(s, sw, a + (double)i * step))
            return false;
    return true;
}

static bool parse_part(struct simulate *s, struct sweep *sw, struct str part)
{
    double v;

    for (size_t at = 0; at + 2 < part.n; at++)
        if (part.p[at] == '.' && part.p[at + 1] == '.')
            return add_range(s, sw, (struct str){part.p, at}, str_cut(part, at + 2));
    return num_parse(part, &v, NULL) && isfinite(v) && add_value(s, sw, v);
}

static bool parse_sweep(struct simulate *s, struct sweep *sw)
{
    struct str rest = str_of(s->flags->sweep), part;

    if (!str_split(&rest, '=', &sw->key) || rest.p == NULL)
        return false;
    while (str_split(&rest, ',', &part))
        if (!parse_part(s, sw, str_trim(part)))
            return false;
    return sw->n > 0;
}

/* ---- changed objects -------------------------------------------------------------------- */

static struct str number_text(struct arena *a, double v)
{
    char text[NUM_TEXT_MAX];

    return arena_str(a, (struct str){text, num_format(text, v, 'f')});
}

/* Fields of the object by their names in the manifest. */
static struct number_at *field_of(struct scaled_object *so, struct str key)
{
    struct {
        const char *name;
        struct number_at *field;
    } fields[] = {
        {"pollingInterval",       &so->polling_interval_s},
        {"cooldownPeriod",        &so->cooldown_s        },
        {"initialCooldownPeriod", &so->initial_cooldown_s},
        {"minReplicaCount",       &so->min_replicas      },
        {"maxReplicaCount",       &so->max_replicas      },
        {"idleReplicaCount",      &so->idle_replicas     },
    };

    for (size_t i = 0; i < COUNT(fields); i++)
        if (str_is(key, fields[i].name))
            return fields[i].field;
    return NULL;
}

/* A copy of a trigger's metadata with the key's value replaced; false: it has no such key. */
static bool set_metadata(struct arena *a, struct trigger *t, struct str key, struct str value)
{
    struct pair_at *v = arena_array(a, struct pair_at, t->metadata.n);
    bool found = false;

    for (size_t i = 0; i < t->metadata.n; i++) {
        v[i] = t->metadata.v[i];
        if (str_eq(v[i].key.s, key)) {
            v[i].value.s = value;
            found = true;
        }
    }
    t->metadata.v = v;
    return found;
}

static const struct scaled_object *changed(struct simulate *s, const struct scaled_object *from,
                                           struct str key, double v)
{
    struct scaled_object *so = arena_new(&s->arena, struct scaled_object);
    struct trigger *triggers = arena_array(&s->arena, struct trigger, from->n_triggers);
    struct number_at *field;
    bool found = false;

    *so = *from;
    so->triggers = triggers;
    for (size_t i = 0; i < from->n_triggers; i++)
        triggers[i] = from->triggers[i];
    field = field_of(so, key);
    if (field != NULL && v == floor(v) && fabs(v) <= INT32_MAX) {
        field->v = (int64_t)v;
        field->given = true;
        return so;
    }
    if (str_is(key, "scaleDown.stabilizationWindowSeconds") && v == floor(v) && v >= 0 &&
        v <= WINDOW_MAX_S) {
        if (!so->behavior.given)
            so->behavior = behavior_default();
        so->behavior.down.window_s = (int32_t)v;
        return so;
    }
    for (size_t i = 0; i < so->n_triggers; i++)
        found |= set_metadata(&s->arena, &triggers[i], key, number_text(&s->arena, v));
    return found ? so : NULL;
}

/* ---- variants --------------------------------------------------------------------------- */

/* By its name, and its file when another object has the same. */
static struct str name_of(struct simulate *s, size_t i)
{
    const struct scaled_object *v = s->manifests.scaled_objects;

    for (size_t k = 0; k < s->manifests.n_scaled_objects; k++)
        if (k != i && str_eq(v[k].name.s, v[i].name.s))
            return arena_printf(&s->arena, "%s", v[i].at.file);
    return v[i].name.s;
}

static int sweep_object(struct simulate *s, size_t i, const struct sweep *sw)
{
    for (size_t k = 0; k < sw->n; k++) {
        struct variant *v = &s->variants[s->n_variants];
        struct str name = name_of(s, i), value = number_text(&s->arena, sw->v[k]);

        v->object = changed(s, &s->manifests.scaled_objects[i], sw->key, sw->v[k]);
        if (v->object == NULL)
            return cli__usage_error(s->cmd,
                                    "nothing is called '" STR_FMT "' in ScaledObject '" STR_FMT
                                    "', or it cannot be " STR_FMT,
                                    STR_ARG(sw->key), STR_ARG(name), STR_ARG(value));
        v->name =
            s->manifests.n_scaled_objects > 1
                ? arena_printf(&s->arena, STR_FMT " " STR_FMT "=" STR_FMT, STR_ARG(name),
                               STR_ARG(sw->key), STR_ARG(value))
                : arena_printf(&s->arena, STR_FMT "=" STR_FMT, STR_ARG(sw->key), STR_ARG(value));
        s->n_variants++;
    }
    return CLI__OK;
}

int cli__simulate_variants(struct simulate *s)
{
    size_t n = s->manifests.n_scaled_objects;
    struct sweep sw = {0};
    int rc = CLI__OK;

    if (s->flags->sweep != NULL && !parse_sweep(s, &sw))
        return cli__usage_error(s->cmd,
                                "invalid value \"%s\" for flag '--sweep': expected KEY=VALUES, as "
                                "in threshold=5..20:5 or cooldownPeriod=60,300; at most %d values",
                                s->flags->sweep, MAX_VALUES);
    s->variants = arena_array(&s->arena, struct variant, n * MAX(sw.n, 1));
    for (size_t i = 0; rc == CLI__OK && i < n; i++) {
        if (sw.n > 0)
            rc = sweep_object(s, i, &sw);
        else
            s->variants[s->n_variants++] =
                (struct variant){.name = name_of(s, i), .object = &s->manifests.scaled_objects[i]};
    }
    return rc;
}
