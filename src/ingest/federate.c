/*
 * federate.c - the newest sample of each series as another Prometheus scrapes them: text exposition
 * 0.0.4, or delimited protobuf (prometheus/client_model's MetricFamily), which has native
 * histograms.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"
#include "ferula/ingest.h"

#include "pb.h"
#include "text_print.h"

/* Types of families, as client_model numbers them. */
enum family_type { TYPE_UNTYPED = 3, TYPE_HISTOGRAM = 4, TYPE_GAUGE_HISTOGRAM = 5 };

/* What goes on while a list is printed. */
struct printer {
    struct buf *out;
    const struct ingest_federation *how;
    struct buf family, metric, inner, deep; /* protobuf in the making */
    struct buf name, escaped;
    struct str last_name; /* of the family that is open */
    enum family_type last_type;
    bool open;
};

static enum family_type type_of(const struct ingest_newest *x)
{
    if (x->h == NULL)
        return TYPE_UNTYPED;
    return x->h->hint == HISTOGRAM_GAUGE ? TYPE_GAUGE_HISTOGRAM : TYPE_HISTOGRAM;
}

/* ---- names ------------------------------------------------------------------------------ */

static bool is_legacy_char(struct str s, size_t i)
{
    char c = s.p[i];

    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (c >= '0' && c <= '9' && i > 0);
}

/* Bytes of the code point at `i`; names are valid UTF-8. */
static size_t rune_len(struct str s, size_t i)
{
    size_t n = 1;

    while (i + n < s.n && ((uint8_t)s.p[i + n] & 0xc0) == 0x80)
        n++;
    return n;
}

static void add_code_point(struct buf *out, struct str s, size_t i, size_t n)
{
    static const uint8_t first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t rune = (uint8_t)s.p[i] & first_mask[MIN(n, (size_t)4)];

    for (size_t k = 1; k < n; k++)
        rune = rune << 6 | ((uint8_t)s.p[i + k] & 0x3f);
    buf_addf(out, "_%x_", rune);
}

/* How a scheme writes what a legacy name cannot have. */
static void escape_rune(struct buf *out, enum ingest_escaping how, struct str s, size_t i, size_t n)
{
    bool legacy = n == 1 && is_legacy_char(s, i);

    if (s.p[i] == '_' && how != INGEST_ESCAPE_UNDERSCORES)
        buf_puts(out, "__");
    else if (s.p[i] == '.' && how == INGEST_ESCAPE_DOTS)
        buf_puts(out, "_dot_");
    else if (legacy)
        buf_putc(out, s.p[i]);
    else if (how == INGEST_ESCAPE_VALUES)
        add_code_point(out, s, i, n);
    else
        buf_puts(out, how == INGEST_ESCAPE_DOTS ? "__" : "_");
}

/* Valid until the next call with the same buffer. */
static struct str escaped(struct buf *to, enum ingest_escaping how, struct str name)
{
    if (how == INGEST_ESCAPE_NONE || name.n == 0 ||
        (how != INGEST_ESCAPE_DOTS && metric_name_is_legacy(name)))
        return name;
    buf_reset(to);
    if (how == INGEST_ESCAPE_VALUES)
        buf_puts(to, "U__");
    for (size_t i = 0, n; i < name.n; i += n) {
        n = rune_len(name, i);
        escape_rune(to, how, name, i, n);
    }
    return buf_str(to);
}

/* ---- text ------------------------------------------------------------------------------- */

static void add_float(struct buf *out, double v)
{
    if (v == 0)
        buf_putc(out, '0'); /* the format writes no -0 */
    else if (isnan(v))
        buf_puts(out, "NaN");
    else
        buf_add_num(out, v, 'g');
}

static void add_label(struct printer *p, struct str name, struct str value, char *before)
{
    buf_putc(p->out, *before);
    *before = ',';
    ingest__add_name(p->out, escaped(&p->escaped, p->how->escaping, name));
    buf_putc(p->out, '=');
    ingest__add_quoted(p->out, value);
}

