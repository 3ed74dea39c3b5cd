/*
 * test_audit.c - an audit finds nothing in a sound store, and each kind of harm in a harmed one.
 *
 * Harm is done by LMDB itself, with checksums that are right: what is wrong is what rows say.
 */
#include "fixture.h"

#include "chunks.h"
#include "store.h"

#define MINUTE_MS (INT64_C(60) * 1000)

/* Two hours of a few series: sealed slots, open ones, a checkpoint at the end. */
static void fill(struct fixture *fx)
{
    static const char *const series[] = {"__name__=m,pod=a", "__name__=m,pod=b", "__name__=n"};
    const struct metadata md = {STR("m"), METRIC_GAUGE, STR("help"), STR("")};
    struct tsdb_write w = {.arena = &fx->arena, .metadata = &md, .n_metadata = 1};

    fx_init(fx);
    fx_open(fx);
    for (int i = 0; i < 120; i++) {
        clock_manual_advance(&fx->clock, MINUTE_MS);
        for (size_t k = 0; k < COUNT(series); k++)
            fx_put(fx, series[k], clock_now_ms(&fx->clock.base), i * 0.5 + (double)k);
    }
    assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
    tsdb_settle(fx->db);
}

struct told {
    struct buf text;
};

static void note(void *ctx, const char *line)
{
    struct told *told = ctx;

    buf_puts(&told->text, line);
    buf_putc(&told->text, '\n');
}

static void audit(const char *dir, struct told *told, struct tsdb_audit_counts *counts)
{
    struct fault f = {0};

    buf_reset(&told->text);
    if (tsdb_audit(dir, note, told, counts, &f) != 0)
        fail_msg("tsdb_audit: %s", f.text);
}

/* ---- harm ------------------------------------------------------------------------------- */

static void put(struct tsdb__txn *x, enum tsdb__table t, const void *key, size_t n_key,
                const void *body, size_t n_body)
{
    assert_int_equal(tsdb__put(x, t, (struct str){key, n_key}, (struct str){body, n_body}, 0), 0);
}

static void put_u32(struct tsdb__txn *x, enum tsdb__table t, uint32_t key, const char *body,
                    size_t n)
{
    put(x, t, &key, sizeof(key), body, n);
}

static void delete_first(struct tsdb__txn *x, enum tsdb__table t)
{
    struct tsdb__in body;
    MDB_val k;

    assert_int_equal(tsdb__step(x, t, MDB_FIRST, &k, &body), 0);
    assert_int_equal(tsdb__delete(x, t), 0);
}

/* The last sealed row again, under another key, or shorter. */
static void put_chunk(struct tsdb__txn *x, int32_t slots, uint32_t first, uint32_t number,
                      size_t less)
{
    uint8_t key[TSDB__CHUNK_KEY_BYTES], copy[TSDB__BODY_MAX];
    struct tsdb__chunk_key at;
    struct tsdb__in body;
    size_t n;
    MDB_val k;

    assert_int_equal(tsdb__step(x, T_CHUNK, MDB_LAST, &k, &body), 0);
    n = tsdb__in_left(&body) - less;
    memcpy(copy, body.p, n);
    at = tsdb__chunk_key_parse(&k);
    tsdb__chunk_key_print(
        key, (struct tsdb__chunk_key){at.slot + slots, at.first + first, at.number + number});
    put(x, T_CHUNK, key, sizeof(key), copy, n);
}

static void lose_hash(struct tsdb__txn *x)
{
    delete_first(x, T_SYMX);
}

static void add_hash(struct tsdb__txn *x)
{
    put(x, T_SYMX, "\0\0\0\0\0\0\0\1\0\0\0\1", 12, "", 0);
}

static void lose_symbol(struct tsdb__txn *x)
{
    delete_first(x, T_SYM);
}

static void add_series(struct tsdb__txn *x)
{
    put_u32(x, T_SERIES, 4, "\1\1\x70", 3);
}

static void break_series(struct tsdb__txn *x)
{
    put_u32(x, T_SERIES, 1, "\5\1", 2);
}

static void lose_series(struct tsdb__txn *x)
{
    delete_first(x, T_SERIES);
}

static void lose_postings(struct tsdb__txn *x)
{
    delete_first(x, T_POST);
}

static void add_postings(struct tsdb__txn *x)
{
    put(x, T_POST, "\0\0\0\1\0\0\0\1\0\0\0\2", 12, "\2\0\0\0", 4);
}

static void break_postings(struct tsdb__txn *x)
{
    put(x, T_POST, "\0\0\0\1\0\0\0\2\0\0\0\1", 12, "\x09\0\0\0\1", 5);
}

static void chunk_too_new(struct tsdb__txn *x)
{
    put_chunk(x, 1000, 0, 0, 0);
}

static void chunk_overlaps(struct tsdb__txn *x)
{
    put_chunk(x, 0, 1, 0, 0);
}

static void chunk_is_short(struct tsdb__txn *x)
{
    put_chunk(x, 0, 0, 0, 1);
}

static void break_head(struct tsdb__txn *x)
{
    put(x, T_HEAD, "\0\0\0\x63\0\0\0\1\0\0\0\0", 12, "\0\0\0\0\0\0\0\0\1\7", 10);
}

static void break_wal(struct tsdb__txn *x)
{
    uint64_t piece = UINT64_C(1) << 40;

    put(x, T_WAL, &piece, sizeof(piece), "\2\3\xff", 3);
}

static void open_wal(struct tsdb__txn *x)
{
    uint64_t piece = UINT64_C(1) << 40;

    put(x, T_WAL, &piece, sizeof(piece), "\2\1\2\0", 4);
}

