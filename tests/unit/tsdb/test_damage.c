/*
 * test_damage.c - damaged files: the right data, or a clear error, or exit code 70 with one line;
 * never wrong or missing data, a signal, or a hang.
 *
 * Each file is used in a child of its own, two at a time: opened, read in several ways, written to,
 * and put through all of the store's own work. FERULA_TEST_DAMAGE=n sets how many there are.
 */
#include "histograms.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/wait.h>

#define N_SERIES   250
#define N_CHURNING 40 /* of them: another one each half hour */
#define N_HISTS    12 /* the last ones: native histograms */
#define N_SLOTS    7
#define N_ROUNDS   10 /* of a half hour, before the last one */
#define N_LAST     4
#define ROUND_MS   (INT64_C(180) * 1000)
#define SLOT_MS    (INT64_C(30) * 60 * 1000)
#define START      (T0 / SLOT_MS * SLOT_MS)
#define END        (START + N_SLOTS * SLOT_MS)

#define N_FILES_SHORT 600
#define N_CHILDREN    2
#define PATH_BYTES    160

/* ---- what is asked ---------------------------------------------------------------------- */

/* Samples and series of an answer, without regard to the order of the series. */
struct answer {
    size_t n_series, n_samples;
    uint64_t sum;
};

static const struct question {
    const char *name, *value;
    enum match_op op;
    ts_ms from, to;
} questions[] = {
    {"new",      "",     MATCH_EQ,  INT64_MIN,              END               },
    {"__name__", "m3",   MATCH_EQ,  INT64_MIN,              END               },
    {"job",      "j",    MATCH_EQ,  END - 3 * SLOT_MS,      END - 2 * SLOT_MS },
    {"i",        "1.*",  MATCH_RE,  INT64_MIN,              END               },
    {"i",        "7|33", MATCH_RE,  END - SLOT_MS,          END               },
    {"r",        ".+",   MATCH_NRE, INT64_MIN,              END               },
    {"r",        "r6",   MATCH_EQ,  INT64_MIN,              END               },
    {"i",        "44",   MATCH_NE,  END - 2 * SLOT_MS + 99, END - SLOT_MS - 99},
};

struct answers {
    struct answer v[COUNT(questions)];
    size_t n_metadata, n_exemplars;
};

static uint64_t digest(struct labels ls, const struct series_samples *ss)
{
    struct buf b = {0};
    uint64_t hash;

    for (size_t i = 0; i < ls.n; i++) {
        buf_add(&b, ls.v[i].name.p, ls.v[i].name.n);
        buf_putc(&b, '=');
        buf_add(&b, ls.v[i].value.p, ls.v[i].value.n);
        buf_putc(&b, '\n');
    }
    buf_add(&b, ss->f.v, ss->f.n * sizeof(*ss->f.v));
    for (size_t i = 0; i < ss->h.n; i++) {
        /* After a restart less may be known of resets. */
        struct histogram h = *ss->h.v[i].h;
        struct tsdb__rich r = {
            .t = ss->h.v[i].t, .start = ss->h_start.n > 0 ? ss->h_start.v[i] : 0, .h = &h};

        h.hint = HISTOGRAM_UNKNOWN;
        buf_add(&b, &r.t, sizeof(r.t));
        tsdb__rich_put(&r, &b);
    }
    hash = hash_stable64(b.p, b.n);
    buf_release(&b);
    return hash;
}

static int ask(struct fixture *fx, const struct question *q, struct answer *out, struct fault *f)
{
    struct source *src = tsdb_source(fx->db);
    struct matcher m;
    struct source_selection *sel;
    struct series_samples ss = {.arena = &fx->arena};
    int rc = matcher_init(&m, &fx->arena, q->op, str_of(q->name), str_of(q->value), f);

    assert_int_equal(rc, 0);
    *out = (struct answer){0};
    rc = src->ops->select(src, &fx->arena, &m, 1, (struct source_range){q->from, q->to}, &sel, f);
    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        rc = src->ops->read(sel, i, &ss, f);
        if (rc != 0 || ss.f.n + ss.h.n == 0)
            continue;
        out->n_series++;
        out->n_samples += ss.f.n + ss.h.n;
        out->sum += digest(sel->series[i].labels, &ss);
    }
    series_samples_release(&ss);
    return rc;
}

