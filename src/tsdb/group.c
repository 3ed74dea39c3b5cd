/*
 * group.c - one page that holds the sealed chunks of many series of one slot.
 *
 * A body is
 *
 *     u8      version (1)
 *     varint  last id - first id; the first is in the key
 *     u8      k, columns, 1 to 255
 *     varint  n, entries, at least 1
 *     k x     {varint number of samples, varint bytes of its times}
 *     n x     the directory, an entry each
 *     ...     the times of the columns (times.c), one after the other
 *     ...     the values of the entries (values.c), one after the other
 *
 * and an entry is
 *
 *     varint  id - id of the entry before - 1; 0 for the first
 *     varint  bytes of its values << 2 | has a column << 1 | has a kind
 *     u8      column, else that of the entry before, 0 for the first
 *     u8      kind, else floats
 */
#include "group.h"

#include <stddef.h>

#include "tables.h"
#include "values.h"

#include "ferula/base/check.h"
#include "ferula/base/err.h"

#define HAS_KIND   1
#define HAS_COLUMN 2

#define HEAD_BYTES_MAX 12

/* A part of a series is worth its directory from here on. */
#define SPLIT_LEAST 500

/* Bytes that are left free on purpose when a series is split, so that the next guess fits. */
#define SPLIT_SLACK 64

/* ---- builder ---- */

void tsdb__group_init(struct tsdb__group_builder *b, ts_ms slot_start)
{
    b->slot_start = slot_start;
    b->counts = (struct tsdb__group_counts){0};
    for (unsigned i = 0; i < TSDB__N_PARTS; i++)
        b->parts[i].n = 0;
}

void tsdb__group_release(struct tsdb__group_builder *b)
{
    for (unsigned i = 0; i < TSDB__N_PARTS; i++)
        buf_release(&b->parts[i]);
    sample_vec_release(&b->times);
    buf_release(&b->body);
}

bool tsdb__group_is_empty(const struct tsdb__group_builder *b)
{
    return b->counts.n_entries == 0;
}

uint32_t tsdb__group_first_id(const struct tsdb__group_builder *b)
{
    CHECK(b->counts.n_entries > 0);
    return b->counts.first_id;
}

static bool has_times(const struct tsdb__group_builder *b, uint32_t column, const struct sample *s,
                      size_t n)
{
    const char *known = b->parts[TSDB__PART_KNOWN].p + b->known[column].at;
    uint64_t differ = 0;
    ts_ms t;

    if (b->known[column].n != n || memcmp(known, &s[0].t, sizeof(t)) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        memcpy(&t, known + i * sizeof(t), sizeof(t));
        differ |= (uint64_t)t ^ (uint64_t)s[i].t;
    }
    return differ == 0;
}

/* The column that has these times; n_columns when none has. Neighbours mostly share theirs. */
static uint32_t find_column(const struct tsdb__group_builder *b, const struct sample *s, size_t n)
{
    const struct tsdb__group_counts *c = &b->counts;

    if (c->n_columns > 0 && has_times(b, c->last_column, s, n))
        return c->last_column;
    for (uint32_t i = 0; i < c->n_columns; i++)
        if (has_times(b, i, s, n))
            return i;
    return c->n_columns;
}

static void add_column(struct tsdb__group_builder *b, const struct sample *s, size_t n)
{
    struct buf *times = &b->parts[TSDB__PART_TIMES], *known = &b->parts[TSDB__PART_KNOWN];
    uint32_t column = b->counts.n_columns++;
    size_t n_before = times->n;

    tsdb__times_encode(s, n, b->slot_start, times);
    tsdb__add_varint(&b->parts[TSDB__PART_COLUMNS], n);
    tsdb__add_varint(&b->parts[TSDB__PART_COLUMNS], times->n - n_before);
    b->known[column].at = (uint32_t)known->n;
    b->known[column].n = (uint32_t)n;
    buf_reserve(known, n * sizeof(ts_ms));
    for (size_t i = 0; i < n; i++)
        memcpy(known->p + known->n + i * sizeof(ts_ms), &s[i].t, sizeof(ts_ms));
    known->n += n * sizeof(ts_ms);
}

