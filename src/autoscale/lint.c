/*
 * lint.c - rules about ScaledObjects as wholes, and the table of all rules.
 */
#include "ferula/autoscale/lint.h"

#include <math.h>
#include <stdlib.h>

#include "autoscale_priv.h"
#include "ferula/base/check.h"
#include "lint_priv.h"

static const struct lint_rule rules[N_LINT_RULES] = {
#define L(id, severity, title, what, why, example, fix)                                            \
    [RULE_##id] = {                                                                                \
        #id,                                                                                       \
        SEVERITY_##severity,                                                                       \
        title,                                                                                     \
        what,                                                                                      \
        why,                                                                                       \
        example,                                                                                   \
        fix,                                                                                       \
        #id ": " title "\n\n" what "\n\nWhy: " why "\n\nExample:\n\n" example "\n\nFix: " fix "\n"},
#include "lint.tbl.h"
#undef L
};

static const char *const ids[N_LINT_RULES] = {
#define L(id, severity, title, what, why, example, fix) #id,
#include "lint.tbl.h"
#undef L
};

const char *const *lint_rules(size_t *n)
{
    *n = N_LINT_RULES;
    return ids;
}

const struct lint_rule *lint_rule(struct str id)
{
    for (size_t i = 0; i < N_LINT_RULES; i++)
        if (str_eq_nocase(id, str_of(rules[i].id)))
            return &rules[i];
    return NULL;
}

const char *lint_help(struct str id)
{
    const struct lint_rule *rule = lint_rule(id);

    return rule != NULL ? rule->help : NULL;
}

const char *severity_name(enum severity s)
{
    static const char *const names[] = {"note", "warning", "error"};

    return names[s];
}

void autoscale__find(struct linter *l, enum lint_rule_id rule, struct place at, struct str text,
                     struct str fix)
{
    for (size_t i = 0; i < l->opts->n_disabled; i++)
        if (str_eq_nocase(str_of(l->opts->disabled[i]), str_of(rules[rule].id)))
            return;
    ARENA_GROW(l->a, l->v, l->n, l->cap, struct lint_finding);
    l->v[l->n++] = (struct lint_finding){rules[rule].id, rules[rule].severity, at, text, fix};
}

/* ---- placeholders ----------------------------------------------------------------------- */

static bool is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

enum { GROUPS_MAX_BYTES = 8192 }; /* a text that is longer is no query */

/* (?P<name>...), for ${name} in label_replace(). */
static bool has_group(struct str s, struct str name)
{
    const char *at = name.n > 0 && s.n <= GROUPS_MAX_BYTES ? memmem(s.p, s.n, "(?", 2) : NULL;

    while (at != NULL) {
        struct str rest = str_cut(s, (size_t)(at - s.p) + 2);

        rest = str_cut(rest, str_starts(rest, "P") ? 1 : 0);
        if (str_starts(rest, "<") && rest.n > name.n + 1 && rest.p[name.n + 1] == '>' &&
            memcmp(rest.p + 1, name.p, name.n) == 0)
            return true;
        at = memmem(rest.p, rest.n, "(?", 2);
    }
    return false;
}

/* What begins with { < or $ and is closed; 0: it is not. None in "$1" or in comparisons. */
static size_t placeholder_size(struct str whole, struct str s)
{
    const char *end = NULL;
    size_t n = 1;

    if (str_starts(s, "{{")) {
        end = memmem(s.p, s.n, "}}", 2);
        return end != NULL ? (size_t)(end - s.p) + 2 : 0;
    }
    if (s.p[0] == '<' && s.p[1] >= 'A' && s.p[1] <= 'Z') {
        while (n < s.n && is_name_char(s.p[n]))
            n++;
        return n > 2 && n < s.n && s.p[n] == '>' && !has_group(whole, (struct str){s.p + 1, n - 1})
                   ? n + 1
                   : 0;
    }
    if (!str_starts(s, "${") || (s.p[2] >= '0' && s.p[2] <= '9'))
        return 0;
    end = memchr(s.p, '}', s.n);
    return end != NULL && !has_group(whole, (struct str){s.p + 2, (size_t)(end - s.p) - 2})
               ? (size_t)(end - s.p) + 1
               : 0;
}

struct str autoscale__placeholder(struct str s)
{
    for (size_t i = 0; i + 2 < s.n; i++) {
        size_t n = placeholder_size(s, str_cut(s, i));

        if (n > 0)
            return (struct str){s.p + i, n};
    }
    return (struct str){NULL, 0};
}

bool autoscale__has_placeholder(const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (autoscale__placeholder(p->v[i].value.s).n > 0)
            return true;
    return false;
}

static void find_unfilled(struct linter *l, struct place at, struct str text)
{
    autoscale__find(l, RULE_FER014, at, text, STR("fill it in before the file is applied"));
}

static void check_filled(struct linter *l, const struct text_at *text, const char *what)
{
    struct str found = autoscale__placeholder(text->s);

    if (found.n > 0)
        find_unfilled(l, text->at,
                      arena_printf(l->a, "%s has the placeholder " STR_FMT " that is not filled in",
                                   what, STR_ARG(found)));
}

static void check_pairs(struct linter *l, const struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++)
        check_filled(l, &p->v[i].value, arena_strdup(l->a, p->v[i].key.s));
}

