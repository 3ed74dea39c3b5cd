/*
 * result.c - query results as JSON.
 *
 * Two ways to print numbers meet here: in vectors and matrices times have three digits after the
 * point or none, and values use exponents below 1e-6 and from 1e21; scalars and strings have the
 * time as any JSON float, and scalars never an exponent.
 */
#include "result.h"

#include "api.h"

#include "ferula/base/num.h"
#include "ferula/model/histogram.h"

static void write_point(struct json *j, ts_ms t, double v)
{
    json_array_begin(j);
    json_timestamp(j, t);
    json_sample_value(j, v);
    json_array_end(j);
}

/* 0: open below, closed above; 1: the other way round; 2: open; 3: closed. */
static int bounds_of(const struct histogram_bucket *b)
{
    if (b->lower_inclusive)
        return b->upper_inclusive ? 3 : 1;
    return b->upper_inclusive ? 0 : 2;
}

/* Empty buckets are left out, and the list when there is none. */
static void write_buckets(struct json *j, const struct histogram *h)
{
    struct histogram_bucket b;
    struct histogram_iter it;
    bool any = false;

    histogram_iter_begin(&it, h, false);
    while (histogram_iter_next(&it, &b)) {
        if (b.count == 0)
            continue;
        if (!any) {
            json_key(j, "buckets");
            json_array_begin(j);
        }
        any = true;
        json_array_begin(j);
        json_int(j, bounds_of(&b));
        json_sample_value(j, b.lower);
        json_sample_value(j, b.upper);
        json_sample_value(j, b.count);
        json_array_end(j);
    }
    if (any)
        json_array_end(j);
}

static void write_hpoint(struct json *j, const struct hsample *hs)
{
    json_array_begin(j);
    json_timestamp(j, hs->t);
    json_object_begin(j);
    json_member_sample_value(j, "count", hs->h->count);
    json_member_sample_value(j, "sum", hs->h->sum);
    write_buckets(j, hs->h);
    json_object_end(j);
    json_array_end(j);
}

static void write_vector_element(struct json *j, const struct promql_series *s)
{
    json_object_begin(j);
    json_key(j, "metric");
    api__labels(j, s->labels);
    if (s->n_hists > 0) {
        json_key(j, "histogram");
        write_hpoint(j, &s->hists[0]);
    } else {
        json_key(j, "value");
        write_point(j, s->samples[0].t, s->samples[0].v);
    }
    json_object_end(j);
}

static void write_matrix_element(struct json *j, const struct promql_series *s)
{
    json_object_begin(j);
    json_key(j, "metric");
    api__labels(j, s->labels);
    if (s->n > 0) {
        json_key(j, "values");
        json_array_begin(j);
        for (size_t i = 0; i < s->n; i++)
            write_point(j, s->samples[i].t, s->samples[i].v);
        json_array_end(j);
    }
    if (s->n_hists > 0) {
        json_key(j, "histograms");
        json_array_begin(j);
        for (size_t i = 0; i < s->n_hists; i++)
            write_hpoint(j, &s->hists[i]);
        json_array_end(j);
    }
    json_object_end(j);
}

static void write_scalar(struct json *j, struct sample s)
{
    char digits[NUM_TEXT_MAX];
    size_t n = num_format(digits, s.v, 'f');

    json_array_begin(j);
    json_float(j, (double)s.t / 1000);
    json_str(j, (struct str){digits, n});
    json_array_end(j);
}

static void write_string(struct json *j, ts_ms t, struct str text)
{
    json_array_begin(j);
    json_float(j, (double)t / 1000);
    json_str(j, text);
    json_array_end(j);
}

bool api__result(struct json *j, const struct promql_result *res, size_t limit)
{
    size_t n = limit > 0 && limit < res->n_series ? limit : res->n_series;

    json_member_cstr(j, "resultType", promql_type_name(res->type));
    json_key(j, "result");
    if (res->type == PROMQL_SCALAR) {
        write_scalar(j, res->scalar);
        return false;
    }
    if (res->type == PROMQL_STRING) {
        write_string(j, res->scalar.t, res->string);
        return false;
    }
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        if (res->type == PROMQL_VECTOR)
            write_vector_element(j, &res->series[i]);
        else
            write_matrix_element(j, &res->series[i]);
    }
    json_array_end(j);
    return n < res->n_series;
}
