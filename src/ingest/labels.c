/*
 * labels.c - label sets off the wire: parsed, held against the limits, refused with a sentence.
 *
 * Only series that the store does not know by their raw bytes come here. A set with too many labels
 * is refused by their number, before anything is sorted or compared.
 */
#include "ferula/base/check.h"

#include "decode.h"

/* What of a label set is shown in a refusal: enough to find the series, whatever was sent. */
#define SHOWN_LABELS    12
#define SHOWN_BYTES     120 /* of a name or value */
#define SHOWN_BYTES_MAX 600

static int parse_label(struct wire body, struct label *out)
{
    *out = (struct label){STR(""), STR("")};
    while (!wire_done(&body)) {
        struct wire_tag tag;
        struct wire text;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number > 2) {
            rc = ingest__wire_skip(&body, &tag);
            if (rc < 0)
                return rc;
            continue;
        }
        if (tag.type != WIRE_BYTES)
            return ingest__wire_wrong_type(&body, &tag, tag.number == 1 ? "Name" : "Value");
        rc = wire_bytes(&body, &text);
        if (rc < 0)
            return rc;
        *(tag.number == 1 ? &out->name : &out->value) = wire_str(&text);
    }
    return 0;
}

int ingest__labels_parse(struct wire series, size_t max_labels, struct label_set *set)
{
    set->n = set->n_seen = 0;
    while (!wire_done(&series)) {
        struct wire_tag tag;
        struct label label;
        struct wire body;
        int rc = wire_tag(&series, &tag);

        if (rc < 0)
            return rc;
        if (tag.number != 1) {
            rc = ingest__wire_skip(&series, &tag);
            if (rc < 0)
                return rc;
            continue;
        }
        rc = wire_bytes(&series, &body);
        if (rc == 0)
            rc = parse_label(body, &label);
        if (rc < 0)
            return rc;
        if (set->n_seen++ < max_labels)
            set->v[set->n++] = label;
    }
    return 0;
}

static struct str head_of(struct str s)
{
    return (struct str){s.p, MIN(s.n, SHOWN_BYTES)};
}

void ingest__series_print(struct buf *b, struct labels ls)
{
    struct label shown[SHOWN_LABELS];
    size_t n = MIN(ls.n, SHOWN_LABELS), from = b->n;

    for (size_t i = 0; i < n; i++)
        shown[i] = (struct label){head_of(ls.v[i].name), head_of(ls.v[i].value)};
    labels_print(b, (struct labels){shown, n});
    if (b->n - from > SHOWN_BYTES_MAX || n < ls.n) {
        b->n = MIN(b->n, from + SHOWN_BYTES_MAX);
        buf_puts(b, "...");
    }
}

struct str ingest__series_sentence(struct arena *a, const char *what, const struct label_set *set)
{
    struct buf b = {0};
    struct str out;

    buf_puts(&b, what);
    buf_putc(&b, ' ');
    ingest__series_print(&b, (struct labels){set->v, set->n});
    out = arena_str(a, buf_str(&b));
    buf_release(&b);
    return out;
}

/* The first label that is over a limit of length, in words. */
static bool within_lengths(const struct ingest_limits *limits, const struct label_set *set,
                           struct fault *f)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct label *l = &set->v[i];
        bool is_name = str_is(l->name, LABEL_NAME);
        size_t most = is_name ? limits->name_bytes : limits->value_bytes;

        if (l->name.n > limits->name_bytes) {
            (void)fault_set(f, FER_ELIMIT, 0,
                            "a label name has %zu bytes, more than the limit of %zu, in series",
                            l->name.n, limits->name_bytes);
            return false;
        }
        if (l->value.n > most) {
            (void)fault_set(f, FER_ELIMIT, 0,
                            "the value of label " STR_FMT
                            " has %zu bytes, more than the limit of %zu, in series",
                            STR_ARG(head_of(l->name)), l->value.n, most);
            return false;
        }
    }
    return true;
}

static bool has_name(const struct label_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        if (str_is(set->v[i].name, LABEL_NAME))
            return true;
    return false;
}

/* `f` is NULL when nobody wants the reason: a body of bad series costs no formatting but the first.
 */
static bool valid(const struct ingest_limits *limits, struct label_set *set, struct fault *f)
{
    struct fault why;

    if (set->n_seen > limits->labels) {
        (void)fault_set(f, FER_ELIMIT, 0, "%zu labels, more than the limit of %zu, in series",
                        set->n_seen, limits->labels);
        return false;
    }
    if (!within_lengths(limits, set, f))
        return false;
    if (!has_name(set)) {
        (void)fault_set(f, FER_EINVAL, 0,
                        "invalid metric name or labels (no label " LABEL_NAME "), got");
        return false;
    }
    if (labels_normalise(set->v, &set->n, f == NULL ? NULL : &why) < 0) {
        if (f != NULL)
            (void)fault_set(f, why.code, 0, "invalid metric name or labels (%s), got", why.text);
        return false;
    }
    return true;
}

/* A label without a value is no label. */
static void drop_empty(struct label_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        if (set->v[i].value.n > 0)
            set->v[n++] = set->v[i];
    set->n = n;
}

bool ingest__labels_accept(struct arena *a, const struct ingest_limits *limits,
                           struct label_set *set, struct str *why)
{
    bool first = why->n == 0;
    struct fault f;

    drop_empty(set);
    if (valid(limits, set, first ? &f : NULL))
        return true;
    if (first)
        *why = ingest__series_sentence(a, f.text, set);
    return false;
}
