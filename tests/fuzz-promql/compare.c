/*
 * compare.c - two answers to one query: equal to the last bit, or nearly where the libraries of C
 * and Go differ. What is let pass is here and in judge.c, and told in README.md.
 */
#include <math.h>
#include <stdlib.h>

#include "fuzz.h"

#define INEXACT_TOLERANCE 1e-12
#define LOG_ABSOLUTE      1e-15  /* of log2 and log10 near 1, where Go adds two logarithms */
#define LOG_OF_DENORMAL   (-307) /* down from here Go's logarithms are wrong */

static bool has(const struct test_case *c, const char *text)
{
    return memmem(c->text.p, c->text.n, text, strlen(text)) != NULL;
}

/* Functions of Go whose results are further off than their last digits. */
static bool known_of_go(const struct test_case *c, double x, double y)
{
    if (has(c, "log2") || has(c, "log10") || has(c, "ln(")) {
        if (fabs(x - y) <= LOG_ABSOLUTE || (x < LOG_OF_DENORMAL && y < LOG_OF_DENORMAL))
            return true;
    }
    /* of a quotient that is too small, and loses its sign */
    return has(c, "atan2") && fabs(x) == M_PI && x == -y;
}

static bool same_value(double x, double y, const struct test_case *c)
{
    if (isnan(x) || isnan(y)) /* which NaN is not compared, but a stale marker is no NaN */
        return isnan(x) && isnan(y) && is_stale(x) == is_stale(y);
    if (same_bits(x, y))
        return true;
    if (c->zero_sign && x == 0 && y == 0)
        return true;
    if (!c->inexact || isinf(x) || isinf(y))
        return false;
    return fabs(x - y) <= INEXACT_TOLERANCE * fmax(fabs(x), fabs(y)) || known_of_go(c, x, y);
}

/* The place of the next bucket that is not empty. */
static size_t skip_empty(const struct histogram_side *s, size_t i)
{
    while (i < s->n && s->count[i] == 0)
        i++;
    return i;
}

static bool same_side(const struct histogram_side *x, const struct histogram_side *y,
                      const struct test_case *c)
{
    size_t i = skip_empty(x, 0), k = skip_empty(y, 0);

    while (i < x->n && k < y->n) {
        if (x->index[i] != y->index[k] || !same_value(x->count[i], y->count[k], c))
            return false;
        i = skip_empty(x, i + 1);
        k = skip_empty(y, k + 1);
    }
    return i >= x->n && k >= y->n;
}

static bool same_histogram(const struct histogram *x, const struct histogram *y,
                           const struct test_case *c)
{
    bool bounds = x->n_bounds == y->n_bounds;

    for (size_t i = 0; i < x->n_bounds && bounds; i++)
        bounds = x->bounds[i] == y->bounds[i];
    return bounds && x->hint == y->hint && x->schema == y->schema &&
           same_bits(x->zero_threshold, y->zero_threshold) &&
           (histogram_is_custom(x) || same_value(x->zero_count, y->zero_count, c)) &&
           same_value(x->count, y->count, c) && same_value(x->sum, y->sum, c) &&
           same_side(&x->pos, &y->pos, c) && same_side(&x->neg, &y->neg, c);
}

static bool same_point(const struct point *x, const struct point *y, const struct test_case *c)
{
    if (x->h != NULL && y->h != NULL)
        return same_histogram(x->h, y->h, c);
    return x->h == y->h && same_value(x->v, y->v, c);
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const struct series *)a)->labels, ((const struct series *)b)->labels);
}

static const struct series *sorted(struct arena *a, const struct answer *x)
{
    struct series *v = arena_array(a, struct series, x->n_series);

    for (size_t i = 0; i < x->n_series; i++)
        v[i] = x->series[i];
    if (x->n_series > 1)
        qsort(v, x->n_series, sizeof(*v), by_labels);
    return v;
}

static bool same_labels(const struct series *v, const struct series *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!labels_eq(v[i].labels, w[i].labels))
            return false;
    return true;
}

static struct str point_differs(struct arena *a, const char *labels, const struct point *x,
                                const struct point *y)
{
    struct buf b = {0};
    struct str out;

    buf_addf(&b, "%s: ", labels);
    point_print(&b, x);
    buf_puts(&b, " and ");
    point_print(&b, y);
    out = arena_str(a, buf_str(&b));
    buf_release(&b);
    return out;
}

