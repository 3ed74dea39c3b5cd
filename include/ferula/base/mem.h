/*
 * mem.h - heap memory that is never NULL: the process ends when malloc fails, with a line of log
 * and exit code 70, and starts again with all that was acknowledged.
 *
 * The same holds for `new` in the C++ libraries. What a client may ask for is limited where the
 * size is known, and reported as FER_ELIMIT there.
 */
#ifndef FERULA_BASE_MEM_H
#define FERULA_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);           /* zeroed; n * size is checked */
void *xrealloc(void *p, size_t n, size_t size); /* n * size is checked */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))

#endif
