/*
 * test_text.c - strings, UTF-8, buffers, quoting, JSON, faults.
 */
#include "cases.h"

#include <stdlib.h>

#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/base/json.h"

/* The same text as Go quotes it, as a JSON string and as a JSON label. */
static struct escape_case {
    const char *text, *go, *json, *label;
} escapes[] = {
    {"",                           "\"\"",                             "\"\"",                                      "\"\""                          },
    {"plain",                      "\"plain\"",                        "\"plain\"",                                 "\"plain\""                     },
    {"a\"b\\c",                    "\"a\\\"b\\\\c\"",                  "\"a\\\"b\\\\c\"",                           "\"a\\\"b\\\\c\""               },
    {"\a\b\f\n\r\t\v",             "\"\\a\\b\\f\\n\\r\\t\\v\"",        "\"\\u0007\\u0008\\u000c\\n\\r\\t\\u000b\"",
     "\"\\u0007\\u0008\\u000c\\n\\r\\t\\u000b\""                                                                                                    },
    {"\x01\x7f",                   "\"\\x01\\x7f\"",                   "\"\\u0001\x7f\"",                           "\"\\u0001\x7f\""               },
    {"<a>&'/",                     "\"<a>&'/\"",                       "\"\\u003ca\\u003e\\u0026'/\"",              "\"<a>&'/\""                    },
    {"\u00e9\u4e16\U0001f600",     "\"\u00e9\u4e16\U0001f600\"",       "\"\u00e9\u4e16\U0001f600\"",
     "\"\u00e9\u4e16\U0001f600\""                                                                                                                   },
    {"\u2028\u2029",               "\"\\u2028\\u2029\"",               "\"\\u2028\\u2029\"",                        "\"\u2028\u2029\""              },
    {"\u200b\ufeff\xc2\x85\u00ad", "\"\\u200b\\ufeff\\u0085\\u00ad\"",
     "\"\u200b\ufeff\xc2\x85\u00ad\"",                                                                              "\"\u200b\ufeff\xc2\x85\u00ad\""},
    {"\U000e0001",                 "\"\\U000e0001\"",                  "\"\U000e0001\"",                            "\"\U000e0001\""                },
    {"a\xff\xc3",                  "\"a\\xff\\xc3\"",                  "\"a\\ufffd\\ufffd\"",                       "\"a\\ufffd\\ufffd\""           },
};

static void test_escape(void **state)
{
    const struct escape_case *c = *state;
    struct buf b = {0};
    struct json j;

    buf_add_go_quoted(&b, str_of(c->text));
    assert_str(buf_str(&b), c->go);
    buf_reset(&b);
    json_init(&j, &b);
    json_cstr(&j, c->text);
    assert_str(buf_str(&b), c->json);
    buf_reset(&b);
    json_init(&j, &b);
    json_label(&j, str_of(c->text));
    assert_str(buf_str(&b), c->label);
    buf_release(&b);
}

static void test_json_commas(void **state)
{
    struct buf b = {0};
    struct json j;

    (void)state;
    json_init(&j, &b);
    json_object_begin(&j);
    json_key(&j, "a");
    json_array_begin(&j);
    json_int(&j, INT64_MIN);
    json_array_begin(&j);
    json_array_end(&j);
    json_null(&j);
    json_bool(&j, true);
    json_array_end(&j);
    json_key_str(&j, STR("<"));
    json_object_begin(&j);
    json_object_end(&j);
    json_key(&j, "t");
    json_timestamp(&j, -1500);
    json_key(&j, "u");
    json_timestamp(&j, 1700000000007);
    json_key(&j, "w");
    json_timestamp(&j, 3000);
    json_key(&j, "v");
    json_sample_value(&j, 1e21);
    json_object_end(&j);
    assert_str(buf_str(&b), "{\"a\":[-9223372036854775808,[],null,true],\"<\":{},\"t\":-1.500,"
                            "\"u\":1700000000.007,\"w\":3,\"v\":\"1e+21\"}");
    buf_release(&b);
}

static void test_json_members(void **state)
{
    struct buf b = {0};
    struct json j;

    (void)state;
    json_init(&j, &b);
    json_object_begin(&j);
    json_member_str(&j, "a", STR("<"));
    json_member_label(&j, "b", STR("<"));
    json_member_cstr(&j, "c", ">");
    json_member_int(&j, "d", -1);
    json_member_count(&j, "e", INT64_MAX);
    json_member_bool(&j, "f", false);
    json_member_float(&j, "g", 0.5);
    json_member_sample_value(&j, "h", 0.5);
    json_member_timestamp(&j, "i", 500);
    json_object_end(&j);
    assert_str(buf_str(&b),
               "{\"a\":\"\\u003c\",\"b\":\"<\",\"c\":\"\\u003e\",\"d\":-1,"
               "\"e\":9223372036854775807,\"f\":false,\"g\":0.5,\"h\":\"0.5\",\"i\":0.500}");
    buf_release(&b);
}