static void add_entry(struct tsdb__group_builder *b, uint32_t id, uint32_t column, uint8_t kind,
                      size_t n_values)
{
    struct buf *directory = &b->parts[TSDB__PART_DIRECTORY];
    struct tsdb__group_counts *c = &b->counts;
    bool other = column != c->last_column;

    tsdb__add_varint(directory, c->n_entries == 0 ? 0 : id - c->last_id - 1);
    tsdb__add_varint(directory, n_values << 2 | (other ? HAS_COLUMN : 0) |
                                    (kind != TSDB__KIND_FLOATS ? HAS_KIND : 0));
    if (other)
        buf_putc(directory, (char)column);
    if (kind != TSDB__KIND_FLOATS)
        buf_putc(directory, (char)kind);
    if (c->n_entries == 0)
        c->first_id = id;
    c->last_id = id;
    c->last_column = column;
    c->n_entries++;
}

static size_t put_head(const struct tsdb__group_counts *c, uint8_t *p)
{
    size_t n = 0;

    p[n++] = TSDB__GROUP_VERSION;
    n += tsdb__put_varint(p + n, c->last_id - c->first_id);
    p[n++] = (uint8_t)c->n_columns;
    n += tsdb__put_varint(p + n, c->n_entries);
    return n;
}

static size_t body_bytes(const struct tsdb__group_builder *b)
{
    uint8_t head[HEAD_BYTES_MAX];
    size_t n = put_head(&b->counts, head);

    for (unsigned i = 0; i < TSDB__PART_KNOWN; i++)
        n += b->parts[i].n;
    return n;
}

/* Samples of a series; their values are in `r` when they are rich. */
struct run {
    const struct sample *s;
    const struct tsdb__rich *r;
};

/*
 * Adds all of it, or leaves the builder as it was. Returns the bytes of the body with it, more than
 * TSDB__BODY_MAX when it was not added.
 */
static size_t try_add(struct tsdb__group_builder *b, uint32_t id, const struct run *run, size_t n)
{
    struct tsdb__group_counts counts = b->counts;
    const struct sample *s = run->s;
    uint32_t column = find_column(b, s, n);
    size_t n_before[TSDB__N_PARTS], n_bytes;
    struct buf *values = &b->parts[TSDB__PART_VALUES];

    if (column == TSDB__GROUP_COLUMNS_MAX)
        return SIZE_MAX;
    for (unsigned i = 0; i < TSDB__N_PARTS; i++)
        n_before[i] = b->parts[i].n;
    if (column == counts.n_columns)
        add_column(b, s, n);
    if (run->r != NULL)
        tsdb__rich_encode(run->r, n, values);
    else
        tsdb__values_encode(s, n, values);
    add_entry(b, id, column, run->r != NULL ? TSDB__KIND_RICH : TSDB__KIND_FLOATS,
              values->n - n_before[TSDB__PART_VALUES]);
    n_bytes = body_bytes(b);
    if (n_bytes > TSDB__BODY_MAX) {
        b->counts = counts;
        for (unsigned i = 0; i < TSDB__N_PARTS; i++)
            b->parts[i].n = n_before[i];
    }
    return n_bytes;
}

static size_t add(struct tsdb__group_builder *b, uint32_t id, const struct run *run, size_t n)
{
    bool was_empty = tsdb__group_is_empty(b);
    size_t most = MIN(n, TSDB__GROUP_SAMPLES_MAX);

    CHECK(n >= 1 && (was_empty || id > b->counts.last_id));
    if (!was_empty)
        return most == n && try_add(b, id, run, n) <= TSDB__BODY_MAX ? n : 0;
    for (;;) {
        size_t n_bytes = try_add(b, id, run, most);

        if (n_bytes <= TSDB__BODY_MAX)
            return most;
        CHECK(most > 1);
        /* Sizes are about linear; a guess that is a little low leaves a little room. */
        most = MAX(1, MIN(most - 1, most * (TSDB__BODY_MAX - SPLIT_SLACK) / n_bytes));
    }
}

