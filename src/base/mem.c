/*
 * mem.c - malloc that never gives NULL.
 */
#include "ferula/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/base/log.h"
#include "mem_shim.h"

__attribute__((noreturn)) static void out_of_memory(size_t n, size_t size)
{
    char text[80];

    snprintf(text, sizeof(text), "out of memory: %zu x %zu bytes", n, size);
    log_fatal(text);
}

__attribute__((noreturn)) static void new_failed(void)
{
    log_fatal("out of memory");
}

/*
 * The C++ libraries end the process as we do. Their exception could not be relied on: throwing it
 * takes memory, and who catches it far away cannot tell it from a pattern that is too large.
 */
__attribute__((constructor)) static void set_new_handler(void)
{
    base__on_new_failed(new_failed);
}

void *xmalloc(size_t size)
{
    void *p = malloc(size == 0 ? 1 : size);

    if (p == NULL)
        out_of_memory(1, size);
    return p;
}

void *xcalloc(size_t n, size_t size)
{
    void *p = n == 0 || size == 0 ? calloc(1, 1) : calloc(n, size);

    if (p == NULL)
        out_of_memory(n, size);
    return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
    void *grown = NULL;
    size_t bytes;

    if (!__builtin_mul_overflow(n, size, &bytes))
        grown = realloc(p, bytes == 0 ? 1 : bytes);
    if (grown == NULL)
        out_of_memory(n, size);
    return grown;
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = xmalloc(len + 1);

    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}
