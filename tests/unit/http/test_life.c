/* test_life.c - connections and requests over time: waiting, limits, deadlines, leaving, stopping.
 */
#include "fixture.h"

#include "http_priv.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct fixture fx;

static void *finish_later(void *ctx)
{
    struct http_req *req = ctx;

    (void)http_reply_text(req, 200, "finished elsewhere");
    http_finish(req);
    return NULL;
}

static void finish_held(void)
{
    struct http_req *req = atomic_exchange(&fx.held, NULL);

    if (req != NULL)
        finish_later(req);
}

/* A test that failed half way may have left a request waiting. */
static int stop(void **state)
{
    (void)state;
    finish_held();
    http_stop(fx.server, 1000);
    fx.server = NULL;
    return 0;
}

static void test_later(void **state)
{
    const char *targets[] = {GET("/later"), GET("/pool-later")};
    struct buf reply = {0};
    int fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    fd = dial(&fx);
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct http_req *req;
        pthread_t thread;

        say_text(fd, targets[i]);
        AWAIT(atomic_load(&fx.held) != NULL);
        req = atomic_exchange(&fx.held, NULL);
        pthread_create(&thread, NULL, finish_later, req);
        hear_one(fd, &reply);
        pthread_join(thread, NULL);
        assert_int_equal(status_of(&reply), 200);
        assert_true(has(&reply, "finished elsewhere\n"));
    }
    close(fd);
    buf_release(&reply);
}

/* Finishes before the handler has even returned. */
static int handle_race(struct http_req *req)
{
    finish_later(req);
    return HTTP_LATER;
}

static void test_finish_first(void **state)
{
    const struct http_route routes[] = {
        {HTTP_GET, "/io",   handle_race, NULL, HTTP_DURING_START,                NULL},
        {HTTP_GET, "/pool", handle_race, NULL, HTTP_DURING_START | HTTP_ON_POOL, NULL},
    };
    struct http_opts opts = {.listen = "127.0.0.1:0", .routes = routes, .n_routes = 2};
    struct buf reply = {0};
    struct fault f = {0};
    int fd;

    (void)state;
    assert_int_equal(http_start(&fx.server, &opts, &f), 0);
    fd = dial(&fx);
    for (int i = 0; i < 200; i++) {
        say_text(fd, i % 2 == 0 ? GET("/io") : GET("/pool"));
        hear_one(fd, &reply);
        assert_int_equal(status_of(&reply), 200);
    }
    close(fd);
    buf_release(&reply);
}

static void test_brief(void **state)
{
    const char *text = GET("/brief") GET("/brief?a=1") GET("/brief");
    struct buf reply = {0};
    int fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    fd = dial(&fx);
    say_text(fd, text);
    for (int i = 0; i < 3; i++) {
        const char *where = i == 1 ? "X-Where: pool" : "X-Where: here";

        hear_one(fd, &reply);
        assert_int_equal(status_of(&reply), 200);
        assert_int_equal(count_of(&reply, "X-Where: "), 1);
        assert_true(has(&reply, where));
        assert_true(has(&reply, i == 1 ? "brief=0\n" : "brief=1\n"));
    }
    close(fd);
    buf_release(&reply);
}

static void test_pipeline(void **state)
{
    const char *text = GET("/echo?a=1") GET(
        "/pool?a=2") "POST /pool?a=3 HTTP/1.1\r\nHost: x\r\n"
                     "Content-Length: 4\r\n\r\nbody" GET(
                         "/nothing") "GET /echo?a=5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct buf reply = {0};

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    exchange(&fx, text, strlen(text), &reply);
    assert_int_equal(count_of(&reply, "HTTP/1.1 200 "), 4);
    assert_int_equal(count_of(&reply, "HTTP/1.1 404 "), 1);
    assert_true(strstr(reply.p, "a=\"1\"") < strstr(reply.p, "a=\"2\""));
    assert_true(strstr(reply.p, "a=\"3\"") < strstr(reply.p, "404 page"));
    assert_true(has(&reply, "a=\"5\""));
    buf_release(&reply);
}

