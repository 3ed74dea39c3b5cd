/*
 * otlp_points.c - what the data points of a metric become: samples of one series or of several.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#include "histogram.h"
#include "otlp.h"

#define NO_RECORDED_VALUE 1u     /* of a point's flags */
#define ZERO_THRESHOLD    1e-128 /* OTLP's is not looked at, as Prometheus does */
#define SPAN_GAP_MAX      2      /* that many empty buckets are kept between others */
#define TRACE_ID_BYTES    16
#define SPAN_ID_BYTES     8

static const char *const reserved[] = {LABEL_NAME};
static const struct otlp_ignored ignored = {reserved, COUNT(reserved)};

static bool is_stale_point(const struct otlp_point *p)
{
    return (p->flags & NO_RECORDED_VALUE) != 0;
}

static int emit(struct otlp *o, const struct otlp_point *p, double v,
                const struct otlp_series *series, const struct batch_mark *mark)
{
    double value = is_stale_point(p) ? f64_from_bits(STALE_NAN_BITS) : v;
    int rc = batch_sample_from(&o->b, (struct sample){otlp_ms(p->time), value}, otlp_ms(p->start));

    if (rc == 0)
        ingest__otlp_give(o, mark, series);
    return rc;
}

/* As part of a family: its sum or its count. */
static int emit_part(struct otlp *o, const struct otlp_point *p, struct str name, double v)
{
    struct batch_mark mark = batch_mark(&o->b);

    return emit(o, p, v, &(struct otlp_series){.name = name}, &mark);
}

/* ---- exemplars -------------------------------------------------------------------------- */

static void add_id(struct otlp *o, const char *name, struct wire id, size_t *runes)
{
    static const char digits[] = "0123456789abcdef";
    struct str bytes = wire_str(&id);
    bool is_zero = true;

    for (size_t i = 0; i < bytes.n; i++)
        is_zero = is_zero && bytes.p[i] == 0;
    if (is_zero)
        return;
    buf_reset(&o->text);
    for (size_t i = 0; i < bytes.n; i++) {
        buf_putc(&o->text, digits[(unsigned char)bytes.p[i] >> 4]);
        buf_putc(&o->text, digits[bytes.p[i] & 15]);
    }
    *runes += strlen(name) + o->text.n;
    label_set_add(&o->b.set, str_of(name), arena_str(o->b.a, buf_str(&o->text)));
}

/* Attributes that are over the limit together are left out; the ids stay. */
static int add_filtered(struct otlp *o, struct wire body, size_t runes)
{
    size_t ids = o->b.set.n;
    struct wire pair;
    int rc;

    while ((rc = otlp_next(&body, 7, &pair)) > 0) {
        struct str key, value;

        rc = ingest__otlp_key_value(o, pair, &key, &value);
        if (rc < 0)
            return rc;
        label_set_add(&o->b.set, key, value);
        runes += ingest__runes(key) + ingest__runes(value);
    }
    if (runes > EXEMPLAR_MAX_RUNES)
        o->b.set.n = o->b.set.n_seen = ids;
    return rc;
}

/* One exemplar: 0 and its value, or OTLP_DROPPED. */
static int add_exemplar(struct otlp *o, struct wire body, double *v)
{
    struct otlp_point e;
    size_t runes = 0;
    int rc = ingest__otlp_exemplar_parse(body, &e);

    if (rc < 0)
        return rc;
    if (e.value_member == 0)
        return ingest__otlp_drop(o, STR("unsupported exemplar value type: Empty"));
    *v = e.value_member == 6 ? (double)(int64_t)e.as_int : e.value;
    if (e.trace_id.end - e.trace_id.p != 0 && e.trace_id.end - e.trace_id.p != TRACE_ID_BYTES)
        return ingest__wire_fail(&e.trace_id, "invalid length for TraceID");
    if (e.span_id.end - e.span_id.p != 0 && e.span_id.end - e.span_id.p != SPAN_ID_BYTES)
        return ingest__wire_fail(&e.span_id, "invalid length for SpanID");
    o->b.set.n = o->b.set.n_seen = 0;
    add_id(o, "trace_id", e.trace_id, &runes);
    add_id(o, "span_id", e.span_id, &runes);
    rc = add_filtered(o, body, runes);
    return rc < 0 ? rc : ingest__batch_exemplar(&o->b, *v, otlp_ms(e.time));
}

static int add_exemplars(struct otlp *o, struct wire body)
{
    uint32_t number = ingest__otlp_exemplars_field(o->metric.naming.kind);
    struct wire exemplar;
    double v;
    int rc = 0;

    while (number != 0 && (rc = otlp_next(&body, number, &exemplar)) > 0) {
        rc = add_exemplar(o, exemplar, &v);
        if (rc != 0)
            return rc;
    }
    return rc;
}

/* ---- gauges, sums ----------------------------------------------------------------------- */

static int number_point(struct otlp *o, struct wire body)
{
    const struct otlp_point *p = &o->point;
    double v = p->value_member == 6   ? (double)(int64_t)p->as_int
               : p->value_member == 4 ? p->value
                                      : 0;
    struct batch_mark mark = batch_mark(&o->b);
    int rc = is_stale_point(p) ? 0 : add_exemplars(o, body);

    return rc != 0 ? rc : emit(o, p, v, &(struct otlp_series){.name = o->metric.name}, &mark);
}

