/*
 * num.h - numbers as text, exactly as Go writes and reads them.
 *
 * No function here depends on the locale. Shortest means: the fewest digits that read back as the
 * same double (std::to_chars gives the digits, the layout is ours).
 */
#ifndef FERULA_BASE_NUM_H
#define FERULA_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/buf.h"
#include "ferula/base/str.h"

/* Longest text of num_format() in bytes: 'f' of the smallest denormal. */
#define NUM_TEXT_MAX 352

/*
 * strconv.FormatFloat(v, format, -1, 64) for format 'f', 'e' or 'g': bytes written; no NUL is
 * added. 'g' is also what Go's %v and %g print: with an exponent below 1e-04 and from 1e+06 on.
 * NaN, +Inf, -Inf.
 */
size_t num_format(char out[NUM_TEXT_MAX], double v, char format);

/* The value in a JSON sample: 'f', but 'e' below 1e-6 and from 1e21 (Prometheus' jsonutil). */
size_t num_format_sample(char out[NUM_TEXT_MAX], double v);

void buf_add_num(struct buf *b, double v, char format);
void buf_add_sample_value(struct buf *b, double v);

/*
 * strconv.ParseFloat(s, 64): decimal, hexadecimal float (1 as 0x1p0), inf and infinity in any case,
 * all with an optional sign, and nan without one. One underscore may stand between two digits. The
 * whole of s must be the number. False when malformed; a value out of range gives +-Inf and sets
 * *range (when range is not NULL), one too small to tell from zero gives +-0.
 */
bool num_parse(struct str s, double *out, bool *range);

#endif
