/*
 * parse.c - from argv and the environment to the targets: defaults, environment, command line.
 */
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/str.h"

/* Where a flag's present value came from; a later one replaces an earlier one. */
enum origin { FROM_DEFAULT, FROM_ENV, FROM_ARGV };

struct parser {
    const struct config_flag *flags;
    void *const *targets;
    size_t n;
    enum origin *origins; /* owned; one a flag */
    int argc;
    char **argv;
    int at;       /* the next word of argv */
    bool stopped; /* by an action such as --help */
    struct fault *f;
};

/* ---- giving a flag its value ------------------------------------------------------------ */

static int refuse(const struct config_flag *flag, const char *value, struct fault *f)
{
    if (flag->value != NULL && strcmp(value, flag->value) == 0)
        return 0;
    return fault_set(f, FER_EUNSUP, 0, "flag '--%s' is not supported: %s", flag->name, flag->help);
}

static int give(struct parser *p, size_t i, const char *value, enum origin origin)
{
    const struct config_flag *flag = &p->flags[i];
    bool list = flag->kind == CONFIG_LIST;

    if (origin == FROM_ARGV && p->origins[i] == FROM_ARGV && !list)
        return fault_set(p->f, FER_EINVAL, 0, "flag '--%s' cannot be repeated", flag->name);
    if (list && p->origins[i] != origin)
        config_list_release(p->targets[i]);
    p->origins[i] = origin;
    if (flag->kind == CONFIG_REFUSED)
        return refuse(flag, value, p->f);
    if (flag->kind == CONFIG_IGNORED) {
        if (p->targets[i] != NULL)
            *(bool *)p->targets[i] = true;
        return 0;
    }
    p->stopped = flag->kind == CONFIG_ACTION;
    return config__set(flag, p->targets[i], value, p->f);
}

/* ---- defaults and environment ----------------------------------------------------------- */

static void set_defaults(struct parser *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct config_flag *flag = &p->flags[i];

        if (flag->value == NULL || flag->kind == CONFIG_IGNORED || flag->kind == CONFIG_REFUSED)
            continue;
        CHECK(config__set(flag, p->targets[i], flag->value, NULL) == 0);
    }
}

void config__env_name(struct buf *b, const struct config_flag *flag)
{
    buf_puts(b, "FERULA_");
    for (const char *c = flag->name; *c != '\0'; c++)
        buf_putc(b, *c >= 'a' && *c <= 'z'   ? (char)(*c - 'a' + 'A')
                    : *c == '.' || *c == '-' ? '_'
                                             : *c);
}

static int read_env(struct parser *p)
{
    struct buf name = {0};
    int rc = 0;

    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const char *value;

        if (p->flags[i].kind == CONFIG_ACTION)
            continue;
        buf_reset(&name);
        config__env_name(&name, &p->flags[i]);
        value = getenv(name.p);
        if (value == NULL || value[0] == '\0')
            continue;
        rc = give(p, i, value, FROM_ENV);
        if (rc < 0 && p->f != NULL) {
            struct fault inner = *p->f;

            rc = fault_set(p->f, rc, 0, "environment variable %s: %.1900s", name.p, inner.text);
        }
    }
    buf_release(&name);
    return rc;
}

/* ---- the command line ------------------------------------------------------------------- */

static bool find_long(const struct parser *p, struct str name, size_t *out)
{
    for (size_t i = 0; i < p->n; i++)
        if (str_is(name, p->flags[i].name)) {
            *out = i;
            return true;
        }
    return false;
}

static int unknown_long(const struct parser *p, struct str name)
{
    const char **names = xcalloc(p->n + 1, sizeof(*names));
    char *word = xstrndup(name.p, name.n);
    const char *near;
    int rc;

    for (size_t i = 0; i < p->n; i++)
        names[i] = p->flags[i].name;
    near = config_nearest(word, names, p->n);
    if (near == NULL)
        rc = fault_set(p->f, FER_EINVAL, 0, "unknown long flag '--%s'", word);
    else
        rc = fault_set(p->f, FER_EINVAL, 0, "unknown long flag '--%s', did you mean '--%s'?", word,
                       near);
    free(word);
    free(names);
    return rc;
}

/* The value of a flag that needs one and was given without "=": the next word. */
static int next_word(struct parser *p, const struct config_flag *flag, const char **value)
{
    if (p->at == p->argc || strncmp(p->argv[p->at], "--", 2) == 0)
        return fault_set(p->f, FER_EINVAL, 0, "expected argument for flag '--%s'", flag->name);
    *value = p->argv[p->at++];
    return 0;
}

static int read_long(struct parser *p, const char *word)
{
    const char *eq = strchr(word, '='), *value = eq == NULL ? NULL : eq + 1;
    struct str name = {word, eq == NULL ? strlen(word) : (size_t)(eq - word)};
    bool inverted = false;
    size_t i = 0;
    int rc;

    if (!find_long(p, name, &i)) {
        inverted = str_starts(name, "no-") && find_long(p, str_cut(name, 3), &i) &&
                   config__is_switch(&p->flags[i]) && p->flags[i].kind != CONFIG_ACTION;
        if (!inverted)
            return unknown_long(p, name);
    }
    if (inverted && value != NULL)
        return fault_set(p->f, FER_EINVAL, 0, "flag '--" STR_FMT "' takes no value", STR_ARG(name));
    if (config__is_switch(&p->flags[i])) {
        if (value == NULL)
            value = inverted ? "false" : "true";
    } else if (value == NULL) {
        rc = next_word(p, &p->flags[i], &value);
        if (rc < 0)
            return rc;
    }
    return give(p, i, value, FROM_ARGV);
}

/* -h, or -oVALUE, or -o VALUE; short flags are not joined. */
static int read_short(struct parser *p, const char *word)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct config_flag *flag = &p->flags[i];
        const char *value = word + 1;

        if (flag->shorthand != word[0])
            continue;
        if (config__is_switch(flag)) {
            if (word[1] != '\0')
                break;
            value = "true";
        } else if (*value == '\0') {
            int rc = next_word(p, flag, &value);

            if (rc < 0)
                return rc;
        }
        return give(p, i, value, FROM_ARGV);
    }
    return fault_set(p->f, FER_EINVAL, 0, "unknown short flag '-%s'", word);
}

static void add_word(struct config_list *words, const char *word)
{
    words->v = xrealloc(words->v, words->n + 1, sizeof(*words->v));
    words->v[words->n++] = word;
}

static int read_argv(struct parser *p, struct config_list *words)
{
    bool flags_ended = false;

    while (p->at < p->argc && !p->stopped) {
        const char *word = p->argv[p->at++];
        int rc = 0;

        if (flags_ended || word[0] != '-' || word[1] == '\0')
            add_word(words, word);
        else if (strcmp(word, "--") == 0)
            flags_ended = true;
        else if (word[1] == '-')
            rc = read_long(p, word + 2);
        else
            rc = read_short(p, word + 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int config_parse(const struct config_flag *flags, void *const *targets, size_t n, bool env,
                 int argc, char **argv, struct config_list *words, struct fault *f)
{
    struct parser p = {
        .flags = flags, .targets = targets, .n = n, .argc = argc, .argv = argv, .f = f};
    int rc = 0;

    p.origins = xcalloc(n + 1, sizeof(*p.origins));
    set_defaults(&p);
    if (env)
        rc = read_env(&p);
    if (rc == 0)
        rc = read_argv(&p, words);
    free(p.origins);
    return rc;
}
