/*
 * script.c - the language of Prometheus' test scripts: clear, load (load.c), eval.
 */
#include "runner.h"

#include <stdio.h>

#include "ferula/base/num.h"
#include "ferula/model/duration.h"

void script_open(struct script *s, struct arena *a, struct str name, struct str text,
                 struct mem_source *source)
{
    struct str line;
    size_t cap = 0;

    *s = (struct script){.a = a, .name = name, .source = source};
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        if (line.n > 0 && line.p[0] == '#')
            line.n = 0;
        ARENA_GROW(a, s->lines, s->n_lines, cap, struct str);
        s->lines[s->n_lines++] = line;
    }
}

struct str next_word(struct str *rest)
{
    struct str s = str_trim(*rest), w = s;

    w.n = 0;
    while (w.n < s.n && s.p[w.n] != ' ' && s.p[w.n] != '\t')
        w.n++;
    *rest = str_trim(str_cut(s, w.n));
    return w;
}

static struct str line_at(const struct script *s)
{
    return s->at < s->n_lines ? s->lines[s->at] : (struct str){0};
}

/* ---- eval ------------------------------------------------------------------------------- */

static int duration(struct str s, dur_ms *out)
{
    return duration_parse(s, out, NULL);
}

/* instant at T EXPR, or range from A to B step C EXPR */
static int eval_head(struct script *s, struct eval *ev, struct str rest)
{
    struct str kind = next_word(&rest), from, to, step;
    int rc;

    if (str_is(kind, "instant")) {
        (void)next_word(&rest);
        from = next_word(&rest);
        rc = duration(from, &ev->start);
        ev->end = ev->start;
        ev->when = arena_printf(s->a, "instant at " STR_FMT, STR_ARG(from));
    } else {
        (void)next_word(&rest);
        from = next_word(&rest);
        (void)next_word(&rest);
        to = next_word(&rest);
        (void)next_word(&rest);
        step = next_word(&rest);
        ev->range = true;
        ev->when = arena_printf(s->a, "range from " STR_FMT " to " STR_FMT " step " STR_FMT,
                                STR_ARG(from), STR_ARG(to), STR_ARG(step));
        rc = duration(from, &ev->start);
        rc = rc < 0 ? rc : duration(to, &ev->end);
        rc = rc < 0 ? rc : duration(step, &ev->step);
    }
    ev->expr = rest;
    return rc;
}

static int add_condition(struct script *s, struct eval *ev, struct str rest, int on, bool none)
{
    struct condition c = {.on = on, .none = none};
    bool msg = str_starts(rest, "msg:"), regex = str_starts(rest, "regex:");

    if (rest.n > 0 && !msg && !regex)
        return FER_EINVAL;
    c.text = str_trim(str_cut(rest, msg ? 4 : regex ? 6 : 0));
    c.exact = msg;
    if (regex) {
        struct str pattern = arena_printf(s->a, "(?s:.*)(?:" STR_FMT ")(?s:.*)", STR_ARG(c.text));
        int rc = regex_compile(&c.re, s->a, pattern, NULL);

        if (rc < 0)
            return rc;
    }
    ARENA_GROW(s->a, ev->conditions, ev->n_conditions, ev->conditions_cap, struct condition);
    ev->conditions[ev->n_conditions++] = c;
    return 0;
}

static int expect_range_vector(struct eval *ev, struct str rest)
{
    int rc;

    (void)next_word(&rest); /* vector */
    (void)next_word(&rest); /* from */
    rc = duration(next_word(&rest), &ev->start);
    (void)next_word(&rest);
    rc = rc < 0 ? rc : duration(next_word(&rest), &ev->end);
    (void)next_word(&rest);
    rc = rc < 0 ? rc : duration(next_word(&rest), &ev->step);
    ev->range_vector = true;
    return rc;
}

static int expect_string(struct script *s, struct eval *ev, struct str rest)
{
    static const struct promql_features none;
    const struct promql_expr *e;
    int rc = promql_parse(s->a, rest, &none, &e, NULL);

    if (rc < 0)
        return rc;
    if (e->kind != PROMQL_E_STRING)
        return FER_EINVAL;
    ev->has_string = true;
    ev->string = e->u.string;
    return 0;
}