static void say_body(int fd, size_t announced, size_t sent)
{
    struct buf text = {0};

    buf_addf(&text, "POST /pool HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", announced);
    for (size_t i = 0; i < sent; i++)
        buf_putc(&text, 'b');
    say(fd, text.p, text.n);
    buf_release(&text);
}

static void test_body_limit(void **state)
{
    struct buf reply = {0};
    int fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){.max_body_bytes = 200000});
    fd = dial(&fx);
    say_body(fd, 200000, 200000);
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 200);
    assert_true(has(&reply, " body=200000\n"));

    say_body(fd, 200001, 200001);
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 413);
    assert_true(has(&reply, "request body exceeds the 200000 bytes limit\n"));

    say_text(fd, GET("/echo")); /* the refused body was read to its end: the connection goes on */
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 200);
    close(fd);

    fd = dial(&fx);
    say_body(fd, (size_t)1 << 40, 0);
    buf_reset(&reply);
    hear_all(fd, &reply);
    assert_int_equal(status_of(&reply), 413);
    close(fd);
    buf_release(&reply);
}

static void test_chunked_limit(void **state)
{
    struct buf text = {0}, reply = {0};

    (void)state;
    fixture_start(&fx, (struct http_opts){.max_body_bytes = 100000});
    buf_puts(&text, "POST /pool HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < 150; i++) {
        buf_puts(&text, "3e8\r\n");
        for (size_t j = 0; j < 1000; j++)
            buf_putc(&text, 'c');
        buf_puts(&text, "\r\n");
    }
    buf_puts(&text, "0\r\n\r\n");
    exchange(&fx, text.p, text.n, &reply);
    assert_int_equal(status_of(&reply), 413);
    assert_int_equal(atomic_load(&fx.n_hits), 0);
    buf_release(&text);
    buf_release(&reply);
}

static void test_bodies_limit(void **state)
{
    struct buf reply = {0};
    int slow, fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){.max_bodies_bytes = 100000});
    slow = dial(&fx);
    say_body(slow, 90000, 80000);
    AWAIT(atomic_load(&fx.server->bodies_bytes) == 80000);
    fd = dial(&fx);
    say_body(fd, 50000, 50000);
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 503);
    assert_int_equal(atomic_load(&fx.server->bodies_bytes), 80000);
    close(slow);
    AWAIT(atomic_load(&fx.server->bodies_bytes) == 0);
    say_body(fd, 50000, 50000);
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 200);
    close(fd);
    buf_release(&reply);
}

static void test_queue_limit(void **state)
{
    struct buf reply = {0};
    int running, waiting, fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){.n_workers = 1, .max_queued = 1});
    running = dial(&fx);
    say_text(running, GET("/long"));
    AWAIT(atomic_load(&fx.n_hits) == 1);
    waiting = dial(&fx);
    say_text(waiting, GET("/long"));
    AWAIT(pool_queued(fx.server->pool) == 1);
    fd = dial(&fx);
    say_text(fd, GET("/pool"));
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 503);
    close(running);
    AWAIT(atomic_load(&fx.n_hits) == 2);
    close(waiting);
    AWAIT(atomic_load(&fx.n_gone) == 2);
    close(fd);
    buf_release(&reply);
}

static void test_client_gone(void **state)
{
    int fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    fd = dial(&fx);
    say_text(fd, GET("/long"));
    AWAIT(atomic_load(&fx.n_hits) == 1);
    assert_int_equal(atomic_load(&fx.n_gone), 0);
    close(fd);
    AWAIT(atomic_load(&fx.n_gone) == 1);
}

/* What is sent and the end of the stream may reach the server in one piece. */
static void test_leaving_half_way(void **state)
{
    uint64_t open = stats_get(STAT_CONNECTIONS);

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    for (int i = 0; i < 50; i++) {
        int fd = dial(&fx);

        say_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab");
        close(fd);
    }
    usleep(50000); /* all were accepted */
    AWAIT(stats_get(STAT_CONNECTIONS) == open);
}

