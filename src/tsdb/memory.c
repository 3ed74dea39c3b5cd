/*
 * memory.c - a store without a disk: LMDB's file and its lock file are in anonymous memory.
 *
 * LMDB opens files by name, and the lock file by the name of the data file with "-lock" behind it.
 * Both names are links to our descriptors, in a private folder that is there while LMDB opens them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store.h"

#include "ferula/base/buf.h"
#include "ferula/base/check.h"

static const char *const names[] = {TSDB__FILE_NAME, TSDB__FILE_NAME "-lock"};

/* A private folder where one can be made; its path goes to `out`. */
static int make_folder(struct buf *out)
{
    const char *const places[] = {"/dev/shm", getenv("TMPDIR"), "/tmp"};

    for (size_t i = 0; i < COUNT(places); i++) {
        if (places[i] == NULL || places[i][0] == '\0')
            continue;
        buf_reset(out);
        buf_addf(out, "%s/ferula-memory-XXXXXX", places[i]);
        if (mkdtemp(out->p) != NULL)
            return 0;
    }
    return FER_EIO;
}

/* The name of descriptor `fd` at folder/name; *path is it. */
static int link_to(int fd, const char *folder, const char *name, struct buf *path)
{
    char target[32];

    buf_reset(path);
    buf_addf(path, "%s/%s", folder, name);
    (void)snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    return symlink(target, path->p) == 0 ? 0 : FER_EIO;
}

int tsdb__memory_open(MDB_env *env, unsigned flags, struct fault *f)
{
    struct buf folder = {0}, paths[COUNT(names)] = {{0}};
    int fds[COUNT(names)] = {-1, -1}, rc = make_folder(&folder), why;

    if (rc < 0) {
        (void)fault_set(
            f, rc, 0,
            "a store in memory needs a folder for links while it is opened, and neither "
            "/dev/shm nor $TMPDIR nor /tmp is writable: %s",
            strerror(errno));
        goto out;
    }
    for (size_t i = 0; i < COUNT(names) && rc == 0; i++) {
        fds[i] = memfd_create(names[i], MFD_CLOEXEC);
        rc = fds[i] < 0 ? FER_EIO : link_to(fds[i], folder.p, names[i], &paths[i]);
    }
    why = rc < 0 ? errno : mdb_env_open(env, paths[0].p, flags, 0600);
    if (why != 0)
        rc =
            fault_set(f, tsdb__err(why), 0, "cannot open a store in memory: %s", mdb_strerror(why));
    for (size_t i = 0; i < COUNT(names); i++) {
        if (paths[i].p != NULL)
            unlink(paths[i].p);
        if (fds[i] >= 0)
            close(fds[i]);
        buf_release(&paths[i]);
    }
    rmdir(folder.p);
out:
    buf_release(&folder);
    return rc;
}
