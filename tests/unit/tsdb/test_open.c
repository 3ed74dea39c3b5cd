/*
 * test_open.c - folders and files that cannot be opened, and damage: a clear fault, never a crash.
 */
#include "fixture.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATH_BYTES 160

static void path_of(char *out, const char *dir, const char *name)
{
    assert_in_range(snprintf(out, PATH_BYTES, "%s/%s", dir, name), 1, PATH_BYTES - 1);
}

static int open_dir(const char *dir, struct fault *f)
{
    struct tsdb_opts o = {.dir = dir, .map_bytes = (size_t)64 << 20, .no_sync = 1};
    struct tsdb *db;
    int rc = tsdb_open(&db, &o, f);

    assert_int_equal(db == NULL, rc != 0);
    tsdb_close(db);
    return rc;
}

static void put_file(const char *path, const void *p, size_t n)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    fclose(file);
}

static void make_text(const char *dir)
{
    char path[PATH_BYTES];

    path_of(path, dir, "ferula.mdb");
    put_file(path, "this is not a database\n", 23);
}

static void make_zeros(const char *dir)
{
    char path[PATH_BYTES];
    char *zeros = xcalloc(1, 65536);

    path_of(path, dir, "ferula.mdb");
    put_file(path, zeros, 65536);
    free(zeros);
}

static void make_folder(const char *dir)
{
    char path[PATH_BYTES];

    path_of(path, dir, "ferula.mdb");
    mkdir(path, 0700);
}

/* An LMDB file of another program; with a row, or as LMDB leaves an empty one. */
static void make_lmdb(const char *dir, const char *table, const char *key, const char *value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {strlen(key), xstrdup(key)}, v = {strlen(value), xstrdup(value)};
    char path[PATH_BYTES];

    path_of(path, dir, "ferula.mdb");
    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 4);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(k.mv_data);
    free(v.mv_data);
}

static void make_foreign(const char *dir)
{
    make_lmdb(dir, NULL, "some key", "some value");
}

static void make_foreign_table(const char *dir)
{
    make_lmdb(dir, "people", "some key", "some value");
}

/* A store of this version whose row of `meta` says another one. */
static void make_newer(const char *dir)
{
    uint32_t row[8] = {0, 99, 4096};
    char path[PATH_BYTES];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char name[] = "store";
    MDB_val k = {5, name}, v = {sizeof(row), row};
    struct fault f;

    assert_int_equal(open_dir(dir, &f), 0);
    row[0] = hash_crc32c(hash_crc32c(0, name, 5), row + 1, sizeof(row) - 4);
    path_of(path, dir, "ferula.mdb");
    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 4);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void make_short(const char *dir)
{
    char path[PATH_BYTES];
    struct fault f;

    assert_int_equal(open_dir(dir, &f), 0);
    path_of(path, dir, "ferula.mdb");
    assert_int_equal(truncate(path, 3 * 4096), 0);
}

static void make_empty(const char *dir)
{
    char path[PATH_BYTES];

    path_of(path, dir, "ferula.mdb");
    put_file(path, "", 0);
}

static struct open_case {
    const char *name;
    void (*make)(const char *dir);
    int want;
    const char *text; /* a part of the fault's */
} cases[] = {
    {"an empty file is a new store",  make_empty,         0,            ""               },
    {"a text file is foreign",        make_text,          FER_EFORMAT,  "not a data file"},
    {"a file of zeros is foreign",    make_zeros,         FER_EFORMAT,  "not a data file"},
    {"a folder in place of the file", make_folder,        FER_EIO,      "ferula.mdb"     },
    {"another program's LMDB file",   make_foreign,       FER_EFORMAT,  "another program"},
    {"another program's LMDB tables", make_foreign_table, FER_EFORMAT,  "another program"},
    {"a newer version says so",       make_newer,         FER_EFORMAT,  "format 99"      },
    {"a file cut short is damaged",   make_short,         FER_ECORRUPT, "damaged"        },
};

