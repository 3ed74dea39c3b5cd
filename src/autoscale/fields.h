/*
 * fields.h - mappings into structs, by tables of fields, with the API server's complaints.
 */
#ifndef FERULA_AUTOSCALE_FIELDS_H
#define FERULA_AUTOSCALE_FIELDS_H

#include "tree.h"

/* What is being read; `path` is where it is in the object: spec.triggers[0].metadata */
struct reading {
    struct arena *a;
    struct complaints *complaints;
    char path[512];
    size_t path_n;
};

enum field_kind {
    FIELD_TEXT,   /* struct text_at */
    FIELD_NUMBER, /* struct number_at, within least and most */
    FIELD_INT32,  /* int32_t; the same */
    FIELD_BOOL,   /* bool */
    FIELD_PAIRS,  /* struct pairs */
    FIELD_LABELS, /* the same, of ObjectMeta: a Go type, not a schema */
    FIELD_CHOICE, /* int: the index of the text in `choices` */
    FIELD_OBJECT, /* by `read` */
    FIELD_LIST,   /* the same, of the whole list */
    FIELD_ANY,    /* by `read` whatever it is; without `read`: not looked at */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t at; /* offset in the target */
    bool required;
    int64_t least, most;
    const char *const *choices; /* ends with NULL */
    void (*read)(struct reading *r, const struct tree *value, void *target);
};

/* Reads the keys of `map` into `target`. Complains of wrong types, bounds, and unknown keys. */
void autoscale__fields(struct reading *r, const struct tree *map, const struct field *fields,
                       size_t n, void *target);

/* Adds to the path, and takes away again: length = path_push(); ... path_pop(length). */
size_t autoscale__path_push(struct reading *r, const char *name);
size_t autoscale__path_push_index(struct reading *r, size_t i);
void autoscale__path_pop(struct reading *r, size_t length);

/* Complains of a text that has a placeholder, where it cannot stand. */
bool autoscale__unfilled(struct reading *r, const struct text_at *text);

/* Complains when it is not of the type; null is of none. */
bool autoscale__is(struct reading *r, const struct tree *t, enum tree_kind kind);

/* A field's `read` for a text or truth value that nobody needs: its type is looked at. */
void autoscale__only_text(struct reading *r, const struct tree *t, void *target);
void autoscale__only_bool(struct reading *r, const struct tree *t, void *target);

/* "PATH: text", fatal. */
__attribute__((format(printf, 3, 4))) void autoscale__refuse(struct reading *r, struct place at,
                                                             const char *fmt, ...);

#endif
