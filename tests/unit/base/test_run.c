/*
 * test_run.c - what a running program needs: log lines, hashes, counters, clocks, threads.
 */
#include "cases.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferula/base/clock.h"
#include "ferula/base/hash.h"
#include "ferula/base/mem.h"
#include "ferula/base/pool.h"
#include "ferula/base/stats.h"

#include "crc.h"
#include "log_line.h"

/* LOG_S() for a table. */
#define TEXT(k, lit)                                                                               \
    {                                                                                              \
        .key = (k), .kind = LOG_KIND_STR, .s = STR_INIT(lit)                                       \
    }

#define HEAD "time=2026-01-02T03:04:05.678Z level=INFO source=serve.c:42 "
#define JSON_HEAD                                                                                  \
    "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"INFO\",\"source\":\"serve.c:42\","

static struct log_case {
    const char *name, *msg;
    struct log_field fields[3];
    const char *logfmt, *json;
} logs[] = {
    {"a sentence is quoted",
     "Server is ready",                                 {TEXT("addr", ":9090")},
     HEAD "msg=\"Server is ready\" addr=:9090\n",
     JSON_HEAD "\"msg\":\"Server is ready\",\"addr\":\":9090\"}\n"                                                                               },
    {"a word is not",                          "ready", {{0}},                               HEAD "msg=ready\n", JSON_HEAD "\"msg\":\"ready\"}\n"},
    {"numbers",
     "n",                                               {LOG_I("n", -3), LOG_F("x", 0.25)},
     HEAD "msg=n n=-3 x=0.25\n",
     JSON_HEAD "\"msg\":\"n\",\"n\":-3,\"x\":0.25}\n"                                                                                            },
    {"what is no JSON number",
     "n",                                               {LOG_F("x", INFINITY)},
     HEAD "msg=n x=+Inf\n",
     JSON_HEAD "\"msg\":\"n\",\"x\":\"+Inf\"}\n"                                                                                                 },
    {"empty, quotes, equals",
     "",                                                {TEXT("a", "\""), TEXT("b", "k=v")},
     HEAD "msg=\"\" a=\"\\\"\" b=\"k=v\"\n",
     JSON_HEAD "\"msg\":\"\",\"a\":\"\\\"\",\"b\":\"k=v\"}\n"                                                                                    },
    {"a line break stays within the line",
     "a\nb",                                            {TEXT("p", "c:\\x")},
     HEAD "msg=\"a\\nb\" p=c:\\x\n",
     JSON_HEAD "\"msg\":\"a\\nb\",\"p\":\"c:\\\\x\"}\n"                                                                                          },
    {"letters are not quoted, separators are",
     "\u00e9",                                          {TEXT("p", "\u2028")},
     HEAD "msg=\u00e9 p=\"\\u2028\"\n",
     JSON_HEAD "\"msg\":\"\u00e9\",\"p\":\"\u2028\"}\n"                                                                                          },
};

static void test_log(void **state)
{
    const struct log_case *c = *state;
    const struct base__log_line l = {.at = 1767323045678,
                                     .level = LOG_LEVEL_INFO,
                                     .file = "src/cli/serve.c",
                                     .line = 42,
                                     .msg = c->msg,
                                     .fields = c->fields};
    struct buf b = {0};

    base__log_line_add(&b, LOG_FORMAT_LOGFMT, &l);
    assert_str(buf_str(&b), c->logfmt);
    buf_reset(&b);
    base__log_line_add(&b, LOG_FORMAT_JSON, &l);
    assert_str(buf_str(&b), c->json);
    buf_release(&b);
}

static void test_log_level(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    assert_false(log_enabled(LOG_LEVEL_INFO));
    assert_true(log_enabled(LOG_LEVEL_WARN));
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
}

/* What a process without memory says, in `format`, before it ends with code 70. */
static void assert_last_words(enum log_format format, const char *want)
{
    char got[200] = "";
    int ends[2], status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        log_setup(LOG_LEVEL_INFO, format);
        free(xrealloc(NULL, SIZE_MAX, 2));
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
    assert_true(read(ends[0], got, sizeof(got) - 1) > 0);
    assert_string_equal(got, want);
    close(ends[0]);
}

