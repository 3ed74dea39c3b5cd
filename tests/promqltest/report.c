/*
 * report.c - counts, and the list of expected failures. A check that fails must be in the list, and
 * one in the list must fail: the list can only shrink.
 */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>

static void add(struct known_list *list, struct str key)
{
    ARENA_GROW(&list->a, list->v, list->n, list->cap, struct known);
    list->v[list->n++] = (struct known){.key = arena_str(&list->a, key)};
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct known *)a)->key, ((const struct known *)b)->key);
}

bool known_load(struct known_list *list, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (file == NULL)
        return false;
    while ((n = getline(&line, &cap, file)) > 0) {
        struct str s = str_trim((struct str){line, (size_t)n});

        if (s.n > 0 && s.p[0] != '#')
            add(list, s);
    }
    free(line);
    fclose(file);
    if (list->n > 1)
        qsort(list->v, list->n, sizeof(*list->v), by_key);
    return true;
}

struct known *known_find(struct known_list *list, struct str key)
{
    struct known k = {.key = key};

    return list->n == 0 ? NULL : bsearch(&k, list->v, list->n, sizeof(k), by_key);
}

void known_release(struct known_list *list)
{
    arena_release(&list->a);
}

/* A key stands on one line. */
static struct str one_line(struct arena *a, struct str key)
{
    struct buf b = {0};
    struct str out;

    for (size_t i = 0; i < key.n; i++) {
        unsigned char c = (unsigned char)key.p[i];

        if (c < ' ' || c >= 0x7f)
            buf_addf(&b, "\\x%02x", c);
        else
            buf_putc(&b, (char)c);
    }
    out = arena_str(a, str_trim(buf_str(&b)));
    buf_release(&b);
    return out;
}

void report(struct runner *r, struct tally *t, struct str key, bool ok, struct str why)
{
    struct known *known;

    key = one_line(&r->failures.a, key);
    known = known_find(&r->known, key);
    if (known != NULL)
        known->seen = true;
    if (ok) {
        t->passed++;
        r->total.passed++;
        if (known != NULL && !known->now_fails) {
            printf("PASSES, remove it from the expected failures: " STR_FMT "\n", STR_ARG(key));
            r->unexpected_passes++;
        }
        return;
    }
    add(&r->failures, key);
    if (known != NULL) {
        known->now_fails = true;
        t->known++;
        r->total.known++;
    } else {
        t->failed++;
        r->total.failed++;
    }
    if (known == NULL || r->verbose)
        printf("%s: " STR_FMT "\n    " STR_FMT "\n", known != NULL ? "known" : "FAIL", STR_ARG(key),
               STR_ARG(why));
}

void report_skip(struct runner *r, const char *what, const char *why)
{
    printf("%-28s skipped: %s\n", what, why);
    r->total.skipped++;
}

void report_differing(struct runner *r, struct tally *t, struct str key, bool ok)
{
    if (ok) {
        report(r, t, arena_printf(&r->failures.a, "differs | " STR_FMT, STR_ARG(key)), false,
               STR("passes, but is in the table of what versions of Prometheus differ in"));
        return;
    }
    t->differs++;
    r->total.differs++;
    printf("versions differ: " STR_FMT "\n", STR_ARG(key));
}

void print_tally(const char *what, const struct tally *t)
{
    printf("%-28s   %5zu of %5zu", what, t->passed, t->passed + t->failed + t->known);
    if (t->differs > 0)
        printf("   and %zu of another version of Prometheus", t->differs);
    putchar('\n');
}
