/*
 * otlp_parse.c - data points and exemplars off the wire, by tables of their fields.
 */
#include <stddef.h>

#include "ferula/base/check.h"

#include "otlp.h"

enum field_kind {
    FIELD_SKIPPED, /* not in the table */
    FIELD_8_BYTES,
    FIELD_VARINT,
    FIELD_MESSAGE, /* read later; `offset` 0: found again by its number */
    FIELD_LIST,    /* of 8 bytes, packed or not */
    FIELD_VALUE,   /* of two that exclude each other */
};

struct point_field {
    enum field_kind kind;
    const char *name;
    size_t offset;
};

struct point_shape {
    const struct point_field *fields;
    size_t n;
    uint32_t attributes, exemplars, sum;
};

#define AT(member) offsetof(struct otlp_point, member)

static const struct point_field number_fields[] = {
    [2] = {FIELD_8_BYTES, "StartTimeUnixNano", AT(start) },
    [3] = {FIELD_8_BYTES, "TimeUnixNano",      AT(time)  },
    [4] = {FIELD_VALUE,   "AsDouble",          AT(value) },
    [5] = {FIELD_MESSAGE, "Exemplars",         0         },
    [6] = {FIELD_VALUE,   "AsInt",             AT(as_int)},
    [7] = {FIELD_MESSAGE, "Attributes",        0         },
    [8] = {FIELD_VARINT,  "Flags",             AT(flags) },
};

static const struct point_field histogram_fields[] = {
    [2] = {FIELD_8_BYTES, "StartTimeUnixNano", AT(start) },
    [3] = {FIELD_8_BYTES, "TimeUnixNano",      AT(time)  },
    [4] = {FIELD_8_BYTES, "Count",             AT(count) },
    [5] = {FIELD_8_BYTES, "Sum",               AT(sum)   },
    [6] = {FIELD_LIST,    "BucketCounts",      AT(counts)},
    [7] = {FIELD_LIST,    "ExplicitBounds",    AT(bounds)},
    [8] = {FIELD_MESSAGE, "Exemplars",         0         },
    [9] = {FIELD_MESSAGE, "Attributes",        0         },
    [10] = {FIELD_VARINT,  "Flags",             AT(flags) },
};

static const struct point_field exponential_fields[] = {
    [1] = {FIELD_MESSAGE, "Attributes",        0             },
    [2] = {FIELD_8_BYTES, "StartTimeUnixNano", AT(start)     },
    [3] = {FIELD_8_BYTES, "TimeUnixNano",      AT(time)      },
    [4] = {FIELD_8_BYTES, "Count",             AT(count)     },
    [5] = {FIELD_8_BYTES, "Sum",               AT(sum)       },
    [6] = {FIELD_VARINT,  "Scale",             AT(scale)     },
    [7] = {FIELD_8_BYTES, "ZeroCount",         AT(zero_count)},
    [8] = {FIELD_MESSAGE, "Positive",          AT(positive)  },
    [9] = {FIELD_MESSAGE, "Negative",          AT(negative)  },
    [10] = {FIELD_VARINT,  "Flags",             AT(flags)     },
    [11] = {FIELD_MESSAGE, "Exemplars",         0             },
};

static const struct point_field summary_fields[] = {
    [2] = {FIELD_8_BYTES, "StartTimeUnixNano", AT(start)},
    [3] = {FIELD_8_BYTES, "TimeUnixNano",      AT(time) },
    [4] = {FIELD_8_BYTES, "Count",             AT(count)},
    [5] = {FIELD_8_BYTES, "Sum",               AT(sum)  },
    [6] = {FIELD_MESSAGE, "QuantileValues",    0        },
    [7] = {FIELD_MESSAGE, "Attributes",        0        },
    [8] = {FIELD_VARINT,  "Flags",             AT(flags)},
};

static const struct point_field exemplar_fields[] = {
    [2] = {FIELD_8_BYTES, "TimeUnixNano",       AT(time)    },
      [3] = {FIELD_VALUE,   "AsDouble",           AT(value)   },
    [4] = {FIELD_MESSAGE, "SpanId",             AT(span_id) },
      [5] = {FIELD_MESSAGE, "TraceId",            AT(trace_id)},
    [6] = {FIELD_VALUE,   "AsInt",              AT(as_int)  },
      [7] = {FIELD_MESSAGE, "FilteredAttributes", 0           },
};

static const struct point_shape shapes[] = {
    [OTLP_GAUGE] = {number_fields,      COUNT(number_fields),      7, 0,  0},
    [OTLP_SUM] = {number_fields,      COUNT(number_fields),      7, 5,  0},
    [OTLP_HISTOGRAM] = {histogram_fields,   COUNT(histogram_fields),   9, 8,  5},
    [OTLP_EXPONENTIAL] = {exponential_fields, COUNT(exponential_fields), 1, 11, 5},
    [OTLP_SUMMARY] = {summary_fields,     COUNT(summary_fields),     7, 0,  5},
};
static const struct point_shape exemplar_shape = {exemplar_fields, COUNT(exemplar_fields), 7, 0, 0};

uint32_t ingest__otlp_attributes_field(enum otlp_kind kind)
{
    return shapes[kind].attributes;
}

