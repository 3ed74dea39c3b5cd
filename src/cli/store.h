/*
 * store.h - what a command of `ferula tsdb` works on: a running server, or a folder that no server
 * holds.
 */
#ifndef FERULA_CLI_STORE_H
#define FERULA_CLI_STORE_H

#include "cli_priv.h"
#include "client.h"
#include "ferula/tsdb.h"

/* One word of a command line is a URL: with a scheme, or HOST:PORT that is no folder. */
bool cli__is_url(const char *word);

/* What the flags of these commands share. */
struct store_flags {
    bool help;
    struct config_list headers;
    dur_ms timeout;
};

struct store {
    const struct store_flags *flags;
    char *base;      /* owned; the server's URL without a slash at the end; NULL: a folder */
    const char *dir; /* borrowed */
    struct tsdb *db; /* owned, of the folder */
};

/*
 * Opens the folder, or only remembers the URL. A folder without a store is an error unless `make`.
 * Tells what failed and returns an exit code. Ended by cli__store_close() in any case.
 */
int cli__store_open(struct store *st, const char *word, const struct store_flags *flags, bool make);
void cli__store_close(struct store *st);

/*
 * Asks the server: path and form with a POST, or with a GET when `form` is NULL. An answer that is
 * no 2xx is told on stderr. Returns an exit code; `resp` is the caller's to release.
 */
int cli__store_ask(const struct store *st, const char *path, const struct buf *form,
                   const char *wanted, struct client_response *resp);

/* "ferula tsdb: text" on stderr. */
__attribute__((format(printf, 1, 2))) void cli__store_say(const char *fmt, ...);

#define STORE_F_HEADER  CLI__F_HEADER("Extra header of the requests to a server. May be repeated.")
#define STORE_F_TIMEOUT CLI__F_TIMEOUT("10m", "Most time to wait for each answer of a server.")

#endif
