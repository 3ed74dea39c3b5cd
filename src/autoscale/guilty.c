/*
 * guilty.c - which matcher of a selector removes the last series, and what was probably meant.
 */
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/model/duration.h"

#include "autopsy.h"

#define MAX_HINTS  5
#define MAX_LABELS 40 /* that are searched for the value */

struct matcher *autoscale__in_order(struct arena *a, const struct promql_vector_selector *vs)
{
    struct matcher *v = arena_array(a, struct matcher, vs->n_matchers + 1);
    size_t n = 0;

    for (int name = 1; name >= 0; name--)
        for (size_t i = 0; i < vs->n_matchers; i++)
            if (str_is(vs->matchers[i].name, LABEL_NAME) == (name == 1))
                v[n++] = vs->matchers[i];
    return v;
}

static int count(const struct autoscale__body *b, const struct matcher *m, size_t n, size_t *out)
{
    struct arena scratch = {0};
    struct source_selection *sel;
    int rc = b->src->ops->select(b->src, &scratch, m, n, b->range, &sel, b->f);

    if (rc == 0)
        *out = sel->n;
    arena_release(&scratch);
    return rc;
}

static struct str print_matcher(struct arena *a, const struct matcher *m)
{
    struct buf b = {0};
    struct str s;

    if (m->op == MATCH_EQ && str_is(m->name, LABEL_NAME))
        buf_add_str(&b, m->value);
    else
        matcher_print(&b, m);
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

/* ---- likeness --------------------------------------------------------------------------- */

struct candidate {
    struct autopsy_hint hint;
    size_t distance;
};

static int by_distance(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->hint.likeness != y->hint.likeness)
        return x->hint.likeness < y->hint.likeness ? -1 : 1;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return str_cmp(x->hint.value, y->hint.value);
}

static bool contains(struct str whole, struct str part)
{
    return part.n > 0 && part.n <= whole.n && memmem(whole.p, whole.n, part.p, part.n) != NULL;
}

/* A pattern with something around it that lets it match more; NULL for what is no pattern. */
static struct regex *loosened(struct arena *a, const struct matcher *m, const char *before,
                              const char *after)
{
    struct regex *re = NULL;

    if (m->op != MATCH_RE)
        return NULL;
    if (regex_compile(&re, a, arena_printf(a, "%s" STR_FMT "%s", before, STR_ARG(m->value), after),
                      NULL) < 0)
        return NULL;
    return re;
}

static struct candidate judge(const struct matcher *m, const struct regex *any_case,
                              const struct regex *part, struct str value)
{
    struct candidate c = {
        .hint = {AUTOPSY_THERE_IS, m->name, value}
    };

    if (matcher_matches(m, value))
        c.hint.likeness = AUTOPSY_OTHER_TIME;
    else if (any_case != NULL && regex_match(any_case, value))
        c.hint.likeness = AUTOPSY_SAME_BUT_CASE;
    else if (part != NULL && regex_match(part, value))
        c.hint.likeness = AUTOPSY_PART;
    if (m->op != MATCH_EQ || m->value.n == 0 || c.hint.likeness != AUTOPSY_THERE_IS)
        return c;
    c.distance = str_distance(m->value, value);
    if (str_eq_nocase(m->value, value))
        c.hint.likeness = AUTOPSY_SAME_BUT_CASE;
    else if ((c.distance <= MAX(m->value.n / 3, (size_t)1) && c.distance < m->value.n) ||
             contains(value, m->value) || contains(m->value, value))
        c.hint.likeness = AUTOPSY_NEAR;
    return c;
}

/* The best of them become hints; those that are only there, when none is alike. */
static void give_hints(const struct autoscale__body *b, struct candidate *v, size_t n,
                       struct autopsy *out)
{
    struct autopsy_hint *hints = arena_array(b->arena, struct autopsy_hint, MAX_HINTS);

    if (n > 1)
        qsort(v, n, sizeof(*v), by_distance);
    for (size_t i = 0; i < n && out->n_hints < MAX_HINTS; i++)
        if (v[i].hint.likeness == v[0].hint.likeness || v[i].hint.likeness != AUTOPSY_THERE_IS)
            hints[out->n_hints++] = v[i].hint;
    for (size_t i = 0; i < out->n_hints; i++) {
        hints[i].label = arena_str(b->arena, hints[i].label);
        hints[i].value = arena_str(b->arena, hints[i].value);
    }
    out->hints = hints;
}

