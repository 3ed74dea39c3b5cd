/*
 * test_brief.c - which queries are expected to be brief, from what they took before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "brief.h"
#include "cases.h"

static struct history {
    const char *name;
    int64_t took_us[8]; /* 0: the end */
    bool brief;
} histories[] = {
    {"unknown",                    {0},                            false},
    {"once",                       {100},                          true },
    {"at the limit",               {200},                          true },
    {"over it",                    {201},                          false},
    {"one that was interrupted",   {50, 50, 1000},                 false},
    {"and is brief again",         {50, 50, 1000, 50, 50, 50},     true },
    {"slow once in four",          {50, 50, 50, 8000, 50, 50, 50}, false},
    {"no clock tick",              {-1},                           true },
    {"longer than a slot can say", {10000000, 10000000},           false},
};

static void test_history(void **state)
{
    static struct api__brief b;
    const struct history *h = *state;
    struct str query = STR("sum(rate(http_requests_total[2m]))");

    memset(&b, 0, sizeof(b));
    for (size_t i = 0; i < COUNT(h->took_us) && h->took_us[i] != 0; i++)
        api__brief_note(&b, query, h->took_us[i] * 1000);
    assert_int_equal(api__brief_expect(&b, query), h->brief);
    assert_false(api__brief_expect(&b, STR("up")));
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, histories, test_history, name);
    return CASES_RUN("api brief", &c);
}
