/*
 * test_guard.c - a file that is damaged while it is open: one line that names it and exit code 70,
 * or a clear error; and faults that are not the file's keep their meaning.
 */
#include "cases.h"
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store.h"

#define PAGE      4096
#define EXIT_GOOD 0
#define EXIT_ERR  1 /* a clear error */
#define EXIT_FILE 70
#define SIGNALLED (-1)
#define N_SERIES  1500

enum { BRANCH = 1, LEAF = 2 };

/* The head of a page, as lmdb_format.h has it. */
struct head {
    uint64_t number;
    uint16_t pad, flags, lower, upper;
};

/* ---- damage: each gets every page of the file ------------------------------------------- */

/* LMDB takes the page for a copy of its own, and writes to it. */
static void seem_dirty(uint8_t *page, struct head *h)
{
    (void)page;
    if (h->flags == LEAF || h->flags == BRANCH)
        h->flags |= 16;
}

static void lose_children(uint8_t *page, struct head *h)
{
    (void)page;
    if (h->flags == BRANCH)
        h->lower = sizeof(*h) + 2;
}

/* All children are a page that the file does not have. */
static void point_outside(uint8_t *page, struct head *h)
{
    for (size_t i = 0; h->flags == BRANCH && i < (h->lower - sizeof(*h)) / 2; i++) {
        uint16_t at;

        memcpy(&at, page + sizeof(*h) + 2 * i, sizeof(at));
        memset(page + at, 0x7f, 4);
    }
}

/* Branches that name themselves: a way down without an end. */
static void point_to_itself(uint8_t *page, struct head *h)
{
    for (size_t i = 0; h->flags == BRANCH && i < (h->lower - sizeof(*h)) / 2; i++) {
        uint16_t at;

        memcpy(&at, page + sizeof(*h) + 2 * i, sizeof(at));
        memcpy(page + at, &h->number, 4);
    }
}

static void damage_file(const char *path, void (*damage)(uint8_t *page, struct head *h))
{
    uint8_t page[PAGE];
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    for (off_t at = 2 * PAGE; pread(fd, page, PAGE, at) == PAGE; at += PAGE) {
        struct head h;

        memcpy(&h, page, sizeof(h));
        damage(page, &h);
        memcpy(page, &h, sizeof(h));
        assert_int_equal(pwrite(fd, page, PAGE, at), PAGE);
    }
    close(fd);
}

/* ---- children --------------------------------------------------------------------------- */

static struct fixture the_fixture, *fx = &the_fixture; /* static: children end by _exit() */

static int read_all(void)
{
    struct source *src = tsdb_source(fx->db);
    struct source_selection *sel = NULL;
    struct fault f = {0};
    struct matcher m;

    assert_int_equal(matcher_init(&m, &fx->arena, MATCH_RE, STR("i"), STR(".*7"), &f), 0);
    return src->ops->select(src, &fx->arena, &m, 1, (struct source_range){0, INT64_MAX}, &sel,
                            &f) == FER_ECORRUPT
               ? EXIT_ERR
               : EXIT_GOOD;
}

static int write_one(void)
{
    struct sample s = {T0 + 5, 1};
    struct tsdb_write w;

    return fx_write(fx, "__name__=new", &s, 1, &w) == 0 ? EXIT_GOOD : EXIT_ERR;
}

static int write_to_dirty_pages(void)
{
    damage_file(fx->db->path, seem_dirty);
    return write_one();
}

static int read_lost_children(void)
{
    damage_file(fx->db->path, lose_children);
    return read_all();
}

static int write_lost_children(void)
{
    damage_file(fx->db->path, lose_children);
    return write_one();
}

static int read_outside(void)
{
    damage_file(fx->db->path, point_outside);
    return read_all();
}

static int read_loop(void)
{
    damage_file(fx->db->path, point_to_itself);
    return read_all();
}

static int read_cut(void)
{
    assert_int_equal(truncate(fx->db->path, 0), 0);
    return read_all();
}

static int write_cut(void)
{
    assert_int_equal(truncate(fx->db->path, 0), 0);
    return write_one();
}

static int fault(void)
{
    volatile char *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page[1];
}

static int fault_inside(void)
{
    tsdb__guard_enter(fx->db->path);
    return fault();
}

static int fault_after(void)
{
    tsdb__guard_enter(fx->db->path);
    tsdb__guard_leave();
    return fault();
}

static int divide_inside(void)
{
    siginfo_t info = {.si_signo = SIGFPE, .si_code = FPE_INTDIV};

    tsdb__guard_enter(fx->db->path);
    syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGFPE, &info);
    return EXIT_GOOD;
}

