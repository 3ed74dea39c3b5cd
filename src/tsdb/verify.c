/*
 * verify.c - a check of the data file before LMDB opens it.
 *
 * LMDB has no checksums and trusts its file: a damaged page number or offset makes it read or write
 * outside its pages. So every page of its trees is checked here for what LMDB relies on: it is
 * inside the file, used once, of the right kind, its nodes lie inside it, and keys ascend. The list
 * of free pages must not name a page in use. That is the skeleton, and what passes cannot make LMDB
 * stray; a fault in it is reported, with the place.
 *
 * Rows that have a page of their own, nearly all bytes of a store, are not touched by it: the
 * number of the page is checked, and its head and the row's CRC when the row is read (tables.c). So
 * a start does not grow with the samples kept. The whole check reads those pages, too, and the CRC
 * of every row: about 1 GB/s.
 *
 * The file is mapped read-only for the time of the check, while only the lock file of the folder is
 * held.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lmdb_format.h"
#include "store.h"

#include "ferula/base/check.h"
#include "ferula/base/mem.h"

#define DEPTH_MAX 32 /* LMDB's own */

/* Pages past the end of the file: LMDB's limit on what one transaction holds, twice. */
#define UNWRITTEN_PAGES_MAX (2 * 131072)

struct checking {
    const char *path;
    const uint8_t *file;
    uint64_t n_bytes, page_bytes;
    uint64_t n_pages; /* up to the last page that LMDB gave out */
    uint8_t *used;    /* a bit a page */
    uint32_t version; /* of the store's format */
    bool whole;       /* all rows and pages of their own, not the skeleton only */
    struct fault *f;
};

/* One tree on its way through the check, in the order of its keys. */
struct tree {
    struct checking *ck;
    const char *name;
    const struct lmdb_db *db;
    bool integer_keys;
    bool skips_rows; /* looks at where they lie only */
    uint64_t n_branch, n_leaf, n_overflow, n_entries;
    struct str last;      /* the newest key seen; p NULL: none */
    struct str separator; /* no later key may be smaller */
    int (*row)(struct tree *t, struct str key, struct str value, unsigned flags);
};

static int broken(struct checking *ck, const char *tree, uint64_t page, const char *what)
{
    return fault_set(ck->f, FER_ECORRUPT, 0,
                     "%s is damaged: %s (table %s, page %llu); restore it from a copy, or move it "
                     "away to start empty",
                     ck->path, what, tree, (unsigned long long)page);
}

/* Marks pages as used; false when they are outside the file or used twice. */
static bool use_pages(struct checking *ck, uint64_t page, uint64_t n)
{
    if (page < LMDB_META_PAGES || page >= ck->n_pages || n > ck->n_pages - page)
        return false;
    if ((page + n) * ck->page_bytes > ck->n_bytes)
        return false;
    for (; n > 0; n--, page++) {
        if ((ck->used[page / 8] >> (page % 8) & 1) != 0)
            return false;
        ck->used[page / 8] |= (uint8_t)(1u << (page % 8));
    }
    return true;
}

static const uint8_t *page_at(const struct checking *ck, uint64_t page)
{
    return ck->file + page * ck->page_bytes;
}

static struct lmdb_page page_head(const struct checking *ck, uint64_t page)
{
    struct lmdb_page head;

    memcpy(&head, page_at(ck, page), sizeof(head));
    return head;
}

static int key_cmp(const struct tree *t, struct str a, struct str b)
{
    uint64_t x = 0, y = 0;

    if (!t->integer_keys || a.n > 8 || b.n > 8)
        return str_cmp(a, b);
    memcpy(&x, a.p, a.n);
    memcpy(&y, b.p, b.n);
    return x < y ? -1 : x > y;
}

/* A node of a page as found: where its parts are, once they are known to lie inside the page. */
struct node {
    struct lmdb_node head;
    struct str key;
    const uint8_t *data;
    size_t room; /* bytes from data to the end of the page */
};

