/*
 * import_text.c - JSON lines and OpenMetrics as they are read. A line that is malformed is told and
 * left out; the others go on.
 */
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/base/clock.h"
#include "import.h"

#define BATCH_SAMPLES 10000
#define PIECE_BYTES   (1u << 20)

static const char eof_line[] = "# EOF\n";

/* ---- JSON lines ------------------------------------------------------------------------- */

static int send_batch(struct import *im)
{
    int rc = cli__import_send(im, im->series, im->n_series, NULL, 0);

    arena_reset(&im->arena);
    im->series = NULL;
    im->n_series = im->cap_series = im->n_samples = 0;
    return rc;
}

static void take_line(struct import *im, struct str line)
{
    struct ingest_series s;
    struct fault f;

    if (str_trim(line).n == 0)
        return;
    if (ingest_parse_jsonl(&im->arena, line, &s, &f) < 0) {
        cli__import_fault(im, "%s: line %llu: %s", im->in->name,
                          (unsigned long long)im->in->n_lines, f.text);
        return;
    }
    if (s.n_samples + s.n_hists == 0)
        return;
    ARENA_GROW(&im->arena, im->series, im->n_series, im->cap_series, struct ingest_series);
    im->series[im->n_series++] = s;
    im->n_samples += s.n_samples + s.n_hists;
}

int cli__import_jsonl(struct import *im)
{
    struct fault f;
    struct str line;
    int rc, exit_code = CLI__OK;

    while (exit_code == CLI__OK && (rc = cli__input_line(im->in, &line, &f)) == 0) {
        take_line(im, line);
        if (im->n_samples >= BATCH_SAMPLES || im->arena.used_bytes > PIECE_BYTES * 16)
            exit_code = send_batch(im);
    }
    if (exit_code == CLI__OK && rc < 0) {
        cli__import_fault(im, "%s", f.text);
        exit_code = CLI__FAILED;
    }
    /* Also after a fault of reading: what was read before it is good. */
    if (im->n_series > 0 && (exit_code == CLI__OK || rc < 0)) {
        int sent = send_batch(im);

        exit_code = exit_code == CLI__OK ? sent : exit_code;
    }
    return exit_code;
}

/* ---- OpenMetrics ------------------------------------------------------------------------ */

struct om {
    struct import *im;
    struct buf piece; /* the lines at hand, with an end */
    uint64_t line;    /* number of the first of them */
    ts_ms now;
    bool ended; /* # EOF was there */
};

/* Where a line "# EOF" begins; text.n: there is none. */
static size_t find_eof(struct str text)
{
    for (size_t at = 0; at < text.n;) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        size_t n = (end == NULL ? text.n : (size_t)(end - text.p)) - at;

        if (text.p[at] == '#' && str_is(str_trim((struct str){text.p + at, n}), "# EOF"))
            return at;
        at += n + 1;
    }
    return text.n;
}

static size_t count_lines(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n;
}

/* Parses lines that have no end of their own. */
static int parse(struct om *om, struct str lines, struct ingest_text *out, struct fault *f)
{
    buf_reset(&om->piece);
    buf_add_str(&om->piece, lines);
    if (lines.n > 0 && lines.p[lines.n - 1] != '\n')
        buf_putc(&om->piece, '\n');
    buf_puts(&om->piece, eof_line);
    arena_reset(&om->im->arena);
    return ingest_parse_text(&om->im->arena, buf_str(&om->piece), INGEST_TEXT_OPENMETRICS, om->now,
                             out, f);
}

/* The text of a fault without "line N: ", which counts from the wrong line. */
static const char *without_line(const char *text)
{
    const char *colon = strchr(text, ':');

    return strncmp(text, "line ", 5) == 0 && colon != NULL ? colon + 2 : text;
}

/* Sends these lines, but for malformed ones. */
static int take_lines(struct om *om, struct str rest)
{
    int rc = CLI__OK;

    while (rc == CLI__OK && rest.n > 0) {
        struct ingest_text text = {0};
        struct str good = rest;
        size_t bad = 0; /* bytes of the line that is left out */
        struct fault f;

        if (parse(om, rest, &text, &f) < 0) {
            size_t at = MIN(f.at, rest.n - 1);
            const char *before = memrchr(rest.p, '\n', at);
            const char *end = memchr(rest.p + at, '\n', rest.n - at);

            good.n = before == NULL ? 0 : (size_t)(before + 1 - rest.p);
            bad = (end == NULL ? rest.n : (size_t)(end + 1 - rest.p)) - good.n;
            cli__import_fault(om->im, "%s: line %llu: %s", om->im->in->name,
                              (unsigned long long)om->line + count_lines(good),
                              without_line(f.text));
            if (parse(om, good, &text, &f) < 0)
                return CLI__FAILED; /* a promise of the parser: faults come in order */
        }
        rc = cli__import_send(om->im, text.series, text.n_series, text.metadata, text.n_metadata);
        om->line += count_lines((struct str){rest.p, good.n + bad});
        rest = str_cut(rest, good.n + bad);
    }
    return rc;
}

static int take_piece(struct om *om, struct str piece)
{
    size_t eof = find_eof(piece);
    int rc;

    if (om->ended && str_trim(piece).n > 0) {
        cli__import_fault(om->im, "%s: data after # EOF", om->im->in->name);
        return CLI__FAILED;
    }
    rc = take_lines(om, (struct str){piece.p, eof});
    if (rc != CLI__OK || eof == piece.n)
        return rc;
    om->ended = true;
    piece = str_cut(piece, eof + sizeof(eof_line) - 2);
    return take_piece(om, piece);
}

int cli__import_openmetrics(struct import *im)
{
    struct om om = {.im = im, .line = 1, .now = clock_now_ms(clock_system())};
    int rc = 0, exit_code = CLI__OK;
    struct str piece;
    struct fault f;

    while (exit_code == CLI__OK && (rc = cli__input_lines(im->in, PIECE_BYTES, &piece, &f)) == 0)
        exit_code = take_piece(&om, piece);
    if (exit_code == CLI__OK && rc < 0) {
        cli__import_fault(im, "%s", f.text);
        exit_code = CLI__FAILED;
    } else if (exit_code == CLI__OK && !om.ended) {
        cli__import_fault(im,
                          "%s: does not end with # EOF: it was cut short, or is text exposition, "
                          "which ferula push sends",
                          im->in->name);
    }
    buf_release(&om.piece);
    return exit_code;
}
