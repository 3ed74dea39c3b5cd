/*
 * manifest_hpa.c - the HorizontalPodAutoscaler, and its target and behavior, which a ScaledObject
 * has, too.
 *
 * Defaults are those of Kubernetes' pkg/apis/autoscaling/v2/defaults.go, texts those of its
 * validation.
 */
#include <inttypes.h>

#include "autoscale_priv.h"
#include "ferula/base/check.h"
#include "manifest_priv.h"

enum { WINDOW_MAX_S = 3600, PERIOD_MAX_S = 1800 };

/* ---- targets ---------------------------------------------------------------------------- */

// clang-format off
static const struct field target_fields[] = {
    {"name",                   FIELD_TEXT, .at = offsetof(struct target_ref, name), .required = true},
    {"kind",                   FIELD_TEXT, .at = offsetof(struct target_ref, kind)},
    {"apiVersion",             FIELD_TEXT, .at = offsetof(struct target_ref, api_version)},
    {"envSourceContainerName", FIELD_ANY,  .read = autoscale__only_text},
};
// clang-format on

void autoscale__read_target(struct reading *r, const struct tree *ref, struct target_ref *out)
{
    autoscale__fields(r, ref, target_fields, COUNT(target_fields), out);
    if (out->name.at.line > 0 && out->name.s.n == 0) {
        size_t before = autoscale__path_push(r, "name");

        autoscale__refuse(r, out->name.at,
                          "Invalid value: \"\": %s in body should be at least 1 chars long",
                          r->path);
        autoscale__path_pop(r, before);
    }
}

/* ---- behavior --------------------------------------------------------------------------- */

static const char *const select_names[] = {"Max", "Min", "Disabled", NULL};
static const char *const policy_names[] = {"Pods", "Percent", NULL};

/* INT32_MIN: not given. */
struct policy_read {
    int type;
    int32_t value, period_s;
};

// clang-format off
static const struct field policy_fields[] = {
    {"type",          FIELD_CHOICE, .at = offsetof(struct policy_read, type), .required = true, .choices = policy_names},
    {"value",         FIELD_INT32,  .at = offsetof(struct policy_read, value), .required = true, .least = INT32_MIN},
    {"periodSeconds", FIELD_INT32,  .at = offsetof(struct policy_read, period_s), .required = true, .least = INT32_MIN},
};
// clang-format on

static void check_bound(struct reading *r, const struct tree *in, const char *name, int32_t v,
                        int32_t least, int32_t most)
{
    const struct tree *t = autoscale__tree_get(in, name);
    size_t before = autoscale__path_push(r, name);

    if (v < least && least == 0)
        autoscale__refuse(r, t->at,
                          "Invalid value: %" PRId32 ": must be greater than or equal to zero", v);
    else if (v < least)
        autoscale__refuse(r, t->at, "Invalid value: %" PRId32 ": must be greater than zero", v);
    else if (v > most)
        autoscale__refuse(r, t->at,
                          "Invalid value: %" PRId32 ": must be less than or equal to %" PRId32, v,
                          most);
    autoscale__path_pop(r, before);
}

/* A behavior of an HPA goes to its validation, one of a ScaledObject to KEDA's schema first. */
static bool in_scaled_object(const struct reading *r)
{
    return str_starts((struct str){r->path, r->path_n}, "spec.advanced.");
}

