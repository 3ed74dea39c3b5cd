/*
 * params.c - query strings and form bodies, read as Go's net/url reads them.
 *
 * A part with a malformed escape or a semicolon is left out, the rest is kept, and the first such
 * error is remembered with Go's text: some endpoints refuse the request for it, most do not look.
 */
#include "http_priv.h"

#include "ferula/base/check.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool http__unescape(struct arena *a, struct str s, bool plus, struct str *out, struct str *bad)
{
    char *p = arena_alloc_raw(a, s.n + 1, 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        int hi, lo;

        if (s.p[i] == '+' && plus) {
            p[n++] = ' ';
            continue;
        }
        if (s.p[i] != '%') {
            p[n++] = s.p[i];
            continue;
        }
        hi = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
        lo = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
        if (hi < 0 || lo < 0) {
            *bad = (struct str){s.p + i, MIN(s.n - i, (size_t)3)};
            return false;
        }
        p[n++] = (char)(hi * 16 + lo);
        i += 2;
    }
    p[n] = '\0';
    *out = (struct str){p, n};
    return true;
}

static void remember_error(struct http__request *r, struct str bad)
{
    struct buf text = {0};

    if (r->form_error.p != NULL)
        return;
    if (bad.p == NULL) {
        r->form_error = STR("invalid semicolon separator in query");
        return;
    }
    buf_puts(&text, "invalid URL escape ");
    buf_add_go_quoted(&text, bad);
    r->form_error = arena_str(&r->req.arena, buf_str(&text));
    buf_release(&text);
}

/* "name=value"; "name" alone has an empty value. */
static bool parse_pair(struct arena *a, struct str part, struct http_param *out, struct str *bad)
{
    const char *eq = memchr(part.p, '=', part.n);
    struct str name = part, value = STR("");

    if (memchr(part.p, ';', part.n) != NULL)
        return false;
    if (eq != NULL) {
        name.n = (size_t)(eq - part.p);
        value = str_cut(part, name.n + 1);
    }
    return http__unescape(a, name, true, &out->name, bad) &&
           http__unescape(a, value, true, &out->value, bad);
}

struct param_list {
    struct http_param **params;
    size_t *n, *cap;
};

static void parse_into(struct http__request *r, struct str text, struct param_list to)
{
    struct str rest = text, part;

    while (rest.p != NULL && str_split(&rest, '&', &part)) {
        struct http_param pair = {{0}, {0}};
        struct str bad = {0};

        if (part.n == 0)
            continue;
        if (!parse_pair(&r->req.arena, part, &pair, &bad)) {
            remember_error(r, bad);
            continue;
        }
        ARENA_GROW(&r->req.arena, *to.params, *to.n, *to.cap, struct http_param);
        (*to.params)[(*to.n)++] = pair;
    }
}

void http__params_from_url(struct http__request *r)
{
    struct param_list to = {&r->url_params, &r->n_url_params, &r->cap_url_params};

    parse_into(r, r->query, to);
}

/* The media type without its parameters. */
static struct str media_type(struct str value)
{
    const char *semicolon = value.p == NULL ? NULL : memchr(value.p, ';', value.n);

    if (semicolon != NULL)
        value.n = (size_t)(semicolon - value.p);
    return value.p == NULL ? value : str_trim(value);
}

/* As Go: the body's errors come before those of the URL. */
void http__params_from_body(struct http__request *r)
{
    struct param_list to = {&r->form_params, &r->n_form_params, &r->cap_form_params};
    struct str type = media_type(http_header(&r->req, "Content-Type"));
    struct str url_error = r->form_error;

    if (r->req.method != HTTP_POST && r->req.method != HTTP_PUT)
        return;
    if (!str_eq_nocase(type, STR("application/x-www-form-urlencoded")))
        return;
    r->form_error = (struct str){0};
    parse_into(r, r->req.body, to);
    if (r->form_error.p == NULL)
        r->form_error = url_error;
}

static const struct http_param *find(const struct http_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(params[i].name, name))
            return &params[i];
    return NULL;
}

struct str http_url_param(const struct http_req *req, const char *name)
{
    const struct http__request *r = http__request_of(req);
    const struct http_param *p = find(r->url_params, r->n_url_params, name);

    return p == NULL ? (struct str){0} : p->value;
}

struct str http_param(const struct http_req *req, const char *name)
{
    const struct http__request *r = http__request_of(req);
    const struct http_param *p = find(r->form_params, r->n_form_params, name);

    return p == NULL ? http_url_param(req, name) : p->value;
}

/* The body's come before the URL's; NULL: there are no more. */
static const struct http_param *param_at(const struct http__request *r, size_t i)
{
    if (i < r->n_form_params)
        return &r->form_params[i];
    i -= r->n_form_params;
    return i < r->n_url_params ? &r->url_params[i] : NULL;
}

struct str http_param_name(const struct http_req *req, size_t i)
{
    const struct http_param *p = param_at(http__request_of(req), i);

    return p == NULL ? (struct str){0} : p->name;
}

size_t http_params(struct http_req *req, const char *name, const struct str **out)
{
    const struct http__request *r = http__request_of(req);
    const struct http_param *p;
    struct str *values = NULL;
    size_t n = 0, cap = 0;

    for (size_t i = 0; (p = param_at(r, i)) != NULL; i++) {
        if (!str_is(p->name, name))
            continue;
        ARENA_GROW(&req->arena, values, n, cap, struct str);
        values[n++] = p->value;
    }
    *out = values;
    return n;
}

bool http_form_ok(const struct http_req *req, struct str *text)
{
    const struct http__request *r = http__request_of(req);

    if (r->form_error.p != NULL && text != NULL)
        *text = r->form_error;
    return r->form_error.p == NULL;
}

struct str http_header(const struct http_req *req, const char *name)
{
    const struct http__request *r = http__request_of(req);

    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq_nocase(r->headers[i].name, str_of(name)))
            return r->headers[i].value;
    return (struct str){0};
}

struct str http_peer(const struct http_req *req)
{
    return str_of(http__request_of(req)->conn->peer);
}
