/*
 * trace.c - libtrace.so, preloaded: writes down what a program does to the files of a store.
 *
 * One lock is held over each call and its event, so the order of the trace is an order in which it
 * all may have happened, whatever the threads. Processes may follow each other, by fork(), in one
 * trace. Calls go straight to the kernel. What cannot be written down (a writable map, a copied
 * descriptor) ends the program, so that a trace is whole or missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trace.h"

enum { N_FDS = 1024 };

enum role { ROLE_NONE, ROLE_FILE, ROLE_FOLDER, ROLE_MARKS };

struct names {
    char v[TRACE_FILES_MAX][64]; /* by number; "": none now */
    uint32_t n;
};

static struct {
    pthread_mutex_t lock;
    int out; /* of the trace; 0: not tracing */
    const char *dir, *marks;
    struct names *names; /* shared with the processes that come */
    struct {
        enum role role;
        uint32_t file;
        bool durable; /* O_DSYNC, O_SYNC */
    } fds[N_FDS];
} tr = {.lock = PTHREAD_MUTEX_INITIALIZER};

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "libtrace: %s\n", what);
    syscall(SYS_exit_group, 99); /* the lock may be held */
    __builtin_unreachable();
}

__attribute__((constructor)) static void start(void)
{
    const char *out = getenv(TRACE_OUT);

    if (out == NULL)
        return;
    tr.dir = getenv(TRACE_DIR);
    tr.marks = getenv(TRACE_MARKS);
    if (tr.dir == NULL || tr.marks == NULL)
        give_up("needs " TRACE_DIR " and " TRACE_MARKS);
    tr.names =
        mmap(NULL, sizeof(*tr.names), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tr.names == MAP_FAILED)
        give_up("no memory");
    tr.out =
        (int)syscall(SYS_openat, AT_FDCWD, out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (tr.out <= 0)
        give_up("cannot write the trace");
}

static void note(enum trace_kind kind, uint32_t file, uint64_t at, const void *p, size_t n)
{
    struct trace_event e = {.kind = kind, .file = file, .at = at, .n = n};
    char zeros[8] = {0};
    size_t pad = TRACE_PADDED(n) - n;
    struct iovec iov[3] = {
        {&e,    sizeof(e)},
        {NULL,  n        },
        {zeros, pad      }
    };

    memcpy(&iov[1].iov_base, &p, sizeof(p)); /* writev() does not write through it */
    if (syscall(SYS_writev, tr.out, iov, 3) != (long)(sizeof(e) + n + pad))
        give_up("cannot write the trace");
}

/* The name of a path in the folder; NULL: not in it, or a lock. */
static const char *name_of(const char *path)
{
    size_t n = strlen(tr.dir), n_path = strlen(path);

    if (strncmp(path, tr.dir, n) != 0 || path[n] != '/' || strchr(path + n + 1, '/') != NULL)
        return NULL;
    return n_path > 4 && strcmp(path + n_path - 4, "lock") == 0 ? NULL : path + n + 1;
}

static int file_of(const char *name)
{
    for (uint32_t i = 0; i < tr.names->n; i++)
        if (strcmp(tr.names->v[i], name) == 0)
            return (int)i;
    return -1;
}

static void set_name(uint32_t file, const char *name)
{
    if (strlen(name) >= sizeof(tr.names->v[0]))
        give_up("a name is too long");
    strcpy(tr.names->v[file], name);
}

static void note_opened(int fd, const char *path, int flags)
{
    const char *name = name_of(path);
    int file;

    if (fd < 0)
        return;
    if (fd >= N_FDS)
        give_up("too many descriptors");
    tr.fds[fd].role = strcmp(path, tr.marks) == 0 ? ROLE_MARKS
                      : strcmp(path, tr.dir) == 0 ? ROLE_FOLDER
                                                  : ROLE_NONE;
    if (name == NULL || tr.fds[fd].role != ROLE_NONE || (flags & O_ACCMODE) == O_RDONLY)
        return;
    file = file_of(name);
    if (file < 0) {
        if (tr.names->n == TRACE_FILES_MAX || (flags & O_CREAT) == 0)
            give_up("a file that was not made under the trace, or too many");
        file = (int)tr.names->n++;
        set_name((uint32_t)file, name);
        note(TRACE_MAKE, (uint32_t)file, 0, name, strlen(name));
    }
    if ((flags & O_TRUNC) != 0)
        note(TRACE_RESIZE, (uint32_t)file, 0, NULL, 0);
    tr.fds[fd].role = ROLE_FILE;
    tr.fds[fd].file = (uint32_t)file;
    tr.fds[fd].durable = (flags & O_DSYNC) != 0;
}

static int traced_open(int at, const char *path, int flags, mode_t mode)
{
    int fd;

    if (tr.out == 0)
        return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&tr.lock);
    fd = (int)syscall(SYS_openat, at, path, flags, mode);
    note_opened(fd, path, flags);
    pthread_mutex_unlock(&tr.lock);
    return fd;
}

#define MODE_OF(flags, mode)                                                                       \
    do {                                                                                           \
        if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                              \
            va_list ap_;                                                                           \
            va_start(ap_, flags);                                                                  \
            (mode) = va_arg(ap_, mode_t);                                                          \
            va_end(ap_);                                                                           \
        }                                                                                          \
    } while (0)

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    MODE_OF(flags, mode);
    return traced_open(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;

    MODE_OF(flags, mode);
    return traced_open(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    mode_t mode = 0;

    MODE_OF(flags, mode);
    return traced_open(at, path, flags, mode);
}

int close(int fd)
{
    int rc;

    pthread_mutex_lock(&tr.lock);
    if (fd >= 0 && fd < N_FDS)
        tr.fds[fd].role = ROLE_NONE;
    rc = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&tr.lock);
    return rc;
}

