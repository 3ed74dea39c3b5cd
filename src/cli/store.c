/*
 * store.c - a running server or a folder, for `ferula tsdb`.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool cli__is_url(const char *word)
{
    const char *colon = strchr(word, ':');

    if (strstr(word, "://") != NULL)
        return true;
    if (colon == NULL || colon == word || word[0] == '.' || word[0] == '/' || is_folder(word))
        return false;
    return strspn(colon + 1, "0123456789") > 0;
}

void cli__store_say(const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    fprintf(stderr, "ferula tsdb: %s\n", b.p);
    buf_release(&b);
}

static int open_folder(struct store *st, bool make)
{
    /* No retention: what a server would delete is its own affair. */
    const struct tsdb_opts opts = {.dir = st->dir};
    struct buf file = {0};
    struct fault f = {0};
    bool absent;

    buf_addf(&file, "%s/ferula.mdb", st->dir);
    absent = access(file.p, F_OK) != 0;
    buf_release(&file);
    if (absent && !make) {
        cli__store_say("there is no store in %s: no file ferula.mdb", st->dir);
        return CLI__FAILED;
    }
    if (tsdb_open(&st->db, &opts, &f) < 0) {
        cli__store_say("%s", f.text);
        return CLI__FAILED;
    }
    return CLI__OK;
}

int cli__store_open(struct store *st, const char *word, const struct store_flags *flags, bool make)
{
    *st = (struct store){.flags = flags};
    if (cli__is_url(word)) {
        st->base = cli__base_url(word);
        return CLI__OK;
    }
    st->dir = word;
    return open_folder(st, make);
}

void cli__store_close(struct store *st)
{
    tsdb_close(st->db);
    free(st->base);
    *st = (struct store){0};
}

/* The error of an answer: Prometheus' envelope, or its text. */
static void say_refusal(const struct client_response *resp)
{
    struct str text = str_trim(buf_str(&resp->body));
    json_t *answer = json_loadb(text.p, text.n, 0, NULL);
    const char *error = json_string_value(json_object_get(answer, "error"));

    if (error != NULL)
        cli__store_say("the server answered %ld: %s", resp->status, error);
    else
        cli__store_say("the server answered %ld: " STR_FMT, resp->status, STR_ARG(text));
    json_decref(answer);
}

int cli__store_ask(const struct store *st, const char *path, const struct buf *form,
                   const char *wanted, struct client_response *resp)
{
    struct client_request req = {
        .headers = &st->flags->headers, .timeout = st->flags->timeout, .wanted = wanted};
    struct buf url = {0};
    struct fault f = {0};
    int rc;

    buf_addf(&url, "%s%s", st->base, path);
    req.url = url.p;
    if (form != NULL) {
        req.body = buf_str(form);
        req.content_type = "application/x-www-form-urlencoded";
    }
    rc = cli__fetch(&req, resp, &f);
    buf_release(&url);
    if (rc < 0) {
        cli__store_say("%s", f.text);
        return cli__fetch_exit(rc);
    }
    if (resp->status / 100 == 2)
        return CLI__OK;
    say_refusal(resp);
    return CLI__FAILED;
}