static struct deadline_case {
    const char *name;
    const char *sent;
    bool answered; /* one request is served first */
    dur_ms lives, dies;
} deadlines[] = {
    {"silence",             "",                                                                           false, 900,  1100},
    {"half a request line", "GET /ec",                                                                    false, 900,  1100},
    {"half a head",         "GET /echo HTTP/1.1\r\nHost: x\r\nX-",                                        false, 900,  1100},
    {"half a body",         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",              false, 900,
     1100                                                                                                                  },
    {"half a chunk",        "POST /pool HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
     false,                                                                                                      900,  1100},
    {"keep-alive",          "",                                                                           true,  4900, 5100},
    {"half a second head",  "GET /echo HTTP/1.1\r\nHos",                                                  true,  900,  1100},
};

static void test_deadline(void **state)
{
    const struct deadline_case *c = *state;
    uint64_t open = stats_get(STAT_CONNECTIONS);
    struct buf reply = {0};
    int fd;

    fixture_start(&fx, (struct http_opts){.arrival_timeout = 1000, .idle_timeout = 5000});
    fd = dial(&fx);
    if (c->answered) {
        say_text(fd, GET("/echo"));
        hear_one(fd, &reply);
    }
    say_text(fd, c->sent);
    AWAIT(stats_get(STAT_CONNECTIONS) == open + 1);
    usleep(20000); /* what was sent is with the server */
    clock_manual_set(&fx.clock, c->lives);
    usleep(150000); /* deadlines are looked at every 100 ms */
    assert_int_equal(stats_get(STAT_CONNECTIONS), open + 1);
    clock_manual_set(&fx.clock, c->dies);
    buf_reset(&reply);
    hear_all(fd, &reply);
    assert_int_equal(reply.n, 0);
    close(fd);
    buf_release(&reply);
}

/* A running request has no deadline, and a client that reads nothing has one. */
static void test_running_has_no_deadline(void **state)
{
    struct buf reply = {0};
    int fd;

    (void)state;
    fixture_start(&fx, (struct http_opts){.arrival_timeout = 1000, .idle_timeout = 1000});
    fd = dial(&fx);
    say_text(fd, GET("/later"));
    AWAIT(atomic_load(&fx.held) != NULL);
    clock_manual_set(&fx.clock, 1000000);
    usleep(150000);
    finish_held();
    hear_one(fd, &reply);
    assert_int_equal(status_of(&reply), 200);
    close(fd);
    buf_release(&reply);
}

#define N_IDLE 40

static void test_eviction(void **state)
{
    uint64_t evicted = stats_get(STAT_CONNECTIONS_EVICTED);
    const char *once = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int busy, fds[N_IDLE];
    struct buf reply = {0};
    char byte;

    (void)state;
    fixture_start(&fx, (struct http_opts){.max_connections = 10});
    busy = dial(&fx); /* the oldest of all, but running */
    say_text(busy, GET("/later"));
    AWAIT(atomic_load(&fx.held) != NULL);
    for (size_t i = 0; i < N_IDLE; i++) {
        clock_manual_advance(&fx.clock, 100); /* nobody is new any more */
        fds[i] = dial(&fx);
        /* One after the other, and the evicted one is gone: which thread is faster does not count.
         */
        AWAIT(stats_get(STAT_CONNECTIONS_EVICTED) - evicted == (i < 9 ? 0 : i - 8));
        AWAIT(http__conns_open(fx.server) == MIN(i + 2, 10));
        say_text(fds[i], i % 2 == 0 ? "GET /echo HTTP/1.1\r\nX: " : "");
    }
    AWAIT(stats_get(STAT_CONNECTIONS_EVICTED) == evicted + N_IDLE + 1 - 10);
    for (size_t i = 0; i < N_IDLE + 1 - 10; i++) /* the oldest went */
        assert_true(recv(fds[i], &byte, 1, 0) <= 0);
    for (size_t i = N_IDLE + 1 - 10; i < N_IDLE; i++)
        assert_true(recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0);
    exchange(&fx, once, strlen(once), &reply);
    assert_int_equal(status_of(&reply), 200);
    finish_held();
    hear_one(busy, &reply);
    assert_int_equal(status_of(&reply), 200);
    for (size_t i = 0; i < N_IDLE; i++)
        close(fds[i]);
    close(busy);
    buf_release(&reply);
}