static int ask_all(struct fixture *fx, struct answers *out, struct fault *f)
{
    struct metadata *md;
    struct tsdb_match all = {NULL, 0};
    struct tsdb_exemplars *ex;
    size_t n = 0;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < COUNT(questions) && rc == 0; i++)
        rc = ask(fx, &questions[i], &out->v[i], f);
    if (rc == 0)
        rc = tsdb_metadata(fx->db, &fx->arena, STR(""), &md, &out->n_metadata, f);
    if (rc == 0)
        rc = tsdb_query_exemplars(fx->db, &fx->arena, &all, 1,
                                  (struct source_range){INT64_MIN, END}, &ex, &n, f);
    for (size_t i = 0; rc == 0 && i < n; i++)
        out->n_exemplars += ex[i].n;
    return rc;
}

/* ---- a store with something of everything ------------------------------------------------ */

static struct str label_text(struct arena *a, uint32_t i, int slot)
{
    return i < N_CHURNING ? arena_printf(a, "__name__=m%u,i=%u,job=j,r=r%d", i % 5, i, slot)
                          : arena_printf(a, "__name__=m%u,i=%u,job=j", i % 5, i);
}

static double value_of(uint32_t i, int slot, int round)
{
    switch (i % 4) {
    case 0:
        return 100 * slot + round;
    case 1:
        return 0.25 * (round % 7);
    case 2:
        return 1.0 / (i + (unsigned)round);
    default:
        return i;
    }
}

static void write_round(struct fixture *fx, int slot, int round)
{
    struct tsdb_new_series ns[N_SERIES] = {0};
    struct tsdb_row rows[N_SERIES] = {0};
    struct sample s[N_SERIES];
    struct hsample hists[N_HISTS];
    ts_ms starts[N_HISTS];
    struct label trace = {STR("trace_id"), arena_printf(&fx->arena, "%d-%d", slot, round)};
    struct tsdb_exemplar exemplar = {
        .new_series = 5, .exemplar = {{&trace, 1}, round, 0}
    };
    struct metadata md = {arena_printf(&fx->arena, "m%d", round % 5), METRIC_GAUGE, STR("help"),
                          STR("")};
    struct tsdb_write w = {.arena = &fx->arena,
                           .rows = rows,
                           .n_rows = N_SERIES,
                           .samples = s,
                           .n_samples = N_SERIES,
                           .hists = hists,
                           .n_hists = N_HISTS,
                           .hist_starts = starts,
                           .exemplars = &exemplar,
                           .n_exemplars = 1,
                           .series = ns,
                           .n_series = N_SERIES,
                           .metadata = &md,
                           .n_metadata = 1};
    ts_ms t = START + slot * SLOT_MS + round * ROUND_MS;

    clock_manual_set(&fx->clock, t);
    for (uint32_t i = 0; i < N_SERIES; i++) {
        struct str text = label_text(&fx->arena, i, slot);

        s[i] = (struct sample){t + i, value_of(i, slot, round)};
        rows[i] = (struct tsdb_row){.new_series = i, .first = i, .n = 1};
        if (i >= N_SERIES - N_HISTS) {
            uint32_t k = i - (N_SERIES - N_HISTS);

            rows[i].hists = true;
            rows[i].first = k;
            hists[k] = (struct hsample){t + i, hist_any(&fx->arena, (uint64_t)slot << 8 | (k % 3))};
            starts[k] = k % 2 == 0 ? 0 : START;
        }
        ns[i] = (struct tsdb_new_series){.labels = fx_labels(&fx->arena, text.p),
                                         .raw = fx_raw(text.p)};
    }
    exemplar.exemplar.t = t;
    assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
    assert_int_equal(w.n_verdicts[TSDB_STORED], N_SERIES - N_HISTS);
    assert_int_equal(w.n_hist_verdicts[TSDB_STORED], N_HISTS);
    assert_int_equal(w.n_exemplars_stored, 1);
}

/* Sealed samples, and some in memory, of some series. */
static void delete_some(struct fixture *fx)
{
    struct matcher m;
    struct tsdb_match set = {&m, 1};
    struct source_range range = {END - 2 * SLOT_MS, END - SLOT_MS + ROUND_MS};
    struct fault f;

    assert_int_equal(matcher_init(&m, &fx->arena, MATCH_RE, STR("i"), STR("[0-9]+[5-9]7"), &f), 0);
    assert_int_equal(tsdb_delete(fx->db, &set, 1, range, &f), 0);
}

