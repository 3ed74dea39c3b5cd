/*
 * test_parse.c - command lines and what they set; each case is a row.
 */
#include "cases.h"

#include <stdlib.h>

#include "ferula/base/clock.h"
#include "ferula/config.h"

static struct values {
    bool help, receiver, ignored, ignored_switch;
    const char *path, *level;
    dur_ms timeout;
    size_t count, bytes;
    struct config_list features;
} got;

// clang-format off
static const struct config_flag flags[] = {
    {.name = "help", .kind = CONFIG_ACTION, .help = "Help.", .shorthand = 'h'},
    {.name = "web.enable-receiver", .kind = CONFIG_BOOL, .value = "true", .help = "Receive."},
    {.name = "storage.tsdb.path", .kind = CONFIG_TEXT, .value = "data/", .help = "Folder."},
    {.name = "log.level", .kind = CONFIG_CHOICE, .value = "info", .choices = "debug|info|warn",
     .help = "Least level.", .shorthand = 'l'},
    {.name = "query.timeout", .kind = CONFIG_DURATION, .value = "2m", .least = 1,
     .help = "Time of a query."},
    {.name = "web.max-connections", .kind = CONFIG_COUNT, .value = "512", .least = 1, .most = 65536,
     .help = "Connections."},
    {.name = "ingest.max-bytes", .kind = CONFIG_SIZE, .value = "32MB", .least = 1024,
     .help = "Bytes."},
    {.name = "enable-feature", .kind = CONFIG_LIST, .help = "Features."},
    {.name = "web.page-title", .kind = CONFIG_IGNORED, .meta = "TEXT", .help = "no page"},
    {.name = "no-lock", .kind = CONFIG_IGNORED, .help = "no lock"},
    {.name = "config.file", .kind = CONFIG_REFUSED, .meta = "<path>",
     .help = "it scrapes nothing."},
    {.name = "web.enable-admin-api", .kind = CONFIG_REFUSED, .value = "false", .help = "none yet."},
};
// clang-format on

static void *const targets[COUNT(flags)] = {
    &got.help,  &got.receiver, &got.path,    &got.level,          &got.timeout, &got.count,
    &got.bytes, &got.features, &got.ignored, &got.ignored_switch, NULL,         NULL,
};

#define DEFAULTS                                                                                   \
    .receiver = true, .path = "data/", .level = "info", .timeout = 120000, .count = 512,           \
    .bytes = 32u << 20

