/*
 * write.h - the remote-write receiver's place in the table of routes.
 */
#ifndef API_WRITE_H
#define API_WRITE_H

#include "api.h"

#define API_WRITE_PATH "/api/v1/write"
/* Where agents send to an Azure Monitor workspace's data collection endpoint. */
#define API_AZURE_WRITE_PATH                                                                       \
    "/dataCollectionRules/{dcr}/streams/Microsoft-PrometheusMetrics/api/v1/write"

/* POST; runs on the I/O thread that has the body, and is finished by the store's writer thread. */
int api__write(struct http_req *req);

#endif
