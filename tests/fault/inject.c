/*
 * inject.c - libinject.so. Calls go straight to the kernel, and to glibc's allocator by its own
 * names, so that nothing here can call itself.
 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { N_FDS = 4096 };

enum fd_role { FD_OTHER, FD_FILE, FD_DURABLE };

static struct {
    struct inject_plan plan;
    _Atomic int call; /* plan.call while armed */
    _Atomic uint32_t n, fired;
    char dir[256];
    const char *report;
    _Atomic uint8_t fds[N_FDS]; /* enum fd_role */
} in;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static void report(void)
{
    int fd = in.report == NULL ? -1
                               : (int)syscall(SYS_openat, AT_FDCWD, in.report,
                                              O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        syscall(SYS_close, fd);
}

/* Counts a call; true when it is to fail. */
static bool hit(enum inject_call call)
{
    uint32_t n;

    if ((int)call != atomic_load_explicit(&in.call, memory_order_relaxed))
        return false;
    n = atomic_fetch_add(&in.n, 1) + 1;
    if (n < in.plan.n || n - in.plan.n >= in.plan.times)
        return false;
    if (atomic_fetch_add(&in.fired, 1) == 0)
        report();
    return true;
}

static long failed(void)
{
    errno = in.plan.error;
    return -1;
}

void inject_arm(const struct inject_plan *plan, const char *dir)
{
    atomic_store(&in.call, INJECT_NONE);
    in.plan = *plan;
    snprintf(in.dir, sizeof(in.dir), "%s", dir);
    atomic_store(&in.n, 0);
    atomic_store(&in.fired, 0);
    atomic_store(&in.call, (int)plan->call);
}

void inject_disarm(void)
{
    atomic_store(&in.call, INJECT_NONE);
}

uint32_t inject_fired(void)
{
    return atomic_load(&in.fired);
}

static const char *const calls[N_INJECT_CALLS] = {
    [INJECT_PWRITE] = "pwrite",       [INJECT_WRITEV] = "writev", [INJECT_META] = "meta",
    [INJECT_FDATASYNC] = "fdatasync", [INJECT_FSYNC] = "fsync",   [INJECT_OPEN] = "open",
    [INJECT_FTRUNCATE] = "ftruncate", [INJECT_RENAME] = "rename", [INJECT_MMAP] = "mmap",
    [INJECT_FLOCK] = "flock",         [INJECT_PREAD] = "pread",   [INJECT_MALLOC] = "malloc",
};

static const struct {
    const char *name;
    int number;
} errors[] = {
    {"EIO",    EIO         },
    {"ENOSPC", ENOSPC      },
    {"ENOMEM", ENOMEM      },
    {"EINTR",  EINTR       },
    {"EMFILE", EMFILE      },
    {"ENOLCK", ENOLCK      },
    {"short",  INJECT_SHORT},
};

bool inject_parse(const char *text, struct inject_plan *out)
{
    char call[16], error[16];
    bool found = false;

    *out = (struct inject_plan){.call = INJECT_NONE};
    if (sscanf(text, "%15[^:]:%15[^:]:%u:%u", call, error, &out->n, &out->times) != 4)
        return false;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i] != NULL && strcmp(calls[i], call) == 0)
            out->call = (enum inject_call)i;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]) && !found; i++) {
        found = strcmp(errors[i].name, error) == 0;
        out->error = errors[i].number;
    }
    return found && out->call != INJECT_NONE;
}

__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *text = getenv("INJECT"), *dir = getenv("INJECT_DIR");
    struct inject_plan plan;

    if (text == NULL)
        return;
    if (dir == NULL || !inject_parse(text, &plan)) {
        fprintf(stderr, "libinject: bad INJECT or no INJECT_DIR\n");
        _exit(99);
    }
    in.report = getenv("INJECT_REPORT");
    inject_arm(&plan, dir);
}

/* ---- memory ------------------------------------------------------------------------------ */

void *malloc(size_t n)
{
    return hit(INJECT_MALLOC) ? (failed(), NULL) : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return hit(INJECT_MALLOC) ? (failed(), NULL) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return hit(INJECT_MALLOC) ? (failed(), NULL) : __libc_realloc(p, n);
}

