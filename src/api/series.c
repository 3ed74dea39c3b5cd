/*
 * series.c - /api/v1/series, labels and label/{name}/values: what there is, without samples.
 */
#include "handlers.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/model/labels.h"
#include "ferula/model/matcher.h"
#include "ferula/model/source.h"

struct lookup {
    struct http_req *req;
    struct source *source;
    size_t limit; /* 0: none */
    struct source_range range;
    struct tsdb_match *sets; /* in the arena */
    size_t n_sets;
};

static bool matches_everything(const struct tsdb_match *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (!matcher_matches(&set->m[i], STR("")))
            return false;
    return true;
}

/* limit, start and end, in Prometheus' order. */
static int read_bounds(struct lookup *l, struct http_req *req, struct fault *f)
{
    *l = (struct lookup){.req = req, .source = tsdb_source(api__from(req->ctx)->opts.db)};
    if (api__limit_param(req, &l->limit, f) < 0)
        return FER_EINVAL;
    return api__range_params(req, &l->range, f);
}

bool api__match_given(struct http_req *req)
{
    const struct str *match;
    struct str malformed;

    if (!http_form_ok(req, &malformed))
        (void)api__fail(req, API_BAD_DATA, "error parsing form values: " STR_FMT,
                        STR_ARG(malformed));
    else if (http_params(req, "match[]", &match) == 0)
        (void)api__fail(req, API_BAD_DATA, "no match[] parameter provided");
    else
        return true;
    return false;
}

int api__match_params(struct http_req *req, struct tsdb_match **sets, size_t *n, struct fault *f)
{
    const struct str *match;

    *n = http_params(req, "match[]", &match);
    *sets = arena_array(&req->arena, struct tsdb_match, *n);
    for (size_t i = 0; i < *n; i++)
        if (promql_parse_selector(&req->arena, match[i], &(*sets)[i].m, &(*sets)[i].n, f) < 0)
            return FER_EINVAL;
    return 0;
}

static int read_matches(struct lookup *l, struct fault *f)
{
    if (api__match_params(l->req, &l->sets, &l->n_sets, f) < 0)
        return FER_EINVAL;
    for (size_t i = 0; i < l->n_sets; i++)
        if (matches_everything(&l->sets[i]))
            return fault_set(f, FER_EINVAL, 0,
                             "match[] must contain at least one non-empty matcher");
    return 0;
}

static int fail_storage(struct http_req *req, int rc, const struct fault *f)
{
    return api__fail(req, api__store_error(rc, API_EXECUTION), "%s", f->text);
}

/* ---- lists of texts --------------------------------------------------------------------- */

struct text_list {
    const struct str *v;
    size_t n;
};

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sorts `v` and takes repetitions out. */
static size_t sort_unique(struct str *v, size_t n)
{
    size_t kept = 0;

    if (n > 0)
        qsort(v, n, sizeof(v[0]), by_text);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(v[kept - 1], v[i]))
            v[kept++] = v[i];
    return kept;
}

/* Label names, or the values of `name` when it is not NULL, of what one match[] (or none) selects.
 */
static int list_one(const struct lookup *l, const struct str *name, const struct tsdb_match *set,
                    struct text_list *out, struct fault *f)
{
    const struct source_ops *ops = l->source->ops;
    struct arena *a = &l->req->arena;
    struct str *v;
    int rc;

    if (name == NULL)
        rc = ops->label_names(l->source, a, set->m, set->n, l->range, &v, &out->n, f);
    else
        rc = ops->label_values(l->source, a, *name, set->m, set->n, l->range, &v, &out->n, f);
    if (rc == 0)
        out->v = v;
    return rc;
}

static int list_all(const struct lookup *l, const struct str *name, struct text_list *out,
                    struct fault *f)
{
    static const struct tsdb_match all;
    struct arena *a = &l->req->arena;
    struct str *merged = NULL;
    size_t n = 0, cap = 0;

    if (l->n_sets <= 1)
        return list_one(l, name, l->n_sets == 1 ? &l->sets[0] : &all, out, f);
    for (size_t i = 0; i < l->n_sets; i++) {
        struct text_list part;
        int rc = list_one(l, name, &l->sets[i], &part, f);

        if (rc < 0)
            return rc;
        for (size_t k = 0; k < part.n; k++) {
            ARENA_GROW(a, merged, n, cap, struct str);
            merged[n++] = part.v[k];
        }
    }
    *out = (struct text_list){merged, sort_unique(merged, n)};
    return 0;
}

