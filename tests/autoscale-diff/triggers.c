/*
 * triggers.c - what KEDA computes without asking anybody: formulas of triggers' values, and cron.
 */
#include "diff.h"

#include "cron.h"
#include "ferula/base/num.h"
#include "formula.h"

static json_t *refused(const struct fault *f)
{
    return json_pack("{s:o}", "refused", diff_text(str_of(f->text)));
}

/* ---- formulas --------------------------------------------------------------------------- */

static json_t *run_formula(struct diff *d, const struct formula *fm, const json_t *values)
{
    size_t n = json_array_size(values);
    struct formula_var *vars = arena_array(&d->arena, struct formula_var, n + 1);
    char text[NUM_TEXT_MAX];
    struct fault f;
    bool nil;
    double v;

    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(values, i);

        vars[i] = (struct formula_var){json_number_value(value), json_is_null(value)};
    }
    if (formula_run(fm, &d->arena, vars, &v, &nil, &f) < 0)
        return json_string("error");
    return nil ? json_string("nil") : json_stringn(text, num_format(text, v, 'g'));
}

json_t *diff_formula(struct diff *d, const json_t *in)
{
    const json_t *list = json_object_get(in, "names"), *runs = json_object_get(in, "runs");
    size_t n = json_array_size(list);
    struct str *names = arena_array(&d->arena, struct str, n + 1);
    struct str text = str_of(json_string_value(json_object_get(in, "formula")));
    json_t *results = json_array();
    struct formula *fm;
    struct fault f = {0};

    for (size_t i = 0; i < n; i++)
        names[i] = str_of(json_string_value(json_array_get(list, i)));
    if (formula_compile(&d->arena, text, names, n, &fm, &f) < 0) {
        json_decref(results);
        return refused(&f);
    }
    for (size_t i = 0; i < json_array_size(runs); i++)
        json_array_append_new(results, run_formula(d, fm, json_array_get(runs, i)));
    return json_pack("{s:o}", "results", results);
}

/* ---- cron ------------------------------------------------------------------------------- */

json_t *diff_cron(struct diff *d, const json_t *in)
{
    json_t *spec =
        json_pack("{s:{s:s}, s:[{s:s, s:O}]}", "scaleTargetRef", "name", "so", "triggers", "type",
                  "cron", "metadata", json_object_get(in, "metadata"));
    const struct scaled_object *o = diff_object(d, NULL, spec);
    const json_t *times = json_object_get(in, "times");
    struct cron_trigger t;
    struct fault f = {0};
    json_t *milli;

    json_decref(spec);
    if (autoscale__cron_trigger_read(&o->triggers[0], &d->arena, &t, &f) < 0)
        return refused(&f);
    milli = json_array();
    for (size_t i = 0; i < json_array_size(times); i++) {
        ts_ms now = json_integer_value(json_array_get(times, i)) * 1000;

        json_array_append_new(
            milli, json_integer(quantity_of(autoscale__cron_trigger_value(&t, now), &d->rules)));
    }
    return json_pack("{s:o}", "milli", milli);
}
