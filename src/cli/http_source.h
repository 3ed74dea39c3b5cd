/*
 * http_source.h - series of a server of Prometheus' API as a source: found by /api/v1/series, read
 * by queries of ranges. One thread.
 *
 * The API gives raw floats, but no stale markers, no start timestamps and no native histograms as
 * they are stored. A series that has a sample in the last 5 minutes of a range and that the server
 * leaves out at its end is given a marker after that sample.
 */
#ifndef FERULA_CLI_HTTP_SOURCE_H
#define FERULA_CLI_HTTP_SOURCE_H

#include "client.h"
#include "ferula/model/source.h"

struct http_source;

/* `url` is the server's; headers are borrowed. */
struct http_source *cli__http_source_new(const char *url, const struct config_list *headers,
                                         dur_ms timeout);
void cli__http_source_free(struct http_source *hs);
struct source *cli__http_source_base(struct http_source *hs);

/* The first request that failed: an exit code, and f->text; CLI__OK: none. */
int cli__http_source_failed(const struct http_source *hs, struct fault *f);
/* Native histograms were left out. */
bool cli__http_source_skipped(const struct http_source *hs);

#endif
