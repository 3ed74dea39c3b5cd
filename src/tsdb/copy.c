/*
 * copy.c - copies of the data file: snapshots, compaction, restoring.
 *
 * A copy is written beside its place, brought to the disk, and renamed; so a file ferula.mdb is
 * always a whole one. Compacted copies are LMDB's own: one read transaction, pages in use only.
 */
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/model/duration.h"

#define TEMPORARY      ".tmp"
#define COPY_BYTES     (1u << 20)
#define NAME_BYTES_MAX 128

static int errno_fault(struct fault *f, const char *what, const char *path)
{
    int code = tsdb__err(errno) == FER_ENOSPC ? FER_ENOSPC : FER_EIO;

    return fault_set(f, code, 0, "cannot %s %s: %s", what, path, strerror(errno));
}

/* "dir/name", heap. */
static char *path_in(const char *dir, const char *name)
{
    struct buf b = {0};

    buf_addf(&b, "%s/%s", dir, name);
    return buf_take(&b);
}

/* The folder that `path` is in; heap. */
static char *parent_of(const char *path)
{
    struct str s = str_of(path);
    struct buf b = {0};

    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    while (s.n > 0 && s.p[s.n - 1] != '/')
        s.n--;
    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    buf_add_str(&b, s.n == 0 ? STR(".") : s);
    return buf_take(&b);
}

/* Where the bytes of a copy come from. */
struct origin {
    MDB_env *env;     /* compacted */
    const char *path; /* else this file, as it is */
};

static int copy_file(const char *path, int to, struct fault *f)
{
    int from = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    char *room = xcalloc(1, COPY_BYTES);
    ssize_t n = from < 0 ? -1 : 1;

    while (n > 0 && rc == 0) {
        n = read(from, room, COPY_BYTES);
        for (ssize_t at = 0; at < n && rc == 0;) {
            ssize_t done = write(to, room + at, (size_t)(n - at));

            if (done < 0)
                rc = errno_fault(f, "write a copy of", path);
            else
                at += done;
        }
    }
    if (n < 0)
        rc = errno_fault(f, "read", path);
    if (from >= 0)
        close(from);
    free(room);
    return rc;
}

static int write_to(const struct origin *origin, const char *path, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc = 0;

    if (fd < 0)
        return errno_fault(f, "make", path);
    if (origin->env != NULL) {
        rc = mdb_env_copyfd2(origin->env, fd, MDB_CP_COMPACT);
        if (rc != 0)
            rc = fault_set(f, tsdb__err(rc), 0, "cannot write %s: %s", path, mdb_strerror(rc));
    } else {
        rc = copy_file(origin->path, fd, f);
    }
    if (rc == 0 && fsync(fd) != 0)
        rc = errno_fault(f, "sync", path);
    if (close(fd) != 0 && rc == 0)
        rc = errno_fault(f, "write", path);
    return rc;
}

/* Makes or replaces dir/ferula.mdb. */
static int put_copy(const struct origin *origin, const char *dir, struct fault *f)
{
    char *place = path_in(dir, TSDB__FILE_NAME), *room = path_in(dir, TSDB__FILE_NAME TEMPORARY);
    int rc = write_to(origin, room, f);

    if (rc == 0 && rename(room, place) != 0)
        rc = errno_fault(f, "rename", room);
    if (rc < 0)
        (void)unlink(room); /* there may be none */
    else
        rc = tsdb__dir_sync(dir, f);
    free(place);
    free(room);
    return rc;
}

/* ---- snapshots -------------------------------------------------------------------------- */

/* 20171210T211224Z-2be650b6d019eb54, as Prometheus names them. */
static int make_name(const struct clock *clock, struct buf *out)
{
    struct buf time = {0};
    uint64_t chance;

    if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
        return FER_EIO;
    time_print_rfc3339(&time, clock_now_ms(clock) / 1000 * 1000);
    buf_reset(out);
    for (size_t i = 0; i < time.n; i++)
        if (time.p[i] != '-' && time.p[i] != ':')
            buf_putc(out, time.p[i]);
    buf_addf(out, "-%016llx", (unsigned long long)(chance >> 1));
    buf_release(&time);
    return 0;
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && (c != '.' || i == 0))
            return false;
    }
    return name.n <= NAME_BYTES_MAX;
}

static int make_folder(const char *dir, struct fault *f)
{
    return mkdir(dir, 0750) == 0 || errno == EEXIST ? 0 : errno_fault(f, "make the folder", dir);
}

static int put_snapshot(struct tsdb *db, const char *folder, const char *name, struct fault *f)
{
    const struct origin origin = {.env = db->env};
    char *dir = path_in(folder, name);
    int rc = 0;

    if (mkdir(dir, 0750) != 0)
        rc = errno == EEXIST ? fault_set(f, FER_EINVAL, 0, "there is a snapshot %s already", name)
                             : errno_fault(f, "make the folder", dir);
    if (rc == 0) {
        rc = put_copy(&origin, dir, f);
        if (rc == 0)
            rc = tsdb__dir_sync(folder, f);
        else
            (void)rmdir(dir);
    }
    free(dir);
    return rc;
}

int tsdb_snapshot(struct tsdb *db, const char *dir, struct str name, struct buf *out,
                  struct fault *f)
{
    char *folder;
    int rc = 0;

