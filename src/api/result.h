/*
 * result.h - query results as JSON, number by number as Prometheus prints them.
 */
#ifndef API_RESULT_H
#define API_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "ferula/base/json.h"
#include "ferula/promql.h"

/*
 * Writes "resultType":...,"result":... into an open object. At most `limit` series when not 0; true
 * when some were left out.
 */
bool api__result(struct json *j, const struct promql_result *res, size_t limit);

#endif
