/*
 * shape.c - the tables of exemplars and native histograms, and the walk that checks them.
 */
#include "shape.h"

#include "ferula/base/check.h"

enum kind {
    KIND_VARINT,
    KIND_F64,
    KIND_BYTES,
    KIND_MESSAGE,
    KIND_VARINTS, /* repeated: packed or one by one */
    KIND_F64S,
};

struct shape_field {
    uint32_t number;
    enum kind kind;
    const char *name;
    const struct shape *message; /* of KIND_MESSAGE; nests twice at most */
};

struct shape {
    const struct shape_field *fields;
    size_t n;
};

static const struct shape_field label_fields[] = {
    {1, KIND_BYTES, "Name",  NULL},
    {2, KIND_BYTES, "Value", NULL},
};
static const struct shape label_shape = {label_fields, COUNT(label_fields)};

static const struct shape_field exemplar_fields[] = {
    {1, KIND_MESSAGE, "Labels",    &label_shape},
    {2, KIND_F64,     "Value",     NULL        },
    {3, KIND_VARINT,  "Timestamp", NULL        },
};
const struct shape ingest__exemplar_shape = {exemplar_fields, COUNT(exemplar_fields)};

static const struct shape_field span_fields[] = {
    {1, KIND_VARINT, "Offset", NULL},
    {2, KIND_VARINT, "Length", NULL},
};
static const struct shape span_shape = {span_fields, COUNT(span_fields)};

static const struct shape_field histogram_fields[] = {
    {1,  KIND_VARINT,  "CountInt",       NULL       },
    {2,  KIND_F64,     "CountFloat",     NULL       },
    {3,  KIND_F64,     "Sum",            NULL       },
    {4,  KIND_VARINT,  "Schema",         NULL       },
    {5,  KIND_F64,     "ZeroThreshold",  NULL       },
    {6,  KIND_VARINT,  "ZeroCountInt",   NULL       },
    {7,  KIND_F64,     "ZeroCountFloat", NULL       },
    {8,  KIND_MESSAGE, "NegativeSpans",  &span_shape},
    {9,  KIND_VARINTS, "NegativeDeltas", NULL       },
    {10, KIND_F64S,    "NegativeCounts", NULL       },
    {11, KIND_MESSAGE, "PositiveSpans",  &span_shape},
    {12, KIND_VARINTS, "PositiveDeltas", NULL       },
    {13, KIND_F64S,    "PositiveCounts", NULL       },
    {14, KIND_VARINT,  "ResetHint",      NULL       },
    {15, KIND_VARINT,  "Timestamp",      NULL       },
    {16, KIND_F64S,    "CustomValues",   NULL       },
};
const struct shape ingest__histogram_shape = {histogram_fields, COUNT(histogram_fields)};

static const uint32_t wire_type_of[] = {
    [KIND_VARINT] = WIRE_VARINT, [KIND_F64] = WIRE_FIXED64,    [KIND_BYTES] = WIRE_BYTES,
    [KIND_MESSAGE] = WIRE_BYTES, [KIND_VARINTS] = WIRE_VARINT, [KIND_F64S] = WIRE_FIXED64,
};

static const struct shape_field *field_of(const struct shape *shape, uint32_t number)
{
    for (size_t i = 0; i < shape->n; i++)
        if (shape->fields[i].number == number)
            return &shape->fields[i];
    return NULL;
}

static int check_packed(struct wire body, enum kind kind)
{
    uint64_t v;
    int rc = 0;

    if (kind == KIND_F64S && (body.end - body.p) % 8 != 0)
        return ingest__wire_fail(&body, "unexpected EOF");
    while (kind == KIND_VARINTS && rc == 0 && !wire_done(&body))
        rc = wire_varint(&body, &v);
    return rc;
}

static int check_field(struct wire *w, const struct wire_tag *tag, const struct shape_field *field)
{
    bool packed = field->kind >= KIND_VARINTS && tag->type == WIRE_BYTES;
    struct wire body;
    int rc;

    if (!packed && tag->type != wire_type_of[field->kind])
        return ingest__wire_wrong_type(w, tag, field->name);
    if (!packed && field->kind != KIND_MESSAGE)
        return ingest__wire_skip(w, tag);
    rc = wire_bytes(w, &body);
    if (rc < 0)
        return rc;
    return packed ? check_packed(body, field->kind) : ingest__shape_check(body, field->message);
}

int ingest__shape_check(struct wire body, const struct shape *shape)
{
    while (!wire_done(&body)) {
        const struct shape_field *field;
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        field = field_of(shape, tag.number);
        rc = field == NULL ? ingest__wire_skip(&body, &tag) : check_field(&body, &tag, field);
        if (rc < 0)
            return rc;
    }
    return 0;
}
