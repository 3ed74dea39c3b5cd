/*
 * label_funcs.c - functions of labels and order: label_replace, label_join, absent*, sort*.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/model/regex.h"

#include "eval.h"

static struct str text_arg(const struct promql_call *call, size_t i)
{
    const struct promql_expr *arg = promql__unparen(call->args[i]);

    CHECK(arg->kind == PROMQL_E_STRING);
    return arg->u.string;
}

static int bad_label_name(struct promql__ev *ev, const char *what, struct str name)
{
    if (name.n > 0 && utf8_valid(name))
        return 0;
    return fault_set(ev->f, FER_EEXEC, 0, "invalid %s: " STR_FMT, what, STR_ARG(name));
}

static void set_label(struct promql__ev *ev, struct promql__series *s, struct str name,
                      struct str value)
{
    s->labels = value.n == 0 ? labels_without(ev->arena, s->labels, name)
                             : labels_set(ev->arena, s->labels, name, value);
    /* A name that was written on purpose stays. */
    if (str_is(name, LABEL_NAME))
        s->drop_name = false;
}

/* ---- label_replace ---- */

/* The name after `$` or inside `${}`; 0 when what follows is not a reference. */
static size_t reference(struct str s, struct str *name)
{
    bool brace = s.n > 0 && s.p[0] == '{';
    size_t from = brace, at = from;

    while (at < s.n) {
        uint32_t rune;
        size_t n = utf8_decode(str_cut(s, at), &rune);

        /* Letters beyond ASCII may be in names, but no group of RE2 is called so. */
        if (n == 0 || !((rune | 32) - 'a' < 26 || rune - '0' < 10 || rune == '_' || rune >= 0x80))
            break;
        at += n;
    }
    if (at == from || (brace && (at == s.n || s.p[at] != '}')))
        return 0;
    *name = (struct str){s.p + from, at - from};
    return at + brace;
}

static struct str group_text(const struct regex *re, struct str name, const struct str *group)
{
    uint64_t number;
    int named;

    if (str_to_u64(name, &number) && (name.n == 1 || name.p[0] != '0'))
        return number < regex_n_groups(re) ? group[number] : (struct str){0};
    named = regex_group(re, name);
    return named >= 0 ? group[named] : (struct str){0};
}

/* The replacement with $1, ${1}, $name and $$ put in; a `$` before anything else stays. */
static void expand(struct buf *out, struct str template, const struct regex *re,
                   const struct str *group)
{
    for (size_t i = 0; i < template.n; i++) {
        struct str rest = str_cut(template, i + 1), name;
        size_t n;

        if (template.p[i] != '$') {
            buf_putc(out, template.p[i]);
        } else if (rest.n > 0 && rest.p[0] == '$') {
            buf_putc(out, '$');
            i++;
        } else if ((n = reference(rest, &name)) > 0) {
            buf_add_str(out, group_text(re, name, group));
            i += n;
        } else {
            buf_putc(out, '$');
        }
    }
}

int promql__fn_label_replace(struct promql__ev *ev, const struct promql__grid *g,
                             const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    struct str dst = text_arg(call, 1), src = text_arg(call, 3);
    struct str group[REGEX_MAX_GROUPS];
    struct buf value = {0};
    struct fault ignored;
    struct regex *re;
    int rc = regex_compile(&re, ev->arena, text_arg(call, 4), &ignored);

    if (rc != 0)
        return fault_set(ev->f, FER_EEXEC, 0,
                         "invalid regular expression in label_replace(): " STR_FMT,
                         STR_ARG(text_arg(call, 4)));
    if (regex_n_groups(re) > REGEX_MAX_GROUPS)
        return fault_set(ev->f, FER_EUNSUP, 0, "label_replace() takes at most %d groups",
                         REGEX_MAX_GROUPS - 1);
    rc = bad_label_name(ev, "destination label name in label_replace()", dst);
    if (rc == 0)
        rc = promql__eval(ev, g, promql__unparen(call->args[0]), out);
    for (size_t i = 0; rc == 0 && i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        memset(group, 0, sizeof(group));
        if (!regex_match_groups(re, labels_get(s->labels, src), group, regex_n_groups(re)))
            continue;
        buf_reset(&value);
        expand(&value, text_arg(call, 2), re, group);
        set_label(ev, s, dst, arena_str(ev->arena, buf_str(&value)));
    }
    buf_release(&value);
    return rc != 0 ? rc : promql__matrix_merge(ev, out);
}

/* ---- label_join ---- */

