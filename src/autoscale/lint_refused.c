/*
 * lint_refused.c - what KEDA or the API server refuses of ScaledObjects that manifests_read() took:
 * names, triggers' metadata, formulas, what their versions do not have, and targets that several
 * objects have.
 */
#include <math.h>

#include "autoscale_priv.h"
#include "cron.h"
#include "ferula/base/num.h"
#include "formula.h"
#include "lint_priv.h"

static void refuse(struct linter *l, struct place at, struct str text, struct str fix)
{
    autoscale__find(l, RULE_FER015, at, text, fix);
}

/* ---- names ------------------------------------------------------------------------------ */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123: labels with dots between them. */
static bool is_subdomain(struct str s)
{
    enum { NAME_MAX_BYTES = 253 };
    struct str label;

    if (s.n > NAME_MAX_BYTES)
        return false;
    while (str_split(&s, '.', &label)) {
        if (label.n == 0 || !is_alphanumeric(label.p[0]) || !is_alphanumeric(label.p[label.n - 1]))
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_alphanumeric(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

static void check_name(struct linter *l, const struct text_at *name, const char *path)
{
    if (name->s.n == 0 || autoscale__placeholder(name->s).n > 0 || is_subdomain(name->s))
        return;
    refuse(l, name->at,
           arena_printf(l->a,
                        "%s: Invalid value: \"" STR_FMT
                        "\": a lowercase RFC 1123 subdomain must consist of lower case "
                        "alphanumeric characters, '-' or '.', and must start and end with an "
                        "alphanumeric character",
                        path, STR_ARG(name->s)),
           STR("a name as sample-app"));
}

/* ---- triggers --------------------------------------------------------------------------- */

/* Without any zone files here no time zone is known, which says nothing of the cluster. */
static bool has_zones(struct arena *a)
{
    struct zone *zone;

    return autoscale__zone_load(a, STR("Etc/GMT"), &zone, NULL) == 0;
}

static void check_trigger(struct linter *l, const struct trigger *t)
{
    bool cron = str_is(t->type.s, "cron"), resource = trigger_is_resource(t);
    struct cron_trigger schedule;
    double target, activation;
    struct fault f = {0};
    int rc;

    if ((!cron && !resource) || autoscale__has_placeholder(&t->metadata))
        return;
    rc = trigger_target(t, l->a, &target, &activation, &f);
    if (rc == 0 && cron)
        rc = autoscale__cron_trigger_read(t, l->a, &schedule, &f);
    if (rc < 0 && str_starts(str_of(f.text), "unable to load timezone") && !has_zones(l->a))
        return;
    if (rc < 0)
        refuse(l, t->at, arena_str(l->a, str_of(f.text)), (struct str){NULL, 0});
    else if (resource && !(target > 0))
        refuse(l, pairs_find(&t->metadata, "value")->value.at,
               arena_printf(l->a, "value " STR_FMT " is the target in the HPA: Invalid value: %s",
                            STR_ARG(pairs_get(&t->metadata, "value")),
                            t->metric_type == METRIC_UTILIZATION ? "must be greater than 0"
                                                                 : "must be positive"),
               STR("a value above 0"));
}

/* ---- scalingModifiers ------------------------------------------------------------------- */

/* strconv.ParseFloat's, or the number itself when it is one. */
static struct str parse_error(const struct linter *l, struct str s)
{
    bool range = false;
    double v;

    if (num_parse(s, &v, &range) && !range)
        return s;
    return arena_printf(l->a, "strconv.ParseFloat: parsing \"" STR_FMT "\": %s", STR_ARG(s),
                        range ? "value out of range" : "invalid syntax");
}

/* What is missing is complained of already; here is what is there and wrong. */
static void check_modifiers(struct linter *l, const struct scaled_object *so)
{
    const struct scaling_modifiers *m = &so->modifiers;
    struct str *names = arena_array(l->a, struct str, so->n_triggers);
    struct formula *formula;
    struct fault f = {0};
    double target;
    bool range = false;
    size_t n = 0;

    if (m->formula.s.n == 0 || m->target.s.n == 0 || autoscale__placeholder(m->formula.s).n > 0 ||
        autoscale__placeholder(m->target.s).n > 0)
        return;
    for (size_t i = 0; i < so->n_triggers; i++)
        if (!trigger_is_resource(&so->triggers[i]) && so->triggers[i].name.s.n > 0)
            names[n++] = so->triggers[i].name.s;
    if (formula_compile(l->a, m->formula.s, names, n, &formula, &f) == FER_EINVAL)
        refuse(l, m->formula.at, arena_str(l->a, str_of(f.text)),
               STR("the names in a formula are those of the triggers"));
    if (!num_parse(m->target.s, &target, &range) || range || !(target > 0))
        refuse(l, m->target.at,
               arena_printf(l->a,
                            "error validating target in ScalingModifiers\n"
                            "error converting target for scalingModifiers (string->float) to valid "
                            "target: " STR_FMT,
                            STR_ARG(parse_error(l, m->target.s))),
               STR("a number above 0, as text"));
    if (m->activation_target.s.n > 0 && autoscale__placeholder(m->activation_target.s).n == 0 &&
        (!num_parse(m->activation_target.s, &target, &range) || range))
        refuse(l, m->activation_target.at,
               arena_printf(l->a, "scalingModifiers.ActivationTarget parsing error " STR_FMT,
                            STR_ARG(parse_error(l, m->activation_target.s))),
               STR("a number, as text"));
}

/* ---- versions --------------------------------------------------------------------------- */

static void check_tolerance(struct linter *l, const struct scaling_rules *rules, const char *way)
{
    if (rules->tolerance >= 0)
        autoscale__find(l, RULE_FER016, rules->at,
                        arena_printf(l->a,
                                     "%s.tolerance does nothing before Kubernetes 1.35, where "
                                     "HPAConfigurableTolerance is on by default",
                                     way),
                        STR("leave it out, or name the cluster's version: --k8s-version"));
}

static void check_annotations(struct linter *l, const struct pairs *annotations)
{
    static const char *const new[] = {"autoscaling.keda.sh/paused-scale-in",
                                      "autoscaling.keda.sh/paused-scale-out",
                                      "autoscaling.keda.sh/force-activation"};

    for (size_t i = 0; i < COUNT(new); i++) {
        const struct pair_at *pair = pairs_find(annotations, new[i]);

        if (pair != NULL)
            autoscale__find(l, RULE_FER016, pair->key.at,
                            arena_printf(l->a, "%s does nothing before KEDA 2.18", new[i]),
                            STR("autoscaling.keda.sh/paused is known there"));
    }
}

static void check_versions(struct linter *l, const struct scaled_object *so)
{
    struct autoscale_rules rules = autoscale_rules_of(&l->opts->versions);

    if (so->behavior.given && !rules.tolerance_by_behavior) {
        check_tolerance(l, &so->behavior.up, "scaleUp");
        check_tolerance(l, &so->behavior.down, "scaleDown");
    }
    if (!rules.pauses_one_way)
        check_annotations(l, &so->annotations);
    if (so->fallback.behavior == FALLBACK_SCALING_MODIFIERS && !rules.fallback_by_formula)
        refuse(l, so->fallback.at,
               STR("spec.fallback.behavior: Unsupported value: \"scalingModifiers\": KEDA has it "
                   "since 2.20"),
               STR("another behavior, or name the cluster's version: --keda-version"));
}

/* ---- targets ---------------------------------------------------------------------------- */

/* Files of one folder may be for different clusters, unless they name a namespace. */
static bool same_namespace(const struct text_at *ns, struct place at,
                           const struct scaled_object *so)
{
    return str_eq(ns->s, so->ns.s) && (ns->s.n > 0 || strcmp(at.file, so->at.file) == 0);
}

static bool same_target(const struct text_at *name, const struct text_at *kind,
                        const struct scaled_object *so)
{
    return name->s.n > 0 && str_eq(name->s, so->target_name.s) &&
           str_eq(kind->s, so->target_kind.s);
}

static bool same_hpa(const struct scaled_object *x, const struct scaled_object *so)
{
    return x->hpa_name.s.n > 0 && str_eq(x->hpa_name.s, so->hpa_name.s);
}

static void managed(struct linter *l, const struct scaled_object *so, const char *by,
                    struct str other)
{
    autoscale__find(l, RULE_FER023, so->target_name.at,
                    arena_printf(l->a,
                                 "the workload '" STR_FMT "' of type '" STR_FMT
                                 "' is already managed by the %s '" STR_FMT "'",
                                 STR_ARG(so->target_name.s), STR_ARG(so->target_kind.s), by,
                                 STR_ARG(other)),
                    STR("one object with several triggers scales by the largest"));
}

static bool check_scaled_objects(struct linter *l, size_t index)
{
    const struct scaled_object *so = &l->m->scaled_objects[index];

    for (size_t i = 0; i < index; i++) {
        const struct scaled_object *x = &l->m->scaled_objects[i];

        if (!same_namespace(&x->ns, x->at, so) || str_eq(x->name.s, so->name.s))
            continue;
        if (same_target(&x->target_name, &x->target_kind, so)) {
            managed(l, so, "ScaledObject", x->name.s);
            return false;
        }
        if (same_hpa(x, so)) {
            autoscale__find(l, RULE_FER023, so->hpa_name.at,
                            arena_printf(l->a,
                                         "the HPA '" STR_FMT
                                         "' is already managed by the ScaledObject '" STR_FMT "'",
                                         STR_ARG(so->hpa_name.s), STR_ARG(x->name.s)),
                            STR("a name for each, or none: keda-hpa-NAME"));
            return false;
        }
    }
    return true;
}

/* One that KEDA made for this object, or that it is told not to look at. */
static bool is_no_rival(const struct hpa_object *hpa, const struct scaled_object *so)
{
    return str_is(pairs_get(&hpa->annotations, "validations.keda.sh/hpa-ownership"), "false") ||
           str_starts(hpa->name.s, "keda-hpa-") ||
           (hpa->owner.n > 0 && str_eq(hpa->owner, so->name.s));
}

static void check_hpas(struct linter *l, const struct scaled_object *so)
{
    bool transfers =
        str_is(pairs_get(&so->annotations, "scaledobject.keda.sh/transfer-hpa-ownership"), "true");

    for (size_t i = 0; i < l->m->n_hpas; i++) {
        const struct hpa_object *hpa = &l->m->hpas[i];

        if (!same_namespace(&hpa->ns, hpa->at, so) ||
            !same_target(&hpa->target_name, &hpa->target_kind, so) || is_no_rival(hpa, so) ||
            (transfers && str_eq(hpa->name.s, so->hpa_name.s)))
            continue;
        if (transfers)
            autoscale__find(
                l, RULE_FER023, so->target_name.at,
                arena_printf(
                    l->a,
                    "the existing hpa '" STR_FMT "' for workload '" STR_FMT "' of type '" STR_FMT
                    "' must be specified by name in advanced settings to enable ownership "
                    "transfer",
                    STR_ARG(hpa->name.s), STR_ARG(so->target_name.s), STR_ARG(so->target_kind.s)),
                STR("set advanced.horizontalPodAutoscalerConfig.name to the HPA's name"));
        else
            managed(l, so, "hpa", hpa->name.s);
        return;
    }
}

void autoscale__lint_refused(struct linter *l, size_t index)
{
    const struct scaled_object *so = &l->m->scaled_objects[index];

    check_name(l, &so->name, "metadata.name");
    check_name(l, &so->hpa_name, "metadata.name of the HPA");
    for (size_t i = 0; i < so->n_triggers; i++)
        check_trigger(l, &so->triggers[i]);
    check_modifiers(l, so);
    check_versions(l, so);
    if (check_scaled_objects(l, index))
        check_hpas(l, so);
}
