/*
 * histogram.c - native histograms off the wire; the message is the same in remote write 1.0 and
 * 2.0 but for the start timestamp.
 *
 * Two walks over the bytes: the first reads the numbers and counts what is repeated, so that spans
 * that claim more buckets than there are cost nothing; the second fills the buckets, which are kept
 * as (index, count) pairs.
 */
#include "histogram.h"

#include <stddef.h>

#include "ferula/base/check.h"

enum kind {
    KIND_VARINT,
    KIND_F64,
    KIND_SPANS,
    KIND_DELTAS, /* repeated: packed or one by one */
    KIND_COUNTS,
    KIND_BOUNDS,
};

struct side {
    uint64_t n_covered; /* buckets that the spans name */
    size_t n_spans, n_deltas, n_counts;
    size_t bad_span; /* the first with a negative offset that must not have one; from 1 on */
    int32_t bad_offset;
    struct histogram_side *out; /* NULL in the first walk */
    size_t n_index, n_filled;
    int64_t next; /* index of the next bucket */
    uint64_t last;
};

struct reader {
    uint64_t count_int, zero_count_int, schema, hint, t, start;
    double count, zero_count, sum, zero_threshold;
    uint32_t count_member, zero_member; /* the last of two that exclude each other */
    struct side neg, pos;
    size_t n_bounds, n_bounds_filled;
    double *bounds; /* NULL in the first walk */
};

#define AT(member) offsetof(struct reader, member)

static const struct field {
    enum kind kind;
    uint32_t type; /* of one element */
    const char *name;
    size_t offset; /* of what it is, or of its side */
} fields[] = {
    [1] = {KIND_VARINT, WIRE_VARINT,  "CountInt",       AT(count_int)     },
    [2] = {KIND_F64,    WIRE_FIXED64, "CountFloat",     AT(count)         },
    [3] = {KIND_F64,    WIRE_FIXED64, "Sum",            AT(sum)           },
    [4] = {KIND_VARINT, WIRE_VARINT,  "Schema",         AT(schema)        },
    [5] = {KIND_F64,    WIRE_FIXED64, "ZeroThreshold",  AT(zero_threshold)},
    [6] = {KIND_VARINT, WIRE_VARINT,  "ZeroCountInt",   AT(zero_count_int)},
    [7] = {KIND_F64,    WIRE_FIXED64, "ZeroCountFloat", AT(zero_count)    },
    [8] = {KIND_SPANS,  WIRE_BYTES,   "NegativeSpans",  AT(neg)           },
    [9] = {KIND_DELTAS, WIRE_VARINT,  "NegativeDeltas", AT(neg)           },
    [10] = {KIND_COUNTS, WIRE_FIXED64, "NegativeCounts", AT(neg)           },
    [11] = {KIND_SPANS,  WIRE_BYTES,   "PositiveSpans",  AT(pos)           },
    [12] = {KIND_DELTAS, WIRE_VARINT,  "PositiveDeltas", AT(pos)           },
    [13] = {KIND_COUNTS, WIRE_FIXED64, "PositiveCounts", AT(pos)           },
    [14] = {KIND_VARINT, WIRE_VARINT,  "ResetHint",      AT(hint)          },
    [15] = {KIND_VARINT, WIRE_VARINT,  "Timestamp",      AT(t)             },
    [16] = {KIND_BOUNDS, WIRE_FIXED64, "CustomValues",   AT(bounds)        },
    [17] = {KIND_VARINT, WIRE_VARINT,  "StartTimestamp", AT(start)         },
};

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

static bool is_float(const struct reader *r)
{
    return r->count_member == 2;
}

/* ---- the parts of a side ---------------------------------------------------------------- */

static int parse_span(struct wire body, int32_t *offset, uint32_t *length)
{
    *offset = 0;
    *length = 0;
    while (!wire_done(&body)) {
        struct wire_tag tag;
        uint64_t v;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number > 2) {
            rc = ingest__wire_skip(&body, &tag);
            if (rc < 0)
                return rc;
            continue;
        }
        if (tag.type != WIRE_VARINT)
            return ingest__wire_wrong_type(&body, &tag, tag.number == 1 ? "Offset" : "Length");
        rc = wire_varint(&body, &v);
        if (rc < 0)
            return rc;
        if (tag.number == 1)
            *offset = (int32_t)unzigzag((uint32_t)v);
        else
            *length = (uint32_t)v;
    }
    return 0;
}