int promql__fn_label_join(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_call *call = &e->u.call;
    struct str dst = text_arg(call, 1);
    struct buf value = {0};
    int rc = 0;

    for (size_t i = 3; rc == 0 && i < call->n_args; i++)
        rc = bad_label_name(ev, "source label name in label_join()", text_arg(call, i));
    if (rc == 0)
        rc = bad_label_name(ev, "destination label name in label_join()", dst);
    if (rc == 0)
        rc = promql__eval(ev, g, promql__unparen(call->args[0]), out);
    for (size_t i = 0; rc == 0 && i < out->n; i++) {
        struct promql__series *s = &out->v[i];

        buf_reset(&value);
        for (size_t k = 3; k < call->n_args; k++) {
            if (k > 3)
                buf_add_str(&value, text_arg(call, 2));
            buf_add_str(&value, labels_get(s->labels, text_arg(call, k)));
        }
        set_label(ev, s, dst, arena_str(ev->arena, buf_str(&value)));
    }
    buf_release(&value);
    return rc != 0 ? rc : promql__matrix_merge(ev, out);
}

/* ---- absent ---- */

/* Of a selector: what its equalities say, less the labels that it mentions twice. */
struct labels promql__absent_labels(struct promql__ev *ev, const struct promql_expr *arg)
{
    const struct promql_vector_selector *vs;
    struct labels ls = {0};

    if (arg->kind == PROMQL_E_MATRIX_SELECTOR)
        arg = promql__unparen(arg->u.matrix.selector);
    if (arg->kind != PROMQL_E_VECTOR_SELECTOR)
        return ls;
    vs = &arg->u.vector;
    for (size_t i = 0; i < vs->n_matchers; i++) {
        const struct matcher *m = &vs->matchers[i];
        bool again = false;

        if (str_is(m->name, LABEL_NAME))
            continue;
        for (size_t k = 0; k < i; k++)
            again =
                again || (vs->matchers[k].op == MATCH_EQ && str_eq(vs->matchers[k].name, m->name));
        if (m->op == MATCH_EQ && !again && m->value.n > 0)
            ls = labels_set(ev->arena, ls, m->name, m->value);
        else
            ls = labels_without(ev->arena, ls, m->name);
    }
    return ls;
}

static void fill_gaps(struct promql__ev *ev, const struct promql__grid *g, const bool *present,
                      struct labels ls, struct promql__matrix *out)
{
    promql__out_begin(ev);
    for (size_t i = 0; i < g->n; i++)
        if (!present[i])
            sample_vec_push(&ev->out, (struct sample){promql__time(g, i), 1});
    promql__matrix_keep(ev, out, ls, false);
}

int promql__fn_absent(struct promql__ev *ev, const struct promql__grid *g,
                      const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_expr *arg = promql__unparen(e->u.call.args[0]);
    struct promql__matrix in;
    bool *present;
    int rc = promql__eval(ev, g, arg, &in);

    if (rc != 0)
        return rc;
    present = arena_array(ev->arena, bool, g->n);
    for (size_t i = 0; i < in.n; i++) {
        for (size_t k = 0; k < in.v[i].n; k++)
            present[promql__step_at(g, in.v[i].s[k].t)] = true;
        for (size_t k = 0; k < in.v[i].nh; k++)
            present[promql__step_at(g, in.v[i].h[k].t)] = true;
    }
    fill_gaps(ev, g, present, promql__absent_labels(ev, arg), out);
    return 0;
}

/* The steps in which series `i` has samples in its window. */
static int mark_present(struct promql__ev *ev, const struct promql__range *r, size_t i,
                        bool *present)
{
    const struct promql__grid *g = r->grid;
    struct promql__range_series rs;
    struct promql__sight see = {0};
    struct promql__load load;
    size_t n = 0;
    int rc = promql__range_read(ev, r, i, &rs);

    if (rc != 0)
        return rc;
    for (size_t k = 0; k < g->n; k++) {
        ts_ms to = promql__reference(&r->shift, g, k);

        promql__sight_move(&see, &rs, promql__minus(to, r->range), to);
        if (promql__sight_size(&see) == 0)
            continue;
        promql__sight_count(&ev->counts, &see, k, r->sel != NULL);
        present[k] = true;
        n++;
    }
    load = promql__load_of(&see, n);
    rc = promql__hold_load(ev, &load);
    return rc != 0 ? rc : promql__tick(ev, g->n);
}

/* A sample a step and series stays held though it is not in the result: so does Prometheus. */
int promql__fn_absent_over_time(struct promql__ev *ev, const struct promql__grid *g,
                                const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_expr *arg = promql__unparen(e->u.call.args[0]);
    struct promql__range r;
    bool *present;
    int rc = promql__check_extended(ev, e->u.call.func, arg);

    if (rc == 0)
        rc = promql__range_open(ev, g, arg, &r);
    if (rc != 0)
        return rc;
    present = arena_array(ev->arena, bool, g->n);
    for (size_t i = 0; rc == 0 && i < r.n; i++)
        rc = mark_present(ev, &r, i, present);
    if (rc != 0)
        return rc;
    ev->held -= (int64_t)promql__matrix_samples(&r.sub);
    fill_gaps(ev, g, present, promql__absent_labels(ev, arg), out);
    return 0;
}

