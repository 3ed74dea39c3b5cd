/*
 * regex_check.c - reads a pattern from left to right as Go's regexp/syntax does, to refuse what Go
 * refuses, in its words.
 *
 * RE2 alone would not do: it takes \C, does not know (?<name>, wants names to be unique, and quotes
 * other parts of the pattern in its errors. No tree is built; of an open group only what repetition
 * needs is kept, which is all that Go looks back for.
 */
#include "regex_check.h"

#include "ferula/base/buf.h"
#include "ferula/base/check.h"
#include "regex_scan.h"

#define MAX_REPEAT 1000
#define MAX_DEPTH  998 /* with the group around the whole pattern, Go's limit of 1000 levels */
#define MAX_NAMES  256 /* that are looked at for repetition */

static const char BAD_REPEAT[] = "invalid repeat count";

/* An open group (the first is the pattern itself). */
struct level {
    unsigned product; /* how often its most repeated part is repeated; at least 1 */
};

struct check {
    struct str all, rest;
    struct fault *fault;
    struct level levels[MAX_DEPTH + 1];
    size_t depth;
    bool has_atom;          /* there is something that * can repeat */
    unsigned atom_product;  /* as struct level, of that something */
    struct str last_repeat; /* from the operator just before `rest` on; n == 0: there is none */
    struct str names[MAX_NAMES];
    size_t n_names;
    struct buf out; /* the pattern for RE2 up to `copied`; empty when nothing differs */
    size_t copied;
};

int model__regex_refuse(struct fault *f, const char *what, struct str part)
{
    struct buf b = {0};

    buf_puts(&b, what);
    buf_puts(&b, ": `");
    buf_add_str(&b, part);
    buf_putc(&b, '`');
    fault_set(f, FER_EINVAL, 0, "error parsing regexp: " STR_FMT, STR_ARG(buf_str(&b)));
    buf_release(&b);
    return FER_EINVAL;
}

static int refuse(struct check *c, const char *what, struct str part)
{
    return model__regex_refuse(c->fault, what, part);
}

static int refuse_scan(struct check *c, const struct model__scan_error *e)
{
    return refuse(c, e->what, e->part);
}

static struct str upto(struct str from, struct str rest)
{
    return (struct str){from.p, from.n - rest.n};
}

/* The atom before is complete: it counts for its group from now on. */
static void settle(struct check *c)
{
    struct level *l = &c->levels[c->depth];

    l->product = MAX(l->product, c->atom_product);
}

static void add_atom(struct check *c, struct str rest, unsigned product)
{
    settle(c);
    c->has_atom = true;
    c->atom_product = product;
    c->rest = rest;
}

static int open_group(struct check *c, struct str rest)
{
    if (c->depth == MAX_DEPTH)
        return refuse(c, "expression nests too deeply", c->all);
    settle(c);
    c->levels[++c->depth] = (struct level){1};
    c->has_atom = false;
    c->atom_product = 1;
    c->rest = rest;
    return 0;
}

static int close_group(struct check *c)
{
    unsigned product;

    if (c->depth == 0)
        return refuse(c, "unexpected )", c->all);
    settle(c);
    product = c->levels[c->depth--].product;
    c->atom_product = 1;
    add_atom(c, str_cut(c->rest, 1), product);
    return 0;
}

/* True when the name was there before; remembers it. */
static bool is_repeated_name(struct check *c, struct str name)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (str_eq(c->names[i], name))
            return true;
    if (c->n_names < MAX_NAMES)
        c->names[c->n_names++] = name;
    return false;
}

/* (?P<name>, or (?<name> for short; RE2 knows the long one only, and each name once. */
static int named_group(struct check *c, size_t name_at)
{
    struct str head, name;
    struct model__scan_error e;

    if (!model__scan_group_name(c->rest, name_at, &head, &name, &e))
        return refuse_scan(c, &e);
    buf_add(&c->out, c->all.p + c->copied, (size_t)(c->rest.p - c->all.p) - c->copied);
    c->copied = (size_t)(c->rest.p - c->all.p) + head.n;
    if (is_repeated_name(c, name))
        buf_puts(&c->out, "(");
    else
        buf_addf(&c->out, "(?P<" STR_FMT ">", STR_ARG(name));
    return open_group(c, str_cut(c->rest, head.n));
}

static int group(struct check *c)
{
    struct model__scan_error e;
    struct str rest;
    bool opens;

    if (!str_starts(c->rest, "(?"))
        return open_group(c, str_cut(c->rest, 1));
    if (str_starts(c->rest, "(?P<") && c->rest.n > 4)
        return named_group(c, 4);
    if (str_starts(c->rest, "(?<") && c->rest.n > 3)
        return named_group(c, 3);
    if (!model__scan_flags(c->rest, &rest, &opens, &e))
        return refuse_scan(c, &e);
    if (opens)
        return open_group(c, rest);
    c->rest = rest;
    return 0;
}

