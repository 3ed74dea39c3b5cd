/*
 * remote_write2.c - the decoder of io.prometheus.write.v2.Request.
 *
 * Label names and values are numbers of strings in the request's table of symbols, which differ
 * from request to request. So each symbol is hashed once, and a series by the hashes of its symbols
 * in the order sent: when the store knows that hash, no label is looked at. The table is read in a
 * pass of its own, as protobuf lets it come after the series that use it.
 */
#include "ferula/base/check.h"
#include "ferula/base/hash.h"

#include "batch.h"
#include "histogram.h"

#define SHOWN_REFS 24 /* of a series whose labels cannot be made out */

struct symbol {
    struct str text;
    struct hash128 hash;
    uint32_t metadata; /* the newest entry for it as a metric's name: 1 + its place; 0: none */
};

/* Numbers of symbols; more than `cap` are counted only. */
struct refs {
    uint32_t *v;
    size_t n_seen, cap;
};

/* Metadata as it comes with a series. */
struct about {
    enum metric_type type;
    uint32_t help, unit;
};

struct decoder {
    struct batch b;
    struct symbol *symbols; /* in the arena, as the rest */
    size_t n_symbols, cap_symbols;
    struct refs labels, exemplar;
    struct hash128 *hashes; /* room for a series' */
    struct about *abouts;   /* of b.metadata, to know them again */
    size_t cap_abouts;
};

/* What one pass over a TimeSeries found. */
struct scan {
    struct batch_mark mark;
    struct about about;
    size_t n_samples, n_hists, n_exemplars; /* in the message */
    size_t n_unsound, n_bad_exemplars;
    struct str unsound, bad_exemplar; /* the first of them, in words */
};

/* ---- symbols ---------------------------------------------------------------------------- */

static int add_symbol(struct decoder *d, struct wire body)
{
    size_t max = batch_max(&d->b, sizeof(struct symbol));
    struct str text = wire_str(&body);

    if (d->n_symbols >= max)
        return fault_set(d->b.fault, FER_ELIMIT, 0, "more than %zu symbols in a request", max);
    ARENA_GROW(d->b.a, d->symbols, d->n_symbols, d->cap_symbols, struct symbol);
    d->symbols[d->n_symbols++] =
        (struct symbol){.text = text, .hash = hash_keyed128(text.p, text.n)};
    return 0;
}

static bool knows(const struct decoder *d, uint32_t ref)
{
    return ref < d->n_symbols;
}

static int add_ref(struct wire *w, struct refs *refs)
{
    uint64_t v;
    int rc = wire_varint(w, &v);

    if (rc == 0 && refs->n_seen < refs->cap)
        refs->v[refs->n_seen] = (uint32_t)v;
    refs->n_seen++;
    return rc;
}

static int parse_refs(struct wire *w, const struct wire_tag *tag, struct refs *refs)
{
    struct wire body;
    int rc;

    if (tag->type == WIRE_VARINT)
        return add_ref(w, refs);
    if (tag->type != WIRE_BYTES)
        return ingest__wire_wrong_type(w, tag, "LabelsRefs");
    rc = wire_bytes(w, &body);
    while (rc == 0 && !wire_done(&body))
        rc = add_ref(&body, refs);
    return rc;
}

/* Whether the refs are labels; if not, `why` says so. */
static bool are_labels(const struct decoder *d, const struct refs *refs, struct fault *why)
{
    size_t n = MIN(refs->n_seen, refs->cap);

    if (refs->n_seen % 2 != 0) {
        (void)fault_set(why, FER_EINVAL, 0, "invalid labelRefs length %zu", refs->n_seen);
        return false;
    }
    for (size_t i = 0; i < n; i += 2) {
        if (knows(d, refs->v[i]) && knows(d, refs->v[i + 1]))
            continue;
        (void)fault_set(why, FER_EINVAL, 0,
                        "labelRefs %u (name) = %u (value) outside of symbols table (size %zu)",
                        refs->v[i], refs->v[i + 1], d->n_symbols);
        return false;
    }
    return true;
}

