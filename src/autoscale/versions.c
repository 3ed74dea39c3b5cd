/*
 * versions.c - versions of KEDA and Kubernetes, and which rules hold in them.
 */
#include "ferula/autoscale/scaler.h"

#include "ferula/base/check.h"

/* Minor versions that the rules are known for, with the newest patch. */
static const struct {
    uint64_t minor, newest_patch;
} keda_versions[] = {
    {17, 3},
    {18, 3},
    {19, 0},
    {20, 2},
};

#define K8S_MINOR_MIN 31
#define K8S_MINOR_MAX 35

/* "v2.20.2" and "2.20": *n parts, 3 at most. */
static bool parse_parts(struct str text, uint64_t v[3], size_t *n)
{
    struct str rest = str_trim(text), part;

    if (str_starts(rest, "v"))
        rest = str_cut(rest, 1);
    for (*n = 0; str_split(&rest, '.', &part); ++*n)
        if (*n == 3 || !str_to_u64(part, &v[*n]))
            return false;
    return *n >= 2;
}

int autoscale_parse_keda(struct str text, int *out, struct fault *f)
{
    uint64_t v[3];
    size_t n;

    if (!parse_parts(text, v, &n))
        return fault_set(f, FER_EINVAL, 0, "\"" STR_FMT "\" is no version of KEDA", STR_ARG(text));
    for (size_t i = 0; v[0] == 2 && i < COUNT(keda_versions); i++) {
        uint64_t patch = n == 3 ? v[2] : keda_versions[i].newest_patch;

        if (v[1] != keda_versions[i].minor || patch > keda_versions[i].newest_patch)
            continue;
        *out = (int)(v[0] * 10000 + v[1] * 100 + patch);
        return 0;
    }
    return fault_set(f, FER_EINVAL, 0, "KEDA " STR_FMT " is not known: 2.17 to 2.20.2 are",
                     STR_ARG(text));
}

int autoscale_parse_k8s(struct str text, int *out, struct fault *f)
{
    uint64_t v[3];
    size_t n;

    if (!parse_parts(text, v, &n))
        return fault_set(f, FER_EINVAL, 0, "\"" STR_FMT "\" is no version of Kubernetes",
                         STR_ARG(text));
    if (v[0] != 1 || v[1] < K8S_MINOR_MIN || v[1] > K8S_MINOR_MAX)
        return fault_set(f, FER_EINVAL, 0, "Kubernetes " STR_FMT " is not known: 1.%d to 1.%d are",
                         STR_ARG(text), K8S_MINOR_MIN, K8S_MINOR_MAX);
    *out = (int)(v[0] * 100 + v[1]);
    return 0;
}

struct autoscale_rules autoscale_rules_of(const struct autoscale_versions *v)
{
    struct autoscale_rules r = {0};

#define X(field, product, since, until, source)                                                    \
    r.field = v->product >= (since) && ((until) == 0 || v->product < (until));
#include "rules.tbl.h"
#undef X
    return r;
}