static void test_no_memory(void **state)
{
    (void)state;
    assert_last_words(LOG_FORMAT_LOGFMT,
                      "level=ERROR msg=\"out of memory: 18446744073709551615 x 2 bytes\"\n");
    assert_last_words(
        LOG_FORMAT_JSON,
        "{\"level\":\"ERROR\",\"msg\":\"out of memory: 18446744073709551615 x 2 bytes\"}\n");
}

/* RFC 3720, B.4; "123456789" is the check value of the CRC catalogue. */
static struct crc_case {
    const char *name;
    unsigned char first;
    int step;
    size_t n;
    uint32_t want;
} crcs[] = {
    {"nothing",         0,    0,  0,  0         },
    {"the check value", '1',  1,  9,  0xe3069283},
    {"32 zeros",        0,    0,  32, 0x8a9136aa},
    {"32 ones",         0xff, 0,  32, 0x62a8ab43},
    {"32 ascending",    0,    1,  32, 0x46dd794e},
    {"32 descending",   31,   -1, 32, 0x113fdb5c},
};

static void test_crc(void **state)
{
    const struct crc_case *c = *state;
    unsigned char p[32];

    for (size_t i = 0; i < c->n; i++)
        p[i] = (unsigned char)(c->first + c->step * (int)i);
    assert_int_equal(hash_crc32c(0, p, c->n), c->want);
    assert_int_equal(base__crc32c_portable(0, p, c->n), c->want);
    for (size_t cut = 0; cut <= c->n; cut++)
        assert_int_equal(hash_crc32c(hash_crc32c(0, p, cut), p + cut, c->n - cut), c->want);
}

/* Long inputs are summed in several parts at once: the same sum as byte by byte. */
static void test_long_crc(void **state)
{
    static unsigned char p[6000];
    uint32_t v = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(p); i++)
        p[i] = (unsigned char)((v = v * 1664525u + 1013904223u) >> 24);
    for (size_t n = 0; n < sizeof(p) - 9; n += 37) {
        assert_int_equal(hash_crc32c(0, p + n % 9, n), base__crc32c_portable(0, p + n % 9, n));
        assert_int_equal(hash_crc32c(v, p, n), base__crc32c_portable(v, p, n));
    }
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(hash_stable64("", 0) == UINT64_C(0xef46db3751d8e999));
    assert_true(hash_stable64("abc", 3) == UINT64_C(0x44bc2cf5ad770999));
    assert_true(hash_keyed64("abc", 3) == hash_keyed64("abc", 3));
    assert_true(hash_keyed64("abc", 3) != hash_keyed64("abd", 3));
    assert_true(hash128_eq(hash_keyed128("abc", 3), hash_keyed128("abc", 3)));
    assert_false(hash128_eq(hash_keyed128("abc", 3), hash_keyed128("abd", 3)));
}

static void collect(struct buf *out, void *ctx)
{
    stats_head(out, ctx, "gauge", "Help.");
}

static void test_stats(void **state)
{
    char name[] = "of_a_collector";
    struct buf b = {0};

    (void)state;
    stats_add(STAT_QUERIES, 2);
    stats_set(STAT_SERIES, 10);
    stats_sub(STAT_SERIES, 3);
    assert_true(stats_get(STAT_SERIES) == 7);
    stats_register(collect, name);
    stats_render(&b);
    assert_non_null(strstr(b.p, "# HELP ferula_query_total Queries evaluated, instant and range.\n"
                                "# TYPE ferula_query_total counter\nferula_query_total 2\n"));
    assert_non_null(strstr(b.p, "# TYPE ferula_store_series gauge\nferula_store_series 7\n"));
    assert_true(
        str_ends(buf_str(&b), "# HELP of_a_collector Help.\n# TYPE of_a_collector gauge\n"));
    stats_unregister(name);
    buf_reset(&b);
    stats_render(&b);
    assert_null(strstr(b.p, "of_a_collector"));
    buf_release(&b);
}

