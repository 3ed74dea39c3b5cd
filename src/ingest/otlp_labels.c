/*
 * otlp_labels.c - from attributes to labels, and from labels to series.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

#include "otlp.h"

/* So many attributes are sorted by insertion: they mostly come sorted, or nearly. */
#define FEW 24

static int by_key(const void *pa, const void *pb)
{
    const struct otlp_attr *a = pa, *b = pb;
    int d = str_cmp(a->key, b->key);

    return d != 0 ? d : a->place < b->place ? -1 : a->place > b->place;
}

static void sort_attrs(struct otlp_attr *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i].place = i;
    if (n > FEW) {
        qsort(v, n, sizeof(*v), by_key);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct otlp_attr a = v[i];
        size_t k = i;

        for (; k > 0 && by_key(&v[k - 1], &a) > 0; k--)
            v[k] = v[k - 1];
        v[k] = a;
    }
}

static bool is_ignored(const struct otlp_ignored *ignored, struct str key)
{
    for (size_t i = 0; i < ignored->n; i++)
        if (str_is(key, ignored->keys[i]))
            return true;
    return false;
}

/* *n counts all, also those that there is no room for. */
static int read_attrs(struct otlp *o, struct wire body, uint32_t number,
                      const struct otlp_ignored *ignored, size_t *n)
{
    struct wire pair;
    int rc;

    *n = 0;
    while ((rc = otlp_next(&body, number, &pair)) > 0) {
        struct otlp_attr a = {0};

        rc = ingest__otlp_key_value(o, pair, &a.key, &a.value);
        if (rc < 0)
            return rc;
        if (is_ignored(ignored, a.key))
            continue;
        if (*n < o->base.cap)
            o->attrs[*n] = a;
        ++*n;
    }
    return rc;
}

/* Attributes whose names have become the same are one label, their values joined. */
static void join(struct otlp *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct otlp_attr *a = &o->attrs[i];
        struct label *last = o->base.n == 0 ? NULL : &o->base.v[o->base.n - 1];

        if (last != NULL && str_eq(last->name, a->key))
            last->value =
                arena_printf(o->b.a, STR_FMT ";" STR_FMT, STR_ARG(last->value), STR_ARG(a->value));
        else if (a->value.n > 0)
            label_set_add(&o->base, a->key, a->value);
    }
}

/* Replaces a label, or puts a new one in its place; without a value there is nothing to do. */
static void set_label(struct label_set *set, struct str name, struct str value)
{
    size_t i = 0;

    if (value.n == 0)
        return;
    while (i < set->n && str_cmp(set->v[i].name, name) < 0)
        i++;
    if (i < set->n && str_eq(set->v[i].name, name)) {
        set->v[i].value = value;
        return;
    }
    label_set_add(set, name, value);
    if (set->n_seen > set->cap)
        return;
    memmove(&set->v[i + 1], &set->v[i], (set->n - 1 - i) * sizeof(set->v[0]));
    set->v[i] = (struct label){name, value};
}

static void add_type_and_unit(struct otlp *o)
{
    const struct otlp_metric *m = &o->metric;

    if (!o->b.opts->type_and_unit_labels)
        return;
    if (m->type != METRIC_UNKNOWN)
        set_label(&o->base, STR(LABEL_TYPE), str_of(metric_type_text(m->type)));
    set_label(&o->base, STR(LABEL_UNIT), ingest__otlp_unit(o->b.a, m->unit));
}

int ingest__otlp_base(struct otlp *o, struct wire body, uint32_t number,
                      const struct otlp_ignored *ignored)
{
    struct fault why;
    size_t n, kept;
    int rc = read_attrs(o, body, number, ignored, &n);

    if (rc < 0)
        return rc;
    kept = MIN(n, o->base.cap);
    sort_attrs(o->attrs, kept);
    for (size_t i = 0; i < kept; i++)
        if (ingest__otlp_label_name(o->b.a, o->attrs[i].key, &o->attrs[i].key, &why) < 0)
            return ingest__otlp_drop(o, str_of(why.text));
    sort_attrs(o->attrs, kept);
    o->base.n = o->base.n_seen = 0;
    join(o, kept);
    o->base.n_seen += n - kept;
    set_label(&o->base, STR("job"), o->job);
    set_label(&o->base, STR("instance"), o->instance);
    add_type_and_unit(o);
    return 0;
}

/* ---- series ----------------------------------------------------------------------------- */

static void add_key(struct buf *b, struct str s)
{
    uint32_t n = (uint32_t)s.n;

    buf_add(b, &n, sizeof(n));
    buf_add_str(b, s);
}

static struct hash128 hash_set(struct otlp *o)
{
    const struct label_set *set = &o->b.set;

    buf_reset(&o->key);
    for (size_t i = 0; i < set->n; i++) {
        add_key(&o->key, set->v[i].name);
        add_key(&o->key, set->v[i].value);
    }
    return hash_keyed128(buf_str(&o->key).p, o->key.n);
}

void ingest__otlp_give(struct otlp *o, const struct batch_mark *mark,
                       const struct otlp_series *series)
{
    struct label_set *set = &o->b.set;
    struct hash128 raw = {0, 0};
    uint32_t new_series = 0;
    series_id id = 0;

    memcpy(set->v, o->base.v, o->base.n * sizeof(set->v[0]));
    set->n = o->base.n;
    set->n_seen = o->base.n_seen;
    if (series->label.n > 0)
        set_label(set, series->label, series->value);
    set_label(set, STR(LABEL_NAME), series->name);
    if (set->n_seen <= set->cap) {
        raw = hash_set(o);
        id = batch_find(&o->b, raw);
    }
    if (id == 0) {
        struct str value = arena_str(o->b.a, series->value); /* it is scratch */

        for (size_t i = 0; i < set->n; i++)
            if (set->v[i].value.p == series->value.p)
                set->v[i].value = value;
        if (!ingest__batch_accept(&o->b, false)) {
            ingest__batch_refuse(&o->b, mark);
            o->given = *mark;
            return;
        }
        new_series = ingest__batch_series(&o->b, raw);
    }
    batch_give(&o->b, mark, id, new_series);
    o->given = batch_mark(&o->b);
}
