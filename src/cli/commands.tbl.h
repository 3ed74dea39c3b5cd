/*
 * commands.tbl.h - the commands, a row each, in the order of `ferula help`. Not a header: included
 * twice.
 */
// clang-format off
C(serve)
C(test)
C(explain)
C(lint)
C(simulate)
C(polls)
C(query_instant)
C(query_range)
C(query_series)
C(query_labels)
C(push)
C(tsdb_dump)
C(tsdb_import)
C(tsdb_analyze)
C(tsdb_verify)
C(tsdb_snapshot)
C(tsdb_restore)
C(tsdb_compact)
C(help)
C(version)
// clang-format on