/* ---- files ------------------------------------------------------------------------------- */

static bool is_inside(const char *path)
{
    size_t n = strlen(in.dir);

    return n > 0 && strncmp(path, in.dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static enum fd_role role_of(int fd)
{
    return fd >= 0 && fd < N_FDS ? (enum fd_role)atomic_load(&in.fds[fd]) : FD_OTHER;
}

static void set_role(int fd, enum fd_role role)
{
    if (fd >= 0 && fd < N_FDS)
        atomic_store(&in.fds[fd], (uint8_t)role);
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
    int fd;

    if (!is_inside(path))
        return (int)syscall(SYS_openat, at, path, flags, mode);
    if (hit(INJECT_OPEN))
        return (int)failed();
    fd = (int)syscall(SYS_openat, at, path, flags, mode);
    set_role(fd, (flags & O_DSYNC) != 0 ? FD_DURABLE : FD_FILE);
    return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    int fd;

    va_start(ap, flags);
    fd = open_at(AT_FDCWD, path, flags, mode_of(flags, ap));
    va_end(ap);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    int fd;

    va_start(ap, flags);
    fd = open_at(AT_FDCWD, path, flags, mode_of(flags, ap));
    va_end(ap);
    return fd;
}

int close(int fd)
{
    set_role(fd, FD_OTHER);
    return (int)syscall(SYS_close, fd);
}

int rename(const char *from, const char *to)
{
    if (is_inside(from) && hit(INJECT_RENAME))
        return (int)failed();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

/* Writes the first `n` bytes of iov. */
static ssize_t write_part(int fd, const struct iovec *iov, size_t n, off_t at)
{
    ssize_t done = 0;

    for (; n > 0; iov++) {
        size_t part = n < iov->iov_len ? n : iov->iov_len;
        ssize_t rc = at < 0 ? syscall(SYS_write, fd, iov->iov_base, part)
                            : syscall(SYS_pwrite64, fd, iov->iov_base, part, at + done);

        if (rc < 0)
            return rc;
        done += rc;
        n -= part;
    }
    return done;
}

/* `at` < 0: where the descriptor stands. */
static ssize_t write_at(enum inject_call call, int fd, const struct iovec *iov, int n_iov, off_t at)
{
    size_t n = 0;
    enum fd_role role = role_of(fd);

    if (role == FD_DURABLE)
        call = INJECT_META;
    if (role != FD_OTHER && hit(call)) {
        if (in.plan.error != INJECT_SHORT)
            return failed();
        for (int i = 0; i < n_iov; i++)
            n += iov[i].iov_len;
        return write_part(fd, iov, n / 2, at);
    }
    return at < 0 ? syscall(SYS_writev, fd, iov, n_iov)
                  : syscall(SYS_pwritev, fd, iov, n_iov, at, 0);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    struct iovec iov = {.iov_len = n};

    memcpy(&iov.iov_base, &p, sizeof(p)); /* it is only read */
    return write_at(INJECT_PWRITE, fd, &iov, 1, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return pwrite(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    return write_at(INJECT_WRITEV, fd, iov, n, -1);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    return write_at(INJECT_WRITEV, fd, iov, n, at);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    if (role_of(fd) != FD_OTHER && hit(INJECT_PREAD))
        return failed();
    return syscall(SYS_pread64, fd, p, n, at);
}

int fdatasync(int fd)
{
    if (role_of(fd) != FD_OTHER && hit(INJECT_FDATASYNC))
        return (int)failed();
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    if (role_of(fd) != FD_OTHER && hit(INJECT_FSYNC))
        return (int)failed();
    return (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
    if (role_of(fd) != FD_OTHER && hit(INJECT_FTRUNCATE))
        return (int)failed();
    return (int)syscall(SYS_ftruncate, fd, size);
}

int flock(int fd, int operation)
{
    if (role_of(fd) != FD_OTHER && hit(INJECT_FLOCK))
        return (int)failed();
    return (int)syscall(SYS_flock, fd, operation);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
    if (role_of(fd) != FD_OTHER && hit(INJECT_MMAP)) {
        errno = in.plan.error;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from); // NOLINT
}