/* A row names what differs from DEFAULTS: overriding is meant. */
#pragma GCC diagnostic ignored "-Woverride-init"
// clang-format off
static const struct parse_case {
    const char *name;   /* a sentence that is true when the test passes */
    const char *argv[6];
    const char *env[2]; /* a variable and its value */
    const char *error;  /* NULL: it parses, and `want` is what it sets */
    int code;
    struct values want; /* features.n says how many */
    size_t n_words;
} cases[] = {
    {.name = "no flag: defaults", .want = {DEFAULTS}},
    {.name = "--a=v and --a v",
     .argv = {"--storage.tsdb.path=/x", "--web.max-connections", "7"},
     .want = {DEFAULTS, .path = "/x", .count = 7}},
    {.name = "the value may be empty, and hold =",
     .argv = {"--storage.tsdb.path=a=b"},
     .want = {DEFAULTS, .path = "a=b"}},
    {.name = "--no- turns a boolean off",
     .argv = {"--no-web.enable-receiver"},
     .want = {DEFAULTS, .receiver = false}},
    {.name = "--flag=false turns it off too",
     .argv = {"--web.enable-receiver=false"},
     .want = {DEFAULTS, .receiver = false}},
    {.name = "words are collected, -- ends flags, - is a word",
     .argv = {"up", "-", "--", "--storage.tsdb.path=/x"},
     .want = {DEFAULTS},
     .n_words = 3},
    {.name = "durations and sizes have units",
     .argv = {"--query.timeout=1h30m", "--ingest.max-bytes=1.5GB"},
     .want = {DEFAULTS, .timeout = 5400000, .bytes = 1610612736}},
    {.name = "a number may be 1e3 as for Prometheus",
     .argv = {"--web.max-connections=1e3"},
     .want = {DEFAULTS, .count = 1000}},
    {.name = "a list may be repeated",
     .argv = {"--enable-feature=a", "--enable-feature", "b"},
     .want = {DEFAULTS, .features = {.n = 2}}},
    {.name = "a short flag takes its value joined or apart",
     .argv = {"-ldebug"},
     .want = {DEFAULTS, .level = "debug"}},
    {.name = "the environment is read",
     .env = {"FERULA_WEB_MAX_CONNECTIONS", "9"},
     .want = {DEFAULTS, .count = 9}},
    {.name = "an empty variable counts as not set",
     .env = {"FERULA_WEB_MAX_CONNECTIONS", ""},
     .want = {DEFAULTS}},
    {.name = "the command line wins over the environment",
     .argv = {"--web.max-connections=5"},
     .env = {"FERULA_WEB_MAX_CONNECTIONS", "9"},
     .want = {DEFAULTS, .count = 5}},
    {.name = "the command line replaces a list of the environment",
     .argv = {"--enable-feature=a"},
     .env = {"FERULA_ENABLE_FEATURE", "x,y"},
     .want = {DEFAULTS, .features = {.n = 1}}},
    {.name = "actions have no variable",
     .env = {"FERULA_HELP", "yes please"},
     .want = {DEFAULTS}},
    {.name = "after an action nothing is read",
     .argv = {"-h", "--bogus"},
     .want = {DEFAULTS, .help = true}},
    {.name = "an ignored flag is noted",
     .argv = {"--web.page-title", "x", "--no-lock"},
     .want = {DEFAULTS, .ignored = true, .ignored_switch = true}},
    {.name = "a refused flag may ask for what is so anyway",
     .argv = {"--no-web.enable-admin-api"},
     .want = {DEFAULTS}},

    {.name = "a refused flag says why",
     .argv = {"--config.file=x"},
     .code = FER_EUNSUP,
     .error = "flag '--config.file' is not supported: it scrapes nothing."},
    {.name = "a refused switch says why",
     .argv = {"--web.enable-admin-api"},
     .code = FER_EUNSUP,
     .error = "flag '--web.enable-admin-api' is not supported: none yet."},
    {.name = "a refused flag in the environment is refused",
     .env = {"FERULA_CONFIG_FILE", "x"},
     .code = FER_EUNSUP,
     .error = "environment variable FERULA_CONFIG_FILE: flag '--config.file' is not supported: it "
              "scrapes nothing."},
    {.name = "an unknown flag names the nearest",
     .argv = {"--web.max-conections=1"},
     .code = FER_EINVAL,
     .error = "unknown long flag '--web.max-conections', did you mean '--web.max-connections'?"},
    {.name = "two letters swapped are near",
     .argv = {"--enalbe-feature=x"},
     .code = FER_EINVAL,
     .error = "unknown long flag '--enalbe-feature', did you mean '--enable-feature'?"},
    {.name = "the last part of a name is near",
     .argv = {"--timeout=1s"},
     .code = FER_EINVAL,
     .error = "unknown long flag '--timeout', did you mean '--query.timeout'?"},
    {.name = "nothing near: no guess",
     .argv = {"--zzzzzzzz"},
     .code = FER_EINVAL,
     .error = "unknown long flag '--zzzzzzzz'"},
    {.name = "--no- is for booleans",
     .argv = {"--no-log.level"},
     .code = FER_EINVAL,
     .error = "unknown long flag '--no-log.level', did you mean '--log.level'?"},
    {.name = "unknown short flag",
     .argv = {"-x"},
     .code = FER_EINVAL,
     .error = "unknown short flag '-x'"},
    {.name = "a value is missing",
     .argv = {"--log.level"},
     .code = FER_EINVAL,
     .error = "expected argument for flag '--log.level'"},
    {.name = "a flag is no value",
     .argv = {"--log.level", "--help"},
     .code = FER_EINVAL,
     .error = "expected argument for flag '--log.level'"},
    {.name = "given twice",
     .argv = {"--log.level=info", "--log.level=warn"},
     .code = FER_EINVAL,
     .error = "flag '--log.level' cannot be repeated"},
    {.name = "not a duration",
     .argv = {"--query.timeout=5"},
     .code = FER_EINVAL,
     .error = "invalid value \"5\" for flag '--query.timeout': expected a duration such as 30s, 5m "
              "or 1h30m"},
    {.name = "a duration out of bounds",
     .argv = {"--query.timeout=0s"},
     .code = FER_EINVAL,
     .error = "invalid value \"0s\" for flag '--query.timeout': expected at least 1ms"},
    {.name = "not a number",
     .argv = {"--web.max-connections=ten"},
     .code = FER_EINVAL,
     .error = "invalid value \"ten\" for flag '--web.max-connections': expected a whole number"},
    {.name = "not a whole number",
     .argv = {"--web.max-connections=1.5"},
     .code = FER_EINVAL,
     .error = "invalid value \"1.5\" for flag '--web.max-connections': expected a whole number"},
    {.name = "not a number at all",
     .argv = {"--web.max-connections=nan"},
     .code = FER_EINVAL,
     .error = "invalid value \"nan\" for flag '--web.max-connections': expected a whole number"},
    {.name = "a number out of bounds",
     .argv = {"--web.max-connections=0"},
     .code = FER_EINVAL,
     .error = "invalid value \"0\" for flag '--web.max-connections': expected from 1 to 65536"},
    {.name = "not a size",
     .argv = {"--ingest.max-bytes=1XB"},
     .code = FER_EINVAL,
     .error = "invalid value \"1XB\" for flag '--ingest.max-bytes': expected a size such as 512KB, "
              "32MB or 1GB"},
    {.name = "a size out of bounds",
     .argv = {"--ingest.max-bytes=1"},
     .code = FER_EINVAL,
     .error = "invalid value \"1\" for flag '--ingest.max-bytes': expected at least 1KB"},
    {.name = "not a choice",
     .argv = {"-l", "loud"},
     .code = FER_EINVAL,
     .error = "invalid value \"loud\" for flag '--log.level': expected one of debug, info, warn"},
    {.name = "not a boolean",
     .argv = {"--web.enable-receiver=maybe"},
     .code = FER_EINVAL,
     .error = "invalid value \"maybe\" for flag '--web.enable-receiver': expected true or false"},
};
// clang-format on

