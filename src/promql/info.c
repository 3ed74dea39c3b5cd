/*
 * info.c - info(v, {matchers}): adds to each series of v the labels of the info metrics
 * (target_info and the like) of the same instance and job.
 *
 * Info series are looked at as of the time at which v's first selector looks: @ and offset of it,
 * and of the subqueries around it, hold for both.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "ferula/base/check.h"

#include "eval.h"

#define NO_SERIES UINT32_MAX

static const struct str identifying[] = {
    {"instance", 8},
    {"job",      3}
};

struct info {
    struct promql__ev *ev;
    const struct promql__grid *g;
    struct promql__matrix base;
    bool *is_info;               /* series of base that are info series themselves */
    const struct matcher *asked; /* the matchers of the call, names too; those of the name first */
    size_t n_asked, n_names;
    struct matcher *names; /* what the name of an info series must satisfy */
    size_t n_effective;

    struct promql__matrix series; /* info series; values are the times of their samples */
    struct promql__index metrics; /* names of the info metrics, as label sets */
    struct promql__index signatures;
    uint32_t *signature; /* of each info series */
    uint32_t *wanted;    /* base.n rows of metrics.n signatures */

    /* Of the step at hand. */
    uint32_t *newest; /* info series of each signature, or NO_SERIES */
    size_t *at;       /* the sample of each info series */
};

/* ---- when ------------------------------------------------------------------------------- */

static struct promql__shift inside(const struct promql__shift *outer, struct promql__shift own)
{
    if (own.pinned)
        return own;
    own.pinned = outer->pinned;
    own.at = outer->at;
    own.offset = promql__minus(own.offset, promql__minus(0, outer->offset));
    return own;
}

/* The shift of the first selector; `outer` is that of the subqueries around. False: there is none.
 */
static bool first_shift(const struct promql__ev *ev, const struct promql_expr *e,
                        struct promql__shift outer, struct promql__shift *out)
{
    switch (e->kind) {
    case PROMQL_E_VECTOR_SELECTOR:
        *out = inside(&outer, promql__shift_of(ev, &e->u.vector.shift));
        return true;
    case PROMQL_E_MATRIX_SELECTOR:
        return first_shift(ev, e->u.matrix.selector, outer, out);
    case PROMQL_E_SUBQUERY:
        outer = inside(&outer, promql__shift_of(ev, &e->u.subquery.shift));
        return first_shift(ev, e->u.subquery.expr, outer, out);
    case PROMQL_E_CALL:
        for (size_t i = 0; i < e->u.call.n_args; i++)
            if (first_shift(ev, e->u.call.args[i], outer, out))
                return true;
        return false;
    case PROMQL_E_AGGREGATE:
        return first_shift(ev, e->u.aggregate.expr, outer, out) ||
               (e->u.aggregate.param != NULL && first_shift(ev, e->u.aggregate.param, outer, out));
    case PROMQL_E_BINARY:
        return first_shift(ev, e->u.binary.lhs, outer, out) ||
               first_shift(ev, e->u.binary.rhs, outer, out);
    case PROMQL_E_UNARY:
        return first_shift(ev, e->u.unary.expr, outer, out);
    case PROMQL_E_PAREN:
        return first_shift(ev, e->u.paren, outer, out);
    default:
        return false;
    }
}

/* ---- which ------------------------------------------------------------------------------ */

static bool is_of_name(const struct matcher *m)
{
    return str_is(m->name, LABEL_NAME);
}

static int add_name(struct info *in, enum match_op op, const char *value)
{
    return matcher_init(&in->names[in->n_effective++], in->ev->arena, op, STR(LABEL_NAME),
                        str_of(value), in->ev->f);
}

/* Matchers that only say what the name is not need one that says that it is an info metric. */
static int read_matchers(struct info *in, const struct promql_call *call)
{
    const struct promql_vector_selector *vs =
        call->n_args > 1 ? &promql__unparen(call->args[1])->u.vector : NULL;
    size_t n = vs == NULL ? 0 : vs->n_matchers;
    struct matcher *asked = arena_array(in->ev->arena, struct matcher, n + 1);
    bool positive = false;
    int rc = 0;

    in->names = arena_array(in->ev->arena, struct matcher, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (!is_of_name(&vs->matchers[i]))
            continue;
        positive = positive || vs->matchers[i].op == MATCH_EQ || vs->matchers[i].op == MATCH_RE;
        asked[in->n_asked++] = vs->matchers[i];
    }
    in->n_names = in->n_asked;
    for (size_t i = 0; i < n; i++)
        if (!is_of_name(&vs->matchers[i]))
            asked[in->n_asked++] = vs->matchers[i];
    in->asked = asked;

    if (in->n_names == 0)
        rc = add_name(in, MATCH_EQ, "target_info");
    else if (!positive)
        rc = add_name(in, MATCH_RE, ".+_info");
    for (size_t i = 0; i < in->n_names; i++)
        in->names[in->n_effective++] = asked[i];
    return rc;
}

