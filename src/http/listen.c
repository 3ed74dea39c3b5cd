/*
 * listen.c - the listening socket and the thread that accepts.
 *
 * Accepting is ours and not libmicrohttpd's: a stop must refuse new clients at once, running out of
 * file descriptors must not spin, and a full house must make room instead of making a client wait.
 * The same thread closes overdue connections, so an idle server without clients never wakes up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"

#define BACKLOG      4096 /* cut to net.core.somaxconn by the kernel */
#define TICK_MS      100  /* how often deadlines are looked at while somebody is connected */
#define PAUSE_MS     5    /* when no connection can be taken */
#define ACCEPT_BATCH 64
#define NS_PER_MS    1000000

/* "host:port", ":9090", "[::1]:0": false when there is no port. An empty host is every address. */
static bool split_host_port(const char *text, char host[256], char port[16])
{
    const char *colon = strrchr(text, ':');
    size_t n;

    if (colon == NULL || strlen(colon + 1) >= 16 || colon[1] == '\0')
        return false;
    n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && colon[-1] == ']') {
        text++;
        n -= 2;
    } else if (memchr(text, ':', n) != NULL) {
        return false;
    }
    if (n >= 256)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

/* -1 with errno when that address cannot be had. */
static int listen_on(const struct sockaddr *sa, socklen_t n, bool both)
{
    int on = 1, off = 0, saved;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (sa->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &off : &on, sizeof(on));
    if (bind(fd, sa, n) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* IPv4 and IPv6 on one socket; IPv4 alone where the kernel has no IPv6. */
static int listen_on_all(uint16_t port, struct fault *f, const char *listen)
{
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    struct sockaddr_in any4 = {.sin_family = AF_INET};
    int fd;

    any6.sin6_port = any4.sin_port = htons(port);
    fd = listen_on((struct sockaddr *)(void *)&any6, sizeof(any6), true);
    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = listen_on((struct sockaddr *)(void *)&any4, sizeof(any4), false);
    if (fd < 0)
        return fault_set(f, errno == EADDRINUSE ? FER_EBUSY : FER_EIO, 0, "listen tcp %s: %s",
                         listen, strerror(errno));
    return fd;
}

/* The first address of the host that can be had; IPv4 before IPv6, as Go does. */
static int listen_on_host(const char *host, const char *port, struct fault *f, const char *listen)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int fd = -1, saved = EADDRNOTAVAIL, rc;

    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    rc = getaddrinfo(host, port, &hints, &list);
    if (rc != 0)
        return fault_set(f, rc == EAI_MEMORY || rc == EAI_SYSTEM ? FER_EIO : FER_EINVAL, 0,
                         "listen tcp %s: %s", listen, gai_strerror(rc));
    for (int pass = 0; pass < 2 && fd < 0; pass++) {
        for (struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
            if ((ai->ai_family == AF_INET) != (pass == 0))
                continue;
            fd = listen_on(ai->ai_addr, ai->ai_addrlen, false);
            saved = fd < 0 ? errno : saved;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        return fault_set(f, saved == EADDRINUSE ? FER_EBUSY : FER_EIO, 0, "listen tcp %s: %s",
                         listen, strerror(saved));
    return fd;
}

static void name_address(struct http_server *s)
{
    struct sockaddr_storage at = {0};
    socklen_t n = sizeof(at);
    char ip[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&at;

    CHECK(getsockname(s->listen_fd, (struct sockaddr *)(void *)&at, &n) == 0);
    if (at.ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
        snprintf(s->address, sizeof(s->address), "%s:%u", ip, ntohs(v4->sin_port));
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
        snprintf(s->address, sizeof(s->address), "[%s]:%u", ip, ntohs(v6->sin6_port));
    }
}

int http__listen(struct http_server *s, struct fault *f)
{
    char host[256], port[16];
    uint64_t number;
    int fd;

    if (!split_host_port(s->opts.listen, host, port))
        return fault_set(f, FER_EINVAL, 0, "listen address \"%s\": expected host:port or :port",
                         s->opts.listen);
    /* getaddrinfo() would take 65,536 for 0. */
    if (!str_to_u64(str_of(port), &number) || number > 65535)
        return fault_set(f, FER_EINVAL, 0, "listen address \"%s\": the port must be 0 to 65535",
                         s->opts.listen);
    if (host[0] == '\0')
        fd = listen_on_all((uint16_t)number, f, s->opts.listen);
    else
        fd = listen_on_host(host, port, f, s->opts.listen);
    if (fd < 0)
        return fd;
    s->listen_fd = fd;
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->wake_fd < 0)
        return fault_set(f, FER_EIO, 0, "eventfd: %s", strerror(errno));
    name_address(s);
    return 0;
}

/* Takes one client; what accept4() said otherwise. */
static int accept_one(struct http_server *s)
{
    struct sockaddr_storage from;
    socklen_t n = sizeof(from);
    int fd =
        accept4(s->listen_fd, (struct sockaddr *)(void *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return errno;
    http__conns_pending(s, 1);
    if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)(void *)&from, n) != MHD_YES)
        http__conns_pending(s, -1);
    return 0;
}

/* False when a client could not be accepted for lack of descriptors or memory. */
static bool accept_batch(struct http_server *s)
{
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int err = accept_one(s);

        if (err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM)
            return false;
        if (err == EAGAIN)
            return true;
        /* Other errors are the client's: it left while it was waiting. */
    }
    return true;
}

/* Whether another connection may be taken. */
static bool has_room(struct http_server *s)
{
    return http__conns_open(s) < s->opts.max_connections + HTTP__SPARE_CONNECTIONS;
}

/* Waits for a client, for the next look at the deadlines, or to be woken. */
static bool wait_for_clients(struct http_server *s, bool pause, bool watch)
{
    struct pollfd at[2] = {
        {.fd = s->wake_fd,   .events = POLLIN},
        {.fd = s->listen_fd, .events = POLLIN}
    };
    uint64_t count;

    (void)poll(at, pause ? 1 : 2, pause ? PAUSE_MS : watch ? TICK_MS : -1);
    (void)!read(s->wake_fd, &count, sizeof(count)); /* empty is fine */
    return !pause && (at[1].revents & POLLIN) != 0;
}

static void *accept_loop(void *ctx)
{
    struct http_server *s = http__server_from(ctx);
    bool pause = false, watch = false;
    int64_t next_look_ns = 0;

    while (!atomic_load(&s->accept_ended)) {
        bool incoming = wait_for_clients(s, pause, watch);
        int64_t now_ns = clock_mono_ns(clock_system());

        while (http__conns_evict(s, s->opts.max_connections, HTTP__LEAST_WAIT_MS))
            ;
        pause = !has_room(s);
        if (incoming && !pause && !atomic_load(&s->accept_ended)) {
            pause = !accept_batch(s);
            if (pause && http__conns_evict(s, 0, 0))
                LOG_DEBUG("out of file descriptors: an idle connection was closed");
        }
        if (now_ns >= next_look_ns || !watch) {
            watch = http__conns_sweep(s) > 0;
            next_look_ns = now_ns + TICK_MS * (int64_t)NS_PER_MS;
        }
    }
    return NULL;
}

void http__acceptor_wake(struct http_server *s)
{
    uint64_t one = 1;

    (void)!write(s->wake_fd, &one, sizeof(one)); /* full means that it is awake */
}

void http__acceptor_start(struct http_server *s)
{
    if (pthread_create(&s->acceptor, NULL, accept_loop, s) != 0)
        log_fatal("a thread could not be started");
    pthread_setname_np(s->acceptor, "http-accept");
    s->acceptor_runs = true;
}

void http__acceptor_stop(struct http_server *s)
{
    if (!s->acceptor_runs)
        return;
    atomic_store(&s->accept_ended, true);
    http__acceptor_wake(s);
    pthread_join(s->acceptor, NULL);
    s->acceptor_runs = false;
}

void http__listen_close(struct http_server *s)
{
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    s->listen_fd = s->wake_fd = -1;
}
