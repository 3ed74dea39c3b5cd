/*
 * metadata.c - MetricMetadata off the wire.
 */
#include "ferula/base/check.h"

#include "decode.h"

/* Long texts are cut at a character; a family is never. */
static struct str cut_utf8(struct str s, size_t max_bytes)
{
    size_t n = MIN(s.n, max_bytes);

    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return (struct str){s.p, n};
}

static int parse_text(struct wire *w, const struct wire_tag *tag, struct metadata *m)
{
    static const char *const names[] = {[2] = "MetricFamilyName", [4] = "Help", [5] = "Unit"};
    struct str *const texts[] = {[2] = &m->family, [4] = &m->help, [5] = &m->unit};
    struct wire body;
    int rc;

    if (tag->type != WIRE_BYTES)
        return ingest__wire_wrong_type(w, tag, names[tag->number]);
    rc = wire_bytes(w, &body);
    if (rc == 0)
        *texts[tag->number] = wire_str(&body);
    return rc;
}

static int parse_field(struct wire *w, const struct wire_tag *tag, struct metadata *m)
{
    uint64_t type;
    int rc;

    if (tag->number == 2 || tag->number == 4 || tag->number == 5)
        return parse_text(w, tag, m);
    if (tag->number != 1)
        return ingest__wire_skip(w, tag);
    if (tag->type != WIRE_VARINT)
        return ingest__wire_wrong_type(w, tag, "Type");
    rc = wire_varint(w, &type);
    if (rc == 0)
        m->type = type <= METRIC_STATESET ? (enum metric_type)type : METRIC_UNKNOWN;
    return rc;
}

bool ingest__metadata_accept(const struct ingest_limits *limits, struct metadata *m)
{
    bool good = m->family.n > 0 && m->family.n <= limits->name_bytes && utf8_valid(m->family) &&
                utf8_valid(m->help) && utf8_valid(m->unit);

    m->help = cut_utf8(m->help, limits->value_bytes);
    m->unit = cut_utf8(m->unit, limits->name_bytes);
    return good;
}

int ingest__metadata_parse(struct wire body, const struct ingest_limits *limits,
                           struct metadata *out, bool *keep)
{
    *out = (struct metadata){STR(""), METRIC_UNKNOWN, STR(""), STR("")};
    while (!wire_done(&body)) {
        struct wire_tag tag;
        int rc = wire_tag(&body, &tag);

        if (rc == 0)
            rc = parse_field(&body, &tag, out);
        if (rc < 0)
            return rc;
    }
    *keep = ingest__metadata_accept(limits, out);
    return 0;
}
