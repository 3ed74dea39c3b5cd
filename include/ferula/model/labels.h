/*
 * labels.h - label sets.
 *
 * A struct labels borrows an array of pairs, sorted by name in byte order, names unique, no value
 * empty. The metric name is the label __name__. Nothing here is thread-aware: sets are not changed
 * once made.
 */
#ifndef FERULA_MODEL_LABELS_H
#define FERULA_MODEL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/arena.h"
#include "ferula/base/buf.h"
#include "ferula/base/str.h"

#define LABEL_NAME   "__name__"
#define LABEL_TYPE   "__type__"
#define LABEL_UNIT   "__unit__"
#define LABEL_BUCKET "le"

struct label {
    struct str name, value;
};

struct labels {
    const struct label *v;
    size_t n;
};

/* The value of `name`; empty (n == 0) when the set has no such label. */
struct str labels_get(struct labels ls, struct str name);
bool labels_has(struct labels ls, struct str name);
struct str labels_name(struct labels ls); /* the value of __name__ */

/* Prometheus' order: pairwise by name, then value; the shorter set first. */
int labels_cmp(struct labels a, struct labels b);
bool labels_eq(struct labels a, struct labels b);
uint64_t labels_hash(struct labels ls); /* keyed; see hash.h */

/*
 * Sorts `v` in place and checks it for storage: at least __name__, valid UTF-8 names and values, no
 * empty name, no name twice. Empty values are dropped. On FER_EINVAL, `f` says which label.
 */
struct fault;
int labels_normalise(struct label *v, size_t *n, struct fault *f);

struct labels labels_copy(struct arena *a, struct labels ls); /* names and values too */

/* New sets; the strings are shared with `ls`. */
struct labels labels_without(struct arena *a, struct labels ls, struct str name);
struct labels labels_without_metadata(struct arena *a, struct labels ls); /* name, type, unit */
struct labels labels_set(struct arena *a, struct labels ls, struct str name, struct str value);

/* Only, or all but, the names in `names` (sorted or not). */
struct labels labels_keep(struct arena *a, struct labels ls, const struct str *names, size_t n);
struct labels labels_drop(struct arena *a, struct labels ls, const struct str *names, size_t n);

/* {__name__="m", a="b"}: labels.String() of Prometheus; names that are not legacy are quoted. */
void labels_print(struct buf *b, struct labels ls);

/* m{a="b"} or {"odd name", a="b"}: how a series is written in PromQL. */
void labels_print_series(struct buf *b, struct labels ls);

bool label_name_is_legacy(struct str s);  /* [a-zA-Z_][a-zA-Z0-9_]* */
bool metric_name_is_legacy(struct str s); /* [a-zA-Z_:][a-zA-Z0-9_:]* */

#endif
