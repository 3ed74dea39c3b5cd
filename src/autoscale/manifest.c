/*
 * manifest.c - files into manifests: documents, lists, kinds, and metadata that all kinds have.
 */
#include "ferula/autoscale/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/base/buf.h"
#include "ferula/base/check.h"
#include "manifest_priv.h"

enum {
    LIST_MAX_DEPTH = 4,    /* of lists in lists */
    COMPLAINTS_MAX = 1000, /* of a file, and as many more that are fatal; nobody reads further */
};

/* ---- pairs and complaints --------------------------------------------------------------- */

const struct pair_at *pairs_find(const struct pairs *p, const char *key)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_is(p->v[i].key.s, key))
            return &p->v[i];
    return NULL;
}

struct str pairs_get(const struct pairs *p, const char *key)
{
    const struct pair_at *pair = pairs_find(p, key);

    return pair != NULL ? pair->value.s : (struct str){NULL, 0};
}

void complain(struct complaints *c, struct place at, bool fatal, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    if (c->n - c->n_before >= (fatal ? 2 * COMPLAINTS_MAX : COMPLAINTS_MAX))
        return;
    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    ARENA_GROW(c->arena, c->v, c->n, c->cap, struct complaint);
    c->v[c->n++] =
        (struct complaint){.at = at, .text = arena_str(c->arena, buf_str(&b)), .fatal = fatal};
    buf_release(&b);
}

static struct str text_of(const struct tree *t)
{
    return t != NULL && t->kind == TREE_TEXT ? t->text : (struct str){NULL, 0};
}

/* ---- metadata --------------------------------------------------------------------------- */

#define META(name, kind, member)                                                                   \
    {                                                                                              \
        name, kind, offsetof(struct object_meta, member), false, 0, 0, NULL, NULL                  \
    }
#define IGNORED(name)                                                                              \
    {                                                                                              \
        name, FIELD_ANY, 0, false, 0, 0, NULL, NULL                                                \
    }

static void read_owners(struct reading *r, const struct tree *list, void *target)
{
    (void)r;
    for (size_t i = 0; i < list->n; i++)
        if (str_is(text_of(autoscale__tree_get(list->items[i], "kind")), "ScaledObject"))
            *(struct str *)target = text_of(autoscale__tree_get(list->items[i], "name"));
}

static const struct field meta_fields[] = {
    META("name", FIELD_TEXT, name),
    META("namespace", FIELD_TEXT, ns),
    META("labels", FIELD_LABELS, labels),
    META("annotations", FIELD_LABELS, annotations),
    IGNORED("generateName"),
    IGNORED("uid"),
    IGNORED("resourceVersion"),
    IGNORED("generation"),
    IGNORED("creationTimestamp"),
    IGNORED("deletionTimestamp"),
    IGNORED("deletionGracePeriodSeconds"),
    {"ownerReferences", FIELD_LIST, offsetof(struct object_meta, scaled_object), false, 0, 0, NULL,
                                    read_owners},
    IGNORED("finalizers"),
    IGNORED("managedFields"),
    IGNORED("selfLink"),
};

void autoscale__read_meta(struct reading *r, const struct tree *object, struct object_meta *out)
{
    const struct tree *meta = autoscale__tree_get(object, "metadata");
    size_t before = autoscale__path_push(r, "metadata");

    if (meta != NULL && meta->kind != TREE_NULL && autoscale__is(r, meta, TREE_MAP))
        autoscale__fields(r, meta, meta_fields, COUNT(meta_fields), out);
    if (out->name.s.n == 0 && (meta == NULL || autoscale__tree_get(meta, "generateName") == NULL))
        complain(r->complaints, object->at, true, "resource name may not be empty");
    autoscale__path_pop(r, before);
}

/* ---- kinds ------------------------------------------------------------------------------ */

/* Room for one more in an arena array that has no capacity of its own: it doubles when full. */
#define ADD(a, list, n, type, element)                                                             \
    do {                                                                                           \
        if (((n) & ((n)-1)) == 0)                                                                  \
            (list) = (type *)arena_regrow((a), (list), (n), (n) == 0 ? 1 : 2 * (n), sizeof(type),  \
                                          _Alignof(type));                                         \
        (list)[(n)++] = (element);                                                                 \
    } while (0)