static bool read_node(struct tree *t, uint64_t page, unsigned i, unsigned upper, struct node *out)
{
    const uint8_t *p = page_at(t->ck, page);
    uint16_t at;
    size_t left;

    memcpy(&at, p + sizeof(struct lmdb_page) + 2 * i, sizeof(at));
    if (at < upper || at + sizeof(out->head) > t->ck->page_bytes || at % 2 != 0)
        return false;
    memcpy(&out->head, p + at, sizeof(out->head));
    left = t->ck->page_bytes - at - sizeof(out->head);
    if (out->head.n_key > left)
        return false;
    out->key = (struct str){(const char *)p + at + sizeof(out->head), out->head.n_key};
    out->data = p + at + sizeof(out->head) + out->head.n_key;
    out->room = left - out->head.n_key;
    return true;
}

static int check_order(struct tree *t, uint64_t page, struct str key)
{
    if (key.n == 0 || key.n > LMDB_KEY_MAX || (t->integer_keys && key.n != 4 && key.n != 8))
        return broken(t->ck, t->name, page, "a key has a wrong length");
    if (t->last.p != NULL && key_cmp(t, t->last, key) >= 0)
        return broken(t->ck, t->name, page, "keys are not in order");
    if (t->separator.p != NULL && key_cmp(t, t->separator, key) > 0)
        return broken(t->ck, t->name, page, "a key is on a wrong page");
    t->last = key;
    t->separator = (struct str){0};
    t->n_entries++;
    return 0;
}

/* The pages of a row that is too large for its leaf; sets *value to what they hold. */
static int check_own_pages(struct tree *t, uint64_t page, const struct node *nd, struct str *value)
{
    uint64_t first, n_pages;
    struct lmdb_page head;

    if (nd->room < sizeof(first))
        return broken(t->ck, t->name, page, "a row lies outside its page");
    memcpy(&first, nd->data, sizeof(first));
    n_pages = (sizeof(head) + value->n + t->ck->page_bytes - 1) / t->ck->page_bytes;
    if (!use_pages(t->ck, first, n_pages))
        return broken(t->ck, t->name, page, "a row points to a wrong page");
    t->n_overflow += n_pages;
    value->p = (const char *)page_at(t->ck, first) + sizeof(head);
    if (t->skips_rows)
        return n_pages == 1 ? 0 : broken(t->ck, t->name, page, "a row is too large");
    head = page_head(t->ck, first);
    return head.number == first && head.flags == LMDB_OVERFLOW && head.n_pages == n_pages
               ? 0
               : broken(t->ck, t->name, first, "the head of a page is wrong");
}

static int check_leaf(struct tree *t, uint64_t page, const struct node *nd)
{
    struct str value = {(const char *)nd->data, lmdb_node_size(&nd->head)};
    int rc = check_order(t, page, nd->key);

    if (rc == 0 && (nd->head.flags & LMDB_BIGDATA) != 0)
        rc = check_own_pages(t, page, nd, &value);
    else if (rc == 0 && value.n > nd->room)
        rc = broken(t->ck, t->name, page, "a row lies outside its page");
    if (rc < 0)
        return rc;
    if (t->skips_rows)
        return (nd->head.flags & ~LMDB_BIGDATA) == 0
                   ? 0
                   : broken(t->ck, t->name, page, "the kind of a row is wrong");
    rc = t->row(t, nd->key, value, nd->head.flags & ~LMDB_BIGDATA);
    return rc == FER_ECORRUPT && t->ck->f->text[0] == '\0'
               ? broken(t->ck, t->name, page, "a row fails its checksum")
               : rc;
}

static int check_page(struct tree *t, uint64_t page, unsigned depth);

static int check_branch(struct tree *t, const struct node *nd, unsigned i, unsigned depth)
{
    if (i > 0) {
        if (t->last.p != NULL && key_cmp(t, t->last, nd->key) >= 0)
            return broken(t->ck, t->name, lmdb_node_child(&nd->head), "keys are not in order");
        t->separator = nd->key;
    }
    return check_page(t, lmdb_node_child(&nd->head), depth + 1);
}

