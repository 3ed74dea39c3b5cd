/*
 * matching.c - operators between two vectors. Series match when their signatures, the labels that
 * on() or ignoring() leaves, are equal. Signatures are numbered once; the steps then only compare
 * numbers. The labels of a result are made once for a pair of series.
 */
#include <math.h>

#include "ferula/base/check.h"

#include "eval.h"

/* One operand: its series and, in the current step, its elements. */
struct side {
    struct promql__matrix m;
    uint32_t *sig;               /* of each series */
    struct promql__cursor *next; /* of each series */
    uint32_t *here;              /* series with a sample in this step */
    struct promql__value *value; /* of each element of `here` */
    size_t n;
    bool has_hists;
};

struct matching {
    struct promql__ev *ev;
    const struct promql_expr *e;
    const struct promql_binary *b;
    const struct promql_matching *how;
    struct side l, r; /* r is the side of "one"; swapped for group_right */
    bool swapped, takes_floats;
    size_t n_sigs;
    uint32_t stamp;     /* of the step; marks with another stamp are stale */
    uint32_t *in_r;     /* stamp by signature: there is an element of r */
    uint32_t *at_r;     /* its place in r.here */
    uint32_t *matched;  /* stamp by signature */
    uint32_t *seen;     /* stamp by result series: made in this step... */
    uint32_t *seen_sig; /* ...for this signature */
    size_t seen_n, seen_cap, seen_sig_cap;
    uint32_t *pair_r; /* by series of l: the series of r, plus one, that pair_out is for */
    size_t *pair_out; /* by series of l: the series of the result */
    enum promql__quarrel quarrel; /* the last one of this step */
    struct promql__collector c;
};

static struct labels match_labels(struct matching *m, struct labels ls)
{
    struct arena *a = m->ev->arena;

    if (m->how->on)
        return labels_keep(a, ls, m->how->labels, m->how->n_labels);
    return labels_without(a, labels_drop(a, ls, m->how->labels, m->how->n_labels), STR(LABEL_NAME));
}

static void prepare_side(struct matching *m, struct side *s, struct promql__index *sigs)
{
    struct arena *a = m->ev->arena;
    size_t n = MAX(s->m.n, 1);

    s->sig = arena_array(a, uint32_t, n);
    s->next = arena_array(a, struct promql__cursor, n);
    s->here = arena_array(a, uint32_t, n);
    s->value = arena_array(a, struct promql__value, n);
    for (size_t i = 0; i < s->m.n; i++) {
        s->has_hists = s->has_hists || s->m.v[i].nh > 0;
        s->sig[i] = (uint32_t)promql__index_put(sigs, match_labels(m, s->m.v[i].labels));
    }
}

/* promql__take() where there are floats only: `h` of the values is NULL and stays so. */
static void gather_floats(struct side *s, ts_ms t)
{
    for (size_t i = 0; i < s->m.n; i++) {
        const struct promql__series *x = &s->m.v[i];
        size_t at = s->next[i].s;

        if (at == x->n || x->s[at].t != t)
            continue;
        s->here[s->n] = (uint32_t)i;
        s->value[s->n++].v = x->s[at].v;
        s->next[i].s = at + 1;
    }
}

static void gather(struct side *s, ts_ms t)
{
    s->n = 0;
    if (!s->has_hists) {
        gather_floats(s, t);
        return;
    }
    for (size_t i = 0; i < s->m.n; i++)
        if (promql__take(&s->m.v[i], &s->next[i], t, &s->value[s->n]))
            s->here[s->n++] = (uint32_t)i;
}

/* ---- set operators ---- */

static int pass(struct matching *m, struct side *s, size_t i, ts_ms t)
{
    struct promql__series *x = &s->m.v[s->here[i]];

    return promql__collect_add(&m->c, promql__collect_series(&m->c, x->labels, x->drop_name), t,
                               s->value[i]);
}

static void mark(struct matching *m, const struct side *s)
{
    for (size_t i = 0; i < s->n; i++)
        m->in_r[s->sig[s->here[i]]] = m->stamp;
}

static int set_step(struct matching *m, ts_ms t)
{
    bool is_or = m->b->op == PROMQL_OR;
    bool want = m->b->op == PROMQL_AND;
    struct side *l = &m->l, *r = &m->r;
    int rc = 0;

    mark(m, is_or ? l : r);
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        if (is_or || (m->in_r[l->sig[l->here[i]]] == m->stamp) == want)
            rc = pass(m, l, i, t);
    for (size_t i = 0; rc == 0 && is_or && i < r->n; i++)
        if (m->in_r[r->sig[r->here[i]]] != m->stamp)
            rc = pass(m, r, i, t);
    return rc;
}

