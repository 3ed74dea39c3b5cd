/*
 * tsdb_metrics.c - what metrics a store has and which families they belong to, for OpenMetrics,
 * where the samples of a family stand together.
 */
#include "tsdb_dump.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ferula/api.h"
#include "ferula/base/check.h"
#include "form.h"

struct names {
    struct str *v; /* in the arena */
    size_t n, cap;
};

struct families {
    struct metadata *v; /* sorted by family; in the arena */
    size_t n, cap;
};

/* ---- from a server ---------------------------------------------------------------------- */

static struct str text_of(struct arena *a, const json_t *string)
{
    return arena_str(a, (struct str){json_string_value(string), json_string_length(string)});
}

/* GETs the path; *out is the data of the answer, a reference of the caller's. */
static int get_data(struct dump *d, const char *path, json_t **out)
{
    struct client_response resp = {0};
    int rc = cli__store_ask(&d->store, path, NULL, NULL, &resp);
    json_t *answer = NULL;

    if (rc == CLI__OK) {
        answer = json_loadb(buf_str(&resp.body).p, resp.body.n, JSON_ALLOW_NUL, NULL);
        *out = json_incref(json_object_get(answer, "data"));
        if (*out == NULL) {
            cli__store_say("not what Prometheus' API answers: %s", path);
            rc = CLI__FAILED;
        }
    }
    json_decref(answer);
    cli__response_release(&resp);
    return rc;
}

static int ask_names(struct dump *d, struct names *out)
{
    struct buf path = {0}, form = {0};
    json_t *data = NULL;
    int rc;

    for (size_t i = 0; i < d->matchers.n; i++)
        cli__form_add(&form, "match[]", str_of(d->matchers.v[i]));
    buf_addf(&path, "/api/v1/label/__name__/values?" STR_FMT, STR_ARG(buf_str(&form)));
    rc = get_data(d, path.p, &data);
    for (size_t i = 0; i < json_array_size(data); i++) {
        ARENA_GROW(&d->arena, out->v, out->n, out->cap, struct str);
        out->v[out->n++] = text_of(&d->arena, json_array_get(data, i));
    }
    json_decref(data);
    buf_release(&path);
    buf_release(&form);
    return rc;
}

static int ask_families(struct dump *d, struct families *out)
{
    json_t *data = NULL, *list;
    const char *family;
    int rc = get_data(d, "/api/v1/metadata", &data);

    json_object_foreach(data, family, list)
    {
        const json_t *first = json_array_get(list, 0);
        struct str type = text_of(&d->arena, json_object_get(first, "type"));

        ARENA_GROW(&d->arena, out->v, out->n, out->cap, struct metadata);
        out->v[out->n++] = (struct metadata){
            .family = arena_str(&d->arena, str_of(family)),
            .type = metric_type_of(type),
            .unit = text_of(&d->arena, json_object_get(first, "unit")),
            .help = text_of(&d->arena, json_object_get(first, "help")),
        };
    }
    json_decref(data);
    return rc;
}

/* ---- from a folder ---------------------------------------------------------------------- */

static int failed(const struct fault *f)
{
    cli__store_say("%s", f->text);
    return CLI__FAILED;
}

static int read_names(struct dump *d, struct names *out)
{
    struct source *src = tsdb_source(d->store.db);
    const struct tsdb_match all = {0};
    struct tsdb_export what = {0};
    struct fault f;

    if (api_dump_select(&d->arena, (const struct str[1]){{0}}, 0, STR(""), &what, &f) < 0)
        return failed(&f);
    for (size_t i = 0; i < MAX(d->matchers.n, 1); i++) {
        const struct tsdb_match *set = &all;
        struct str selector, *found;
        size_t n;

        if (i < d->matchers.n) {
            selector = str_of(d->matchers.v[i]);
            if (api_dump_select(&d->arena, &selector, 1, STR(""), &what, &f) < 0)
                return failed(&f);
            set = &what.sets[0];
        }
        if (src->ops->label_values(src, &d->arena, STR(LABEL_NAME), set->m, set->n, d->range,
                                   &found, &n, &f) < 0)
            return failed(&f);
        for (size_t k = 0; k < n; k++) {
            ARENA_GROW(&d->arena, out->v, out->n, out->cap, struct str);
            out->v[out->n++] = found[k];
        }
    }
    return CLI__OK;
}

