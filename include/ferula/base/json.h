/*
 * json.h - a streaming JSON writer on a struct buf; commas are put where they belong.
 *
 * Two escapings, as Prometheus' API has two: label names and values go out raw, all other strings
 * with Go's HTML escaping (< > & U+2028 U+2029 as \uXXXX). Invalid UTF-8 becomes U+FFFD in both.
 */
#ifndef FERULA_BASE_JSON_H
#define FERULA_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/base/buf.h"
#include "ferula/base/str.h"

struct json {
    struct buf *out; /* borrowed */
    bool comma;      /* a comma goes before the next value or key */
};

static inline void json_init(struct json *j, struct buf *out)
{
    j->out = out;
    j->comma = false;
}

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);
void json_key(struct json *j, const char *key);    /* a plain ASCII key of ours */
void json_key_str(struct json *j, struct str key); /* any text, raw escaping */
void json_str(struct json *j, struct str s);       /* HTML escaping */
void json_label(struct json *j, struct str s);     /* raw escaping */
void json_cstr(struct json *j, const char *s);     /* HTML escaping */
void json_int(struct json *j, int64_t v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
void json_float(struct json *j, double v);        /* as Go's encoding/json; v is finite */
void json_sample_value(struct json *j, double v); /* a quoted sample value */
void json_timestamp(struct json *j, int64_t ms);  /* seconds; three digits when not whole */

/* A member of an object: its key, and the value by the function above of the same last name. */
void json_member_str(struct json *j, const char *key, struct str s);
void json_member_label(struct json *j, const char *key, struct str s);
void json_member_cstr(struct json *j, const char *key, const char *s);
void json_member_int(struct json *j, const char *key, int64_t v);
void json_member_bool(struct json *j, const char *key, bool v);
void json_member_float(struct json *j, const char *key, double v);
void json_member_sample_value(struct json *j, const char *key, double v);
void json_member_timestamp(struct json *j, const char *key, int64_t ms);
void json_member_count(struct json *j, const char *key, uint64_t n); /* up to INT64_MAX */

#endif