static void test_open(void **state)
{
    const struct open_case *c = *state;
    char dir[] = "/tmp/ferula-test-XXXXXX", path[PATH_BYTES];
    struct fault f = {0};

    assert_non_null(mkdtemp(dir));
    c->make(dir);
    assert_int_equal(open_dir(dir, &f), c->want);
    if (c->want != 0) {
        assert_int_equal(f.code, c->want);
        assert_non_null(strstr(f.text, c->text));
    }
    path_of(path, dir, "ferula.mdb");
    rmdir(path);
    fx_remove(dir);
}

static void test_second_open_is_busy(void **state)
{
    struct fixture fx;
    struct fault f = {0};

    (void)state;
    fx_init(&fx);
    fx_open(&fx);
    assert_int_equal(open_dir(fx.dir, &f), FER_EBUSY);
    assert_non_null(strstr(f.text, "another ferula"));
    fx_put(&fx, "__name__=m", T0, 1);
    fx_release(&fx);
}

static void test_folders(void **state)
{
    char dir[] = "/tmp/ferula-test-XXXXXX", path[PATH_BYTES], below[PATH_BYTES];
    struct fault f = {0};
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path_of(path, dir, "a");
    assert_in_range(snprintf(below, sizeof(below), "%s//b/", path), 1, sizeof(below) - 1);
    assert_int_equal(open_dir(below, &f), 0);
    path_of(path, below, "ferula.mdb");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(open_dir(path, &f), FER_EIO); /* a file */
    assert_non_null(strstr(f.text, "not a folder"));
    assert_int_equal(open_dir("/proc/none", &f), FER_EIO);
    fx_remove(below);
    path_of(path, dir, "a");
    rmdir(path);
    rmdir(dir);
}

/* ---- damage ----------------------------------------------------------------------------- */

#define N_SERIES 150
#define N_ROUNDS 30

/* A store whose tables have several levels, long lists and free pages. */
static size_t make_good(struct fixture *fx)
{
    size_t n = 0;

    fx_init(fx);
    fx_open(fx);
    for (int round = 0; round < N_ROUNDS; round++) {
        struct sample s = {T0 + round, round};
        struct tsdb_new_series ns[N_SERIES] = {0};
        struct tsdb_row rows[N_SERIES];
        struct metadata md = {arena_printf(&fx->arena, "m%d", round), METRIC_GAUGE, STR("h"),
                              STR("")};
        struct tsdb_write w = {.arena = &fx->arena,
                               .rows = rows,
                               .n_rows = N_SERIES,
                               .samples = &s,
                               .n_samples = 1,
                               .series = ns,
                               .n_series = N_SERIES,
                               .metadata = &md,
                               .n_metadata = 1};

        for (uint32_t i = 0; i < N_SERIES; i++) {
            struct str text = arena_printf(&fx->arena, "__name__=m%u,i=%u,job=j,r=%u", i % 5, i,
                                           i < 30 ? (unsigned)round : 0);

            rows[i] = (struct tsdb_row){.new_series = i, .n = 1};
            ns[i].labels = fx_labels(&fx->arena, text.p);
            ns[i].raw = fx_raw(text.p);
        }
        assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
        n += w.n_verdicts[TSDB_STORED];
    }
    tsdb_close(fx->db);
    fx->db = NULL;
    return n;
}

struct image {
    uint8_t *p;
    size_t n;
};

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

/* Damages a copy; returns its new size. */
static size_t damage(uint8_t *p, size_t n, uint64_t *random)
{
    size_t k = 1 + fx_random(random) % 4, pages = n / 4096;

    switch (fx_random(random) % 8) {
    case 0:
        return fx_random(random) % n;
    case 1:
        memset(p + fx_random(random) % pages * 4096, 0, 4096);
        return n;
    case 2:
        memcpy(p + fx_random(random) % pages * 4096, p + fx_random(random) % pages * 4096, 4096);
        return n;
    case 3: /* the heads of pages */
        while (k-- > 0)
            p[fx_random(random) % pages * 4096 + fx_random(random) % 64] ^=
                (uint8_t)(1u << fx_random(random) % 8);
        return n;
    case 4:
        while (k-- > 0)
            p[fx_random(random) % n] = (uint8_t)fx_random(random);
        return n;
    default:
        while (k-- > 0)
            p[fx_random(random) % n] ^= (uint8_t)(1u << fx_random(random) % 8);
        return n;
    }
}

