/*
 * route.c - from the target of a request to a row of the route table.
 *
 * A path is split at slashes before it is decoded, so "%2F" in a label name is data. Empty parts
 * are dropped: "//api/v1/query/" is "/api/v1/query". A "." or ".." matches no route.
 */
#include <stdlib.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

static const struct {
    enum http_method method;
    const char *name;
} methods[] = {
    {HTTP_GET,     "GET"    },
    {HTTP_POST,    "POST"   },
    {HTTP_PUT,     "PUT"    },
    {HTTP_DELETE,  "DELETE" },
    {HTTP_HEAD,    "HEAD"   },
    {HTTP_OPTIONS, "OPTIONS"},
};

enum http_method http__method_of(const char *name)
{
    for (size_t i = 0; i < COUNT(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    return 0;
}

struct str http__methods_text(struct arena *a, unsigned set)
{
    struct str text = STR("");

    for (size_t i = 0; i < COUNT(methods); i++)
        if ((set & methods[i].method) != 0)
            text = arena_printf(a, STR_FMT "%s%s", STR_ARG(text), text.n > 0 ? ", " : "",
                                methods[i].name);
    return text;
}

static struct http__segment segment_of(struct str part)
{
    struct http__segment seg = {.kind = HTTP__SEG_TEXT, .text = part};

    if (part.p[0] == '{')
        seg.kind = str_ends(part, "...}") ? HTTP__SEG_REST : HTTP__SEG_NAME;
    return seg;
}

/* Which methods the server answers for a route: HEAD comes with GET, OPTIONS with CORS. */
static unsigned methods_of(const struct http_route *route)
{
    unsigned set = route->methods;

    if ((set & HTTP_GET) != 0)
        set |= HTTP_HEAD;
    if ((route->flags & HTTP_CORS) != 0)
        set |= HTTP_OPTIONS;
    return set;
}

void http__routes_init(struct http_server *s)
{
    s->n_routes = s->opts.n_routes;
    s->routes = xcalloc(s->n_routes, sizeof(*s->routes));
    for (size_t i = 0; i < s->n_routes; i++) {
        struct http__route *route = &s->routes[i];
        struct str rest = str_of(s->opts.routes[i].path), part;

        route->pub = &s->opts.routes[i];
        route->segs = xcalloc(rest.n + 1, sizeof(*route->segs));
        while (str_split(&rest, '/', &part))
            if (part.n > 0)
                route->segs[route->n_segs++] = segment_of(part);
    }
}

void http__routes_release(struct http_server *s)
{
    for (size_t i = 0; i < s->n_routes; i++)
        free(s->routes[i].segs);
    free(s->routes);
    s->routes = NULL;
    s->n_routes = 0;
}

/* The path and query of "/path?query" or "http://host/path?query". */
static struct str split_target(struct http__request *r)
{
    struct str path = r->raw_uri;
    const char *mark = memchr(path.p, '?', path.n);
    const char *slash;

    if (mark != NULL) {
        r->query = str_cut(path, (size_t)(mark - path.p) + 1);
        path.n = (size_t)(mark - path.p);
    }
    if (str_starts(path, "http://") || str_starts(path, "https://")) {
        path = str_cut(path, str_starts(path, "http://") ? 7 : 8);
        slash = memchr(path.p, '/', path.n);
        path = slash == NULL ? STR("/") : str_cut(path, (size_t)(slash - path.p));
    }
    return path;
}

/* The segments from `from` on as a path: "/a/b". */
static struct str join_segments(struct http__request *r, size_t from)
{
    struct buf text = {0};
    struct str path;

    for (size_t i = from; i < r->n_segs; i++) {
        buf_putc(&text, '/');
        buf_add_str(&text, r->segs[i]);
    }
    path = text.n == 0 ? STR("/") : arena_str(&r->req.arena, buf_str(&text));
    buf_release(&text);
    return path;
}

bool http__path_parse(struct http__request *r)
{
    struct str rest = split_target(r), part, bad;
    size_t cap = 0;

    while (str_split(&rest, '/', &part)) {
        if (part.n == 0)
            continue;
        ARENA_GROW(&r->req.arena, r->segs, r->n_segs, cap, struct str);
        if (!http__unescape(&r->req.arena, part, false, &r->segs[r->n_segs++], &bad))
            return false;
    }
    r->req.path = join_segments(r, 0);
    return true;
}

/* Takes the parts of the route prefix off; false when the path does not begin with it. */
static bool strip_prefix(struct http__request *r)
{
    struct str rest = str_of(r->server->prefix), part;
    size_t n = 0;

    while (str_split(&rest, '/', &part)) {
        if (part.n == 0)
            continue;
        if (n == r->n_segs || !str_eq(part, r->segs[n]))
            return false;
        n++;
    }
    if (n > 0) {
        r->segs += n;
        r->n_segs -= n;
        r->req.path = join_segments(r, 0);
    }
    return true;
}

static bool is_dots(struct str part)
{
    return str_is(part, ".") || str_is(part, "..");
}

/* True when the path has the route's shape; path_args are set then. */
static bool match(struct http__request *r, const struct http__route *route)
{
    struct str args[COUNT(r->req.path_args)];
    size_t n_args = 0, i;

    for (i = 0; i < route->n_segs; i++) {
        const struct http__segment *seg = &route->segs[i];

        if (seg->kind != HTTP__SEG_TEXT)
            CHECK(n_args < COUNT(args));
        if (seg->kind == HTTP__SEG_REST) {
            args[n_args++] = str_cut(join_segments(r, i), 1);
            i = r->n_segs;
            break;
        }
        if (i == r->n_segs || is_dots(r->segs[i]))
            return false;
        if (seg->kind == HTTP__SEG_NAME)
            args[n_args++] = r->segs[i];
        else if (!str_eq(seg->text, r->segs[i]))
            return false;
    }
    if (i != r->n_segs)
        return false;
    memcpy(r->req.path_args, args, n_args * sizeof(args[0]));
    r->req.n_path_args = n_args;
    return true;
}

/* Rows are tried in order; of those with the path, the first with the method wins. */
const struct http__route *http__route_find(struct http__request *r, unsigned *allow)
{
    const struct http__route *by_path = NULL;

    *allow = 0;
    if (!strip_prefix(r))
        return NULL;
    for (size_t i = 0; i < r->server->n_routes; i++) {
        const struct http__route *route = &r->server->routes[i];
        unsigned set = methods_of(route->pub);

        if (!match(r, route))
            continue;
        *allow |= set;
        if ((set & r->req.method) != 0)
            return route;
        if (by_path == NULL)
            by_path = route;
    }
    return by_path;
}