static bool same_name(struct text_at name, struct text_at ns, struct text_at name2,
                      struct text_at ns2, struct place at, struct place at2)
{
    return at.file == at2.file && str_eq(name.s, name2.s) && str_eq(ns.s, ns2.s);
}

#define COMPLAIN_IF_TWICE(r, list, n, kind)                                                        \
    do {                                                                                           \
        for (size_t i_ = 0; i_ + 1 < (n); i_++)                                                    \
            if (same_name((list)[i_].name, (list)[i_].ns, (list)[(n)-1].name, (list)[(n)-1].ns,    \
                          (list)[i_].at, (list)[(n)-1].at)) {                                      \
                complain((r)->complaints, (list)[(n)-1].at, false,                                 \
                         "the %s \"" STR_FMT "\" is in the file twice, first in line %d", (kind),  \
                         STR_ARG((list)[i_].name.s), (list)[i_].at.line);                          \
                break;                                                                             \
            }                                                                                      \
    } while (0)

static void add_scaled_object(struct reading *r, const struct tree *t, struct manifests *out)
{
    struct scaled_object so = {0};

    autoscale__read_scaled_object(r, t, &so);
    ADD(r->a, out->scaled_objects, out->n_scaled_objects, struct scaled_object, so);
    COMPLAIN_IF_TWICE(r, out->scaled_objects, out->n_scaled_objects, "ScaledObject");
    autoscale__check_scaled_object(&so, r->complaints);
}

static void add_auth(struct reading *r, const struct tree *t, bool cluster, struct manifests *out)
{
    struct trigger_auth auth = {.cluster = cluster};

    autoscale__read_auth(r, t, &auth);
    ADD(r->a, out->auths, out->n_auths, struct trigger_auth, auth);
    COMPLAIN_IF_TWICE(r, out->auths, out->n_auths,
                      cluster ? "ClusterTriggerAuthentication" : "TriggerAuthentication");
}

static void add_hpa(struct reading *r, const struct tree *t, bool v1, struct manifests *out)
{
    struct hpa_object hpa = {0};

    autoscale__read_hpa(r, t, v1, &hpa);
    ADD(r->a, out->hpas, out->n_hpas, struct hpa_object, hpa);
    COMPLAIN_IF_TWICE(r, out->hpas, out->n_hpas, "HorizontalPodAutoscaler");
}

/* Folders have other YAML, too: only what says that it is KEDA's has to be whole. */
static bool is_meant(struct reading *r, const struct tree *t, struct str api, struct str kind)
{
    bool ours = str_starts(api, "keda.sh/") || str_is(kind, "ScaledObject") ||
                str_ends(kind, "TriggerAuthentication");

    if (api.n > 0 && kind.n > 0)
        return true;
    if (ours)
        complain(r->complaints, t->at, true, "error validating data: %s not set",
                 api.n == 0 ? "apiVersion" : "kind");
    return false;
}

/* A kind of KEDA's that it does not have in that version, or one that is none. */
static void check_kind(struct reading *r, const struct tree *t, struct str api, struct str kind)
{
    static const char *const kinds[] = {"ScaledObject", "ScaledJob", "TriggerAuthentication",
                                        "ClusterTriggerAuthentication"};
    struct str one = kind;
    bool known = false;

    if (str_ends(kind, "List"))
        one.n -= strlen("List");
    for (size_t i = 0; i < COUNT(kinds); i++)
        known = known || str_is(one, kinds[i]);
    if (known ? !str_is(api, "keda.sh/v1alpha1") : str_starts(api, "keda.sh/"))
        complain(r->complaints, t->at, true,
                 "no matches for kind \"" STR_FMT "\" in version \"" STR_FMT "\"", STR_ARG(kind),
                 STR_ARG(api));
}