size_t tsdb__group_add(struct tsdb__group_builder *b, uint32_t id, const struct sample *s, size_t n)
{
    return add(b, id, &(struct run){.s = s}, n);
}

/* As many of the first as fill what is left of a group; 0: that is too little. */
static size_t add_part(struct tsdb__group_builder *b, uint32_t id, const struct run *run, size_t n)
{
    size_t room = TSDB__BODY_MAX - body_bytes(b), all, most;
    struct buf values = {0};

    if (room < SPLIT_LEAST || n < 2)
        return 0;
    tsdb__rich_encode(run->r, n, &values);
    all = values.n + SPLIT_SLACK;
    buf_release(&values);
    for (most = MIN(n - 1, n * room / all); most > 0; most = most * 3 / 4)
        if (try_add(b, id, run, most) <= TSDB__BODY_MAX)
            return most;
    return 0;
}

size_t tsdb__group_add_rich(struct tsdb__group_builder *b, uint32_t id, const struct tsdb__rich *r,
                            size_t n, bool may_split)
{
    bool was_empty = tsdb__group_is_empty(b);
    struct run run;
    size_t taken;

    b->times.n = 0;
    sample_vec_reserve(&b->times, n);
    for (size_t i = 0; i < n; i++)
        b->times.v[i] = (struct sample){.t = r[i].t};
    run = (struct run){b->times.v, r};
    taken = add(b, id, &run, n);
    return taken == 0 && !was_empty && may_split ? add_part(b, id, &run, n) : taken;
}

struct str tsdb__group_body(struct tsdb__group_builder *b)
{
    uint8_t head[HEAD_BYTES_MAX];

    CHECK(b->counts.n_entries > 0);
    b->body.n = 0;
    buf_add(&b->body, head, put_head(&b->counts, head));
    for (unsigned i = 0; i < TSDB__PART_KNOWN; i++)
        buf_add(&b->body, b->parts[i].p, b->parts[i].n);
    CHECK(b->body.n <= TSDB__BODY_MAX);
    return buf_str(&b->body);
}

/* ---- reader ---- */

static int take_columns(struct tsdb__group_reader *g, struct tsdb__in *in, size_t *n_times)
{
    *n_times = 0;
    for (uint32_t i = 0; i < g->n_columns; i++) {
        uint32_t n_samples = tsdb__in_varint32(in), n = tsdb__in_varint32(in);

        if (in->bad || n_samples < 1 || n_samples > TSDB__GROUP_SAMPLES_MAX || n > TSDB__BODY_MAX)
            return FER_ECORRUPT;
        g->columns[i] = (struct tsdb__column){(uint16_t)n_samples, (uint16_t)*n_times, (uint16_t)n};
        *n_times += n;
        if (*n_times > TSDB__BODY_MAX)
            return FER_ECORRUPT;
    }
    return 0;
}

/* The next entry of the directory, but for its pointers. */
static int take_entry(struct tsdb__group_reader *g, struct tsdb__entry *e)
{
    struct tsdb__in *in = &g->directory;
    uint32_t gap = tsdb__in_varint32(in), size = tsdb__in_varint32(in);

    if ((size & HAS_COLUMN) != 0)
        g->column = tsdb__in_u8(in);
    e->kind = (size & HAS_KIND) != 0 ? tsdb__in_u8(in) : TSDB__KIND_FLOATS;
    if (in->bad || g->column >= g->n_columns || gap >= g->last_id - g->id ||
        e->kind > TSDB__KIND_RICH)
        return FER_ECORRUPT;
    g->id += gap + 1;
    e->id = g->id;
    e->column = g->column;
    e->n_samples = g->columns[g->column].n_samples;
    e->n_times = g->columns[g->column].n;
    e->n_values = size >> 2;
    return 0;
}

