/*
 * yaml.c - YAML and JSON into trees; the only file that knows libyaml.
 *
 * A plain `{{ X }}` where a value begins is a mapping in a mapping to YAML, and text after it an
 * error. People have it in files that a script fills in later, so braces there are hidden from the
 * parser as characters that no manifest has, and put back into the texts.
 */
#include <limits.h>
#include <stdlib.h>
#include <yaml.h>

#include "ferula/base/buf.h"
#include "tree.h"

/* Stand in for { and }: code points that will never be assigned to anything that is written. */
#define HIDDEN_OPEN  "\xdf\xbb" /* U+07FB */
#define HIDDEN_CLOSE "\xdf\xbc" /* U+07FC */

struct anchor {
    struct str name;
    const struct tree *node; /* NULL: not finished yet */
};

struct reader {
    yaml_parser_t parser;
    struct arena *a;
    const char *file;
    struct str src;       /* what the parser reads */
    bool hidden;          /* braces are */
    size_t line, line_at; /* the last line that was looked up, and its offset */
    struct complaints *complaints;
    struct anchor *anchors; /* of the document */
    size_t n_anchors, cap_anchors;
    size_t n_nodes;
    struct fault *f;
};

static int compose(struct reader *r, const yaml_event_t *ev, int depth, const struct tree **out);

static struct place place_of(const struct reader *r, yaml_mark_t mark)
{
    return (struct place){r->file, (int)mark.line + 1, (int)mark.column + 1};
}

__attribute__((format(printf, 4, 5))) static int fail(struct reader *r, int code, struct place at,
                                                      const char *fmt, ...)
{
    struct str text;
    va_list ap;
    struct buf b = {0};

    va_start(ap, fmt);
    buf_vaddf(&b, fmt, ap);
    va_end(ap);
    text = arena_str(r->a, buf_str(&b));
    buf_release(&b);
    return fault_set(r->f, code, 0, "%s:%d:%d: " STR_FMT, at.file, at.line, at.column,
                     STR_ARG(text));
}

/* ---- events ----------------------------------------------------------------------------- */

/* Lines of a template around objects are the usual reason why a chart's file is no YAML. */
static const char *template_hint(const struct reader *r)
{
    struct str rest = r->src, line;

    while (str_split(&rest, '\n', &line))
        if (str_starts(str_trim(line), "{{") && !str_starts(str_trim(line), "{{{"))
            return " (a template? render it first)";
    return "";
}

static int next_event(struct reader *r, yaml_event_t *ev)
{
    const yaml_parser_t *p = &r->parser;
    const char *context = p->context != NULL ? p->context : "";

    if (yaml_parser_parse(&r->parser, ev))
        return 0;
    context = p->context != NULL ? p->context : "";
    if (p->error == YAML_READER_ERROR)
        return fail(r, FER_EINVAL, place_of(r, p->mark), "%s", p->problem);
    return fail(r, FER_EINVAL, place_of(r, p->problem_mark), "%s%s%s%s",
                p->problem != NULL ? p->problem : "out of memory", *context != '\0' ? ", " : "",
                context, template_hint(r));
}

/* The next event, made into a node; *ended when it was the end of what `end` says. */
static int compose_next(struct reader *r, int depth, yaml_event_type_t end, bool *ended,
                        const struct tree **out)
{
    yaml_event_t ev;
    int rc = next_event(r, &ev);

    if (rc < 0)
        return rc;
    *ended = ev.type == end;
    if (!*ended)
        rc = compose(r, &ev, depth, out);
    yaml_event_delete(&ev);
    return rc;
}

/* ---- text ------------------------------------------------------------------------------- */

/* The text with hidden braces put back. */
static struct str reveal(const struct reader *r, struct str s)
{
    struct buf b = {0};
    struct str out;

