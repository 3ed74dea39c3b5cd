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

int ingest__labels_parse(struct wire series, struct label_set *set)
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
        label_set_add(set, label.name, label.value);
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

/* The first label that is over a limit of length, in words. */
static bool within_lengths(const struct ingest_limits *limits, const struct label_set *set,
                           struct buf *why)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct label *l = &set->v[i];
        bool is_name = str_is(l->name, LABEL_NAME);
        size_t most = is_name ? limits->name_bytes : limits->value_bytes;

        if (l->name.n <= limits->name_bytes && l->value.n <= most)
            continue;
        if (why == NULL)
            return false;
        if (l->name.n > limits->name_bytes)
            buf_addf(why, "a label name has %zu bytes, more than the limit of %zu, in series ",
                     l->name.n, limits->name_bytes);
        else
            buf_addf(why,
                     "the value of label " STR_FMT
                     " has %zu bytes, more than the limit of %zu, in series ",
                     STR_ARG(head_of(l->name)), l->value.n, most);
        return false;
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

/* The name that is there twice in a sorted set that has a metric's name and whose labels are good
 * each; p == NULL: none. */
static struct str repeated(const struct label_set *set)
{
    struct str twice = {NULL, 0};
    bool named = false;

    for (size_t i = 0; i < set->n; i++) {
        if (set->v[i].name.n == 0 || !utf8_valid(set->v[i].name) || !utf8_valid(set->v[i].value))
            return (struct str){NULL, 0};
        named = named || (set->v[i].value.n > 0 && str_is(set->v[i].name, LABEL_NAME));
        if (i > 0 && twice.p == NULL && str_eq(set->v[i - 1].name, set->v[i].name))
            twice = set->v[i].name;
    }
    return named ? twice : (struct str){NULL, 0};
}

/* What labels_normalise() has against the set: `f` for 1.0, NULL for 2.0. */
static void explain(struct buf *why, const struct label_set *set, const struct fault *f)
{
    struct labels ls = {set->v, set->n};
    struct str twice = f == NULL ? repeated(set) : (struct str){NULL, 0};

    if (twice.p != NULL) {
        buf_puts(why, "invalid labels for series, labels ");
        ingest__series_print(why, ls);
        buf_addf(why, ", duplicated label " STR_FMT, STR_ARG(head_of(twice)));
        return;
    }
    buf_puts(why, "invalid metric name or labels");
    if (f != NULL)
        buf_addf(why, " (%s)", f->text);
    buf_puts(why, ", got ");
    ingest__series_print(why, ls);
}

/* Prometheus shows a name that is empty. */
static void put_back_name(struct label_set *set)
{
    size_t at = 0;

    while (at < set->n && str_cmp(set->v[at].name, STR(LABEL_NAME)) < 0)
        at++;
    memmove(&set->v[at + 1], &set->v[at], (set->n - at) * sizeof(set->v[0]));
    set->v[at] = (struct label){STR(LABEL_NAME), STR("")};
    set->n++;
}

void ingest__labels_drop_empty(struct label_set *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        if (set->v[i].value.n > 0)
            set->v[n++] = set->v[i];
    set->n = n;
}

/* A body of bad series costs no formatting but the first of them: `why` is NULL then. */
bool ingest__labels_accept(const struct ingest_limits *limits, struct label_set *set, bool v2,
                           struct buf *why)
{
    bool named = has_name(set), has_value;
    struct fault f;

    ingest__labels_drop_empty(set);
    has_value = has_name(set);
    if (set->n_seen > limits->labels) {
        if (why != NULL)
            buf_addf(why, "%zu labels, more than the limit of %zu, in series ", set->n_seen,
                     limits->labels);
    } else if (within_lengths(limits, set, why)) {
        if (labels_normalise(set->v, &set->n, why == NULL ? NULL : &f) == 0)
            return true;
        if (!has_value)
            (void)fault_set(&f, FER_EINVAL, 0, "no label " LABEL_NAME);
        if (v2 && named && !has_value)
            put_back_name(set);
        if (why != NULL)
            explain(why, set, v2 ? NULL : &f);
        return false;
    }
    if (why != NULL)
        ingest__series_print(why, (struct labels){set->v, set->n});
    return false;
}