static void set_from_refs(struct decoder *d, const struct refs *refs)
{
    size_t n = MIN(refs->n_seen, refs->cap) / 2;

    d->b.set.n = d->b.set.n_seen = 0;
    for (size_t i = 0; i < n; i++)
        label_set_add(&d->b.set, d->symbols[refs->v[2 * i]].text,
                      d->symbols[refs->v[2 * i + 1]].text);
    d->b.set.n_seen = refs->n_seen / 2;
}

/* ---- what is in a series ---------------------------------------------------------------- */

static int scan_sample(struct decoder *d, struct wire body, struct scan *scan)
{
    uint64_t t = 0, start = 0;
    double v = 0;

    scan->n_samples++;
    while (!wire_done(&body)) {
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number == 1 && tag.type != WIRE_FIXED64)
            return ingest__wire_wrong_type(&body, &tag, "Value");
        if ((tag.number == 2 || tag.number == 3) && tag.type != WIRE_VARINT)
            return ingest__wire_wrong_type(&body, &tag,
                                           tag.number == 2 ? "Timestamp" : "StartTimestamp");
        if (tag.number == 1)
            rc = wire_f64(&body, &v);
        else if (tag.number == 2)
            rc = wire_varint(&body, &t);
        else if (tag.number == 3)
            rc = wire_varint(&body, &start);
        else
            rc = ingest__wire_skip(&body, &tag);
        if (rc < 0)
            return rc;
    }
    return batch_sample_from(&d->b, (struct sample){(ts_ms)t, v}, (ts_ms)start);
}

static int scan_histogram(struct decoder *d, struct wire body, struct scan *scan)
{
    struct fault unsound;
    int rc = ingest__histogram_parse(&d->b, body, &unsound);

    scan->n_hists++;
    if (rc < 0 || unsound.code == 0)
        return rc;
    if (scan->n_unsound++ == 0 && batch_wants_line(&d->b))
        scan->unsound = arena_str(d->b.a, str_of(unsound.text));
    return 0;
}

static int scan_exemplar(struct decoder *d, struct wire body, struct scan *scan)
{
    struct fault why;
    uint64_t t = 0;
    double v = 0;

    scan->n_exemplars++;
    d->exemplar.n_seen = 0;
    while (!wire_done(&body)) {
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number == 2 && tag.type != WIRE_FIXED64)
            return ingest__wire_wrong_type(&body, &tag, "Value");
        if (tag.number == 3 && tag.type != WIRE_VARINT)
            return ingest__wire_wrong_type(&body, &tag, "Timestamp");
        if (tag.number == 1)
            rc = parse_refs(&body, &tag, &d->exemplar);
        else if (tag.number == 2)
            rc = wire_f64(&body, &v);
        else if (tag.number == 3)
            rc = wire_varint(&body, &t);
        else
            rc = ingest__wire_skip(&body, &tag);
        if (rc < 0)
            return rc;
    }
    if (!are_labels(d, &d->exemplar, &why)) {
        if (scan->n_bad_exemplars++ == 0 && batch_wants_line(&d->b))
            scan->bad_exemplar = arena_str(d->b.a, str_of(why.text));
        return 0;
    }
    set_from_refs(d, &d->exemplar);
    return ingest__batch_exemplar(&d->b, v, (ts_ms)t);
}

static int scan_metadata(struct decoder *d, struct wire body, struct scan *scan)
{
    static const char *const names[] = {[1] = "Type", [3] = "HelpRef", [4] = "UnitRef"};

    (void)d;
    while (!wire_done(&body)) {
        struct wire_tag tag;
        uint64_t v;
        int rc = wire_tag(&body, &tag);

        if (rc < 0)
            return rc;
        if (tag.number >= COUNT(names) || names[tag.number] == NULL) {
            rc = ingest__wire_skip(&body, &tag);
            if (rc < 0)
                return rc;
            continue;
        }
        if (tag.type != WIRE_VARINT)
            return ingest__wire_wrong_type(&body, &tag, names[tag.number]);
        rc = wire_varint(&body, &v);
        if (rc < 0)
            return rc;
        if (tag.number == 1)
            scan->about.type = v <= METRIC_STATESET ? (enum metric_type)v : METRIC_UNKNOWN;
        else
            *(tag.number == 3 ? &scan->about.help : &scan->about.unit) = (uint32_t)v;
    }
    return 0;
}