static void find_info_in_base(struct info *in)
{
    in->is_info = arena_array(in->ev->arena, bool, in->base.n);
    for (size_t i = 0; i < in->base.n; i++) {
        struct str name = labels_name(in->base.v[i].labels);

        in->is_info[i] = true;
        for (size_t k = 0; k < in->n_effective && in->is_info[i]; k++)
            in->is_info[i] = matcher_matches(&in->names[k], name);
    }
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* As Go's regexp.QuoteMeta(). */
static void add_quoted(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (strchr("\\.+*?()|[]{}^$", s.p[i]) != NULL && s.p[i] != '\0')
            buf_putc(b, '\\');
        buf_putc(b, s.p[i]);
    }
}

/* Values of label `name` in base as a|b|c; empty when no series has it. */
static struct str values_of(const struct info *in, struct str name)
{
    struct str *v = arena_array(in->ev->arena, struct str, in->base.n + 1), out;
    struct buf b = {0};
    size_t n = 0;

    for (size_t i = 0; i < in->base.n; i++) {
        struct str value = labels_get(in->base.v[i].labels, name);

        if (!in->is_info[i] && value.n > 0)
            v[n++] = value;
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), by_text);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && str_eq(v[i], v[i - 1]))
            continue;
        if (i > 0)
            buf_putc(&b, '|');
        add_quoted(&b, v[i]);
    }
    out = arena_str(in->ev->arena, buf_str(&b));
    buf_release(&b);
    return out;
}

/* ---- info series ------------------------------------------------------------------------ */

static int no_info_metric(struct promql__ev *ev, struct labels ls)
{
    struct buf b = {0};
    int rc;

    labels_print(&b, ls);
    rc = fault_set(ev->f, FER_EEXEC, 0, "this should be an info metric, with float samples: %s",
                   b.p);
    buf_release(&b);
    return rc;
}

/* The times of the newest samples of ev->in, as the steps see them, into ev->out. */
static int pick_times(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql__shift *shift, struct labels ls)
{
    struct promql__place c = {0};

    promql__out_begin(ev);
    for (size_t i = 0; i < g->n; i++) {
        switch (promql__newest(ev, &c, promql__reference(shift, g, i))) {
        case PROMQL__HIST:
            return no_info_metric(ev, ls);
        case PROMQL__FLOAT:
            sample_vec_push(&ev->out,
                            (struct sample){promql__time(g, i), (double)ev->in.f.v[c.f - 1].t});
            break;
        case PROMQL__NONE:
            break;
        }
    }
    promql__count_made(ev, g);
    return promql__hold(ev, ev->out.n);
}

static int select_info(struct info *in, const struct promql_expr *base_expr,
                       const struct matcher *m, size_t n)
{
    const struct promql_vector_selector vs = {.matchers = m, .n_matchers = n};
    struct promql__shift shift = {0};
    struct promql__span span = {&shift, in->ev->lookback, 0};
    struct source_selection *sel;
    int rc;

    (void)first_shift(in->ev, base_expr, (struct promql__shift){0}, &shift);
    rc = promql__select(in->ev, in->g, &vs, &span, &sel);
    for (size_t i = 0; rc == 0 && i < sel->n; i++) {
        rc = promql__read(in->ev, sel, i);
        if (rc == 0)
            rc = pick_times(in->ev, in->g, &shift, sel->series[i].labels);
        if (rc == 0)
            promql__matrix_keep(in->ev, &in->series, sel->series[i].labels, false);
    }
    promql__operand(in->ev, in->g, &in->series);
    return rc;
}