static int read_families(struct dump *d, struct families *out)
{
    struct fault f;

    if (tsdb_metadata(d->store.db, &d->arena, STR(""), &out->v, &out->n, &f) < 0)
        return failed(&f);
    return CLI__OK;
}

/* ---- families of names ------------------------------------------------------------------ */

/* What a family's type puts behind its name. */
static const struct {
    enum metric_type type;
    const char *suffix;
} suffixes[] = {
    {METRIC_COUNTER,        "_total"  },
    {METRIC_COUNTER,        "_created"},
    {METRIC_HISTOGRAM,      "_bucket" },
    {METRIC_HISTOGRAM,      "_count"  },
    {METRIC_HISTOGRAM,      "_sum"    },
    {METRIC_HISTOGRAM,      "_created"},
    {METRIC_GAUGEHISTOGRAM, "_bucket" },
    {METRIC_GAUGEHISTOGRAM, "_gcount" },
    {METRIC_GAUGEHISTOGRAM, "_gsum"   },
    {METRIC_SUMMARY,        "_count"  },
    {METRIC_SUMMARY,        "_sum"    },
    {METRIC_SUMMARY,        "_created"},
    {METRIC_INFO,           "_info"   },
};

static int by_family(const void *pa, const void *pb)
{
    const struct metadata *a = pa, *b = pb;

    return str_cmp(a->family, b->family);
}

static const struct metadata *find_family(const struct families *fs, struct str family)
{
    const struct metadata key = {.family = family};

    return fs->n == 0 ? NULL : bsearch(&key, fs->v, fs->n, sizeof(*fs->v), by_family);
}

static const struct metadata *family_of(const struct families *fs, struct str name)
{
    const struct metadata *md = find_family(fs, name);

    for (size_t i = 0; i < COUNT(suffixes) && md == NULL; i++) {
        if (!str_ends(name, suffixes[i].suffix))
            continue;
        md = find_family(fs, (struct str){name.p, name.n - strlen(suffixes[i].suffix)});
        if (md != NULL && md->type != suffixes[i].type)
            md = NULL;
    }
    return md;
}

static int by_family_and_name(const void *pa, const void *pb)
{
    const struct dump_metric *a = pa, *b = pb;
    int c = str_cmp(a->family, b->family);

    return c != 0 ? c : str_cmp(a->name, b->name);
}

int cli__dump_metrics(struct dump *d, struct dump_metric **out, size_t *n)
{
    bool from_server = d->store.base != NULL;
    struct names names = {0};
    struct families fs = {0};
    struct dump_metric *v;
    size_t k = 0, kept = 0;
    int rc = from_server ? ask_names(d, &names) : read_names(d, &names);

    if (rc == CLI__OK)
        rc = from_server ? ask_families(d, &fs) : read_families(d, &fs);
    if (rc != CLI__OK)
        return rc;
    if (fs.n > 1)
        qsort(fs.v, fs.n, sizeof(*fs.v), by_family);
    v = arena_array(&d->arena, struct dump_metric, names.n + fs.n + 1);
    for (size_t i = 0; i < names.n; i++) {
        const struct metadata *md = family_of(&fs, names.v[i]);

        v[k++] = (struct dump_metric){md != NULL ? md->family : names.v[i], names.v[i], md};
    }
    for (size_t i = 0; i < fs.n && d->matchers.n == 0; i++)
        v[k++] = (struct dump_metric){fs.v[i].family, STR(""), &fs.v[i]};
    if (k > 1)
        qsort(v, k, sizeof(*v), by_family_and_name);
    for (size_t i = 0; i < k; i++)
        if (kept == 0 || by_family_and_name(&v[kept - 1], &v[i]) != 0)
            v[kept++] = v[i];
    *out = v;
    *n = kept;
    return CLI__OK;
}