/* A line; `le` is NULL when it is no bucket. */
static void add_line(struct printer *p, const struct ingest_newest *x, const char *suffix,
                     const double *le, double v)
{
    bool has_instance = false, inside;
    char before = '{';

    buf_reset(&p->name);
    buf_add_str(&p->name, p->last_name);
    buf_puts(&p->name, suffix);
    inside = !metric_name_is_legacy(buf_str(&p->name));
    if (inside) {
        buf_putc(p->out, '{');
        before = ',';
    }
    ingest__add_name(p->out, buf_str(&p->name));
    for (size_t i = 0; i < x->labels.n; i++) {
        if (str_is(x->labels.v[i].name, LABEL_NAME))
            continue;
        has_instance = has_instance || str_is(x->labels.v[i].name, "instance");
        add_label(p, x->labels.v[i].name, x->labels.v[i].value, &before);
    }
    if (!has_instance)
        add_label(p, STR("instance"), STR(""), &before);
    if (le != NULL) {
        buf_puts(p->out, ",le=\"");
        add_float(p->out, *le);
        buf_putc(p->out, '"');
    }
    buf_puts(p->out, "} ");
    add_float(p->out, v);
    buf_putc(p->out, ' ');
    buf_add_i64(p->out, x->t);
    buf_putc(p->out, '\n');
}

/* How many observations the custom bucket `i` and those below it have; at *at is the next to add.
 */
static double cumulate(const struct histogram *h, size_t i, size_t *at, double before)
{
    for (; *at < h->pos.n && h->pos.index[*at] <= (int64_t)i; (*at)++)
        if (h->pos.index[*at] == (int64_t)i)
            before += h->pos.count[*at];
    return before;
}

/* Custom buckets are those of a classic histogram. */
static void text_histogram(struct printer *p, const struct ingest_newest *x)
{
    const double inf = INFINITY;
    double cumulated = 0;
    size_t at = 0;

    for (size_t i = 0; i < x->h->n_bounds; i++) {
        cumulated = cumulate(x->h, i, &at, cumulated);
        add_line(p, x, "_bucket", &x->h->bounds[i], cumulated);
    }
    add_line(p, x, "_bucket", &inf, x->h->count);
    add_line(p, x, "_sum", NULL, x->h->sum);
    add_line(p, x, "_count", NULL, x->h->count);
}

static void text_family(struct printer *p)
{
    buf_puts(p->out, "# TYPE ");
    ingest__add_name(p->out, p->last_name);
    buf_puts(p->out, p->last_type == TYPE_UNTYPED ? " untyped\n" : " histogram\n");
}

/* ---- protobuf --------------------------------------------------------------------------- */

/* Numbers of optional fields are written when they are 0, too. */
static void put_f64(struct buf *out, unsigned field, double v)
{
    pb_tag(out, field, WIRE_FIXED64);
    pb_bits64(out, f64_bits(v));
}

static void put_label(struct printer *p, struct str name, struct str value)
{
    pb_bytes(&p->inner, 1, escaped(&p->escaped, p->how->escaping, name));
    pb_bytes(&p->inner, 2, value);
    pb_nest(&p->metric, 1, &p->inner);
}

static void put_labels(struct printer *p, struct labels ls)
{
    bool has_instance = false;

    for (size_t i = 0; i < ls.n; i++) {
        if (str_is(ls.v[i].name, LABEL_NAME))
            continue;
        has_instance = has_instance || str_is(ls.v[i].name, "instance");
        put_label(p, ls.v[i].name, ls.v[i].value);
    }
    if (!has_instance)
        put_label(p, STR("instance"), STR(""));
}

static void put_classic(struct printer *p, const struct histogram *h)
{
    double cumulated = 0;
    size_t at = 0;

    for (size_t i = 0; i < h->n_bounds; i++) {
        cumulated = cumulate(h, i, &at, cumulated);
        put_f64(&p->deep, 2, h->bounds[i]);
        put_f64(&p->deep, 4, cumulated);
        pb_nest(&p->inner, 3, &p->deep);
    }
}

