/*
 * cli_priv.h - what the subcommands share: the row that describes one, and reading its words.
 */
#ifndef FERULA_CLI_PRIV_H
#define FERULA_CLI_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/buf.h"
#include "ferula/config.h"

/* Given by the Makefile; a tool that only checks syntax does without. */
#ifndef FERULA_VERSION
#define FERULA_VERSION  "unknown"
#define FERULA_REVISION "unknown"
#endif

enum cli__exit {
    CLI__OK = 0,
    CLI__FAILED = 1,
    CLI__USAGE = 2,
    CLI__FINDINGS = 3,
    CLI__UNREACHABLE = 4,
    CLI__STORE_FAILED = 70,
    CLI__INTERRUPTED = 130,
};

struct cli__command {
    const char *name;     /* one word or two: "push", "query range" */
    const char *args;     /* for the usage line: "URL EXPR" */
    const char *summary;  /* one sentence */
    const char *notes;    /* more on the flags; ends in a newline; NULL: nothing */
    const char *examples; /* two, with what they do; each line ends in a newline */
    const struct config_flag *flags;
    size_t n_flags;
    int (*run)(const struct cli__command *cmd, int argc, char **argv); /* words after the name */
};

#define C(name) extern const struct cli__command cli__##name;
#include "commands.tbl.h"
#undef C

/*
 * Reads a command's flags and words. True: go on; false: *exit_code is the answer (help was
 * printed, or the fault of the user was). `words` is the caller's to release in both cases.
 */
struct cli__words {
    struct config_list list;
    size_t least, most;
};

bool cli__parse(const struct cli__command *cmd, void *const *targets, bool env, int argc,
                char **argv, struct cli__words *words, int *exit_code);

/* "ferula push: text" and where help is, on stderr. Returns CLI__USAGE. */
__attribute__((format(printf, 2, 3))) int cli__usage_error(const struct cli__command *cmd,
                                                           const char *fmt, ...);

/* The flag that every command has. */
#define CLI__F_HELP                                                                                \
    {                                                                                              \
        .name = "help", .kind = CONFIG_ACTION, .shorthand = 'h', .help = "Show this text."         \
    }

/* What --help prints. */
void cli__print_help(struct buf *out, const struct cli__command *cmd);
void cli__print_version(struct buf *out);

/*
 * Writes to stdout at once. CLI__FAILED when that is broken, which stderr is told unless it is a
 * pipe that nobody reads any more.
 */
int cli__write(struct str text);
int cli__print(struct buf *b); /* the same, and releases *b */

#endif