/* A line that starts with `expect`. */
static int expect_line(struct script *s, struct eval *ev, struct str rest)
{
    struct str what = next_word(&rest);

    if (str_is(what, "range"))
        return expect_range_vector(ev, rest);
    if (str_is(what, "string"))
        return expect_string(s, ev, rest);
    if (str_is(what, "ordered")) {
        ev->ordered = true;
        return 0;
    }
    if (str_is(what, "fail")) {
        ev->fail = true;
        return add_condition(s, ev, rest, COND_FAIL, false);
    }
    if (str_is(what, "warn") || str_is(what, "no_warn"))
        return add_condition(s, ev, rest, COND_WARN, str_is(what, "no_warn"));
    if (str_is(what, "info") || str_is(what, "no_info"))
        return add_condition(s, ev, rest, COND_INFO, str_is(what, "no_info"));
    return FER_EINVAL;
}

static int wanted_series(struct script *s, struct eval *ev, struct str line, size_t position)
{
    struct wanted w = {.position = position};
    struct fault f = {0};
    int rc = promql_parse_series(s->a, line, &w.labels, &w.values, &w.n, &f);

    if (rc < 0)
        return rc;
    if (!ev->range && !ev->range_vector && w.n != 1)
        return FER_EINVAL;
    ARENA_GROW(s->a, ev->wanted, ev->n_wanted, ev->wanted_cap, struct wanted);
    ev->wanted[ev->n_wanted++] = w;
    return 0;
}

/* The lines under an eval; a number ends them. */
static int eval_body(struct script *s, struct eval *ev)
{
    size_t position = 0;
    int rc = 0;

    for (s->at++; rc == 0 && line_at(s).n > 0; s->at++) {
        struct str line = line_at(s), rest = line;
        struct str first = next_word(&rest);

        if (str_is(first, "expect")) {
            rc = expect_line(s, ev, rest);
        } else if (ev->fail && str_is(first, "expected_fail_message")) {
            rc = add_condition(s, ev, arena_printf(s->a, "msg:" STR_FMT, STR_ARG(rest)), COND_FAIL,
                               false);
        } else if (ev->fail && str_is(first, "expected_fail_regexp")) {
            rc = add_condition(s, ev, arena_printf(s->a, "regex:" STR_FMT, STR_ARG(rest)),
                               COND_FAIL, false);
        } else if (num_parse(line, &ev->scalar_value, NULL)) {
            ev->scalar = true;
            s->at++;
            break;
        } else {
            rc = wanted_series(s, ev, line, ++position);
        }
    }
    return rc;
}

/* Conditions that no result can meet together. */
static bool contradicts_itself(const struct eval *ev)
{
    size_t n_fail = 0;
    bool some[N_COND] = {false}, none[N_COND] = {false};

    for (size_t i = 0; i < ev->n_conditions; i++) {
        const struct condition *c = &ev->conditions[i];

        n_fail += c->on == COND_FAIL;
        some[c->on] = some[c->on] || !c->none;
        none[c->on] = none[c->on] || c->none;
    }
    return n_fail > 1 || (some[COND_WARN] && none[COND_WARN]) ||
           (some[COND_INFO] && none[COND_INFO]);
}

static int eval(struct script *s, struct eval *ev, struct str command, struct str rest)
{
    int rc;

    *ev = (struct eval){.line = (int)s->at + 1};
    ev->fail = str_ends(command, "_fail");
    ev->warn = str_ends(command, "_warn");
    ev->info = str_ends(command, "_info");
    ev->ordered = str_ends(command, "_ordered");
    rc = eval_head(s, ev, rest);
    if (rc == 0 && ev->end < ev->start)
        rc = FER_EINVAL;
    if (rc == 0)
        rc = eval_body(s, ev);
    return rc == 0 && contradicts_itself(ev) ? FER_EINVAL : rc;
}

int script_next(struct script *s, struct eval *ev, struct str *why)
{
    int rc = 0;

    while (s->at < s->n_lines) {
        size_t line = s->at;
        struct str rest = line_at(s), command;
        bool is_eval;

        if (rest.n == 0) {
            s->at++;
            continue;
        }
        command = next_word(&rest);
        is_eval = str_starts(command, "eval");
        if (is_eval) {
            rc = eval(s, ev, command, rest);
        } else if (str_starts(command, "load")) {
            rc = script_load(s, command, rest);
        } else if (str_is(command, "clear")) {
            mem_source_clear(s->source);
            s->at++;
        } else {
            rc = FER_EINVAL;
        }
        if (rc < 0) {
            *why = arena_printf(s->a, STR_FMT ":%zu: not understood: " STR_FMT, STR_ARG(s->name),
                                line + 1, STR_ARG(s->lines[s->at < s->n_lines ? s->at : line]));
            return -1;
        }
        if (is_eval)
            return 1;
    }
    return 0;
}
