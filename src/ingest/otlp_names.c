/*
 * otlp_names.c - names of metrics, units and labels.
 *
 * A metric's name is taken apart into its runs of letters, digits and colons; words for the unit,
 * and "total" or "ratio" for the type, are added unless they are among them; underscores join all.
 */
#include "otlp_names.h"

#include "ferula/base/buf.h"
#include "ferula/base/check.h"

#define KEY_PREFIX                                                                                 \
    "key_" /* of a label that begins with a digit; of one with _, it has one already */

struct word {
    const char *otlp, *prometheus;
};

static const struct word units[] = {
    {"d",    "days"        },
    {"h",    "hours"       },
    {"min",  "minutes"     },
    {"s",    "seconds"     },
    {"ms",   "milliseconds"},
    {"us",   "microseconds"},
    {"ns",   "nanoseconds" },
    {"By",   "bytes"       },
    {"KiBy", "kibibytes"   },
    {"MiBy", "mebibytes"   },
    {"GiBy", "gibibytes"   },
    {"TiBy", "tibibytes"   },
    {"KBy",  "kilobytes"   },
    {"MBy",  "megabytes"   },
    {"GBy",  "gigabytes"   },
    {"TBy",  "terabytes"   },
    {"m",    "meters"      },
    {"V",    "volts"       },
    {"A",    "amperes"     },
    {"J",    "joules"      },
    {"W",    "watts"       },
    {"g",    "grams"       },
    {"Cel",  "celsius"     },
    {"Hz",   "hertz"       },
    {"1",    ""            },
    {"%",    "percent"     },
};

static const struct word per_units[] = {
    {"s",  "second"},
    {"m",  "minute"},
    {"h",  "hour"  },
    {"d",  "day"   },
    {"w",  "week"  },
    {"mo", "month" },
    {"y",  "year"  },
};

static struct str look_up(const struct word *words, size_t n, struct str otlp)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(otlp, words[i].otlp))
            return str_of(words[i].prometheus);
    return otlp;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

/* Bytes of the character at `at`; one that is no UTF-8 is a character, too. */
static size_t rune_bytes(struct str s, size_t at)
{
    uint32_t rune;
    size_t n = (unsigned char)s.p[at] < 0x80 ? 1 : utf8_decode(str_cut(s, at), &rune);

    return n == 0 ? 1 : n;
}

/* A part of a unit as it stands in a name: other characters are underscores, one after another are
 * one, none leads. */
static void add_cleaned(struct buf *b, struct str s)
{
    size_t from = b->n;

    for (size_t at = 0; at < s.n; at += rune_bytes(s, at)) {
        if (is_alnum(s.p[at]) || s.p[at] == ':')
            buf_putc(b, s.p[at]);
        else if (b->n > from && b->p[b->n - 1] != '_')
            buf_putc(b, '_');
    }
}

/* The main and the per part of a unit, cleaned; either may be empty. */
struct unit_words {
    struct str main, per;
};

static bool is_word(struct str s)
{
    return s.n > 0 && memchr(s.p, '{', s.n) == NULL && memchr(s.p, '}', s.n) == NULL;
}

static struct unit_words unit_words(struct arena *a, struct str unit)
{
    struct unit_words out = {STR(""), STR("")};
    struct str rest = unit, head;
    struct buf b = {0};

    if (!str_split(&rest, '/', &head))
        return out;
    head = str_trim(head);
    if (is_word(head)) {
        add_cleaned(&b, look_up(units, COUNT(units), head));
        out.main = arena_str(a, buf_str(&b));
        buf_reset(&b);
    }
    rest = rest.p == NULL ? STR("") : str_trim(rest);
    rest = is_word(rest) ? look_up(per_units, COUNT(per_units), rest) : STR("");
    if (rest.n > 0) {
        buf_puts(&b, "per_");
        buf_add_str(&b, rest);
        head = arena_str(a, buf_str(&b));
        buf_reset(&b);
        add_cleaned(&b, head);
        out.per = arena_str(a, buf_str(&b));
    }
    buf_release(&b);
    return out;
}

struct str ingest__otlp_unit(struct arena *a, struct str unit)
{
    struct unit_words w = unit_words(a, unit);
    struct str out = w.main.n > 0 ? w.main : w.per;

    if (w.main.n > 0 && w.per.n > 0)
        out = arena_printf(a, STR_FMT "_" STR_FMT, STR_ARG(w.main), STR_ARG(w.per));
    if (out.n > 0 && out.p[out.n - 1] == '_')
        out.n--;
    return out;
}

/* ---- metrics ---------------------------------------------------------------------------- */