static void put_side(struct printer *p, unsigned spans, unsigned counts,
                     const struct histogram_side *s)
{
    struct histogram_span span = {0};

    while (histogram_span_next(s, &span)) {
        pb_tag(&p->deep, 1, WIRE_VARINT);
        pb_varint(&p->deep, pb_zigzag(span.gap));
        pb_u64(&p->deep, 2, span.n);
        pb_nest(&p->inner, spans, &p->deep);
    }
    for (size_t i = 0; i < s->n; i++)
        put_f64(&p->inner, counts, s->count[i]);
}

static void put_histogram(struct printer *p, const struct histogram *h)
{
    put_f64(&p->inner, 2, h->sum);
    put_f64(&p->inner, 4, h->count);
    if (histogram_is_custom(h)) {
        put_classic(p, h);
    } else {
        pb_tag(&p->inner, 5, WIRE_VARINT);
        pb_varint(&p->inner, pb_zigzag(h->schema));
        put_f64(&p->inner, 6, h->zero_threshold);
        put_f64(&p->inner, 8, h->zero_count);
        put_side(p, 9, 11, &h->neg);
        put_side(p, 12, 14, &h->pos);
    }
    pb_nest(&p->metric, 7, &p->inner);
}

static void put_metric(struct printer *p, const struct ingest_newest *x)
{
    put_labels(p, x->labels);
    if (x->h == NULL) {
        put_f64(&p->inner, 1, x->v);
        pb_nest(&p->metric, 5, &p->inner);
    }
    pb_tag(&p->metric, 6, WIRE_VARINT);
    pb_varint(&p->metric, (uint64_t)x->t);
    if (x->h != NULL)
        put_histogram(p, x->h);
    pb_nest(&p->family, 4, &p->metric);
}

static void begin_message(struct printer *p)
{
    pb_bytes(&p->family, 1, p->last_name);
    pb_tag(&p->family, 3, WIRE_VARINT);
    pb_varint(&p->family, p->last_type);
}

static void end_message(struct printer *p)
{
    pb_varint(p->out, p->family.n);
    buf_add_str(p->out, buf_str(&p->family));
    buf_reset(&p->family);
}

/* ---- both ------------------------------------------------------------------------------- */

static void print_one(struct printer *p, struct arena *a, const struct ingest_newest *x)
{
    struct str name = escaped(&p->escaped, p->how->escaping, labels_name(x->labels));
    enum family_type type = type_of(x);

    if (!p->open || p->last_type != type || !str_eq(p->last_name, name)) {
        if (p->open && p->how->protobuf)
            end_message(p);
        p->last_name = arena_str(a, name);
        p->last_type = type;
        p->open = true;
        if (p->how->protobuf)
            begin_message(p);
        else
            text_family(p);
    }
    if (p->how->protobuf)
        put_metric(p, x);
    else if (x->h != NULL)
        text_histogram(p, x);
    else
        add_line(p, x, "", NULL, x->v);
}

void ingest_print_federation(struct buf *out, const struct ingest_newest *v, size_t n,
                             const struct ingest_federation *how)
{
    struct printer p = {.out = out, .how = how};
    struct arena a = {0};

    for (size_t i = 0; i < n; i++) {
        /* Only protobuf has buckets without classic bounds. */
        if (v[i].h != NULL && !histogram_is_custom(v[i].h) && !how->protobuf)
            continue;
        if (labels_name(v[i].labels).n > 0)
            print_one(&p, &a, &v[i]);
    }
    if (p.open && how->protobuf)
        end_message(&p);
    buf_release(&p.family);
    buf_release(&p.metric);
    buf_release(&p.inner);
    buf_release(&p.deep);
    buf_release(&p.name);
    buf_release(&p.escaped);
    arena_release(&a);
}