static void make_good(struct fixture *fx)
{
    fx_init(fx);
    fx->map_bytes = (size_t)16 << 20;
    fx->opts.retention = 4 * SLOT_MS;
    fx->opts.ooo_window = 2 * SLOT_MS;
    fx->opts.max_exemplars = 100;
    fx_open(fx);
    for (int slot = 0; slot < N_SLOTS; slot++) {
        for (int round = 0; round < (slot == N_SLOTS - 1 ? N_LAST : N_ROUNDS); round++)
            write_round(fx, slot, round);
        if (slot < N_SLOTS - 1) {
            clock_manual_set(&fx->clock, START + (slot + 1) * SLOT_MS + SLOT_MS / 4);
            tsdb_settle(fx->db);
        }
    }
    /* A late one that is merged, and one that waits for the next half hour to be sealed. */
    fx_put(fx, "__name__=m4,i=44,job=j", START + (N_SLOTS - 2) * SLOT_MS - 1, 5);
    tsdb_settle(fx->db);
    delete_some(fx);
    fx_put(fx, "__name__=m0,i=45,job=j", START + (N_SLOTS - 2) * SLOT_MS - 1, 6);
}

/* ---- damage ------------------------------------------------------------------------------ */

struct image {
    uint8_t *p;
    size_t n;
};

static void path_of(char *out, const char *dir, const char *name)
{
    assert_in_range(snprintf(out, PATH_BYTES, "%s/%s", dir, name), 1, PATH_BYTES - 1);
}

static struct image load_image(const char *dir)
{
    char path[PATH_BYTES];
    struct image im;
    FILE *file;

    path_of(path, dir, "ferula.mdb");
    file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    im.n = (size_t)ftell(file);
    rewind(file);
    im.p = xmalloc(im.n);
    assert_int_equal(fread(im.p, 1, im.n, file), im.n);
    fclose(file);
    return im;
}

static void put_image(const char *path, const uint8_t *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    close(fd);
}

static void swap_pages(uint8_t *p, size_t a, size_t b)
{
    uint8_t page[4096];

    memcpy(page, p + a * 4096, 4096);
    memmove(p + a * 4096, p + b * 4096, 4096);
    memcpy(p + b * 4096, page, 4096);
}

/* One bit of a page of small rows: their keys, sizes and places. */
static void flip_in_leaf(uint8_t *p, size_t pages, uint64_t *random)
{
    const uint16_t leaf = 2;
    size_t page;

    do
        page = 2 + fx_random(random) % (pages - 2);
    while (memcmp(p + page * 4096 + 10, &leaf, sizeof(leaf)) != 0);
    p[page * 4096 + fx_random(random) % 4096] ^= (uint8_t)(1u << fx_random(random) % 8);
}

/* Damages a copy; returns its new size. */
static size_t damage(uint8_t *p, size_t n, uint64_t *random)
{
    size_t k = 1 + fx_random(random) % 4, pages = n / 4096;

    switch (fx_random(random) % 10) {
    case 0:
        return 1 + fx_random(random) % (n - 1);
    case 1:
        memset(p + fx_random(random) % pages * 4096, 0, 4096);
        return n;
    case 2:
        memmove(p + fx_random(random) % pages * 4096, p + fx_random(random) % pages * 4096, 4096);
        return n;
    case 3:
        swap_pages(p, fx_random(random) % pages, fx_random(random) % pages);
        return n;
    case 4: /* the heads of pages, and of the file */
        while (k-- > 0)
            p[fx_random(random) % pages * 4096 + fx_random(random) % 64] ^=
                (uint8_t)(1u << fx_random(random) % 8);
        return n;
    case 5:
        while (k-- > 0)
            p[fx_random(random) % 2 * 4096 + fx_random(random) % 152] ^=
                (uint8_t)(1u << fx_random(random) % 8);
        return n;
    case 6:
        flip_in_leaf(p, pages, random);
        return n;
    case 7:
        while (k-- > 0)
            p[fx_random(random) % n] = (uint8_t)fx_random(random);
        return n;
    default:
        while (k-- > 0)
            p[fx_random(random) % n] ^= (uint8_t)(1u << fx_random(random) % 8);
        return n;
    }
}

/*
 * With this bit gone the newer of the two heads of the file looks like one whose commit failed in
 * its last step, so the older one counts: that cannot be told apart.
 */
static void mend_commit_numbers(uint8_t *p, size_t n, const struct image *good)
{
    for (size_t at = 144; at < MIN(n, (size_t)2 * 4096); at += 4096)
        p[at] = (uint8_t)((p[at] & ~2u) | (good->p[at] & 2u));
}

/* ---- a child ----------------------------------------------------------------------------- */