/* ---- histograms with bounds: a series for each ------------------------------------------ */

/* Where the exemplars of a point are: those of a bucket follow each other. */
struct exemplars {
    struct wire body;
    struct wire next; /* read, but of a higher bucket; p == NULL: none */
    double value;
};

/* Adds the next exemplars whose value is not over the bound. */
static int add_bucket_exemplars(struct otlp *o, struct exemplars *e, double bound)
{
    uint32_t number = ingest__otlp_exemplars_field(OTLP_HISTOGRAM);
    int rc;

    for (;;) {
        struct otlp_point read;

        if (e->next.p == NULL) {
            rc = otlp_next(&e->body, number, &e->next);
            if (rc <= 0)
                return rc;
            rc = ingest__otlp_exemplar_parse(e->next, &read);
            if (rc < 0)
                return rc;
            e->value = read.value_member == 6 ? (double)(int64_t)read.as_int : read.value;
        }
        if (e->value > bound)
            return 0;
        rc = add_exemplar(o, e->next, &e->value);
        if (rc != 0)
            return rc;
        e->next.p = NULL;
    }
}

static int emit_bucket(struct otlp *o, struct exemplars *e, double bound, uint64_t count)
{
    struct otlp_series series = {.name = o->metric.name_bucket, .label = STR(LABEL_BUCKET)};
    struct batch_mark mark = batch_mark(&o->b);
    int rc = is_stale_point(&o->point) ? 0 : add_bucket_exemplars(o, e, bound);

    if (rc != 0)
        return rc;
    buf_reset(&o->text);
    buf_add_num(&o->text, bound, 'f');
    series.value = buf_str(&o->text);
    return emit(o, &o->point, (double)count, &series, &mark);
}

static double bound_at(const struct otlp_list *bounds, size_t i)
{
    return f64_from_bits(bounds->v[i]);
}

static int histogram_point(struct otlp *o, struct wire body)
{
    const struct otlp_point *p = &o->point;
    struct exemplars e = {.body = body};
    uint64_t count = 0;
    int rc = 0;

    if (p->has_sum)
        rc = emit_part(o, p, o->metric.name_sum, p->sum);
    if (rc == 0)
        rc = emit_part(o, p, o->metric.name_count, (double)p->count);
    for (size_t i = 0; i < p->bounds.n && i < p->counts.n && rc == 0; i++) {
        count += p->counts.v[i];
        rc = emit_bucket(o, &e, bound_at(&p->bounds, i), count);
    }
    return rc != 0 ? rc : emit_bucket(o, &e, HUGE_VAL, p->count);
}

/* ---- exponential histograms ------------------------------------------------------------- */

/* Buckets as they are put into a side: empty ones only where a gap is small. */
struct filler {
    struct histogram_side *out;
    int64_t at; /* index of the next bucket */
};

static void fill(struct filler *f, int64_t gap, uint64_t count)
{
    if (gap > SPAN_GAP_MAX)
        f->at += gap;
    else
        for (; gap > 0; gap--, f->at++) {
            f->out->index[f->out->n] = (int32_t)f->at;
            f->out->count[f->out->n++] = 0;
        }
    f->out->index[f->out->n] = (int32_t)f->at++;
    f->out->count[f->out->n++] = (double)(int64_t)count;
}

/* Dense buckets to sparse ones; 2^scale_down of them become one. OTLP's bucket i is ours i + 1. */
static void convert_buckets(struct histogram_side *out, const struct otlp_list *counts,
                            int32_t offset, int scale_down)
{
    int64_t index = ((int64_t)offset >> scale_down) + 1;
    struct filler f = {out, index};
    uint64_t count = 0;

    for (size_t i = 0; i < counts->n; i++) {
        int64_t next = (((int64_t)i + offset) >> scale_down) + 1;

        if (index == next) {
            count += counts->v[i];
        } else if (count == 0) {
            count = counts->v[i]; /* `index` stays: the gap is counted from there */
        } else {
            fill(&f, next - index - 1, count);
            count = counts->v[i];
            index = next;
        }
    }
    if (counts->n > 0)
        fill(&f, (((int64_t)counts->n + offset - 1) >> scale_down) + 1 - index, count);
}

static int make_side(struct otlp *o, struct wire body, int scale_down, struct histogram_side *out)
{
    struct otlp_point *p = &o->point;
    int32_t offset;
    int rc = ingest__otlp_buckets_parse(o, body, p, &offset);

    if (rc == 0)
        rc = ingest__batch_hist_room(&o->b, p->counts.n, 0);
    if (rc < 0)
        return rc;
    if (offset > INT32_MAX - 1 - (int64_t)p->counts.n)
        return ingest__otlp_drop(o, STR("exponential histogram has a bucket beyond index 2^31"));
    out->index = arena_alloc_raw(o->b.a, (p->counts.n + 1) * sizeof(int32_t), _Alignof(int32_t));
    out->count = arena_alloc_raw(o->b.a, (p->counts.n + 1) * sizeof(double), _Alignof(double));
    convert_buckets(out, &p->counts, offset, scale_down);
    return 0;
}