static void check_texts(struct linter *l, const struct scaled_object *so)
{
    check_filled(l, &so->name, "metadata.name");
    check_filled(l, &so->ns, "metadata.namespace");
    check_pairs(l, &so->labels);
    check_pairs(l, &so->annotations);
    check_filled(l, &so->target_name, "scaleTargetRef.name");
    check_filled(l, &so->target_kind, "scaleTargetRef.kind");
    check_filled(l, &so->hpa_name, "horizontalPodAutoscalerConfig.name");
    check_filled(l, &so->modifiers.formula, "formula");
    check_filled(l, &so->modifiers.target, "target");
    check_filled(l, &so->modifiers.activation_target, "activationTarget");
    for (size_t i = 0; i < so->n_triggers; i++) {
        check_filled(l, &so->triggers[i].type, "type");
        check_filled(l, &so->triggers[i].name, "name");
        check_pairs(l, &so->triggers[i].metadata);
        check_filled(l, &so->triggers[i].authentication, "authenticationRef.name");
    }
}

/* ---- replicas and times ----------------------------------------------------------------- */

/* What is there and could not be read is not known. */
static bool is_known(const struct number_at *n)
{
    return n->given || n->at.line == 0;
}

static bool scales_to_zero(const struct scaled_object *so)
{
    return (is_known(&so->min_replicas) && so->min_replicas.v == 0) ||
           (so->idle_replicas.given && so->idle_replicas.v == 0);
}

static void check_cooldown(struct linter *l, const struct scaled_object *so)
{
    int window =
        so->behavior.given && so->behavior.down.window_s >= 0 ? so->behavior.down.window_s : 300;

    if (!so->cooldown_s.given || so->min_replicas.v == 0 || so->idle_replicas.given)
        return;
    autoscale__find(
        l, RULE_FER001, so->cooldown_s.at,
        arena_printf(l->a,
                     "cooldownPeriod %lld does nothing: KEDA uses it only for the step to 0 or to "
                     "idleReplicaCount, and minReplicaCount is %lld; scale-in waits for the HPA's "
                     "stabilization window of %d s",
                     (long long)so->cooldown_s.v, (long long)so->min_replicas.v, window),
        STR("set advanced.horizontalPodAutoscalerConfig.behavior.scaleDown."
            "stabilizationWindowSeconds, and leave cooldownPeriod out"));
}

static void check_polling(struct linter *l, const struct scaled_object *so)
{
    if (!so->polling_interval_s.given || so->min_replicas.v == 0 || so->idle_replicas.given)
        return;
    for (size_t i = 0; i < so->n_triggers; i++)
        if (so->triggers[i].use_cached_metrics)
            return;
    autoscale__find(l, RULE_FER020, so->polling_interval_s.at,
                    arena_printf(l->a,
                                 "pollingInterval %lld does not change how fast this scales: "
                                 "between %lld and %lld replicas the HPA asks every 15 s",
                                 (long long)so->polling_interval_s.v, (long long)so->min_replicas.v,
                                 (long long)so->max_replicas.v),
                    STR("leave it out; it matters with minReplicaCount 0, idleReplicaCount or "
                        "useCachedMetrics"));
}