static int add_span(struct side *s, struct wire body)
{
    uint32_t length;
    int32_t offset;
    int rc = parse_span(body, &offset, &length);

    if (rc < 0)
        return rc;
    s->n_spans++;
    if (s->out == NULL) {
        if (offset < 0 && s->bad_span == 0 && s->n_spans > 1) {
            s->bad_span = s->n_spans;
            s->bad_offset = offset;
        }
        s->n_covered += length;
        s->next += offset + (int64_t)length;
        return 0;
    }
    s->next += offset;
    for (; length > 0; length--)
        s->out->index[s->n_index++] = (int32_t)s->next++;
    return 0;
}

static void add_count(struct side *s, double v)
{
    if (s->out == NULL)
        s->n_counts++;
    else
        s->out->count[s->n_filled++] = v;
}

static void add_delta(struct side *s, uint64_t v)
{
    s->last += (uint64_t)unzigzag(v); /* wraps, as Go's does */
    if (s->out == NULL)
        s->n_deltas++;
    else
        s->out->count[s->n_filled++] = (double)(int64_t)s->last;
}

static void add_bound(struct reader *r, double v)
{
    if (r->bounds == NULL)
        r->n_bounds++;
    else
        r->bounds[r->n_bounds_filled++] = v;
}

/* The histogram has buckets of one kind only; the other kind's are read and left out. */
static bool is_of_kind(const struct reader *r, const struct side *s, enum kind kind)
{
    return s->out == NULL || (kind == KIND_COUNTS) == is_float(r);
}

static int add_element(struct reader *r, struct wire *w, const struct field *f)
{
    struct side *s = (struct side *)((char *)r + f->offset);
    uint64_t v = 0;
    double d = 0;
    int rc = f->kind == KIND_DELTAS ? wire_varint(w, &v) : wire_f64(w, &d);

    if (rc < 0)
        return rc;
    if (f->kind == KIND_BOUNDS)
        add_bound(r, d);
    else if (is_of_kind(r, s, f->kind) && f->kind == KIND_DELTAS)
        add_delta(s, v);
    else if (is_of_kind(r, s, f->kind))
        add_count(s, d);
    return 0;
}

/* ---- the walk --------------------------------------------------------------------------- */

static int read_number(struct reader *r, struct wire *w, uint32_t number)
{
    const struct field *f = &fields[number];
    char *to = (char *)r + f->offset;

    if (number == 1 || number == 2)
        r->count_member = number;
    if (number == 6 || number == 7)
        r->zero_member = number;
    return f->kind == KIND_F64 ? wire_f64(w, (double *)(void *)to)
                               : wire_varint(w, (uint64_t *)(void *)to);
}

static int read_field(struct reader *r, struct wire *w, const struct wire_tag *tag)
{
    const struct field *f = &fields[tag->number];
    bool packed = f->kind >= KIND_DELTAS && tag->type == WIRE_BYTES;
    struct wire body;
    int rc;

    if (!packed && tag->type != f->type)
        return ingest__wire_wrong_type(w, tag, f->name);
    if (f->kind < KIND_SPANS)
        return read_number(r, w, tag->number);
    if (!packed && f->kind != KIND_SPANS)
        return add_element(r, w, f);
    rc = wire_bytes(w, &body);
    if (rc == 0 && f->kind == KIND_SPANS)
        return add_span((struct side *)((char *)r + f->offset), body);
    while (rc == 0 && !wire_done(&body))
        rc = add_element(r, &body, f);
    return rc;
}

