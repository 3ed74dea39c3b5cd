/*
 * explain_story.c - the series of a test file as data. Apart from the other data, because headers
 * of the store and of manifests name an enum alike.
 */
#include "explain_data.h"
#include "ferula/autoscale/story.h"

static int find_test(const struct story_file *sf, const char *path, const char *name, size_t *out,
                     struct fault *f)
{
    for (*out = 0; *out < story_count(sf); (*out)++)
        if (name == NULL || str_is(story_name(sf, *out), name))
            return 0;
    return name == NULL ? fault_set(f, FER_EINVAL, 0, "%s: has no tests", path)
                        : fault_set(f, FER_EINVAL, 0, "%s: has no test \"%s\"", path, name);
}

int cli__story_source(struct data *d, const char *path, const char *test, struct fault *f)
{
    struct complaints complaints = {.arena = &d->arena};
    struct story_file *sf;
    size_t i;
    int rc = story_file_load(&d->arena, path, &sf, &complaints, f);

    for (i = 0; rc == 0 && i < complaints.n; i++)
        if (complaints.v[i].fatal)
            rc = fault_set(f, FER_EINVAL, 0, "%s:%d:%d: " STR_FMT, path, complaints.v[i].at.line,
                           complaints.v[i].at.column, STR_ARG(complaints.v[i].text));
    if (rc == 0)
        rc = find_test(sf, path, test, &i, f);
    return rc < 0 ? rc : story_series(sf, i, &d->arena, &d->source, &d->end, f);
}
