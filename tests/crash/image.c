/*
 * image.c - traces, and disks after power cuts.
 */
#include "image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define SECTOR_BYTES 512

uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- traces ------------------------------------------------------------------------------ */

void trace_load(struct trace *t, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    size_t cap = 0;

    *t = (struct trace){0};
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        fprintf(stderr, "no trace in %s\n", path);
        exit(1);
    }
    t->n = (size_t)st.st_size;
    t->p = mmap(NULL, t->n, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(t->p != MAP_FAILED);
    close(fd);
    for (size_t at = 0; at < t->n;) {
        const struct trace_event *e = (const void *)(t->p + at);

        if (t->n_events == cap) {
            cap = cap == 0 ? 4096 : cap * 2;
            t->events = xrealloc(t->events, cap, sizeof(*t->events));
        }
        CHECK(at + sizeof(*e) + TRACE_PADDED(e->n) <= t->n && e->file < TRACE_FILES_MAX);
        t->events[t->n_events++] = e;
        at += sizeof(*e) + TRACE_PADDED(e->n);
    }
}

void trace_release(struct trace *t)
{
    union {
        const void *in;
        void *out;
    } p = {t->p};

    munmap(p.out, t->n);
    free(t->events);
    *t = (struct trace){0};
}

/* ---- disks ------------------------------------------------------------------------------- */

void disk_init(struct disk *d, const struct trace *t)
{
    *d = (struct disk){.t = t};
    d->pending = xcalloc(t->n_events + 1, sizeof(*d->pending));
    d->names = xcalloc(t->n_events + 1, sizeof(*d->names));
}

void disk_release(struct disk *d)
{
    for (size_t i = 0; i < COUNT(d->files); i++)
        free(d->files[i].p);
    free(d->pending);
    free(d->names);
    *d = (struct disk){0};
}

static void resize(struct disk_file *f, size_t n)
{
    if (n > f->cap) {
        size_t cap = MAX(n, 2 * f->cap);

        f->p = xrealloc(f->p, cap, 1);
        memset(f->p + f->cap, 0, cap - f->cap);
        f->cap = cap;
    }
    if (n < f->n)
        memset(f->p + n, 0, f->n - n);
    f->n = n;
}

/* Bytes from .. to of a write. */
static void put(struct disk_file *f, const struct trace_event *e, uint64_t from, uint64_t to)
{
    if (to > f->n)
        resize(f, to);
    memcpy(f->p + from, (const uint8_t *)trace_bytes(e) + (from - e->at), to - from);
}

static void put_all(struct disk *d, const struct trace_event *e)
{
    struct disk_file *f = &d->files[e->file];

    if (e->kind == TRACE_RESIZE)
        resize(f, e->at);
    else
        put(f, e, e->at, e->at + e->n);
}

static void put_name(struct disk *d, const struct trace_event *e)
{
    struct disk_file *f = &d->files[e->file];

    for (size_t i = 0; i < COUNT(d->files) && e->n > 0; i++)
        if (strlen(d->files[i].name) == e->n && memcmp(d->files[i].name, trace_bytes(e), e->n) == 0)
            d->files[i].name[0] = '\0'; /* renamed over */
    CHECK(e->n < sizeof(f->name));
    memcpy(f->name, trace_bytes(e), e->n);
    f->name[e->n] = '\0';
}

static void sync_file(struct disk *d, uint32_t file)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_pending; i++) {
        const struct trace_event *e = d->t->events[d->pending[i]];

        if (e->file == file)
            put_all(d, e);
        else
            d->pending[n++] = d->pending[i];
    }
    d->n_pending = n;
}

static void sync_names(struct disk *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_name(d, d->t->events[d->names[i]]);
    d->n_names = 0;
}

