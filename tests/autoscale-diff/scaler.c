/*
 * scaler.c - one poll of KEDA's prometheus scaler: metadata and what the server answered.
 */
#include "diff.h"

#include <string.h>

#include "ferula/base/num.h"

struct answer diff_answer(struct arena *a, const json_t *in)
{
    static const char *const kinds[] = {"vector", "scalar",  "matrix",
                                        "status", "timeout", "garbled"};
    const char *kind = json_string_value(json_object_get(in, "kind"));
    const char *value = json_string_value(json_object_get(in, "value"));
    const char *text = json_string_value(json_object_get(in, "text"));
    struct answer out = {
        .status = (int)json_integer_value(json_object_get(in, "status")),
        .n = (size_t)json_integer_value(json_object_get(in, "n")),
        .text = text == NULL ? (struct str){0} : arena_str(a, str_of(text)),
    };
    size_t i = 0;

    while (i < COUNT(kinds) && (kind == NULL || strcmp(kind, kinds[i]) != 0))
        i++;
    if (i == COUNT(kinds))
        diff_die("an answer of no known kind");
    out.kind = (enum answer_kind)i;
    if (value != NULL && !num_parse(str_of(value), &out.value, NULL))
        diff_die("a value that is no number");
    return out;
}

static json_t *failure(const char *stage, struct str why)
{
    return json_pack("{s:s, s:o}", "stage", stage, "error", diff_text(why));
}

json_t *diff_scaler(struct diff *d, const json_t *in)
{
    json_t *trigger =
        json_pack("{s:s, s:O}", "type", "prometheus", "metadata", json_object_get(in, "metadata"));
    json_t *spec =
        json_pack("{s:{s:s}, s:[o]}", "scaleTargetRef", "name", "so", "triggers", trigger);
    const struct scaled_object *o = diff_object(d, NULL, spec);
    struct answer answer = diff_answer(&d->arena, json_object_get(in, "answer"));
    struct prometheus_trigger t;
    struct verdict v;
    struct fault f = {0};

    json_decref(spec);
    if (prometheus_trigger_read(&o->triggers[0], &d->rules, &d->arena, &t, &f) < 0)
        return failure("build", str_of(f.text));
    prometheus_verdict(&t, &answer, &d->rules, &d->arena, &v);
    if (v.failed)
        return failure("poll", v.why);
    return json_pack("{s:s, s:b, s:I, s:I}", "stage", "done", "active", v.active, "milli",
                     (json_int_t)v.milli, "target",
                     (json_int_t)quantity_of(t.threshold, &d->rules));
}
