/*
 * story_load.h - reading mappings of a test file by tables of keys.
 */
#ifndef FERULA_AUTOSCALE_STORY_LOAD_H
#define FERULA_AUTOSCALE_STORY_LOAD_H

#include "story_priv.h"
#include "tree.h"

struct loader {
    struct arena *a;
    struct complaints *complaints;
    struct story_file *sf;
};

/* Reads a value into the target, or complains. */
typedef void story_reader(struct loader *l, const struct tree *v, void *target);

struct story_key {
    const char *name;
    story_reader *read;
    size_t at; /* offset in the target */
};

/* All keys of a mapping; complains of those that are not in the table. */
void story__map(struct loader *l, const struct tree *t, const struct story_key *keys, size_t n,
                void *target);

/*
 * Each item of a list, which may also be one item alone: calls `item` with an element of `size`
 * zeroed bytes. *out and *n are the array.
 */
void story__list(struct loader *l, const struct tree *t, size_t size, story_reader *item, void *out,
                 size_t *n);

__attribute__((format(printf, 3, 4))) void story__wrong(struct loader *l, const struct tree *t,
                                                        const char *fmt, ...);

/* Readers, by what the target is. */
story_reader story__text;     /* struct text_at; any scalar */
story_reader story__bool;     /* bool */
story_reader story__number;   /* double */
story_reader story__count;    /* int64_t of at least 0 */
story_reader story__duration; /* dur_ms */
story_reader story__load;     /* struct story_load */
story_reader story__tree;     /* const struct tree *: as it is */

struct story_load {
    struct load_point *v;
    size_t n;
};

/* story_read_world.c, story_read_check.c */
story_reader story__world;  /* of `autoscale`: struct story_test */
story_reader story__faults; /* struct story_faults */
story_reader story__check;  /* of an item of autoscale_test: struct story_check */

/* NULL: there is none of that name, or with p == NULL not just one; it has complained. */
const struct scaled_object *story__find_object(struct loader *l, const struct tree *v,
                                               const struct text_at *name);

/* story_change.c: `changes` of `autoscale`; and what they make of the objects of all checks. */
story_reader story__changes; /* struct story_test */
void story__apply_changes(struct loader *l, struct story_test *t);

struct story_faults {
    struct fault_span *v; /* times after the start */
    size_t n;
};

#define STORY_MAP(l, t, keys, target) story__map((l), (t), (keys), COUNT(keys), (target))

#endif