typedef int (*scan_fn)(struct decoder *d, struct wire body, struct scan *scan);

static const struct {
    const char *name;
    scan_fn scan;
} parts[] = {
    [2] = {"Samples",    scan_sample   },
    [3] = {"Histograms", scan_histogram},
    [4] = {"Exemplars",  scan_exemplar },
    [5] = {"Metadata",   scan_metadata },
};

static int scan_field(struct decoder *d, struct wire *w, const struct wire_tag *tag,
                      struct scan *scan)
{
    struct wire body;
    int rc;

    if (tag->number == 1)
        return parse_refs(w, tag, &d->labels);
    if (tag->number >= COUNT(parts))
        return ingest__wire_skip(w, tag);
    if (tag->type != WIRE_BYTES)
        return ingest__wire_wrong_type(w, tag, parts[tag->number].name);
    rc = wire_bytes(w, &body);
    return rc < 0 ? rc : parts[tag->number].scan(d, body, scan);
}

static int scan_series(struct decoder *d, struct wire w, struct scan *scan)
{
    int rc = 0;

    d->labels.n_seen = 0;
    while (rc == 0 && !wire_done(&w)) {
        struct wire_tag tag;

        rc = wire_tag(&w, &tag);
        if (rc == 0)
            rc = scan_field(d, &w, &tag, scan);
    }
    return rc;
}

/* ---- what is wrong with it -------------------------------------------------------------- */

/* "parsing labels for series [1 2 3]: why" */
static void refuse_refs(struct decoder *d, const struct scan *scan, const char *what,
                        const struct fault *why)
{
    const struct refs *refs = &d->labels;
    size_t n = MIN(MIN(refs->n_seen, refs->cap), SHOWN_REFS);
    struct buf line = {0};

    if (batch_wants_line(&d->b)) {
        buf_addf(&line, "parsing %s for series [", what);
        for (size_t i = 0; i < n; i++)
            buf_addf(&line, i == 0 ? "%u" : " %u", refs->v[i]);
        buf_addf(&line, "%s]: %s", n < refs->n_seen ? " ..." : "", why->text);
    }
    ingest__batch_refuse(&d->b, &scan->mark);
    d->b.iw->refused.n_samples += scan->n_unsound;
    ingest__batch_line(&d->b, buf_str(&line));
    buf_release(&line);
}

/* "before {labels}after", of the series in hand. */
static void add_line(struct decoder *d, const char *before, struct str mid, const char *after,
                     struct str end)
{
    struct buf line = {0};

    if (batch_wants_line(&d->b)) {
        set_from_refs(d, &d->labels);
        (void)ingest__labels_accept(&d->b.opts->limits, &d->b.set, true, NULL); /* sorts it */
        buf_addf(&line, "%s" STR_FMT " for series ", before, STR_ARG(mid));
        ingest__series_print(&line, (struct labels){d->b.set.v, d->b.set.n});
        buf_addf(&line, "%s" STR_FMT, after, STR_ARG(end));
    }
    ingest__batch_line(&d->b, buf_str(&line));
    buf_release(&line);
}

static void note_faults(struct decoder *d, const struct scan *scan)
{
    struct ingest_refused *r = &d->b.iw->refused;

    r->n_histograms += scan->n_unsound;
    for (size_t i = 0; i < scan->n_unsound; i++)
        add_line(d, "", scan->unsound, "", STR(""));
    for (size_t i = 0; i < scan->n_bad_exemplars; i++)
        add_line(d, "parsing exemplar", STR(""), ": ", scan->bad_exemplar);
    if (scan->n_samples + scan->n_hists + scan->n_exemplars == 0)
        add_line(d, "TimeSeries must contain at least one sample or histogram", STR(""), "",
                 STR(""));
}

