/*
 * aliases.tbl.h - names of Prometheus' own metrics for counters of ferula, a row each. Not a
 * header: included by metrics.c only.
 */
// clang-format off
ALIAS("prometheus_engine_queries", "gauge", "", QUERIES_RUNNING, "The current number of queries being executed or waiting.")
ALIAS("prometheus_engine_query_samples_total", "counter", "", QUERY_SAMPLES, "The total number of samples loaded by all queries (full window per step for range-vector).")
ALIAS("prometheus_engine_query_samples_read_total", "counter", "", QUERY_SAMPLES_READ, "The total number of samples read by all queries (only new points per step for range-vector).")
ALIAS("prometheus_tsdb_head_series", "gauge", "", SERIES, "Total number of series in the head block.")
ALIAS("prometheus_tsdb_head_series_created_total", "counter", "", SERIES_CREATED, "Total number of series created in the head")
ALIAS("prometheus_tsdb_head_samples_appended_total", "counter", "{type=\"float\"}", SAMPLES_APPENDED, "Total number of appended samples.")
ALIAS("prometheus_tsdb_out_of_bound_samples_total", "counter", "{type=\"float\"}", SAMPLES_OUT_OF_BOUNDS, "Total number of out of bound samples ingestion failed attempts with out of order support disabled.")
ALIAS("prometheus_tsdb_out_of_order_samples_total", "counter", "{type=\"float\"}", SAMPLES_OUT_OF_ORDER, "Total number of out of order samples ingestion failed attempts due to out of order being disabled.")
// clang-format on
