/*
 * fault_rules.c - /_ferula/faults: asking for faults, listing and ending them.
 */
#include "faults.h"
#include "handlers.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/model/duration.h"

#define NS_PER_MS     1000000
#define LONGEST_MS    (INT64_C(24) * 3600 * 1000) /* of a fault */
#define MOST_DELAY_MS (INT64_C(5) * 60 * 1000)
#define LONGEST_TEXT  4096 /* of a parameter: faults are kept */

static const char *const kinds[N_API_FAULTS] = {
    [API_FAULT_NONE] = "",           [API_FAULT_EMPTY] = "empty",
    [API_FAULT_NAN] = "nan",         [API_FAULT_INF] = "inf",
    [API_FAULT_TWO] = "two",         [API_FAULT_SCALAR] = "scalar",
    [API_FAULT_STATUS] = "status",   [API_FAULT_SLOW] = "slow",
    [API_FAULT_GARBLED] = "garbled", [API_FAULT_TRUNCATE] = "truncate",
};

/* ---- kinds ------------------------------------------------------------------------------ */

static int parse_arg(struct str arg, struct api__fault *out, struct fault *f)
{
    uint64_t code;

    if (out->kind == API_FAULT_STATUS) {
        if (!str_to_u64(arg, &code) || code < 200 || code > 599)
            return fault_set(f, FER_EINVAL, 0, "status wants a number from 200 to 599");
        out->status = (int)code;
    } else if (out->kind == API_FAULT_SLOW) {
        if (duration_parse(arg, &out->delay, f) < 0 || out->delay < 1 || out->delay > MOST_DELAY_MS)
            return fault_set(f, FER_EINVAL, 0, "slow wants a duration up to 5m, such as 4s");
    } else if (arg.n > 0) {
        return fault_set(f, FER_EINVAL, 0, "%s takes nothing behind it", kinds[out->kind]);
    }
    return 0;
}

int api__fault_parse(struct str text, struct api__fault *out, struct fault *f)
{
    struct str rest = text, word;

    *out = (struct api__fault){0};
    if (!str_split(&rest, ' ', &word))
        word = (struct str){"", 0};
    for (int k = API_FAULT_NONE + 1; k < N_API_FAULTS; k++)
        if (str_is(word, kinds[k]))
            out->kind = (enum api__fault_kind)k;
    if (out->kind == API_FAULT_NONE)
        return fault_set(f, FER_EINVAL, 0,
                         "not a kind of fault: empty, nan, inf, two, scalar, status N, slow "
                         "DURATION, garbled, truncate");
    return parse_arg(rest.p == NULL ? (struct str){"", 0} : str_trim(rest), out, f);
}

void api__fault_print(struct buf *b, const struct api__fault *fault)
{
    buf_puts(b, kinds[fault->kind]);
    if (fault->kind == API_FAULT_STATUS)
        buf_addf(b, " %d", fault->status);
    if (fault->kind == API_FAULT_SLOW) {
        buf_putc(b, ' ');
        duration_print(b, fault->delay);
    }
}

/* ---- requests --------------------------------------------------------------------------- */

static void key_text(struct json *j, const char *key, struct str s)
{
    if (s.n == 0)
        return;
    json_member_label(j, key, s);
}

static void write_rule(struct json *j, const struct api__fault_rule *rule)
{
    struct buf kind = {0};

    api__fault_print(&kind, &rule->fault);
    json_object_begin(j);
    json_member_int(j, "id", rule->fault.id);
    key_text(j, "kind", buf_str(&kind));
    key_text(j, "query", rule->query);
    key_text(j, "regex", rule->regex);
    key_text(j, "caller", rule->caller);
    json_member_timestamp(j, "ends", rule->ends);
    json_member_count(j, "hits", rule->hits);
    json_object_end(j);
    buf_release(&kind);
}

/* What is misread or not known is refused: without its "query" a fault would meet everybody. */
static int check_form(const struct http_req *req, const char *const *known, size_t n_known,
                      struct fault *f)
{
    struct buf list = {0};
    struct str name, malformed;

    if (!http_form_ok(req, &malformed))
        return fault_set(f, FER_EINVAL, 0, "error parsing form values: " STR_FMT,
                         STR_ARG(malformed));
    for (size_t i = 0; (name = http_param_name(req, i)).p != NULL; i++) {
        size_t k = 0;

        while (k < n_known && !str_is(name, known[k]))
            k++;
        if (k < n_known)
            continue;
        for (k = 0; k < n_known; k++)
            buf_addf(&list, "%s%s", k > 0 ? ", " : "", known[k]);
        (void)fault_set(f, FER_EINVAL, 0, "unknown parameter \"%.*s\": there are %s",
                        (int)MIN(name.n, (size_t)100), name.p, list.p);
        buf_release(&list);
        return FER_EINVAL;
    }
    return 0;
}

/* A text of the rule. Whom a fault meets must not grow because a parameter was misread. */
static int read_text(struct http_req *req, const char *name, struct arena *a, struct str *out,
                     struct fault *f)
{
    const struct str *v;
    size_t n = http_params(req, name, &v);