const struct trace_event *disk_step(struct disk *d)
{
    const struct trace_event *e = d->t->events[d->at];

    switch (e->kind) {
    case TRACE_MAKE:
    case TRACE_RENAME:
    case TRACE_REMOVE:
        d->names[d->n_names++] = d->at;
        break;
    case TRACE_SYNC_DIR:
        sync_names(d, d->n_names);
        break;
    case TRACE_SYNC:
        sync_file(d, e->file);
        break;
    case TRACE_MARK:
        break;
    default:
        d->pending[d->n_pending++] = d->at;
    }
    d->at++;
    return e;
}

/* ---- the cut ----------------------------------------------------------------------------- */

static bool chance(uint64_t *random, unsigned percent)
{
    return random_next(random) % 100 < percent;
}

/* Some parts of a write; a grain's borders are those of the file. */
static void put_parts(struct disk *d, const struct trace_event *e, const struct cut_mode *mode,
                      uint64_t *random)
{
    struct disk_file *f = &d->files[e->file];
    uint64_t end = e->at + e->n;

    if (mode->grain == 0 || e->kind == TRACE_RESIZE) {
        if (chance(random, mode->percent))
            put_all(d, e);
        return;
    }
    for (uint64_t at = e->at; at < end;) {
        uint64_t next = MIN((at / mode->grain + 1) * mode->grain, end);

        if (chance(random, mode->percent))
            put(f, e, at, next);
        at = next;
    }
}

/* A file may have grown without its new bytes. */
static void grow(struct disk *d, uint64_t *random)
{
    for (size_t i = 0; i < d->n_pending; i++) {
        const struct trace_event *e = d->t->events[d->pending[i]];
        struct disk_file *f = &d->files[e->file];

        if (e->kind != TRACE_RESIZE && e->at + e->n > f->n && chance(random, 50))
            resize(f, e->at + e->n);
    }
}

static void cut_in_order(struct disk *d, size_t n, uint64_t *random)
{
    size_t whole = random_next(random) % (n + 1);

    for (size_t i = 0; i < n; i++) {
        const struct trace_event *e = d->t->events[d->pending[i]];
        uint64_t sectors = e->n / SECTOR_BYTES + 1;

        if (i < whole || (e->kind == TRACE_WRITE_SYNC && d->pending[i] != d->at))
            put_all(d, e);
        else if (i == whole && e->kind != TRACE_RESIZE)
            put(&d->files[e->file], e, e->at,
                e->at + MIN(e->n, random_next(random) % sectors * SECTOR_BYTES));
    }
}

void disk_cut(struct disk *d, const struct cut_mode *mode, uint64_t *random)
{
    const struct trace_event *next = d->at < d->t->n_events ? d->t->events[d->at] : NULL;
    size_t n_names = d->n_names;

    if (next != NULL &&
        (next->kind == TRACE_WRITE || next->kind == TRACE_WRITE_SYNC || next->kind == TRACE_RESIZE))
        d->pending[d->n_pending++] = d->at;
    if (mode->in_order || mode->percent % 100 != 0)
        n_names = random_next(random) % (n_names + 1);
    else if (mode->percent == 0)
        n_names = 0;
    sync_names(d, n_names);
    if (mode->in_order) {
        cut_in_order(d, d->n_pending, random);
        return;
    }
    if (mode->percent % 100 != 0)
        grow(d, random);
    for (size_t i = 0; i < d->n_pending; i++) {
        const struct trace_event *e = d->t->events[d->pending[i]];

        if (e->kind == TRACE_WRITE_SYNC && d->pending[i] != d->at)
            put_all(d, e);
        else
            put_parts(d, e, mode, random);
    }
}

void disk_save(const struct disk *d, const char *dir)
{
    for (size_t i = 0; i < COUNT(d->files); i++) {
        const struct disk_file *f = &d->files[i];
        char path[256];
        int fd;

        if (f->name[0] == '\0')
            continue;
        CHECK(snprintf(path, sizeof(path), "%s/%s", dir, f->name) < (int)sizeof(path));
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        for (size_t at = 0; at < f->n;) {
            ssize_t n = write(fd, f->p + at, f->n - at);

            CHECK(n > 0);
            at += (size_t)n;
        }
        close(fd);
    }
}