enum child_exit {
    CHILD_GOOD,
    CHILD_REFUSED,
    CHILD_WRONG_CODE,
    CHILD_WRONG_DATA,
    CHILD_BAD_FILE = 70
};

/* In a child: opens; when that works every sample must be there, and writing must work. */
static int use_store(const char *dir, size_t want)
{
    struct tsdb_opts o = {.dir = dir, .map_bytes = (size_t)16 << 20, .no_sync = 1};
    struct fixture fx = {.arena = {0}};
    struct fault f = {0};
    struct sample_vec sv = {0};
    struct source_selection *sel;
    struct source *src;
    size_t n = 0;
    int rc = tsdb_open(&fx.db, &o, &f);

    if (rc != 0)
        return (rc == FER_ECORRUPT || rc == FER_EFORMAT) && f.code == rc && f.text[0] != '\0'
                   ? CHILD_REFUSED
                   : CHILD_WRONG_CODE;
    src = tsdb_source(fx.db);
    if (src->ops->select(src, &fx.arena, NULL, 0, (struct source_range){0, INT64_MAX}, &sel, &f) !=
        0)
        return CHILD_WRONG_DATA;
    for (size_t i = 0; i < sel->n; i++)
        if (src->ops->read(sel, i, &sv, &f) != 0)
            return CHILD_WRONG_DATA;
    n = sv.n;
    fx_put(&fx, "__name__=m,new=1", T0 + 1000, 1);
    tsdb_close(fx.db);
    sample_vec_release(&sv);
    arena_release(&fx.arena);
    return n == want ? CHILD_GOOD : CHILD_WRONG_DATA;
}

static int in_child(const char *dir, size_t want)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        tsdb_guard_signals();
        alarm(60);
        _exit(use_store(dir, want));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_damage(void **state)
{
    /* Static, so that valgrind does not take them for lost in the children, which end by _exit().
     */
    static struct fixture fx;
    static struct image good;
    static uint8_t *p;
    size_t want = make_good(&fx), n_refused = 0;
    uint64_t random = fx_random_start();
    const char *env = getenv("FERULA_TEST_DAMAGE");
    int n_rounds = env != NULL ? atoi(env) : 600;
    char path[PATH_BYTES];

    (void)state;
    good = load_image(fx.dir);
    p = xmalloc(good.n);
    path_of(path, fx.dir, "ferula.mdb");
    assert_int_equal(in_child(fx.dir, want), CHILD_GOOD);
    for (int i = 0; i < n_rounds; i++) {
        size_t n;
        int got;

        memcpy(p, good.p, good.n);
        n = damage(p, good.n, &random);
        put_file(path, p, n);
        got = in_child(fx.dir, n == 0 ? 0 : want);
        if (got != CHILD_GOOD && got != CHILD_REFUSED && got != CHILD_BAD_FILE)
            fail_msg("round %d of %s: %d", i, path, got);
        n_refused += got == CHILD_REFUSED;
    }
    print_message("%zu of %d damaged files were refused\n", n_refused, n_rounds);
    assert_true(n_refused > (size_t)n_rounds / 3);
    free(p);
    free(good.p);
    fx_release(&fx);
}

/* What a start left that did not come to its end is of no value, whatever is in it. */
static void test_unfinished_file(void **state)
{
    char dir[] = "/tmp/ferula-test-XXXXXX", path[PATH_BYTES];
    struct fault f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path_of(path, dir, "ferula.mdb.new");
    put_file(path, "half a file", 11);
    assert_int_equal(open_dir(dir, &f), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    fx_remove(dir);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_second_open_is_busy),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_unfinished_file),
        cmocka_unit_test(test_damage),
    };
    struct CMUnitTest tests[COUNT(cases)];
    int failed;

    for (size_t i = 0; i < COUNT(cases); i++)
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = test_open, .initial_state = &cases[i]};
    failed = cmocka_run_group_tests_name("tsdb files", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("tsdb open", others, NULL, NULL);
}