static struct str series_differ(struct arena *a, const struct series *x, const struct series *y,
                                const struct test_case *c)
{
    struct buf b = {0};
    struct str out = {0};

    labels_print(&b, x->labels);
    if (x->n != y->n)
        out = arena_printf(a, "%s has %zu points and %zu", b.p, x->n, y->n);
    for (size_t i = 0; i < x->n && out.n == 0; i++) {
        const struct point *p = &x->points[i], *q = &y->points[i];

        if (p->t != q->t)
            out = arena_printf(a, "%s at %lld and at %lld", b.p, (long long)p->t, (long long)q->t);
        else if (!same_point(p, q, c))
            out = point_differs(a, b.p, p, q);
    }
    buf_release(&b);
    return out;
}

/* Less the position, where versions of Prometheus have different ones. */
static struct str common_part(struct str text)
{
    const char *at = memmem(text.p, text.n, " NaN observations", 17);

    while (at != NULL && text.n > 0 && text.p[text.n - 1] != '(')
        text.n--;
    return text;
}

static bool is_among(struct str text, const struct str *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(common_part(text), common_part(v[i])))
            return true;
    return false;
}

static bool same_texts(const struct str *v, size_t n, const struct str *w, size_t m)
{
    for (size_t i = 0; i < n; i++)
        if (!is_among(v[i], w, m))
            return false;
    for (size_t i = 0; i < m; i++)
        if (!is_among(w[i], v, n))
            return false;
    return true;
}

/* Which of two duplicates Prometheus names first follows from the order in its storage. */
static bool same_error(struct arena *a, struct str x, struct str y)
{
    static const char head[] = "operation: [", middle[] = "}, {", tail[] = "];many";
    const char *from, *to, *end;

    if (str_eq(x, y))
        return true;
    if (!str_starts(x, "found duplicate series for the match group"))
        return false;
    from = memmem(x.p, x.n, head, sizeof(head) - 1);
    to = memmem(x.p, x.n, middle, sizeof(middle) - 1);
    end = memmem(x.p, x.n, tail, sizeof(tail) - 1);
    if (from == NULL || to == NULL || end == NULL)
        return false;
    from += sizeof(head) - 1;
    to++; /* after the brace */
    return str_eq(y,
                  arena_printf(a, "%.*s%.*s, %.*s%.*s", (int)(from - x.p), x.p, (int)(end - to - 2),
                               to + 2, (int)(to - from), from, (int)(x.p + x.n - end), end));
}

static bool same_order(const struct answer *x, const struct answer *y)
{
    return x->n_series == y->n_series && same_labels(x->series, y->series, x->n_series);
}

/* ---- what was counted ---- */

#define TOO_MANY "query processing would load too many samples into memory in query execution"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static bool has_word(const struct test_case *c, const char *word)
{
    size_t n = strlen(word);
    struct str t = c->text;

    for (size_t i = 0; i + n <= t.n; i++)
        if (memcmp(t.p + i, word, n) == 0 && (i == 0 || !is_word(t.p[i - 1])) &&
            (i + n == t.n || !is_word(t.p[i + n])))
            return true;
    return false;
}

/* Histograms that are made of others have more spans in Prometheus, and so count for more. */
static bool makes_histograms(const struct test_case *c)
{
    return c->natives && (has_word(c, "nc") || has_word(c, "nh") || has_word(c, "nm") ||
                          has_word(c, "__name__") || has_word(c, "info"));
}

/* Prometheus 3.14 looks at other samples of info series than later ones, and ferula, do. */
static bool moves_info(const struct test_case *c)
{
    return has_word(c, "info") && (has(c, "offset") || has(c, "@"));
}

static bool same_count(const struct test_case *c, uint64_t own, uint64_t peer)
{
    return own == peer || (makes_histograms(c) && own < peer && peer - own <= peer / 8);
}

static bool same_steps(const struct test_case *c, const uint64_t *own, const uint64_t *peer,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!same_count(c, own[i], peer[i]))
            return false;
    return true;
}

static struct str counts_differ(struct arena *a, const char *what, uint64_t own, uint64_t peer)
{
    return arena_printf(a, "%llu samples %s and %llu", (unsigned long long)own, what,
                        (unsigned long long)peer);
}