/* *, +, ? and {}: `rest` is what follows, `times` the larger of the bounds. */
static int repeat(struct check *c, struct str rest, unsigned times)
{
    struct str before = c->rest;

    if (rest.n > 0 && rest.p[0] == '?')
        rest = str_cut(rest, 1);
    if (c->last_repeat.n > 0)
        return refuse(c, "invalid nested repetition operator", upto(c->last_repeat, rest));
    if (!c->has_atom)
        return refuse(c, "missing argument to repetition operator", upto(before, rest));
    /* What is repeated no times, however often inside, does not count. */
    if (times >= 2 && c->atom_product * times > MAX_REPEAT)
        return refuse(c, BAD_REPEAT, upto(before, rest));
    c->atom_product = times == 0 ? 1 : c->atom_product * times;
    c->last_repeat = before;
    c->rest = rest;
    return 0;
}

/* {2}, {2,}, {2,3}; what only looks like it is literal text. */
static int counted_repeat(struct check *c)
{
    int least, most;
    struct str rest;

    if (!model__scan_bounds(c->rest, &least, &most, &rest)) {
        add_atom(c, str_cut(c->rest, 1), 1);
        return 0;
    }
    if (least < 0 || least > MAX_REPEAT || most > MAX_REPEAT || (most >= 0 && least > most))
        return refuse(c, BAD_REPEAT, upto(c->rest, rest));
    return repeat(c, rest, (unsigned)(most < 0 ? least : most));
}

/* \Q...\E: each character between is itself. */
static int quoted(struct check *c)
{
    struct model__scan_error e;
    struct str text = str_cut(c->rest, 2), behind = str_cut(text, text.n);
    const char *end = text.n == 0 ? NULL : memmem(text.p, text.n, "\\E", 2);

    if (end != NULL) {
        behind = str_cut(text, (size_t)(end - text.p) + 2);
        text.n = (size_t)(end - text.p);
    }
    while (text.n > 0) {
        uint32_t rune;

        if (!model__scan_rune(text, &rune, &text, &e))
            return refuse_scan(c, &e);
        add_atom(c, text, 1);
    }
    c->rest = behind;
    return 0;
}

static int escape(struct check *c)
{
    struct model__scan_error e;
    uint32_t rune;
    struct str rest;
    bool ok;

    if (c->rest.n >= 2) {
        char next = c->rest.p[1];

        if (next == 'Q')
            return quoted(c);
        if (next == 'C')
            return refuse(c, "invalid escape sequence", (struct str){c->rest.p, 2});
        if (strchr("AbBz", next) != NULL && next != '\0') {
            add_atom(c, str_cut(c->rest, 2), 1);
            return 0;
        }
    }
    ok = model__scan_class_escape(c->rest, &rest, &e);
    if (!ok && e.what == NULL)
        ok = model__scan_escape(c->rest, &rune, &rest, &e);
    if (!ok)
        return refuse_scan(c, &e);
    add_atom(c, rest, 1);
    return 0;
}

static int one_rune(struct check *c)
{
    struct model__scan_error e;
    uint32_t rune;
    struct str rest;

    if (!model__scan_rune(c->rest, &rune, &rest, &e))
        return refuse_scan(c, &e);
    add_atom(c, rest, 1);
    return 0;
}

static int class(struct check *c)
{
    struct model__scan_error e;
    struct str rest;

    if (!model__scan_class(c->rest, &rest, &e))
        return refuse_scan(c, &e);
    add_atom(c, rest, 1);
    return 0;
}

static int step(struct check *c)
{
    switch (c->rest.p[0]) {
    case '(':
        return group(c);
    case ')':
        return close_group(c);
    case '|':
        settle(c);
        c->atom_product = 1;
        c->has_atom = false;
        c->rest = str_cut(c->rest, 1);
        return 0;
    case '[':
        return class(c);
    case '\\':
        return escape(c);
    case '*':
    case '+':
    case '?':
        return repeat(c, str_cut(c->rest, 1), 1);
    case '{':
        return counted_repeat(c);
    default:
        return one_rune(c);
    }
}

static int check_all(struct check *c)
{
    while (c->rest.n > 0) {
        const char *at = c->rest.p;
        struct str last = c->last_repeat;
        int rc = step(c);

        if (rc < 0)
            return rc;
        if (c->last_repeat.p == last.p && c->rest.p != at)
            c->last_repeat.n = 0;
    }
    return c->depth > 0 ? refuse(c, "missing closing )", c->all) : 0;
}

int model__regex_check(struct str pattern, struct arena *a, struct str *out, struct fault *f)
{
    struct check *c = arena_new(a, struct check);
    int rc;

    c->all = c->rest = pattern;
    c->fault = f;
    c->levels[0].product = c->atom_product = 1;
    rc = check_all(c);
    if (rc == 0) {
        *out = pattern;
        if (c->out.n > 0) {
            buf_add_str(&c->out, str_cut(pattern, c->copied));
            *out = arena_str(a, buf_str(&c->out));
        }
    }
    buf_release(&c->out);
    return rc;
}