    if (n > 1)
        return fault_set(f, FER_EINVAL, 0, "parameter \"%s\" is given more than once", name);
    if (n == 1 && v[0].n > LONGEST_TEXT)
        return fault_set(f, FER_EINVAL, 0, "invalid parameter \"%s\": longer than %d bytes", name,
                         LONGEST_TEXT);
    *out = n == 0 ? (struct str){"", 0} : arena_str(a, v[0]);
    return 0;
}

static int read_texts(struct http_req *req, struct api__fault_rule *rule, struct fault *f)
{
    int rc = read_text(req, "query", &rule->arena, &rule->query, f);

    rc = rc < 0 ? rc : read_text(req, "caller", &rule->arena, &rule->caller, f);
    return rc < 0 ? rc : read_text(req, "regex", &rule->arena, &rule->regex, f);
}

static int read_rule(struct http_req *req, struct api__fault_rule *rule, struct fault *f)
{
    static const char *const known[] = {"kind", "for", "query", "regex", "caller"};
    const struct api *api = api__from(req->ctx);
    struct str lasts = http_param(req, "for");
    struct regex *re;
    struct fault inner;
    dur_ms span;

    if (check_form(req, known, COUNT(known), f) < 0)
        return FER_EINVAL;
    if (api__fault_parse(http_param(req, "kind"), &rule->fault, &inner) < 0)
        return fault_set(f, FER_EINVAL, 0, "invalid parameter \"kind\": %s", inner.text);
    if (lasts.n == 0 || duration_parse(lasts, &span, &inner) < 0 || span < 1 || span > LONGEST_MS)
        return fault_set(f, FER_EINVAL, 0,
                         "invalid parameter \"for\": how long the fault lasts, up to 1d");
    if (read_texts(req, rule, f) < 0)
        return FER_EINVAL;
    if (rule->regex.n > 0) {
        if (regex_compile(&re, &rule->arena, rule->regex, &inner) < 0)
            return fault_set(f, FER_EINVAL, 0, "invalid parameter \"regex\": %.1500s", inner.text);
        rule->re = re;
    }
    rule->ends_ns = clock_mono_ns(api->opts.clock) + span * NS_PER_MS;
    rule->ends = clock_now_ms(api->opts.clock) + span;
    return 0;
}

static bool add_rule(struct api__faults *fs, struct api__fault_rule *rule)
{
    if (fs->n == API_FAULTS_MAX)
        return false;
    rule->fault.id = ++fs->last_id;
    fs->rules[fs->n] = rule;
    fs->n++;
    return true;
}

int api__faults_add(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    struct api__fault_rule *rule;
    struct fault f;
    struct json j;
    bool added;

    if (api__admin_disabled(req))
        return 0;
    rule = xnew(struct api__fault_rule);
    if (read_rule(req, rule, &f) < 0) {
        arena_release(&rule->arena);
        free(rule);
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    }
    api__faults_expire(api);
    pthread_mutex_lock(&api->faults.lock);
    added = add_rule(&api->faults, rule);
    if (added) {
        LOG_WARN("A fault begins", LOG_I("id", rule->fault.id),
                 LOG_STR("kind", http_param(req, "kind")), LOG_STR("for", http_param(req, "for")));
        api__ok_begin(req, &j);
        write_rule(&j, rule);
        (void)api__ok_end(&j, NULL);
    }
    pthread_mutex_unlock(&api->faults.lock);
    api__faults_expire(api);
    if (added)
        return 0;
    arena_release(&rule->arena);
    free(rule);
    return api__fail(req, API_BAD_DATA, "there are %d faults already", API_FAULTS_MAX);
}

int api__faults_list(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    struct json j;

    if (api__admin_disabled(req))
        return 0;
    api__faults_expire(api);
    api__ok_begin(req, &j);
    json_array_begin(&j);
    pthread_mutex_lock(&api->faults.lock);
    for (size_t i = 0; i < api->faults.n; i++)
        write_rule(&j, api->faults.rules[i]);
    pthread_mutex_unlock(&api->faults.lock);
    json_array_end(&j);
    return api__ok_end(&j, NULL);
}

/* One fault is over at once. False: there is none with that id. */
static bool end_one(struct api *api, uint64_t id)
{
    struct api__faults *fs = &api->faults;
    bool found = false;

    pthread_mutex_lock(&fs->lock);
    for (size_t i = 0; i < fs->n; i++)
        if (fs->rules[i]->fault.id == id) {
            fs->rules[i]->ends_ns = INT64_MIN;
            found = true;
        }
    pthread_mutex_unlock(&fs->lock);
    api__faults_expire(api);
    return found;
}

int api__faults_delete(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    static const char *const known[] = {"id"};
    struct str id_text = http_param(req, "id");
    struct fault f;
    uint64_t id;

    if (api__admin_disabled(req))
        return 0;
    if (req->body.n > 0) /* an `id` there would go unread, and all would end */
        return api__fail(req, API_BAD_DATA, "DELETE takes its parameters in the URL");
    if (check_form(req, known, COUNT(known), &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    if (id_text.n == 0)
        api__faults_end_all(api);
    else if (!str_to_u64(id_text, &id))
        return api__fail(req, API_BAD_DATA, "invalid parameter \"id\": not a number");
    else if (!end_one(api, id))
        return api__fail(req, API_NOT_FOUND, "there is no fault %llu", (unsigned long long)id);
    req->reply.status = 204;
    return 0;
}
