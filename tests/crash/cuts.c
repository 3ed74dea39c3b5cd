/*
 * cuts.c - power cuts: what a store promised is on every disk that one may leave behind.
 *
 *     cuts        CUTS (5000) images; FERULA_TEST_RANDOM repeats the choices of a run
 *
 * `workload` runs under libtrace.so; then images of the disk at random moments of its trace are
 * made (image.h), and each is opened by a process of its own. Every acknowledged sample must be
 * there bit for bit, requests on their way whole or absent, and the store must take further writes.
 *
 * The same with a store that does not sync must fail: else nothing was tested.
 */
#include "folder.h"
#include "image.h"
#include "workload.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define N_WORKERS      2
#define N_MORE_WRITES  20
#define REOPEN_PERCENT 25 /* of the images are opened a second time, after the further writes */
#define SETTLE_PERCENT                                                                             \
    25             /* of the images are compared again when the store has done its own work */
#define LIMIT_S 30 /* of an image; longer is a hang */

static const struct cut_mode modes[] = {
    {"nothing that was not synced",        0,   0,    false},
    {"all that was written",               100, 0,    false},
    {"a quarter of the sectors",           25,  512,  false},
    {"half of the sectors",                50,  512,  false},
    {"three quarters of the sectors",      75,  512,  false},
    {"a quarter of the pages",             25,  4096, false},
    {"half of the pages",                  50,  4096, false},
    {"three quarters of the pages",        75,  4096, false},
    {"half of the writes",                 50,  0,    false},
    {"writes in order, the last one torn", 0,   0,    true },
};

/* What became of images; shared by all processes. */
struct tally {
    _Atomic uint32_t n_images;
    _Atomic uint32_t n_lost;    /* acknowledged samples are missing */
    _Atomic uint32_t n_corrupt; /* refused, wrong, torn, ended by a signal, or no more writes */
    _Atomic bool has_text;
    char text[400]; /* of one that failed */
};

struct run {
    const char *dir; /* for traces and stores */
    uint64_t random;
    uint32_t n_images;
    bool no_sync;
    struct trace trace;
    uint64_t *cuts;        /* owned; event << 32 | number of the image, ascending */
    struct tally *tallies; /* of each mode */
};

/* The exit codes of a process that looks at one image. */
enum { IMAGE_GOOD = 0, IMAGE_LOST = 10, IMAGE_CORRUPT = 11 };

/* ---- one image --------------------------------------------------------------------------- */

struct image {
    const struct run *run;
    uint32_t number;
    size_t event;
    struct tally *tally;
    struct model *m;
    char dir[200];
    uint64_t random;
};

__attribute__((format(printf, 3, 4))) static int bad(struct image *im, int code, const char *fmt,
                                                     ...)
{
    va_list ap;
    int n;

    if (!atomic_exchange(&im->tally->has_text, true)) {
        va_start(ap, fmt);
        n = snprintf(im->tally->text, sizeof(im->tally->text),
                     "image %u, at event %zu: ", im->number, im->event);
        vsnprintf(im->tally->text + n, sizeof(im->tally->text) - (size_t)n, fmt, ap);
        va_end(ap);
    }
    return code;
}

static int compare(struct image *im, struct tsdb *db)
{
    struct model_diff d;
    struct fault f = {0};

    if (model_compare(im->m, db, &d, &f) < 0)
        return bad(im, IMAGE_CORRUPT, "a read failed: %s", f.text);
    if (model_agrees(&d))
        return IMAGE_GOOD;
    return bad(im, d.n_lost != 0 ? IMAGE_LOST : IMAGE_CORRUPT, "%u lost, %u wrong, %u torn: %s",
               d.n_lost, d.n_wrong, d.n_torn, d.text);
}

/* The first request of a client that is not stored. */
static uint32_t next_request(const struct model *m, uint32_t client)
{
    uint32_t r = 0;

    while (r < m->n_requests && *model_fate(m, client, r) == FATE_STORED)
        r++;
    return r;
}

static int write_more(struct image *im, struct tsdb *db, struct clock_manual *clock)
{
    struct arena a = {0};

    for (uint32_t i = 0; i < N_MORE_WRITES; i++) {
        uint32_t client = i % im->m->n_clients, request = next_request(im->m, client);
        ts_ms t = model_time(im->m, client, request);
        struct tsdb_write w;
        int rc;

        if (t > clock_now_ms(&clock->base))
            clock_manual_set(clock, t);
        model_write(im->m, db, client, request, &a, &w);
        rc = tsdb_write_sync(db, &w);
        if (rc != 0)
            return bad(im, IMAGE_CORRUPT, "a further write: %s", fer_strerror(rc));
        *model_fate(im->m, client, request) = FATE_STORED;
        arena_reset(&a);
    }
    arena_release(&a);
    return IMAGE_GOOD;
}