static bool refs_are_good(struct decoder *d, const struct scan *scan)
{
    bool is_unit = !knows(d, scan->about.unit);
    uint32_t ref = is_unit ? scan->about.unit : scan->about.help;
    struct fault why;

    if (!are_labels(d, &d->labels, &why)) {
        refuse_refs(d, scan, "labels", &why);
        return false;
    }
    if (knows(d, ref))
        return true;
    (void)fault_set(&why, FER_EINVAL, 0, "metadata %s_ref %u outside of symbols table (size %zu)",
                    is_unit ? "unit" : "help", ref, d->n_symbols);
    refuse_refs(d, scan, "metadata", &why);
    return false;
}

/* ---- metadata --------------------------------------------------------------------------- */

static struct str cut_end(struct str s, const char *end)
{
    size_t n = strlen(end);

    return s.n > n && str_ends(s, end) ? (struct str){s.p, s.n - n} : s;
}

/* The family of a series by its name: what a histogram or a summary consists of is one. */
static struct str family_of(struct str name, enum metric_type type)
{
    static const char *const ends[] = {"_bucket", "_count", "_sum", "_gcount", "_gsum"};
    bool is_histogram = type == METRIC_HISTOGRAM || type == METRIC_GAUGEHISTOGRAM;

    for (size_t i = 0; i < COUNT(ends); i++)
        if (str_ends(name, ends[i]) && (i == 1 || i == 2 ? is_histogram || type == METRIC_SUMMARY
                                        : i == 0         ? is_histogram
                                                         : type == METRIC_GAUGEHISTOGRAM))
            return cut_end(name, ends[i]);
    return name;
}

static struct symbol *name_symbol(const struct decoder *d)
{
    for (size_t i = 0; i + 1 < MIN(d->labels.n_seen, d->labels.cap); i += 2)
        if (str_is(d->symbols[d->labels.v[i]].text, LABEL_NAME))
            return &d->symbols[d->labels.v[i + 1]];
    return NULL;
}

static bool is_same(const struct about *x, const struct about *y)
{
    return x->type == y->type && x->help == y->help && x->unit == y->unit;
}

/* Once for each name and what is said of it: all series of a family say the same. */
static int note_metadata(struct decoder *d, const struct about *about)
{
    struct tsdb_write *w = &d->b.iw->write;
    struct metadata m = {.type = about->type,
                         .help = d->symbols[about->help].text,
                         .unit = d->symbols[about->unit].text};
    struct symbol *name;
    int rc;

    if (m.type == METRIC_UNKNOWN && m.help.n == 0 && m.unit.n == 0)
        return 0;
    name = name_symbol(d);
    if (name == NULL || (name->metadata != 0 && is_same(&d->abouts[name->metadata - 1], about)))
        return 0;
    m.family = family_of(name->text, m.type);
    if (!ingest__metadata_accept(&d->b.opts->limits, &m))
        return 0;
    ARENA_GROW(d->b.a, d->abouts, w->n_metadata, d->cap_abouts, struct about);
    d->abouts[w->n_metadata] = *about;
    rc = ingest__batch_metadata(&d->b, &m);
    name->metadata = (uint32_t)w->n_metadata;
    return rc;
}

/* ---- series ----------------------------------------------------------------------------- */

static bool adds_labels(const struct decoder *d, const struct about *about)
{
    return d->b.opts->type_and_unit_labels &&
           (about->type != METRIC_UNKNOWN || d->symbols[about->unit].text.n > 0);
}

static struct hash128 hash_series(const struct decoder *d, const struct about *about)
{
    size_t n = d->labels.n_seen;

    for (size_t i = 0; i < n; i++)
        d->hashes[i] = d->symbols[d->labels.v[i]].hash;
    if (adds_labels(d, about)) {
        d->hashes[n++] = (struct hash128){about->type, 0};
        d->hashes[n++] = d->symbols[about->unit].hash;
    }
    return hash_keyed128(d->hashes, n * sizeof(d->hashes[0]));
}

/* __type__ and __unit__ of the metadata take the place of those that were sent. */
static void set_type_and_unit(struct decoder *d, const struct about *about)
{
    struct label_set *set = &d->b.set;
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        if (!str_is(set->v[i].name, LABEL_TYPE) && !str_is(set->v[i].name, LABEL_UNIT))
            set->v[n++] = set->v[i];
    set->n = set->n_seen = n;
    if (about->type != METRIC_UNKNOWN)
        label_set_add(set, STR(LABEL_TYPE), str_of(metric_type_text(about->type)));
    label_set_add(set, STR(LABEL_UNIT), d->symbols[about->unit].text);
}