/* Recursive; LMDB's trees are at most DEPTH_MAX deep. */
static int check_page(struct tree *t, uint64_t page, unsigned depth)
{
    bool leaf = depth == t->db->depth;
    struct lmdb_page head;
    unsigned n;
    int rc = 0;

    if (!use_pages(t->ck, page, 1))
        return broken(t->ck, t->name, page, "a page is used twice or outside the file");
    head = page_head(t->ck, page);
    if (head.number != page || head.flags != (leaf ? LMDB_LEAF : LMDB_BRANCH))
        return broken(t->ck, t->name, page, "the head of a page is wrong");
    if (head.lower < sizeof(head) || head.lower > head.upper || head.upper > t->ck->page_bytes ||
        head.lower % 2 != 0)
        return broken(t->ck, t->name, page, "the bounds of a page are wrong");
    n = (unsigned)(head.lower - sizeof(head)) / 2;
    if (n < (leaf ? 1 : 2))
        return broken(t->ck, t->name, page, "a page is empty");
    *(leaf ? &t->n_leaf : &t->n_branch) += 1;
    for (unsigned i = 0; i < n && rc == 0; i++) {
        struct node nd;

        if (!read_node(t, page, i, head.upper, &nd))
            return broken(t->ck, t->name, page, "a row lies outside its page");
        rc = leaf ? check_leaf(t, page, &nd) : check_branch(t, &nd, i, depth);
    }
    return rc;
}

static int check_tree(struct tree *t)
{
    const struct lmdb_db *db = t->db;
    int rc;

    t->integer_keys = (db->flags & MDB_INTEGERKEY) != 0;
    if (db->root == LMDB_NO_PAGE)
        return db->depth == 0 && db->n_entries == 0
                   ? 0
                   : broken(t->ck, t->name, 0, "an empty table has rows");
    if (db->depth == 0 || db->depth > DEPTH_MAX)
        return broken(t->ck, t->name, db->root, "the depth of a table is wrong");
    rc = check_page(t, db->root, 1);
    if (rc < 0)
        return rc;
    if (t->n_branch != db->n_branch || t->n_leaf != db->n_leaf || t->n_overflow != db->n_overflow ||
        t->n_entries != db->n_entries)
        return broken(t->ck, t->name, db->root, "the size of a table is wrong");
    return 0;
}

static int check_row(struct tree *t, struct str key, struct str value, unsigned flags)
{
    MDB_val k = {key.n, (void *)(uintptr_t)key.p}, v = {value.n, (void *)(uintptr_t)value.p};
    struct tsdb__in body;

    (void)t;
    return flags != 0 ? FER_ECORRUPT : tsdb__unseal(&k, &v, &body);
}

/* A list of free pages: its length, then page numbers in descending order. */
static int check_free_row(struct tree *t, struct str key, struct str value, unsigned flags)
{
    uint64_t n, before = UINT64_MAX;

    if (flags != 0 || key.n != 8 || value.n < 8 || value.n % 8 != 0)
        return FER_ECORRUPT;
    memcpy(&n, value.p, 8);
    if (n >= value.n / 8)
        return FER_ECORRUPT;
    for (uint64_t i = 1; i <= n; i++) {
        uint64_t page;

        memcpy(&page, value.p + 8 * i, 8);
        if (page >= before || page < LMDB_META_PAGES || page >= t->ck->n_pages)
            return FER_ECORRUPT;
        before = page;
        /* Pages past the end of the file may be free: the file was never written that far. */
        if ((t->ck->used[page / 8] >> (page % 8) & 1) != 0)
            return FER_ECORRUPT;
        t->ck->used[page / 8] |= (uint8_t)(1u << (page % 8));
    }
    return 0;
}

/* The tables that the main tree names, as it is walked. */
struct main_tree {
    struct tree base;
    struct lmdb_db dbs[N_TABLES];
    bool has[N_TABLES];
    bool foreign;
};

static int check_main_row(struct tree *t, struct str key, struct str value, unsigned flags)
{
    struct main_tree *m = (struct main_tree *)t;

    for (size_t i = 0; i < N_TABLES; i++) {
        if (!str_is(key, tsdb__tables[i].name))
            continue;
        if (flags != LMDB_SUBDATA || value.n != sizeof(struct lmdb_db))
            return FER_ECORRUPT;
        memcpy(&m->dbs[i], value.p, sizeof(struct lmdb_db));
        m->has[i] = true;
        return 0;
    }
    m->foreign = true;
    return 0;
}

