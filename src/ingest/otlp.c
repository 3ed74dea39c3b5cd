/*
 * otlp.c - an ExportMetricsServiceRequest: resources, their metrics, and target_info.
 *
 * What cannot be translated is dropped with a sentence, and the rest goes on, as Prometheus'
 * converter does. Each message is walked as often as its fields are needed in another order than
 * they come.
 */
#include "otlp.h"

#include "ferula/base/check.h"
#include "ferula/base/hash.h"

#define CUMULATIVE       2u
#define TARGET_INFO      "target_info"
#define TARGET_INFO_MAX  4096 /* of one resource; more than a week at the usual interval */
#define LOOKBACK_DEFAULT (5 * 60 * 1000)
#define NS_PER_MS        1000000u

int ingest__otlp_drop(struct otlp *o, struct str line)
{
    o->b.iw->refused.n_label_sets++;
    ingest__batch_line(&o->b, line);
    return OTLP_DROPPED;
}

/* ---- metrics ---------------------------------------------------------------------------- */

static const enum otlp_kind kinds[] = {
    [5] = OTLP_GAUGE,        [7] = OTLP_SUM,      [9] = OTLP_HISTOGRAM,
    [10] = OTLP_EXPONENTIAL, [11] = OTLP_SUMMARY,
};

static int read_metric_field(struct otlp_metric *m, struct wire *w, const struct wire_tag *tag)
{
    struct wire body;
    int rc;

    if (tag->type != WIRE_BYTES)
        return ingest__wire_wrong_type(w, tag, "Metric");
    rc = wire_bytes(w, &body);
    if (rc < 0)
        return rc;
    if (tag->number == 1) {
        m->naming.name = wire_str(&body);
    } else if (tag->number == 2) {
        m->help = wire_str(&body);
    } else if (tag->number == 3) {
        m->naming.unit = wire_str(&body);
    } else {
        m->naming.kind = kinds[tag->number];
        m->data = body;
    }
    return 0;
}

