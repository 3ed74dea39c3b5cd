/*
 * shape.h - checks messages whose contents are not used yet against a table of their fields.
 */
#ifndef INGEST_SHAPE_H
#define INGEST_SHAPE_H

#include "wire.h"

struct shape;

extern const struct shape ingest__exemplar_shape, ingest__histogram_shape;

/* FER_EINVAL when `body` is not a well-formed message of that shape. Cost: linear. */
int ingest__shape_check(struct wire body, const struct shape *shape);

#endif