    if (!r->hidden ||
        (memmem(s.p, s.n, HIDDEN_OPEN, 2) == NULL && memmem(s.p, s.n, HIDDEN_CLOSE, 2) == NULL))
        return arena_str(r->a, s);
    for (size_t i = 0; i < s.n; i++) {
        bool open = str_starts(str_cut(s, i), HIDDEN_OPEN);

        if (open || str_starts(str_cut(s, i), HIDDEN_CLOSE)) {
            buf_putc(&b, open ? '{' : '}');
            i++;
        } else {
            buf_putc(&b, s.p[i]);
        }
    }
    out = arena_str(r->a, buf_str(&b));
    buf_release(&b);
    return out;
}

/* Where a plain value may begin with the `{{` at p[i]: behind ": " or "- ". */
static bool opens_value(struct str line, size_t i)
{
    return i >= 2 && line.p[i - 1] == ' ' && (line.p[i - 2] == ':' || line.p[i - 2] == '-');
}

/* The bytes of the `{{ X }}` or `{{{ X }}}` that `s` begins with; 0: it does not. */
static size_t placeholder_size(struct str s)
{
    const char *end = str_starts(s, "{{") ? memmem(s.p, s.n, "}}", 2) : NULL;
    size_t n = end != NULL ? (size_t)(end - s.p) + 2 : 0;

    return n > 0 && n < s.n && s.p[2] == '{' && s.p[n] == '}' ? n + 1 : n;
}

/* Behind the last "}}" of a line nothing closes. */
static size_t last_closing(struct str line)
{
    size_t n = line.n;

    while (n >= 2 && !(line.p[n - 1] == '}' && line.p[n - 2] == '}'))
        n--;
    return n >= 2 ? n : 0;
}

/*
 * A line with the braces of its placeholders hidden, when a plain value begins with one; those in
 * front of it are in quotes or in the middle of a text.
 */
static void hide_line(struct buf *out, struct str line, bool *hidden)
{
    size_t end = 0, last = last_closing(line); /* end: of the placeholder at hand */
    bool found = false;

    for (size_t i = 0; i < line.n; i++) {
        if (i >= end && i < last && (found || opens_value(line, i))) {
            end = i + placeholder_size(str_cut(line, i));
            found = found || end > i;
        }
        if (i < end && (line.p[i] == '{' || line.p[i] == '}'))
            buf_puts(out, line.p[i] == '{' ? HIDDEN_OPEN : HIDDEN_CLOSE);
        else
            buf_putc(out, line.p[i]);
    }
    *hidden = *hidden || found;
}

static struct str hide_braces(struct reader *r, struct str text)
{
    struct buf b = {0};
    struct str rest = text, line, out;

    if (text.n == 0 || memmem(text.p, text.n, "{{", 2) == NULL)
        return text;
    while (str_split(&rest, '\n', &line)) {
        if (b.n > 0 || line.p != text.p)
            buf_putc(&b, '\n');
        hide_line(&b, line, &r->hidden);
    }
    out = arena_str(r->a, buf_str(&b));
    buf_release(&b);
    return out;
}

/* The source from a line on. Lines are asked for in ascending order. */
static struct str from_line(struct reader *r, size_t line)
{
    while (r->line < line) {
        const char *end = memchr(r->src.p + r->line_at, '\n', r->src.n - r->line_at);

        if (end == NULL)
            return (struct str){r->src.p, 0};
        r->line_at = (size_t)(end - r->src.p) + 1;
        r->line++;
    }
    return str_cut(r->src, r->line_at);
}

/* Where the text of a block scalar begins: the first line after its header that is not blank. */
static struct place block_begin(struct reader *r, yaml_mark_t mark)
{
    struct place at = place_of(r, mark);
    struct str rest = from_line(r, mark.line), line;

    (void)str_split(&rest, '\n', &line);
    for (int n = 1; str_split(&rest, '\n', &line); n++) {
        size_t blank = 0;

        while (blank < line.n && line.p[blank] == ' ')
            blank++;
        if (blank < line.n && line.p[blank] != '\r')
            return (struct place){at.file, at.line + n, (int)blank + 1};
    }
    return at;
}

