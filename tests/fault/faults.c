/*
 * faults.c - the n-th call fails, for every n: a store never crashes, hangs or forgets.
 *
 * Each run is a process of its own under libinject.so: it opens a store, writes requests that make
 * series, reads them back, and closes. Another process then opens what is left, without faults:
 * what was acknowledged is there, what failed for want of room is not, and the store takes writes.
 * n goes up until the fault no longer comes.
 *
 *     faults            all cases
 *     faults CASE N     one run of the case with that number
 */
#include "folder.h"
#include "inject.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferula/base/check.h"

#define N_REQUESTS    30 /* of a run */
#define N_SESSIONS    2  /* the store is closed and opened again between them */
#define N_MORE        3  /* of the process that looks at what is left */
#define COMPARE_EVERY 10
#define MAP_BYTES     ((size_t)16 << 20)
#define N_MOST        200
#define N_MOST_MALLOC 20000
#define N_WORKERS     2
#define LIMIT_S       20 /* of a process; longer is a hang */
#define EXIT_MEMORY   70

/* How a write, or opening, may fail. */
enum { WORKS = 0, NO_SPACE = 1, DISK_FAILS = 2, ENDS = 4 /* one line and exit code 70 */ };

static const struct fault_case {
    const char *call, *error; /* names for inject_parse() */
    uint32_t times;
    unsigned may;
} cases[] = {
    {"malloc",    "ENOMEM", 1,              NO_SPACE | DISK_FAILS | ENDS},
    {"malloc",    "ENOMEM", INJECT_FOREVER, NO_SPACE | DISK_FAILS | ENDS},
    {"pwrite",    "EIO",    1,              DISK_FAILS                  },
    {"pwrite",    "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"pwrite",    "ENOSPC", 1,              NO_SPACE                    },
    {"pwrite",    "ENOSPC", INJECT_FOREVER, NO_SPACE                    },
    {"pwrite",    "EINTR",  1,              WORKS                       },
    {"pwrite",    "EINTR",  3,              WORKS                       },
    {"pwrite",    "short",  1,              DISK_FAILS                  },
    {"pwrite",    "short",  INJECT_FOREVER, DISK_FAILS                  },
    {"writev",    "EIO",    1,              DISK_FAILS                  },
    {"writev",    "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"writev",    "ENOSPC", 1,              NO_SPACE                    },
    {"writev",    "ENOSPC", INJECT_FOREVER, NO_SPACE                    },
    {"writev",    "EINTR",  1,              WORKS                       },
    {"writev",    "EINTR",  3,              WORKS                       },
    {"writev",    "short",  1,              DISK_FAILS                  },
    {"writev",    "short",  INJECT_FOREVER, DISK_FAILS                  },
    {"meta",      "EIO",    1,              DISK_FAILS                  },
    {"meta",      "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"meta",      "ENOSPC", 1,              NO_SPACE | DISK_FAILS       },
    {"meta",      "ENOSPC", INJECT_FOREVER, NO_SPACE | DISK_FAILS       },
    {"meta",      "EINTR",  1,              WORKS                       },
    {"meta",      "EINTR",  3,              WORKS                       },
    {"meta",      "short",  1,              DISK_FAILS                  },
    {"meta",      "short",  INJECT_FOREVER, DISK_FAILS                  },
    {"fdatasync", "EIO",    1,              DISK_FAILS                  },
    {"fdatasync", "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"fdatasync", "ENOSPC", 1,              NO_SPACE                    },
    {"fdatasync", "ENOSPC", INJECT_FOREVER, NO_SPACE                    },
    {"fdatasync", "EINTR",  1,              DISK_FAILS                  },
    {"fsync",     "EIO",    1,              DISK_FAILS                  },
    {"fsync",     "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"fsync",     "ENOSPC", 1,              NO_SPACE                    },
    {"open",      "EIO",    1,              DISK_FAILS                  },
    {"open",      "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"open",      "ENOSPC", 1,              NO_SPACE | DISK_FAILS       },
    {"open",      "EMFILE", 1,              DISK_FAILS                  },
    {"open",      "EINTR",  1,              DISK_FAILS                  },
    {"ftruncate", "EIO",    1,              DISK_FAILS                  },
    {"ftruncate", "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"ftruncate", "ENOSPC", 1,              NO_SPACE                    },
    {"rename",    "EIO",    1,              DISK_FAILS                  },
    {"rename",    "ENOSPC", 1,              NO_SPACE                    },
    {"mmap",      "ENOMEM", 1,              NO_SPACE | DISK_FAILS       },
    {"mmap",      "ENOMEM", INJECT_FOREVER, NO_SPACE | DISK_FAILS       },
    {"mmap",      "EIO",    1,              DISK_FAILS                  },
    {"flock",     "EIO",    1,              DISK_FAILS                  },
    {"flock",     "EIO",    INJECT_FOREVER, DISK_FAILS                  },
    {"flock",     "EINTR",  1,              DISK_FAILS                  },
    {"flock",     "ENOLCK", 1,              DISK_FAILS                  },
    {"pread",     "EIO",    1,              DISK_FAILS                  },
    {"pread",     "EIO",    INJECT_FOREVER, DISK_FAILS                  },
};

/* Shared by the processes of a run. */
struct record {
    uint8_t fate[N_REQUESTS + N_MORE];
    uint32_t fired;
    char text[300]; /* what was wrong; "": nothing */
};

struct run {
    const struct fault_case *c;
    uint32_t n;
    struct inject_plan plan;
    struct model m; /* its fate is in the record */
    struct record *rec;
    struct clock_manual clock;
    char dir[100], log[120];
};

static struct model model_of(struct record *rec)
{
    return (struct model){.seed = 1,
                          .n_clients = 1,
                          .n_requests = N_REQUESTS + N_MORE,
                          .n_steady = 8,
                          .new_every = 1,
                          .step = 6 * 60 * 1000, /* some slots of half an hour fill and end */
                          .late = 40 * 60 * 1000,
                          .retention = 90 * 60 * 1000,
                          .fate = rec->fate};
}

__attribute__((format(printf, 2, 3))) static bool wrong(struct run *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (r->rec->text[0] == '\0')
        vsnprintf(r->rec->text, sizeof(r->rec->text), fmt, ap);
    va_end(ap);
    return false;
}

/* ---- what a process does with the store -------------------------------------------------- */

static bool is_allowed(const struct run *r, int rc)
{
    return (rc == FER_ENOSPC && (r->c->may & NO_SPACE) != 0) ||
           (rc == FER_EIO && (r->c->may & DISK_FAILS) != 0);
}

/* LMDB takes a new file that could be written in part only for a full disk. */
static bool is_allowed_open(const struct run *r, int rc)
{
    return is_allowed(r, rc) || (rc == FER_ENOSPC && r->plan.error == INJECT_SHORT);
}

static struct tsdb_opts opts_of(const struct run *r)
{
    return (struct tsdb_opts){.dir = r->dir,
                              .map_bytes = MAP_BYTES,
                              .retention = r->m.retention,
                              .ooo_window = 2 * r->m.late,
                              .max_exemplars = MODEL_EXEMPLARS,
                              .clock = &r->clock.base};
}

/* LMDB begins no transaction, not even to read, after a failed write of a meta page. */
static bool may_not_read(const struct run *r, struct tsdb *db)
{
    return r->plan.call == INJECT_MALLOC ||
           (r->plan.call == INJECT_META && !tsdb_healthy(db, NULL));
}

static bool compare(struct run *r, struct tsdb *db)
{
    struct model_diff d;
    struct fault f = {0};
    struct model m = r->m;
    uint8_t fate[N_REQUESTS + N_MORE];

    memcpy(fate, r->rec->fate, sizeof(fate)); /* what is open now stays open */
    m.fate = fate;
    if (model_compare(&m, db, &d, &f) < 0)
        return may_not_read(r, db) || wrong(r, "a read failed: %s", f.text);
    return model_agrees(&d) ||
           wrong(r, "%u lost, %u wrong, %u torn: %s", d.n_lost, d.n_wrong, d.n_torn, d.text);
}

/* Writes one request and keeps its fate. */
static int write_one(struct run *r, struct tsdb *db, uint32_t request)
{
    struct arena a = {0};
    struct tsdb_write w;
    uint8_t *fate = model_fate(&r->m, 0, request);
    int rc;

    clock_manual_set(&r->clock, model_time(&r->m, 0, request));
    model_write(&r->m, db, 0, request, &a, &w);
    *fate = FATE_OPEN;
    rc = tsdb_write_sync(db, &w);
    *fate = rc == 0 ? FATE_STORED : rc == FER_EIO ? FATE_OPEN : FATE_UNSENT;
    arena_release(&a);
    return rc;
}

/*
 * One that has failed fails from then on; one that is full may have room again. What the store does
 * between requests may meet the fault as well, and then the next request is told.
 */
static bool write_range(struct run *r, struct tsdb *db, uint32_t from, uint32_t to)
{
    bool sick = false;

    for (uint32_t i = from; i < to; i++) {
        int rc = write_one(r, db, i);

        if (rc != 0 && !is_allowed(r, rc))
            return wrong(r, "write %u: %s", i, fer_strerror(rc));
        if (sick && rc != FER_EIO)
            return wrong(r, "write %u: %s after a failure of the disk", i, fer_strerror(rc));
        if (rc != 0 && inject_fired() == 0)
            return wrong(r, "write %u: %s without a fault", i, fer_strerror(rc));
        sick = !tsdb_healthy(db, NULL);
        if (rc == FER_EIO ? !sick : sick && (r->c->may & DISK_FAILS) == 0)
            return wrong(r, "write %u: %s, and the store says it is %s", i,
                         rc == 0 ? "done" : fer_strerror(rc), sick ? "sick" : "well");
        if (i % COMPARE_EVERY != COMPARE_EVERY - 1)
            continue;
        tsdb_settle(db);
        if (!compare(r, db))
            return false;
    }
    return true;
}

/* Under faults. A store that does not open does at a later try, when the fault has passed. */
static bool open_store(struct run *r, struct tsdb **db)
{
    struct tsdb_opts o = opts_of(r);
    uint32_t tries = r->c->times == INJECT_FOREVER ? 1 : r->c->times + 1;

    while (tries-- > 0) {
        struct fault f = {0};
        int rc = tsdb_open(db, &o, &f);

        if (rc == 0)
            return true;
        if (!is_allowed_open(r, rc) || inject_fired() == 0)
            return wrong(r, "open: %s (%s)", fer_strerror(rc), f.text);
        if (f.text[0] == '\0')
            return wrong(r, "open: no sentence for %s", fer_strerror(rc));
    }
    return r->c->times == INJECT_FOREVER || wrong(r, "open: failed when the fault was over");
}

static bool use_store(struct run *r)
{
    bool good = true;

    inject_arm(&r->plan, r->dir);
    for (uint32_t s = 0; s < N_SESSIONS && good; s++) {
        struct tsdb *db;

        good = open_store(r, &db);
        if (good && db != NULL)
            good =
                write_range(r, db, N_REQUESTS * s / N_SESSIONS, N_REQUESTS * (s + 1) / N_SESSIONS);
        tsdb_close(db);
    }
    inject_disarm();
    r->rec->fired = inject_fired();
    return good;
}

/* Without faults, on what is left. */
static bool look_at_store(struct run *r)
{
    struct tsdb_opts o = opts_of(r);
    struct tsdb *db;
    struct fault f = {0};
    bool good;

    if (tsdb_open(&db, &o, &f) != 0)
        return wrong(r, "open afterwards: %s", f.text);
    good = compare(r, db);
    for (uint32_t i = N_REQUESTS; i < N_REQUESTS + N_MORE && good; i++) {
        int rc = write_one(r, db, i);

        good = rc == 0 || wrong(r, "write %u afterwards: %s", i, fer_strerror(rc));
    }
    good = good && compare(r, db);
    tsdb_close(db);
    return good;
}

/* ---- runs -------------------------------------------------------------------------------- */

static int in_process(struct run *r, bool (*fn)(struct run *r))
{
    int status, log;
    pid_t pid;

    log = open(r->log, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(log >= 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(log, STDERR_FILENO);
        alarm(LIMIT_S);
        _exit(fn(r) ? 0 : 1);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    close(log);
    return status;
}

/* Whether the log ends with a line that says why. */
static bool tells_why(const char *path)
{
    char line[1000], last[1000] = "";
    FILE *f = fopen(path, "r");

    CHECK(f != NULL);
    while (fgets(line, sizeof(line), f) != NULL)
        memcpy(last, line, sizeof(last));
    fclose(f);
    return strncmp(last, "level=ERROR msg=", strlen("level=ERROR msg=")) == 0;
}

static void end_of_process(struct run *r, int status)
{
    char text[200] = "";
    FILE *f;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MEMORY && (r->c->may & ENDS) != 0) {
        r->rec->fired = 1;
        if (!tells_why(r->log))
            wrong(r, "exit code 70 without a word of why");
        return;
    }
    f = fopen(r->log, "r");
    if (f != NULL) {
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        fclose(f);
    }
    wrong(r, "a process ended with %s %d; %s", WIFSIGNALED(status) ? "signal" : "code",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), text);
}

struct result {
    _Atomic uint32_t n_runs, n_failed;
    _Atomic bool fired;
    char text[400]; /* of the first that failed */
};

/* Returns whether the fault came. */
static bool run_one(struct run *r, struct result *res)
{
    int status;
    char text[64];

    snprintf(text, sizeof(text), "%s:%s:%u:%u", r->c->call, r->c->error, r->n, r->c->times);
    CHECK(inject_parse(text, &r->plan));
    memset(r->rec, 0, sizeof(*r->rec));
    clock_manual_init(&r->clock, MODEL_T0);
    status = in_process(r, use_store);
    end_of_process(r, status);
    if (WIFEXITED(status)) {
        status = in_process(r, look_at_store);
        if (status != 0)
            end_of_process(r, status);
    }
    folder_empty(r->dir);
    res->n_runs++;
    if (r->rec->fired != 0)
        res->fired = true;
    if (r->rec->text[0] != '\0' && res->n_failed++ == 0)
        snprintf(res->text, sizeof(res->text), "n = %u: %s", r->n, r->rec->text);
    return r->rec->fired != 0 || r->rec->text[0] != '\0';
}

struct shared {
    _Atomic uint32_t next;    /* case */
    uint32_t end;             /* cases before this one are run */
    uint32_t first_n, n_most; /* n_most 0: the case's own limit */
    struct result results[COUNT(cases)];
};

static void run_case(struct run *r, const struct shared *sh, struct result *res)
{
    uint32_t most = strcmp(r->c->call, "malloc") == 0 ? N_MOST_MALLOC : N_MOST;

    if (sh->n_most != 0)
        most = sh->n_most;
    for (r->n = sh->first_n; r->n <= most; r->n++)
        if (!run_one(r, res))
            break;
}

static void work(const char *top, uint32_t worker, struct shared *sh)
{
    struct run r = {0};
    uint32_t i;

    r.rec = mmap(NULL, sizeof(*r.rec), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(r.rec != MAP_FAILED);
    r.m = model_of(r.rec);
    model_init(&r.m);
    snprintf(r.dir, sizeof(r.dir), "%s/store%u", top, worker);
    snprintf(r.log, sizeof(r.log), "%s/log%u", top, worker);
    CHECK(mkdir(r.dir, 0700) == 0);
    while ((i = atomic_fetch_add(&sh->next, 1)) < sh->end) {
        r.c = &cases[i];
        run_case(&r, sh, &sh->results[i]);
    }
    model_release(&r.m);
    rmdir(r.dir);
    unlink(r.log);
}

static void run_all(struct shared *sh)
{
    char dir[] = "/dev/shm/ferula-faults-XXXXXX", disk[] = "/tmp/ferula-faults-XXXXXX";
    const char *top = mkdtemp(dir);
    pid_t pids[N_WORKERS];
    int status;

    if (top == NULL)
        top = mkdtemp(disk);
    CHECK(top != NULL);
    for (uint32_t i = 0; i < N_WORKERS; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            work(top, i, sh);
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < N_WORKERS; i++)
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    rmdir(top);
}

static const char *times_text(uint32_t times)
{
    return times == 1 ? "once" : times == INJECT_FOREVER ? "from then on" : "three times";
}

/* Prints a line a case that ran; returns how many failed. */
static uint32_t report(const struct shared *sh, uint32_t first)
{
    uint32_t n_failed = 0;

    for (uint32_t i = first; i < sh->end; i++) {
        const struct result *res = &sh->results[i];
        const char *text = res->n_failed > 0  ? res->text
                           : res->n_runs == 0 ? "nothing was run"
                           : !res->fired      ? "the fault never came"
                                              : "";

        printf("%2u  %-9s %-6s %-12s %5u runs\n", i, cases[i].call, cases[i].error,
               times_text(cases[i].times), res->n_runs);
        if (text[0] != '\0')
            printf("    FAILED: %u times; %s\n", res->n_failed, text);
        n_failed += text[0] != '\0';
    }
    return n_failed;
}

int main(int argc, char **argv)
{
    uint32_t first = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0, n_failed, end;
    struct shared *sh =
        mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    CHECK(sh != MAP_FAILED && first < COUNT(cases));
    end = argc > 2 ? first + 1 : (uint32_t)COUNT(cases);
    sh->next = first;
    sh->end = end;
    sh->first_n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
    sh->n_most = argc > 2 ? sh->first_n : 0;
    run_all(sh);
    n_failed = report(sh, first);
    printf("%u passed, %u failed\n", end - first - n_failed, n_failed);
    return n_failed != 0;
}
