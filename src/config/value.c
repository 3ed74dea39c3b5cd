/*
 * value.c - the kinds of flags: how each is read from text and printed back, a row each.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "config_priv.h"
#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/num.h"
#include "ferula/base/str.h"
#include "ferula/model/duration.h"

/* Whole numbers above this are not exact as a double. */
#define EXACT_MAX 9007199254740992.0

static int bad(struct fault *f, const struct config_flag *flag, const char *text, const char *want)
{
    return fault_set(f, FER_EINVAL, 0, "invalid value \"%s\" for flag '--%s': expected %s", text,
                     flag->name, want);
}

static bool within(const struct config_flag *flag, uint64_t v)
{
    return v >= flag->least && (flag->most == 0 || v <= flag->most);
}

/* "at least 1s", "from 1 to 65536": `print` writes a bound as the kind does. */
static int out_of_bounds(struct fault *f, const struct config_flag *flag, const char *text,
                         void (*print)(struct buf *b, uint64_t v))
{
    struct buf want = {0};
    int rc;

    buf_puts(&want, flag->most == 0 ? "at least " : "from ");
    print(&want, flag->least);
    if (flag->most != 0) {
        buf_puts(&want, " to ");
        print(&want, flag->most);
    }
    rc = bad(f, flag, text, want.p);
    buf_release(&want);
    return rc;
}

/* ---- bool ------------------------------------------------------------------------------- */

static int set_bool(const struct config_flag *flag, void *target, const char *text, struct fault *f)
{
    struct str s = str_of(text);
    bool yes = str_eq_nocase(s, STR("true")) || str_is(s, "1");
    bool no = str_eq_nocase(s, STR("false")) || str_is(s, "0");

    if (!yes && !no)
        return bad(f, flag, text, "true or false");
    *(bool *)target = yes;
    return 0;
}

static void print_bool(struct buf *b, const void *target)
{
    buf_puts(b, *(const bool *)target ? "true" : "false");
}

/* ---- text and choice -------------------------------------------------------------------- */

static int set_text(const struct config_flag *flag, void *target, const char *text, struct fault *f)
{
    (void)flag;
    (void)f;
    *(const char **)target = text;
    return 0;
}

static void print_text(struct buf *b, const void *target)
{
    const char *text = *(const char *const *)target;

    buf_puts(b, text == NULL ? "" : text);
}

static int set_choice(const struct config_flag *flag, void *target, const char *text,
                      struct fault *f)
{
    struct str rest = str_of(flag->choices), one;
    struct buf want = {0};
    int rc = 0;

    while (str_split(&rest, '|', &one)) {
        if (str_is(one, text)) {
            *(const char **)target = text;
            goto out;
        }
        buf_puts(&want, want.n == 0 ? "one of " : ", ");
        buf_add_str(&want, one);
    }
    rc = bad(f, flag, text, want.p);
out:
    buf_release(&want);
    return rc;
}

/* ---- duration --------------------------------------------------------------------------- */

static void print_ms(struct buf *b, uint64_t v)
{
    duration_print(b, (dur_ms)v);
}

static int set_duration(const struct config_flag *flag, void *target, const char *text,
                        struct fault *f)
{
    dur_ms d;

    if (duration_parse(str_of(text), &d, NULL) < 0 || d < 0)
        return bad(f, flag, text, "a duration such as 30s, 5m or 1h30m");
    if (!within(flag, (uint64_t)d))
        return out_of_bounds(f, flag, text, print_ms);
    *(dur_ms *)target = d;
    return 0;
}

static void print_duration(struct buf *b, const void *target)
{
    duration_print(b, *(const dur_ms *)target);
}

/* ---- count ------------------------------------------------------------------------------ */

/* Prometheus reads whole numbers as 5e7 too. */
static bool parse_count(struct str s, uint64_t *out)
{
    double v;

    if (str_to_u64(s, out))
        return true;
    if (!num_parse(s, &v, NULL) || !(v >= 0 && v <= EXACT_MAX) || v != floor(v))
        return false;
    *out = (uint64_t)v;
    return true;
}

static int set_count(const struct config_flag *flag, void *target, const char *text,
                     struct fault *f)
{
    uint64_t v;

    if (!parse_count(str_of(text), &v))
        return bad(f, flag, text, "a whole number");
    if (!within(flag, v))
        return out_of_bounds(f, flag, text, buf_add_u64);
    *(size_t *)target = v;
    return 0;
}