/* ---- sort ---- */

static void warn_in_range(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e)
{
    if (!promql__is_instant(g))
        promql__warn(ev, e,
                     "sort is ineffective for range queries since results are always ordered by "
                     "labels");
}

static struct promql__ranked *rank(struct promql__ev *ev, const struct promql__matrix *m)
{
    struct promql__ranked *v = arena_array(ev->arena, struct promql__ranked, MAX(m->n, 1));

    for (size_t i = 0; i < m->n; i++)
        v[i] = (struct promql__ranked){m->v[i].n > 0 ? m->v[i].s[0].v : 0, (uint32_t)i};
    return v;
}

static void put_in_order(struct promql__ev *ev, const struct promql__ranked *v,
                         struct promql__matrix *m)
{
    struct promql__series *sorted = arena_array(ev->arena, struct promql__series, MAX(m->n, 1));

    for (size_t i = 0; i < m->n; i++)
        sorted[i] = m->v[v[i].i];
    m->v = sorted;
    m->cap = m->n;
}

int promql__fn_sort(struct promql__ev *ev, const struct promql__grid *g,
                    const struct promql_expr *e, struct promql__matrix *out)
{
    struct promql__ranked *v;
    int rc;

    rc = promql__eval(ev, g, promql__unparen(e->u.call.args[0]), out);
    warn_in_range(ev, g, e);
    promql__keep_floats(out);
    if (rc != 0 || !promql__is_instant(g))
        return rc;
    v = rank(ev, out);
    /* Both orders put NaN first; turned around it comes last. */
    promql__sort_reverse(
        v, out->n, e->u.call.func == PROMQL_FN_sort ? promql__less_down : promql__less_up, NULL);
    put_in_order(ev, v, out);
    return 0;
}

static struct str chunk(struct str *rest, bool *numeric, int64_t *number)
{
    struct str c = {rest->p, 0};

    if (rest->n == 0)
        return c;
    *numeric = rest->p[0] >= '0' && rest->p[0] <= '9';
    while (c.n < rest->n && (rest->p[c.n] >= '0' && rest->p[c.n] <= '9') == *numeric)
        c.n++;
    *numeric = *numeric && str_to_i64(c, number);
    *rest = str_cut(*rest, c.n);
    return c;
}

/* Numbers inside text count as numbers: a2 comes before a10. */
static bool natural_less(struct str a, struct str b)
{
    while (a.n > 0) {
        bool a_num = false, b_num = false;
        int64_t x = 0, y = 0;
        struct str ca, cb;

        if (b.n == 0)
            return false;
        ca = chunk(&a, &a_num, &x);
        cb = chunk(&b, &b_num, &y);
        if (a_num && b_num && x != y)
            return x < y;
        if ((a_num && b_num) || str_eq(ca, cb)) {
            if (a.n == 0)
                return true;
            if (b.n == 0)
                return false;
            continue;
        }
        return str_cmp(ca, cb) < 0;
    }
    return false;
}

struct label_order {
    const struct promql_call *call;
    const struct promql__matrix *m;
    bool desc;
};

static bool less_by_label(const void *ctx, const struct promql__ranked *a,
                          const struct promql__ranked *b)
{
    const struct label_order *o = ctx;
    struct labels x = o->m->v[a->i].labels, y = o->m->v[b->i].labels;
    int c;

    for (size_t i = 1; i < o->call->n_args; i++) {
        struct str u = labels_get(x, text_arg(o->call, i)), v = labels_get(y, text_arg(o->call, i));

        if (!str_eq(u, v))
            return natural_less(u, v) != o->desc;
    }
    c = labels_cmp(x, y);
    return o->desc ? c > 0 : c < 0;
}

int promql__fn_sort_by_label(struct promql__ev *ev, const struct promql__grid *g,
                             const struct promql_expr *e, struct promql__matrix *out)
{
    struct label_order order = {
        .call = &e->u.call,
        .m = out,
        .desc = e->u.call.func == PROMQL_FN_sort_by_label_desc,
    };
    struct promql__ranked *v;
    int rc;

    rc = promql__eval(ev, g, promql__unparen(e->u.call.args[0]), out);
    warn_in_range(ev, g, e);
    if (rc != 0 || !promql__is_instant(g))
        return rc;
    v = rank(ev, out);
    promql__sort(v, out->n, less_by_label, &order);
    put_in_order(ev, v, out);
    return 0;
}
