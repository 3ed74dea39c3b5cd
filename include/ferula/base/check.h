/*
 * check.h - promises between our own functions, checked in every build.
 *
 * A broken CHECK is a bug in ferula: it prints where and why, and aborts. What comes from outside
 * (a file, a client, an option) is never CHECKed; it is answered with an error of err.h.
 */
#ifndef FERULA_BASE_CHECK_H
#define FERULA_BASE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))

/* In place of a return where only a bug can lead; `what`, a literal, says what came. */
#define CHECK_UNREACHABLE(what) check_failed(__FILE__, __LINE__, "unreachable: " what)

/* Objects that travel through a void * start with `uint32_t magic`, and are checked on arrival. */
#define CHECK_MAGIC(obj, want) CHECK((obj) != NULL && (obj)->magic == (want))

__attribute__((noreturn)) void check_failed(const char *file, int line, const char *what);

#endif