enum child_exit {
    CHILD_GOOD,
    CHILD_NOT_OPENED,
    CHILD_NOT_READ,
    CHILD_NOT_WRITTEN,
    CHILD_WRONG_CODE,
    CHILD_WRONG_DATA,
    CHILD_WRONG_DATA_LATER,
    N_CHILD_EXITS,
    CHILD_BAD_FILE = 70
};

static bool is_clear(int rc, const struct fault *f)
{
    return (rc == FER_ECORRUPT || rc == FER_EFORMAT) && f->code == rc && f->text[0] != '\0';
}

/* All of the store's own work, and a write. False when the store says that it cannot. */
static bool work(struct fixture *fx, ts_ms *now)
{
    struct sample s = {END + 1, 1};
    struct tsdb_write w;

    clock_manual_set(&fx->clock, END);
    if (fx_write(fx, "__name__=m,new=1", &s, 1, &w) != 0)
        return false;
    tsdb_settle(fx->db);
    clock_manual_set(&fx->clock, *now = END + SLOT_MS);
    s.t = *now;
    if (fx_write(fx, "__name__=m,new=1", &s, 1, &w) != 0)
        return false;
    tsdb_settle(fx->db);
    return tsdb_healthy(fx->db, NULL);
}

static int use_store(const char *dir, const struct answers *want)
{
    /* Static, so that what a failure leaves is not lost to valgrind: the child ends by _exit(). */
    static struct fixture fx;
    struct tsdb_opts o = {
        .dir = dir, .map_bytes = (size_t)16 << 20, .max_exemplars = 100, .no_sync = 1};
    struct answers got;
    struct fault f = {0};
    ts_ms now;
    int rc;

    clock_manual_init(&fx.clock, END - SLOT_MS / 2);
    o.clock = &fx.clock.base;
    rc = tsdb_open(&fx.db, &o, &f);
    if (rc != 0)
        return is_clear(rc, &f) ? CHILD_NOT_OPENED : CHILD_WRONG_CODE;
    rc = ask_all(&fx, &got, &f);
    if (rc != 0)
        return is_clear(rc, &f) ? CHILD_NOT_READ : CHILD_WRONG_CODE;
    if (memcmp(&got, want, sizeof(got)) != 0)
        return CHILD_WRONG_DATA;
    if (!work(&fx, &now))
        return CHILD_NOT_WRITTEN;
    rc = ask_all(&fx, &got, &f);
    if (rc != 0)
        return is_clear(rc, &f) ? CHILD_NOT_READ : CHILD_WRONG_CODE;
    tsdb_close(fx.db);
    arena_release(&fx.arena);
    return memcmp(&got, want, sizeof(got)) == 0 ? CHILD_GOOD : CHILD_WRONG_DATA_LATER;
}

struct child {
    char dir[64];
    pid_t pid; /* 0: none runs */
    int number;
};

static void child_begin(struct child *c, const uint8_t *p, size_t n, const struct answers *want)
{
    char path[PATH_BYTES];
    int fd;

    path_of(path, c->dir, "ferula.mdb");
    put_image(path, p, n);
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid != 0)
        return;
    path_of(path, c->dir, "said");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    fx_guard_child();
    _exit(use_store(c->dir, want));
}