static int fetch_info(struct info *in, const struct promql_expr *base_expr)
{
    size_t n_data = in->n_asked - in->n_names, n = 0;
    struct matcher *m =
        arena_array(in->ev->arena, struct matcher, COUNT(identifying) + n_data + in->n_effective);
    int rc = 0;

    for (size_t i = 0; i < COUNT(identifying) && rc == 0; i++) {
        struct str values = values_of(in, identifying[i]);

        if (values.n > 0)
            rc = matcher_init(&m[n++], in->ev->arena, MATCH_RE, identifying[i], values, in->ev->f);
    }
    if (rc != 0 || n == 0)
        return rc;
    for (size_t i = in->n_names; i < in->n_asked; i++)
        m[n++] = in->asked[i];
    for (size_t i = 0; i < in->n_effective; i++)
        m[n++] = in->names[i];
    return select_info(in, base_expr, m, n);
}

/* ---- signatures ------------------------------------------------------------------------- */

/* The metric's name with the identifying labels of `ls`. */
static uint32_t signature(struct info *in, struct labels metric, struct labels ls)
{
    struct label *v = arena_array(in->ev->arena, struct label, 1 + COUNT(identifying));
    size_t n = 0;

    v[n++] = metric.v[0];
    for (size_t i = 0; i < COUNT(identifying); i++) {
        struct str value = labels_get(ls, identifying[i]);

        if (value.n > 0)
            v[n++] = (struct label){identifying[i], value};
    }
    return (uint32_t)promql__index_put(&in->signatures, (struct labels){v, n});
}

static struct labels metric_of(const struct info *in, struct labels ls)
{
    static const struct str name = {LABEL_NAME, sizeof(LABEL_NAME) - 1};

    return labels_keep(in->ev->arena, ls, &name, 1);
}

static void number_signatures(struct info *in)
{
    struct arena *a = in->ev->arena;

    promql__index_init(&in->metrics, a);
    promql__index_init(&in->signatures, a);
    in->signature = arena_array(a, uint32_t, in->series.n + 1);
    for (size_t i = 0; i < in->series.n; i++) {
        struct labels metric = metric_of(in, in->series.v[i].labels);

        promql__index_put(&in->metrics, metric);
        in->signature[i] = signature(in, metric, in->series.v[i].labels);
    }
    in->wanted = arena_array(a, uint32_t, in->base.n * in->metrics.n + 1);
    for (size_t i = 0; i < in->base.n; i++)
        for (size_t k = 0; k < in->metrics.n; k++)
            in->wanted[i * in->metrics.n + k] =
                signature(in, in->metrics.keys[k], in->base.v[i].labels);
    in->newest = arena_array(a, uint32_t, in->signatures.n + 1);
    in->at = arena_array(a, size_t, in->series.n + 1);
}

static int duplicate(const struct info *in, uint32_t x, uint32_t y, double t)
{
    struct buf b = {0};
    int rc;

    buf_puts(&b, "found duplicate series for info metric: existing ");
    labels_print(&b, in->series.v[x].labels);
    buf_addf(&b, " @ %" PRId64 ", new ", (int64_t)t);
    labels_print(&b, in->series.v[y].labels);
    buf_addf(&b, " @ %" PRId64, (int64_t)t);
    rc = fault_set(in->ev->f, FER_EEXEC, 0, "%s", b.p);
    buf_release(&b);
    return rc;
}

/* Of several info series with one signature the one with the newest sample counts. */
static int find_newest(struct info *in, ts_ms t)
{
    for (size_t i = 0; i < in->signatures.n; i++)
        in->newest[i] = NO_SERIES;
    for (uint32_t i = 0; i < in->series.n; i++) {
        const struct promql__series *s = &in->series.v[i];
        uint32_t *best = &in->newest[in->signature[i]];
        double mine, other;

        while (in->at[i] < s->n && s->s[in->at[i]].t < t)
            in->at[i]++;
        if (in->at[i] == s->n || s->s[in->at[i]].t != t)
            continue;
        mine = s->s[in->at[i]].v;
        if (*best == NO_SERIES) {
            *best = i;
            continue;
        }
        other = in->series.v[*best].s[in->at[*best]].v;
        if (mine == other)
            return duplicate(in, *best, i, mine);
        if (mine > other)
            *best = i;
    }
    return 0;
}

/* ---- joining ---------------------------------------------------------------------------- */

static bool is_asked(const struct info *in, struct str name)
{
    if (in->n_asked == in->n_names)
        return true;
    for (size_t i = in->n_names; i < in->n_asked; i++)
        if (str_eq(in->asked[i].name, name))
            return true;
    return false;
}

