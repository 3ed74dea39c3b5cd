/*
 * otlp_value.c - attributes' values as text, as pcommon.Value.AsString() writes them: numbers as
 * JSON has them, bytes in base64, lists and maps as JSON with sorted keys.
 */
#include <math.h>
#include <stdlib.h>

#include "ferula/base/check.h"
#include "ferula/base/json.h"

#include "otlp.h"

#define DEPTH_MAX 64

enum { ANY_NONE, ANY_STRING, ANY_BOOL, ANY_INT, ANY_DOUBLE, ANY_LIST, ANY_MAP, ANY_BYTES };

/* An AnyValue: the last of its fields. */
struct any {
    uint32_t member;
    uint64_t number; /* of ANY_BOOL, ANY_INT */
    double real;
    struct wire body; /* of the others */
};

static const uint32_t type_of[] = {
    [ANY_STRING] = WIRE_BYTES,   [ANY_BOOL] = WIRE_VARINT, [ANY_INT] = WIRE_VARINT,
    [ANY_DOUBLE] = WIRE_FIXED64, [ANY_LIST] = WIRE_BYTES,  [ANY_MAP] = WIRE_BYTES,
    [ANY_BYTES] = WIRE_BYTES,
};

static int parse_any(struct wire w, struct any *out)
{
    *out = (struct any){0};
    while (!wire_done(&w)) {
        struct wire_tag tag;
        int rc = wire_tag(&w, &tag);

        if (rc < 0)
            return rc;
        if (tag.number > ANY_BYTES) {
            rc = ingest__wire_skip(&w, &tag);
        } else if (tag.type != type_of[tag.number]) {
            return ingest__wire_wrong_type(&w, &tag, "AnyValue");
        } else {
            out->member = tag.number;
            rc = tag.type == WIRE_VARINT    ? wire_varint(&w, &out->number)
                 : tag.type == WIRE_FIXED64 ? wire_f64(&w, &out->real)
                                            : wire_bytes(&w, &out->body);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int parse_key_value(struct wire w, struct str *key, struct wire *value)
{
    *key = STR("");
    *value = (struct wire){w.end, w.end, w.base, w.fault};
    while (!wire_done(&w)) {
        struct wire_tag tag;
        struct wire body;
        int rc = wire_tag(&w, &tag);

        if (rc < 0)
            return rc;
        if (tag.number > 2) {
            rc = ingest__wire_skip(&w, &tag);
        } else {
            if (tag.type != WIRE_BYTES)
                return ingest__wire_wrong_type(&w, &tag, tag.number == 1 ? "Key" : "Value");
            rc = wire_bytes(&w, &body);
            if (rc == 0 && tag.number == 1)
                *key = wire_str(&body);
            else if (rc == 0)
                *value = body;
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- as JSON ---------------------------------------------------------------------------- */

static void add_base64(struct buf *b, struct str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < s.n; i += 3) {
        size_t n = MIN(s.n - i, 3);
        uint32_t v = 0;

        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)s.p[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_putc(b, k > n ? '=' : digits[v >> (18 - 6 * k) & 63]);
    }
}

/* A list or a map that is being written; what JSON cannot hold makes `bad`. */
struct writer {
    struct json j;
    struct otlp *o;
    size_t depth;
    bool bad;
};

static int write_any(struct writer *w, struct wire body);

static int too_deep(const struct wire *body)
{
    return ingest__wire_fail(body, "exceeded maximum recursion depth");
}

static int write_list(struct writer *w, struct wire list)
{
    struct wire body;
    int rc;

    json_array_begin(&w->j);
    while ((rc = otlp_next(&list, 1, &body)) > 0) {
        rc = write_any(w, body);
        if (rc < 0)
            return rc;
    }
    json_array_end(&w->j);
    return rc;
}

struct entry {
    struct str key;
    struct wire value;
    size_t place;
};

static int by_key(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    int d = str_cmp(a->key, b->key);

    return d != 0 ? d : a->place < b->place ? -1 : 1;
}

/* Sorted; of entries with the same key the last one stays. */
static int collect(struct writer *w, struct wire map, struct entry **out, size_t *n)
{
    size_t cap = 0, kept = 0;
    struct wire body;
    int rc;

    *n = 0;
    *out = NULL;
    while ((rc = otlp_next(&map, 1, &body)) > 0) {
        if (w->o->n_entries++ >= batch_max(&w->o->b, sizeof(**out)))
            return fault_set(w->o->b.fault, FER_ELIMIT, 0, "too many entries in maps");
        ARENA_GROW(w->o->b.a, *out, *n, cap, struct entry);
        rc = parse_key_value(body, &(*out)[*n].key, &(*out)[*n].value);
        if (rc < 0)
            return rc;
        (*out)[*n].place = *n;
        ++*n;
    }
    if (*n > 1)
        qsort(*out, *n, sizeof(**out), by_key);
    for (size_t i = 0; i < *n; i++)
        if (i + 1 == *n || !str_eq((*out)[i].key, (*out)[i + 1].key))
            (*out)[kept++] = (*out)[i];
    *n = kept;
    return rc;
}

static int write_map(struct writer *w, struct wire map)
{
    struct entry *entries;
    size_t n;
    int rc = collect(w, map, &entries, &n);

    json_object_begin(&w->j);
    for (size_t i = 0; i < n && rc == 0; i++) {
        json_label(&w->j, entries[i].key);
        buf_putc(w->j.out, ':');
        w->j.comma = false;
        rc = write_any(w, entries[i].value);
    }
    json_object_end(&w->j);
    return rc;
}

static int write_any(struct writer *w, struct wire body)
{
    struct buf text = {0};
    struct any any;
    int rc = parse_any(body, &any);

    if (rc < 0)
        return rc;
    if (++w->depth > DEPTH_MAX)
        return too_deep(&body);
    switch (any.member) {
    case ANY_STRING:
        json_label(&w->j, wire_str(&any.body));
        break;
    case ANY_BOOL:
        json_bool(&w->j, any.number != 0);
        break;
    case ANY_INT:
        json_int(&w->j, (int64_t)any.number);
        break;
    case ANY_DOUBLE:
        w->bad = w->bad || !isfinite(any.real);
        json_float(&w->j, isfinite(any.real) ? any.real : 0);
        break;
    case ANY_LIST:
        rc = write_list(w, any.body);
        break;
    case ANY_MAP:
        rc = write_map(w, any.body);
        break;
    case ANY_BYTES:
        add_base64(&text, wire_str(&any.body));
        json_label(&w->j, buf_str(&text));
        buf_release(&text);
        break;
    default:
        json_null(&w->j);
    }
    w->depth--;
    return rc;
}

/* ---- as text ---------------------------------------------------------------------------- */

static void add_real(struct buf *b, double v)
{
    struct json j;

    if (!isfinite(v)) {
        buf_puts(b, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
        return;
    }
    json_init(&j, b);
    json_float(&j, v);
}

static int add_tree(struct otlp *o, const struct any *any)
{
    struct writer w = {.o = o};
    int rc;

    json_init(&w.j, &o->text);
    rc = any->member == ANY_LIST ? write_list(&w, any->body) : write_map(&w, any->body);
    if (w.bad)
        buf_reset(&o->text);
    return rc;
}

int ingest__otlp_key_value(struct otlp *o, struct wire body, struct str *key, struct str *value)
{
    struct wire value_body;
    struct any any;
    int rc = parse_key_value(body, key, &value_body);

    if (rc == 0)
        rc = parse_any(value_body, &any);
    if (rc < 0)
        return rc;
    *value = any.member == ANY_STRING ? wire_str(&any.body)
             : any.member == ANY_BOOL ? str_of(any.number != 0 ? "true" : "false")
                                      : STR("");
    if (any.member < ANY_INT)
        return 0;
    buf_reset(&o->text);
    if (any.member == ANY_INT)
        buf_add_i64(&o->text, (int64_t)any.number);
    else if (any.member == ANY_DOUBLE)
        add_real(&o->text, any.real);
    else if (any.member == ANY_BYTES)
        add_base64(&o->text, wire_str(&any.body));
    else
        rc = add_tree(o, &any);
    *value = arena_str(o->b.a, buf_str(&o->text));
    return rc;
}
