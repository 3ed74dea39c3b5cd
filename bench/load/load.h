/*
 * load.h - the modes of bench-load. Each parses its own flags and gives the exit code: 0 when
 * everything was acknowledged or answered, 1 when not, 2 for a mistake in the flags.
 */
#ifndef BENCH_LOAD_LOAD_H
#define BENCH_LOAD_LOAD_H

#include "ferula/config.h"

int load_write(int argc, char **argv);
int load_query(int argc, char **argv);

/*
 * Sets *targets from flags and argv, and *url from the one word that is no flag. False when the
 * mode has nothing more to do: help was printed (*exit_code 0) or a flag is wrong (2).
 * flags[0] is "help".
 */
bool load_parse(const char *usage, const struct config_flag *flags, void *const *targets, size_t n,
                int argc, char **argv, const char **url, int *exit_code);

#endif