static void check_replicas(struct linter *l, const struct scaled_object *so)
{
    int64_t min = so->min_replicas.v, max = so->max_replicas.v;

    if (scales_to_zero(so) && so->behavior.given && so->behavior.down.at.line > 0)
        autoscale__find(
            l, RULE_FER013, so->behavior.down.at,
            arena_printf(l->a,
                         "behavior.scaleDown does not hold for the last step: %lld s "
                         "after the last activity KEDA goes from any number of "
                         "replicas straight to %lld",
                         (long long)so->cooldown_s.v,
                         (long long)(so->idle_replicas.given ? so->idle_replicas.v : 0)),
            STR("make cooldownPeriod longer than scaling in takes, or keep "
                "minReplicaCount at 1"));
    if (so->idle_replicas.given && so->idle_replicas.v > 0)
        autoscale__find(l, RULE_FER021, so->idle_replicas.at,
                        arena_printf(l->a,
                                     "idleReplicaCount %lld is not held: the HPA raises the "
                                     "target to minReplicaCount %lld at its next sync",
                                     (long long)so->idle_replicas.v, (long long)min),
                        STR("only 0 works, as an HPA leaves a target with 0 replicas alone"));
    if (min == max && so->max_replicas.given && !so->idle_replicas.given)
        autoscale__find(l, RULE_FER024, so->max_replicas.at,
                        arena_printf(l->a,
                                     "there are always %lld replicas: minReplicaCount is "
                                     "maxReplicaCount",
                                     (long long)max),
                        STR("raise maxReplicaCount, or leave the ScaledObject out"));
}

static void check_fallback(struct linter *l, const struct scaled_object *so)
{
    const struct fallback *f = &so->fallback;

    if (!f->given)
        return;
    for (size_t i = 0; i < so->n_triggers; i++)
        if (so->triggers[i].use_cached_metrics)
            autoscale__find(l, RULE_FER022, so->triggers[i].at,
                            STR("fallback and useCachedMetrics together flap: a cached fallback "
                                "value counts as a success and ends the fallback"),
                            STR("use one of them"));
    if (f->behavior != FALLBACK_STATIC || f->replicas < 0)
        return;
    if (is_known(&so->max_replicas) && f->replicas > so->max_replicas.v)
        autoscale__find(l, RULE_FER025, f->at,
                        arena_printf(l->a,
                                     "fallback.replicas %lld is more than maxReplicaCount %lld, "
                                     "which is what there will be",
                                     (long long)f->replicas, (long long)so->max_replicas.v),
                        STR("keep fallback.replicas between the two counts"));
    else if (is_known(&so->min_replicas) && f->replicas < so->min_replicas.v)
        autoscale__find(l, RULE_FER025, f->at,
                        arena_printf(l->a,
                                     "fallback.replicas %lld is less than minReplicaCount %lld, "
                                     "which is what there will be",
                                     (long long)f->replicas, (long long)so->min_replicas.v),
                        STR("keep fallback.replicas between the two counts"));
}

/* ---- the prometheus trigger ------------------------------------------------------------- */

static bool is_azure(struct str address)
{
    return address.n > 0 && memmem(address.p, address.n, ".prometheus.monitor.azure.", 26) != NULL;
}

static void check_metadata(struct linter *l, const struct trigger *t)
{
    static const char *const known[] = {
        "serverAddress",
        "query",
        "queryParameters",
        "threshold",
        "namespace",
        "customHeaders",
        "activationThreshold",
        "ignoreNullValues",
        "unsafeSsl",
        "awsRegion",
        "timeout",
        "identityOwner",
        "authModes",
        "authMode",
        "cloud",
        "azureManagedPrometheusResourceURL",
    };

    for (size_t i = 0; i < t->metadata.n; i++) {
        const struct pair_at *pair = &t->metadata.v[i];
        bool found = false;

        for (size_t k = 0; k < COUNT(known); k++)
            found = found || str_is(pair->key.s, known[k]);
        if (!found)
            autoscale__find(l, RULE_FER027, pair->key.at,
                            arena_printf(l->a,
                                         "the prometheus trigger has no \"" STR_FMT "\": "
                                         "KEDA passes over it",
                                         STR_ARG(pair->key.s)),
                            str_is(pair->key.s, "metricName")
                                ? STR("leave it out: KEDA makes the metric's name itself")
                                : STR("correct the name, or leave it out"));
    }
}

/* What KEDA reads of it; a trigger with placeholders is read when they are filled in. */
static void read_trigger(struct linter *l, const struct scaled_object *so, const struct trigger *t,
                         struct prometheus_trigger *out)
{
    const struct pair_at *threshold = pairs_find(&t->metadata, "threshold");
    struct autoscale_rules versioned;
    struct fault f = {0};
    double v;

