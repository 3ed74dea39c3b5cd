/*
 * client.h - HTTP/1.1 requests over one connection that is kept open, blocking.
 *
 * One thread uses a client at a time. Plain HTTP to a numeric or named host; nothing is pipelined.
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <stddef.h>

#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

struct client {
    int fd;              /* -1: not connected */
    char host[256];      /* HOST:PORT, for the Host header */
    struct buf reply;    /* the last answer: head, then the body as it came */
    struct buf body_buf; /* a chunked body, put together */
};

/* Takes HOST:PORT from `url` (http://HOST:PORT); connects at the first request. */
int client_init(struct client *c, const char *url, struct fault *f);
void client_release(struct client *c); /* all zero is fine, too */

/*
 * Sends `head` (the request line and headers, without Host and without the empty line) and the
 * body, and reads the answer. The connection is opened when need be, and once more when the server
 * closed a kept one. *body lives until the next call. FER_EIO: no connection, or it broke.
 */
int client_ask(struct client *c, struct str head, struct str send, int *status, struct str *body,
               struct fault *f);

#endif
