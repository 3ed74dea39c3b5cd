/*
 * image.h - what a disk may hold after a power cut, worked out from a trace.
 *
 * At any event of a trace, what was synced before is on the disk. Of what came after, any part may
 * be: a disk and the kernel keep writes in memory and put them down in any order, sector by sector.
 * Since the newest of several writes of a sector wins, dropping some of them gives every outcome
 * that another order would. Names in the folder are durable when the folder was synced.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "trace.h"

struct trace {
    const uint8_t *p; /* mapped */
    size_t n;
    const struct trace_event **events; /* owned; into p */
    size_t n_events;
};

/* Exits with a sentence when the file cannot be read. */
void trace_load(struct trace *t, const char *path);
void trace_release(struct trace *t);

static inline const void *trace_bytes(const struct trace_event *e)
{
    return e + 1;
}

/* Which of the unsynced writes an image has. */
struct cut_mode {
    const char *name;
    unsigned percent; /* of the parts */
    unsigned grain;   /* bytes of a part; 0: a whole write */
    bool in_order;    /* all up to a random place, the last one torn; `percent` does not matter */
};

struct disk_file {
    char name[64]; /* durable; "": none */
    uint8_t *p;    /* owned; durable bytes */
    size_t n, cap;
};

struct disk {
    const struct trace *t;
    size_t at; /* events before this one have happened */
    struct disk_file files[TRACE_FILES_MAX];
    size_t *pending; /* owned; events whose bytes are not durable, or followed one that is not */
    size_t n_pending;
    size_t *names; /* owned; events of names that are not durable */
    size_t n_names;
};

void disk_init(struct disk *d, const struct trace *t);
void disk_release(struct disk *d);

/* Lets the next event happen, and gives it. */
const struct trace_event *disk_step(struct disk *d);

/*
 * The power goes while the next event is on its way: *d becomes what is left. Only disk_save() and
 * disk_release() may follow.
 */
void disk_cut(struct disk *d, const struct cut_mode *mode, uint64_t *random);

/* Writes the files into a folder. */
void disk_save(const struct disk *d, const char *dir);

uint64_t random_next(uint64_t *state);

#endif
