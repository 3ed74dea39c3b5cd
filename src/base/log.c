/*
 * log.c - what is logged, and the one write(2) of a line.
 */
#include "ferula/base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "ferula/base/clock.h"
#include "log_line.h"

#define EXIT_FATAL 70 /* EX_SOFTWARE */

static _Atomic int least_level = LOG_LEVEL_INFO;
static _Atomic int line_format = LOG_FORMAT_LOGFMT;

void log_setup(enum log_level least, enum log_format format)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&line_format, (int)format);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_emit(enum log_level level, const char *file, int line, const char *msg,
              const struct log_field *fields)
{
    const struct base__log_line l = {
        .at = clock_now_ms(clock_system()),
        .level = level,
        .file = file,
        .line = line,
        .msg = msg,
        .fields = fields,
    };
    struct buf b = {0};
    int saved_errno = errno;

    if (!log_enabled(level))
        return;
    base__log_line_add(&b, (enum log_format)atomic_load(&line_format), &l);
    if (write(STDERR_FILENO, b.p, b.n) < 0) {
        /* There is nobody left to tell. */
    }
    buf_release(&b);
    errno = saved_errno;
}

void log_fatal(const char *msg)
{
    bool json = atomic_load(&line_format) == LOG_FORMAT_JSON;
    char line[256];
    int n =
        snprintf(line, sizeof(line),
                 json ? "{\"level\":\"ERROR\",\"msg\":\"%s\"}\n" : "level=ERROR msg=\"%s\"\n", msg);

    if (write(STDERR_FILENO, line, (size_t)n) < 0) {
        /* There is nobody left to tell. */
    }
    _exit(EXIT_FATAL);
}
