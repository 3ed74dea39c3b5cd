/*
 * load.c - load over time as people write it.
 */
#include <math.h>

#include "ferula/autoscale/world.h"
#include "ferula/base/num.h"
#include "ferula/model/duration.h"

static int parse_point(struct str text, struct load_point *out, struct fault *f)
{
    const char *colon = memchr(text.p, ':', text.n);
    struct str at, value;

    if (colon == NULL)
        return fault_set(f, FER_EINVAL, 0, "'" STR_FMT "' is not TIME:NUMBER", STR_ARG(text));
    at = str_trim((struct str){text.p, (size_t)(colon - text.p)});
    value = str_trim(str_cut(text, (size_t)(colon - text.p) + 1));
    if (duration_parse(at, &out->t, f) < 0)
        return FER_EINVAL;
    if (!num_parse(value, &out->v, NULL) || !isfinite(out->v) || out->v < 0)
        return fault_set(f, FER_EINVAL, 0, "'" STR_FMT "' is no number of at least 0",
                         STR_ARG(value));
    return 0;
}

int load_parse(struct arena *a, struct str text, ts_ms start, struct load_point **out, size_t *n,
               struct fault *f)
{
    struct load_point *v = NULL;
    size_t used = 0, cap = 0;
    struct str rest = text, part;

    while (str_split(&rest, ',', &part)) {
        struct load_point p;
        int rc = parse_point(str_trim(part), &p, f);

        if (rc == 0 && used > 0 && start + p.t <= v[used - 1].t)
            rc = fault_set(f, FER_EINVAL, 0, "the times of a load have to ascend");
        if (rc < 0) {
            f->at = (size_t)(part.p - text.p);
            return rc;
        }
        p.t += start;
        ARENA_GROW(a, v, used, cap, struct load_point);
        v[used++] = p;
    }
    *out = v;
    *n = used;
    return 0;
}
