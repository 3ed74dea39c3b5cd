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

/* Each of the headers has a name; else FER_EINVAL. */
int cli__headers_check(const struct config_list *headers, struct fault *f);

/* "http://" before an address without a scheme; no slash at the end. Heap. */
char *cli__base_url(const char *url);

#endif
