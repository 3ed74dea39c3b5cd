/*
 * load_series.h - series in the notation of Prometheus' tests, into a source in memory. Includes
 * what cmocka.h wants.
 */
#ifndef FERULA_TESTS_UNIT_LOAD_SERIES_H
#define FERULA_TESTS_UNIT_LOAD_SERIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ferula/promql.h"

struct loaded_line {
    struct labels labels;
    struct promql_series_value *v;
    size_t n;
};

static inline struct loaded_line parse_line(struct arena *a, struct str text)
{
    struct loaded_line l;
    struct fault f = {0};

    if (promql_parse_series(a, text, &l.labels, &l.v, &l.n, &f) != 0)
        fail_msg(STR_FMT ": %s", STR_ARG(text), f.text);
    return l;
}

/*
 * `text`: a line for each series, whose samples are `step` apart from 0 on. `starts`: the same
 * series in the same order, with their samples' start timestamps in seconds; or NULL.
 */
static inline void load_series(struct mem_source *ms, struct arena *a, const char *text,
                               dur_ms step, const char *starts)
{
    struct str lines = str_of(text), start_lines = str_of(starts == NULL ? "" : starts), line;

    while (str_split(&lines, '\n', &line)) {
        struct loaded_line l, start = {0};

        if (line.n == 0)
            continue;
        l = parse_line(a, line);
        if (starts != NULL) {
            str_split(&start_lines, '\n', &line);
            start = parse_line(a, line);
            assert_true(labels_eq(start.labels, l.labels) && start.n == l.n);
        }
        for (size_t i = 0; i < l.n; i++) {
            ts_ms from = starts == NULL || start.v[i].omitted ? 0 : (ts_ms)(start.v[i].v * 1000);

            if (!l.v[i].omitted)
                assert_int_equal(
                    mem_source_append(ms, l.labels, (ts_ms)i * step, from, l.v[i].v, l.v[i].h), 0);
        }
    }
}

#endif
