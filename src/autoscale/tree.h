/*
 * tree.h - YAML and JSON as a tree: what yaml.c makes of a file and manifests are read from.
 *
 * Everything is in the arena. An alias is the node of its anchor itself, so a node may have several
 * parents; there are no cycles, and walking a whole tree is bounded (TREE_MAX_NODES).
 */
#ifndef FERULA_AUTOSCALE_TREE_H
#define FERULA_AUTOSCALE_TREE_H

#include "ferula/autoscale/manifest.h"

enum {
    TREE_MAX_BYTES = 16 << 20,
    TREE_MAX_DEPTH = 100,
    TREE_MAX_NODES = 200000, /* of a file, each alias counted as what it stands for */
    TREE_MAX_ANCHORS = 1000, /* of a document */
};

/* Kinds as kubectl's YAML library tells them: of plain scalars by their look (YAML 1.1). */
enum tree_kind { TREE_NULL, TREE_BOOL, TREE_INTEGER, TREE_NUMBER, TREE_TEXT, TREE_LIST, TREE_MAP };

struct tree;

struct tree_pair {
    struct text_at key;
    const struct tree *value;
};

struct tree {
    enum tree_kind kind;
    struct place at; /* of a text: its first character, behind a quote or in a block's first line */
    struct str text; /* of scalars; as written, for a text what it says */
    bool truth;      /* of TREE_BOOL */
    int64_t integer; /* of TREE_INTEGER */
    size_t size;     /* nodes in it, itself counted */
    const struct tree **items; /* of TREE_LIST */
    struct tree_pair *pairs;   /* of TREE_MAP, in the order of the file */
    size_t n;                  /* of items or pairs */
};

struct tree_docs {
    const struct tree **v; /* documents that are not empty */
    size_t n, cap;
};

/* Errors as manifests_read() has them. */
int autoscale__tree_read(struct arena *a, struct str text, const char *file,
                         struct complaints *complaints, struct tree_docs *out, struct fault *f);

/* The value of a key; NULL when there is none or `map` is none. */
const struct tree *autoscale__tree_get(const struct tree *map, const char *key);

/* The type's name in JSON schemas: "integer", "object"... */
const char *autoscale__tree_type(const struct tree *t);

/* Sets kind, truth and integer of a plain scalar by its text. */
void autoscale__resolve(struct tree *scalar);

#endif