    *out = (struct prometheus_trigger){.threshold = NAN, .ignore_null_values = true};
    (void)autoscale__parse_bool(autoscale__get(&t->metadata, "ignoreNullValues"),
                                &out->ignore_null_values);
    if (autoscale__json_number(autoscale__get(&t->metadata, "threshold"), "float64", &v, NULL) == 0)
        out->threshold = v;
    if (autoscale__has_placeholder(&t->metadata))
        return;
    versioned = autoscale_rules_of(&l->opts->versions);
    if (prometheus_trigger_read(t, &versioned, l->a, out, &f) < 0) {
        autoscale__find(l, RULE_FER015, t->at, arena_str(l->a, str_of(f.text)),
                        (struct str){NULL, 0});
        return;
    }
    if (quantity_of(out->threshold, &versioned) <= 0 && !so->modifiers.given)
        autoscale__find(l, RULE_FER015, threshold->value.at,
                        arena_printf(l->a,
                                     "threshold " STR_FMT " makes a target of 0 in the HPA: "
                                     "Invalid value: must be positive",
                                     STR_ARG(threshold->value.s)),
                        STR("a threshold of 0.001 or more"));
}

static const struct trigger_auth *find_auth(const struct linter *l, const struct scaled_object *so,
                                            struct str name)
{
    for (size_t i = 0; i < l->m->n_auths; i++) {
        const struct trigger_auth *a = &l->m->auths[i];

        if (str_eq(a->name.s, name) &&
            (a->cluster || a->ns.s.n == 0 || so->ns.s.n == 0 || str_eq(a->ns.s, so->ns.s)))
            return a;
    }
    return NULL;
}

static void check_address(struct linter *l, const struct scaled_object *so, const struct trigger *t,
                          const struct pair_at *address)
{
    struct str s = str_trim(address->value.s), name = t->authentication.s;
    const struct trigger_auth *auth = find_auth(l, so, name);
    struct str base = s;

    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    if (str_ends(base, "/api/v1") || str_ends(base, "/api/v1/query"))
        autoscale__find(
            l, RULE_FER011, address->value.at,
            arena_printf(l->a,
                         "KEDA adds /api/v1/query to serverAddress, so it asks for " STR_FMT
                         "/api/v1/query",
                         STR_ARG(s)),
            STR("leave /api/v1 out"));
    if (name.n == 0 && is_azure(s))
        autoscale__find(l, RULE_FER018, t->at,
                        STR("there is no authenticationRef, and Azure Monitor answers 401 without "
                            "a token"),
                        STR("add a TriggerAuthentication with podIdentity.provider azure-workload "
                            "and refer to it"));
    if (auth != NULL && str_is(auth->provider.s, "azure-workload") && str_starts(s, "http://"))
        autoscale__find(l, RULE_FER019, address->value.at,
                        STR("the token of azure-workload is sent over http:// in the clear"),
                        STR("https://; plain http only to a stand-in in the same cluster"));
}

static void check_null_values(struct linter *l, const struct scaled_object *so,
                              const struct trigger *t)
{
    const struct pair_at *written = pairs_find(&t->metadata, "ignoreNullValues");

    if (!scales_to_zero(so))
        return;
    autoscale__find(l, RULE_FER004, written != NULL ? written->value.at : t->at,
                    arena_printf(l->a,
                                 "an empty answer counts as 0 (ignoreNullValues), so when the "
                                 "series are lost everything is scaled to %lld after %lld s",
                                 (long long)(so->idle_replicas.given ? so->idle_replicas.v : 0),
                                 (long long)so->cooldown_s.v),
                    STR("ignoreNullValues: \"false\" with a fallback; then an outage keeps the "
                        "replicas"));
}

/* The query as KEDA has it: without blanks around it. */
static struct text_at trimmed(const struct text_at *text)
{
    struct str s = str_trim(text->s);

    return (struct text_at){s, autoscale__place_in(text, s.n > 0 ? (size_t)(s.p - text->s.p) : 0)};
}

static void check_query(struct linter *l, struct query_view *q)
{
    static const struct promql_features features = PROMQL_FEATURES_DEFAULT;
    struct fault f = {0};

    if (q->query.s.n == 0 || autoscale__placeholder(q->query.s).n > 0)
        return;
    if (promql_parse(l->a, q->query.s, &features, &q->expr, &f) < 0) {
        q->expr = NULL;
        autoscale__find(l, RULE_FER017, autoscale__place_in(&q->query, f.at),
                        arena_printf(l->a, "the query does not parse: %s", f.text),
                        (struct str){NULL, 0});
        return;
    }
    autoscale__lint_query(l, q);
}