static int parse_metric(struct otlp_metric *m, struct wire w)
{
    *m = (struct otlp_metric){
        .help = STR(""), .naming = {.name = STR(""), .unit = STR("")}
    };
    while (!wire_done(&w)) {
        struct wire_tag tag;
        int rc = wire_tag(&w, &tag);
        bool known = rc == 0 && (tag.number <= 3 ||
                                 (tag.number < COUNT(kinds) && kinds[tag.number] != OTLP_NONE));

        if (rc == 0)
            rc = known ? read_metric_field(m, &w, &tag) : ingest__wire_skip(&w, &tag);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A data point's time into the bounds of its resource. */
static int note_time(struct otlp *o, struct wire body)
{
    uint64_t ns = 0;

    while (!wire_done(&body)) {
        struct wire_tag tag;
        double bits = 0;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        rc = tag.number == 3 && tag.type == WIRE_FIXED64 ? wire_f64(&body, &bits)
                                                         : ingest__wire_skip(&body, &tag);
        if (rc < 0)
            return rc;
        if (tag.number == 3)
            ns = f64_bits(bits);
    }
    o->first = MIN(o->first, ns);
    o->last = MAX(o->last, ns);
    return 0;
}

/* Temporality, monotony, and how many points there are; the fields behind the points matter. */
static int scan_data(struct otlp *o)
{
    struct otlp_metric *m = &o->metric;
    struct wire w = m->data, body;

    while (!wire_done(&w)) {
        struct wire_tag tag;
        uint64_t v = 0;
        int rc = wire_tag(&w, &tag);

        if (rc < 0)
            return rc;
        if (tag.number == 1 && tag.type == WIRE_BYTES) {
            m->n_points++;
            rc = wire_bytes(&w, &body);
            if (rc == 0)
                rc = note_time(o, body);
        } else if ((tag.number == 2 || tag.number == 3) && tag.type == WIRE_VARINT) {
            rc = wire_varint(&w, &v);
            if (tag.number == 2)
                m->temporality = v;
            else
                m->naming.monotonic = v != 0;
        } else {
            rc = ingest__wire_skip(&w, &tag);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static enum metric_type type_of(const struct otlp_metric *m)
{
    switch (m->naming.kind) {
    case OTLP_SUM:
        return m->naming.monotonic ? METRIC_COUNTER : METRIC_GAUGE;
    case OTLP_HISTOGRAM:
    case OTLP_EXPONENTIAL:
        return METRIC_HISTOGRAM;
    case OTLP_SUMMARY:
        return METRIC_SUMMARY;
    default:
        return METRIC_GAUGE;
    }
}

/* Why it cannot be translated; empty: it can. */
static struct str metric_fault(struct otlp *o)
{
    const struct otlp_metric *m = &o->metric;
    enum otlp_kind kind = m->naming.kind;

    if (kind == OTLP_NONE)
        return arena_printf(o->b.a,
                            "could not get aggregation temporality for " STR_FMT
                            " as it has unsupported metric type Empty",
                            STR_ARG(m->naming.name));
    if (kind != OTLP_GAUGE && kind != OTLP_SUMMARY && m->temporality != CUMULATIVE) {
        buf_reset(&o->text);
        buf_puts(&o->text, "invalid temporality and type combination for metric ");
        buf_add_go_quoted(&o->text, m->naming.name);
        return arena_str(o->b.a, buf_str(&o->text));
    }
    return STR("");
}

static struct str part(struct otlp *o, const char *suffix)
{
    return arena_printf(o->b.a, STR_FMT "%s", STR_ARG(o->metric.name), suffix);
}

static int add_metadata(struct otlp *o, struct str family, enum metric_type type, struct str help,
                        struct str unit)
{
    struct metadata md = {family, type, help, unit};

    if (!ingest__metadata_accept(&o->b.opts->limits, &md))
        return 0;
    return ingest__batch_metadata(&o->b, &md);
}

static int name_metric(struct otlp *o)
{
    struct otlp_metric *m = &o->metric;
    struct fault why;

    if (ingest__otlp_metric_name(o->b.a, &m->naming, &m->name, &why) < 0)
        return ingest__otlp_drop(o, str_of(why.text));
    if (m->n_points == 0)
        return ingest__otlp_drop(o,
                                 arena_printf(o->b.a, "empty data points. " STR_FMT " is dropped",
                                              STR_ARG(m->naming.name)));
    m->type = type_of(m);
    m->unit = ingest__otlp_unit(o->b.a, m->naming.unit);
    m->name_sum = part(o, "_sum");
    m->name_count = part(o, "_count");
    m->name_bucket = part(o, "_bucket");
    return 0;
}

static int decode_metric(struct otlp *o, struct wire body)
{
    struct otlp_metric *m = &o->metric;
    struct str why;
    int rc = parse_metric(m, body);

    if (rc == 0 && m->naming.kind != OTLP_NONE)
        rc = scan_data(o);
    if (rc < 0)
        return rc;
    why = metric_fault(o);
    rc = why.n > 0 ? ingest__otlp_drop(o, why) : name_metric(o);
    if (rc == 0)
        rc = ingest__otlp_points(o);
    if (rc == 0)
        rc = add_metadata(o, m->name, m->type, m->help, m->unit);
    return MIN(rc, 0);
}

/* ---- target_info ------------------------------------------------------------------------ */

static const char *const identifying[] = {"service.namespace", "service.name",
                                          "service.instance.id"};

/* Marks the sample as made; false: it is already. */
static bool see(struct otlp *o, struct otlp_seen s)
{
    size_t at;

    if (2 * (o->n_seen + 1) > o->cap_seen) {
        struct otlp_seen *old = o->seen;
        size_t n = o->cap_seen;

        o->cap_seen = MAX(2 * n, 64);
        o->seen = arena_array(o->b.a, struct otlp_seen, o->cap_seen);
        o->n_seen = 0;
        for (size_t i = 0; i < n; i++)
            if (old[i].labels.lo != 0)
                (void)see(o, old[i]);
    }
    s.labels.lo |= 1; /* 0: a free place */
    at = (s.labels.lo ^ (uint64_t)s.t * UINT64_C(0x9e3779b97f4a7c15)) >> 1;
    for (at &= o->cap_seen - 1; o->seen[at].labels.lo != 0; at = (at + 1) & (o->cap_seen - 1))
        if (hash128_eq(o->seen[at].labels, s.labels) && o->seen[at].t == s.t)
            return false;
    o->seen[at] = s;
    o->n_seen++;
    return true;
}

static struct hash128 hash_base(struct otlp *o)
{
    buf_reset(&o->key);
    for (size_t i = 0; i < o->base.n; i++) {
        buf_add_str(&o->key, o->base.v[i].name);
        buf_putc(&o->key, '\0');
        buf_add_str(&o->key, o->base.v[i].value);
        buf_putc(&o->key, '\0');
    }
    return hash_keyed128(buf_str(&o->key).p, o->key.n);
}

static int emit_target_info(struct otlp *o, struct hash128 labels, uint64_t ns)
{
    return see(o, (struct otlp_seen){labels, otlp_ms(ns)})
               ? batch_sample_from(&o->b, (struct sample){otlp_ms(ns), 1}, 0)
               : 0;
}

/* From the first to the last time of the resource's points, often enough for a query to see it. */
static int emit_all_target_info(struct otlp *o)
{
    dur_ms lookback = o->b.opts->lookback == 0 ? LOOKBACK_DEFAULT : o->b.opts->lookback;
    uint64_t step = MAX((uint64_t)lookback / 2, 1) * NS_PER_MS;
    struct batch_mark mark = batch_mark(&o->b);
    struct hash128 labels = hash_base(o);
    uint64_t n = (o->last - o->first) / step;
    int rc = 0;

    if (n > TARGET_INFO_MAX) /* a time that is not set, most likely: the ends will do */
        step = o->last - o->first;
    for (uint64_t ns = o->first; ns < o->last && rc == 0; ns += MIN(step, o->last - ns))
        rc = emit_target_info(o, labels, ns);
    if (rc == 0)
        rc = emit_target_info(o, labels, o->last);
    if (rc == 0 && batch_is_new(&o->b, &mark))
        ingest__otlp_give(o, &mark, &(struct otlp_series){.name = STR(TARGET_INFO)});
    return rc;
}

static bool has_label(const struct label_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (str_is(set->v[i].name, name))
            return true;
    return false;
}

/* How many attributes there are beside those that identify the resource. */
static int count_others(struct otlp *o, struct wire resource, size_t *n)
{
    bool seen[COUNT(identifying)] = {false};
    struct str key, value;
    struct wire body;
    int rc;

    *n = 0;
    while ((rc = otlp_next(&resource, 1, &body)) > 0) {
        bool first = false;

        rc = ingest__otlp_key_value(o, body, &key, &value);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < COUNT(identifying); i++)
            if (!seen[i] && str_is(key, identifying[i]))
                first = seen[i] = true;
        *n += !first;
    }
    return rc;
}

static int add_target_info(struct otlp *o, struct wire resource)
{
    static const struct otlp_ignored ignored = {identifying, COUNT(identifying)};
    size_t n_others;
    int rc = count_others(o, resource, &n_others);

    if (rc < 0 || n_others == 0 || o->first > o->last)
        return rc;
    o->metric.type = METRIC_UNKNOWN;
    o->metric.unit = STR("");
    rc = ingest__otlp_base(o, resource, 1, &ignored);
    if (rc != 0 || (!has_label(&o->base, "job") && !has_label(&o->base, "instance")))
        return MIN(rc, 0);
    rc = emit_all_target_info(o);
    if (rc == 0)
        rc = add_metadata(o, STR(TARGET_INFO), METRIC_GAUGE, STR("Target metadata"), STR(""));
    return MIN(rc, 0);
}

/* ---- resources -------------------------------------------------------------------------- */

/* job and instance of the resource; of a key that is there twice the first counts. */
static int identify(struct otlp *o, struct wire resource)
{
    struct str found[COUNT(identifying)] = {0};
    struct str key, value;
    struct wire body;
    int rc;

    while ((rc = otlp_next(&resource, 1, &body)) > 0) {
        rc = ingest__otlp_key_value(o, body, &key, &value);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < COUNT(identifying); i++)
            if (found[i].p == NULL && str_is(key, identifying[i]))
                found[i] = value.p == NULL ? STR("") : value;
    }
    o->job = found[1].p == NULL ? STR("") : found[1];
    if (found[1].p != NULL && found[0].p != NULL)
        o->job = arena_printf(o->b.a, STR_FMT "/" STR_FMT, STR_ARG(found[0]), STR_ARG(found[1]));
    o->instance = found[2].p == NULL ? STR("") : found[2];
    return rc;
}

static int decode_scopes(struct otlp *o, struct wire w)
{
    struct wire scope, metric;
    int rc;

    while ((rc = otlp_next(&w, 2, &scope)) > 0) {
        while ((rc = otlp_next(&scope, 2, &metric)) > 0) {
            rc = decode_metric(o, metric);
            if (rc < 0)
                return rc;
        }
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int decode_resource(struct otlp *o, struct wire body)
{
    struct wire resource = {body.end, body.end, body.base, body.fault}, w = body, last;
    int rc;

    while ((rc = otlp_next(&w, 1, &last)) > 0)
        resource = last;
    if (rc == 0)
        rc = identify(o, resource);
    o->first = UINT64_MAX;
    o->last = 0;
    if (rc == 0)
        rc = decode_scopes(o, body);
    return rc < 0 ? rc : add_target_info(o, resource);
}

static int decode_request(struct otlp *o, struct wire w)
{
    struct wire body;
    int rc;

    while ((rc = otlp_next(&w, 1, &body)) > 0) {
        rc = decode_resource(o, body);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* The message in protobuf's wire format. */
static int unwrap(struct arena *a, const struct ingest_opts *opts, const struct ingest_otlp *in,
                  struct str *out, struct fault *f)
{
    size_t most = opts->limits.decoded_bytes;
    int rc = 0;

    *out = in->body;
    if (in->gzip)
        rc = ingest__gzip_decode(a, most, in->body, out, f);
    if (rc == 0 && in->json)
        rc = ingest__otlp_from_json(a, most, *out, out, f);
    return rc;
}

int ingest_decode_otlp(struct tsdb *db, struct arena *a, const struct ingest_opts *opts,
                       const struct ingest_otlp *in, struct ingest_write **out, struct fault *f)
{
    struct otlp o = {0};
    struct fault unread;
    struct str message;
    int rc;

    if (f == NULL)
        f = &unread;
    rc = unwrap(a, opts, in, &message, f);
    if (rc < 0)
        return rc;
    ingest__batch_begin(&o.b, db, a, opts, f);
    o.base =
        (struct label_set){.v = arena_array(a, struct label, o.b.set.cap + 1), .cap = o.b.set.cap};
    o.attrs = arena_array(a, struct otlp_attr, o.b.set.cap + 1);
    rc = decode_request(&o, wire_of(message, f));
    ingest__batch_end(&o.b);
    buf_release(&o.text);
    buf_release(&o.key);
    if (rc == 0)
        *out = ingest__batch_result(&o.b, INGEST_OTLP);
    return rc;
}