static void *stop_server(void *ctx)
{
    (void)ctx;
    http_stop(fx.server, 50);
    return NULL;
}

/* Suspended, queued, half-sent, idle: everything is there when the server stops. */
static void test_stop(void **state)
{
    struct buf reply = {0};
    int later, queued, running, half, idle;
    pthread_t thread;

    (void)state;
    fixture_start(&fx, (struct http_opts){.n_workers = 1});
    later = dial(&fx);
    say_text(later, GET("/later"));
    AWAIT(atomic_load(&fx.held) != NULL);
    running = dial(&fx);
    say_text(running, GET("/long"));
    AWAIT(atomic_load(&fx.n_hits) == 2);
    queued = dial(&fx);
    say_text(queued, GET("/pool"));
    half = dial(&fx);
    say_text(half, "POST /pool HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    idle = dial(&fx);
    say_text(idle, GET("/echo"));
    hear_one(idle, &reply);

    pthread_create(&thread, NULL, stop_server, NULL);
    AWAIT(atomic_load(&fx.n_gone) == 1); /* the long one was told */
    buf_reset(&reply);
    hear_all(half, &reply); /* closed after the grace, although /later is not finished */
    assert_int_equal(reply.n, 0);
    finish_held();
    pthread_join(thread, NULL);
    fx.server = NULL;
    buf_reset(&reply);
    hear_all(running, &reply);
    assert_int_equal(status_of(&reply), 499);
    assert_true(has(&reply, "Connection: close\r\n"));
    close(later);
    close(queued);
    close(running);
    close(half);
    close(idle);
    buf_release(&reply);
}

static void test_ready(void **state)
{
    const char *text = "GET /pool HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const char *early = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    struct buf reply = {0};

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    http_set_ready(fx.server, false);
    exchange(&fx, text, strlen(text), &reply);
    assert_int_equal(status_of(&reply), 503);
    assert_true(has(&reply, "Service Unavailable"));
    assert_true(has(&reply, "X-Prometheus-Stopping: false\r\n"));
    exchange(&fx, early, strlen(early), &reply);
    assert_int_equal(status_of(&reply), 200);
    http_set_ready(fx.server, true);
    exchange(&fx, text, strlen(text), &reply);
    assert_int_equal(status_of(&reply), 200);
    buf_release(&reply);
}

static struct prefix_case {
    const char *name, *prefix, *target;
    int status;
} prefixes[] = {
    {"behind the prefix",                   "/a/b",  "/a/b/echo",    200},
    {"behind the prefix, slashes repeated", "/a/b/", "//a//b//echo", 200},
    {"the root of the prefix",              "/a/b",  "/a/b",         200},
    {"outside of the prefix",               "/a/b",  "/echo",        404},
    {"half of the prefix",                  "/a/b",  "/a/echo",      404},
    {"no prefix",                           "/",     "/echo",        200},
};

static void test_prefix(void **state)
{
    const struct prefix_case *c = *state;
    struct buf text = {0}, reply = {0};

    fixture_start(&fx, (struct http_opts){.route_prefix = c->prefix});
    buf_addf(&text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", c->target);
    exchange(&fx, text.p, text.n, &reply);
    assert_int_equal(status_of(&reply), c->status);
    buf_release(&text);
    buf_release(&reply);
}

static void test_cors_pattern(void **state)
{
    const char *good = "GET /api/v1/cors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Origin: https://a.example\r\n\r\n";
    const char *bad = "GET /api/v1/cors HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      "Origin: https://b.example\r\n\r\n";
    struct buf reply = {0};

    (void)state;
    fixture_start(&fx, (struct http_opts){.cors_origin = "https?://a\\.example"});
    exchange(&fx, good, strlen(good), &reply);
    assert_true(has(&reply, "Access-Control-Allow-Origin: https://a.example\r\n"));
    exchange(&fx, bad, strlen(bad), &reply);
    assert_true(has(&reply, "Access-Control-Allow-Methods: "));
    assert_false(has(&reply, "Access-Control-Allow-Origin: "));
    buf_release(&reply);
}

static struct listen_case {
    const char *name, *listen;
    int rc;
    const char *text; /* of the fault, or the beginning of the address */
} listens[] = {
    {"IPv4",                        "127.0.0.1:0", 0,          "127.0.0.1:"              },
    {"a name",                      "localhost:0", 0,          "127.0.0.1:"              },
    {"no host is every address",    ":0",          0,          NULL                      },
    {"no port",                     "127.0.0.1",   FER_EINVAL, "expected host:port"      },
    {"an empty port",               "127.0.0.1:",  FER_EINVAL, "expected host:port"      },
    {"a port that is none",         ":99999",      FER_EINVAL, "0 to 65535"              },
    {"IPv6 without brackets",       "::1:0",       FER_EINVAL, "expected host:port"      },
    {"an address that is not ours", "192.0.2.1:0", FER_EIO,    "listen tcp 192.0.2.1:0: "},
};

static void test_listen(void **state)
{
    const struct listen_case *c = *state;
    struct http_opts opts = {.listen = c->listen};
    struct http_server *s;
    struct fault f = {0};

    assert_int_equal(http_start(&s, &opts, &f), c->rc);
    assert_int_equal(s == NULL, c->rc != 0);
    if (c->text != NULL && strstr(c->rc != 0 ? f.text : http_address(s), c->text) == NULL)
        fail_msg("got: %s", c->rc != 0 ? f.text : http_address(s));
    http_stop(s, 0);
}

static void test_address_in_use(void **state)
{
    struct http_opts opts = {0};
    struct http_server *second;
    struct fault f = {0};

    (void)state;
    fixture_start(&fx, (struct http_opts){0});
    opts.listen = http_address(fx.server);
    assert_int_equal(http_start(&second, &opts, &f), FER_EBUSY);
    assert_null(second);
    assert_non_null(strstr(f.text, opts.listen));
    assert_non_null(strstr(f.text, "Address already in use"));
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "a request is finished by another thread", test_later, NULL);
    cases_add(&c, "a request may be finished before its handler returns", test_finish_first, NULL);
    cases_add(&c, "a brief request needs no worker", test_brief, NULL);
    cases_add(&c, "pipelined requests are answered in order", test_pipeline, NULL);
    cases_add(&c, "a large body is refused and the connection goes on", test_body_limit, NULL);
    cases_add(&c, "a large chunked body is refused", test_chunked_limit, NULL);
    cases_add(&c, "all bodies together are limited", test_bodies_limit, NULL);
    cases_add(&c, "waiting requests are limited", test_queue_limit, NULL);
    cases_add(&c, "a handler sees that its client left", test_client_gone, NULL);
    cases_add(&c, "a client that leaves half way is forgotten", test_leaving_half_way, NULL);
    cases_add(&c, "a running request has no deadline", test_running_has_no_deadline, NULL);
    cases_add(&c, "the oldest waiting connections make room", test_eviction, NULL);
    cases_add(&c, "stopping ends what is there", test_stop, NULL);
    cases_add(&c, "not ready is 503", test_ready, NULL);
    cases_add(&c, "an origin must match", test_cors_pattern, NULL);
    cases_add(&c, "an address in use is named", test_address_in_use, NULL);
    CASES_ADD_TABLE(&c, deadlines, test_deadline, name);
    CASES_ADD_TABLE(&c, prefixes, test_prefix, name);
    CASES_ADD_TABLE(&c, listens, test_listen, name);
    for (size_t i = 0; i < c.n; i++)
        c.v[i].teardown_func = stop;
    return CASES_RUN("http life", &c);
}