static struct str stats_differ(struct arena *a, const struct test_case *c,
                               const struct promql_stats *x, const struct promql_stats *y)
{
    if (moves_info(c))
        return (struct str){0};
    if (!same_count(c, x->total_samples, y->total_samples))
        return counts_differ(a, "in total", x->total_samples, y->total_samples);
    if (x->samples_read != y->samples_read)
        return counts_differ(a, "read", x->samples_read, y->samples_read);
    if (!same_count(c, x->peak_samples, y->peak_samples))
        return counts_differ(a, "at once", x->peak_samples, y->peak_samples);
    if (x->n_steps != y->n_steps || !same_steps(c, x->total_by_step, y->total_by_step, x->n_steps))
        return STR("samples in total by step");
    if (memcmp(x->read_by_step, y->read_by_step, x->n_steps * sizeof(*x->read_by_step)) != 0)
        return STR("samples read by step");
    return (struct str){0};
}

/* The limit is met by both, but one comes to another error first; or nearly so by one of them. */
static bool limits_differ(const struct test_case *c, const struct answer *own,
                          const struct answer *peer)
{
    bool mine = str_is(own->error, TOO_MANY), other = str_is(peer->error, TOO_MANY);

    if (own->error.n > 0 && peer->error.n > 0)
        return mine || other;
    if (moves_info(c))
        return mine || other;
    return other && own->error.n == 0 && makes_histograms(c) &&
           own->stats.peak_samples >= c->max_samples - c->max_samples / 8;
}

/* ---- errors and all the rest ---- */

/*
 * Prometheus makes one series of a float and a histogram at one time, which is none; and cannot
 * print custom buckets that were multiplied by no number.
 */
static bool histograms_differ(const struct test_case *c, struct str own, struct str peer)
{
    return c->natives && (str_is(own, "vector cannot contain metrics with the same labelset") ||
                          str_is(peer, "histograms with custom buckets have no zero bucket"));
}

struct str answers_differ(struct arena *a, const struct test_case *c, const struct answer *own,
                          const struct answer *peer)
{
    const struct series *v, *w;
    struct str out = {0};

    if (own->error.n > 0 || peer->error.n > 0)
        return same_error(a, own->error, peer->error) ||
                       histograms_differ(c, own->error, peer->error) || limits_differ(c, own, peer)
                   ? out
                   : STR("errors");
    if (own->type != peer->type)
        return STR("types");
    if (!str_eq(own->string, peer->string))
        return STR("strings");
    if (own->n_series != peer->n_series)
        return arena_printf(a, "%zu series and %zu", own->n_series, peer->n_series);
    v = sorted(a, own);
    w = sorted(a, peer);
    if (!same_labels(v, w, own->n_series))
        return STR("label sets");
    for (size_t i = 0; i < own->n_series && out.n == 0; i++)
        out = series_differ(a, &v[i], &w[i], c);
    if (out.n > 0)
        return out;
    if (!c->any_order && !same_order(own, peer))
        return STR("order of series");
    if (!same_texts(own->warnings, own->n_warnings, peer->warnings, peer->n_warnings))
        return STR("warnings");
    if (!same_texts(own->infos, own->n_infos, peer->infos, peer->n_infos))
        return STR("infos");
    return c->stats ? stats_differ(a, c, &own->stats, &peer->stats) : out;
}

bool only_order_differs(struct arena *a, const struct test_case *c, const struct answer *own,
                        const struct answer *peer)
{
    struct test_case loose = *c;

    loose.any_order = true;
    return answers_differ(a, &loose, own, peer).n == 0;
}

void answer_print(struct buf *out, const struct answer *x)
{
    if (x->error.n > 0) {
        buf_addf(out, "    error: " STR_FMT "\n", STR_ARG(x->error));
        return;
    }
    buf_addf(out, "    %s %.*s\n", promql_type_name(x->type), STR_ARG(x->string));
    buf_addf(out, "    samples: %llu in total, %llu read, %llu at once\n",
             (unsigned long long)x->stats.total_samples, (unsigned long long)x->stats.samples_read,
             (unsigned long long)x->stats.peak_samples);
    for (size_t i = 0; i < x->n_series; i++)
        series_print(out, &x->series[i]);
    for (size_t i = 0; i < x->n_warnings; i++)
        buf_addf(out, "    warning: " STR_FMT "\n", STR_ARG(x->warnings[i]));
    for (size_t i = 0; i < x->n_infos; i++)
        buf_addf(out, "    info: " STR_FMT "\n", STR_ARG(x->infos[i]));
}