static int walk(struct reader *r, struct wire w)
{
    while (!wire_done(&w)) {
        struct wire_tag tag;
        int rc = wire_tag(&w, &tag);

        if (rc == 0)
            rc = tag.number < COUNT(fields) ? read_field(r, &w, &tag) : ingest__wire_skip(&w, &tag);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- what is made of it ----------------------------------------------------------------- */

static size_t n_buckets(const struct reader *r, const struct side *s)
{
    return is_float(r) ? s->n_counts : s->n_deltas;
}

static bool spans_fit(const struct reader *r, const struct side *s, const char *which,
                      struct fault *unsound)
{
    size_t n = n_buckets(r, s);
    bool wide = s->next > INT32_MAX || s->next < INT32_MIN;

    if (s->bad_span > 0)
        (void)fault_set(unsound, FER_EINVAL, 0,
                        "%s: span number %zu with offset %d: histogram has a span whose offset is "
                        "negative",
                        which, s->bad_span, s->bad_offset);
    else if (s->n_covered != n)
        (void)fault_set(unsound, FER_EINVAL, 0,
                        "%s: spans need %llu buckets, have %zu buckets: histogram spans specify "
                        "different number of buckets than provided",
                        which, (unsigned long long)s->n_covered, n);
    else if (wide)
        (void)fault_set(unsound, FER_EINVAL, 0, "%s: histogram has a bucket beyond index 2^31",
                        which);
    return s->bad_span == 0 && s->n_covered == n && !wide;
}

static int32_t schema_of(const struct reader *r)
{
    return (int32_t)unzigzag((uint32_t)r->schema);
}

static bool all_spans_fit(const struct reader *r, struct fault *unsound)
{
    if (schema_of(r) != HISTOGRAM_CUSTOM)
        return spans_fit(r, &r->pos, "positive side", unsound) &&
               spans_fit(r, &r->neg, "negative side", unsound);
    if (r->neg.n_spans == 0 && n_buckets(r, &r->neg) == 0)
        return spans_fit(r, &r->pos, "custom buckets", unsound);
    (void)fault_set(unsound, FER_EINVAL, 0, "custom buckets: must not have negative %s",
                    r->neg.n_spans > 0 ? "spans" : "buckets");
    return false;
}

static void side_begin(struct arena *a, struct side *s, struct histogram_side *out, size_t n)
{
    *s = (struct side){.out = out};
    out->n = n;
    out->index = arena_alloc_raw(a, MAX(n, 1) * sizeof(*out->index), _Alignof(int32_t));
    out->count = arena_alloc_raw(a, MAX(n, 1) * sizeof(*out->count), _Alignof(double));
}

static struct histogram *make(struct batch *b, struct reader *r, struct wire body)
{
    struct histogram *h = arena_new(b->a, struct histogram);

    side_begin(b->a, &r->pos, &h->pos, n_buckets(r, &r->pos));
    side_begin(b->a, &r->neg, &h->neg, n_buckets(r, &r->neg));
    if (r->n_bounds > 0)
        r->bounds = arena_array(b->a, double, r->n_bounds);
    CHECK(walk(r, body) == 0);
    h->schema = schema_of(r);
    h->integer = !is_float(r);
    h->hint = r->hint <= HISTOGRAM_GAUGE ? (enum histogram_hint)r->hint : HISTOGRAM_UNKNOWN;
    h->zero_threshold = r->zero_threshold;
    h->sum = r->sum;
    h->count = is_float(r) ? r->count : (double)r->count_int;
    if (r->zero_member == (is_float(r) ? 7u : 6u))
        h->zero_count = is_float(r) ? r->zero_count : (double)r->zero_count_int;
    h->bounds = r->bounds;
    h->n_bounds = r->n_bounds;
    return h;
}

int ingest__histogram_accept(struct batch *b, struct histogram *h, ts_ms t, ts_ms start,
                             struct fault *unsound)
{
    if (h->schema > HISTOGRAM_SCHEMA_MAX && h->schema <= SCHEMA_MAX_REDUCED)
        histogram_reduce(h, HISTOGRAM_SCHEMA_MAX);
    if (histogram_validate(h, unsound) < 0)
        return 0;
    if (!tsdb_histogram_fits(h)) {
        fault_set(unsound, FER_EINVAL, 0, "histogram has %zu buckets, more than can be stored",
                  h->pos.n + h->neg.n);
        return 0;
    }
    return ingest__batch_hist(b, (struct hsample){t, h}, start);
}

int ingest__histogram_parse(struct batch *b, struct wire body, struct fault *unsound)
{
    struct reader r = {0};
    int rc = walk(&r, body);

    unsound->code = 0;
    if (rc < 0 || !all_spans_fit(&r, unsound))
        return rc;
    rc = ingest__batch_hist_room(b, n_buckets(&r, &r.pos) + n_buckets(&r, &r.neg), r.n_bounds);
    if (rc < 0)
        return rc;
    return ingest__histogram_accept(b, make(b, &r, body), (ts_ms)r.t, (ts_ms)r.start, unsound);
}
