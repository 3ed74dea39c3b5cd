/*
 * main.c - hands the command line to the cli module.
 */
#include "ferula/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
