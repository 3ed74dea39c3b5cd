/*
 * admin.c - the calls under /api/v1/admin/tsdb, which exist when --web.enable-admin-api is given.
 */
#include "handlers.h"

#include "ferula/base/log.h"

/* All or nothing: what Prometheus deletes match[] by match[] is one step here. */
int api__admin_delete(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    struct source_range range;
    struct tsdb_match *sets;
    struct fault f;
    size_t n;
    int rc;

    if (api__admin_disabled(req))
        return 0;
    if (!api__match_given(req))
        return 0;
    if (api__range_params(req, &range, &f) < 0)
        return api__fail(req, API_BAD_DATA, "%s", f.text);
    if (api__match_params(req, &sets, &n, &f) < 0)
        return api__fail(req, API_BAD_DATA, "invalid parameter \"match[]\": %s", f.text);
    rc = tsdb_delete(api->opts.db, sets, n, range, &f);
    if (rc < 0)
        return api__fail(req, api__store_error(rc, API_INTERNAL), "%s", f.text);
    LOG_INFO("Series deleted", LOG_STR("match", http_param(req, "match[]")), LOG_I("matches", n));
    req->reply.status = 204;
    return 0;
}

int api__admin_clean(struct http_req *req)
{
    struct fault f;
    int rc;

    if (api__admin_disabled(req))
        return 0;
    rc = tsdb_clean_tombstones(api__from(req->ctx)->opts.db, &f);
    if (rc < 0)
        return api__fail(req, api__store_error(rc, API_INTERNAL), "%s", f.text);
    req->reply.status = 204;
    return 0;
}

/* As Go's strconv.ParseBool. */
static bool is_bool(struct str s)
{
    static const char *const texts[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (str_is(s, texts[i]))
            return true;
    return false;
}

/* `skip_head` changes nothing: what is in memory is on disk, too. `name` is ferula's own. */
int api__admin_snapshot(struct http_req *req)
{
    const struct api *api = api__from(req->ctx);
    struct str skip = http_param(req, "skip_head"), name = http_param(req, "name");
    struct buf made = {0}, quoted = {0};
    struct fault f;
    struct json j;
    int rc;

    if (api__admin_disabled(req))
        return 0;
    if (skip.n > 0 && !is_bool(skip)) {
        buf_add_go_quoted(&quoted, skip);
        (void)api__fail(req, API_BAD_DATA,
                        "invalid parameter \"skip_head\": unable to parse boolean "
                        "strconv.ParseBool: parsing %s: invalid syntax",
                        quoted.p);
        buf_release(&quoted);
        return 0;
    }
    rc = tsdb_snapshot(api->opts.db, api->opts.data_dir, name, &made, &f);
    if (rc < 0) {
        (void)api__fail(req,
                        rc == FER_EINVAL   ? API_BAD_DATA
                        : rc == FER_EUNSUP ? API_UNAVAILABLE
                                           : API_INTERNAL,
                        "create snapshot: %s", f.text);
    } else {
        LOG_INFO("Snapshot made", LOG_STR("name", buf_str(&made)));
        api__ok_begin(req, &j);
        json_object_begin(&j);
        json_member_str(&j, "name", buf_str(&made));
        json_object_end(&j);
        (void)api__ok_end(&j, NULL);
    }
    buf_release(&made);
    return 0;
}

/* A store without series, as durable as deleting them one by one. */
static int empty_store(struct tsdb *db, struct arena *a, struct fault *f)
{
    struct matcher *all = arena_new(a, struct matcher);
    struct tsdb_match set = {all, 1};
    int rc = matcher_init(all, a, MATCH_RE, STR(LABEL_NAME), STR(".*"), f);

    if (rc == 0)
        rc = tsdb_delete(db, &set, 1, (struct source_range){INT64_MIN, INT64_MAX}, f);
    return rc == 0 ? tsdb_clean_tombstones(db, f) : rc;
}

int api__reset(struct http_req *req)
{
    struct api *api = api__from(req->ctx);
    struct fault f;
    int rc;

    if (api__admin_disabled(req))
        return 0;
    api__faults_end_all(api);
    tsdb_journal_clear(api->opts.db);
    rc = empty_store(api->opts.db, &req->arena, &f);
    if (rc < 0)
        return api__fail(req, api__store_error(rc, API_INTERNAL), "%s", f.text);
    LOG_INFO("The store was emptied");
    req->reply.status = 204;
    return 0;
}