static bool accept_labels(struct decoder *d, const struct about *about)
{
    set_from_refs(d, &d->labels);
    if (d->labels.n_seen <= d->labels.cap && adds_labels(d, about))
        set_type_and_unit(d, about);
    return ingest__batch_accept(&d->b, true);
}

static int decode_series(struct decoder *d, struct wire series)
{
    struct scan scan = {.mark = batch_mark(&d->b)};
    struct hash128 raw = {0, 0};
    uint32_t new_series = 0;
    series_id id = 0;
    int rc = scan_series(d, series, &scan);

    if (rc < 0 || !refs_are_good(d, &scan))
        return rc;
    if (d->labels.n_seen <= d->labels.cap) {
        raw = hash_series(d, &scan.about);
        id = batch_find(&d->b, raw);
    }
    if (id == 0 && !accept_labels(d, &scan.about)) {
        ingest__batch_refuse(&d->b, &scan.mark);
        d->b.iw->refused.n_samples += scan.n_unsound;
        return 0;
    }
    if (id == 0 && batch_is_new(&d->b, &scan.mark))
        new_series = ingest__batch_series(&d->b, raw);
    batch_give(&d->b, &scan.mark, id, new_series);
    note_faults(d, &scan);
    return scan.n_samples + scan.n_hists == 0 ? 0 : note_metadata(d, &scan.about);
}

/* ---- requests --------------------------------------------------------------------------- */

typedef int (*field_fn)(struct decoder *d, struct wire body);

/* Calls `fn` for each field `number` of the request, which is called `name`. */
static int each(struct decoder *d, struct wire w, uint32_t number, const char *name, field_fn fn)
{
    struct wire body;
    int rc;

    while ((rc = ingest__wire_next(&w, number, name, &body)) > 0) {
        rc = fn(d, body);
        if (rc < 0)
            break;
    }
    return rc;
}

static void rooms(struct decoder *d)
{
    d->labels.cap = d->exemplar.cap = 2 * d->b.opts->limits.labels;
    d->labels.v = arena_array(d->b.a, uint32_t, d->labels.cap);
    d->exemplar.v = arena_array(d->b.a, uint32_t, d->exemplar.cap);
    d->hashes = arena_array(d->b.a, struct hash128, d->labels.cap + 2);
}

/*
 * 1.0's fields are reserved in 2.0. A client that sends the one message as the other, as
 * promtool 3.14 does, would otherwise be told that its request was empty, and good.
 */
static int refuse_v1(const struct decoder *d, struct wire w)
{
    struct wire_tag tag;
    int rc;

    if (d->n_symbols > 0 || wire_done(&w))
        return 0;
    rc = wire_tag(&w, &tag);
    if (rc < 0 || tag.type != WIRE_BYTES || (tag.number != 1 && tag.number != 3))
        return rc;
    return fault_set(d->b.fault, FER_EINVAL, 0,
                     "a prometheus.WriteRequest, sent as io.prometheus.write.v2.Request");
}

int ingest_decode_v2(struct tsdb *db, struct arena *a, const struct ingest_opts *opts,
                     struct str body, struct ingest_write **out, struct fault *f)
{
    struct decoder d = {0};
    struct fault unread;
    struct str message;
    int rc;

    if (f == NULL)
        f = &unread;
    rc = ingest__snappy_decode(a, opts->limits.decoded_bytes, body, &message, f);
    if (rc < 0)
        return rc;
    ingest__batch_begin(&d.b, db, a, opts, f);
    rooms(&d);
    rc = each(&d, wire_of(message, f), 4, "Symbols", add_symbol);
    if (rc == 0)
        rc = refuse_v1(&d, wire_of(message, f));
    if (rc == 0)
        rc = each(&d, wire_of(message, f), 5, "Timeseries", decode_series);
    ingest__batch_end(&d.b);
    if (rc == 0)
        *out = ingest__batch_result(&d.b, INGEST_V2);
    return rc;
}
