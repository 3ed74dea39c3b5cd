/*
 * query_print.c - `name{label="value"} => 1 @[1767322800]` and the like.
 */
#include "query_print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/num.h"
#include "ferula/base/str.h"

/* ---- label sets ------------------------------------------------------------------------- */

struct pair {
    const char *name;
    const json_t *value;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* name="value", ... sorted by name, less the label `but` (NULL: none). False: nothing was added. */
static bool add_pairs(struct buf *out, const json_t *labels, const char *but)
{
    size_t n = json_object_size(labels), k = 0;
    struct pair *pairs = xcalloc(n + 1, sizeof(*pairs));
    json_t *of = (json_t *)(uintptr_t)labels; /* jansson iterates without changing it */
    bool any = false;

    for (void *it = json_object_iter(of); it != NULL; it = json_object_iter_next(of, it))
        pairs[k++] = (struct pair){json_object_iter_key(it), json_object_iter_value(it)};
    qsort(pairs, k, sizeof(*pairs), by_name);
    for (size_t i = 0; i < k; i++) {
        if (but != NULL && strcmp(pairs[i].name, but) == 0)
            continue;
        buf_addf(out, "%s%s=", any ? ", " : "", pairs[i].name);
        buf_add_go_quoted(out, str_of(json_string_value(pairs[i].value)));
        any = true;
    }
    free(pairs);
    return any;
}

/* up, up{job="a"}, {job="a"}, {}. */
static void add_metric(struct buf *out, const json_t *metric)
{
    const char *name = json_string_value(json_object_get(metric, "__name__"));
    struct buf pairs = {0};
    bool any = add_pairs(&pairs, metric, "__name__");

    if (name != NULL)
        buf_puts(out, name);
    if (any)
        buf_addf(out, "{%s}", pairs.p);
    else if (name == NULL)
        buf_puts(out, "{}");
    buf_release(&pairs);
}

/* ---- values ----------------------------------------------------------------------------- */

/* [1767322800.5, "1"] */
struct point {
    double at;
    const char *value;
};

static bool read_point(const json_t *json, struct point *p)
{
    const json_t *at = json_array_get(json, 0);

    p->value = json_string_value(json_array_get(json, 1));
    p->at = round(json_number_value(at) * 1000) / 1000; /* times are whole milliseconds */
    return json_is_number(at) && p->value != NULL;
}

static bool add_point(struct buf *out, const json_t *json)
{
    struct point p;
    double v;

    if (!read_point(json, &p) || !num_parse(str_of(p.value), &v, NULL))
        return false;
    buf_add_num(out, v, 'f');
    buf_puts(out, " @[");
    buf_add_num(out, p.at, 'f');
    buf_puts(out, "]");
    return true;
}

static bool add_vector(struct buf *out, const json_t *result)
{
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *one = json_array_get(result, i);

        if (i > 0)
            buf_putc(out, '\n');
        add_metric(out, json_object_get(one, "metric"));
        buf_puts(out, " => ");
        if (!add_point(out, json_object_get(one, "value")))
            return false;
    }
    return true;
}

static bool add_matrix(struct buf *out, const json_t *result)
{
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *one = json_array_get(result, i);
        const json_t *points = json_object_get(one, "values");

        if (i > 0)
            buf_putc(out, '\n');
        add_metric(out, json_object_get(one, "metric"));
        buf_puts(out, " =>");
        for (size_t j = 0; j < json_array_size(points); j++) {
            buf_putc(out, '\n');
            if (!add_point(out, json_array_get(points, j)))
                return false;
        }
    }
    return true;
}

static bool add_scalar(struct buf *out, const json_t *result)
{
    buf_puts(out, "scalar: ");
    return add_point(out, result);
}

static bool add_string(struct buf *out, const json_t *result)
{
    struct point p;

    if (!read_point(result, &p))
        return false;
    buf_puts(out, p.value);
    return true;
}

static const struct {
    const char *type;
    bool (*add)(struct buf *out, const json_t *result);
} types[] = {
    {"vector", add_vector},
    {"matrix", add_matrix},
    {"scalar", add_scalar},
    {"string", add_string},
};

/* ---- whole answers ---------------------------------------------------------------------- */

bool query_print_value(struct buf *out, const json_t *data)
{
    const char *type = json_string_value(json_object_get(data, "resultType"));
    const json_t *result = json_object_get(data, "result");

    for (size_t i = 0; type != NULL && i < COUNT(types); i++)
        if (strcmp(type, types[i].type) == 0) {
            bool ok = json_is_array(result) && types[i].add(out, result);

            buf_putc(out, '\n');
            return ok;
        }
    return false;
}

bool query_print_series(struct buf *out, const json_t *data)
{
    for (size_t i = 0; i < json_array_size(data); i++) {
        buf_putc(out, '{');
        (void)add_pairs(out, json_array_get(data, i), NULL);
        buf_puts(out, "}\n");
    }
    return json_is_array(data);
}

bool query_print_names(struct buf *out, const json_t *data)
{
    for (size_t i = 0; i < json_array_size(data); i++) {
        const char *name = json_string_value(json_array_get(data, i));

        if (name == NULL)
            return false;
        buf_addf(out, "%s\n", name);
    }
    return json_is_array(data);
}

bool query_print_json(struct buf *out, const json_t *data)
{
    const json_t *result = json_object_get(data, "result");
    /* 15 digits hold every time in seconds; values are texts already. */
    char *text = json_dumps(result != NULL ? result : data,
                            JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    if (text != NULL)
        buf_addf(out, "%s\n", text);
    free(text);
    return text != NULL;
}
