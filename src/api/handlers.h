/*
 * handlers.h - the handlers that the table of routes in api.c names, by file.
 */
#ifndef API_HANDLERS_H
#define API_HANDLERS_H

#include "api.h"

/* query.c */
int api__query(struct http_req *req);
int api__query_range(struct http_req *req);

/* exemplars.c */
int api__query_exemplars(struct http_req *req);

/* read.c */
int api__read(struct http_req *req);

/* federate.c */
int api__federate(struct http_req *req);

/* format.c */
int api__format_query(struct http_req *req);
int api__parse_query(struct http_req *req);

/* series.c */
int api__series(struct http_req *req);
int api__label_names(struct http_req *req);
int api__label_values(struct http_req *req);

/* metadata.c */
int api__metadata(struct http_req *req);

/* status.c */
int api__status_buildinfo(struct http_req *req);
int api__status_runtimeinfo(struct http_req *req);
int api__status_flags(struct http_req *req);
int api__status_tsdb(struct http_req *req);
int api__features(struct http_req *req);
int api__version(struct http_req *req);

/* constant.c */
int api__constant(struct http_req *req);
int api__targets(struct http_req *req);
int api__rules(struct http_req *req);
int api__no_content(struct http_req *req);

/* admin.c */
int api__admin_delete(struct http_req *req);
int api__admin_clean(struct http_req *req);
int api__admin_snapshot(struct http_req *req);
int api__reset(struct http_req *req);

/* polls_list.c */
int api__polls(struct http_req *req);

/* fault_rules.c */
int api__faults_add(struct http_req *req);
int api__faults_list(struct http_req *req);
int api__faults_delete(struct http_req *req);

/* tsdb_analyze.c */
int api__tsdb_analyze(struct http_req *req);

/* tsdb_dump.c */
int api__tsdb_dump(struct http_req *req);

/* metrics.c */
int api__metrics(struct http_req *req);

/* root.c */
int api__index(struct http_req *req);
int api__healthy(struct http_req *req);
int api__ready(struct http_req *req);
int api__lifecycle(struct http_req *req);

#endif