uint32_t ingest__otlp_exemplars_field(enum otlp_kind kind)
{
    return shapes[kind].exemplars;
}

/* ---- reading by the table --------------------------------------------------------------- */

static int add_to_list(struct arena *a, struct otlp_list *l, struct wire *w)
{
    double bits = 0;
    int rc = wire_f64(w, &bits);

    if (rc < 0)
        return rc;
    ARENA_GROW(a, l->v, l->n, l->cap, uint64_t);
    memcpy(&l->v[l->n++], &bits, sizeof(bits));
    return 0;
}

static int read_list(struct arena *a, struct wire *w, const struct wire_tag *tag,
                     struct otlp_list *l)
{
    struct wire body;
    int rc;

    if (tag->type == WIRE_FIXED64)
        return add_to_list(a, l, w);
    rc = wire_bytes(w, &body);
    while (rc == 0 && !wire_done(&body))
        rc = add_to_list(a, l, &body);
    return rc;
}

static int read_message(struct wire *w, struct wire *to)
{
    struct wire body;
    int rc = wire_bytes(w, &body);

    if (rc == 0 && to != NULL)
        *to = body;
    return rc;
}

static const uint32_t type_of[] = {
    [FIELD_8_BYTES] = WIRE_FIXED64, [FIELD_VARINT] = WIRE_VARINT, [FIELD_MESSAGE] = WIRE_BYTES,
    [FIELD_LIST] = WIRE_FIXED64,    [FIELD_VALUE] = WIRE_FIXED64,
};

static int read_field(struct arena *a, struct wire *w, const struct wire_tag *tag,
                      const struct point_field *f, struct otlp_point *p)
{
    void *to = (char *)p + f->offset;

    if (tag->type != type_of[f->kind] && !(f->kind == FIELD_LIST && tag->type == WIRE_BYTES))
        return ingest__wire_wrong_type(w, tag, f->name);
    switch (f->kind) {
    case FIELD_VALUE:
        p->value_member = tag->number;
        return wire_f64(w, (double *)to);
    case FIELD_8_BYTES:
        return wire_f64(w, (double *)to);
    case FIELD_VARINT:
        return wire_varint(w, (uint64_t *)to);
    case FIELD_LIST:
        return read_list(a, w, tag, (struct otlp_list *)to);
    default:
        return read_message(w, f->offset == 0 ? NULL : (struct wire *)to);
    }
}

static int parse(struct arena *a, const struct point_shape *shape, struct wire body,
                 struct otlp_point *p)
{
    while (!wire_done(&body)) {
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number < shape->n && shape->fields[tag.number].kind != FIELD_SKIPPED)
            rc = read_field(a, &body, &tag, &shape->fields[tag.number], p);
        else
            rc = ingest__wire_skip(&body, &tag);
        if (rc < 0)
            return rc;
        p->has_sum = p->has_sum || tag.number == shape->sum;
    }
    return 0;
}

int ingest__otlp_point_parse(struct otlp *o, enum otlp_kind kind, struct wire body,
                             struct otlp_point *p)
{
    struct otlp_list bounds = p->bounds, counts = p->counts;

    bounds.n = counts.n = 0;
    *p = (struct otlp_point){.bounds = bounds, .counts = counts};
    return parse(o->b.a, &shapes[kind], body, p);
}

int ingest__otlp_exemplar_parse(struct wire body, struct otlp_point *p)
{
    *p = (struct otlp_point){0};
    return parse(NULL, &exemplar_shape, body, p);
}

static int add_count(struct arena *a, struct otlp_list *l, struct wire *w)
{
    uint64_t v;
    int rc = wire_varint(w, &v);

    if (rc < 0)
        return rc;
    ARENA_GROW(a, l->v, l->n, l->cap, uint64_t);
    l->v[l->n++] = v;
    return 0;
}

int ingest__otlp_buckets_parse(struct otlp *o, struct wire body, struct otlp_point *p,
                               int32_t *offset)
{
    p->counts.n = 0;
    *offset = 0;
    while (body.p != NULL && !wire_done(&body)) {
        struct wire packed = {0};
        struct wire_tag tag;
        uint64_t v = 0;
        int rc = wire_tag(&body, &tag);

        if (rc == 0 && tag.number == 1 && tag.type == WIRE_VARINT) {
            rc = wire_varint(&body, &v);
            *offset = (int32_t)((uint32_t)v >> 1 ^ (~((uint32_t)v & 1) + 1));
        } else if (rc == 0 && tag.number == 2 && tag.type == WIRE_VARINT) {
            rc = add_count(o->b.a, &p->counts, &body);
        } else if (rc == 0 && tag.number == 2 && tag.type == WIRE_BYTES) {
            rc = wire_bytes(&body, &packed);
            while (rc == 0 && !wire_done(&packed))
                rc = add_count(o->b.a, &p->counts, &packed);
        } else if (rc == 0 && (tag.number == 1 || tag.number == 2)) {
            rc = ingest__wire_wrong_type(&body, &tag, tag.number == 1 ? "Offset" : "BucketCounts");
        } else if (rc == 0) {
            rc = ingest__wire_skip(&body, &tag);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}
