/*
 * test_readers.c - more reads at once than there is room for: a clear error, and nothing is lost.
 */
#include "fixture.h"

#include "store.h"

#define N_READERS 3

static int try_to_read(struct fixture *fx, struct fault *f)
{
    struct source *src = tsdb_source(fx->db);
    struct source_selection *sel;

    return src->ops->select(src, &fx->arena, NULL, 0, (struct source_range){0, INT64_MAX}, &sel, f);
}

static void test_exhausted(void **state)
{
    struct fixture fx;
    struct tsdb__txn *x[N_READERS];
    struct metadata *md;
    struct str *v;
    struct fault f = {0};
    size_t n;

    (void)state;
    fx_init(&fx);
    fx.opts.max_readers = N_READERS;
    fx_open(&fx);
    fx_put(&fx, "__name__=m", T0, 1);
    tsdb_settle(fx.db);
    for (int round = 0; round < 50; round++) {
        struct source *src = tsdb_source(fx.db);

        for (size_t i = 0; i < N_READERS; i++)
            assert_int_equal(tsdb__reader_begin(fx.db, &x[i], &f), 0);
        assert_int_equal(try_to_read(&fx, &f), FER_EBUSY);
        assert_string_equal(f.text, "too many queries read the store at once; try again");
        assert_int_equal(tsdb_metadata(fx.db, &fx.arena, STR(""), &md, &n, &f), FER_EBUSY);
        assert_int_equal(
            src->ops->label_names(src, &fx.arena, NULL, 0, (struct source_range){0, 1}, &v, &n, &f),
            FER_EBUSY);
        fx_put(&fx, "__name__=m", T0 + 1 + round, 1); /* writes go on */
        tsdb__reader_end(fx.db, x[round % N_READERS]);
        assert_int_equal(try_to_read(&fx, &f), 0);
        for (size_t i = 0; i < N_READERS; i++)
            if (i != (size_t)round % N_READERS)
                tsdb__reader_end(fx.db, x[i]);
    }
    assert_true(tsdb_healthy(fx.db, NULL));
    fx_release(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exhausted),
    };

    return cmocka_run_group_tests_name("tsdb readers", tests, NULL, NULL);
}
