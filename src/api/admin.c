/*
 * admin.c - the calls under /api/v1/admin/tsdb, which exist when --web.enable-admin-api is given.
 */
#include "handlers.h"

#include "ferula/base/log.h"

static bool is_disabled(struct http_req *req)
{
    if (api__from(req->ctx)->opts.admin)
        return false;
    (void)api__fail(req, API_UNAVAILABLE, "admin APIs disabled");
    return true;
}

int api__admin_delete(struct http_req *req)
{
    if (is_disabled(req))
        return 0;
    return api__fail(req, API_UNAVAILABLE, "deleting series is not supported");
}

/* No series can be deleted, so nothing is left to clean. */
int api__admin_clean(struct http_req *req)
{
    if (!is_disabled(req))
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

    if (is_disabled(req))
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
        json_key(&j, "name");
        json_str(&j, buf_str(&made));
        json_object_end(&j);
        (void)api__ok_end(&j, NULL);
    }
    buf_release(&made);
    return 0;
}