static void test_clock(void **state)
{
    struct clock_manual m;
    int64_t before = clock_mono_ns(clock_system());

    (void)state;
    clock_manual_init(&m, 5000);
    clock_manual_advance(&m, 250);
    assert_int_equal(clock_now_ms(&m.base), 5250);
    assert_int_equal(clock_mono_ns(&m.base), 5250000000);
    clock_manual_set(&m, -1);
    assert_int_equal(clock_now_ms(&m.base), -1);
    assert_true(clock_mono_ns(clock_system()) >= before);
    assert_true(clock_now_ms(clock_system()) > 1700000000000);
}

struct gate_job {
    struct pool_job job;
    pthread_mutex_t *gate; /* held by the test until the job may end */
    _Atomic int *ran, *unblocked;
};

static void run_gated(struct pool_job *job)
{
    struct gate_job *g = (struct gate_job *)(void *)job;
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGINT))
        atomic_fetch_add(g->unblocked, 1);
    pthread_mutex_lock(g->gate);
    pthread_mutex_unlock(g->gate);
    atomic_fetch_add(g->ran, 1);
}

static void test_pool(void **state)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    _Atomic int ran = 0, unblocked = 0;
    struct gate_job jobs[16];
    struct pool *p = pool_new("a-long-name-of-a-pool", 2, 4);
    int taken = 0;

    (void)state;
    pthread_mutex_lock(&gate);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        jobs[i] = (struct gate_job){{.run = run_gated}, &gate, &ran, &unblocked};
        taken += pool_submit(p, &jobs[i].job);
    }
    /* Two may run, four may wait; which of the two had begun is up to the scheduler. */
    assert_in_range(taken, 4, 6);
    assert_in_range(pool_queued(p), 2, 4);
    pthread_mutex_unlock(&gate);
    pool_free(p);
    assert_int_equal(ran, taken);
    assert_int_equal(unblocked, 0);
    pool_free(NULL);
}

/* ---- shared loops */

#define SHARED_ITEMS 1000

struct shared {
    atomic_uint calls[SHARED_ITEMS];
    atomic_bool busy[4]; /* by worker: none is entered twice at once */
    atomic_bool wrong;
};

static void count_item(void *ctx, size_t worker, size_t i)
{
    struct shared *s = ctx;

    if (worker >= COUNT(s->busy) || atomic_exchange(&s->busy[worker], true))
        atomic_store(&s->wrong, true);
    atomic_fetch_add(&s->calls[i], 1);
    if (worker < COUNT(s->busy))
        atomic_store(&s->busy[worker], false);
}

static void share_once(struct pool *p, size_t helpers, size_t n)
{
    struct shared *s = xnew(struct shared);

    pool_share(p, helpers, n, count_item, s);
    assert_false(atomic_load(&s->wrong));
    for (size_t i = 0; i < SHARED_ITEMS; i++)
        assert_int_equal(atomic_load(&s->calls[i]), i < n);
    free(s);
}

static void test_share(void **state)
{
    struct pool *p = pool_new("helper", 3, 8);

    (void)state;
    for (size_t i = 0; i < 200; i++)
        share_once(p, 3, SHARED_ITEMS - i);
    share_once(p, 2, 3);
    share_once(p, 3, 0);
    share_once(p, 0, 10);
    share_once(NULL, 3, 10);
    pool_free(p);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, logs, test_log, name);
    cases_add(&c, "a level hides what is below it", test_log_level, NULL);
    cases_add(&c, "a process without memory ends with a line and code 70", test_no_memory, NULL);
    CASES_ADD_TABLE(&c, crcs, test_crc, name);
    cases_add(&c, "a sum of many bytes", test_long_crc, NULL);
    cases_add(&c, "hashes", test_hash, NULL);
    cases_add(&c, "counters and collectors are rendered", test_stats, NULL);
    cases_add(&c, "a clock set by hand", test_clock, NULL);
    cases_add(&c, "a pool refuses what it cannot hold and ends what it took", test_pool, NULL);
    cases_add(&c, "a shared loop calls each item once, whoever comes to help", test_share, NULL);
    return CASES_RUN("base run", &c);
}
