/*
 * parse_mode.c - promqltest --parse: for comparing the parser with Prometheus'. Each line of the
 * input is {"q": "..."}, {"q64": "..."} or {"series": "..."}, a series with values; each line of
 * the output {"ok": true, "printed": ..., "pretty": ...} or {"ok": false, "err": ..., "start":
 * ...}.
 */
#include "runner.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ferula/model/histogram.h"

static void set_text(json_t *obj, const char *key, struct str s)
{
    json_object_set_new(obj, key, json_stringn_nocheck(s.p, s.n));
}

static json_t *verdict(int rc, const struct fault *f)
{
    json_t *obj = json_object();

    json_object_set_new(obj, "ok", json_boolean(rc == 0));
    json_object_set_new(obj, "start", json_integer(rc == 0 ? 0 : (json_int_t)f->at));
    if (rc < 0) {
        set_text(obj, "err", str_of(f->text));
        json_object_set_new(obj, "limit", json_boolean(rc == FER_ELIMIT));
    }
    return obj;
}

/* Numbers as bits; an exclamation mark behind hints that are written. */
static void print_value(struct buf *b, const struct promql_series_value *v)
{
    if (v->omitted)
        buf_puts(b, " _");
    else if (v->h == NULL)
        buf_addf(b, " %016" PRIx64, isnan(v->v) && !is_stale(v->v) ? 0 : f64_bits(v->v));
    if (v->h != NULL) {
        buf_putc(b, ' ');
        histogram_print_expression(b, v->h);
    }
    if (v->has_hint)
        buf_putc(b, '!');
}

static json_t *answer_series(struct arena *a, struct str text)
{
    struct promql_series_value *values;
    struct labels ls;
    struct fault f = {0};
    struct buf b = {0};
    size_t n;
    int rc = promql_parse_series(a, text, &ls, &values, &n, &f);
    json_t *obj = verdict(rc, &f);

    if (rc < 0)
        return obj;
    labels_print(&b, ls);
    for (size_t i = 0; i < n; i++)
        print_value(&b, &values[i]);
    set_text(obj, "printed", buf_str(&b));
    buf_release(&b);
    return obj;
}

static json_t *answer(struct arena *a, struct str text)
{
    static const struct promql_features all = PROMQL_FEATURES_ALL;
    const struct promql_expr *e;
    struct fault f = {0};
    struct buf b = {0};
    int rc = promql_parse(a, text, &all, &e, &f);
    json_t *obj = verdict(rc, &f);

    if (rc < 0)
        return obj;
    promql_print(&b, e);
    set_text(obj, "printed", buf_str(&b));
    buf_reset(&b);
    promql_prettify(&b, e);
    set_text(obj, "pretty", buf_str(&b));
    buf_release(&b);
    return obj;
}

int parse_mode(void)
{
    struct arena a = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        json_t *q = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, NULL), *out;

        if (q == NULL) {
            fprintf(stderr, "promqltest: not JSON: %s", line);
            return 2;
        }
        if (json_object_get(q, "series") != NULL)
            out = answer_series(&a, json_text(q, "series"));
        else
            out = answer(&a, json_bytes(&a, q, "q", "q64"));
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(out);
        json_decref(q);
        arena_reset(&a);
    }
    free(line);
    arena_release(&a);
    return 0;
}