/* Takes the next run of letters, digits and colons off *rest. */
static bool next_token(struct str *rest, struct str *token)
{
    size_t from = 0, to;

    while (from < rest->n && !is_alnum(rest->p[from]) && rest->p[from] != ':')
        from++;
    to = from;
    while (to < rest->n && (is_alnum(rest->p[to]) || rest->p[to] == ':'))
        to++;
    *token = (struct str){rest->p + from, to - from};
    *rest = str_cut(*rest, to);
    return token->n > 0;
}

static bool has_token(struct str name, struct str word)
{
    struct str token;

    while (next_token(&name, &token))
        if (str_eq(token, word))
            return true;
    return false;
}

static struct str less_underscore(struct str s)
{
    return s.n > 0 && s.p[s.n - 1] == '_' ? (struct str){s.p, s.n - 1} : s;
}

static void add_word(struct buf *b, struct str word)
{
    if (b->n > 0)
        buf_putc(b, '_');
    buf_add_str(b, word);
}

/* The word for the type, which goes to the end. */
static struct str type_word(const struct otlp_naming *m)
{
    if (m->kind == OTLP_SUM && m->monotonic)
        return STR("total");
    return m->kind == OTLP_GAUGE && str_is(m->unit, "1") ? STR("ratio") : STR("");
}

static void add_unless(struct buf *b, struct str word, struct str not_this)
{
    if (word.n > 0 && !str_eq(word, not_this))
        add_word(b, word);
}

static void build_name(struct arena *a, const struct otlp_naming *m, struct buf *b)
{
    struct unit_words unit = unit_words(a, m->unit);
    struct str last = type_word(m), rest = m->name, token;

    if (has_token(m->name, unit.main))
        unit.main = STR("");
    unit.per = str_is(unit.per, "per_") ? STR("") : less_underscore(unit.per);
    if (unit.per.n > 0)
        unit.main = less_underscore(unit.main);
    while (next_token(&rest, &token))
        add_unless(b, token, last);
    add_unless(b, unit.main, last);
    add_unless(b, unit.per, last);
    if (last.n > 0)
        add_word(b, last);
}

/* `what` of a name cannot be had; Go's way to say it. */
static int no_name(struct fault *f, const char *what, struct str name, const char *why,
                   struct str made)
{
    struct buf b = {0};
    int rc;

    buf_add_go_quoted(&b, name);
    buf_addf(&b, " resulted in %s", why);
    if (made.n > 0)
        buf_add_go_quoted(&b, made);
    rc = fault_set(f, FER_EINVAL, 0, "normalization for %s " STR_FMT, what, STR_ARG(buf_str(&b)));
    buf_release(&b);
    return rc;
}

static bool only_underscores(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            return false;
    return true;
}

int ingest__otlp_metric_name(struct arena *a, const struct otlp_naming *m, struct str *out,
                             struct fault *f)
{
    struct buf b = {0};

    build_name(a, m, &b);
    *out = b.n > 0 && is_digit(b.p[0]) ? arena_printf(a, "_" STR_FMT, STR_ARG(buf_str(&b)))
                                       : arena_str(a, buf_str(&b));
    buf_release(&b);
    if (out->n == 0)
        return no_name(f, "metric", m->name, "empty name", STR(""));
    if (!str_eq(*out, m->name) && only_underscores(*out))
        return no_name(f, "metric", m->name, "invalid name ", *out);
    return 0;
}

/* ---- labels ----------------------------------------------------------------------------- */

static bool is_good_label(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_alnum(name.p[i]) && !(name.p[i] == '_' && i > 0))
            return false;
    return name.n > 0 && !is_digit(name.p[0]);
}

int ingest__otlp_label_name(struct arena *a, struct str name, struct str *out, struct fault *f)
{
    size_t n = 0;
    char *p;

    *out = name;
    if (is_good_label(name))
        return 0;
    if (name.n == 0)
        return fault_set(f, FER_EINVAL, 0, "label name is empty");
    p = arena_alloc_raw(a, name.n + sizeof(KEY_PREFIX), 1);
    for (size_t at = 0; at < name.n; at += rune_bytes(name, at))
        p[n++] = is_alnum(name.p[at]) ? name.p[at] : '_';
    *out = (struct str){p, n};
    if (is_digit(p[0]) || (p[0] == '_' && !str_starts(*out, "__"))) {
        size_t skip = is_digit(p[0]) ? strlen(KEY_PREFIX) : strlen(KEY_PREFIX) - 1;

        memmove(p + skip, p, n);
        memcpy(p, KEY_PREFIX, skip);
        out->n += skip;
    }
    return only_underscores(*out) ? no_name(f, "label name", name, "invalid name ", *out) : 0;
}
