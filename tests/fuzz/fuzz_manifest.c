/*
 * fuzz_manifest.c - any bytes as a file of manifests: read, and linted as lint does. Any error is
 * fine; complaints and findings have a place in the file.
 */
#include "ferula/autoscale.h"
#include "ferula/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_place(struct place at)
{
    CHECK(at.file != NULL && at.line >= 1 && at.column >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = {0};
    struct manifests m = {0};
    struct complaints c = {0};
    struct lint_opts opts = {.versions = AUTOSCALE_VERSIONS_DEFAULT, .azure = true};
    struct lint_report report;
    struct fault f = {0};
    int rc = manifests_read(&a, (struct str){(const char *)data, n}, "f", &m, &c, &f);

    CHECK(rc == 0 || rc == FER_EINVAL || rc == FER_ELIMIT);
    CHECK((rc == 0) == (f.code == 0));
    for (size_t i = 0; i < c.n; i++)
        check_place(c.v[i].at);
    lint_run(&a, &m, &c, &opts, &report);
    for (size_t i = 0; i < report.n; i++)
        check_place(report.v[i].at);
    arena_release(&a);
    return 0;
}