/* Other labels of the series that have the very value, as exported_namespace may. */
static int search_labels(const struct autoscale__body *b, struct arena *scratch,
                         const struct matcher *before, size_t n_before, struct candidate **v,
                         size_t *n, size_t *cap)
{
    const struct matcher *m = before + n_before;
    struct str *names;
    size_t n_names;
    int rc = b->src->ops->label_names(b->src, scratch, before, n_before, b->range, &names, &n_names,
                                      b->f);

    for (size_t i = 0; rc == 0 && i < MIN(n_names, (size_t)MAX_LABELS); i++) {
        struct str *values;
        size_t n_values;

        if (str_eq(names[i], m->name) || str_is(names[i], LABEL_NAME))
            continue;
        rc = b->src->ops->label_values(b->src, scratch, names[i], before, n_before, b->range,
                                       &values, &n_values, b->f);
        for (size_t k = 0; rc == 0 && k < n_values; k++) {
            if (!str_eq(values[k], m->value))
                continue;
            ARENA_GROW(scratch, *v, *n, *cap, struct candidate);
            (*v)[(*n)++] = (struct candidate){
                .hint = {AUTOPSY_OTHER_LABEL, names[i], values[k]}
            };
        }
    }
    return rc;
}

/* What there is in place of before[n_before], in the series that match those before it. */
static int find_hints(const struct autoscale__body *b, const struct matcher *before,
                      size_t n_before, struct autopsy *out)
{
    const struct matcher *m = before + n_before;
    struct arena scratch = {0};
    struct regex *any_case = loosened(&scratch, m, "(?i)(?:", ")");
    struct regex *part = loosened(&scratch, m, ".*(?:", ").*");
    struct candidate *v = NULL;
    struct str *values = NULL;
    size_t n = 0, cap = 0;
    int rc = b->src->ops->label_values(b->src, &scratch, m->name, before, n_before, b->range,
                                       &values, &out->n_values, b->f);

    for (size_t i = 0; rc == 0 && i < out->n_values; i++) {
        ARENA_GROW(&scratch, v, n, cap, struct candidate);
        v[n++] = judge(m, any_case, part, values[i]);
    }
    if (rc == 0 && m->op == MATCH_EQ && m->value.n > 0 && !str_is(m->name, LABEL_NAME))
        rc = search_labels(b, &scratch, before, n_before, &v, &n, &cap);
    if (rc == 0)
        give_hints(b, v, n, out);
    arena_release(&scratch);
    return rc;
}

/* ---- telling ---------------------------------------------------------------------------- */

static void tell(const struct autoscale__body *b, const struct matcher *m, struct autopsy *out)
{
    struct str guilty = out->steps[out->guilty].matcher;
    bool is_name = str_is(m->name, LABEL_NAME) && m->op == MATCH_EQ;
    struct buf t = {0};

    if (out->cause == AUTOPSY_NO_SERIES)
        buf_puts(&t, "there are no series at all");
    else if (is_name)
        buf_addf(&t, "there is no metric " STR_FMT, STR_ARG(guilty));
    else if (out->guilty == 0)
        buf_addf(&t, "no series matches " STR_FMT, STR_ARG(guilty));
    else
        buf_addf(&t, STR_FMT " removes the last %zu series", STR_ARG(guilty),
                 out->steps[out->guilty - 1].n_series);
    if (out->guilty > 0 && out->n_values == 0)
        buf_addf(&t, ", none of which has a label " STR_FMT, STR_ARG(m->name));
    if (is_name || out->cause == AUTOPSY_NO_SERIES) {
        buf_puts(&t, " within ");
        duration_print(&t, b->around);
        buf_puts(&t, " of ");
        time_print_rfc3339(&t, b->node->to);
    }
    out->text = arena_str(b->arena, buf_str(&t));
    buf_release(&t);
}

static int name_guilty(const struct autoscale__body *b, const struct matcher *m, size_t n,
                       struct autopsy *out)
{
    struct matcher *others = arena_array(b->arena, struct matcher, n + 1);
    size_t n_others = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        if (i != out->guilty)
            others[n_others++] = m[i];
    if (n_others > 0)
        rc = count(b, others, n_others, &out->n_without);
    if (rc == 0)
        rc = find_hints(b, m, out->guilty, out);
    if (rc < 0)
        return rc;
    out->cause = out->guilty == 0 && out->n_values == 0 && str_is(m->name, LABEL_NAME)
                     ? AUTOPSY_NO_SERIES
                     : AUTOPSY_MATCHER;
    tell(b, &m[out->guilty], out);
    return 0;
}

int autoscale__find_guilty(const struct autoscale__body *b, const struct promql_vector_selector *vs,
                           struct autopsy *out)
{
    struct matcher *m = autoscale__in_order(b->arena, vs);
    struct autopsy_step *steps = arena_array(b->arena, struct autopsy_step, vs->n_matchers + 1);
    int rc = 0;

    out->steps = steps;
    for (size_t i = 0; i < vs->n_matchers && rc == 0; i++) {
        steps[i].matcher = print_matcher(b->arena, &m[i]);
        rc = count(b, m, i + 1, &steps[i].n_series);
        out->n_steps = i + 1;
        out->guilty = i;
        if (rc == 0 && steps[i].n_series == 0)
            return name_guilty(b, m, vs->n_matchers, out);
    }
    return rc < 0 ? rc : 1;
}
