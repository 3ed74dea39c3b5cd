/*
 * test_update.c - `ferula test --update`: expected numbers become those that are, in the files that
 * they stand in. A file is replaced as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "test.h"

int cli__write_file(const char *path, struct str text, struct fault *f)
{
    struct buf temp = {0};
    struct stat st;
    bool ok;
    int fd;

    /* A pipe or a device cannot be replaced. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
        buf_puts(&temp, path);
    } else {
        buf_addf(&temp, "%s.XXXXXX", path);
        fd = mkostemp(temp.p, O_CLOEXEC);
        st.st_mode = stat(path, &st) == 0 ? st.st_mode & 07777 : 0644;
        if (fd >= 0)
            (void)fchmod(fd, st.st_mode); /* better than nothing */
    }
    ok = fd >= 0;
    for (size_t at = 0; ok && at < text.n;) {
        ssize_t n = write(fd, text.p + at, text.n - at);

        ok = n > 0 || (n < 0 && errno == EINTR);
        at += n > 0 ? (size_t)n : 0;
    }
    ok = (fd < 0 || close(fd) == 0) && ok;
    ok = ok && (strcmp(temp.p, path) == 0 || rename(temp.p, path) == 0);
    if (!ok) {
        (void)fault_set(f, FER_EIO, 0, "%s: %s", path, strerror(errno));
        if (fd >= 0 && strcmp(temp.p, path) != 0)
            (void)unlink(temp.p); /* what is left of a failure */
    }
    buf_release(&temp);
    return ok ? 0 : FER_EIO;
}

/* The byte of a place, of which columns are characters; text.n: it is not there. */
static size_t offset_of(struct str text, int line, int column)
{
    size_t at = 0;

    for (; line > 1 && at < text.n; at++)
        line -= text.p[at] == '\n';
    for (; column > 1 && at < text.n; column--) {
        uint32_t rune;
        size_t n = utf8_decode(str_cut(text, at), &rune);

        at += n > 0 ? n : 1;
    }
    return MIN(at, text.n);
}

static int by_place(const void *pa, const void *pb)
{
    const struct test_blessing *a = *(const struct test_blessing *const *)pa;
    const struct test_blessing *b = *(const struct test_blessing *const *)pb;
    int by_file = strcmp(a->file, b->file);

    if (by_file != 0)
        return by_file;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

static bool read_all(const char *path, struct buf *out)
{
    FILE *in = fopen(path, "re");
    size_t n = 0;

    if (in == NULL)
        return false;
    do {
        buf_reserve(out, 65536);
        n = fread(out->p + out->n, 1, 65536, in);
        out->n += n;
    } while (n > 0);
    (void)fclose(in); /* only read from */
    return true;
}

/* Replaces all of one file; how many. Two tests that share a number (an alias) are left alone. */
static int update_file(const struct test_blessing *const *v, size_t n, size_t *n_done)
{
    struct buf text = {0}, out = {0};
    size_t copied = 0;
    struct fault f;
    int rc = CLI__OK;

    if (!read_all(v[0]->file, &text)) {
        fprintf(stderr, "ferula test: %s: %s\n", v[0]->file, strerror(errno));
        return CLI__FAILED;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = offset_of(buf_str(&text), v[i]->line, v[i]->column);
        bool twice = (i > 0 && by_place(&v[i - 1], &v[i]) == 0) ||
                     (i + 1 < n && by_place(&v[i], &v[i + 1]) == 0);

        if (twice || at < copied || !str_starts(str_cut(buf_str(&text), at), v[i]->old_text))
            continue;
        buf_add(&out, text.p + copied, at - copied);
        buf_puts(&out, v[i]->new_text);
        copied = at + strlen(v[i]->old_text);
        ++*n_done;
    }
    buf_add(&out, text.p + copied, text.n - copied);
    if (cli__write_file(v[0]->file, buf_str(&out), &f) < 0) {
        fprintf(stderr, "ferula test: %s\n", f.text);
        rc = CLI__FAILED;
    }
    buf_release(&text);
    buf_release(&out);
    return rc;
}

int cli__test_update(const struct test_run *run)
{
    const struct test_blessing **v;
    size_t n = 0, n_done = 0, k = 0;
    int rc = CLI__OK;

    for (size_t i = 0; i < run->n_cases; i++)
        n += run->cases[i].n_blessings;
    if (n == 0)
        return CLI__OK;
    v = xcalloc(n, sizeof(struct test_blessing *));
    for (size_t i = 0; i < run->n_cases; i++)
        for (size_t b = 0; b < run->cases[i].n_blessings; b++)
            v[k++] = &run->cases[i].blessings[b];
    qsort(v, n, sizeof(*v), by_place);
    for (size_t i = 0; rc == CLI__OK && i < n; i = k) {
        for (k = i; k < n && strcmp(v[k]->file, v[i]->file) == 0;)
            k++;
        rc = update_file(v + i, k - i, &n_done);
    }
    fprintf(stderr, "ferula test: %zu expected number%s updated\n", n_done, n_done == 1 ? "" : "s");
    free(v);
    return rc;
}