static struct place text_begin(struct reader *r, const yaml_event_t *ev)
{
    struct place at = place_of(r, ev->start_mark);

    switch (ev->data.scalar.style) {
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        return block_begin(r, ev->start_mark);
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        at.column++;
        return at;
    default:
        return at;
    }
}

static bool is_text_tag(const char *tag)
{
    return tag != NULL && strcmp(tag, YAML_NULL_TAG) != 0 && strcmp(tag, YAML_BOOL_TAG) != 0 &&
           strcmp(tag, YAML_INT_TAG) != 0 && strcmp(tag, YAML_FLOAT_TAG) != 0;
}

static void scalar(struct reader *r, const yaml_event_t *ev, struct tree *t)
{
    struct str raw = {(const char *)ev->data.scalar.value, ev->data.scalar.length};

    t->text = reveal(r, raw);
    t->at = text_begin(r, ev);
    t->kind = TREE_TEXT;
    if (t->text.n != raw.n && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        complain(r->complaints, t->at, false,
                 "the placeholder " STR_FMT
                 " is not filled in; not quoted, it is a mapping to YAML",
                 STR_ARG(t->text));
        return;
    }
    if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        !is_text_tag((const char *)ev->data.scalar.tag))
        autoscale__resolve(t);
}

/* ---- lists and mappings ----------------------------------------------------------------- */

static int list(struct reader *r, int depth, struct tree *t)
{
    size_t cap = 0;
    bool ended;

    t->kind = TREE_LIST;
    for (;;) {
        const struct tree *item = NULL;
        int rc = compose_next(r, depth, YAML_SEQUENCE_END_EVENT, &ended, &item);

        if (rc < 0 || ended)
            return rc;
        ARENA_GROW(r->a, t->items, t->n, cap, const struct tree *);
        t->items[t->n++] = item;
        t->size += item->size;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct tree_pair *x = *(const struct tree_pair *const *)a;
    const struct tree_pair *y = *(const struct tree_pair *const *)b;
    int order = str_cmp(x->key.s, y->key.s);

    return order != 0 ? order : (x > y) - (x < y);
}

/* A key twice in one mapping: kubectl refuses that, too. "<<" may be there several times. */
static int check_keys(struct reader *r, const struct tree *t)
{
    const struct tree_pair **sorted = arena_array(r->a, const struct tree_pair *, t->n + 1);

    for (size_t i = 0; i < t->n; i++)
        sorted[i] = &t->pairs[i];
    if (t->n > 1)
        qsort(sorted, t->n, sizeof(sorted[0]), by_key);
    for (size_t i = 1; i < t->n; i++)
        if (str_eq(sorted[i]->key.s, sorted[i - 1]->key.s) && !str_is(sorted[i]->key.s, "<<"))
            return fail(r, FER_EINVAL, sorted[i]->key.at,
                        "the key \"" STR_FMT "\" is already set in line %d",
                        STR_ARG(sorted[i]->key.s), sorted[i - 1]->key.at.line);
    return 0;
}

static void add_pair(struct reader *r, struct tree *t, size_t *cap, const struct tree_pair *pair)
{
    ARENA_GROW(r->a, t->pairs, t->n, *cap, struct tree_pair);
    t->pairs[t->n++] = *pair;
}

static int merge_one(struct reader *r, struct tree *t, size_t *cap, const struct tree *from,
                     struct place at)
{
    if (from->kind != TREE_MAP)
        return fail(r, FER_EINVAL, at, "map merge requires map or sequence of maps as the value");
    for (size_t i = 0; i < from->n; i++) {
        struct tree_pair pair = from->pairs[i];
        bool there = false;

        for (size_t k = 0; k < t->n && !there; k++)
            there = str_eq(t->pairs[k].key.s, pair.key.s);
        if (there)
            continue;
        t->size += pair.value->size + 1;
        r->n_nodes += pair.value->size + t->n; /* of the search above, too */
        if (r->n_nodes > TREE_MAX_NODES)
            return fail(r, FER_ELIMIT, at, "merged mappings make it too large");
        add_pair(r, t, cap, &pair);
    }
    return 0;
}

/* Puts the pairs of "<<" into the mapping where it does not have them itself. */
static int merge(struct reader *r, struct tree *t)
{
    struct tree_pair *pairs = t->pairs;
    size_t n = t->n, cap = 0;
    int rc = 0;

    t->pairs = NULL;
    t->n = 0;
    for (size_t i = 0; i < n; i++)
        if (!str_is(pairs[i].key.s, "<<"))
            add_pair(r, t, &cap, &pairs[i]);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct tree *v = pairs[i].value;

        if (!str_is(pairs[i].key.s, "<<"))
            continue;
        if (v->kind != TREE_LIST)
            rc = merge_one(r, t, &cap, v, pairs[i].key.at);
        for (size_t k = 0; v->kind == TREE_LIST && k < v->n && rc == 0; k++)
            rc = merge_one(r, t, &cap, v->items[k], pairs[i].key.at);
    }
    return rc;
}

