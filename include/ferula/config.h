/*
 * config.h - command-line flags, a row each: parsing, environment, --help and docs come from rows.
 *
 * A flag is --name=value or --name value; a boolean is --name or --no-name. --a.b-c may also be given
 * as the environment variable FERULA_A_B_C; the command line wins. Not thread-safe.
 */
#ifndef FERULA_CONFIG_H
#define FERULA_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/buf.h"
#include "ferula/base/err.h"

enum config_kind {
    CONFIG_BOOL,     /* bool * */
    CONFIG_TEXT,     /* const char ** */
    CONFIG_DURATION, /* dur_ms *: 5m, 1h30m */
    CONFIG_COUNT,    /* size_t *: a decimal number */
    CONFIG_SIZE,     /* size_t *: bytes, with B KB MB GB TB (base 2) */
    CONFIG_CHOICE,   /* const char **: one of `choices` */
    CONFIG_LIST,     /* struct config_list *: may be repeated */
    CONFIG_IGNORED,  /* Prometheus' flag that changes nothing here: accepted with a log line */
    CONFIG_REFUSED,  /* Prometheus' flag that someone relies on: exit 2, `help` says why */
};

struct config_list {
    const char **v; /* heap; the strings are borrowed from argv or the environment */
    size_t n;
};

struct config_flag {
    const char *name; /* without dashes */
    enum config_kind kind;
    const char *value;  /* default as text; NULL: none */
    const char *meta;   /* what --help shows for the value; NULL: by kind */
    const char *help;
    const char *choices; /* "a|b|c" for CONFIG_CHOICE */
    uint64_t least, most; /* bounds of numbers and durations (ms); most 0: none */
    char shorthand;      /* 'h' for -h; 0: none */
};

/*
 * Sets targets[i] from flags[i]: default, then environment (when env), then argv. Words that are not
 * flags are collected in *words. FER_EINVAL: f->text is for stderr (it names the nearest flag when
 * one is unknown) and the program exits with 2. FER_EUNSUP: a CONFIG_REFUSED flag.
 */
int config_parse(const struct config_flag *flags, void *const *targets, size_t n, bool env,
                 int argc, char **argv, struct config_list *words, struct fault *f);

/* The flag's present value as text, for status/flags and logs. */
void config_print_value(struct buf *b, const struct config_flag *flag, const void *target);

/* The flag part of --help, as Prometheus prints it. */
void config_print_help(struct buf *b, const struct config_flag *flags, size_t n);

void config_list_release(struct config_list *l);

#endif