static struct utf8_case {
    const char *name, *text;
    uint32_t rune;
    size_t n; /* 0: not valid */
} utf8s[] = {
    {"one byte",                  "a",                    'a',      1},
    {"two bytes",                 "\xc2\x80",             0x80,     2},
    {"three bytes",               "\xe0\xa0\x80",         0x800,    3},
    {"four bytes",                "\xf0\x90\x80\x80",     0x10000,  4},
    {"the last code point",       "\xf4\x8f\xbf\xbf",     0x10ffff, 4},
    {"beyond the last",           "\xf4\x90\x80\x80",     0,        0},
    {"overlong in two",           "\xc1\xbf",             0,        0},
    {"overlong in three",         "\xe0\x9f\xbf",         0,        0},
    {"overlong in four",          "\xf0\x8f\xbf\xbf",     0,        0},
    {"a surrogate",               "\xed\xa0\x80",         0,        0},
    {"just below the surrogates", "\xed\x9f\xbf",         0xd7ff,   3},
    {"cut short",                 "\xe4\xb8",             0,        0},
    {"a continuation first",      "\x80",                 0,        0},
    {"a lead byte within",        "\xe4\xc3\xa9",         0,        0},
    {"five bytes",                "\xf8\x88\x80\x80\x80", 0,        0},
};

static void test_utf8(void **state)
{
    const struct utf8_case *c = *state;
    uint32_t rune = 0;
    char back[4];

    assert_int_equal(utf8_decode(str_of(c->text), &rune), c->n);
    assert_int_equal(utf8_valid(str_of(c->text)), c->n > 0);
    if (c->n == 0)
        return;
    assert_int_equal(rune, c->rune);
    assert_int_equal(utf8_encode(rune, back), c->n);
    assert_memory_equal(back, c->text, c->n);
}

static struct whole_case {
    const char *text;
    bool u64, i64;
    int64_t want;
} wholes[] = {
    {"0",                    true,  true,  0        },
    {"42",                   true,  true,  42       },
    {"-42",                  false, true,  -42      },
    {"+42",                  false, true,  42       },
    {"9223372036854775807",  true,  true,  INT64_MAX},
    {"-9223372036854775808", false, true,  INT64_MIN},
    {"-9223372036854775809", false, false, 0        },
    {"18446744073709551615", true,  false, -1       },
    {"18446744073709551616", false, false, 0        },
    {"",                     false, false, 0        },
    {"-",                    false, false, 0        },
    {" 1",                   false, false, 0        },
    {"1x",                   false, false, 0        },
};

static void test_whole(void **state)
{
    const struct whole_case *c = *state;
    uint64_t u = 0;
    int64_t i = 0;

    assert_int_equal(str_to_u64(str_of(c->text), &u), c->u64);
    assert_int_equal(str_to_i64(str_of(c->text), &i), c->i64);
    if (c->u64)
        assert_true(u == (uint64_t)c->want);
    if (c->i64)
        assert_true(i == c->want);
}

static void test_str(void **state)
{
    struct str rest = STR("a,,b"), part;

    (void)state;
    assert_true(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("\xff"), STR("a")) > 0);
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_true(str_starts(STR("abc"), "ab") && !str_starts(STR("a"), "ab"));
    assert_true(str_ends(STR("abc"), "bc") && !str_ends(STR("c"), "bc"));
    assert_int_equal(str_distance(STR("keda-demo"), STR("keda-dmeo")), 1);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_true(str_eq_nocase(STR("GeT"), STR("gEt")) && !str_eq_nocase(STR("a"), STR("b")));
    assert_str(str_trim(STR(" \t a b\r\n")), "a b");
    assert_str(str_trim(STR(" \t ")), "");
    assert_str(str_cut(STR("abc"), 7), "");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "a");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "b");
    assert_false(str_split(&rest, ',', &part));
}

static void test_buf(void **state)
{
    struct buf b = {0};
    char *taken;

    (void)state;
    assert_str(buf_str(&b), "");
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "%d,", i);
    assert_int_equal(b.n, 3890);
    assert_int_equal(b.p[b.n], 0);
    buf_reset(&b);
    buf_add_i64(&b, INT64_MIN);
    buf_putc(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    taken = buf_take(&b);
    assert_string_equal(taken, "-9223372036854775808 18446744073709551615");
    assert_null(b.p);
    free(taken);
}

static void test_fault(void **state)
{
    char text[3 * sizeof(((struct fault *)0)->text)] = {0};
    struct fault f = {0};

    (void)state;
    assert_int_equal(fault_set(NULL, FER_EIO, 0, "nobody asks"), FER_EIO);
    assert_int_equal(fault_set(&f, FER_EINVAL, 7, "bad %s", "thing"), FER_EINVAL);
    assert_string_equal(f.text, "bad thing");
    assert_int_equal(f.at, 7);
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\u00e9", 2);
    fault_set(&f, FER_EINVAL, 0, "%s", text);
    assert_true(str_ends(str_of(f.text), "\u00e9..."));
    assert_true(utf8_valid(str_of(f.text)));
    fault_set(&f, FER_EINVAL, 0, "x%s", text);
    assert_true(str_ends(str_of(f.text), "\u00e9..."));
    assert_true(utf8_valid(str_of(f.text)));
    assert_string_equal(fer_strerror(0), "success");
    assert_string_equal(fer_strerror(FER_ENOENT), "not found");
    assert_string_equal(fer_strerror(-1000), "unknown error");
}

int main(void)
{
    static struct cases c;

    for (size_t i = 0; i < COUNT(escapes); i++)
        cases_add(&c, escapes[i].go, test_escape, &escapes[i]);
    cases_add(&c, "JSON commas stand where they belong", test_json_commas, NULL);
    cases_add(&c, "JSON members are a key and a value", test_json_members, NULL);
    CASES_ADD_TABLE(&c, utf8s, test_utf8, name);
    CASES_ADD_TABLE(&c, wholes, test_whole, text);
    cases_add(&c, "strings are compared and cut", test_str, NULL);
    cases_add(&c, "a buffer grows and gives its text away", test_buf, NULL);
    cases_add(&c, "a fault is cut at a whole character", test_fault, NULL);
    return CASES_RUN("base text", &c);
}