static int mapping(struct reader *r, int depth, struct tree *t)
{
    size_t cap = 0;
    bool ended, merges = false;
    int rc;

    t->kind = TREE_MAP;
    for (;;) {
        const struct tree *key = NULL, *value = NULL;

        rc = compose_next(r, depth, YAML_MAPPING_END_EVENT, &ended, &key);
        if (rc < 0 || ended)
            break;
        if (key->kind == TREE_LIST || key->kind == TREE_MAP)
            return fail(r, FER_EINVAL, key->at, "a %s cannot be a key%s",
                        key->kind == TREE_LIST ? "list" : "mapping", template_hint(r));
        rc = compose_next(r, depth, YAML_NO_EVENT, &ended, &value);
        if (rc < 0)
            return rc;
        merges = merges || str_is(key->text, "<<");
        add_pair(r, t, &cap,
                 &(struct tree_pair){
                     {key->text, key->at},
                     value
        });
        t->size += 1 + value->size;
    }
    if (rc == 0)
        rc = check_keys(r, t);
    return rc == 0 && merges ? merge(r, t) : rc;
}

/* ---- anchors and nodes ------------------------------------------------------------------ */

static struct anchor *find_anchor(struct reader *r, struct str name)
{
    for (size_t i = r->n_anchors; i > 0; i--)
        if (str_eq(r->anchors[i - 1].name, name))
            return &r->anchors[i - 1];
    return NULL;
}

/* The index of the new anchor plus one; 0 when the node has none. */
static size_t add_anchor(struct reader *r, const unsigned char *name)
{
    if (name == NULL)
        return 0;
    ARENA_GROW(r->a, r->anchors, r->n_anchors, r->cap_anchors, struct anchor);
    r->anchors[r->n_anchors].name = arena_str(r->a, str_of((const char *)name));
    r->anchors[r->n_anchors++].node = NULL;
    return r->n_anchors;
}

static int alias(struct reader *r, const yaml_event_t *ev, const struct tree **out)
{
    struct str name = str_of((const char *)ev->data.alias.anchor);
    const struct anchor *anchor = find_anchor(r, name);
    struct place at = place_of(r, ev->start_mark);

    if (anchor == NULL)
        return fail(r, FER_EINVAL, at, "unknown anchor '" STR_FMT "' referenced", STR_ARG(name));
    if (anchor->node == NULL)
        return fail(r, FER_EINVAL, at, "anchor '" STR_FMT "' value contains itself", STR_ARG(name));
    r->n_nodes += anchor->node->size;
    if (r->n_nodes > TREE_MAX_NODES)
        return fail(r, FER_ELIMIT, at, "aliases make it more than %d nodes", TREE_MAX_NODES);
    *out = anchor->node;
    return 0;
}

