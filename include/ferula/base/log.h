/*
 * log.h - one line an event on stderr, as logfmt or JSON, with Prometheus' field order:
 *
 *     time=2026-01-02T03:04:05.678Z level=INFO source=serve.c:42 msg="Server is ready" addr=:9090
 *
 * Any thread may log; a line is one write(2).
 *
 *     LOG_WARN("sample refused", LOG_S("series", name), LOG_I("n", count));
 */
#ifndef FERULA_BASE_LOG_H
#define FERULA_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_FLOAT } kind;
    struct str s;
    int64_t i;
    double f;
};

void log_setup(enum log_level least, enum log_format format);
bool log_enabled(enum log_level level);
void log_emit(enum log_level level, const char *file, int line, const char *msg,
              const struct log_field *fields);

/*
 * Ends the process at once with a line at level ERROR and exit code 70: for what is no bug, and
 * cannot be gone on from, as when there is no memory. `msg` is plain text without quotes; nothing
 * is allocated, and the line has no time.
 */
__attribute__((noreturn)) void log_fatal(const char *msg);

#define LOG_S(k, cstr)                                                                             \
    {                                                                                              \
        .key = (k), .kind = LOG_KIND_STR, .s = str_of(cstr)                                        \
    }
#define LOG_STR(k, v)                                                                              \
    {                                                                                              \
        .key = (k), .kind = LOG_KIND_STR, .s = (v)                                                 \
    }
#define LOG_I(k, v)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LOG_KIND_INT, .i = (int64_t)(v)                                        \
    }
#define LOG_F(k, v)                                                                                \
    {                                                                                              \
        .key = (k), .kind = LOG_KIND_FLOAT, .f = (v)                                               \
    }

#define LOG_AT(level, msg, ...)                                                                    \
    (log_enabled(level) ? log_emit((level), __FILE__, __LINE__, (msg),                             \
                                   (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})      \
                        : (void)0)
#define LOG_DEBUG(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define LOG_INFO(...)  LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define LOG_WARN(...)  LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define LOG_ERROR(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
