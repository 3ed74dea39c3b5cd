/*
 * test_reply.c - the status of a failure of the store, and when a client should try again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api.h"

#include "ferula/base/check.h"

static const struct {
    int rc, status;
    bool retry;
    const char *type;
} cases[] = {
    {FER_EBUSY,     503, true,  "\"errorType\":\"unavailable\""},
    {FER_ECANCELED, 499, false, "\"errorType\":\"canceled\""   },
    {FER_ECORRUPT,  500, false, "\"errorType\":\"internal\""   },
    {FER_EIO,       500, false, "\"errorType\":\"internal\""   },
};

static void test_store_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_req req = {.arena = {0}};

        assert_int_equal(api__fail(&req, api__store_error(cases[i].rc, API_INTERNAL), "%s", "why"),
                         0);
        assert_int_equal(req.reply.status, cases[i].status);
        assert_int_equal(req.reply.n_headers, cases[i].retry);
        if (cases[i].retry)
            assert_true(str_is(req.reply.headers[0].name, "Retry-After"));
        buf_putc(&req.reply.body, '\0');
        assert_non_null(strstr(req.reply.body.p, cases[i].type));
        buf_release(&req.reply.body);
        arena_release(&req.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_errors),
    };

    return cmocka_run_group_tests_name("api replies", tests, NULL, NULL);
}
