/*
 * client.c - sockets, and as much of HTTP as answers to our own requests have.
 */
#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ferula/base/check.h"

#define TIMEOUT_S       120 /* the longest query of a large store */
#define READ_AT_ONCE    65536
#define REPLY_AT_MOST   (1u << 30)
#define STATUS_LINE_MIN 12 /* "HTTP/1.1 204" */

int client_init(struct client *c, const char *url, struct fault *f)
{
    static const char scheme[] = "http://";
    struct str host = str_of(url);

    *c = (struct client){.fd = -1};
    if (!str_starts(host, scheme))
        return fault_set(f, FER_EINVAL, 0, "%s: expected http://HOST:PORT", url);
    host = str_cut(host, sizeof(scheme) - 1);
    while (host.n > 0 && host.p[host.n - 1] == '/')
        host.n--;
    if (host.n == 0 || host.n >= sizeof(c->host) || memchr(host.p, '/', host.n) != NULL ||
        memchr(host.p, ':', host.n) == NULL)
        return fault_set(f, FER_EINVAL, 0, "%s: expected http://HOST:PORT", url);
    memcpy(c->host, host.p, host.n);
    return 0;
}

static void hang_up(struct client *c)
{
    if (c->host[0] != '\0' && c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

void client_release(struct client *c)
{
    hang_up(c);
    buf_release(&c->reply);
    buf_release(&c->body_buf);
}

/* ---- connecting ------------------------------------------------------------------------- */

static int open_socket(const struct addrinfo *ai)
{
    const struct timeval limit = {.tv_sec = TIMEOUT_S};
    const int on = 1;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);

    if (fd < 0)
        return -1;
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0) {
        close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return fd;
}

static int dial(struct client *c, struct fault *f)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char host[sizeof(c->host)], *port;
    int rc;

    memcpy(host, c->host, sizeof(host));
    port = strrchr(host, ':');
    *port++ = '\0';
    rc = getaddrinfo(host, port, &hints, &list);
    if (rc != 0)
        return fault_set(f, FER_EIO, 0, "%s: %s", c->host, gai_strerror(rc));
    c->fd = open_socket(list);
    freeaddrinfo(list);
    return c->fd >= 0 ? 0 : fault_set(f, FER_EIO, 0, "%s: %s", c->host, strerror(errno));
}

/* ---- sending ---------------------------------------------------------------------------- */

static int send_all(struct client *c, struct iovec *v, size_t n)
{
    while (n > 0) {
        struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
        ssize_t sent = sendmsg(c->fd, &m, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return FER_EIO;
        for (; n > 0 && (size_t)sent >= v->iov_len; v++, n--)
            sent -= (ssize_t)v->iov_len;
        if (n > 0) {
            v->iov_base = (char *)v->iov_base + sent;
            v->iov_len -= (size_t)sent;
        }
    }
    return 0;
}

/* ---- receiving -------------------------------------------------------------------------- */

/* Reads more into c->reply; false at the end of the stream and on errors. */
static bool read_more(struct client *c)
{
    ssize_t n;

    if (c->reply.n > REPLY_AT_MOST)
        return false;
    buf_reserve(&c->reply, READ_AT_ONCE);
    do
        n = recv(c->fd, c->reply.p + c->reply.n, READ_AT_ONCE - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    c->reply.n += (size_t)n;
    c->reply.p[c->reply.n] = '\0';
    return true;
}

static bool read_until(struct client *c, size_t n)
{
    while (c->reply.n < n)
        if (!read_more(c))
            return false;
    return true;
}

/* The offset behind the next CRLF at or after `from`; 0 when the stream ends first. */
static size_t line_end(struct client *c, size_t from)
{
    for (;;) {
        const char *lf =
            c->reply.n > from ? memchr(c->reply.p + from, '\n', c->reply.n - from) : NULL;

        if (lf != NULL)
            return (size_t)(lf - c->reply.p) + 1;
        if (!read_more(c))
            return 0;
    }
}

/* What the head of an answer says of its body. */
struct framing {
    size_t head_n;
    uint64_t length;
    bool chunked, close;
    int status;
};

static bool read_header(struct framing *fr, struct str line)
{
    struct str name;

    if (!str_split(&line, ':', &name) || line.p == NULL)
        return false;
    line = str_trim(line);
    if (str_eq_nocase(name, STR("content-length")))
        return str_to_u64(line, &fr->length);
    if (str_eq_nocase(name, STR("transfer-encoding")))
        fr->chunked = str_eq_nocase(line, STR("chunked"));
    if (str_eq_nocase(name, STR("connection")))
        fr->close = str_eq_nocase(line, STR("close"));
    return true;
}

static bool read_head(struct client *c, struct framing *fr)
{
    uint64_t status;
    size_t at = line_end(c, 0);

    if (at == 0 || c->reply.n < STATUS_LINE_MIN ||
        !str_to_u64((struct str){c->reply.p + 9, 3}, &status))
        return false;
    fr->status = (int)status;
    for (;;) {
        size_t next = line_end(c, at);
        struct str line;

        if (next == 0)
            return false;
        line = str_trim((struct str){c->reply.p + at, next - at});
        at = next;
        if (line.n == 0)
            break;
        if (!read_header(fr, line))
            return false;
    }
    fr->head_n = at;
    return true;
}

static bool read_chunked(struct client *c, size_t at)
{
    buf_reset(&c->body_buf);
    for (;;) {
        size_t next = line_end(c, at), n;

        if (next == 0 || sscanf(c->reply.p + at, "%zx", &n) != 1 || n > REPLY_AT_MOST ||
            !read_until(c, next + n + 2))
            return false;
        if (n == 0)
            return true; /* our servers send no trailers, so the empty line is there, too */
        buf_add(&c->body_buf, c->reply.p + next, n);
        at = next + n + 2;
    }
}

static bool read_reply(struct client *c, int *status, struct str *body)
{
    struct framing fr = {0};

    buf_reset(&c->reply);
    if (!read_head(c, &fr) || fr.length > REPLY_AT_MOST)
        return false;
    if (fr.chunked) {
        if (!read_chunked(c, fr.head_n))
            return false;
        *body = buf_str(&c->body_buf);
    } else {
        if (!read_until(c, fr.head_n + fr.length))
            return false;
        *body = (struct str){c->reply.p + fr.head_n, fr.length};
    }
    *status = fr.status;
    if (fr.close)
        hang_up(c);
    return true;
}

int client_ask(struct client *c, struct str head, struct str send, int *status, struct str *body,
               struct fault *f)
{
    char rest[320];
    int n =
        snprintf(rest, sizeof(rest), "Host: %s\r\nContent-Length: %zu\r\n\r\n", c->host, send.n);
    bool kept = c->fd >= 0;

    for (;;) {
        union {
            const char *from;
            void *to;
        } p = {.from = head.p}, q = {.from = send.p};
        struct iovec v[] = {
            {p.to, head.n   },
            {rest, (size_t)n},
            {q.to, send.n   }
        };
        int rc = c->fd >= 0 ? 0 : dial(c, f);

        if (rc < 0)
            return rc;
        errno = 0;
        if (send_all(c, v, COUNT(v)) == 0 && read_reply(c, status, body))
            return 0;
        hang_up(c);
        if (!kept || c->reply.n > 0)
            return fault_set(f, FER_EIO, 0, "%s: the connection broke: %s", c->host,
                             errno != 0 ? strerror(errno) : "closed by the server");
        kept = false;
    }
}