/* The last thing said names the file. */
static bool says_why(const struct child *c)
{
    char path[PATH_BYTES], text[4096], name[PATH_BYTES];
    const char *at;
    size_t n;
    FILE *file;

    path_of(path, c->dir, "said");
    path_of(name, c->dir, "ferula.mdb");
    file = fopen(path, "rb");
    assert_non_null(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    at = strstr(text, name);
    return at != NULL && strchr(at, '\n') == text + n - 1;
}

static int child_end(struct child *c)
{
    int status;

    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    c->pid = 0;
    if (WIFSIGNALED(status))
        fail_msg("file %d: signal %d", c->number, WTERMSIG(status));
    if (WEXITSTATUS(status) == CHILD_BAD_FILE ? !says_why(c)
                                              : WEXITSTATUS(status) >= CHILD_WRONG_CODE)
        fail_msg("file %d, left in %s: exit %d", c->number, c->dir, WEXITSTATUS(status));
    return WEXITSTATUS(status);
}

static void child_init(struct child *c)
{
    bool shm = access("/dev/shm", W_OK) == 0;

    *c = (struct child){.pid = 0};
    strcpy(c->dir, shm ? "/dev/shm/ferula-test-XXXXXX" : "/tmp/ferula-test-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
}

static void child_release(struct child *c)
{
    char path[PATH_BYTES];

    path_of(path, c->dir, "said");
    unlink(path);
    fx_remove(c->dir);
}

/* ---- all of it --------------------------------------------------------------------------- */

static int n_files(void)
{
    const char *env = getenv("FERULA_TEST_DAMAGE");

    return env != NULL ? atoi(env) : N_FILES_SHORT;
}

/* What the tests share. Static, so that valgrind does not take it for lost in the children, which
 * end by _exit(). */
static struct damage_test {
    struct fixture fx;
    struct image good;
    uint8_t *p; /* a copy to damage */
    struct answers want;
    struct child children[N_CHILDREN];
    size_t ends[128];
    int n;
} dt;

static int set_up(void **state)
{
    struct fault f = {0};

    (void)state;
    make_good(&dt.fx);
    assert_int_equal(ask_all(&dt.fx, &dt.want, &f), 0);
    assert_int_equal(dt.want.v[0].n_series, N_SERIES + 4 * N_CHURNING);
    dt.good = load_image(dt.fx.dir); /* as a kill would leave it */
    tsdb_close(dt.fx.db);
    dt.fx.db = NULL;
    dt.p = xmalloc(dt.good.n);
    for (size_t i = 0; i < N_CHILDREN; i++)
        child_init(&dt.children[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CHILDREN; i++)
        child_release(&dt.children[i]);
    free(dt.p);
    free(dt.good.p);
    fx_release(&dt.fx);
    return 0;
}

/* Begins a child on the damaged copy, once there is room for one. */
static void try_copy(size_t n)
{
    struct child *c = &dt.children[dt.n % N_CHILDREN];

    if (c->pid != 0)
        dt.ends[child_end(c)]++;
    c->number = dt.n++;
    child_begin(c, dt.p, n, &dt.want);
    memcpy(dt.p, dt.good.p, dt.good.n);
}

static void begin_trying(void)
{
    memset(dt.ends, 0, sizeof(dt.ends));
    memcpy(dt.p, dt.good.p, dt.good.n);
    dt.n = 0;
}

static void end_trying(void)
{
    for (size_t i = 0; i < N_CHILDREN; i++)
        if (dt.children[i].pid != 0)
            dt.ends[child_end(&dt.children[i])]++;
    print_message("%zu KiB: %zu good, %zu not opened, %zu not read, %zu not written, %zu exit 70\n",
                  dt.good.n / 1024, dt.ends[CHILD_GOOD], dt.ends[CHILD_NOT_OPENED],
                  dt.ends[CHILD_NOT_READ], dt.ends[CHILD_NOT_WRITTEN], dt.ends[CHILD_BAD_FILE]);
}

static void test_undamaged(void **state)
{
    (void)state;
    begin_trying();
    try_copy(dt.good.n);
    end_trying();
    assert_int_equal(dt.ends[CHILD_GOOD], 1);
}

/* A key that stays between its neighbours: no page looks wrong, and the row is not where it was. */
static void flip_keys(MDB_txn *txn, const char *table, size_t at)
{
    MDB_cursor *cursor;
    MDB_dbi dbi;
    MDB_val k;

    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    while (mdb_cursor_get(cursor, &k, NULL, MDB_NEXT) == 0) {
        uint8_t *key = memmem(dt.p, dt.good.n, k.mv_data, k.mv_size);

        for (; key != NULL;
             key = memmem(key + 1, (size_t)(dt.p + dt.good.n - key - 1), k.mv_data, k.mv_size))
            key[at] ^= 1;
        try_copy(dt.good.n);
    }
    mdb_cursor_close(cursor);
}

static void test_keys(void **state)
{
    char path[PATH_BYTES];
    MDB_env *env;
    MDB_txn *txn;

    (void)state;
    path_of(path, dt.fx.dir, "copy");
    put_image(path, dt.good.p, dt.good.n);
    begin_trying();
    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 16);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    flip_keys(txn, "symx", 7);
    flip_keys(txn, "chunks", 7);
    flip_keys(txn, "mdata", 0);
    flip_keys(txn, "exemplars", 0);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    unlink(path);
    end_trying();
}

static void test_damage(void **state)
{
    uint64_t random = fx_random_start();

    (void)state;
    begin_trying();
    while (dt.n < n_files()) {
        size_t n = damage(dt.p, dt.good.n, &random);

        mend_commit_numbers(dt.p, n, &dt.good);
        try_copy(n);
    }
    end_trying();
    assert_true(dt.ends[CHILD_NOT_OPENED] > (size_t)n_files() / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undamaged),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests_name("tsdb damage", tests, set_up, tear_down);
}
