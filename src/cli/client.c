/*
 * client.c - HTTP requests by libcurl, which is opened at run time.
 */
#include "client.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

/* The calls that are used: member and symbol, typed by curl's own header. */
#define CALLS(X)                                                                                   \
    X(curl_global_init)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_strerror)                                                                          \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)

/* The header's macros of these names would get in the way of members called so. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
#define X(name) __typeof__(&(name)) name;
    CALLS(X)
#undef X
    void *library; /* stays open until the process ends */
} lib;

static int open_library(struct fault *f)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

    if (lib.library != NULL)
        return 0;
    for (size_t i = 0; i < COUNT(names) && lib.library == NULL; i++)
        lib.library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (lib.library == NULL)
        return fault_set(f, FER_EUNSUP, 0, "this command needs libcurl (Debian: libcurl4): %s",
                         dlerror());
#define X(name)                                                                                    \
    *(void **)(&lib.name) = dlsym(lib.library, #name);                                             \
    if (lib.name == NULL)                                                                          \
        return fault_set(f, FER_EUNSUP, 0, "libcurl has no %s", #name);
    CALLS(X)
#undef X
    if (lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fault_set(f, FER_EUNSUP, 0, "libcurl could not be started");
    return 0;
}

/* ---- headers ---------------------------------------------------------------------------- */

/* Where the name ends: at the first '=' or ':', whichever is earlier. */
static size_t name_end(const char *header)
{
    return strcspn(header, "=:");
}

int cli__headers_check(const struct cli__command *cmd, const struct config_list *headers)
{
    for (size_t i = 0; i < headers->n; i++) {
        size_t n = name_end(headers->v[i]);

        if (n == 0 || headers->v[i][n] == '\0' || strpbrk(headers->v[i], "\r\n") != NULL)
            return cli__usage_error(cmd,
                                    "invalid value \"%s\" for flag '--header': expected name=value",
                                    headers->v[i]);
    }
    return CLI__OK;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *text)
{
    struct curl_slist *longer = lib.curl_slist_append(list, text);

    CHECK(longer != NULL); /* memory */
    return longer;
}

static struct curl_slist *make_headers(const struct client_request *req)
{
    struct curl_slist *list = NULL;
    struct buf b = {0};

    list = add_header(list, "User-Agent: ferula/" FERULA_VERSION);
    list = add_header(list, "Expect:"); /* no 100-continue: it costs a round trip */
    if (req->content_type != NULL) {
        buf_addf(&b, "Content-Type: %s", req->content_type);
        list = add_header(list, b.p);
    }
    if (req->snappy) {
        list = add_header(list, "Content-Encoding: snappy");
        list = add_header(list, "X-Prometheus-Remote-Write-Version: 0.1.0");
    }
    if (req->backfill)
        list = add_header(list, "Ferula-Backfill: true");
    for (size_t i = 0; req->headers != NULL && i < req->headers->n; i++) {
        const char *header = req->headers->v[i];
        size_t n = name_end(header);

        buf_reset(&b);
        buf_add(&b, header, n);
        buf_puts(&b, ": ");
        buf_add_str(&b, str_trim(str_of(header + n + 1)));
        list = add_header(list, b.p);
    }
    buf_release(&b);
    return list;
}

/* ---- one request ------------------------------------------------------------------------ */

static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    buf_add(ctx, data, size * n);
    return size * n;
}

/* Where the header that was asked for goes. */
struct header_sink {
    const char *name;
    struct buf *value;
};

static size_t take_header(char *data, size_t size, size_t n, void *ctx)
{
    const struct header_sink *sink = ctx;
    struct str rest = {data, size * n}, name;

    if (str_split(&rest, ':', &name) && rest.p != NULL && str_eq_nocase(name, str_of(sink->name))) {
        buf_reset(sink->value);
        buf_add_str(sink->value, str_trim(rest));
    }
    return size * n;
}

/* This machine is never asked by way of a proxy, as in Go's clients. */
static char *no_proxy(void)
{
    const char *set = getenv("no_proxy");
    struct buf b = {0};

    if (set == NULL)
        set = getenv("NO_PROXY");
    if (set != NULL && *set != '\0')
        buf_addf(&b, "%s,", set);
    buf_puts(&b, "localhost,127.0.0.1,::1");
    return buf_take(&b);
}

static void set_options(CURL *c, const struct client_request *req, struct client_response *out,
                        char *error)
{
    lib.curl_easy_setopt(c, CURLOPT_URL, req->url);
    lib.curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    lib.curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    lib.curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    lib.curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)req->timeout);
    lib.curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    lib.curl_easy_setopt(c, CURLOPT_WRITEDATA, &out->body);
    if (req->body.p != NULL) {
        lib.curl_easy_setopt(c, CURLOPT_POST, 1L);
        lib.curl_easy_setopt(c, CURLOPT_POSTFIELDS, req->body.p);
        lib.curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
    }
}

/* Translates curl's codes, once and here. */
static int fetch_fault(CURLcode code, const char *detail, struct fault *f)
{
    int rc = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? FER_EINVAL
             : code == CURLE_OPERATION_TIMEDOUT                                ? FER_ETIMEOUT
                                                                               : FER_EIO;

    return fault_set(f, rc, 0, "%s", detail[0] != '\0' ? detail : lib.curl_easy_strerror(code));
}

int cli__fetch(const struct client_request *req, struct client_response *out, struct fault *f)
{
    const struct header_sink sink = {req->wanted, &out->wanted};
    char error[CURL_ERROR_SIZE] = "", *direct = NULL;
    struct curl_slist *headers = NULL;
    CURL *c = NULL;
    CURLcode code;
    int rc;

    out->status = 0;
    buf_reset(&out->body);
    buf_reset(&out->wanted);
    rc = open_library(f);
    if (rc < 0)
        return rc;
    c = lib.curl_easy_init();
    CHECK(c != NULL);
    headers = make_headers(req);
    direct = no_proxy();
    set_options(c, req, out, error);
    lib.curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    lib.curl_easy_setopt(c, CURLOPT_NOPROXY, direct);
    if (req->wanted != NULL) {
        lib.curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
        lib.curl_easy_setopt(c, CURLOPT_HEADERDATA, &sink);
    }
    code = lib.curl_easy_perform(c);
    if (code == CURLE_OK)
        lib.curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status);
    else
        rc = fetch_fault(code, error, f);
    lib.curl_slist_free_all(headers);
    lib.curl_easy_cleanup(c);
    free(direct);
    return rc;
}

void cli__response_release(struct client_response *resp)
{
    buf_release(&resp->body);
    buf_release(&resp->wanted);
}

int cli__fetch_exit(int rc)
{
    switch (rc) {
    case FER_EIO:
    case FER_ETIMEOUT:
        return CLI__UNREACHABLE;
    case FER_EINVAL:
        return CLI__USAGE;
    default:
        return CLI__FAILED;
    }
}

char *cli__base_url(const char *url)
{
    struct buf b = {0};

    if (strstr(url, "://") == NULL)
        buf_puts(&b, "http://");
    buf_puts(&b, url);
    while (b.n > 0 && b.p[b.n - 1] == '/')
        b.p[--b.n] = '\0';
    return buf_take(&b);
}