static void check_prometheus(struct linter *l, const struct scaled_object *so,
                             const struct trigger *t, struct query_view *q)
{
    const struct pair_at *address = pairs_find(&t->metadata, "serverAddress");
    const struct pair_at *query = pairs_find(&t->metadata, "query");
    const struct pair_at *activation = pairs_find(&t->metadata, "activationThreshold");

    struct prometheus_trigger read;

    check_metadata(l, t);
    read_trigger(l, so, t, &read);
    if (read.ignore_null_values)
        check_null_values(l, so, t);
    if (address != NULL)
        check_address(l, so, t, address);
    if (activation != NULL && so->min_replicas.v > 0 && !so->idle_replicas.given)
        autoscale__find(l, RULE_FER026, activation->value.at,
                        arena_printf(l->a,
                                     "activationThreshold does nothing but show ACTIVE: it is for "
                                     "the step from 0, and minReplicaCount is %lld",
                                     (long long)so->min_replicas.v),
                        STR("leave it out, or set minReplicaCount to 0"));
    if (query == NULL)
        return;
    *q = (struct query_view){
        .so = so,
        .trigger = t,
        .query = trimmed(&query->value),
        .threshold = read.threshold,
        .ignores_nulls = read.ignore_null_values,
        .azure = l->opts->azure || (address != NULL && is_azure(address->value.s)),
    };
    check_query(l, q);
}

/* ---- objects ---------------------------------------------------------------------------- */

static void check_auth_ref(struct linter *l, const struct scaled_object *so,
                           const struct trigger *t)
{
    if (t->authentication.s.n == 0 || l->m->n_auths == 0 ||
        find_auth(l, so, t->authentication.s) != NULL)
        return;
    autoscale__find(l, RULE_FER018, t->authentication.at,
                    arena_printf(l->a,
                                 "no TriggerAuthentication \"" STR_FMT "\" is in the files: KEDA "
                                 "would ask without any",
                                 STR_ARG(t->authentication.s)),
                    STR("correct the name or the namespace, or give its file, too"));
}

static void check_triggers(struct linter *l, const struct scaled_object *so)
{
    struct query_view *views = arena_array(l->a, struct query_view, so->n_triggers + 1);

    for (size_t i = 0; i < so->n_triggers; i++) {
        const struct trigger *t = &so->triggers[i];

        check_auth_ref(l, so, t);
        if (str_is(t->type.s, "prometheus"))
            check_prometheus(l, so, t, &views[i]);
    }
    autoscale__lint_cases(l, views, so->n_triggers);
}

static void check_complaints(struct linter *l, const struct complaints *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].unfilled)
            find_unfilled(l, c->v[i].at, c->v[i].text);
        else if (!str_starts(c->v[i].text, "the placeholder "))
            autoscale__find(l, c->v[i].fatal ? RULE_FER015 : RULE_FER016, c->v[i].at, c->v[i].text,
                            (struct str){NULL, 0});
}

static int by_place(const void *a, const void *b)
{
    const struct lint_finding *x = a, *y = b;
    int file = strcmp(x->at.file != NULL ? x->at.file : "", y->at.file != NULL ? y->at.file : "");

    if (file != 0)
        return file;
    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    if (x->at.column != y->at.column)
        return x->at.column < y->at.column ? -1 : 1;
    return strcmp(x->rule, y->rule) != 0 ? strcmp(x->rule, y->rule) : str_cmp(x->text, y->text);
}

void lint_run(struct arena *a, const struct manifests *m, const struct complaints *c,
              const struct lint_opts *opts, struct lint_report *out)
{
    struct lint_opts filled = *opts;
    struct linter l = {.a = a, .m = m, .opts = &filled};

    if (filled.scrape_interval == 0)
        filled.scrape_interval = 15000;
    check_complaints(&l, c);
    for (size_t i = 0; i < m->n_scaled_objects; i++) {
        const struct scaled_object *so = &m->scaled_objects[i];

        check_texts(&l, so);
        check_cooldown(&l, so);
        check_polling(&l, so);
        check_replicas(&l, so);
        check_fallback(&l, so);
        check_triggers(&l, so);
        autoscale__lint_refused(&l, i);
    }
    for (size_t i = 0; i < m->n_auths; i++) {
        check_filled(&l, &m->auths[i].name, "metadata.name");
        check_filled(&l, &m->auths[i].ns, "metadata.namespace");
        check_filled(&l, &m->auths[i].identity_id, "identityId");
    }
    if (l.n > 0)
        qsort(l.v, l.n, sizeof(l.v[0]), by_place);
    *out = (struct lint_report){l.v, l.n};
}
