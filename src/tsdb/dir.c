/*
 * dir.c - the data folder: made when missing, refused when it cannot work, locked.
 *
 * The lock is our own flock(): LMDB's reader locks go by process id, so two containers that share a
 * volume, each with its process 1, would not see each other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store.h"

#include "ferula/base/buf.h"
#include "ferula/base/check.h"

/* Where a memory map and flock() do not mean what they mean on a disk. */
static const struct {
    uint32_t magic;
    const char *name;
} unfit[] = {
    {0x00006969, "NFS" },
    {0x01021997, "9p"  },
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x0000517b, "SMB" },
    {0x65735546, "FUSE"},
};

/* What shows that a folder is another program's; only names that hardly mean anything else. */
static const struct {
    const char *name, *owner;
} foreign[] = {
    {"wal",            "Prometheus"      },
    {"chunks_head",    "Prometheus"      },
    {"queries.active", "Prometheus"      },
    {"indexdb",        "VictoriaMetrics" },
    {"flock.lock",     "VictoriaMetrics" },
    {"data.mdb",       "an LMDB database"},
    {"lock.mdb",       "an LMDB database"},
};

static int errno_code(void)
{
    return tsdb__err(errno) == FER_ENOSPC ? FER_ENOSPC : FER_EIO;
}

int tsdb__dir_sync(const char *dir, struct fault *f)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

    if (fd < 0 || fsync(fd) != 0)
        rc = fault_set(f, errno_code(), 0, "cannot sync the folder %s: %s", dir, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

/* mkdir -p; the name of what is made is synced, too. */
static int make_dirs(const char *dir, struct fault *f)
{
    struct buf path = {0}, parent = {0};
    int rc = 0;

    buf_puts(&parent, *dir == '/' ? "/" : ".");
    for (const char *p = dir; *p != '\0' && rc == 0;) {
        size_t n = strcspn(p + 1, "/") + 1;

        buf_add(&path, p, n);
        p += n;
        if (mkdir(path.p, 0750) == 0)
            rc = tsdb__dir_sync(parent.p, f);
        else if (errno != EEXIST && errno != EISDIR)
            rc = fault_set(f, errno_code(), 0, "cannot make the data folder %s: %s", dir,
                           strerror(errno));
        buf_reset(&parent);
        buf_add_str(&parent, buf_str(&path));
    }
    buf_release(&path);
    buf_release(&parent);
    return rc;
}

static int check_dir(const char *dir, struct fault *f)
{
    struct stat st;
    struct statfs fs;

    if (stat(dir, &st) != 0)
        return fault_set(f, FER_EIO, 0, "cannot use the data folder %s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return fault_set(f, FER_EIO, 0, "the data folder %s is not a folder", dir);
    if (statfs(dir, &fs) != 0)
        return fault_set(f, FER_EIO, 0, "cannot use the data folder %s: %s", dir, strerror(errno));
    for (size_t i = 0; i < COUNT(unfit); i++)
        if ((uint32_t)fs.f_type == unfit[i].magic)
            return fault_set(f, FER_EUNSUP, 0,
                             "the data folder %s is on %s, where memory maps and locks are not "
                             "safe; use a local disk",
                             dir, unfit[i].name);
    if (access(dir, R_OK | W_OK | X_OK) != 0)
        return fault_set(f, FER_EIO, 0, "the data folder %s is not writable: %s", dir,
                         strerror(errno));
    return 0;
}

/* Prometheus names the folder of a block by a ULID: 26 characters, with a meta.json inside. */
static bool is_block(const char *dir, const char *name)
{
    struct buf path = {0};
    bool found;

    if (strlen(name) != 26)
        return false;
    buf_addf(&path, "%s/%s/meta.json", dir, name);
    found = access(path.p, F_OK) == 0;
    buf_release(&path);
    return found;
}

static const char *owner_of(const char *dir, const char *name)
{
    for (size_t i = 0; i < COUNT(foreign); i++)
        if (strcmp(name, foreign[i].name) == 0)
            return foreign[i].owner;
    return is_block(dir, name) ? "Prometheus" : NULL;
}

/*
 * Two programs' data in one folder is a wrong path in somebody's deployment. A folder that has our
 * file was taken before, whatever else is in it.
 */
static int check_owner(const char *dir, struct fault *f)
{
    const struct dirent *e;
    struct buf path = {0};
    bool is_ours;
    DIR *d;
    int rc = 0;

    buf_addf(&path, "%s/" TSDB__FILE_NAME, dir);
    is_ours = access(path.p, F_OK) == 0;
    buf_release(&path);
    if (is_ours)
        return 0;
    d = opendir(dir);
    if (d == NULL)
        return fault_set(f, FER_EIO, 0, "cannot read the data folder %s: %s", dir, strerror(errno));
    while (rc == 0 && (e = readdir(d)) != NULL) {
        const char *owner = owner_of(dir, e->d_name);

        if (owner != NULL)
            rc = fault_set(f, FER_EFORMAT, 0,
                           "the data folder %s holds data of %s (%s); use a folder of its own", dir,
                           owner, e->d_name);
    }
    closedir(d);
    return rc;
}

int tsdb__dir_open(const char *dir, int *lock_fd, struct fault *f)
{
    struct buf path = {0};
    int rc = make_dirs(dir, f);

    if (rc == 0)
        rc = check_dir(dir, f);
    if (rc == 0)
        rc = check_owner(dir, f);
    if (rc < 0)
        return rc;
    buf_addf(&path, "%s/ferula.lock", dir);
    *lock_fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock_fd < 0)
        rc = fault_set(f, errno_code(), 0, "cannot open %s: %s", path.p, strerror(errno));
    else if (flock(*lock_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        rc = fault_set(f, FER_EBUSY, 0, "another ferula uses the data folder %s", dir);
    else if (flock(*lock_fd, LOCK_EX | LOCK_NB) != 0)
        rc = fault_set(f, FER_EIO, 0, "cannot lock %s: %s", path.p, strerror(errno));
    if (rc < 0 && *lock_fd >= 0) {
        close(*lock_fd);
        *lock_fd = -1;
    }
    buf_release(&path);
    return rc;
}
