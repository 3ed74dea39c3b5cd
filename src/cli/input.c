/*
 * input.c - a file or stdin, read in pieces that end with lines.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ferula/base/check.h"

#define READ_BYTES (256u << 10)
#define LINE_MAX   ((size_t)1 << 30)

int cli__input_open(struct input *in, const char *path, struct fault *f)
{
    bool standard = strcmp(path, "-") == 0;

    *in = (struct input){.name = standard ? "stdin" : path};
    in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return fault_set(f, FER_EIO, 0, "%s: %s", in->name, strerror(errno));
    return 0;
}

void cli__input_close(struct input *in)
{
    if (in->fd > STDIN_FILENO)
        close(in->fd);
    buf_release(&in->buf);
}

/* Reads on; what was handed out is void. */
static int fill(struct input *in, struct fault *f)
{
    ssize_t n;

    if (in->at > 0) {
        memmove(in->buf.p, in->buf.p + in->at, in->buf.n - in->at);
        in->buf.n -= in->at;
        in->at = 0;
    }
    if (in->buf.n >= LINE_MAX)
        return fault_set(f, FER_ELIMIT, 0, "%s: line %llu is longer than 1 GB", in->name,
                         (unsigned long long)in->n_lines + 1);
    buf_reserve(&in->buf, READ_BYTES);
    n = read(in->fd, in->buf.p + in->buf.n, READ_BYTES);
    if (n < 0)
        return fault_set(f, FER_EIO, 0, "%s: %s", in->name, strerror(errno));
    in->buf.n += (size_t)n;
    in->n_read += (size_t)n;
    in->ended = n == 0;
    return 0;
}

int cli__input_peek(struct input *in, struct str *out, struct fault *f)
{
    int rc = in->buf.n == 0 ? fill(in, f) : 0;

    if (rc == 0)
        *out = buf_str(&in->buf);
    return rc;
}

int cli__input_line(struct input *in, struct str *out, struct fault *f)
{
    size_t seen = 0;

    for (;;) {
        size_t left = in->buf.n - in->at;
        const char *from = buf_str(&in->buf).p + in->at;
        const char *end = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;
        int rc;

        if (end != NULL || in->ended) {
            out->p = from;
            out->n = end != NULL ? (size_t)(end - from) : left;
            in->at += out->n + (end != NULL);
            in->n_lines++;
            return end == NULL && left == 0;
        }
        seen = left;
        rc = fill(in, f);
        if (rc < 0)
            return rc;
    }
}

/* The whole lines at p[0..n), without comments at their end. */
static size_t whole_lines(const char *p, size_t n)
{
    const char *end = memrchr(p, '\n', n);

    while (end != NULL) {
        const char *before = memrchr(p, '\n', (size_t)(end - p));
        const char *line = before == NULL ? p : before + 1;

        if (*line != '#')
            return (size_t)(end + 1 - p);
        end = before;
    }
    return 0;
}

int cli__input_lines(struct input *in, size_t n, struct str *out, struct fault *f)
{
    for (;;) {
        size_t left = in->buf.n - in->at, found = left;
        const char *from = buf_str(&in->buf).p + in->at;
        int rc;

        if (!in->ended)
            found = left >= n ? whole_lines(from, left) : 0;
        if (found > 0 || in->ended) {
            *out = (struct str){from, found};
            in->at += found;
            return found == 0;
        }
        rc = fill(in, f);
        if (rc < 0)
            return rc;
    }
}

bool cli__looks_like_json(struct str s)
{
    size_t i = 1;

    s = str_trim(s);
    if (s.n == 0 || s.p[0] != '{')
        return false;
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
        i++;
    if (i == s.n || s.p[i] != '"')
        return false;
    for (i++; i < s.n && s.p[i] != '"';)
        i += s.p[i] == '\\' ? 2 : 1;
    for (i++; i < s.n && (s.p[i] == ' ' || s.p[i] == '\t');)
        i++;
    return i < s.n && s.p[i] == ':';
}
