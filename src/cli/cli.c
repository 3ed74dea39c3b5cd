/*
 * cli.c - finds the subcommand, and what all of them share: flags, help, version, faults of usage.
 */
#include "ferula/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli_priv.h"
#include "ferula/base/check.h"
#include "ferula/base/str.h"
#include "lint.h"

static const struct cli__command *const commands[] = {
#define C(name) &cli__##name,
#include "commands.tbl.h"
#undef C
};

/* Commands of two words. */
static const struct {
    const char *name, *args, *prefix, *members;
} groups[] = {
    {"query", "[FLAGS] URL ...",     "query ", "instant, range, series or labels"},
    {"tsdb",  "[FLAGS] URL|DIR ...", "tsdb ",
     "dump, import, analyze, verify, snapshot, restore or compact"               },
};

/* ---- output ----------------------------------------------------------------------------- */

int cli__write(struct str text)
{
    if (fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0)
        return CLI__OK;
    if (errno != EPIPE) /* who reads no more wants no word of it */
        fprintf(stderr, "ferula: stdout: %s\n", strerror(errno));
    return CLI__FAILED;
}

int cli__print(struct buf *b)
{
    int rc = cli__write(buf_str(b));

    buf_release(b);
    return rc;
}

void cli__print_version(struct buf *out)
{
    struct utsname host = {0};

    (void)uname(&host);
    buf_addf(out, "ferula, version %s (revision: %s)\n", FERULA_VERSION, FERULA_REVISION);
    buf_addf(out, "  compiler:         %s\n", __VERSION__);
    buf_addf(out, "  platform:         linux/%s\n", host.machine);
}

void cli__print_help(struct buf *out, const struct cli__command *cmd)
{
    buf_addf(out, "usage: ferula %s%s%s%s\n\n%s\n\n", cmd->name, cmd->n_flags > 0 ? " [FLAGS]" : "",
             cmd->args != NULL ? " " : "", cmd->args != NULL ? cmd->args : "", cmd->summary);
    if (cmd->n_flags > 0) {
        config_print_help(out, cmd->flags, cmd->n_flags);
        buf_putc(out, '\n');
    }
    if (cmd->notes != NULL)
        buf_addf(out, "%s\n", cmd->notes);
    buf_addf(out, "Examples:\n%s", cmd->examples);
}

static void print_commands(struct buf *out, const char *prefix)
{
    buf_puts(out, "Commands:\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strncmp(commands[i]->name, prefix, strlen(prefix)) == 0)
            buf_addf(out, "  %-15s%s\n", commands[i]->name, commands[i]->summary);
}

static void print_overview(struct buf *out)
{
    buf_puts(out, "usage: ferula COMMAND [FLAGS] [ARGS]\n"
                  "       ferula [FLAGS]              the same as ferula serve [FLAGS]\n\n"
                  "Stands in for Azure Managed Prometheus on one machine.\n\n");
    print_commands(out, "");
    buf_puts(
        out,
        "\nEach flag of serve, --a.b-c, may also be given as FERULA_A_B_C in the environment.\n"
        "`ferula COMMAND --help` explains a command and has examples.\n\n"
        "Examples:\n"
        "  ferula --web.listen-address=127.0.0.1:9090\n"
        "      serve, with data in ./data\n"
        "  ferula query instant http://127.0.0.1:9090 'sum(rate(http_requests_total[2m]))'\n"
        "      ask what KEDA asks\n");
}

int cli__usage_error(const struct cli__command *cmd, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    fprintf(stderr, "ferula %s: %s\nTry 'ferula %s --help'.\n", cmd->name, b.p, cmd->name);
    buf_release(&b);
    return CLI__USAGE;
}

/* ---- flags ------------------------------------------------------------------------------ */

/* The flag --help is a bool at the target of the row called so; every command has one. */
static bool help_wanted(const struct cli__command *cmd, void *const *targets)
{
    for (size_t i = 0; i < cmd->n_flags; i++)
        if (strcmp(cmd->flags[i].name, "help") == 0)
            return *(const bool *)targets[i];
    return false;
}

bool cli__parse(const struct cli__command *cmd, void *const *targets, bool env, int argc,
                char **argv, struct cli__words *words, int *exit_code)
{
    struct fault f = {0};
    struct buf b = {0};

    if (config_parse(cmd->flags, targets, cmd->n_flags, env, argc, argv, &words->list, &f) < 0) {
        *exit_code = cli__usage_error(cmd, "%s", f.text);
        return false;
    }
    if (help_wanted(cmd, targets)) {
        cli__print_help(&b, cmd);
        *exit_code = cli__print(&b);
        return false;
    }
    if (words->list.n > words->most) {
        *exit_code = cli__usage_error(cmd, "unexpected '%s'", words->list.v[words->most]);
        return false;
    }
    if (words->list.n < words->least) {
        *exit_code = cli__usage_error(cmd, "expected %s", cmd->args);
        return false;
    }
    return true;
}

/* ---- the commands help and version ------------------------------------------------------ */

/* The number of words at argv that are the command's name; 0 when they are not. */
static int match_name(const char *name, int argc, char **argv)
{
    struct str rest = str_of(name), word;
    int n = 0;

    while (str_split(&rest, ' ', &word)) {
        if (n == argc || !str_is(word, argv[n]))
            return 0;
        n++;
    }
    return n;
}

static const struct cli__command *find(int argc, char **argv, int *n_words)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        *n_words = match_name(commands[i]->name, argc, argv);
        if (*n_words > 0)
            return commands[i];
    }
    return NULL;
}

