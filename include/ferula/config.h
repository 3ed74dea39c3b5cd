/*
 * config.h - command-line flags, a row each: parsing, environment, --help and docs come from rows.
 *
 * A flag is --name=value or --name value; a boolean is --name, --no-name or --name=true|false; a
 * word "--" ends the flags. --a.b-c may also be given as the environment variable FERULA_A_B_C (an
 * empty one counts as not set); the command line wins. A flag that is no list is given once. Not
 * thread-safe.
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
    CONFIG_ACTION,   /* bool *: --help and the like; command line only, what follows is not read */
    /*
     * Prometheus' flag that changes nothing here: accepted; the target, a bool *, becomes true for
     * the caller to log. A flag without `meta` takes no value (this one and the next).
     */
    CONFIG_IGNORED,
    /*
     * Prometheus' flag that someone relies on: FER_EUNSUP, `help` says why. Only `value`, the one
     * that is true of ferula anyway, may be given. Targets are not used.
     */
    CONFIG_REFUSED,
};

struct config_list {
    const char **v; /* heap; the strings are borrowed from argv or the environment */
    size_t n;
};

struct config_flag {
    const char *name; /* without dashes */
    enum config_kind kind;
    const char *value; /* default as text; NULL: none */
    const char *meta;  /* what --help shows for the value; NULL: by kind */
    const char *help;
    const char *choices;  /* "a|b|c" for CONFIG_CHOICE */
    uint64_t least, most; /* bounds of numbers, sizes and durations (ms); most 0: none */
    char shorthand;       /* 'h' for -h; 0: none */
};

/*
 * Sets targets[i] from flags[i]: default, then environment (when env), then argv. Words that are
 * not flags are collected in *words. FER_EINVAL: f->text is for stderr (it names the nearest flag
 * when one is unknown) and the program exits with 2. FER_EUNSUP: a CONFIG_REFUSED flag.
 */
int config_parse(const struct config_flag *flags, void *const *targets, size_t n, bool env,
                 int argc, char **argv, struct config_list *words, struct fault *f);

/* The flag's present value as text, for status/flags and logs. */
void config_print_value(struct buf *b, const struct config_flag *flag, const void *target);

/* The flag part of --help, laid out as Prometheus does; not the ignored and the refused ones. */
void config_print_help(struct buf *b, const struct config_flag *flags, size_t n);

/* docs/flags.md: tables of the flags, of the ignored and of the refused ones. */
void config_print_markdown(struct buf *b, const struct config_flag *flags, size_t n);

/* The name that `word` was probably meant to be; NULL when none is near. */
const char *config_nearest(const char *word, const char *const *names, size_t n);

void config_list_release(struct config_list *l);

#endif
