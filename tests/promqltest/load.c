/*
 * load.c - the command `load`: series with values, start timestamps and native histograms.
 */
#include "load.h"

#include "ferula/model/duration.h"

/* ---- start timestamps: `m{a="b"}@st -1m 0s _x2 -1m+30sx3`, offsets from the samples' times -- */

struct offsets {
    struct labels labels;
    struct start_offset {
        dur_ms ms;
        bool omitted;
    } * v;
    size_t n, cap;
    bool pending; /* the line of samples comes next */
};

static bool has_offsets(struct str line)
{
    size_t n = 0;

    while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
        n++;
    return n < line.n && str_ends((struct str){line.p, n}, "@st");
}

/* Takes [+-]digits and a unit off *rest. */
static bool take_duration(struct str *rest, dur_ms *out)
{
    bool minus = rest->n > 0 && rest->p[0] == '-';
    struct str s = str_cut(*rest, rest->n > 0 && (minus || rest->p[0] == '+'));
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    while (n < s.n && s.p[n] >= 'a' && s.p[n] <= 'z' && s.p[n] != 'x')
        n++;
    if (duration_parse((struct str){s.p, n}, out, NULL) < 0)
        return false;
    *out = minus ? -*out : *out;
    *rest = str_cut(s, n);
    return true;
}

/* xN, at the end. */
static bool take_times(struct str rest, uint64_t *n)
{
    return rest.n > 1 && rest.p[0] == 'x' && str_to_u64(str_cut(rest, 1), n) && *n < 1000000;
}

static bool add_offsets(struct arena *a, struct offsets *o, struct str item)
{
    struct start_offset at = {0};
    dur_ms step = 0;
    uint64_t n = 1;

    if (item.p[0] == '_') {
        at.omitted = true;
        if (item.n > 1 && (!take_times(str_cut(item, 1), &n) || n == 0))
            return false;
    } else {
        if (!take_duration(&item, &at.ms))
            return false;
        if (item.n > 0 && item.p[0] != 'x' && !take_duration(&item, &step))
            return false;
        if (item.n > 0 || step != 0) {
            if (!take_times(item, &n))
                return false;
            n++;
        }
    }
    for (uint64_t i = 0; i < n; i++, at.ms += step) {
        ARENA_GROW(a, o->v, o->n, o->cap, struct start_offset);
        o->v[o->n++] = at;
    }
    return true;
}

static int read_offsets(struct script *s, struct str line, struct offsets *o)
{
    struct str metric = next_word(&line), item;
    struct promql_series_value *none;
    size_t n_none;
    int rc;

    if (o->pending)
        return FER_EINVAL;
    metric.n -= strlen("@st");
    rc = promql_parse_series(s->a, metric, &o->labels, &none, &n_none, &(struct fault){0});
    o->n = 0;
    while (rc == 0 && line.n > 0) {
        item = next_word(&line);
        rc = add_offsets(s->a, o, item) ? 0 : FER_EINVAL;
    }
    o->pending = true;
    return rc;
}

/* ---- samples ---------------------------------------------------------------------------- */

/* A second line with the same labels in one load takes the place of the first. */
static struct loaded *slot(struct loaded *v, size_t *n, struct labels ls)
{
    for (size_t i = 0; i < *n; i++) {
        if (labels_eq(v[i].labels, ls))
            return &v[i];
    }
    return &v[(*n)++];
}

static int read_series(struct script *s, struct str line, dur_ms interval, struct offsets *o,
                       struct loaded *v, size_t *n)
{
    struct promql_series_value *values;
    struct labels ls;
    struct loaded *into;
    size_t n_values;
    int rc = promql_parse_series(s->a, line, &ls, &values, &n_values, &(struct fault){0});

    if (rc < 0)
        return rc;
    if (o->pending && (!labels_eq(ls, o->labels) || n_values != o->n))
        return FER_EINVAL;
    into = slot(v, n, ls);
    *into = (struct loaded){ls, arena_array(s->a, struct loaded_sample, n_values + 1), 0};
    for (size_t i = 0; i < n_values; i++) {
        ts_ms t = (ts_ms)i * interval;
        bool start = o->pending && !o->v[i].omitted;

        if (!values[i].omitted)
            into->samples[into->n++] =
                (struct loaded_sample){t, start ? t + o->v[i].ms : 0, values[i].v, values[i].h};
    }
    o->pending = false;
    return 0;
}

static int append(struct mem_source *source, const struct loaded *series)
{
    int rc = 0;

    for (size_t i = 0; i < series->n && rc == 0; i++) {
        const struct loaded_sample *at = &series->samples[i];

        rc = mem_source_append(source, series->labels, at->t, at->start, at->v, at->h);
    }
    return rc;
}

int script_load(struct script *s, struct str command, struct str rest)
{
    struct loaded *v;
    struct offsets offsets = {0};
    size_t n = 0, lines = 0;
    dur_ms interval;
    bool nhcb = str_is(command, "load_with_nhcb");
    int rc = nhcb || str_is(command, "load") ? duration_parse(rest, &interval, NULL) : FER_EINVAL;

    s->at++;
    while (s->at + lines < s->n_lines && s->lines[s->at + lines].n > 0)
        lines++;
    v = arena_array(s->a, struct loaded, lines + 1);
    for (size_t i = 0; i < lines && rc == 0; i++, s->at += rc == 0) {
        struct str line = s->lines[s->at];

        rc = has_offsets(line) ? read_offsets(s, line, &offsets)
                               : read_series(s, line, interval, &offsets, v, &n);
    }
    if (rc == 0 && offsets.pending)
        rc = FER_EINVAL;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = append(s->source, &v[i]);
    return rc == 0 && nhcb ? load_custom_buckets(s, v, n) : rc;
}
