/*
 * main.c - promqltest: options and the summary.
 */
#include "runner.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct runner r = {0};

    if (argc > 1 && strcmp(argv[1], "--parse") == 0)
        return parse_mode();
    (void)r;
    return 0;
}
