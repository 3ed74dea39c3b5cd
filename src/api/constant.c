/*
 * constant.c - endpoints whose answer never changes, because ferula has no scrape targets, rules
 * or alerts. Clients probe them and only want them well formed.
 */
#include "handlers.h"

#include "ferula/base/check.h"

static const struct {
    const char *path, *data;
} constants[] = {
    {"/api/v1/alertmanagers",      "{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"},
    {"/api/v1/alerts",             "{\"alerts\":[]}"                                         },
    {"/api/v1/notifications",      "[]"                                                      },
    {"/api/v1/scrape_pools",       "{\"scrapePools\":[]}"                                    },
    {"/api/v1/status/config",      "{\"yaml\":\"\"}"                                         },
    {"/api/v1/status/tsdb/blocks", "{\"blocks\":[]}"                                         },
    {"/api/v1/status/walreplay",   "{\"min\":0,\"max\":0,\"current\":0}"                     },
    {"/api/v1/targets/metadata",   "[]"                                                      },
};

int api__constant(struct http_req *req)
{
    for (size_t i = 0; i < COUNT(constants); i++)
        if (str_is(req->path, constants[i].path))
            return api__ok_raw(req, constants[i].data);
    CHECK_UNREACHABLE("a path that is not in the table");
}

int api__targets(struct http_req *req)
{
    bool active = str_is(http_url_param(req, "state"), "active");

    return api__ok_raw(req, active ? "{\"activeTargets\":[],\"droppedTargets\":[],"
                                     "\"droppedTargetCounts\":null}"
                                   : "{\"activeTargets\":[],\"droppedTargets\":[],"
                                     "\"droppedTargetCounts\":{}}");
}

int api__rules(struct http_req *req)
{
    struct str type = http_url_param(req, "type");
    struct buf quoted = {0};

    if (type.n == 0 || str_eq_nocase(type, STR("alert")) || str_eq_nocase(type, STR("record")))
        return api__ok_raw(req, "{\"groups\":[]}");
    buf_add_go_quoted(&quoted, type);
    (void)api__fail(req, API_BAD_DATA, "invalid parameter \"type\": not supported value %s",
                    quoted.p);
    buf_release(&quoted);
    return 0;
}

/* OPTIONS on a path that has no route of its own. */
int api__no_content(struct http_req *req)
{
    req->reply.status = 204;
    return 0;
}
