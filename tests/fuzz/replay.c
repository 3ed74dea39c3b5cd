/*
 * replay.c - main() for a fuzz target under any compiler: runs it on every file given, or in every
 * folder given. Each runs in a process of its own, so that one that crashes is counted and named.
 *
 * Prints "N passed, M failed"; exit status 1 when one failed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ferula/base/buf.h"
#include "ferula/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t n_passed, n_failed;

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    char part[4096];
    size_t n;

    if (f == NULL)
        return false;
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_add(out, part, n);
    return fclose(f) == 0;
}

/* In the child: an input that fails aborts. */
static void run_here(const char *path)
{
    struct buf input = {0};
    uint8_t *exact;

    if (!read_file(path, &input))
        _exit(2);
    exact = xmalloc(input.n == 0 ? 1 : input.n); /* no slack: sanitizers see a read past the end */
    memcpy(exact, buf_str(&input).p, input.n);
    LLVMFuzzerTestOneInput(exact, input.n);
    free(exact);
    buf_release(&input);
    _exit(0);
}

static void run_file(const char *path)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0)
        run_here(path);
    if (child > 0 && waitpid(child, &status, 0) == child && status == 0) {
        n_passed++;
        return;
    }
    fprintf(stderr, "failed: %s (status %d)\n", path, status);
    n_failed++;
}

static void run_path(const char *path);

static void run_folder(const char *path, DIR *folder)
{
    struct dirent *entry;

    while ((entry = readdir(folder)) != NULL) {
        struct buf inner = {0};

        if (entry->d_name[0] == '.')
            continue;
        buf_addf(&inner, "%s/%s", path, entry->d_name);
        run_path(inner.p);
        buf_release(&inner);
    }
}

static void run_path(const char *path)
{
    DIR *folder = opendir(path);

    if (folder == NULL) {
        run_file(path);
        return;
    }
    run_folder(path, folder);
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("%zu passed, %zu failed\n", n_passed, n_failed);
    return n_failed > 0 ? 1 : 0;
}
