/*
 * test_open.c - folders and files that cannot be opened: a clear fault.
 */
#include "cases.h"
#include "fixture.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>

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
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_open, name);
    cases_add(&c, "a second open is busy", test_second_open_is_busy, NULL);
    cases_add(&c, "folders", test_folders, NULL);
    cases_add(&c, "an unfinished file", test_unfinished_file, NULL);
    return CASES_RUN("tsdb open", &c);
}