static int make_histogram(struct otlp *o, int32_t scale, struct histogram *h)
{
    const struct otlp_point *p = &o->point;
    int down = scale > HISTOGRAM_SCHEMA_MAX ? MIN(scale - HISTOGRAM_SCHEMA_MAX, 62) : 0;
    int rc;

    h->schema = MIN(scale, HISTOGRAM_SCHEMA_MAX);
    h->integer = true;
    h->zero_threshold = ZERO_THRESHOLD;
    h->zero_count = (double)p->zero_count;
    h->count = (double)(is_stale_point(p) ? STALE_NAN_BITS : p->count);
    h->sum = is_stale_point(p) ? f64_from_bits(STALE_NAN_BITS) : p->has_sum ? p->sum : 0;
    rc = make_side(o, p->positive, down, &h->pos);
    return rc != 0 ? rc : make_side(o, p->negative, down, &h->neg);
}

static int exponential_point(struct otlp *o, struct wire body)
{
    struct otlp_point *p = &o->point;
    int32_t scale = (int32_t)((uint32_t)p->scale >> 1 ^ (~((uint32_t)p->scale & 1) + 1));
    struct batch_mark mark = batch_mark(&o->b);
    struct fault unsound = {.code = 0};
    struct histogram *h;
    int rc;

    if (scale < HISTOGRAM_SCHEMA_MIN)
        return ingest__otlp_drop(o, arena_printf(o->b.a,
                                                 "cannot convert exponential to native histogram. "
                                                 "Scale must be >= %d, was %d",
                                                 HISTOGRAM_SCHEMA_MIN, scale));
    h = arena_new(o->b.a, struct histogram);
    rc = make_histogram(o, scale, h);
    if (rc == 0)
        rc = ingest__histogram_accept(&o->b, h, otlp_ms(p->time), otlp_ms(p->start), &unsound);
    if (rc == 0 && unsound.code < 0)
        rc = ingest__otlp_drop(o, str_of(unsound.text));
    if (rc == 0 && !is_stale_point(p))
        rc = add_exemplars(o, body);
    if (rc == 0)
        ingest__otlp_give(o, &mark, &(struct otlp_series){.name = o->metric.name});
    return rc;
}

/* ---- summaries -------------------------------------------------------------------------- */

static int emit_quantile(struct otlp *o, struct wire body)
{
    struct otlp_series series = {.name = o->metric.name, .label = STR("quantile")};
    struct batch_mark mark = batch_mark(&o->b);
    double quantile = 0, v = 0;

    while (!wire_done(&body)) {
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc == 0 && (tag.number == 1 || tag.number == 2) && tag.type != WIRE_FIXED64)
            rc = ingest__wire_wrong_type(&body, &tag, tag.number == 1 ? "Quantile" : "Value");
        else if (rc == 0 && (tag.number == 1 || tag.number == 2))
            rc = wire_f64(&body, tag.number == 1 ? &quantile : &v);
        else if (rc == 0)
            rc = ingest__wire_skip(&body, &tag);
        if (rc < 0)
            return rc;
    }
    buf_reset(&o->text);
    buf_add_num(&o->text, quantile, 'f');
    series.value = buf_str(&o->text);
    return emit(o, &o->point, v, &series, &mark);
}

static int summary_point(struct otlp *o, struct wire body)
{
    const struct otlp_point *p = &o->point;
    struct wire quantile;
    int rc = emit_part(o, p, o->metric.name_sum, p->sum);

    if (rc == 0)
        rc = emit_part(o, p, o->metric.name_count, (double)p->count);
    while (rc == 0 && (rc = otlp_next(&body, 6, &quantile)) > 0)
        rc = emit_quantile(o, quantile);
    return rc;
}

/* ---- all -------------------------------------------------------------------------------- */

typedef int (*point_fn)(struct otlp *o, struct wire body);

static const point_fn by_kind[] = {
    [OTLP_GAUGE] = number_point,        [OTLP_SUM] = number_point,
    [OTLP_HISTOGRAM] = histogram_point, [OTLP_EXPONENTIAL] = exponential_point,
    [OTLP_SUMMARY] = summary_point,
};

int ingest__otlp_points(struct otlp *o)
{
    enum otlp_kind kind = o->metric.naming.kind;
    uint32_t attributes = ingest__otlp_attributes_field(kind);
    struct wire data = o->metric.data, body;
    int rc;

    while ((rc = otlp_next(&data, 1, &body)) > 0) {
        o->given = batch_mark(&o->b);
        rc = ingest__otlp_point_parse(o, kind, body, &o->point);
        if (rc == 0)
            rc = ingest__otlp_base(o, body, attributes, &ignored);
        if (rc == 0)
            rc = by_kind[kind](o, body);
        if (rc == OTLP_DROPPED)
            ingest__batch_cut(&o->b, &o->given);
        if (rc != 0)
            return rc;
    }
    return rc;
}