static void read_keda(struct reading *r, const struct tree *t, struct str kind,
                      struct manifests *out)
{
    if (str_is(kind, "ScaledObject"))
        add_scaled_object(r, t, out);
    else if (str_is(kind, "TriggerAuthentication") || str_is(kind, "ClusterTriggerAuthentication"))
        add_auth(r, t, str_starts(kind, "Cluster"), out);
    else
        out->n_passed_over++;
}

static void read_object(struct reading *r, const struct tree *t, int depth, struct manifests *out)
{
    struct str api = text_of(autoscale__tree_get(t, "apiVersion"));
    struct str kind = text_of(autoscale__tree_get(t, "kind"));
    const struct tree *items = autoscale__tree_get(t, "items");

    autoscale__path_pop(r, 0);
    if (!is_meant(r, t, api, kind)) {
        out->n_passed_over++;
        return;
    }
    if (str_ends(kind, "List") && items != NULL && items->kind == TREE_LIST) {
        for (size_t i = 0; depth < LIST_MAX_DEPTH && i < items->n; i++)
            read_object(r, items->items[i], depth + 1, out);
        return;
    }
    if (str_is(api, "keda.sh/v1alpha1"))
        read_keda(r, t, kind, out);
    else if ((str_is(api, "autoscaling/v2") || str_is(api, "autoscaling/v1")) &&
             str_is(kind, "HorizontalPodAutoscaler"))
        add_hpa(r, t, str_ends(api, "/v1"), out);
    else
        out->n_passed_over++;
    check_kind(r, t, api, kind);
}

void autoscale__manifest_add(struct arena *a, const struct tree *object, struct manifests *out,
                             struct complaints *complaints)
{
    struct reading r = {.a = a, .complaints = complaints};

    read_object(&r, object, 0, out);
}

static int by_place(const void *a, const void *b)
{
    const struct complaint *x = a, *y = b;

    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    if (x->at.column != y->at.column)
        return x->at.column < y->at.column ? -1 : 1;
    return str_cmp(x->text, y->text);
}

int manifests_read(struct arena *a, struct str text, const char *file, struct manifests *out,
                   struct complaints *complaints, struct fault *f)
{
    struct reading r = {.a = a, .complaints = complaints};
    struct tree_docs docs = {0};
    const char *name = arena_strdup(a, str_of(file));
    size_t before = complaints->n;
    int rc;

    if (complaints->arena == NULL)
        complaints->arena = a;
    complaints->n_before = before;
    rc = autoscale__tree_read(a, text, name, complaints, &docs, f);
    for (size_t i = 0; rc == 0 && i < docs.n; i++)
        read_object(&r, docs.v[i], 0, out);
    if (complaints->n > before)
        qsort(complaints->v + before, complaints->n - before, sizeof(complaints->v[0]), by_place);
    return rc;
}

/* ---- files ------------------------------------------------------------------------------ */

static int read_stream(FILE *in, struct buf *text)
{
    size_t n;

    do {
        buf_reserve(text, 65536);
        n = fread(text->p + text->n, 1, 65536, in);
        text->n += n;
    } while (n > 0 && text->n <= TREE_MAX_BYTES);
    return ferror(in) ? FER_EIO : 0;
}

int autoscale__file_read(struct arena *a, const char *path, struct str *out, struct fault *f)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *in = standard ? stdin : fopen(path, "re");
    struct buf text = {0};
    int rc;

    if (in == NULL)
        return fault_set(f, FER_EIO, 0, "%s: %s", path, strerror(errno));
    rc = read_stream(in, &text);
    if (rc < 0)
        (void)fault_set(f, rc, 0, "%s: %s", path, strerror(errno));
    if (!standard)
        (void)fclose(in);
    *out = arena_str(a, buf_str(&text));
    buf_release(&text);
    return rc;
}

int manifests_load(struct arena *a, const char *path, struct manifests *out,
                   struct complaints *complaints, struct fault *f)
{
    struct str text;
    int rc = autoscale__file_read(a, path, &text, f);

    if (rc < 0)
        return rc;
    return manifests_read(a, text, strcmp(path, "-") == 0 ? "<stdin>" : path, out, complaints, f);
}
