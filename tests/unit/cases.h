/*
 * cases.h - tables of cases as cmocka tests, a test for each row. Includes what cmocka.h wants.
 */
#ifndef FERULA_TESTS_UNIT_CASES_H
#define FERULA_TESTS_UNIT_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ferula/base/check.h"
#include "ferula/base/str.h"

#define MAX_TESTS 1024

struct cases {
    struct CMUnitTest v[MAX_TESTS];
    size_t n;
};

static inline void cases_add(struct cases *c, const char *name, CMUnitTestFunction fn, void *row)
{
    CHECK(c->n < MAX_TESTS);
    c->v[c->n++] = (struct CMUnitTest){.name = name, .test_func = fn, .initial_state = row};
}

/* `label`: the member of a row that names the test. */
#define CASES_ADD_TABLE(c, table, fn, label)                                                       \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < COUNT(table); i_++)                                               \
            cases_add((c), (table)[i_].label, (fn), (void *)(uintptr_t)((table) + i_));            \
    } while (0)

/* Before the first test, and after the last. */
#define CASES_RUN_BETWEEN(group, c, setup, teardown)                                               \
    _cmocka_run_group_tests((group), (c)->v, (c)->n, (setup), (teardown))
#define CASES_RUN(group, c) CASES_RUN_BETWEEN(group, c, NULL, NULL)

static inline void assert_str(struct str got, const char *want)
{
    if (!str_is(got, want))
        fail_msg("want <%s>, got <" STR_FMT ">", want, STR_ARG(got));
}

#endif
