/*
 * process.c - reads /proc/self and the resource limits.
 */
#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/str.h"

/* Numbers of the fields of /proc/self/stat; the third, the state, is the first after the name. */
enum {
    FIELD_UTIME = 14,
    FIELD_STIME = 15,
    FIELD_THREADS = 20,
    FIELD_START = 22,
    FIELD_VSIZE = 23,
    FIELD_RSS = 24,
    N_FIELDS = 25
};

/* As much of a small file as fits; an empty text when it cannot be read. */
static struct str read_file(const char *path, char *room, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    if (fd < 0)
        return STR("");
    while (n < size) {
        ssize_t got = read(fd, room + n, size - n);

        if (got <= 0)
            break;
        n += (size_t)got;
    }
    (void)close(fd); /* only read from */
    return (struct str){room, n};
}

/* The name in parentheses may hold blanks, so fields are counted from the last parenthesis. */
static void read_stat(uint64_t field[N_FIELDS])
{
    char room[4096];
    struct str text = read_file("/proc/self/stat", room, sizeof(room)), part;
    const char *paren = text.n == 0 ? NULL : memrchr(text.p, ')', text.n);

    memset(field, 0, N_FIELDS * sizeof(field[0]));
    if (paren == NULL)
        return;
    text = str_trim(str_cut(text, (size_t)(paren - text.p) + 1));
    for (int i = 3; i < N_FIELDS && str_split(&text, ' ', &part); i++)
        (void)str_to_u64(part, &field[i]); /* the state is a letter and stays 0 */
}

/* When the machine was started, in seconds since 1970. */
static uint64_t read_boot_time(void)
{
    char room[65536];
    struct str text = read_file("/proc/stat", room, sizeof(room)), line;
    uint64_t s = 0;

    while (str_split(&text, '\n', &line))
        if (str_starts(line, "btime ") && str_to_u64(str_trim(str_cut(line, 6)), &s))
            return s;
    return 0;
}

static uint64_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (dir == NULL)
        return 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            n++;
    (void)closedir(dir); /* only read from */
    return n - 1;        /* less the one that reads the directory */
}

static double limit_of(int resource)
{
    struct rlimit limit;

    return getrlimit((__rlimit_resource_t)resource, &limit) < 0 ? 0 : (double)limit.rlim_cur;
}

void api__process_read(struct api__process *out)
{
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    uint64_t field[N_FIELDS];

    read_stat(field);
    *out = (struct api__process){
        .cpu_s = (double)(field[FIELD_UTIME] + field[FIELD_STIME]) / ticks_per_s,
        .started_s = (double)read_boot_time() + (double)field[FIELD_START] / ticks_per_s,
        .resident_bytes = field[FIELD_RSS] * (uint64_t)sysconf(_SC_PAGESIZE),
        .virtual_bytes = field[FIELD_VSIZE],
        .virtual_max_bytes = limit_of(RLIMIT_AS),
        .max_fds = limit_of(RLIMIT_NOFILE),
        .open_fds = count_fds(),
        .n_threads = (int64_t)field[FIELD_THREADS],
    };
}