    CHECK_MAGIC(db, TSDB_MAGIC);
    if (db->in_memory)
        return fault_set(f, FER_EUNSUP, 0, "the store is in memory only: it has no folder");
    if (!is_name(name))
        return fault_set(f, FER_EINVAL, 0,
                         "not a name for a snapshot: letters, digits, '_', '-' and '.'");
    buf_reset(out);
    buf_add_str(out, name);
    if (name.n == 0)
        rc = make_name(db->clock, out);
    if (rc < 0)
        return fault_set(f, rc, 0, "cannot make a name for the snapshot");
    folder = path_in(dir, "snapshots");
    rc = make_folder(folder, f);
    if (rc == 0)
        rc = put_snapshot(db, folder, out->p, f);
    if (rc == 0)
        rc = tsdb__dir_sync(dir, f);
    free(folder);
    return rc;
}

/* ---- files that no server holds --------------------------------------------------------- */

int tsdb__file_open(const char *path, MDB_env **out, struct fault *f)
{
    int rc = mdb_env_create(out);

    if (rc == 0)
        rc = mdb_env_set_maxdbs(*out, N_TABLES + 2);
    if (rc == 0)
        rc = mdb_env_open(*out, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK | MDB_NORDAHEAD, 0600);
    if (rc == 0)
        return 0;
    mdb_env_close(*out);
    *out = NULL;
    return fault_set(f, tsdb__err(rc), 0, "cannot open %s: %s", path, mdb_strerror(rc));
}

/* Locks a folder that has a data file; *path is heap. */
static int take_folder(const char *dir, char **path, int *lock_fd, struct fault *f)
{
    *lock_fd = -1;
    *path = path_in(dir, TSDB__FILE_NAME);
    if (access(*path, F_OK) != 0)
        return fault_set(f, FER_ENOENT, 0, "there is no store in %s: no file ferula.mdb", dir);
    return tsdb__dir_open(dir, lock_fd, f);
}

static uint64_t file_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int tsdb_compact(const char *dir, struct tsdb_sizes *out, struct fault *f)
{
    struct origin origin = {0};
    struct tsdb_sizes sizes = {0};
    char *path;
    int lock_fd, rc = take_folder(dir, &path, &lock_fd, f);

    if (rc == 0)
        rc = tsdb__verify(path, f);
    if (rc == 0)
        rc = tsdb__file_open(path, &origin.env, f);
    sizes.before = file_bytes(path);
    if (rc == 0)
        rc = put_copy(&origin, dir, f);
    sizes.after = file_bytes(path);
    if (rc == 0)
        *out = sizes;
    if (origin.env != NULL)
        mdb_env_close(origin.env);
    if (lock_fd >= 0)
        close(lock_fd);
    free(path);
    return rc;
}

int tsdb_audit(const char *dir, void (*report)(void *ctx, const char *line), void *ctx,
               struct tsdb_audit_counts *out, struct fault *f)
{
    char *path;
    int lock_fd, rc = take_folder(dir, &path, &lock_fd, f);

    if (rc == 0)
        rc = tsdb__audit_file(path, report, ctx, out, f);
    if (lock_fd >= 0)
        close(lock_fd);
    free(path);
    return rc;
}

/* ---- restoring -------------------------------------------------------------------------- */

static int check_empty(const char *dir, struct fault *f)
{
    const struct dirent *e;
    DIR *d = opendir(dir);
    int rc = 0;

    if (d == NULL)
        return errno == ENOENT ? 0 : errno_fault(f, "read", dir);
    while (rc == 0 && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = fault_set(
                f, FER_EINVAL, 0,
                "%s is not empty: a snapshot is restored into an empty or missing folder", dir);
    closedir(d);
    return rc;
}

/* The snapshot's file; heap. */
static char *snapshot_path(const char *snapshot)
{
    struct stat st;
    struct buf b = {0};

    buf_puts(&b, snapshot);
    if (stat(snapshot, &st) == 0 && S_ISDIR(st.st_mode))
        buf_puts(&b, "/" TSDB__FILE_NAME);
    return buf_take(&b);
}

static void keep_first(void *ctx, const char *line)
{
    struct buf *first = ctx;

    if (first->n == 0)
        buf_puts(first, line);
}

static int check_snapshot(const char *path, struct fault *f)
{
    struct tsdb_audit_counts counts;
    struct buf first = {0};
    int rc;

    if (access(path, F_OK) != 0)
        return fault_set(f, FER_ENOENT, 0, "there is no snapshot at %s", path);
    rc = tsdb__audit_file(path, keep_first, &first, &counts, f);
    if (rc == 0 && counts.faults > 0)
        rc = fault_set(f, FER_ECORRUPT, 0, "the snapshot %s has %llu faults, the first: %.1000s",
                       path, (unsigned long long)counts.faults, first.p);
    buf_release(&first);
    return rc;
}

int tsdb_restore(const char *snapshot, const char *dir, struct fault *f)
{
    struct origin origin = {0};
    char *path = snapshot_path(snapshot), *parent = parent_of(dir);
    int lock_fd = -1, rc = check_empty(dir, f);

    if (rc == 0)
        rc = check_snapshot(path, f);
    if (rc == 0)
        rc = tsdb__dir_open(dir, &lock_fd, f);
    origin.path = path;
    if (rc == 0)
        rc = put_copy(&origin, dir, f);
    if (rc == 0)
        rc = tsdb__dir_sync(parent, f);
    if (lock_fd >= 0)
        close(lock_fd);
    free(path);
    free(parent);
    return rc;
}
