/*
 * classes.c - the switches of the generator's classes.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

static const struct {
    const char *name;
    bool on;
    const char *help;
} table[] = {
#define CLASS(id, on, help) {#id, on, help},
#include "classes.tbl.h"
#undef CLASS
};

void classes_default(struct classes *c)
{
    for (size_t i = 0; i < N_CLASSES; i++)
        c->on[i] = table[i].on;
}

static bool set_one(struct classes *c, struct str name, bool on)
{
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (str_is(name, table[i].name)) {
            c->on[i] = on;
            return true;
        }
    }
    return false;
}

bool classes_choose(struct classes *c, const char *list)
{
    struct str rest = str_of(list), word;
    bool first = true;

    while (str_split(&rest, ',', &word)) {
        bool sign = word.n > 0 && (word.p[0] == '+' || word.p[0] == '-');

        if (first && !sign)
            *c = (struct classes){0};
        first = false;
        if (str_is(word, "all")) {
            for (size_t i = 0; i < N_CLASSES; i++)
                c->on[i] = true;
        } else if (!set_one(c, str_cut(word, sign), !sign || word.p[0] == '+')) {
            return false;
        }
    }
    return true;
}

void classes_print(void)
{
    for (size_t i = 0; i < N_CLASSES; i++)
        printf("    %-12s%-5s%s\n", table[i].name, table[i].on ? "on" : "off", table[i].help);
}
