/*
 * client.h - a small HTTP client for the commands that ask a server. libcurl is opened when the
 * first request is made, so that `ferula serve` never loads it.
 */
#ifndef FERULA_CLIENT_H
#define FERULA_CLIENT_H

#include "cli_priv.h"
#include "ferula/base/buf.h"
#include "ferula/base/clock.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

struct client_request {
    const char *url;          /* with user:password@ for basic authentication */
    struct str body;          /* sent by POST; p == NULL: GET */
    const char *content_type; /* of the body */
    bool snappy;              /* the body is a remote-write request */
    bool backfill;            /* older history, in any order */
    const char *wanted;       /* a header of the answer; NULL: none */
    const struct config_list
        *headers; /* "name=value" or "name: value"; checked by cli__headers_check() */
    dur_ms timeout;
};

struct client_response {
    long status;
    struct buf body;
    struct buf wanted; /* value of the header that was asked for; empty: it has none */
};

/*
 * FER_EIO: the server could not be reached or did not answer (f->text); FER_ETIMEOUT; FER_EINVAL:
 * the URL is none; FER_EUNSUP: there is no libcurl. `out` is the caller's in any case, to be
 * ended with cli__response_release().
 */
int cli__fetch(const struct client_request *req, struct client_response *out, struct fault *f);

void cli__response_release(struct client_response *resp);

/* The exit code for a failure of cli__fetch(). */
int cli__fetch_exit(int rc);

/* Flags of a command that asks a server; the headers are to be checked before the first request. */
#define CLI__F_HEADER(help_)                                                                       \
    {                                                                                              \
        .name = "header", .kind = CONFIG_LIST, .meta = "NAME=VALUE", .help = (help_)               \
    }
#define CLI__F_TIMEOUT(value_, help_)                                                              \
    {                                                                                              \
        .name = "timeout", .kind = CONFIG_DURATION, .value = (value_), .least = 1, .help = (help_) \
    }

/* CLI__OK when each of the headers has a name and a value; else a usage error, which is told. */
int cli__headers_check(const struct cli__command *cmd, const struct config_list *headers);

/* "http://" before an address without a scheme; no slash at the end. Heap. */
char *cli__base_url(const char *url);

#endif