static void read_policies(struct reading *r, const struct tree *list, void *target)
{
    struct scaling_rules *rules = target;

    if (list->n == 0) { /* from a ScaledObject it comes to the HPA as none: the defaults */
        if (!in_scaled_object(r))
            autoscale__refuse(r, list->at, "Required value: must specify at least one Policy");
        return;
    }
    rules->policies = arena_array(r->a, struct scaling_policy, list->n);
    rules->n_policies = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct policy_read p = {POLICY_PODS, INT32_MIN, INT32_MIN};
        size_t before = autoscale__path_push_index(r, i);

        if (autoscale__is(r, list->items[i], TREE_MAP)) {
            autoscale__fields(r, list->items[i], policy_fields, COUNT(policy_fields), &p);
            if (p.value != INT32_MIN)
                check_bound(r, list->items[i], "value", p.value, 1, INT32_MAX);
            if (p.period_s != INT32_MIN)
                check_bound(r, list->items[i], "periodSeconds", p.period_s, 1, PERIOD_MAX_S);
            if (p.value > 0 && p.period_s > 0)
                rules->policies[rules->n_policies++] =
                    (struct scaling_policy){(enum policy_type)p.type, p.value, p.period_s};
        }
        autoscale__path_pop(r, before);
    }
}

/* A quantity: "0.05", "50m". In KEDA's schema it is an integer or text, in the HPA's any number. */
static void read_tolerance(struct reading *r, const struct tree *t, void *target)
{
    struct scaling_rules *rules = target;
    double v;

    if (t->kind == TREE_TEXT && autoscale__unfilled(r, &(struct text_at){t->text, t->at}))
        return;
    if (t->kind != TREE_TEXT && t->kind != TREE_INTEGER &&
        (t->kind != TREE_NUMBER || in_scaled_object(r)))
        autoscale__refuse(
            r, t->at, "Invalid value: \"%s\": %s in body must be of type integer,string: \"%s\"",
            autoscale__tree_type(t), r->path, autoscale__tree_type(t));
    else if (!autoscale__quantity_parse(t->text, &v))
        autoscale__refuse(r, t->at,
                          "Invalid value: \"" STR_FMT
                          "\": quantities must match the regular expression "
                          "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                          STR_ARG(t->text));
    else if (v < 0)
        autoscale__refuse(r, t->at,
                          "Invalid value: \"" STR_FMT "\": must be greater than or equal to 0",
                          STR_ARG(t->text));
    else
        rules->tolerance = v;
}

struct rules_read {
    struct scaling_rules rules;
    int select;
};

// clang-format off
static const struct field rules_fields[] = {
    {"stabilizationWindowSeconds", FIELD_INT32,  .at = offsetof(struct rules_read, rules.window_s), .least = INT32_MIN},
    {"selectPolicy",               FIELD_CHOICE, .at = offsetof(struct rules_read, select), .choices = select_names},
    {"policies",                   FIELD_LIST,   .at = offsetof(struct rules_read, rules), .read = read_policies},
    {"tolerance",                  FIELD_ANY,    .at = offsetof(struct rules_read, rules), .read = read_tolerance},
};
// clang-format on

static void read_rules(struct reading *r, const struct tree *t, void *target)
{
    struct scaling_rules *out = target;
    struct rules_read read = {*out, (int)out->select};
    const struct tree *window = autoscale__tree_get(t, "stabilizationWindowSeconds");

    autoscale__fields(r, t, rules_fields, COUNT(rules_fields), &read);
    if (window != NULL && window->kind == TREE_INTEGER && window->integer == read.rules.window_s)
        check_bound(r, t, "stabilizationWindowSeconds", read.rules.window_s, 0, WINDOW_MAX_S);
    *out = read.rules;
    out->select = (enum select_policy)read.select;
    out->at = t->at;
}

static const struct field behavior_fields[] = {
    {"scaleUp",   FIELD_OBJECT, offsetof(struct behavior, up),   false, 0, 0, NULL, read_rules},
    {"scaleDown", FIELD_OBJECT, offsetof(struct behavior, down), false, 0, 0, NULL, read_rules},
};

struct behavior behavior_default(void)
{
    static struct scaling_policy up[] = {
        {POLICY_PODS,    4,   15},
        {POLICY_PERCENT, 100, 15},
    };
    static struct scaling_policy down[] = {
        {POLICY_PERCENT, 100, 15},
    };

    return (struct behavior){
        .given = true,
        .up = {.window_s = 0,
               .select = SELECT_MAX,
               .policies = up,
               .n_policies = COUNT(up),
               .tolerance = -1},
        .down = {.window_s = -1,
               .select = SELECT_MAX,
               .policies = down,
               .n_policies = COUNT(down),
               .tolerance = -1},
    };
}

void autoscale__read_behavior(struct reading *r, const struct tree *t, struct behavior *out)
{
    *out = behavior_default();
    out->at = t->at;
    autoscale__fields(r, t, behavior_fields, COUNT(behavior_fields), out);
}

/* ---- the object ------------------------------------------------------------------------- */

static void read_hpa_behavior(struct reading *r, const struct tree *t, void *target)
{
    autoscale__read_behavior(r, t, target);
}

static void read_hpa_target(struct reading *r, const struct tree *t, void *target)
{
    struct hpa_object *out = target;
    struct target_ref ref = {0};

    autoscale__read_target(r, t, &ref);
    out->target_name = ref.name;
    out->target_kind = ref.kind;
    if (ref.kind.s.n == 0) {
        size_t before = autoscale__path_push(r, "kind");

        autoscale__refuse(r, t->at, "Required value");
        autoscale__path_pop(r, before);
    }
}

// clang-format off
#define HPA_FIELDS                                                                                 \
    {"scaleTargetRef", FIELD_OBJECT, .required = true, .read = read_hpa_target},                   \
    {"minReplicas",    FIELD_NUMBER, .at = offsetof(struct hpa_object, min_replicas), .least = INT32_MIN}, \
    {"maxReplicas",    FIELD_NUMBER, .at = offsetof(struct hpa_object, max_replicas), .required = true, .least = INT32_MIN}

static const struct field hpa_fields[] = {
    HPA_FIELDS,
    {"behavior", FIELD_OBJECT, .at = offsetof(struct hpa_object, behavior), .read = read_hpa_behavior},
    {"metrics",  FIELD_ANY,    .at = 0},
};

static const struct field hpa_v1_fields[] = {
    HPA_FIELDS,
    {"targetCPUUtilizationPercentage", FIELD_ANY, .at = 0},
};
// clang-format on

static void check_hpa_replicas(const struct hpa_object *hpa, struct complaints *c)
{
    if (hpa->min_replicas.v < 1)
        complain(c, hpa->min_replicas.at, true,
                 "spec.minReplicas: Invalid value: %" PRId64 ": must be greater than or equal to 1",
                 hpa->min_replicas.v);
    if (hpa->max_replicas.given && hpa->max_replicas.v < 1)
        complain(c, hpa->max_replicas.at, true,
                 "spec.maxReplicas: Invalid value: %" PRId64 ": must be greater than 0",
                 hpa->max_replicas.v);
    else if (hpa->max_replicas.given && hpa->min_replicas.v > hpa->max_replicas.v)
        complain(c, hpa->max_replicas.at, true,
                 "spec.maxReplicas: Invalid value: %" PRId64
                 ": must be greater than or equal to `minReplicas`",
                 hpa->max_replicas.v);
}

void autoscale__read_hpa(struct reading *r, const struct tree *object, bool v1,
                         struct hpa_object *out)
{
    const struct tree *spec = autoscale__tree_get(object, "spec");
    struct object_meta meta = {0};

    out->at = object->at;
    autoscale__read_meta(r, object, &meta);
    out->name = meta.name;
    out->ns = meta.ns;
    out->annotations = meta.annotations;
    out->owner = meta.scaled_object;
    out->min_replicas.v = 1;
    (void)autoscale__path_push(r, "spec");
    if (spec == NULL || spec->kind == TREE_NULL)
        autoscale__refuse(r, object->at, "Required value");
    else if (autoscale__is(r, spec, TREE_MAP))
        autoscale__fields(r, spec, v1 ? hpa_v1_fields : hpa_fields,
                          v1 ? COUNT(hpa_v1_fields) : COUNT(hpa_fields), out);
    check_hpa_replicas(out, r->complaints);
}
