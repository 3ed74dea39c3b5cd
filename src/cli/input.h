/*
 * input.h - a file or stdin, read in pieces that end with lines; any size, memory for one piece.
 */
#ifndef FERULA_CLI_INPUT_H
#define FERULA_CLI_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "ferula/base/buf.h"
#include "ferula/base/err.h"
#include "ferula/base/str.h"

struct input {
    const char *name; /* borrowed; "stdin" for "-" */
    int fd;
    struct buf buf;
    size_t at; /* what of buf was handed out */
    bool ended;
    uint64_t n_read;  /* bytes */
    uint64_t n_lines; /* handed out */
};

/* FER_EIO. Ended by cli__input_close() in any case. */
int cli__input_open(struct input *in, const char *path, struct fault *f);
void cli__input_close(struct input *in);

/* The beginning, for a look; at most some kilobytes. Nothing is handed out. */
int cli__input_peek(struct input *in, struct str *out, struct fault *f);

/* The next line without its end; it is valid until the next call. 1: there is none. FER_ELIMIT: it
 * is longer than can be. */
int cli__input_line(struct input *in, struct str *out, struct fault *f);

/*
 * Whole lines, about `n` bytes; never comments ("#...") at their end unless that is the end of the
 * file, so that those of one metric family stay together. 1: there are none.
 */
int cli__input_lines(struct input *in, size_t n, struct str *out, struct fault *f);

/* Whether a file that begins so holds JSON: an object begins with a name and a colon, a series of
 * OpenMetrics in braces does not. */
bool cli__looks_like_json(struct str s);

#endif