/* Walks the directory once: then it is sane, and its end is known. */
static int check_directory(struct tsdb__group_reader *g, uint32_t first_id, size_t n_times)
{
    const uint8_t *start = g->directory.p;
    size_t n_values = 0;

    for (uint32_t i = 0; i < g->n_left; i++) {
        struct tsdb__entry e;

        if (take_entry(g, &e) < 0 || (i == 0 && e.id != first_id))
            return FER_ECORRUPT;
        n_values += e.n_values;
    }
    if (g->id != g->last_id || tsdb__in_left(&g->directory) != n_times + n_values)
        return FER_ECORRUPT;
    g->times = g->directory.p;
    g->values = g->times + n_times;
    g->directory = tsdb__in_of(start, (size_t)(g->times - start));
    g->id = first_id - 1;
    g->column = 0;
    return 0;
}

int tsdb__group_open(struct tsdb__group_reader *g, ts_ms slot_start, uint32_t first_id,
                     struct tsdb__in body)
{
    uint8_t version = tsdb__in_u8(&body);
    uint32_t span = tsdb__in_varint32(&body);
    size_t n_times;

    g->n_columns = tsdb__in_u8(&body);
    g->n_left = tsdb__in_varint32(&body);
    g->column = 0;
    g->id = first_id - 1;
    g->last_id = first_id + span;
    if (body.bad || version != TSDB__GROUP_VERSION || slot_start % TSDB__SLOT_MS != 0 ||
        first_id == 0 || g->last_id < first_id || g->n_columns == 0 || g->n_left == 0 ||
        g->n_left > TSDB__BODY_MAX)
        return FER_ECORRUPT;
    if (take_columns(g, &body, &n_times) < 0)
        return FER_ECORRUPT;
    g->directory = body;
    return check_directory(g, first_id, n_times);
}

int tsdb__group_next(struct tsdb__group_reader *g, struct tsdb__entry *out)
{
    if (g->n_left == 0)
        return 1;
    if (take_entry(g, out) < 0)
        return FER_ECORRUPT;
    out->times = g->times + g->columns[out->column].at;
    out->values = g->values;
    g->values += out->n_values;
    g->n_left--;
    return 0;
}

uint32_t tsdb__group_last_id(const struct tsdb__group_reader *g)
{
    return g->last_id;
}

int tsdb__entry_read(const struct tsdb__entry *e, ts_ms slot_start, struct sample *out)
{
    if (e->kind != TSDB__KIND_FLOATS ||
        tsdb__times_decode(e->times, e->n_times, slot_start, out, e->n_samples) < 0)
        return FER_ECORRUPT;
    return tsdb__values_decode(e->values, e->n_values, out, e->n_samples);
}

static int read_rich(const struct tsdb__entry *e, const struct sample *times,
                     struct tsdb__mixed *out)
{
    struct tsdb__rich *r;

    tsdb__mixed_enrich(out);
    tsdb__rich_vec_reserve(&out->r, e->n_samples);
    r = out->r.v + out->r.n;
    for (uint32_t i = 0; i < e->n_samples; i++)
        r[i] = (struct tsdb__rich){.t = times[i].t, .v = times[i].v};
    out->r.n += e->n_samples;
    return e->kind == TSDB__KIND_FLOATS
               ? 0
               : tsdb__rich_decode(e->values, e->n_values, out->arena, r, e->n_samples);
}

int tsdb__entry_add(const struct tsdb__entry *e, ts_ms slot_start, struct tsdb__mixed *out)
{
    bool plain = e->kind == TSDB__KIND_FLOATS;
    struct sample_vec room = {0}, *to = plain && !out->rich ? &out->f : &room;
    struct sample *s;
    int rc;

    sample_vec_reserve(to, e->n_samples);
    s = to->v + to->n;
    rc = tsdb__times_decode(e->times, e->n_times, slot_start, s, e->n_samples);
    if (rc == 0 && plain)
        rc = tsdb__values_decode(e->values, e->n_values, s, e->n_samples);
    if (rc == 0 && to == &room)
        rc = read_rich(e, s, out);
    else if (rc == 0)
        to->n += e->n_samples;
    sample_vec_release(&room);
    return rc;
}
