/*
 * tsdb_files.c - `ferula tsdb verify`, `snapshot`, `restore`, `compact`: the store's file as a
 * whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ferula/base/check.h"
#include "store.h"

/* Faults that are named; the others are counted. */
#define FAULTS_SHOWN 20

/* A command with --help as its only flag, and folders as words. */
static bool begin(const struct cli__command *cmd, struct cli__words *words, int argc, char **argv,
                  int *rc)
{
    bool help = false;
    void *const targets[] = {&help};

    if (!cli__parse(cmd, targets, false, argc, argv, words, rc))
        return false;
    for (size_t i = 0; i < words->list.n; i++) {
        if (!cli__is_url(words->list.v[i]))
            continue;
        *rc = cli__usage_error(cmd, "'%s' is a server: this works on folders that no server holds",
                               words->list.v[i]);
        return false;
    }
    return true;
}

static int failed(const struct fault *f)
{
    cli__store_say("%s", f->text);
    return CLI__FAILED;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- verify ----------------------------------------------------------------------------- */

struct shown {
    struct buf lines;
    size_t n;
};

static void show_fault(void *ctx, const char *line)
{
    struct shown *shown = ctx;

    if (++shown->n <= FAULTS_SHOWN)
        buf_addf(&shown->lines, "%s\n", line);
}

static int verify(const char *dir)
{
    struct tsdb_audit_counts counts;
    struct shown shown = {.n = 0};
    struct buf *out = &shown.lines;
    struct fault f = {0};
    int rc;

    rc = tsdb_audit(dir, show_fault, &shown, &counts, &f);
    if (rc < 0) {
        (void)cli__print(out);
        return failed(&f);
    }
    if (counts.faults > 0)
        buf_addf(out, "%llu fault%s in %s%s\n", (unsigned long long)counts.faults,
                 plural(counts.faults), dir, shown.n > FAULTS_SHOWN ? ", the first are shown" : "");
    else
        buf_addf(out,
                 "%s is sound: %llu rows, %llu series; samples: %llu sealed, %llu in checkpoints, "
                 "%llu logged\n",
                 dir, (unsigned long long)counts.rows, (unsigned long long)counts.series,
                 (unsigned long long)counts.samples_sealed,
                 (unsigned long long)counts.samples_checkpoint,
                 (unsigned long long)counts.samples_logged);
    rc = cli__print(out);
    return counts.faults > 0 ? CLI__FAILED : rc;
}

static int run_verify(const struct cli__command *cmd, int argc, char **argv)
{
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (begin(cmd, &words, argc, argv, &rc))
        rc = verify(words.list.v[0]);
    config_list_release(&words.list);
    return rc;
}

/* ---- compact ---------------------------------------------------------------------------- */

static int compact(const char *dir)
{
    struct tsdb_sizes sizes;
    struct buf out = {0};
    struct fault f = {0};

    if (tsdb_compact(dir, &sizes, &f) < 0)
        return failed(&f);
    buf_addf(&out, "%s: %llu bytes before, %llu bytes after\n", dir,
             (unsigned long long)sizes.before, (unsigned long long)sizes.after);
    return cli__print(&out);
}

static int run_compact(const struct cli__command *cmd, int argc, char **argv)
{
    struct cli__words words = {.least = 1, .most = 1};
    int rc;

    if (begin(cmd, &words, argc, argv, &rc))
        rc = compact(words.list.v[0]);
    config_list_release(&words.list);
    return rc;
}

/* ---- restore ---------------------------------------------------------------------------- */

static int restore(const char *snapshot, const char *dir)
{
    struct buf out = {0};
    struct fault f = {0};

    if (tsdb_restore(snapshot, dir, &f) < 0)
        return failed(&f);
    buf_addf(&out, "restored %s to %s\n", snapshot, dir);
    return cli__print(&out);
}

static int run_restore(const struct cli__command *cmd, int argc, char **argv)
{
    struct cli__words words = {.least = 2, .most = 2};
    int rc;

    if (begin(cmd, &words, argc, argv, &rc))
        rc = restore(words.list.v[0], words.list.v[1]);
    config_list_release(&words.list);
    return rc;
}

/* ---- snapshot --------------------------------------------------------------------------- */

/* The server says the name of what it made. */
static int ask_snapshot(const struct store *st, const char *name)
{
    struct client_response resp = {0};
    struct buf form = {0}, out = {0};
    const char *made;
    json_t *answer;
    int rc;

    if (name != NULL)
        buf_addf(&form, "name=%s", name);
    else
        buf_puts(&form, "skip_head=false");
    rc = cli__store_ask(st, "/api/v1/admin/tsdb/snapshot", &form, NULL, &resp);
    if (rc == CLI__OK) {
        answer = json_loadb(buf_str(&resp.body).p, resp.body.n, 0, NULL);
        made = json_string_value(json_object_get(json_object_get(answer, "data"), "name"));
        if (made == NULL) {
            cli__store_say("not what Prometheus' API answers");
            rc = CLI__FAILED;
        } else {
            buf_addf(&out, "%s\n", made);
            rc = cli__print(&out);
        }
        json_decref(answer);
    }
    cli__response_release(&resp);
    buf_release(&form);
    return rc;
}

static int make_snapshot(const struct store *st, const char *name)
{
    struct buf made = {0}, out = {0};
    struct fault f = {0};
    int rc;

    if (tsdb_snapshot(st->db, st->dir, str_of(name), &made, &f) < 0) {
        rc = failed(&f);
    } else {
        buf_addf(&out, "%s/snapshots/%s\n", st->dir, made.p);
        rc = cli__print(&out);
    }
    buf_release(&made);
    return rc;
}

/* Sent as it is: what is more than this is no name for the server either. */
static bool is_plain(const char *name)
{
    return name == NULL || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789._-")] == '\0';
}

static int run_snapshot(const struct cli__command *cmd, int argc, char **argv)
{
    struct store_flags flags = {0};
    void *const targets[] = {&flags.help, &flags.headers, &flags.timeout};
    struct cli__words words = {.least = 1, .most = 2};
    struct store st = {0};
    int rc;

    if (cli__parse(cmd, targets, false, argc, argv, &words, &rc)) {
        const char *name = words.list.n > 1 ? words.list.v[1] : NULL;

        rc = cli__headers_check(cmd, &flags.headers);
        if (rc == CLI__OK && !is_plain(name))
            rc = cli__usage_error(cmd, "'%s' is no name: letters, digits, '_', '-' and '.'", name);
        if (rc == CLI__OK)
            rc = cli__store_open(&st, words.list.v[0], &flags, false);
        if (rc == CLI__OK)
            rc = st.base != NULL ? ask_snapshot(&st, name) : make_snapshot(&st, name);
    }
    cli__store_close(&st);
    config_list_release(&words.list);
    config_list_release(&flags.headers);
    return rc;
}

/* ---- their rows ------------------------------------------------------------------------- */

static const struct config_flag help_only[] = {CLI__F_HELP};
static const struct config_flag snapshot_flags[] = {CLI__F_HELP, STORE_F_HEADER, STORE_F_TIMEOUT};

const struct cli__command cli__tsdb_verify = {
    .name = "tsdb verify",
    .args = "DIR",
    .summary = "Check every page and row of a store, and that its tables agree.",
    .notes =
        "Works on a folder that no server holds. A fault is a line TABLE KEY: WHAT; at most 20\n"
        "are shown. Exit code 0: none; 1: faults, or it could not look.\n",
    .examples = "  ferula tsdb verify /var/lib/ferula\n"
                "      after a disk failed\n"
                "  ferula tsdb verify /var/lib/ferula/snapshots/20261124T013508Z-1f2e3d4c5b6a7988\n"
                "      a snapshot is a store, too\n",
    .flags = help_only,
    .n_flags = COUNT(help_only),
    .run = run_verify,
};

const struct cli__command cli__tsdb_compact = {
    .name = "tsdb compact",
    .args = "DIR",
    .summary = "Rewrite the file of a store without its free pages.",
    .notes =
        "Works on a folder that no server holds, and needs room for a second file meanwhile.\n",
    .examples = "  ferula tsdb compact /var/lib/ferula\n"
                "      after retention was shortened\n"
                "  ferula tsdb compact . && ls -l ferula.mdb\n"
                "      prints bytes before and after\n",
    .flags = help_only,
    .n_flags = COUNT(help_only),
    .run = run_compact,
};

const struct cli__command cli__tsdb_restore = {
    .name = "tsdb restore",
    .args = "SNAPSHOT DIR",
    .summary = "Put a verified snapshot into an empty or missing folder.",
    .notes = "SNAPSHOT is a folder with a file ferula.mdb, or such a file.\n",
    .examples = "  ferula tsdb restore data/snapshots/before-upgrade /var/lib/ferula\n"
                "      a folder for ferula serve\n"
                "  ferula tsdb restore backup/ferula.mdb data2\n"
                "      a file\n",
    .flags = help_only,
    .n_flags = COUNT(help_only),
    .run = run_restore,
};

const struct cli__command cli__tsdb_snapshot = {
    .name = "tsdb snapshot",
    .args = "URL|DIR [NAME]",
    .summary = "Copy a store, consistent and compacted, to snapshots/NAME in its folder.",
    .notes = "Everything that was acknowledged before is in it. A server needs the flag\n"
             "--web.enable-admin-api. Without NAME one is made of the time. It is printed.\n",
    .examples = "  ferula tsdb snapshot http://127.0.0.1:9090\n"
                "      of a running server, which goes on taking writes\n"
                "  ferula tsdb snapshot /var/lib/ferula before-upgrade\n"
                "      of a folder\n",
    .flags = snapshot_flags,
    .n_flags = COUNT(snapshot_flags),
    .run = run_snapshot,
};