static int open_and_compare(struct image *im, struct clock_manual *clock, struct tsdb **db)
{
    struct tsdb_opts opts = workload_opts(im->m, im->dir, &clock->base);
    struct fault f = {0};

    opts.no_sync = 1;
    if (tsdb_open(db, &opts, &f) < 0)
        return bad(im, IMAGE_CORRUPT, "refused: %s", f.text);
    return compare(im, *db);
}

static int check_image(struct image *im, struct disk *d)
{
    struct clock_manual clock;
    struct tsdb *db;
    int code;

    disk_cut(d, &modes[im->number % COUNT(modes)], &im->random);
    disk_save(d, im->dir);
    clock_manual_init(&clock, MODEL_T0);
    for (uint32_t c = 0; c < im->m->n_clients; c++) {
        uint32_t sent = next_request(im->m, c);

        clock_manual_set(&clock, MAX(clock_now_ms(&clock.base), model_time(im->m, c, sent)));
    }
    code = open_and_compare(im, &clock, &db);
    if (code == IMAGE_GOOD)
        code = write_more(im, db, &clock);
    if (code == IMAGE_GOOD)
        code = compare(im, db);
    if (code == IMAGE_GOOD && random_next(&im->random) % 100 < SETTLE_PERCENT) {
        tsdb_settle(db);
        code = compare(im, db);
    }
    if (code != IMAGE_GOOD)
        return code;
    tsdb_close(db);
    if (random_next(&im->random) % 100 >= REOPEN_PERCENT)
        return IMAGE_GOOD;
    code = open_and_compare(im, &clock, &db);
    if (code == IMAGE_GOOD)
        tsdb_close(db);
    return code;
}

/* ---- all images -------------------------------------------------------------------------- */

static void judge(struct image *im, int status)
{
    atomic_fetch_add(&im->tally->n_images, 1);
    if (WIFSIGNALED(status))
        bad(im, 0, "ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != IMAGE_GOOD)
        bad(im, 0, "ended with code %d", WEXITSTATUS(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) == IMAGE_LOST)
        atomic_fetch_add(&im->tally->n_lost, 1);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != IMAGE_GOOD)
        atomic_fetch_add(&im->tally->n_corrupt, 1);
}

static void look_at(struct image *im, struct disk *d)
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        if (im->run->no_sync)
            CHECK(freopen("/dev/null", "w", stderr) != NULL); /* failures are what is wanted */
        alarm(LIMIT_S);
        _exit(check_image(im, d));
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    judge(im, status);
    folder_empty(im->dir);
}

static void step(struct disk *d, struct model *m)
{
    const struct trace_event *e = disk_step(d);
    struct workload_mark wm;
    uint8_t *fate;

    if (e->kind != TRACE_MARK)
        return;
    CHECK(e->n == sizeof(wm));
    memcpy(&wm, trace_bytes(e), sizeof(wm));
    fate = wm.deletion != 0 ? model_deletion(m, wm.client, wm.request)
                            : model_fate(m, wm.client, wm.request);
    if (wm.fate > *fate) /* what is stored may be sent again */
        *fate = (uint8_t)wm.fate;
}

/* Looks at every N_WORKERS-th image, in the order of the trace. */
static void work(const struct run *r, uint32_t worker)
{
    struct model m = workload_model(r->random);
    struct image im = {.run = r, .m = &m};
    struct disk d;

    m.fate = xcalloc(m.n_clients, m.n_requests);
    model_init(&m);
    disk_init(&d, &r->trace);
    CHECK(snprintf(im.dir, sizeof(im.dir), "%s/image%u", r->dir, worker) < (int)sizeof(im.dir));
    CHECK(mkdir(im.dir, 0700) == 0 || errno == EEXIST);
    for (uint32_t i = worker; i < r->n_images; i += N_WORKERS) {
        im.event = r->cuts[i] >> 32;
        im.number = (uint32_t)r->cuts[i];
        im.tally = &r->tallies[im.number % COUNT(modes)];
        im.random = r->random ^ (uint64_t)im.number << 32;
        while (d.at < im.event)
            step(&d, &m);
        look_at(&im, &d);
    }
    rmdir(im.dir);
    disk_release(&d);
    model_release(&m);
    free(m.fate);
}

static int by_number(const void *pa, const void *pb)
{
    uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

    return a < b ? -1 : a > b;
}

static void draw_cuts(struct run *r)
{
    uint64_t random = r->random;

    r->cuts = xcalloc(r->n_images, sizeof(*r->cuts));
    for (uint32_t i = 0; i < r->n_images; i++)
        r->cuts[i] = (random_next(&random) % (r->trace.n_events + 1)) << 32 | i;
    qsort(r->cuts, r->n_images, sizeof(*r->cuts), by_number);
}

