/*
 * fields.c - mappings into structs, by tables of fields.
 *
 * Texts are those of the API server's validation of custom resources (k8s.io/kube-openapi).
 */
#include "fields.h"

#include "autoscale_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "ferula/base/buf.h"
#include "ferula/base/check.h"

/* ---- where in the object ---------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static size_t push(struct reading *r, const char *fmt, ...)
{
    size_t before = r->path_n, room = sizeof(r->path) - r->path_n;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(r->path + r->path_n, room, fmt, ap);
    va_end(ap);
    r->path_n += (size_t)n < room ? (size_t)n : room - 1;
    return before;
}

size_t autoscale__path_push(struct reading *r, const char *name)
{
    return push(r, "%s%s", r->path_n > 0 ? "." : "", name);
}

size_t autoscale__path_push_index(struct reading *r, size_t i)
{
    return push(r, "[%zu]", i);
}

void autoscale__path_pop(struct reading *r, size_t length)
{
    r->path_n = length;
    r->path[length] = '\0';
}

void autoscale__refuse(struct reading *r, struct place at, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    complain(r->complaints, at, true, "%s: " STR_FMT, r->path, STR_ARG(buf_str(&b)));
    buf_release(&b);
}

bool autoscale__unfilled(struct reading *r, const struct text_at *text)
{
    struct str found = autoscale__placeholder(text->s);
    size_t n = r->complaints->n;

    if (found.n == 0)
        return false;
    complain(r->complaints, text->at, true,
             "%s has the placeholder " STR_FMT " that is not filled in", r->path, STR_ARG(found));
    if (r->complaints->n > n)
        r->complaints->v[n].unfilled = true;
    return true;
}

/* ---- types ------------------------------------------------------------------------------ */

bool autoscale__is(struct reading *r, const struct tree *t, enum tree_kind kind)
{
    const char *want = autoscale__tree_type(&(struct tree){.kind = kind});
    const char *is = autoscale__tree_type(t);

    if (t->kind == kind)
        return true;
    if (t->kind == TREE_TEXT && autoscale__unfilled(r, &(struct text_at){t->text, t->at}))
        return false;
    autoscale__refuse(r, t->at, "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"", is,
                      r->path, want, is);
    return false;
}

void autoscale__only_text(struct reading *r, const struct tree *t, void *target)
{
    (void)target;
    (void)autoscale__is(r, t, TREE_TEXT);
}

void autoscale__only_bool(struct reading *r, const struct tree *t, void *target)
{
    (void)target;
    (void)autoscale__is(r, t, TREE_BOOL);
}

static bool read_int(struct reading *r, const struct field *f, const struct tree *t, int64_t *out)
{
    int64_t most = f->most != 0 ? f->most : INT32_MAX;

    if (!autoscale__is(r, t, TREE_INTEGER))
        return false;
    if (t->integer < f->least) {
        autoscale__refuse(r, t->at,
                          "Invalid value: %" PRId64
                          ": %s in body should be greater than or equal to %" PRId64,
                          t->integer, r->path, f->least);
        return false;
    }
    if (t->integer > most) {
        autoscale__refuse(r, t->at,
                          "Invalid value: %" PRId64
                          ": %s in body should be less than or equal to %" PRId64,
                          t->integer, r->path, most);
        return false;
    }
    *out = t->integer;
    return true;
}

/* Labels and annotations are decoded before a schema sees them, and refused by the decoder. */
static void refuse_label(struct reading *r, const struct tree *t, const char *field)
{
    static const char *const go[] = {"null",   "bool",  "number", "number",
                                     "string", "array", "object"};

    complain(r->complaints, t->at, true,
             "json: cannot unmarshal %s into Go struct field ObjectMeta.metadata.%s of type string",
             go[t->kind], field);
}

static void read_labels(struct reading *r, const struct field *f, const struct tree *t,
                        struct pairs *out)
{
    out->v = arena_array(r->a, struct pair_at, t->n);
    for (size_t i = 0; i < t->n; i++) {
        const struct tree *value = t->pairs[i].value;

        if (value->kind != TREE_TEXT && value->kind != TREE_NULL)
            refuse_label(r, value, f->name);
        out->v[out->n++] = (struct pair_at){
            t->pairs[i].key, {value->text, value->at}
        };
    }
}