/* The version of the file, from the one row of T_META. */
static int check_meta_row(struct tree *t, struct str key, struct str value, unsigned flags)
{
    struct tsdb__in in = tsdb__in_of(value.p, value.n);
    uint32_t version;

    if (check_row(t, key, value, flags) < 0)
        return FER_ECORRUPT;
    if (!str_is(key, TSDB__META_KEY))
        return 0;
    (void)tsdb__in_le(&in, TSDB__CRC_BYTES);
    version = (uint32_t)tsdb__in_le(&in, 4);
    t->ck->version = version;
    if (version > TSDB__FORMAT_VERSION || version == 0)
        return fault_set(t->ck->f, FER_EFORMAT, 0,
                         "%s has format %u, and this ferula knows formats up to %d; use a newer "
                         "ferula or another folder",
                         t->ck->path, version, TSDB__FORMAT_VERSION);
    return 0;
}

static int check_tables(struct checking *ck, const struct main_tree *m)
{
    for (size_t i = 0; i < N_TABLES; i++) {
        struct tree t = {.ck = ck, .name = tsdb__tables[i].name, .db = &m->dbs[i]};
        int rc;

        if (!m->has[i] && ck->version < tsdb__tables[i].since)
            continue;
        if (!m->has[i])
            return broken(ck, t.name, 0, "a table is missing");
        if (m->dbs[i].flags != tsdb__tables[i].flags)
            return broken(ck, t.name, 0, "the kind of a table is wrong");
        t.row = i == T_META ? check_meta_row : check_row;
        t.skips_rows = i != T_META && !ck->whole;
        rc = check_tree(&t);
        if (rc < 0)
            return rc;
        if (i == T_META && t.n_entries == 0)
            return broken(ck, t.name, 0, "a row is missing");
    }
    return m->foreign ? broken(ck, "main", 0, "there is an unknown table") : 0;
}

static int foreign(struct checking *ck, const char *why)
{
    return fault_set(ck->f, FER_EFORMAT, 0, "%s is not a data file of ferula: %s", ck->path, why);
}

/*
 * Every commit but the first frees pages and lists them under its number, so the last key of the
 * list says which commit a meta page is of. False when it says another one. Pages that do not look
 * right are left to the check of the trees.
 */
static bool is_of_commit(const struct checking *ck, const struct lmdb_meta *meta)
{
    struct tree t = {0};
    struct checking copy = *ck;
    uint64_t page = meta->dbs[LMDB_FREE].root, newest;

    t.ck = &copy;
    if (meta->txn < 2)
        return true;
    for (unsigned depth = meta->dbs[LMDB_FREE].depth; depth > 0 && depth <= DEPTH_MAX; depth--) {
        struct lmdb_page head;
        struct node nd;

        if (page < LMDB_META_PAGES || page >= ck->n_bytes / ck->page_bytes)
            return true;
        head = page_head(ck, page);
        if (head.lower < sizeof(head) + 2 || head.lower > ck->page_bytes ||
            !read_node(&t, page, (unsigned)(head.lower - sizeof(head)) / 2 - 1, 0, &nd))
            return true;
        page = lmdb_node_child(&nd.head);
        if (depth == 1 && nd.key.n == sizeof(newest)) {
            memcpy(&newest, nd.key.p, sizeof(newest));
            return newest == meta->txn;
        }
    }
    return meta->dbs[LMDB_FREE].root != LMDB_NO_PAGE;
}

