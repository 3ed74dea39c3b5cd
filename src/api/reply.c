/*
 * reply.c - the envelope: {"status":...,"data":...,"errorType":...,"error":...,"warnings":...}.
 */
#include "api.h"

#include <stdarg.h>

#include "ferula/base/check.h"
#include "ferula/model/labels.h"

#define RETRY_AFTER STR("1") /* seconds */

/* More annotations than this of one kind are only counted. */
#define MAX_NOTES 10

static const struct {
    const char *text;
    int status;
} errors[N_API_ERRORS] = {
    [API_BAD_DATA] = {"bad_data",    400},
    [API_EXECUTION] = {"execution",   422},
    [API_TIMEOUT] = {"timeout",     503},
    [API_CANCELED] = {"canceled",    499}, /* client closed the connection */
    [API_INTERNAL] = {"internal",    500},
    [API_UNAVAILABLE] = {"unavailable", 500},
    [API_BUSY] = {"unavailable", 503},
    [API_NOT_FOUND] = {"not_found",   404},
};

int api__fail(struct http_req *req, enum api__error kind, const char *fmt, ...)
{
    struct buf text = {0};
    struct json j;
    va_list ap;

    CHECK(kind < N_API_ERRORS);
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    req->reply.status = errors[kind].status;
    req->reply.content_type = "application/json";
    if (kind == API_BUSY)
        http_reply_header(req, "Retry-After", RETRY_AFTER);
    buf_reset(&req->reply.body);
    json_init(&j, &req->reply.body);
    json_object_begin(&j);
    json_member_cstr(&j, "status", "error");
    json_member_cstr(&j, "errorType", errors[kind].text);
    json_member_str(&j, "error", buf_str(&text));
    json_object_end(&j);
    buf_release(&text);
    return 0;
}

enum api__error api__store_error(int rc, enum api__error other)
{
    return rc == FER_EBUSY ? API_BUSY : rc == FER_ECANCELED ? API_CANCELED : other;
}

void api__ok_begin(struct http_req *req, struct json *j)
{
    req->reply.status = 200;
    req->reply.content_type = "application/json";
    json_init(j, &req->reply.body);
    json_object_begin(j);
    json_member_cstr(j, "status", "success");
    json_key(j, "data");
}

/* An array of at most MAX_NOTES texts and a last one that counts the rest; nothing when empty. */
static void write_notes(struct json *j, const char *kind, const struct str *v, size_t n,
                        const struct str *more)
{
    size_t written = 0, omitted = 0, n_more = 0;

    while (more != NULL && n_more < 2 && more[n_more].p != NULL)
        n_more++;
    if (n + n_more == 0)
        return;
    json_key(j, kind[0] == 'w' ? "warnings" : "infos");
    json_array_begin(j);
    for (size_t i = 0; i < n + n_more; i++) {
        if (written == MAX_NOTES) {
            omitted++;
            continue;
        }
        json_str(j, i < n ? v[i] : more[i - n]);
        written++;
    }
    if (omitted > 0) {
        struct buf text = {0};

        buf_addf(&text, "%zu more %s annotations omitted", omitted, kind);
        json_str(j, buf_str(&text));
        buf_release(&text);
    }
    json_array_end(j);
}

int api__ok_end(struct json *j, const struct api__notes *notes)
{
    if (notes != NULL) {
        write_notes(j, "warning", notes->warnings, notes->n_warnings, notes->more);
        write_notes(j, "info", notes->infos, notes->n_infos, NULL);
    }
    json_object_end(j);
    return 0;
}

int api__ok_raw(struct http_req *req, const char *data)
{
    struct json j;

    api__ok_begin(req, &j);
    buf_puts(j.out, data);
    j.comma = true;
    return api__ok_end(&j, NULL);
}

bool api__admin_disabled(struct http_req *req)
{
    if (api__from(req->ctx)->opts.admin)
        return false;
    (void)api__fail(req, API_UNAVAILABLE, "admin APIs disabled");
    return true;
}

bool api__abandoned(const struct http_req *req)
{
    return http_stopping(req) || http_client_gone(req);
}

void api__labels(struct json *j, struct labels ls)
{
    json_object_begin(j);
    for (size_t i = 0; i < ls.n; i++) {
        json_key_str(j, ls.v[i].name);
        json_label(j, ls.v[i].value);
    }
    json_object_end(j);
}
