/*
 * cli.h - the subcommands of the program; the only place where all parts meet.
 */
#ifndef FERULA_CLI_H
#define FERULA_CLI_H

/*
 * Runs one subcommand to its end. Exit codes: 0 done, 1 it failed, 2 wrong usage or configuration,
 * 3 lint has findings, 4 the server could not be reached, 70 the store failed while serving, 130
 * interrupted twice.
 */
int cli_main(int argc, char **argv);

#endif
