/*
 * write.h - the receivers' places in the table of routes, and what they share.
 */
#ifndef API_WRITE_H
#define API_WRITE_H

#include "api.h"

#define API_WRITE_PATH "/api/v1/write"
/* Where agents send to an Azure Monitor workspace's data collection endpoint. */
#define API_AZURE_WRITE_PATH                                                                       \
    "/dataCollectionRules/{dcr}/streams/Microsoft-PrometheusMetrics/api/v1/write"

#define API_OTLP_PATH "/api/v1/otlp/v1/metrics"

/* POST; runs on the I/O thread that has the body, and is finished by the store's writer thread. */
int api__write(struct http_req *req);
int api__otlp(struct http_req *req); /* otlp.c */

/* Judges OTLP's headers. Non-zero: the reply is an answer already; 0: *out is all but the body. */
int api__otlp_refuse(struct http_req *req, struct ingest_otlp *out);

/* Decodes the body and submits it; `otlp` is for INGEST_OTLP. What a handler returns. */
int api__write_body(struct http_req *req, enum ingest_protocol protocol,
                    const struct ingest_otlp *otlp);

#endif