/* The meta page that LMDB will take, when both are sound. */
static int pick_meta(struct checking *ck, struct lmdb_meta *out)
{
    struct lmdb_meta meta[LMDB_META_PAGES];

    if (ck->n_bytes < sizeof(struct lmdb_page) + sizeof(*meta))
        return foreign(ck, "it is too short");
    memcpy(&meta[0], ck->file + sizeof(struct lmdb_page), sizeof(*meta));
    if (meta[0].magic != LMDB_MAGIC || meta[0].version != LMDB_VERSION)
        return foreign(ck, "it does not start like one");
    ck->page_bytes = meta[0].dbs[LMDB_FREE].pad;
    if (ck->page_bytes < 4096 || ck->page_bytes > 65536 ||
        (ck->page_bytes & (ck->page_bytes - 1)) != 0 ||
        ck->n_bytes < LMDB_META_PAGES * ck->page_bytes)
        return broken(ck, "meta", 0, "the size of its pages is wrong, or it was cut short");
    for (unsigned i = 0; i < LMDB_META_PAGES; i++) {
        struct lmdb_page head = page_head(ck, i);

        memcpy(&meta[i], page_at(ck, i) + sizeof(head), sizeof(*meta));
        if (head.number != i || head.flags != LMDB_META || meta[i].magic != LMDB_MAGIC ||
            meta[i].version != LMDB_VERSION || meta[i].dbs[LMDB_FREE].pad != ck->page_bytes)
            return broken(ck, "meta", i, "the head of the file is wrong");
        if ((meta[i].dbs[LMDB_FREE].flags & ~LMDB_ENV_NOSUBDIR) != MDB_INTEGERKEY ||
            meta[i].dbs[LMDB_MAIN].flags != 0)
            return broken(ck, "meta", i, "the head of the file is wrong");
    }
    /* Commits take turns on the two pages, so their numbers say which is where. */
    if (meta[0].txn % 2 != 0 || (meta[1].txn % 2 != 1 && meta[1].txn != 0) ||
        meta[0].txn + 1 < meta[1].txn || meta[1].txn + 1 < meta[0].txn)
        return broken(ck, "meta", 0, "the numbers of its commits are wrong");
    *out = meta[meta[0].txn < meta[1].txn];
    /* The other one is not asked: a commit that failed in its last step leaves it with the new
     * tables and the old number. */
    return is_of_commit(ck, out) ? 0
                                 : broken(ck, "meta", 0, "the numbers of its commits are wrong");
}

static int check_file(struct checking *ck)
{
    struct lmdb_meta meta;
    struct main_tree m = {
        .base = {.ck = ck, .name = "main", .row = check_main_row}
    };
    struct tree list = {.ck = ck, .name = "free", .row = check_free_row};
    int rc = pick_meta(ck, &meta);

    if (rc < 0)
        return rc;
    /* Every page was written once, but for those given out and freed again at the end; a bound on
     * them, for memory is taken by this number. */
    if (meta.last_page < 1 || meta.last_page > ck->n_bytes / ck->page_bytes + UNWRITTEN_PAGES_MAX)
        return broken(ck, "meta", 0, "the number of its pages is wrong");
    ck->n_pages = meta.last_page + 1;
    ck->used = xcalloc(ck->n_pages / 8 + 1, 1);
    m.base.db = &meta.dbs[LMDB_MAIN];
    rc = check_tree(&m.base);
    if (rc < 0)
        return rc;
    if (!m.has[T_META] && m.base.n_entries != 0)
        return foreign(ck, "it is another program's LMDB file");
    if (m.base.n_entries != 0)
        rc = check_tables(ck, &m);
    list.db = &meta.dbs[LMDB_FREE];
    return rc < 0 ? rc : check_tree(&list);
}

static int check_path(const char *path, bool whole, struct fault *f)
{
    struct fault own = {0};
    struct checking ck = {.path = path, .whole = whole, .f = f != NULL ? f : &own};
    int fd = open(path, O_RDWR | O_CLOEXEC), rc = 0;
    struct stat st;
    void *map = MAP_FAILED;

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = fault_set(f, FER_EIO, 0, "cannot open %s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        rc = fault_set(f, FER_EFORMAT, 0, "%s is not a file", path);
    } else if (st.st_size > 0) {
        ck.n_bytes = (uint64_t)st.st_size;
        map = mmap(NULL, ck.n_bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            rc = fault_set(f, FER_EIO, 0, "cannot map %s: %s", path, strerror(errno));
    }
    if (rc == 0 && map != MAP_FAILED) {
        ck.file = map;
        ck.f->text[0] = '\0';
        rc = check_file(&ck);
        free(ck.used);
    }
    if (map != MAP_FAILED)
        munmap(map, ck.n_bytes);
    if (fd >= 0)
        close(fd);
    return rc;
}

int tsdb__verify(const char *path, struct fault *f)
{
    return check_path(path, true, f);
}

int tsdb__verify_skeleton(const char *path, struct fault *f)
{
    return check_path(path, false, f);
}