/* Runs `workload`, which is beside this program, under libtrace.so two folders up. */
static void make_trace(struct run *r, char *self, const char *trace)
{
    char store[256], marks[256], lib[4096], program[4096], seed[32];
    const char *here = dirname(self);
    int status;
    pid_t pid;

    snprintf(store, sizeof(store), "%s/store", r->dir);
    snprintf(marks, sizeof(marks), "%s/marks", r->dir);
    snprintf(lib, sizeof(lib), "%s/../../libtrace.so", here);
    snprintf(program, sizeof(program), "%s/workload", here);
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)r->random);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        setenv(TRACE_OUT, trace, 1);
        setenv(TRACE_DIR, store, 1);
        setenv(TRACE_MARKS, marks, 1);
        setenv("LD_PRELOAD", lib, 1);
        execl(program, program, store, marks, seed, r->no_sync ? "no-sync" : NULL, (char *)NULL);
        perror(program);
        _exit(127);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status != 0) {
        fprintf(stderr, "cuts: the workload failed\n");
        exit(1);
    }
    folder_empty(store);
    rmdir(store);
    unlink(marks);
}

static void run(struct run *r, char *self)
{
    char path[256];
    pid_t pids[N_WORKERS];
    int status;

    snprintf(path, sizeof(path), "%s/trace", r->dir);
    make_trace(r, self, path);
    trace_load(&r->trace, path);
    unlink(path);
    draw_cuts(r);
    for (uint32_t i = 0; i < N_WORKERS; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            work(r, i);
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < N_WORKERS; i++)
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
}

/* ---- results ----------------------------------------------------------------------------- */

/* Every image of a store that syncs is good. Returns how many modes failed. */
static uint32_t report(const struct run *r)
{
    uint32_t n_images = 0, n_lost = 0, n_corrupt = 0, n_failed = 0;

    for (size_t i = 0; i < COUNT(modes); i++) {
        const struct tally *t = &r->tallies[i];

        n_images += t->n_images;
        n_lost += t->n_lost;
        n_corrupt += t->n_corrupt;
        if (t->n_images > 0 && t->n_lost + t->n_corrupt == 0)
            continue;
        n_failed++;
        printf("FAILED: %s: %u images, %u lost, %u corrupt; %s\n", modes[i].name, t->n_images,
               t->n_lost, t->n_corrupt, t->text);
    }
    printf("power cuts: %u images of %zu events, %u lost, %u corrupt\n", n_images,
           r->trace.n_events, n_lost, n_corrupt);
    return n_failed;
}

/* Images of a store that does not sync fail, in every mode, more often than not. */
static uint32_t report_control(const struct run *r)
{
    uint32_t n_images = 0, n_lost = 0, n_corrupt = 0, n_failed = 0;

    for (size_t i = 0; i < COUNT(modes); i++) {
        const struct tally *t = &r->tallies[i];
        bool loses = modes[i].percent != 100; /* with all writes there, nothing is amiss */

        n_images += t->n_images;
        n_lost += t->n_lost;
        n_corrupt += t->n_corrupt;
        if (!loses || 2 * (t->n_lost + t->n_corrupt) > t->n_images)
            continue;
        n_failed++;
        printf("FAILED: without syncs, %s: only %u lost and %u corrupt of %u images\n",
               modes[i].name, t->n_lost, t->n_corrupt, t->n_images);
    }
    printf("without syncs: %u images, %u lost, %u corrupt, as it must be\n", n_images, n_lost,
           n_corrupt);
    return n_failed;
}

int main(int argc, char **argv)
{
    const char *images = getenv("CUTS"), *repeat = getenv("FERULA_TEST_RANDOM");
    uint32_t n = images != NULL ? (uint32_t)strtoul(images, NULL, 10) : 5000, n_failed = 0;
    char dir[] = "/dev/shm/ferula-cuts-XXXXXX", disk[] = "/tmp/ferula-cuts-XXXXXX";
    struct run r = {.dir = mkdtemp(dir)};

    (void)argc;
    if (r.dir == NULL)
        r.dir = mkdtemp(disk);
    CHECK(r.dir != NULL);
    r.random = repeat != NULL ? strtoull(repeat, NULL, 0) : (uint64_t)time(NULL);
    printf("FERULA_TEST_RANDOM=%llu\n", (unsigned long long)r.random);
    for (int control = 0; control < 2; control++) {
        size_t bytes = COUNT(modes) * sizeof(*r.tallies);
        char *self = xstrdup(argv[0]);

        fflush(stdout);
        r.no_sync = control != 0;
        r.n_images = control ? MIN(n / 10 + 100, 1000) : n;
        r.tallies = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(r.tallies != MAP_FAILED);
        run(&r, self);
        n_failed += control ? report_control(&r) : report(&r);
        munmap(r.tallies, bytes);
        trace_release(&r.trace);
        free(r.cuts);
        free(self);
    }
    rmdir(r.dir);
    printf("%zu passed, %u failed\n", 2 * COUNT(modes) - n_failed, n_failed);
    return n_failed != 0;
}