static void read_pairs(struct reading *r, const struct tree *t, struct pairs *out)
{
    out->v = arena_array(r->a, struct pair_at, t->n);
    for (size_t i = 0; i < t->n; i++) {
        const struct tree *value = t->pairs[i].value;
        char *key = arena_strdup(r->a, t->pairs[i].key.s);
        size_t before = autoscale__path_push(r, key);

        if (autoscale__is(r, value, TREE_TEXT) || value->kind < TREE_TEXT)
            out->v[out->n++] = (struct pair_at){
                t->pairs[i].key, {value->text, value->at}
            };
        autoscale__path_pop(r, before);
    }
}

static void read_choice(struct reading *r, const struct field *f, const struct tree *t, int *out)
{
    struct buf b = {0};

    if (!autoscale__is(r, t, TREE_TEXT))
        return;
    for (int i = 0; f->choices[i] != NULL; i++)
        if (str_is(t->text, f->choices[i])) {
            *out = i;
            return;
        }
    if (autoscale__unfilled(r, &(struct text_at){t->text, t->at}))
        return;
    for (size_t i = 0; f->choices[i] != NULL; i++)
        buf_addf(&b, "%s\"%s\"", i > 0 ? ", " : "", f->choices[i]);
    autoscale__refuse(r, t->at, "Unsupported value: \"" STR_FMT "\": supported values: %s",
                      STR_ARG(t->text), b.p);
    buf_release(&b);
}

/* ---- fields ----------------------------------------------------------------------------- */

static void read_field(struct reading *r, const struct field *f, const struct tree *t, char *target)
{
    void *to =
        target != NULL ? target + f->at : NULL; /* of fields that only check, there is none */
    int64_t v;

    switch (f->kind) {
    case FIELD_TEXT:
        if (autoscale__is(r, t, TREE_TEXT))
            *(struct text_at *)to = (struct text_at){t->text, t->at};
        break;
    case FIELD_NUMBER:
        ((struct number_at *)to)->at = t->at;
        if (read_int(r, f, t, &v))
            *(struct number_at *)to = (struct number_at){v, true, t->at};
        break;
    case FIELD_INT32:
        if (read_int(r, f, t, &v))
            *(int32_t *)to = (int32_t)v;
        break;
    case FIELD_BOOL:
        if (autoscale__is(r, t, TREE_BOOL))
            *(bool *)to = t->truth;
        break;
    case FIELD_PAIRS:
        if (autoscale__is(r, t, TREE_MAP))
            read_pairs(r, t, to);
        break;
    case FIELD_LABELS:
        if (autoscale__is(r, t, TREE_MAP))
            read_labels(r, f, t, to);
        break;
    case FIELD_CHOICE:
        read_choice(r, f, t, to);
        break;
    case FIELD_OBJECT:
    case FIELD_LIST:
        if (autoscale__is(r, t, f->kind == FIELD_LIST ? TREE_LIST : TREE_MAP))
            f->read(r, t, to);
        break;
    case FIELD_ANY:
        if (f->read != NULL)
            f->read(r, t, to);
        break;
    }
}

static const struct field *find(const struct field *fields, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, fields[i].name))
            return &fields[i];
    return NULL;
}

void autoscale__fields(struct reading *r, const struct tree *map, const struct field *fields,
                       size_t n, void *target)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct tree_pair *pair = &map->pairs[i];
        const struct field *f = find(fields, n, pair->key.s);
        size_t before = r->path_n;

        if (f == NULL) {
            complain(r->complaints, pair->key.at, false, "unknown field \"%s%s" STR_FMT "\"",
                     r->path, r->path_n > 0 ? "." : "", STR_ARG(pair->key.s));
            continue;
        }
        (void)autoscale__path_push(r, f->name);
        if (pair->value->kind != TREE_NULL)
            read_field(r, f, pair->value, target);
        autoscale__path_pop(r, before);
    }
    for (size_t i = 0; i < n; i++) {
        const struct tree *t = fields[i].required ? autoscale__tree_get(map, fields[i].name) : NULL;
        size_t before;

        if (!fields[i].required || (t != NULL && t->kind != TREE_NULL))
            continue;
        before = autoscale__path_push(r, fields[i].name);
        autoscale__refuse(r, map->at, "Required value");
        autoscale__path_pop(r, before);
    }
}
