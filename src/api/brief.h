/*
 * brief.h - which queries are known to take next to no time.
 *
 * A scaler asks the same few queries for ever. What one took is remembered by a hash of its text,
 * so that a brief one can be answered on the I/O thread that read it, for less than it costs to
 * hand it to a worker and back. An unknown query counts as long.
 */
#ifndef API_BRIEF_H
#define API_BRIEF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferula/base/str.h"

#define API_BRIEF_KEPT 1024 /* power of two; a query takes the place of another in its slot */

/* What may be expected to take longer is no work for an I/O thread... */
#define API_BRIEF_EXPECTED_NS 200000
/* ... and this is where one that was expected to be brief is given up. */
#define API_BRIEF_MOST_NS 1000000

struct api__brief {
    _Atomic uint64_t slots[API_BRIEF_KEPT]; /* hash of the text above, nanoseconds below */
};

/* Any thread. */
bool api__brief_expect(struct api__brief *b, struct str query);
void api__brief_note(struct api__brief *b, struct str query, int64_t took_ns);

#endif