static void print_count(struct buf *b, const void *target)
{
    buf_add_u64(b, *(const size_t *)target);
}

/* ---- size ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned shift;
} units[] = {
    {"EiB", 60},
    {"PiB", 50},
    {"TiB", 40},
    {"GiB", 30},
    {"MiB", 20},
    {"KiB", 10},
    {"EB",  60},
    {"PB",  50},
    {"TB",  40},
    {"GB",  30},
    {"MB",  20},
    {"KB",  10},
    {"B",   0 },
};

static bool parse_size(struct str s, uint64_t *out)
{
    unsigned shift = 0;
    double v;

    for (size_t i = 0; i < COUNT(units); i++)
        if (str_ends(s, units[i].name)) {
            shift = units[i].shift;
            s.n -= strlen(units[i].name);
            break;
        }
    if (!num_parse(s, &v, NULL) || !(v >= 0))
        return false;
    v = ldexp(v, (int)shift);
    if (v > EXACT_MAX)
        return false;
    *out = (uint64_t)v;
    return true;
}

static void print_bytes(struct buf *b, uint64_t v)
{
    size_t i = 6; /* the first of the names without an i */

    while (v == 0 ? units[i].shift > 0 : v % (UINT64_C(1) << units[i].shift) != 0)
        i++;
    buf_add_u64(b, v >> units[i].shift);
    buf_puts(b, units[i].name);
}

static int set_size(const struct config_flag *flag, void *target, const char *text, struct fault *f)
{
    uint64_t v;

    if (!parse_size(str_of(text), &v))
        return bad(f, flag, text, "a size such as 512KB, 32MB or 1GB");
    if (!within(flag, v))
        return out_of_bounds(f, flag, text, print_bytes);
    *(size_t *)target = v;
    return 0;
}

static void print_size(struct buf *b, const void *target)
{
    print_bytes(b, *(const size_t *)target);
}

/* ---- list ------------------------------------------------------------------------------- */

static int set_list(const struct config_flag *flag, void *target, const char *text, struct fault *f)
{
    struct config_list *l = target;

    (void)flag;
    (void)f;
    l->v = xrealloc(l->v, l->n + 1, sizeof(*l->v));
    l->v[l->n++] = text;
    return 0;
}

static void print_list(struct buf *b, const void *target)
{
    const struct config_list *l = target;

    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            buf_putc(b, ',');
        buf_puts(b, l->v[i]);
    }
}

void config_list_release(struct config_list *l)
{
    free(l->v);
    *l = (struct config_list){0};
}

/* ---- the table -------------------------------------------------------------------------- */

static const struct kind {
    int (*set)(const struct config_flag *flag, void *target, const char *text, struct fault *f);
    void (*print)(struct buf *b, const void *target);
} kinds[] = {
    [CONFIG_BOOL] = {set_bool,     print_bool    },
    [CONFIG_TEXT] = {set_text,     print_text    },
    [CONFIG_DURATION] = {set_duration, print_duration},
    [CONFIG_COUNT] = {set_count,    print_count   },
    [CONFIG_SIZE] = {set_size,     print_size    },
    [CONFIG_CHOICE] = {set_choice,   print_text    },
    [CONFIG_LIST] = {set_list,     print_list    },
    [CONFIG_ACTION] = {set_bool,     print_bool    },
    [CONFIG_IGNORED] = {NULL,         NULL          },
    [CONFIG_REFUSED] = {NULL,         NULL          },
};

int config__set(const struct config_flag *flag, void *target, const char *text, struct fault *f)
{
    CHECK(flag->kind < COUNT(kinds) && kinds[flag->kind].set != NULL);
    return kinds[flag->kind].set(flag, target, text, f);
}

void config_print_value(struct buf *b, const struct config_flag *flag, const void *target)
{
    CHECK(flag->kind < COUNT(kinds));
    if (kinds[flag->kind].print != NULL)
        kinds[flag->kind].print(b, target);
}

bool config__is_switch(const struct config_flag *flag)
{
    switch (flag->kind) {
    case CONFIG_BOOL:
    case CONFIG_ACTION:
        return true;
    case CONFIG_IGNORED:
    case CONFIG_REFUSED:
        return flag->meta == NULL;
    default:
        return false;
    }
}