static void add_family(struct tsdb__txn *x)
{
    put_u32(x, T_MDATA, 99, "\1\0help", 6);
}

static void break_family(struct tsdb__txn *x)
{
    put_u32(x, T_MDATA, 1, "\x63\0", 2);
}

static const struct {
    void (*harm)(struct tsdb__txn *x);
    const char *said;
} harms[] = {
    {lose_hash,      ": its text cannot be found: no row of symx names it\n" },
    {add_hash,       "symx 0/1/1: the hash is not that of symbol 1\n"        },
    {lose_symbol,    ": symbol 1 does not exist\n"                           },
    {add_series,     "series 4: symbol 1 or 112 does not exist\n"            },
    {break_series,   "series 1: the row is malformed\n"                      },
    {lose_series,    "series 1 has no such label\n"                          },
    {lose_series,    ": series 1 does not exist\n"                           },
    {lose_postings,  ": no list of post has it for symbols "                 },
    {add_postings,   "post 1/1/2: series 2 has no such label\n"              },
    {break_postings, "post 1/2/1: the row is malformed\n"                    },
    {chunk_too_new,  "is not sealed up to there\n"                           },
    {chunk_overlaps, ": it overlaps the row before\n"                        },
    {chunk_is_short, ": the row is malformed\n"                              },
    {break_head,     "head 99/1/0: series 1 cannot be read\n"                },
    {break_wal,      "wal 1099511627776: the record that ends here cannot be"},
    {open_wal,       "wal 1099511627776: its record has no end\n"            },
    {add_family,     "mdata 99: the symbol of the family does not exist\n"   },
    {break_family,   "mdata 1: the row is malformed\n"                       },
};

/* Does one of them to the file. */
static void do_harm(const char *dir, void (*harm)(struct tsdb__txn *x))
{
    struct tsdb__txn x = {.page_bytes = 4096};
    MDB_dbi dbis[N_TABLES];
    MDB_env *env;
    char path[100];

    assert_true(snprintf(path, sizeof(path), "%s/ferula.mdb", dir) < (int)sizeof(path));
    assert_int_equal(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, N_TABLES);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &x.txn), 0);
    assert_int_equal(tsdb__tables_open(x.txn, dbis, false), 0);
    x.dbis = dbis;
    harm(&x);
    assert_int_equal(mdb_txn_commit(x.txn), 0);
    mdb_env_close(env);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_sound(void **state)
{
    struct told told = {{0}};
    struct tsdb_audit_counts counts;
    struct fault f = {0};
    struct fixture fx;

    (void)state;
    fill(&fx);
    assert_int_equal(tsdb_audit(fx.dir, NULL, NULL, &counts, &f), FER_EBUSY);
    fx_crash(&fx); /* audits the file as it was, too */
    tsdb_close(fx.db);
    fx.db = NULL;
    audit(fx.dir, &told, &counts);
    assert_string_equal(buf_str(&told.text).p, "");
    assert_int_equal(counts.faults, 0);
    assert_int_equal(counts.series, 3);
    assert_true(counts.samples_sealed > 0 && counts.rows > 20);
    assert_int_equal(tsdb_audit("/tmp/ferula-nowhere", NULL, NULL, &counts, &f), FER_ENOENT);
    buf_release(&told.text);
    fx_release(&fx);
}

static void test_harm(void **state)
{
    struct told told = {{0}};
    struct tsdb_audit_counts counts;

    (void)state;
    for (size_t i = 0; i < COUNT(harms); i++) {
        struct fixture fx;

        fill(&fx);
        tsdb_close(fx.db);
        fx.db = NULL;
        do_harm(fx.dir, harms[i].harm);
        audit(fx.dir, &told, &counts);
        if (strstr(buf_str(&told.text).p, harms[i].said) == NULL || counts.faults == 0)
            fail_msg("harm %zu: no \"%s\" in:\n%s", i, harms[i].said, buf_str(&told.text).p);
        fx_release(&fx);
    }
    buf_release(&told.text);
}

/* A snapshot has what was acknowledged, is sound, and is a store. */
static void test_snapshot(void **state)
{
    struct tsdb_audit_counts counts;
    struct buf name = {0};
    struct fixture fx, copy;
    struct told told = {{0}};
    struct tsdb_sizes sizes;
    struct fault f = {0};
    char path[200], command[300];

    (void)state;
    fill(&fx);
    assert_int_equal(tsdb_snapshot(fx.db, fx.dir, STR("../x"), &name, &f), FER_EINVAL);
    assert_int_equal(tsdb_snapshot(fx.db, fx.dir, STR("one"), &name, &f), 0);
    assert_int_equal(tsdb_snapshot(fx.db, fx.dir, STR("one"), &name, &f), FER_EINVAL);
    assert_true(snprintf(path, sizeof(path), "%s/snapshots/one", fx.dir) < (int)sizeof(path));
    fx_init(&copy);
    assert_int_equal(tsdb_restore(path, copy.dir, &f), 0);
    assert_int_equal(tsdb_restore(path, copy.dir, &f), FER_EINVAL);
    audit(copy.dir, &told, &counts);
    assert_int_equal(counts.faults, 0);
    assert_int_equal(tsdb_compact(copy.dir, &sizes, &f), 0);
    assert_true(sizes.after > 0 && sizes.after <= sizes.before);
    fx_open(&copy);
    assert_int_equal(fx_all(&copy)->n, 3);
    assert_true(snprintf(command, sizeof(command), "rm -r %s/snapshots", fx.dir) <
                (int)sizeof(command));
    assert_int_equal(system(command), 0);
    buf_release(&told.text);
    buf_release(&name);
    fx_release(&copy);
    fx_release(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_harm),
        cmocka_unit_test(test_snapshot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
