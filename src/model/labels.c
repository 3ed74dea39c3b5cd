/*
 * labels.c - looking into label sets, comparing them, making new ones.
 */
#include "ferula/model/labels.h"

#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/err.h"
#include "ferula/base/hash.h"

struct str labels_get(struct labels ls, struct str name)
{
    for (size_t i = 0; i < ls.n; i++)
        if (str_eq(ls.v[i].name, name))
            return ls.v[i].value;
    return STR("");
}

bool labels_has(struct labels ls, struct str name)
{
    return labels_get(ls, name).n > 0;
}

struct str labels_name(struct labels ls)
{
    return labels_get(ls, STR(LABEL_NAME));
}

int labels_cmp(struct labels a, struct labels b)
{
    size_t n = MIN(a.n, b.n);

    for (size_t i = 0; i < n; i++) {
        int d = str_cmp(a.v[i].name, b.v[i].name);

        if (d == 0)
            d = str_cmp(a.v[i].value, b.v[i].value);
        if (d != 0)
            return d;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

bool labels_eq(struct labels a, struct labels b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (!str_eq(a.v[i].name, b.v[i].name) || !str_eq(a.v[i].value, b.v[i].value))
            return false;
    return true;
}

static char *pack(char *to, struct str s)
{
    memcpy(to, &s.n, sizeof(s.n));
    to += sizeof(s.n);
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

/* Lengths go into the hash too: no two sets may be made to look alike by moving a boundary. */
uint64_t labels_hash(struct labels ls)
{
    char brief[1024], *at;
    struct buf b = {0};
    size_t bytes = 0;
    uint64_t h;

    for (size_t i = 0; i < ls.n; i++)
        bytes += 2 * sizeof(size_t) + ls.v[i].name.n + ls.v[i].value.n;
    if (bytes > sizeof(brief))
        buf_reserve(&b, bytes);
    at = bytes > sizeof(brief) ? b.p : brief;
    for (size_t i = 0; i < ls.n; i++)
        at = pack(pack(at, ls.v[i].name), ls.v[i].value);
    h = hash_keyed64(at - bytes, bytes);
    buf_release(&b);
    return h;
}

static int by_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return str_cmp(x->name, y->name);
}

static bool is_sorted(const struct label *v, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (by_name(&v[i - 1], &v[i]) > 0)
            return false;
    return true;
}

/* The one complaint about one label, with the label as Go would quote it. */
static int refuse(struct fault *f, struct str text, const char *fmt)
{
    struct buf b = {0};

    buf_add_go_quoted(&b, text);
    buf_addf(&b, " %s", fmt);
    fault_set(f, FER_EINVAL, 0, "label " STR_FMT, STR_ARG(buf_str(&b)));
    buf_release(&b);
    return FER_EINVAL;
}

static int check_label(const struct label *l, struct fault *f)
{
    if (l->name.n == 0)
        return fault_set(f, FER_EINVAL, 0, "label name is empty");
    if (!utf8_valid(l->name))
        return refuse(f, l->name, "has a name that is not valid UTF-8");
    if (!utf8_valid(l->value))
        return refuse(f, l->name, "has a value that is not valid UTF-8");
    return 0;
}

int labels_normalise(struct label *v, size_t *n, struct fault *f)
{
    bool named = false;
    size_t kept = 0;

    for (size_t i = 0; i < *n; i++)
        if (v[i].value.n > 0)
            v[kept++] = v[i];
    if (!is_sorted(v, kept))
        qsort(v, kept, sizeof(*v), by_name);
    for (size_t i = 0; i < kept; i++) {
        int rc = check_label(&v[i], f);

        if (rc < 0)
            return rc;
        if (i > 0 && str_eq(v[i - 1].name, v[i].name))
            return refuse(f, v[i].name, "is there twice");
        named = named || str_is(v[i].name, LABEL_NAME);
    }
    if (!named)
        return fault_set(f, FER_EINVAL, 0, "there is no metric name");
    *n = kept;
    return 0;
}

struct labels labels_copy(struct arena *a, struct labels ls)
{
    struct label *v = arena_array(a, struct label, ls.n);

    for (size_t i = 0; i < ls.n; i++)
        v[i] = (struct label){arena_str(a, ls.v[i].name), arena_str(a, ls.v[i].value)};
    return (struct labels){v, ls.n};
}

static bool is_among(struct str name, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/*
 * Labels that are left out one by one: what is left is a part of the old array as long as it has no
 * gap, which is the usual case, and a copy from then on.
 */
struct picking {
    struct arena *a;
    struct labels from;
    struct label *copy; /* NULL: picked from `first` on, without a gap */
    size_t first, n;
};

static void pick(struct picking *pk, size_t i)
{
    if (pk->n == 0)
        pk->first = i;
    if (pk->copy == NULL && i != pk->first + pk->n) {
        pk->copy = arena_array(pk->a, struct label, pk->from.n);
        memcpy(pk->copy, pk->from.v + pk->first, pk->n * sizeof(*pk->copy));
    }
    if (pk->copy != NULL)
        pk->copy[pk->n] = pk->from.v[i];
    pk->n++;
}

/* All from `i` on. */
static void pick_rest(struct picking *pk, size_t i)
{
    if (pk->copy == NULL && i < pk->from.n && (pk->n == 0 || i == pk->first + pk->n)) {
        pk->first = pk->n == 0 ? i : pk->first;
        pk->n += pk->from.n - i;
        return;
    }
    for (; i < pk->from.n; i++)
        pick(pk, i);
}

static struct labels picked(const struct picking *pk)
{
    if (pk->n == 0)
        return (struct labels){0};
    return (struct labels){pk->copy == NULL ? pk->from.v + pk->first : pk->copy, pk->n};
}

/* The labels whose being among `names` is `wanted`. */
static struct labels filter(struct arena *a, struct labels ls, const struct str *names, size_t n,
                            bool wanted)
{
    struct picking pk = {.a = a, .from = ls};

    if (n == 0)
        return wanted ? (struct labels){0} : ls;
    for (size_t i = 0; i < ls.n; i++)
        if (is_among(ls.v[i].name, names, n) == wanted)
            pick(&pk, i);
    return picked(&pk);
}

struct labels labels_keep(struct arena *a, struct labels ls, const struct str *names, size_t n)
{
    return filter(a, ls, names, n, true);
}

struct labels labels_drop(struct arena *a, struct labels ls, const struct str *names, size_t n)
{
    return filter(a, ls, names, n, false);
}

struct labels labels_without(struct arena *a, struct labels ls, struct str name)
{
    return labels_drop(a, ls, &name, 1);
}

static bool is_metadata(struct str name)
{
    return str_is(name, LABEL_NAME) || str_is(name, LABEL_TYPE) || str_is(name, LABEL_UNIT);
}

/* Names ascend, and those of metadata begin with an underscore: behind them all is kept unread. */
struct labels labels_without_metadata(struct arena *a, struct labels ls)
{
    struct picking pk = {.a = a, .from = ls};
    size_t i;

    for (i = 0; i < ls.n && (ls.v[i].name.n == 0 || (unsigned char)ls.v[i].name.p[0] <= '_'); i++)
        if (!is_metadata(ls.v[i].name))
            pick(&pk, i);
    pick_rest(&pk, i);
    return picked(&pk);
}

struct labels labels_set(struct arena *a, struct labels ls, struct str name, struct str value)
{
    struct label *v = arena_array(a, struct label, ls.n + 1);
    size_t n = 0, i = 0;

    for (; i < ls.n && str_cmp(ls.v[i].name, name) < 0; i++)
        v[n++] = ls.v[i];
    if (value.n > 0)
        v[n++] = (struct label){name, value};
    if (i < ls.n && str_eq(ls.v[i].name, name))
        i++;
    for (; i < ls.n; i++)
        v[n++] = ls.v[i];
    return (struct labels){v, n};
}
