/*
 * test_arena.c - what an arena hands out, and when it ends.
 */
#include "cases.h"

#include "ferula/base/arena.h"

static void test_alignment(void **state)
{
    struct arena a = {0};

    (void)state;
    for (size_t align = 1; align <= 64; align *= 2)
        for (size_t size = 0; size < 300; size += 7) {
            char *p = arena_alloc(&a, size, align);

            assert_true((uintptr_t)p % align == 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0x5a, size);
        }
    arena_release(&a);
}

static void test_big(void **state)
{
    struct arena a = {0};
    char *small = arena_alloc(&a, 16, 1), *big, *after;

    (void)state;
    big = arena_alloc(&a, (size_t)8 << 20, 4096);
    memset(big, 1, (size_t)8 << 20);
    after = arena_alloc(&a, 16, 1);
    assert_true(after == small + 16); /* the block in use stays in use */
    assert_int_equal(a.used_bytes, ((size_t)8 << 20) + 32);
    arena_release(&a);
}

static void test_reset(void **state)
{
    struct arena a = {0};
    char *first;

    (void)state;
    arena_reset(&a);
    first = arena_alloc(&a, 100, 1);
    memset(first, 1, 100);
    arena_reset(&a);
    assert_int_equal(a.used_bytes, 0);
    assert_ptr_equal(arena_alloc(&a, 100, 1), first);
    assert_int_equal(first[99], 0);
    arena_alloc(&a, (size_t)3 << 20, 1);
    arena_reset(&a);
    arena_release(&a);
    arena_release(&a);
}

/* A large piece of a released arena is the next one's, and zero again. */
static void test_spare(void **state)
{
    struct arena a = {0}, b = {0};
    char *first, *second;
    size_t n = (size_t)700 << 10;

    (void)state;
    first = arena_alloc(&a, n, 1);
    memset(first, 1, n);
    second = arena_alloc(&b, n, 1);
    assert_ptr_not_equal(first, second);
    arena_release(&a);
    first = arena_alloc(&a, n, 1);
    assert_int_equal(first[0], 0);
    assert_int_equal(first[n - 1], 0);
    assert_ptr_not_equal(first, second);
    for (int i = 0; i < 40; i++) /* more than are kept */
        arena_alloc(&a, n, 1);
    arena_release(&a);
    arena_release(&b);
}

static void test_grow(void **state)
{
    struct arena a = {0};
    int *v = NULL;
    size_t n = 0, cap = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        ARENA_GROW(&a, v, n, cap, int);
        v[n++] = i;
    }
    for (int i = 0; i < 100000; i++)
        assert_int_equal(v[i], i);
    arena_release(&a);
}

static void test_text(void **state)
{
    struct arena a = {0};

    (void)state;
    assert_string_equal(arena_strdup(&a, (struct str){NULL, 0}), "");
    assert_str(arena_str(&a, STR("abc")), "abc");
    assert_str(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    arena_release(&a);
}

static char ran[8];

static void note(void *ctx)
{
    strncat(ran, ctx, 1);
}

static void test_defer(void **state)
{
    struct arena a = {0};
    char one[] = "1", two[] = "2", three[] = "3";

    (void)state;
    arena_defer(&a, note, one);
    arena_defer(&a, note, two);
    arena_reset(&a);
    assert_string_equal(ran, "21");
    arena_defer(&a, note, three);
    arena_release(&a);
    arena_release(&a);
    assert_string_equal(ran, "213");
}

int main(void)
{
    static struct cases c;

    cases_add(&c, "memory is aligned and zero", test_alignment, NULL);
    cases_add(&c, "a large piece gets a block of its own", test_big, NULL);
    cases_add(&c, "a reset keeps one small block", test_reset, NULL);
    cases_add(&c, "what was released is handed out as if new", test_spare, NULL);
    cases_add(&c, "an array grows", test_grow, NULL);
    cases_add(&c, "texts are copied", test_text, NULL);
    cases_add(&c, "clean-ups run last first and once", test_defer, NULL);
    return CASES_RUN("base arena", &c);
}
