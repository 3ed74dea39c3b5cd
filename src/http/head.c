/*
 * head.c - is the head of a request what every HTTP server would read from the same bytes?
 *
 * libmicrohttpd 0.9.75 is lenient: it ends lines at a bare LF, cuts values at NUL, takes
 * "Content-Length :" for some unknown header and the first of two lengths for the length. A proxy
 * in front that reads the same bytes otherwise can then be made to see one request where we see
 * two.
 *
 * It parses in place, though: the head stays where it arrived, and only the separators (CR, LF, the
 * colon, the blanks around the target) become NUL. So the pieces it hands out, laid end to end with
 * the separators that a well-formed head has, must fill the head exactly. Anything it skipped, cut
 * or joined leaves a gap or an overlap, and the request is refused.
 */
#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define MAX_HEADERS 256

/* The head being walked: at <= end. */
struct walk {
    const char *at, *end;
};

/* RFC 9110 tchar. */
static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return true;
    return false;
}

/* The piece must be at the walk's place; steps over it. */
static bool walk_piece(struct walk *w, const char *p, size_t n)
{
    if (p != w->at || (size_t)(w->end - w->at) < n)
        return false;
    w->at += n;
    return true;
}

/* Separators that libmicrohttpd overwrote. */
static bool walk_zeros(struct walk *w, size_t n)
{
    for (; n > 0; n--)
        if (w->at == w->end || *w->at++ != '\0')
            return false;
    return true;
}

static void walk_blanks(struct walk *w, const char *until)
{
    while (w->at != w->end && w->at != until && (*w->at == ' ' || *w->at == '\t'))
        w->at++;
}

static enum MHD_Result collect_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      size_t n_name, const char *value, size_t n_value)
{
    struct http__request *r = cls;

    (void)kind;
    if (r->n_headers > MAX_HEADERS)
        return MHD_NO;
    ARENA_GROW(&r->req.arena, r->headers, r->n_headers, r->cap_headers, struct http_param);
    r->headers[r->n_headers++] = (struct http_param){
        {name,  n_name },
        {value, n_value}
    };
    return MHD_YES;
}

static const char *check_request_line(struct http__request *r, struct walk *w, const char *method,
                                      const char *version)
{
    if (!is_token(str_of(method)))
        return "malformed method";
    if (strcmp(version, MHD_HTTP_VERSION_1_1) != 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
        return "malformed HTTP version";
    if (r->raw_uri_at == NULL || !walk_piece(w, method, strlen(method)) || !walk_zeros(w, 1) ||
        !walk_piece(w, r->raw_uri_at, r->raw_uri.n) || !walk_zeros(w, 1) ||
        !walk_piece(w, version, strlen(version)) || !walk_zeros(w, 2))
        return "malformed request line";
    if (has_control(r->raw_uri) || memchr(r->raw_uri.p, ' ', r->raw_uri.n) != NULL)
        return "blank or control character in the request target";
    return NULL;
}

static const char *check_header(struct walk *w, struct http_param *h)
{
    if (!is_token(h->name))
        return "malformed header name";
    if (!walk_piece(w, h->name.p, h->name.n) || !walk_zeros(w, 1))
        return "malformed header line";
    walk_blanks(w, h->value.p);
    if (!walk_piece(w, h->value.p, h->value.n) || !walk_zeros(w, 2))
        return "malformed header line";
    if (has_control(h->value))
        return "control character in a header";
    h->value = str_trim(h->value);
    return NULL;
}

struct framing {
    size_t n_hosts, n_lengths, n_codings;
    struct str length, coding;
};

static void note_framing(struct framing *f, const struct http_param *h)
{
    if (str_eq_nocase(h->name, STR("Host"))) {
        f->n_hosts++;
    } else if (str_eq_nocase(h->name, STR("Content-Length"))) {
        f->n_lengths++;
        f->length = h->value;
    } else if (str_eq_nocase(h->name, STR("Transfer-Encoding"))) {
        f->n_codings++;
        f->coding = h->value;
    }
}

/* How long the body is, when there is only one way to tell. */
static const char *check_framing(struct http__request *r, const struct framing *f, bool is_1_1)
{
    if (f->n_hosts > 1 || (f->n_hosts == 0 && is_1_1))
        return "exactly one Host header is required";
    if (f->n_lengths > 1)
        return "more than one Content-Length header";
    if (f->n_codings > 1)
        return "more than one Transfer-Encoding header";
    if (f->n_codings == 1 && f->n_lengths == 1)
        return "both Content-Length and Transfer-Encoding";
    if (f->n_codings == 1 && (!is_1_1 || !str_eq_nocase(f->coding, STR("chunked"))))
        return "unsupported Transfer-Encoding";
    r->chunked = f->n_codings == 1;
    r->content_bytes = r->chunked ? UINT64_MAX : 0;
    if (f->n_lengths == 1 && !str_to_u64(f->length, &r->content_bytes))
        return "malformed Content-Length";
    return NULL;
}

const char *http__head_check(struct http__request *r, const char *method, const char *version)
{
    const union MHD_ConnectionInfo *size;
    struct framing framing = {0};
    struct walk w = {.at = method};
    const char *wrong;

    size = MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (size == NULL)
        return "malformed head";
    w.end = method + size->header_size;
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, collect_header, r);
    if (r->n_headers > MAX_HEADERS)
        return "too many headers";
    wrong = check_request_line(r, &w, method, version);
    for (size_t i = 0; wrong == NULL && i < r->n_headers; i++) {
        wrong = check_header(&w, &r->headers[i]);
        note_framing(&framing, &r->headers[i]);
    }
    if (wrong == NULL && (!walk_zeros(&w, 2) || w.at != w.end))
        wrong = "malformed end of the head";
    if (wrong == NULL)
        wrong = check_framing(r, &framing, strcmp(version, MHD_HTTP_VERSION_1_1) == 0);
    return wrong;
}
