/*
 * inject.h - libinject.so: lets the n-th call of a kind fail, as a disk or a full memory would.
 *
 * File calls count when they concern the armed folder or what is in it. A program is linked with
 * the library and arms it, or it is preloaded and INJECT in the environment arms it at start:
 *
 *     INJECT=<call>:<error>:<n>:<times>   as `malloc:ENOMEM:17:1`; see inject_parse()
 *     INJECT_DIR=<folder>                 whose file calls count
 *     INJECT_REPORT=<file>                is made when a call was made to fail
 */
#ifndef TEST_INJECT_H
#define TEST_INJECT_H

#include <stdbool.h>
#include <stdint.h>

enum inject_call {
    INJECT_NONE,
    INJECT_PWRITE,
    INJECT_WRITEV, /* and pwritev */
    INJECT_META,   /* a write through a descriptor that was opened with O_DSYNC */
    INJECT_FDATASYNC,
    INJECT_FSYNC,
    INJECT_OPEN,
    INJECT_FTRUNCATE,
    INJECT_RENAME,
    INJECT_MMAP,
    INJECT_FLOCK,
    INJECT_PREAD,
    INJECT_MALLOC, /* and calloc and realloc, of the whole process */
    N_INJECT_CALLS
};

#define INJECT_SHORT   0          /* as an error: half of the bytes are written */
#define INJECT_FOREVER UINT32_MAX /* as `times`: every call from the n-th on */

struct inject_plan {
    enum inject_call call;
    int error;      /* an errno, or INJECT_SHORT */
    uint32_t n;     /* from 1 */
    uint32_t times; /* calls that fail from the n-th on */
};

/* False when the text is not of the form above. Calls and errors have the names of inject.c. */
bool inject_parse(const char *text, struct inject_plan *out);

void inject_arm(const struct inject_plan *plan, const char *dir); /* dir is copied */
void inject_disarm(void);

/* Calls that were made to fail since inject_arm(). */
uint32_t inject_fired(void);

#endif
