/*
 * otlp.h - what the files that translate OTLP share.
 *
 * The translation is that of Prometheus' storage/remote/otlptranslator with its default settings. A
 * data point is read, translated and forgotten; only what it becomes is kept.
 */
#ifndef INGEST_OTLP_H
#define INGEST_OTLP_H

#include "batch.h"
#include "otlp_names.h"

/* A list of 8-byte elements of a data point, bit for bit. */
struct otlp_list {
    uint64_t *v;
    size_t n, cap;
};

/* A data point of any kind, or an exemplar; what a kind lacks is 0. */
struct otlp_point {
    uint64_t start, time; /* ns */
    uint64_t flags, count, zero_count, as_int, scale;
    double value, sum;
    struct wire positive, negative; /* Buckets; p == NULL: none */
    struct wire trace_id, span_id;
    uint32_t value_member; /* the number of the last field with a value; 0: none */
    bool has_sum;
    struct otlp_list bounds, counts; /* of the whole converter, reused */
};

struct otlp_attr {
    struct str key, value;
    size_t place;
};

/* A target_info sample that is made already. */
struct otlp_seen {
    struct hash128 labels;
    ts_ms t;
};

struct otlp {
    struct batch b;
    struct str job, instance; /* of the resource */
    uint64_t first, last;     /* times of its data points, ns; first > last: there is none */

    struct otlp_metric {
        struct otlp_naming naming;
        struct str help;
        struct wire data; /* Gauge, Sum, ... */
        uint64_t temporality;
        size_t n_points;
        struct str name; /* as Prometheus has it; and of its parts */
        struct str name_sum, name_count, name_bucket;
        enum metric_type type;
        struct str unit;
    } metric;

    struct otlp_point point;
    struct otlp_attr *attrs; /* room for as many as a series may have labels */
    struct batch_mark given; /* what came before it belongs to a series */
    struct label_set base;   /* labels of the point in hand but its name; sorted */
    struct buf text;         /* scratch */
    struct buf key;          /* scratch: the labels that are looked up */
    struct otlp_seen *seen;  /* open addressing */
    size_t n_seen, cap_seen;
    size_t n_entries; /* of maps that were values of attributes */
};

/* What cannot be translated: the request goes on after it. */
#define OTLP_DROPPED 1

/* Adds a sentence to the answer. Returns OTLP_DROPPED. */
int ingest__otlp_drop(struct otlp *o, struct str line);

/* Reads one data point or exemplar of the kind into `p`, whose lists are emptied first. */
int ingest__otlp_point_parse(struct otlp *o, enum otlp_kind kind, struct wire body,
                             struct otlp_point *p);
int ingest__otlp_exemplar_parse(struct wire body, struct otlp_point *p);
/* Buckets of an exponential histogram into *offset and p->counts. */
int ingest__otlp_buckets_parse(struct otlp *o, struct wire body, struct otlp_point *p,
                               int32_t *offset);

/* The number of the field that holds attributes and exemplars, by kind; 0: there is none. */
uint32_t ingest__otlp_attributes_field(enum otlp_kind kind);
uint32_t ingest__otlp_exemplars_field(enum otlp_kind kind);

/* ingest__wire_next() of a submessage. */
static inline int otlp_next(struct wire *w, uint32_t number, struct wire *body)
{
    return ingest__wire_next(w, number, "Message", body);
}

/* A KeyValue with its value as text, as pcommon.Value.AsString() has it. */
int ingest__otlp_key_value(struct otlp *o, struct wire body, struct str *key, struct str *value);

/*
 * The labels that the attributes in field `number` of `body` make, in o->base; those whose key is
 * in `ignored` are left out. OTLP_DROPPED: a name that cannot be.
 */
struct otlp_ignored {
    const char *const *keys;
    size_t n;
};
int ingest__otlp_base(struct otlp *o, struct wire body, uint32_t number,
                      const struct otlp_ignored *ignored);

/* The converter's series: o->base, a name, and one label more (empty: none). */
struct otlp_series {
    struct str name, label, value;
};

/* Gives what came since the mark to the series. */
void ingest__otlp_give(struct otlp *o, const struct batch_mark *mark,
                       const struct otlp_series *series);

/* The points of o->metric. OTLP_DROPPED: the rest of them is dropped. */
int ingest__otlp_points(struct otlp *o);

/* JSON to the same message in protobuf's wire format, in the arena. FER_EINVAL, FER_ELIMIT. */
int ingest__otlp_from_json(struct arena *a, size_t max_bytes, struct str json, struct str *out,
                           struct fault *f);

static inline ts_ms otlp_ms(uint64_t ns)
{
    return (int64_t)ns / 1000000;
}

#endif
