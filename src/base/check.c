/*
 * check.c - what a broken promise does.
 */
#include "ferula/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "ferula: bug: %s:%d: CHECK(%s) failed\n", file, line, what);
    abort();
}