/* What somebody sent is no fault. */
static int be_killed_inside(void)
{
    tsdb__guard_enter(fx->db->path);
    raise(SIGSEGV);
    return EXIT_GOOD;
}

static int be_killed(void)
{
    raise(SIGBUS);
    return EXIT_GOOD;
}

/* Goes on until the stack is full; the compiler must not see that it never ends. */
static int fill_stack(volatile char *above)
{
    volatile char here[PAGE];

    here[0] = above[0];
    return here[0] != 0 ? 0 : fill_stack(here) + here[0];
}

static int fill_stack_inside(void)
{
    volatile char here[2] = {0};

    tsdb__guard_enter(fx->db->path);
    return fill_stack(here);
}

static const struct guard_case {
    const char *name;
    int (*run)(void);
    int want;
    const char *text;
} cases[] = {
    {"a leaf that seems dirty is written to", write_to_dirty_pages, EXIT_FILE, "is damaged"      },
    {"a branch that lost its children",       read_lost_children,   EXIT_FILE, "contradicts"     },
    {"the same, met by a write",              write_lost_children,  EXIT_FILE, "contradicts"     },
    {"pages outside the file",                read_outside,         EXIT_ERR,  NULL              },
    {"a branch that is its own child",        read_loop,            EXIT_ERR,  NULL              },
    {"a file cut under a read",               read_cut,             EXIT_FILE, "it was cut short"},
    {"a file cut under a write",              write_cut,            EXIT_FILE, "it was cut short"},
    {"a fault inside the store",              fault_inside,         EXIT_FILE, "is damaged"      },
    {"a fault after that",                    fault_after,          SIGNALLED, NULL              },
    {"a fault elsewhere",                     fault,                SIGNALLED, NULL              },
    {"a division inside the store",           divide_inside,        EXIT_FILE, "is damaged"      },
    {"a full stack inside the store",         fill_stack_inside,    EXIT_FILE, "is damaged"      },
    {"a signal that was sent",                be_killed,            SIGNALLED, NULL              },
    {"a signal that was sent meanwhile",      be_killed_inside,     SIGNALLED, NULL              },
};

static void make_series(void)
{
    struct sample s = {T0, 1};
    struct tsdb_new_series *ns = arena_array(&fx->arena, struct tsdb_new_series, N_SERIES);
    struct tsdb_row *rows = arena_array(&fx->arena, struct tsdb_row, N_SERIES);
    struct tsdb_write w = {.arena = &fx->arena,
                           .rows = rows,
                           .n_rows = N_SERIES,
                           .samples = &s,
                           .n_samples = 1,
                           .series = ns,
                           .n_series = N_SERIES};

    for (uint32_t i = 0; i < N_SERIES; i++) {
        struct str text = arena_printf(&fx->arena, "__name__=m,i=%u", i);

        rows[i] = (struct tsdb_row){.new_series = i, .n = 1};
        ns[i].labels = fx_labels(&fx->arena, text.p);
        ns[i].raw = fx_raw(text.p);
    }
    assert_int_equal(tsdb_write_sync(fx->db, &w), 0);
    tsdb_settle(fx->db);
}

static void in_child(const struct guard_case *c, int said)
{
    dup2(said, STDERR_FILENO);
    fx_guard_child();
    fx_open(fx);
    make_series();
    _exit(c->run());
}

static void test_guard(void **state)
{
    const struct guard_case *c = *state;
    char text[2048];
    int said[2], status;
    ssize_t n, all = 0;
    pid_t pid;

    fx_init(fx);
    assert_int_equal(pipe(said), 0);
    pid = fork();
    if (pid == 0)
        in_child(c, said[1]);
    close(said[1]);
    while ((n = read(said[0], text + all, sizeof(text) - 1 - (size_t)all)) > 0)
        all += n;
    text[all] = '\0';
    close(said[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fx_remove(fx->dir);
    if (c->want == SIGNALLED) {
        assert_true(WIFSIGNALED(status));
        assert_int_not_equal(WTERMSIG(status), SIGALRM);
        return;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), c->want);
    if (c->text == NULL)
        return;
    assert_ptr_equal(strstr(text, "level=ERROR msg=\""), text);
    assert_non_null(strstr(text, c->text));
    assert_non_null(strstr(text, "/ferula.mdb\"\n"));
    assert_ptr_equal(strchr(text, '\n'), text + all - 1);
}

int main(void)
{
    static struct cases c;

    CASES_ADD_TABLE(&c, cases, test_guard, name);
    return CASES_RUN("tsdb guard", &c);
}
