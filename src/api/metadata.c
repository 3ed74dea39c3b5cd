/*
 * metadata.c - /api/v1/metadata: type, unit and help of metric families, as agents sent them.
 */
#include "handlers.h"

#include "ferula/model/metadata.h"

/* A count that may be absent; negative: none. */
static int count_param(struct http_req *req, const char *name, int64_t *out)
{
    struct str s = http_param(req, name);
    struct fault f;

    *out = -1;
    if (s.n == 0 || api__parse_atoi(s, out, &f) == 0)
        return 0;
    (void)api__fail(req, API_BAD_DATA, "%s must be a number", name);
    return FER_EINVAL;
}

static void write_entry(struct json *j, const struct metadata *md)
{
    json_object_begin(j);
    json_member_cstr(j, "type", metric_type_text(md->type));
    json_member_str(j, "unit", md->unit);
    json_member_str(j, "help", md->help);
    json_object_end(j);
}

/* Entries of one family are neighbours in `md`. */
static void write_families(struct json *j, const struct metadata *md, size_t n, int64_t limit,
                           int64_t limit_per_metric)
{
    int64_t n_families = 0;
    size_t i = 0;

    json_object_begin(j);
    while (i < n && (limit < 0 || n_families < limit)) {
        struct str family = md[i].family;

        json_key_str(j, family);
        json_array_begin(j);
        for (int64_t k = 0; i < n && str_eq(md[i].family, family); i++, k++)
            if (limit_per_metric <= 0 || k < limit_per_metric)
                write_entry(j, &md[i]);
        json_array_end(j);
        n_families++;
    }
    json_object_end(j);
}

int api__metadata(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    int64_t limit, limit_per_metric;
    struct metadata *md = NULL;
    struct fault f;
    struct json j;
    size_t n = 0;
    int rc;

    if (count_param(req, "limit", &limit) < 0 ||
        count_param(req, "limit_per_metric", &limit_per_metric) < 0)
        return 0;
    rc = tsdb_metadata(api->opts.db, &req->arena, http_param(req, "metric"), &md, &n, &f);
    if (rc < 0 && rc != FER_ENOENT)
        return api__fail(req, api__store_error(rc, API_INTERNAL), "%s", f.text);
    api__ok_begin(req, &j);
    write_families(&j, md, rc < 0 ? 0 : n, limit, limit_per_metric);
    return api__ok_end(&j, NULL);
}