/* Adds the labels of an info series that are asked for and are not in `base`. */
static int add_labels(const struct info *in, struct labels from, struct labels base,
                      struct labels *added)
{
    for (size_t i = 0; i < from.n; i++) {
        struct str name = from.v[i].name, had;

        if (str_is(name, LABEL_NAME) || !is_asked(in, name))
            continue;
        had = labels_get(*added, name);
        if (had.n > 0 && !str_eq(had, from.v[i].value))
            return fault_set(in->ev->f, FER_EEXEC, 0, "conflicting label: " STR_FMT, STR_ARG(name));
        if (!labels_has(base, name))
            *added = labels_set(in->ev->arena, *added, name, from.v[i].value);
    }
    return 0;
}

/* Whether a series that no info series belongs to is kept. */
static bool may_lack(const struct info *in)
{
    for (size_t i = in->n_names; i < in->n_asked; i++)
        if (!matcher_matches(&in->asked[i], STR("")))
            return false;
    return true;
}

/* What a base series gave in the step before: the same info series give the same labels again. */
struct joined {
    uint32_t *with; /* info series of each metric */
    size_t series;  /* of the result */
    bool made, dropped;
};

static bool same_as_before(const struct info *in, size_t i, struct joined *j)
{
    bool same = j->made;

    for (size_t k = 0; k < in->metrics.n; k++) {
        uint32_t now = in->is_info[i] ? NO_SERIES : in->newest[in->wanted[i * in->metrics.n + k]];

        same = same && j->with[k] == now;
        j->with[k] = now;
    }
    j->made = true;
    return same;
}

static int join(const struct info *in, size_t i, struct joined *j, struct promql__collector *c)
{
    const struct promql__series *base = &in->base.v[i];
    struct labels added = {0}, ls = base->labels;
    bool found = in->is_info[i];

    for (size_t k = 0; k < in->metrics.n; k++) {
        int rc;

        if (j->with[k] == NO_SERIES)
            continue;
        found = true;
        rc = add_labels(in, in->series.v[j->with[k]].labels, ls, &added);
        if (rc != 0)
            return rc;
    }
    j->dropped = !found && !may_lack(in);
    if (j->dropped)
        return 0;
    for (size_t k = 0; k < added.n; k++)
        ls = labels_set(in->ev->arena, ls, added.v[k].name, added.v[k].value);
    j->series = promql__collect_series(c, ls, base->drop_name);
    return 0;
}

/* Info series are only looked at in steps in which there is something to join them to. */
static int join_step(struct info *in, struct joined *joined, struct promql__cursor *at, ts_ms t,
                     struct promql__collector *c)
{
    bool looked = false;
    int rc = 0;

    for (size_t i = 0; i < in->base.n && rc == 0; i++) {
        struct promql__value v;

        if (!promql__take(&in->base.v[i], &at[i], t, &v))
            continue;
        if (!looked)
            rc = find_newest(in, t);
        looked = true;
        if (rc == 0 && !same_as_before(in, i, &joined[i]))
            rc = join(in, i, &joined[i], c);
        if (rc == 0 && !joined[i].dropped)
            rc = promql__collect_add(c, joined[i].series, t, v);
    }
    return rc != 0 ? rc : promql__tick(in->ev, in->base.n + in->series.n);
}

static int join_all(struct info *in, struct promql__matrix *out)
{
    struct arena *a = in->ev->arena;
    struct joined *joined = arena_array(a, struct joined, in->base.n);
    struct promql__cursor *at = arena_array(a, struct promql__cursor, in->base.n);
    struct promql__collector c;
    int rc = 0;

    promql__collect_begin(&c, in->ev, in->g);
    for (size_t i = 0; i < in->base.n; i++)
        joined[i].with = arena_array(a, uint32_t, in->metrics.n + 1);
    for (size_t i = 0; i < in->g->n && rc == 0; i++)
        rc = join_step(in, joined, at, promql__time(in->g, i), &c);
    return rc != 0 ? rc : promql__collect_end(&c, out);
}

int promql__fn_info(struct promql__ev *ev, const struct promql__grid *g,
                    const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    const struct promql_expr *arg = promql__unparen(call->args[0]);
    struct info in = {.ev = ev, .g = g};
    int rc = promql__eval(ev, g, arg, &in.base);

    if (rc == 0)
        rc = read_matchers(&in, call);
    if (rc != 0 || in.base.n == 0)
        return rc;
    find_info_in_base(&in);
    rc = fetch_info(&in, arg);
    if (rc != 0)
        return rc;
    number_signatures(&in);
    return join_all(&in, out);
}