/* ---- the others ---- */

static int duplicate(struct matching *m, struct labels a, struct labels b)
{
    bool in_order = labels_cmp(a, b) <= 0; /* the text does not depend on the order of input */
    struct buf text = {0};
    int rc;

    buf_puts(&text, "found duplicate series for the match group ");
    labels_print(&text, match_labels(m, a));
    buf_addf(&text, " on the %s hand-side of the operation: [", m->swapped ? "left" : "right");
    labels_print(&text, in_order ? a : b);
    buf_puts(&text, ", ");
    labels_print(&text, in_order ? b : a);
    buf_puts(&text, "];many-to-many matching not allowed: matching labels must be unique on one "
                    "side");
    rc = fault_set(m->ev->f, FER_EEXEC, 0, "%s", text.p);
    buf_release(&text);
    return rc;
}

static int index_one_side(struct matching *m)
{
    struct side *r = &m->r;

    for (size_t i = 0; i < r->n; i++) {
        uint32_t sig = r->sig[r->here[i]];

        if (m->in_r[sig] == m->stamp)
            return duplicate(m, r->m.v[r->here[i]].labels, r->m.v[r->here[m->at_r[sig]]].labels);
        m->in_r[sig] = m->stamp;
        m->at_r[sig] = (uint32_t)i;
    }
    return 0;
}

static struct labels result_labels(struct matching *m, struct labels l, struct labels r)
{
    const struct promql_matching *how = m->how;
    struct arena *a = m->ev->arena;
    struct labels ls = l;

    if (promql__op_changes_name(m->b->op) || (m->b->return_bool && !m->ev->q->delayed_name_removal))
        ls = labels_without_metadata(a, ls);
    if (how->card == CARD_ONE_TO_ONE)
        ls = how->on ? labels_keep(a, ls, how->labels, how->n_labels)
                     : labels_drop(a, ls, how->labels, how->n_labels);
    for (size_t i = 0; i < how->n_include; i++) {
        struct str v = labels_get(r, how->include[i]);

        ls = v.n > 0 ? labels_set(a, ls, how->include[i], v)
                     : labels_without(a, ls, how->include[i]);
    }
    return ls;
}

static size_t result_series(struct matching *m, struct labels l, struct labels r)
{
    struct arena *a = m->ev->arena;
    size_t out = promql__collect_series(&m->c, result_labels(m, l, r), m->b->return_bool);

    while (m->seen_n <= out) {
        size_t n = m->seen_n;

        ARENA_GROW(a, m->seen, m->seen_n, m->seen_cap, uint32_t);
        ARENA_GROW(a, m->seen_sig, n, m->seen_sig_cap, uint32_t);
        m->seen[m->seen_n] = m->seen_sig[m->seen_n] = 0;
        m->seen_n++;
    }
    return out;
}

/* Each result may be made once for a match group. */
static int check_unique(struct matching *m, size_t out, uint32_t sig)
{
    bool again = m->matched[sig] == m->stamp;

    m->matched[sig] = m->stamp;
    if (m->how->card == CARD_ONE_TO_ONE)
        return !again ? 0
                      : fault_set(m->ev->f, FER_EEXEC, 0,
                                  "multiple matches for labels: many-to-one matching must be "
                                  "explicit (group_left/group_right)");
    if (m->seen[out] == m->stamp && m->seen_sig[out] == sig)
        return fault_set(m->ev->f, FER_EEXEC, 0,
                         "multiple matches for labels: grouping labels must ensure unique matches");
    m->seen[out] = m->stamp;
    m->seen_sig[out] = sig;
    return 0;
}

/* Of elements that promql__combine() does not know; false when they are as if they had never met.
 */
static bool combine_hists(struct matching *m, struct promql__value l, struct promql__value r,
                          struct promql__value *out, bool *keep)
{
    struct promql__pair_result res = m->swapped ? promql__combine_hists(m->ev, m->b->op, r, l)
                                                : promql__combine_hists(m->ev, m->b->op, l, r);

    if (res.quarrel != QUARREL_NONE)
        m->quarrel = res.quarrel;
    *out = res.v;
    *keep = res.keep;
    return !res.failed;
}

static int emit(struct matching *m, size_t out, uint32_t sig, struct promql__value l,
                struct promql__value r, ts_ms t)
{
    struct promql__value v = {0};
    bool keep;
    int rc;

