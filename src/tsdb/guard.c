/*
 * guard.c - signals that a memory-mapped file can raise.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "ferula/tsdb.h"

#define EXIT_BAD_FILE 70 /* EX_SOFTWARE */

/* Async-signal-safe: one write, no stdio, no locks. */
static void on_sigbus(int sig)
{
    static const char text[] =
        "level=ERROR msg=\"the data file cannot be read: it was cut short or the disk failed\"\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)sig;
    (void)n; /* nothing is left to do about it */
    _exit(EXIT_BAD_FILE);
}

void tsdb_guard_signals(void)
{
    struct sigaction bus = {.sa_handler = on_sigbus}, none = {.sa_handler = SIG_IGN};

    sigaction(SIGBUS, &bus, NULL);
    sigaction(SIGXFSZ, &none, NULL);
}