static int parse(const struct parse_case *c, struct config_list *words, struct fault *f)
{
    char *argv[COUNT(c->argv)];
    int argc = 0, rc;

    for (; argc < (int)COUNT(c->argv) && c->argv[argc] != NULL; argc++)
        argv[argc] = strdup(c->argv[argc]);
    if (c->env[0] != NULL)
        setenv(c->env[0], c->env[1], 1);
    rc = config_parse(flags, targets, COUNT(flags), true, argc, argv, words, f);
    if (c->env[0] != NULL)
        unsetenv(c->env[0]);
    if (rc == 0) { /* compared while argv lives */
        assert_string_equal(got.path, c->want.path);
        assert_string_equal(got.level, c->want.level);
    }
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return rc;
}

static void test_parse(void **state)
{
    const struct parse_case *c = *state;
    struct config_list words = {0};
    struct fault f = {0};
    int rc;

    got = (struct values){0};
    rc = parse(c, &words, &f);
    assert_int_equal(rc, c->code);
    if (c->error != NULL) {
        assert_string_equal(f.text, c->error);
    } else {
        assert_int_equal(got.help, c->want.help);
        assert_int_equal(got.receiver, c->want.receiver);
        assert_int_equal(got.ignored, c->want.ignored);
        assert_int_equal(got.ignored_switch, c->want.ignored_switch);
        assert_int_equal(got.timeout, c->want.timeout);
        assert_int_equal(got.count, c->want.count);
        assert_int_equal(got.bytes, c->want.bytes);
        assert_int_equal(got.features.n, c->want.features.n);
        assert_int_equal(words.n, c->n_words);
    }
    config_list_release(&words);
    config_list_release(&got.features);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_parse, name);
    return CASES_RUN("config parse", &c);
}