static bool is_any(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* A group alone: lists its commands. */
static int show_group(size_t g, bool asked)
{
    struct buf b = {0};

    buf_addf(&b, "usage: ferula %s COMMAND %s\n\n", groups[g].name, groups[g].args);
    print_commands(&b, groups[g].prefix);
    buf_addf(&b, "\n`ferula %s COMMAND --help` explains one and has examples.\n", groups[g].name);
    if (asked)
        return cli__print(&b);
    fprintf(stderr, "ferula %s: expected %s\n%s", groups[g].name, groups[g].members, b.p);
    buf_release(&b);
    return CLI__USAGE;
}

/* `argv` names no command: a group lists its own, anything else is a mistake. */
static int no_command(int argc, char **argv)
{
    const char *names[COUNT(commands)];
    const char *near;

    for (size_t g = 0; g < COUNT(groups); g++)
        if (strcmp(argv[0], groups[g].name) == 0)
            return show_group(g, argc > 1 && is_any(argv[1], "--help", "-h"));
    for (size_t i = 0; i < COUNT(commands); i++)
        names[i] = commands[i]->name;
    near = config_nearest(argv[0], names, COUNT(names));
    fprintf(stderr, "ferula: unknown command '%s'", argv[0]);
    if (near != NULL)
        fprintf(stderr, ", did you mean '%s'?", near);
    fprintf(stderr, "\nTry 'ferula --help'.\n");
    return CLI__USAGE;
}

static int run_help(const struct cli__command *cmd, int argc, char **argv)
{
    const struct cli__command *topic;
    struct buf b = {0};
    int n;

    (void)cmd;
    if (argc == 0 || argv[0][0] == '-') {
        print_overview(&b);
        return cli__print(&b);
    }
    if (strcmp(argv[0], "flags-markdown") == 0) {
        buf_puts(&b, "# Flags of `ferula serve`\n\n"
                     "Written by `ferula help flags-markdown`; do not edit.\n\n");
        config_print_markdown(&b, cli__serve.flags, cli__serve.n_flags);
        return cli__print(&b);
    }
    if (strcmp(argv[0], "lint-markdown") == 0) {
        cli__lint_markdown(&b);
        return cli__print(&b);
    }
    if (lint_help(str_of(argv[0])) != NULL) {
        buf_puts(&b, lint_help(str_of(argv[0])));
        return cli__print(&b);
    }
    topic = find(argc, argv, &n);
    if (topic == NULL) {
        char help[] = "--help", *group[] = {argv[0], help};

        return no_command(2, group);
    }
    cli__print_help(&b, topic);
    return cli__print(&b);
}

static int run_version(const struct cli__command *cmd, int argc, char **argv)
{
    struct buf b = {0};

    (void)cmd;
    (void)argc;
    (void)argv;
    cli__print_version(&b);
    return cli__print(&b);
}

const struct cli__command cli__help = {
    .name = "help",
    .args = "[COMMAND|RULE]",
    .summary = "Explain a command or a rule of lint.",
    .examples = "  ferula help push\n      the same as ferula push --help\n"
                "  ferula help\n      list the commands\n",
    .run = run_help,
};

const struct cli__command cli__version = {
    .name = "version",
    .summary = "Show the version.",
    .examples = "  ferula version\n      on several lines\n"
                "  ferula --version\n      the same\n",
    .run = run_version,
};

/* ---- where it begins -------------------------------------------------------------------- */

int cli_main(int argc, char **argv)
{
    const struct cli__command *cmd;
    int n = 0;

    argc--;
    argv++;
    if (argc > 0 && is_any(argv[0], "--help", "-h"))
        return cli__help.run(&cli__help, 0, NULL);
    if (argc == 0 || argv[0][0] == '-')
        return cli__serve.run(&cli__serve, argc, argv);
    cmd = find(argc, argv, &n);
    if (cmd == NULL)
        return no_command(argc, argv);
    if (cmd->n_flags == 0 && argc > n && is_any(argv[n], "--help", "-h"))
        return cli__help.run(&cli__help, n, argv);
    return cmd->run(cmd, argc - n, argv + n);
}
