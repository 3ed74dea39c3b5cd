/*
 * fuzz_story.c - any bytes as a test file: read, and its half for promtool printed. Any error is
 * fine; complaints have a place in the file.
 */
#include "ferula/autoscale.h"
#include "ferula/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a = {0};
    struct complaints c = {.arena = &a};
    struct story_file *sf;
    struct fault f = {0};
    struct buf out = {0};
    bool fatal = false;
    int rc = story_file_read(&a, (struct str){(const char *)data, n}, "/nowhere/f", &sf, &c, &f);

    CHECK(rc == 0 || rc == FER_EINVAL || rc == FER_ELIMIT);
    for (size_t i = 0; i < c.n; i++) {
        CHECK(c.v[i].at.file != NULL && c.v[i].at.line >= 1 && c.v[i].at.column >= 1);
        fatal |= c.v[i].fatal;
    }
    if (rc == 0 && !fatal)
        story_print_promtool(&out, sf);
    buf_release(&out);
    arena_release(&a);
    return 0;
}
