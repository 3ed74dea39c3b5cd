/*
 * test_watch.c - `ferula test --watch`: waits for a file to change. Folders are watched, because
 * editors replace files.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "ferula/base/mem.h"
#include "test.h"

static int watch_folder(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL   ? xstrdup(".")
                : slash == path ? xstrdup("/")
                                : xstrndup(path, (size_t)(slash - path));
    int rc = inotify_add_watch(fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO);

    free(dir);
    return rc;
}

int cli__test_wait(const struct test_run *run, const struct config_list *paths, struct fault *f)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    int fd = inotify_init1(IN_CLOEXEC);
    bool ok = fd >= 0;

    for (size_t i = 0; ok && i < paths->n; i++)
        ok = watch_folder(fd, paths->v[i]) >= 0;
    for (size_t i = 0; ok && i < run->n_files; i++) {
        const struct manifests *m = story_manifests(run->files[i]);

        for (size_t k = 0; ok && k < m->n_scaled_objects; k++)
            ok = watch_folder(fd, m->scaled_objects[k].at.file) >= 0;
    }
    ok = ok && read(fd, events, sizeof(events)) > 0;
    if (!ok)
        (void)fault_set(f, FER_EIO, 0, "cannot wait for files to change: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd); /* nothing is in it */
    return ok ? 0 : FER_EIO;
}
