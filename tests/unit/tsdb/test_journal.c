/*
 * test_journal.c - the journal: which records are kept, when they are on disk, and what a kill
 * takes.
 */
#include "cases.h"
#include "fixture.h"

#include "ferula/base/stats.h"

static void open_with(struct fixture *fx, size_t most)
{
    fx_init(fx);
    fx->opts.max_records = most;
    fx_open(fx);
}

static void add(struct fixture *fx, const char *text)
{
    for (; *text != '\0'; text++)
        assert_true(tsdb_journal_add(fx->db, (struct str){text, 1}));
}

/* Writes a sample of a series; gives the store's answer. */
static int put_rc(struct fixture *fx, int i)
{
    char labels[64];
    struct sample s = {T0, 1};
    struct tsdb_new_series ns = {0};
    struct tsdb_row row = {.n = 1};
    struct tsdb_write w = {.arena = &fx->arena,
                           .rows = &row,
                           .n_rows = 1,
                           .samples = &s,
                           .n_samples = 1,
                           .series = &ns,
                           .n_series = 1};

    (void)snprintf(labels, sizeof(labels), "__name__=m,i=%d", i);
    ns.labels = fx_labels(&fx->arena, labels);
    ns.raw = fx_raw(labels);
    return tsdb_write_sync(fx->db, &w);
}

/* As the writer does by itself a second later. */
static void let_write(struct fixture *fx)
{
    clock_manual_advance(&fx->clock, 1000);
    tsdb_settle(fx->db);
}

static int take(void *ctx, uint64_t number, struct str record)
{
    buf_addf(ctx, "%llu=" STR_FMT " ", (unsigned long long)number, STR_ARG(record));
    return 0;
}

static void assert_records(struct fixture *fx, const char *want)
{
    struct buf got = {0};
    struct fault f = {0};

    buf_puts(&got, "");
    assert_int_equal(tsdb_journal_read(fx->db, take, &got, &f), 0);
    assert_string_equal(got.p, want);
    buf_release(&got);
}

static void test_kept(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 4);
    assert_records(&fx, "");
    add(&fx, "abc");
    assert_records(&fx, "3=c 2=b 1=a ");
    let_write(&fx);
    assert_records(&fx, "3=c 2=b 1=a ");
    add(&fx, "d");
    assert_records(&fx, "4=d 3=c 2=b 1=a ");
    let_write(&fx);
    add(&fx, "efg");
    let_write(&fx);
    assert_records(&fx, "7=g 6=f 5=e 4=d ");
    fx_crash(&fx);
    assert_records(&fx, "7=g 6=f 5=e 4=d ");
    fx.opts.max_records = 2;
    fx_reopen(&fx);
    tsdb_settle(fx.db);
    assert_records(&fx, "7=g 6=f ");
    fx_release(&fx);
}

static void test_kill(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 10);
    add(&fx, "ab");
    let_write(&fx);
    add(&fx, "c"); /* less than a second ago */
    fx_crash(&fx);
    assert_records(&fx, "2=b 1=a ");
    add(&fx, "d");
    fx_reopen(&fx); /* an orderly end writes all */
    assert_records(&fx, "3=d 2=b 1=a ");
    fx_release(&fx);
}

static void test_clear(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 10);
    add(&fx, "ab");
    let_write(&fx);
    add(&fx, "c");
    tsdb_journal_clear(fx.db);
    assert_records(&fx, "");
    add(&fx, "d");
    assert_records(&fx, "4=d ");
    let_write(&fx);
    fx_crash(&fx);
    assert_records(&fx, "4=d ");
    fx_release(&fx);
}

/* Numbers go on when all that had them are gone, and the store was opened anew. */
static void test_numbers_go_on(void **state)
{
    struct fixture fx;

    (void)state;
    open_with(&fx, 10);
    add(&fx, "abc");
    let_write(&fx);
    tsdb_journal_clear(fx.db);
    tsdb_settle(fx.db);
    for (int i = 0; i < 2; i++) { /* the mark stays over any number of starts */
        fx_crash(&fx);
        assert_records(&fx, "");
        fx_reopen(&fx);
    }
    add(&fx, "d");
    assert_records(&fx, "4=d ");
    let_write(&fx);
    fx_crash(&fx);
    assert_records(&fx, "4=d ");
    tsdb_journal_clear(fx.db);
    add(&fx, "e"); /* and in one step with the next record */
    let_write(&fx);
    assert_records(&fx, "5=e ");
    fx.opts.max_records = 0;
    fx_reopen(&fx);
    tsdb_settle(fx.db);
    assert_records(&fx, "");
    fx.opts.max_records = 1;
    fx_reopen(&fx);
    add(&fx, "f");
    let_write(&fx);
    add(&fx, "g");
    let_write(&fx);
    assert_records(&fx, "7=g ");
    fx_release(&fx);
}

static void test_too_many_at_once(void **state)
{
    struct fixture fx;
    size_t taken = 0;

    (void)state;
    open_with(&fx, 10);
    for (size_t i = 0; i < 2000; i++)
        taken += tsdb_journal_add(fx.db, STR("x"));
    assert_int_equal(taken, 1024);
    let_write(&fx);
    assert_true(tsdb_journal_add(fx.db, STR("y")));
    fx_release(&fx);
}

/* A store that is full of series: records are dropped, and numbers have no holes (the audit). */
static void test_no_room(void **state)
{
    static const char text[4000];
    struct fixture fx;
    uint64_t before = stats_get(STAT_POLLS_DROPPED);
    int i = 0;

    (void)state;
    fx_init(&fx);
    fx.map_bytes = (size_t)1 << 20;
    fx.opts.max_records = 1000;
    fx_open(&fx);
    while (put_rc(&fx, i++) == 0)
        ;
    for (int k = 0; k < 100; k++) {
        assert_true(tsdb_journal_add(fx.db, (struct str){text, sizeof(text)}));
        if (k % 3 != 0)
            let_write(&fx);
    }
    assert_true(stats_get(STAT_POLLS_DROPPED) > before);
    assert_true(fx.db->journal.stored > 0);
    fx_crash(&fx);
    fx_release(&fx);
}

static int one_is_enough(void *ctx, uint64_t number, struct str record)
{
    (void)record;
    *(uint64_t *)ctx = number;
    return 1;
}

static void test_none(void **state)
{
    struct fixture fx;
    uint64_t number = 0;
    struct fault f = {0};

    (void)state;
    open_with(&fx, 0);
    assert_false(tsdb_journal_add(fx.db, STR("x")));
    assert_records(&fx, "");
    fx.opts.max_records = 5;
    fx_reopen(&fx);
    add(&fx, "ab");
    assert_int_equal(tsdb_journal_read(fx.db, one_is_enough, &number, &f), 0);
    assert_int_equal(number, 2);
    fx_release(&fx);
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "the newest are kept", test_kept, NULL);
    cases_add(&c, "numbers go on", test_numbers_go_on, NULL);
    cases_add(&c, "a kill takes the last second", test_kill, NULL);
    cases_add(&c, "cleared", test_clear, NULL);
    cases_add(&c, "too many at once", test_too_many_at_once, NULL);
    cases_add(&c, "no room", test_no_room, NULL);
    cases_add(&c, "none are kept", test_none, NULL);
    return CASES_RUN("tsdb journal", &c);
}
