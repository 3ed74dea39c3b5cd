/*
 * eval_mode.c - promqltest --eval: for comparing results with Prometheus' engine. A line of the
 * input is {"series": [{"labels": {}, "samples": [[ms, "bits"]]}], "query", "start", "end", "step",
 * "delayed"}; "series" replaces the series that queries see, and any part may be left out. Each
 * line of the output is {"error"} or {"type", "series", "warnings", "infos"}. Values are the
 * hexadecimal bits of doubles, so that nothing is lost on the way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runner.h"

static void load_series(struct arena *a, struct mem_source *ms, const json_t *obj)
{
    const json_t *labels = json_object_get(obj, "labels");
    const json_t *samples = json_object_get(obj, "samples");
    struct label *v = arena_array(a, struct label, json_object_size(labels) + 1);
    struct sample *s = arena_array(a, struct sample, json_array_size(samples) + 1);
    size_t n = 0, n_samples = json_array_size(samples);
    const json_t *value;
    const char *name;

    /* jansson gives the keys in no order. */
    json_object_foreach((json_t *)(uintptr_t)labels, name, value)
    {
        size_t at = n++;

        for (; at > 0 && str_cmp(v[at - 1].name, str_of(name)) > 0; at--)
            v[at] = v[at - 1];
        v[at] = (struct label){str_of(name), str_of(json_string_value(value))};
    }
    for (size_t i = 0; i < n_samples; i++) {
        const json_t *pair = json_array_get(samples, i);

        s[i].t = json_integer_value(json_array_get(pair, 0));
        s[i].v = f64_from_bits(strtoull(json_string_value(json_array_get(pair, 1)), NULL, 16));
    }
    mem_source_add(ms, (struct labels){v, n}, s, n_samples);
}

static json_t *labels_json(struct labels ls)
{
    json_t *obj = json_object();

    for (size_t i = 0; i < ls.n; i++) {
        char name[256];

        snprintf(name, sizeof(name), STR_FMT, STR_ARG(ls.v[i].name));
        json_object_set_new(obj, name, json_stringn_nocheck(ls.v[i].value.p, ls.v[i].value.n));
    }
    return obj;
}

static json_t *series_json(struct labels ls, const struct sample *s, size_t n)
{
    json_t *samples = json_array();

    for (size_t i = 0; i < n; i++) {
        char bits[17];

        snprintf(bits, sizeof(bits), "%016llx", (unsigned long long)f64_bits(s[i].v));
        json_array_append_new(samples, json_pack("[I, s]", (json_int_t)s[i].t, bits));
    }
    return json_pack("{s: o, s: o}", "labels", labels_json(ls), "samples", samples);
}

static json_t *texts_json(const struct str *v, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_stringn_nocheck(v[i].p, v[i].n));
    return list;
}

static json_t *result_json(const struct promql_result *r)
{
    json_t *series = json_array();

    if (r->type == PROMQL_SCALAR)
        json_array_append_new(series, series_json((struct labels){0}, &r->scalar, 1));
    for (size_t i = 0; i < r->n_series; i++)
        json_array_append_new(
            series, series_json(r->series[i].labels, r->series[i].samples, r->series[i].n));
    return json_pack("{s: s, s: o, s: o, s: o}", "type", promql_type_name(r->type), "series",
                     series, "warnings", texts_json(r->warnings, r->n_warnings), "infos",
                     texts_json(r->infos, r->n_infos));
}

static json_t *answer(struct arena *a, struct mem_source *ms, const json_t *obj)
{
    const struct promql_features all = PROMQL_FEATURES_ALL;
    struct promql_query q = {
        .text = json_text(obj, "query"),
        .start = json_integer_value(json_object_get(obj, "start")),
        .step = json_integer_value(json_object_get(obj, "step")),
        .delayed_name_removal = json_is_true(json_object_get(obj, "delayed")),
        .features = all,
    };
    struct promql_result r;
    struct fault f = {0};
    int rc;

    q.end = q.step == 0 ? q.start : json_integer_value(json_object_get(obj, "end"));
    rc = promql_parse(a, q.text, &all, &q.expr, &f);
    if (rc == 0)
        rc = promql_eval(mem_source_base(ms), a, &q, &r, &f);
    if (rc != 0)
        return json_pack("{s: o}", "error", json_string_nocheck(f.text));
    return result_json(&r);
}

int eval_mode(void)
{
    struct mem_source *ms = mem_source_new();
    struct arena a = {0};
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        json_t *obj = json_loadb(line, (size_t)n, 0, NULL), *out, *series;

        if (obj == NULL) {
            fprintf(stderr, "promqltest: not JSON: %s", line);
            return 2;
        }
        series = json_object_get(obj, "series");
        if (series != NULL)
            mem_source_clear(ms);
        for (size_t i = 0; i < json_array_size(series); i++)
            load_series(&a, ms, json_array_get(series, i));
        out = json_object_get(obj, "query") == NULL ? json_object() : answer(&a, ms, obj);
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(out);
        json_decref(obj);
        arena_reset(&a);
    }
    free(line);
    arena_release(&a);
    mem_source_free(ms);
    return 0;
}