    if (l.h == NULL && r.h == NULL && m->takes_floats) {
        struct promql__binary_result res =
            m->swapped ? promql__combine(m->b->op, r.v, l.v) : promql__combine(m->b->op, l.v, r.v);

        v.v = res.v;
        keep = res.keep;
    } else if (!combine_hists(m, l, r, &v, &keep)) {
        return 0;
    }
    rc = check_unique(m, out, sig);
    if (rc != 0)
        return rc;
    if (m->b->return_bool)
        return promql__collect_add(&m->c, out, t, (struct promql__value){.v = keep});
    return keep ? promql__collect_add(&m->c, out, t, v) : 0;
}

/* Element `i` of l with its partner, or with the fill value. */
static int match_one(struct matching *m, size_t i, ts_ms t)
{
    uint32_t s = m->l.here[i], sig = m->l.sig[s], partner;
    struct labels l = m->l.m.v[s].labels;

    if (m->in_r[sig] != m->stamp) {
        if (!m->how->has_fill_rhs)
            return 0;
        return emit(m, result_series(m, l, match_labels(m, l)), sig, m->l.value[i],
                    (struct promql__value){.v = m->how->fill_rhs}, t);
    }
    partner = m->r.here[m->at_r[sig]];
    if (m->pair_r[s] != partner + 1) {
        m->pair_out[s] = result_series(m, l, m->r.m.v[partner].labels);
        m->pair_r[s] = partner + 1;
    }
    return emit(m, m->pair_out[s], sig, m->l.value[i], m->r.value[m->at_r[sig]], t);
}

static int fill_left(struct matching *m, ts_ms t)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->r.n; i++) {
        struct labels r = m->r.m.v[m->r.here[i]].labels;
        uint32_t sig = m->r.sig[m->r.here[i]];

        if (m->matched[sig] != m->stamp)
            rc = emit(m, result_series(m, match_labels(m, r), r), sig,
                      (struct promql__value){.v = m->how->fill_lhs}, m->r.value[i], t);
    }
    return rc;
}

static int match_step(struct matching *m, ts_ms t)
{
    bool fills = m->how->has_fill_lhs || m->how->has_fill_rhs;
    int rc;

    if ((m->l.n == 0 && m->r.n == 0) || ((m->l.n == 0 || m->r.n == 0) && !fills))
        return 0;
    m->quarrel = QUARREL_NONE;
    rc = index_one_side(m);
    for (size_t i = 0; rc == 0 && i < m->l.n; i++)
        rc = match_one(m, i, t);
    if (rc == 0 && m->how->has_fill_lhs)
        rc = fill_left(m, t);
    promql__note_quarrel(m->ev, m->e, m->quarrel);
    return rc;
}

static void prepare(struct matching *m, const struct promql__grid *g)
{
    struct arena *a = m->ev->arena;
    struct promql__index sigs;

    promql__index_init(&sigs, a);
    prepare_side(m, &m->l, &sigs);
    prepare_side(m, &m->r, &sigs);
    m->n_sigs = sigs.n;
    m->in_r = arena_array(a, uint32_t, sigs.n + 1);
    m->at_r = arena_array(a, uint32_t, sigs.n + 1);
    m->matched = arena_array(a, uint32_t, sigs.n + 1);
    m->pair_r = arena_array(a, uint32_t, m->l.m.n + 1);
    m->pair_out = arena_array(a, size_t, m->l.m.n + 1);
    promql__collect_begin(&m->c, m->ev, g);
}

int promql__eval_matching(struct promql__ev *ev, const struct promql__grid *g,
                          const struct promql_expr *e, struct promql__matrix *out)
{
    const struct promql_binary *b = &e->u.binary;
    struct matching m = {
        .ev = ev,
        .e = e,
        .b = b,
        .how = b->matching,
        .swapped = b->matching->card == CARD_ONE_TO_MANY,
        .takes_floats = promql__op_takes_floats(b->op),
    };
    bool is_set = promql_op_is_set(b->op);
    int rc = promql__eval(ev, g, b->lhs, m.swapped ? &m.r.m : &m.l.m);

    if (rc == 0)
        rc = promql__eval(ev, g, b->rhs, m.swapped ? &m.l.m : &m.r.m);
    if (rc != 0)
        return rc;
    prepare(&m, g);
    for (size_t i = 0; rc == 0 && i < g->n; i++) {
        ts_ms t = promql__time(g, i);

        m.stamp++;
        gather(&m.l, t);
        gather(&m.r, t);
        rc = is_set ? set_step(&m, t) : match_step(&m, t);
        if (rc == 0)
            rc = promql__collect_check(&m.c);
        if (rc == 0)
            rc = promql__tick(ev, m.l.m.n + m.r.m.n);
    }
    return rc != 0 ? rc : promql__collect_end(&m.c, out);
}
