/*
 * conns.c - the open connections: deadlines, and who has to leave when there are too many.
 *
 * libmicrohttpd's own time-out counts from the last byte, so one byte a second keeps a connection
 * for ever, and at its limit it stops accepting. Here each state has an absolute deadline, and the
 * oldest connection that waits for its client is closed to let a new one in.
 *
 * "Closed" is shutdown(2): libmicrohttpd then sees the end of the stream and closes the fd itself.
 * The fd stays ours to shut down until MHD_CONNECTION_NOTIFY_CLOSED, which takes the same lock.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_priv.h"

#include "ferula/base/check.h"
#include "ferula/base/log.h"
#include "ferula/base/mem.h"
#include "ferula/base/stats.h"

#define NS_PER_MS 1000000

/* A client that does not read its answer is given this many arrival time-outs. */
#define SENDING_FACTOR 4

#define CONN_AT(link, member)                                                                      \
    ((struct http__conn *)(void *)((char *)(link)-offsetof(struct http__conn, member)))

static void link_init(struct http__link *l)
{
    l->prev = l->next = l;
}

static void link_append(struct http__link *list, struct http__link *l)
{
    l->prev = list->prev;
    l->next = list;
    list->prev->next = l;
    list->prev = l;
}

static void link_remove(struct http__link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

static bool link_is_alone(const struct http__link *l)
{
    return l->next == l;
}

void http__conns_init(struct http_server *s)
{
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    link_init(&s->conns);
    link_init(&s->closable);
}

void http__conns_release(struct http_server *s)
{
    CHECK(link_is_alone(&s->conns));
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

static void peer_text(char out[64], const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sa;
    char ip[INET6_ADDRSTRLEN] = "";

    if (sa != NULL && sa->sa_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
        snprintf(out, 64, "%s:%u", ip, ntohs(v4->sin_port));
    } else if (sa != NULL && sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ip, sizeof(ip));
        snprintf(out, 64, "%s:%u", ip, ntohs(v6->sin6_port));
    } else if (sa != NULL && sa->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
        snprintf(out, 64, "[%s]:%u", ip, ntohs(v6->sin6_port));
    }
}

static int64_t deadline_of(const struct http_server *s, enum http__conn_state state)
{
    const dur_ms span_ms[] = {
        [HTTP__CONN_NEW] = s->opts.arrival_timeout,
        [HTTP__CONN_IDLE] = s->opts.idle_timeout,
        [HTTP__CONN_RECEIVING] = s->opts.arrival_timeout,
        [HTTP__CONN_SENDING] = s->opts.arrival_timeout * SENDING_FACTOR,
    };

    if (state == HTTP__CONN_RUNNING)
        return INT64_MAX;
    return clock_mono_ns(s->clock) + span_ms[state] * NS_PER_MS;
}

/* Under the lock. */
static void shut(struct http_server *s, struct http__conn *c)
{
    c->doomed = true;
    s->n_doomed++;
    link_remove(&c->closable);
    (void)shutdown(c->fd, SHUT_RDWR); /* a client that left first is fine too */
}

/* Under the lock. */
static bool evict_one(struct http_server *s, size_t limit, dur_ms least_ms)
{
    struct http__conn *c;

    if (s->n_open - s->n_doomed <= limit || link_is_alone(&s->closable))
        return false;
    c = CONN_AT(s->closable.next, closable);
    if (clock_mono_ns(s->clock) - c->waiting_since_ns < least_ms * NS_PER_MS)
        return false;
    shut(s, c);
    stats_add(STAT_CONNECTIONS_EVICTED, 1);
    return true;
}

bool http__conns_evict(struct http_server *s, size_t limit, dur_ms least_ms)
{
    bool done;

    pthread_mutex_lock(&s->lock);
    done = evict_one(s, limit, least_ms);
    pthread_mutex_unlock(&s->lock);
    return done;
}

static void conn_opened(struct http_server *s, struct MHD_Connection *mhd, void **ctx)
{
    const union MHD_ConnectionInfo *fd, *addr;
    struct http__conn *c = xnew(struct http__conn);
    bool first;

    fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    addr = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    c->magic = HTTP__CONN_MAGIC;
    c->fd = fd->connect_fd;
    c->deadline_ns = deadline_of(s, HTTP__CONN_NEW);
    c->waiting_since_ns = clock_mono_ns(s->clock);
    peer_text(c->peer, addr == NULL ? NULL : addr->client_addr);
    *ctx = c;

    pthread_mutex_lock(&s->lock);
    first = s->n_open++ == 0;
    link_append(&s->conns, &c->all);
    link_append(&s->closable, &c->closable);
    s->n_pending--;
    (void)evict_one(s, s->opts.max_connections, HTTP__LEAST_WAIT_MS);
    pthread_mutex_unlock(&s->lock);
    if (first)
        http__acceptor_wake(s);
    stats_add(STAT_CONNECTIONS, 1);
}

static void conn_closed(struct http_server *s, void **ctx)
{
    struct http__conn *c = *ctx;

    CHECK_MAGIC(c, HTTP__CONN_MAGIC);
    *ctx = NULL;
    pthread_mutex_lock(&s->lock);
    s->n_open--;
    s->n_doomed -= c->doomed;
    link_remove(&c->all);
    link_remove(&c->closable);
    pthread_mutex_unlock(&s->lock);
    stats_sub(STAT_CONNECTIONS, 1);
    c->magic = 0;
    free(c);
}

void http__conn_notify(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = http__server_from(cls);

    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_opened(s, mhd, ctx);
    else
        conn_closed(s, ctx);
}

void http__conn_enter(struct http_server *s, struct http__conn *c, enum http__conn_state state)
{
    CHECK_MAGIC(c, HTTP__CONN_MAGIC);
    pthread_mutex_lock(&s->lock);
    c->state = state;
    c->leaving = false;
    c->deadline_ns = deadline_of(s, state);
    /* A connection that starts a request keeps its place: age counts from when it had to wait. */
    if (state == HTTP__CONN_RUNNING)
        link_remove(&c->closable);
    else if (state == HTTP__CONN_IDLE && !c->doomed && link_is_alone(&c->closable)) {
        c->waiting_since_ns = clock_mono_ns(s->clock);
        link_append(&s->closable, &c->closable);
    }
    pthread_mutex_unlock(&s->lock);
}

/*
 * Under the lock. A client that sends something and leaves in one go can escape libmicrohttpd:
 * after a short read it waits for the next edge of epoll, and the end of the stream was in the last
 * one. Twice in a row, because between two pipelined requests a connection is idle for a moment.
 */
static bool has_left(struct http__conn *c)
{
    bool was_leaving = c->leaving;
    char byte;

    if (c->state == HTTP__CONN_RUNNING || c->state == HTTP__CONN_SENDING)
        return false;
    c->leaving = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    return c->leaving && was_leaving;
}

size_t http__conns_sweep(struct http_server *s)
{
    int64_t now_ns = clock_mono_ns(s->clock);
    size_t n_open, n_overdue = 0;

    pthread_mutex_lock(&s->lock);
    for (struct http__link *l = s->conns.next; l != &s->conns; l = l->next) {
        struct http__conn *c = CONN_AT(l, all);
        bool overdue = now_ns >= c->deadline_ns;

        if (c->doomed || !(overdue || has_left(c)))
            continue;
        n_overdue += overdue && c->state != HTTP__CONN_IDLE;
        shut(s, c);
    }
    n_open = s->n_open;
    pthread_mutex_unlock(&s->lock);
    if (n_overdue > 0) {
        stats_add(STAT_CONNECTIONS_OVERDUE, n_overdue);
        LOG_DEBUG("connections were overdue and closed", LOG_I("n", n_overdue));
    }
    return n_open;
}

void http__conns_shut_all(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct http__link *l = s->conns.next; l != &s->conns; l = l->next) {
        struct http__conn *c = CONN_AT(l, all);

        if (!c->doomed)
            shut(s, c);
    }
    pthread_mutex_unlock(&s->lock);
}

size_t http__conns_open(struct http_server *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_open - s->n_doomed + s->n_pending;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void http__conns_pending(struct http_server *s, int by)
{
    pthread_mutex_lock(&s->lock);
    s->n_pending += (size_t)by;
    pthread_mutex_unlock(&s->lock);
}
