/*
 * guard.c - faults that a damaged file can cause under a running server.
 *
 * LMDB trusts its pages. What was damaged since the start, or passed the check of it, can make it
 * follow a wild pointer, write to the read-only map, or fail one of its assertions; a file that was
 * cut short raises SIGBUS. All of them end the process with one line that names the file: what is
 * on disk is as the last commit left it, and nothing wrong was answered. A thread notes that it is
 * inside the store, so that a fault elsewhere in the program keeps its meaning.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define EXIT_BAD_FILE 70 /* EX_SOFTWARE */

/* Room for the handler beyond what the machine's registers take. */
#define STACK_BYTES 8192

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE};
static struct sigaction before[COUNT(signals)];
static pthread_key_t stack_key;
static bool is_on;

/* The file of the store that was opened last; NULL: none is open. */
static _Atomic(const char *) newest_path;

/* Of this thread. */
static _Thread_local struct {
    const char *volatile path; /* of the store that it is inside of */
    volatile unsigned depth;
    bool has_stack;
} inside;

/* Async-signal-safe: one write, no stdio, no locks. */
_Noreturn static void end_process(const char *why)
{
    static const char head[] = "level=ERROR msg=\"", file[] = "\" file=\"", tail[] = "\"\n";
    const char *path = inside.depth > 0 ? inside.path : atomic_load(&newest_path);
    const char *parts[] = {head, why, file, path != NULL ? path : "", tail};
    struct iovec v[COUNT(parts)];
    ssize_t n;

    for (size_t i = 0; i < COUNT(parts); i++) {
        memcpy(&v[i].iov_base, &parts[i], sizeof(parts[i]));
        v[i].iov_len = strlen(parts[i]);
    }
    n = writev(STDERR_FILENO, v, COUNT(v));
    (void)n; /* nothing is left to do about it */
    _exit(EXIT_BAD_FILE);
}

/* A fault of a page that a file should have is the file's wherever it happens. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    bool is_fault = info->si_code > 0; /* not sent by somebody */

    (void)context;
    if (is_fault && sig == SIGBUS)
        end_process("the data file cannot be read: it was cut short or the disk failed");
    if (is_fault && inside.depth > 0)
        end_process("the data file is damaged: restore it from a copy, or move it away to start "
                    "empty");
    for (size_t i = 0; i < COUNT(signals); i++)
        if (signals[i] == sig)
            sigaction(sig, &before[i], NULL);
    if (!is_fault)
        raise(sig); /* taken when this handler returns; a fault happens again by itself */
}

void tsdb__guard_assert(MDB_env *env, const char *text)
{
    (void)env;
    (void)text; /* LMDB's source line: of no use to who runs the server */
    end_process("the data file is damaged: a page contradicts itself; restore it from a copy, or "
                "move it away to start empty");
}

static void free_stack(void *p)
{
    const stack_t none = {.ss_flags = SS_DISABLE};

    sigaltstack(&none, NULL);
    free(p);
}

/* A stack of the thread's own for the handler, should the fault be that its stack is full. */
static void make_stack(void)
{
    long least = sysconf(_SC_MINSIGSTKSZ);
    stack_t stack = {.ss_size = (size_t)MAX(least, 2048) + STACK_BYTES}, had;

    inside.has_stack = true;
    if (sigaltstack(NULL, &had) != 0 || (had.ss_flags & SS_DISABLE) == 0)
        return;
    stack.ss_sp = xmalloc(stack.ss_size);
    CHECK(pthread_setspecific(stack_key, stack.ss_sp) == 0);
    CHECK(sigaltstack(&stack, NULL) == 0);
}

void tsdb__guard_enter(const char *path)
{
    if (is_on && !inside.has_stack)
        make_stack();
    if (inside.depth == 0)
        inside.path = path;
    inside.depth = inside.depth + 1;
}

void tsdb__guard_leave(void)
{
    CHECK(inside.depth > 0);
    inside.depth = inside.depth - 1;
}

void tsdb__guard_open(const char *path)
{
    atomic_store(&newest_path, path);
}

void tsdb__guard_close(const char *path)
{
    (void)atomic_compare_exchange_strong(&newest_path, &path, NULL);
}

void tsdb_guard_signals(void)
{
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction ignored = {.sa_handler = SIG_IGN};

    if (is_on)
        return;
    CHECK(pthread_key_create(&stack_key, free_stack) == 0);
    is_on = true;
    for (size_t i = 0; i < COUNT(signals); i++)
        sigaction(signals[i], &fault, &before[i]);
    sigaction(SIGXFSZ, &ignored, NULL);
}