/* ---- writing ----------------------------------------------------------------------------- */

static enum role role_of(int fd)
{
    return tr.out != 0 && fd >= 0 && fd < N_FDS ? tr.fds[fd].role : ROLE_NONE;
}

/* Notes the first `n` bytes of iov, as written at `at`. */
static void note_written(int fd, const struct iovec *iov, uint64_t at, size_t n)
{
    enum trace_kind kind = tr.fds[fd].role == ROLE_MARKS ? TRACE_MARK
                           : tr.fds[fd].durable          ? TRACE_WRITE_SYNC
                                                         : TRACE_WRITE;

    for (; n > 0; iov++) {
        size_t part = n < iov->iov_len ? n : iov->iov_len;

        note(kind, tr.fds[fd].file, at, iov->iov_base, part);
        at += part;
        n -= part;
    }
}

/* `at` < 0: where the descriptor stands. */
static ssize_t traced_write(int fd, const struct iovec *iov, int n_iov, off_t at)
{
    ssize_t n;

    if (role_of(fd) == ROLE_NONE)
        return at < 0 ? syscall(SYS_writev, fd, iov, n_iov)
                      : syscall(SYS_pwritev, fd, iov, n_iov, at, 0);
    pthread_mutex_lock(&tr.lock);
    if (at < 0)
        n = syscall(SYS_writev, fd, iov, n_iov);
    else
        n = syscall(SYS_pwritev, fd, iov, n_iov, at, 0);
    if (n > 0 && at < 0)
        at = syscall(SYS_lseek, fd, 0, SEEK_CUR) - n;
    if (n > 0)
        note_written(fd, iov, (uint64_t)at, (size_t)n);
    pthread_mutex_unlock(&tr.lock);
    return n;
}

ssize_t write(int fd, const void *p, size_t n)
{
    struct iovec iov = {.iov_len = n};

    memcpy(&iov.iov_base, &p, sizeof(p));
    return traced_write(fd, &iov, 1, -1);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    return traced_write(fd, iov, n, -1);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    struct iovec iov = {.iov_len = n};

    memcpy(&iov.iov_base, &p, sizeof(p));
    return traced_write(fd, &iov, 1, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return pwrite(fd, p, n, at);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    return traced_write(fd, iov, n, at);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t at)
{
    return traced_write(fd, iov, n, at);
}

int ftruncate(int fd, off_t size)
{
    int rc;

    pthread_mutex_lock(&tr.lock);
    rc = (int)syscall(SYS_ftruncate, fd, size);
    if (rc == 0 && role_of(fd) == ROLE_FILE)
        note(TRACE_RESIZE, tr.fds[fd].file, (uint64_t)size, NULL, 0);
    pthread_mutex_unlock(&tr.lock);
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

/* ---- syncing ----------------------------------------------------------------------------- */

static int traced_sync(int fd, long call)
{
    int rc;

    pthread_mutex_lock(&tr.lock);
    rc = (int)syscall(call, fd);
    if (rc == 0 && role_of(fd) == ROLE_FILE)
        note(TRACE_SYNC, tr.fds[fd].file, 0, NULL, 0);
    else if (rc == 0 && role_of(fd) == ROLE_FOLDER)
        note(TRACE_SYNC_DIR, 0, 0, NULL, 0);
    pthread_mutex_unlock(&tr.lock);
    return rc;
}

int fdatasync(int fd)
{
    return traced_sync(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return traced_sync(fd, SYS_fsync);
}

/* ---- names ------------------------------------------------------------------------------- */

int rename(const char *from, const char *to)
{
    int rc, file, over;

    if (tr.out == 0)
        return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    pthread_mutex_lock(&tr.lock);
    rc = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (rc == 0 && name_of(from) != NULL && name_of(to) != NULL) {
        file = file_of(name_of(from));
        over = file_of(name_of(to));
        if (over >= 0)
            set_name((uint32_t)over, "");
        if (file >= 0) {
            set_name((uint32_t)file, name_of(to));
            note(TRACE_RENAME, (uint32_t)file, 0, name_of(to), strlen(name_of(to)));
        }
    }
    pthread_mutex_unlock(&tr.lock);
    return rc;
}

int unlink(const char *path)
{
    int rc, file;

    if (tr.out == 0)
        return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&tr.lock);
    rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    file = rc == 0 && name_of(path) != NULL ? file_of(name_of(path)) : -1;
    if (file >= 0) {
        set_name((uint32_t)file, "");
        note(TRACE_REMOVE, (uint32_t)file, 0, NULL, 0);
    }
    pthread_mutex_unlock(&tr.lock);
    return rc;
}

/* ---- what a trace cannot hold ------------------------------------------------------------ */

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
    if (role_of(fd) == ROLE_FILE && (prot & PROT_WRITE) != 0 && (flags & MAP_PRIVATE) == 0)
        give_up("a writable map of a traced file");
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from); // NOLINT
}

int dup(int fd)
{
    if (role_of(fd) != ROLE_NONE)
        give_up("a copy of a traced descriptor");
    return (int)syscall(SYS_dup, fd);
}

/* The end of a process that others follow: no call of another thread is left half noted. */
void _exit(int code)
{
    pthread_mutex_lock(&tr.lock);
    syscall(SYS_exit_group, code);
    __builtin_unreachable();
}