static int compose(struct reader *r, const yaml_event_t *ev, int depth, const struct tree **out)
{
    const unsigned char *name = ev->type == YAML_SCALAR_EVENT ? ev->data.scalar.anchor
                                : ev->type == YAML_MAPPING_START_EVENT
                                    ? ev->data.mapping_start.anchor
                                    : ev->data.sequence_start.anchor;
    struct tree *t;
    size_t anchor;
    int rc = 0;

    if (ev->type == YAML_ALIAS_EVENT)
        return alias(r, ev, out);
    t = arena_new(r->a, struct tree);
    t->at = place_of(r, ev->start_mark);
    t->size = 1;
    anchor = add_anchor(r, name);
    if (depth > TREE_MAX_DEPTH)
        return fail(r, FER_ELIMIT, t->at, "more than %d levels deep", TREE_MAX_DEPTH);
    if (++r->n_nodes > TREE_MAX_NODES)
        return fail(r, FER_ELIMIT, t->at, "more than %d nodes", TREE_MAX_NODES);
    if (r->n_anchors > TREE_MAX_ANCHORS)
        return fail(r, FER_ELIMIT, t->at, "more than %d anchors", TREE_MAX_ANCHORS);
    if (ev->type == YAML_SCALAR_EVENT)
        scalar(r, ev, t);
    else
        rc = ev->type == YAML_SEQUENCE_START_EVENT ? list(r, depth + 1, t)
                                                   : mapping(r, depth + 1, t);
    if (rc < 0)
        return rc;
    if (anchor > 0)
        r->anchors[anchor - 1].node = t;
    *out = t;
    return 0;
}

/* ---- the file --------------------------------------------------------------------------- */

static int read_documents(struct reader *r, struct tree_docs *out)
{
    for (;;) {
        const struct tree *root = NULL;
        yaml_event_type_t type;
        yaml_event_t ev;
        bool ended;
        int rc = next_event(r, &ev);

        if (rc < 0)
            return rc;
        type = ev.type;
        yaml_event_delete(&ev);
        if (type == YAML_STREAM_END_EVENT)
            return 0;
        if (type != YAML_DOCUMENT_START_EVENT)
            continue;
        r->n_anchors = 0;
        rc = compose_next(r, 0, YAML_NO_EVENT, &ended, &root);
        if (rc < 0)
            return rc;
        if (root->kind == TREE_NULL)
            continue;
        ARENA_GROW(r->a, out->v, out->n, out->cap, const struct tree *);
        out->v[out->n++] = root;
    }
}

int autoscale__tree_read(struct arena *a, struct str text, const char *file,
                         struct complaints *complaints, struct tree_docs *out, struct fault *f)
{
    struct reader r = {.a = a, .file = file, .complaints = complaints, .f = f};
    int rc;

    if (text.n > TREE_MAX_BYTES)
        return fault_set(f, FER_ELIMIT, 0, "%s: larger than %d MB", file, TREE_MAX_BYTES >> 20);
    if (!yaml_parser_initialize(&r.parser))
        return fault_set(f, FER_ELIMIT, 0, "%s: out of memory", file);
    r.src = hide_braces(&r, text);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(r.src.p ? r.src.p : ""),
                                 r.src.n);
    rc = read_documents(&r, out);
    yaml_parser_delete(&r.parser);
    return rc;
}

const struct tree *autoscale__tree_get(const struct tree *map, const char *key)
{
    if (map == NULL || map->kind != TREE_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (str_is(map->pairs[i].key.s, key))
            return map->pairs[i].value;
    return NULL;
}

const char *autoscale__tree_type(const struct tree *t)
{
    static const char *const names[] = {"null",   "boolean", "integer", "number",
                                        "string", "array",   "object"};

    return names[t->kind];
}