static int answer_list(const struct lookup *l, const struct text_list *list)
{
    struct api__notes notes = {0};
    size_t n = list->n;
    struct json j;

    if (l->limit > 0 && n > l->limit) {
        n = l->limit;
        notes.more[0] = API_TRUNCATED;
    }
    api__ok_begin(l->req, &j);
    json_array_begin(&j);
    for (size_t i = 0; i < n; i++)
        json_str(&j, list->v[i]);
    json_array_end(&j);
    return api__ok_end(&j, &notes);
}

static int handle_list(struct http_req *req, const struct str *name)
{
    struct text_list list = {0};
    struct lookup l;
    struct fault f;
    int rc;

    if (read_bounds(&l, req, &f) < 0 || read_matches(&l, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    rc = list_all(&l, name, &list, &f);
    return rc < 0 ? fail_storage(req, rc, &f) : answer_list(&l, &list);
}

int api__label_names(struct http_req *req)
{
    return handle_list(req, NULL);
}

int api__label_values(struct http_req *req)
{
    struct str name;

    CHECK(req->n_path_args == 1);
    name = api__unescape_name(&req->arena, req->path_args[0]);
    if (name.n == 0 || !utf8_valid(name)) {
        struct buf quoted = {0};

        buf_add_go_quoted(&quoted, name);
        (void)api__fail(req, API_BAD_DATA, "invalid label name: %s", quoted.p);
        buf_release(&quoted);
        return 0;
    }
    return handle_list(req, &name);
}

/* ---- series ----------------------------------------------------------------------------- */

/* Walks several sorted selections as one, each label set once. */
struct merge {
    struct source_selection **sel;
    size_t *at; /* next series of each */
    size_t n;
};

/* False at the end. */
static bool merge_next(struct merge *m, struct labels *out)
{
    const struct labels *least = NULL;

    for (size_t i = 0; i < m->n; i++) {
        const struct labels *ls;

        if (m->at[i] == m->sel[i]->n)
            continue;
        ls = &m->sel[i]->series[m->at[i]].labels;
        if (least == NULL || labels_cmp(*ls, *least) < 0)
            least = ls;
    }
    if (least == NULL)
        return false;
    *out = *least;
    for (size_t i = 0; i < m->n; i++)
        if (m->at[i] < m->sel[i]->n && labels_eq(m->sel[i]->series[m->at[i]].labels, *out))
            m->at[i]++;
    return true;
}

static int select_all(const struct lookup *l, struct merge *m, struct fault *f)
{
    struct arena *a = &l->req->arena;

    *m = (struct merge){arena_array(a, struct source_selection *, l->n_sets),
                        arena_array(a, size_t, l->n_sets), l->n_sets};
    for (size_t i = 0; i < m->n; i++) {
        const struct tsdb_match *set = &l->sets[i];
        int rc = l->source->ops->select(l->source, a, set->m, set->n, l->range, &m->sel[i], f);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int answer_series(const struct lookup *l, struct merge *m)
{
    struct api__notes notes = {0};
    struct labels ls;
    struct json j;
    size_t n = 0;

    api__ok_begin(l->req, &j);
    json_array_begin(&j);
    while (merge_next(m, &ls)) {
        if (l->limit > 0 && n == l->limit) {
            notes.more[0] = API_TRUNCATED;
            break;
        }
        api__labels(&j, ls);
        n++;
    }
    json_array_end(&j);
    return api__ok_end(&j, &notes);
}

int api__series(struct http_req *req)
{
    struct merge merge;
    struct lookup l;
    struct fault f;
    int rc;

    if (!api__match_given(req))
        return 0;
    if (read_bounds(&l, req, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    if (read_matches(&l, &f) < 0)
        return api__fail(req, API_BAD_DATA, "invalid parameter \"match[]\": %s", f.text);
    rc = select_all(&l, &merge, &f);
    return rc < 0 ? fail_storage(req, rc, &f) : answer_series(&l, &merge);
}
