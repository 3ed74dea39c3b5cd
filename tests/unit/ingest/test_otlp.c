/*
 * test_otlp.c - OTLP requests in, writes out. A case is a request in JSON with ' for ", and what is
 * made of it (see show.h); names have tables of their own.
 */
#include <zlib.h>

#include "ferula/base/check.h"
#include "ferula/ingest.h"

#include "bombs.h"
#include "message.h"
#include "otlp_names.h"
#include "show.h"
#include "stub_store.h"

static const struct ingest_opts plain = {
    .limits = {1u << 20, 6, 64, 64}
};
static const struct ingest_opts all = {
    .limits = {1u << 20, 6, 64, 64},
      .start_timestamps = true, .type_and_unit_labels = true
};

/* ---- names ------------------------------------------------------------------------------ */

#define COUNTER OTLP_SUM, true
#define UPDOWN  OTLP_SUM, false
#define GAUGE   OTLP_GAUGE, false

static const struct {
    const char *name, *unit;
    enum otlp_kind kind;
    bool monotonic;
    const char *want;
} metrics[] = {
    {"http.server.duration", "s", OTLP_HISTOGRAM,          false,                "http_server_duration_seconds"},
    {"requests.count",                      "1",          COUNTER,         "requests_count_total"            },
    {"memory.usage",                      "By",            GAUGE,          "memory_usage_bytes" },
    {"system.cpu.utilization",                      "1",  GAUGE, "system_cpu_utilization_ratio"             },
    {"ratio.of.x",                      "1",              GAUGE,             "of_x_ratio" },
    {"total.total.x",                      "",           COUNTER,           "x_total"            },
    {"up_down",                      "",                 UPDOWN,                 "up_down"  },
    {"bytes.read",                      "By",              COUNTER,            "bytes_read_total"         },
    {"net.io",                      "By/s",                  GAUGE,              "net_io_bytes_per_second"  },
    {"net.io",                      "{packet}/s",                  GAUGE,        "net_io_per_second"   },
    {"net.io",                      "By/{x}",                  GAUGE,            "net_io_bytes"      },
    {"net.io",                      " By / m ",                  GAUGE,          "net_io_bytes_per_minute" },
    {"x",                      "foo bar/baz-qux",                       GAUGE,        "x_foo_bar_per_baz_qux"},
    {"x",                      "foo_/_",                       GAUGE,                 "x_foo_"          },
    {"x",                      "foo_/y",                       GAUGE,                 "x_foo_per_year"},
    {"x",
     "\xc2\xb0"
     "C",                       GAUGE,                                                  "x_C"                                          },
    {"x",                      "%",                       GAUGE,                      "x_percent"},
    {"3.14 digits",                      "",             GAUGE,             "_3_14_digits"                                           },
    {"a::b__c---d",                      "",             GAUGE,             "a::b_c_d"},
    {"_under_",                      "",                 GAUGE,                 "under"                                           },
    {"\xe6\xb5\x8b"
     "a",                      "",                  GAUGE,                  "a"},
    {"",                      "",                        GAUGE,                        "normalization for metric \"\" resulted in empty name"                                           },
    {"\xe6\xb5\x8b",                      "",            GAUGE,            "normalization for metric \"\xe6\xb5\x8b\" resulted in empty name"},
    {"",                      "s",                        COUNTER,                       "seconds_total"                                        },
};

static const struct {
    const char *name, *want;
} labels[] = {
    {"http.method",    "http_method"                                                                },
    {"plain_name1",    "plain_name1"                                                                },
    {"a..b",           "a__b"                                                                       },
    {"1st",            "key_1st"                                                                    },
    {"_private",       "key_private"                                                                },
    {".x",             "key_x"                                                                      },
    {"__reserved__",   "__reserved__"                                                               },
    {"..x",            "__x"                                                                        },
    {"_",              "key_"                                                                       },
    {"\xe6\xb5\x8b.a", "__a"                                                                        },
    {"\xff\xfe",       "normalization for label name \"\\xff\\xfe\" resulted in invalid name \"__\""},
    {"__",             "normalization for label name \"__\" resulted in invalid name \"__\""        },
    {"",               "label name is empty"                                                        },
};

static const struct {
    const char *unit, *want;
} units[] = {
    {"",           ""                   },
    {"s",          "seconds"            },
    {"By/s",       "bytes_per_second"   },
    {"{x}/s",      "per_second"         },
    {"1",          ""                   },
    {"requests/s", "requests_per_second"},
    {"a b",        "a_b"                },
    {"x/",         "x"                  },
    {"_x_",        "x"                  },
};

static void test_names(void **state)
{
    struct arena a = {0};
    struct str got;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < COUNT(metrics); i++) {
        struct otlp_naming m = {str_of(metrics[i].name), str_of(metrics[i].unit), metrics[i].kind,
                                metrics[i].monotonic};

        if (ingest__otlp_metric_name(&a, &m, &got, &f) < 0)
            got = str_of(f.text);
        if (!str_is(got, metrics[i].want))
            fail_msg("%s (%s): got " STR_FMT ", want %s", metrics[i].name, metrics[i].unit,
                     STR_ARG(got), metrics[i].want);
    }
    for (size_t i = 0; i < COUNT(labels); i++) {
        if (ingest__otlp_label_name(&a, str_of(labels[i].name), &got, &f) < 0)
            got = str_of(f.text);
        if (!str_is(got, labels[i].want))
            fail_msg("%s: got " STR_FMT ", want %s", labels[i].name, STR_ARG(got), labels[i].want);
    }
    for (size_t i = 0; i < COUNT(units); i++) {
        got = ingest__otlp_unit(&a, str_of(units[i].unit));
        if (!str_is(got, units[i].want))
            fail_msg("%s: got " STR_FMT ", want %s", units[i].unit, STR_ARG(got), units[i].want);
    }
    arena_release(&a);
}

/* ---- requests --------------------------------------------------------------------------- */

#define RESOURCE(attributes, metrics)                                                              \
    "{'resource':{'attributes':[" attributes "]},'scopeMetrics':[{'metrics':[" metrics "]}]}"
#define REQUEST(resources) "{'resourceMetrics':[" resources "]}"
#define METRICS(metrics)   REQUEST(RESOURCE("", metrics))
#define KV(key, value)     "{'key':'" key "','value':{'stringValue':'" value "'}}"
#define ANY(key, kind, v)  "{'key':'" key "','value':{'" kind "':" v "}}"
#define AT5                "'timeUnixNano':'5000000','startTimeUnixNano':'2000000'"
#define GAUGE_OF(points)   "{'name':'m','gauge':{'dataPoints':[" points "]}}"
#define SUM_OF(points)                                                                             \
    "{'name':'m','unit':'s','sum':{'dataPoints':[" points                                          \
    "],'aggregationTemporality':2,'isMonotonic':true}}"
#define ATTRS(list) "'attributes':[" list "]"

static const struct {
    const char *what;
    const struct ingest_opts *opts;
    const char *json, *want;
} cases[] = {
    {"an empty request",                                                                                &plain,              "{}",                                     ""                                                            },
    {"a gauge",                                                                                         &plain,
     METRICS("{'name':'a.b','unit':'By','description':'Help.','gauge':{"
             "'dataPoints':[{" AT5 ",'asDouble':1.5},{'timeUnixNano':'6000000',"
             "'asInt':'-7'}]}}"),
     "{__name__=\"a_b_bytes\"} 1.5@5; {__name__=\"a_b_bytes\"} -7@6; a_b_bytes gauge 'Help.' "
     "'bytes'"                                                                                                                                                                                                                       },
    {"a point without a value",                                                                         &plain,              METRICS(GAUGE_OF("{" AT5 "}")),
     "{__name__=\"m\"} 0@5; m gauge '' ''"                                                                                                                                                                                           },
    {"a sum",                                                                                           &plain,              METRICS(SUM_OF("{" AT5 ",'asInt':3}")),
     "{__name__=\"m_seconds_total\"} 3@5; m_seconds_total counter '' 'seconds'"                                                                                                                                                      },
    {"a sum that goes up and down",                                                                     &plain,
     METRICS("{'name':'m','sum':{'aggregationTemporality':'AGGREGATION_TEMPORALITY_CUMULATIVE',"
             "'dataPoints':[{" AT5 ",'asInt':3}]}}"),
     "{__name__=\"m\"} 3@5; m gauge '' ''"                                                                                                                                                                                           },
    {"type, unit and start",                                                                            &all,                METRICS(SUM_OF("{" AT5 ",'asInt':3}")),
     "{__name__=\"m_seconds_total\", __type__=\"counter\", __unit__=\"seconds\"} 3@5/2; "
     "m_seconds_total counter '' 'seconds'"                                                                                                                                                                                          },
    {"no recorded value",                                                                               &plain,              METRICS(GAUGE_OF("{" AT5 ",'flags':1}")),
     "{__name__=\"m\"} stale@5; m gauge '' ''"                                                                                                                                                                                       },
    {"attributes of all kinds",                                                                         &plain,
     METRICS(GAUGE_OF(
         "{" AT5 "," ATTRS(ANY("i",                                                                                                                                    "intValue",                                                     "'-5'") "," ANY("b", "boolValue", "true") "," ANY(
             "d", "doubleValue",
     "1e21") "," ANY("y", "bytesValue",
     "'AQI='") ","
                                       "{'key':'none','value':{}}," KV("s.t", "x")) "}")),
     "{__name__=\"m\", b=\"true\", d=\"1e+21\", i=\"-5\", s_t=\"x\", y=\"AQI=\"} 0@5; m gauge '' ''"},
    {"lists and maps",                                                                                      &plain,
     METRICS(GAUGE_OF("{" AT5 "," ATTRS(ANY(
         "l",                                                                                                                     "arrayValue",
     "{'values':[{'stringValue':'<a>'},{},"
         "{'doubleValue':0.5},{'bytesValue':'AQI='},{'boolValue':false}]}") "," ANY("m",
     "kvlistValue", "{'values':[" KV("b", "1") "," ANY(
                                                                                        "a", "intValue",
     "2") "," KV("b",
     "3") "]}")) "}")),
     "{__name__=\"m\", l=\"[\\\"<a>\\\",null,0.5,\\\"AQI=\\\",false]\", "
     "m=\"{\\\"a\\\":2,\\\"b\\\":\\\"3\\\"}\"} 0@5; m gauge '' ''"},
    {"attributes that become one label",                           &plain,
     METRICS(GAUGE_OF("{" AT5 "," ATTRS(KV("a_b",                                                                  "3") "," KV("a.b",                                                                                                                                "1") "," KV("a-b", "0") "," KV(
         "__name__", "no") "," KV("a/b", "")) "}")),
     "{__name__=\"m\", a_b=\"0;1;;3\"} 0@5; m gauge '' ''"},
    {"too many labels",      &plain,
     METRICS(GAUGE_OF("{" AT5 "," ATTRS(KV("a",                        "1") "," KV("b",                                                                                                                                               "1") "," KV("c", "1") "," KV(
         "d", "1") "," KV("e", "1") "," KV("f", "1")) "}")),
     "refused 1 sets 1 samples 0 histograms: 7 labels, more than the limit of 6, in series "
     "{a=\"1\", b=\"1\", c=\"1\", d=\"1\", e=\"1\", f=\"1\"}; m gauge '' ''"},
    {"a name that is none",                                                                             &plain,      METRICS(GAUGE_OF("{" AT5 "," ATTRS(KV("",                                    "1")) "}")),
     "refused 1 sets 0 samples 0 histograms: label name is empty"},

    {"job, instance and target_info",                                     &plain,
     REQUEST(RESOURCE(KV("service.name",                                                               "n") "," KV("service.namespace",                                                                                             "ns") "," KV(
                          "service.instance.id", "i") "," KV("host.name", "h"),
     GAUGE_OF("{" AT5 "}"))),
     "{__name__=\"m\", instance=\"i\", job=\"ns/n\"} 0@5; {__name__=\"target_info\", "
     "host_name=\"h\", instance=\"i\", job=\"ns/n\"} 1@5; m gauge '' ''; target_info gauge "
     "'Target metadata' ''"},
    {"nothing but what identifies",                                                                                &plain,
     REQUEST(RESOURCE(KV("service.name",                                       "n"),GAUGE_OF("{" AT5 "," ATTRS(KV("job", "x")) "}"))),
     "{__name__=\"m\", job=\"n\"} 0@5; m gauge '' ''"},
    {"nothing that identifies",                                             &plain,                                                                REQUEST(RESOURCE(KV("host",                                                                                        "h"),                                                                                                                                           GAUGE_OF("{" AT5 "}"))),
     "{__name__=\"m\"} 0@5; m gauge '' ''"},
    {"target_info once for two resources, and twice in five minutes",                                                                                  &plain,
     REQUEST(
         RESOURCE(KV("service.name",                                                                                            "n") "," KV("a","1"), GAUGE_OF("{'timeUnixNano':'1000000000'},{'timeUnixNano':'301000000000'}")) "," RESOURCE(
             KV("service.name", "n") "," KV("a", "1"),
     "{'name':'n','gauge':{'dataPoints':[{'timeUnixNano':'1000000000'}]}}")),
     "{__name__=\"m\", job=\"n\"} 0@1000; {__name__=\"m\", job=\"n\"} 0@301000; "
     "{__name__=\"target_info\", a=\"1\", job=\"n\"} 1@1000 1@151000 1@301000; {__name__=\"n\", "
     "job=\"n\"} 0@1000; m gauge '' ''; target_info gauge 'Target metadata' ''; n gauge '' ''; "
     "target_info gauge 'Target metadata' ''"},

    {"a histogram with bounds",                                                                                      &plain,
     METRICS("{'name':'h','histogram':{'aggregationTemporality':2,'dataPoints':[{" AT5 ","
             "'count':'6','sum':7.5,'bucketCounts':['1','2','3'],'explicitBounds':[0.5,1e6]," ATTRS(
                 KV("a",                                                                                        "1")) "}]}}"),
     "{__name__=\"h_sum\", a=\"1\"} 7.5@5; {__name__=\"h_count\", a=\"1\"} 6@5; "
     "{__name__=\"h_bucket\", a=\"1\", le=\"0.5\"} 1@5; {__name__=\"h_bucket\", a=\"1\", "
     "le=\"1000000\"} 3@5; {__name__=\"h_bucket\", a=\"1\", le=\"+Inf\"} 6@5; h histogram '' ''"},
    {"a histogram without sum, exemplars by bucket",                                                         &plain,
     METRICS("{'name':'h','histogram':{'aggregationTemporality':2,'dataPoints':[{" AT5 ","
             "'count':2,'bucketCounts':[1,1],'explicitBounds':[1],'exemplars':[{'asDouble':0.5,"
             "'timeUnixNano':'4000000','traceId':'0102030405060708090a0b0c0d0e0f10'},{'asInt':'9',"
             "'filteredAttributes':[" KV("k.v",                                                                                                     "x") "]}]}]}}"),
     "{__name__=\"h_count\"} 2@5; {__name__=\"h_bucket\", le=\"1\"} 1@5; {__name__=\"h_bucket\", "
     "le=\"+Inf\"} 2@5; exemplar {__name__=\"h_bucket\", le=\"1\"} "
     "{trace_id=\"0102030405060708090a0b0c0d0e0f10\"} 0.5@4; exemplar {__name__=\"h_bucket\", "
     "le=\"+Inf\"} {\"k.v\"=\"x\"} 9@0; h histogram '' ''"},
    {"an exponential histogram",                                                       &plain,
     METRICS(
         "{'name':'e','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" AT5 ","
         "'count':'13','sum':2,'scale':0,'zeroCount':'1','positive':{'offset':-1,'bucketCounts':"
         "['5','0','0','7','0','0','0','0']},'negative':{'offset':3}}]}}"),
     "{__name__=\"e\"} {0 count:13 sum:2 zero:1e-128,1 +0:5 +1:0 +2:0 +3:7 +7:0}@5; e histogram '' ''"                                               },
    {"a finer one is reduced",                                                                                             &plain,
     METRICS("{'name':'e','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" AT5
             ","
             "'count':10,'scale':9,'positive':{'offset':1,'bucketCounts':[1,2,3,4]}}]}}"),
     "{__name__=\"e\"} {8 count:10 sum:0 zero:1e-128,0 +1:1 +2:5 +3:4}@5; e histogram '' ''"                                                                                                                                                                                                        },
    {"too coarse a one",            &plain,
     METRICS("{'name':'e','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" AT5
             ","
             "'scale':-5}]}}"),
     "refused 1 sets 0 samples 0 histograms: cannot convert exponential to native histogram. Scale "
     "must be >= -4, was -5"                                                                                                                                                          },
    {"an unsound one",                                                  &plain,
     METRICS("{'name':'e','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" AT5
             ","
             "'count':5},{" AT5 "}]}}"),
     "refused 1 sets 0 samples 0 histograms: 0 observations found in buckets, but the Count field "
     "is 5: histogram's observation count should equal the number of observations found in the "
     "buckets (in absence of NaN)"                                                                                                },
    {"a stale one",                                                                                             &plain,
     METRICS("{'name':'e','exponentialHistogram':{'aggregationTemporality':2,'dataPoints':[{" AT5
             ","
             "'flags':1,'exemplars':[{'asInt':1}]}]}}"),
     "{__name__=\"e\"} {0 count:9.218868437227405e+18 sum:stale zero:1e-128,0}@5; e histogram '' ''"                                                                                                                                                                                         },
    {"a summary",          &plain,
     METRICS("{'name':'s','summary':{'dataPoints':[{" AT5 ",'count':3,'sum':4,'quantileValues':"
             "[{'quantile':0.5,'value':1},{'quantile':1,'value':'NaN'}]}]}}"),
     "{__name__=\"s_sum\"} 4@5; {__name__=\"s_count\"} 3@5; {__name__=\"s\", quantile=\"0.5\"} 1@5; "
     "{__name__=\"s\", quantile=\"1\"} NaN@5; s summary '' ''"                                                                                    },
    {"exemplars of a sum",                                                                                  &plain,
     METRICS(SUM_OF("{" AT5 ",'asInt':3,'exemplars':[{'asInt':1,'spanId':'00000000000000ff',"
                    "'traceId':'00000000000000000000000000000000'}]}")),
     "{__name__=\"m_seconds_total\"} 3@5; exemplar {__name__=\"m_seconds_total\"} "
     "{span_id=\"00000000000000ff\"} 1@0; m_seconds_total counter '' 'seconds'"                                                                                                                                                                                        },
    {"attributes of an exemplar that are too long",                                                                         &plain,
     METRICS(SUM_OF(
         "{" AT5 ",'exemplars':[{'asInt':1,'spanId':'00000000000000ff','filteredAttributes':[" KV(
             "k",                                                                                                                                               "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
                  "123456789012345678901234567890123456789012345678901234567890") "]}]}")),
     "{__name__=\"m_seconds_total\"} 0@5; exemplar {__name__=\"m_seconds_total\"} "
     "{span_id=\"00000000000000ff\"} 1@0; m_seconds_total counter '' 'seconds'"},
    {"an exemplar without a value",                                                                                                 &plain,
     METRICS(SUM_OF("{" AT5 ",'exemplars':[{'asInt':1},{}]},{" AT5 "}") "," GAUGE_OF("{" AT5 "}")),
     "{__name__=\"m\"} 0@5; refused 1 sets 0 samples 0 histograms: unsupported exemplar value type: "
     "Empty; m gauge '' ''"                                                                                                                                                                                       },

    {"delta temporality",                                             &plain,
     METRICS("{'name':'d\\\"','sum':{'aggregationTemporality':1,'dataPoints':[{" AT5 "}]}},"
             "{'name':'u','histogram':{'dataPoints':[{" AT5 "}]}}," GAUGE_OF("{" AT5 "}")),
     "{__name__=\"m\"} 0@5; refused 2 sets 0 samples 0 histograms: invalid temporality and type "
     "combination for metric \"d\\\"\" | invalid temporality and type combination for metric "
     "\"u\"; m gauge '' ''"                                                                                },
    {"no points", &plain,                    METRICS("{'name':'m','gauge':{}},{'name':'n'},{'name':'','gauge':{}}"),
     "refused 3 sets 0 samples 0 histograms: empty data points. m is dropped | could not get "
     "aggregation temporality for n as it has unsupported metric type Empty | normalization for "
     "metric \"\" resulted in empty name"},

    {"snake_case, unknown fields, null",           &plain,
     "{'resource_metrics':[{'schemaUrl':'x','unknown':{'a':[1,-2.5e3,true,null,'s']},'resource':null,"
     "'scope_metrics':[{'scope':{'name':'s'},'metrics':[{'name':'m','gauge':{'data_points':"
     "[{'time_unix_nano':5000000,'as_double':2}]}}]}]}],'b':[]}",                                                     "{__name__=\"m\"} 2@5; m gauge '' ''"},
    {"escapes",                                                                           &plain,
     METRICS(GAUGE_OF("{" AT5 "," ATTRS(KV("a",                                                                                                                       "\\u00e9\\ud83d\\ude80\\ud83dx\\n\\/")) "}")),
     "{__name__=\"m\", a=\"\xc3\xa9\xf0\x9f\x9a\x80\xef\xbf\xbdx\\n/\"} 0@5; m gauge '' ''"},
    {"no JSON",                                                                     &plain,                                                                                        "x",                                                                                                                    "json: expected an object at byte 0"},
    {"a list",   &plain,                      "[]",                                                    "json: expected an object at byte 0"},
    {"cut",                                         &plain,                                                            "{'resourceMetrics':[{}",                                                                                 "json: expected ',' or ']' at byte 22"},
    {"more",                        &plain,                                           "{}{}",                                       "json: something follows the request at byte 2"},
    {"a number that is none",        &plain,                                             METRICS(GAUGE_OF("{'asInt':'x'}")),
     "json: expected a whole number at byte 125"                                                                                                                      },
    {"an id that is none",     &plain,                                                                                                 METRICS(SUM_OF("{'exemplars':[{'spanId':'0g'}]}")),
     "json: malformed id at byte 150"},
    {"an id that is short",             &plain,                                                                                                 METRICS(SUM_OF("{'exemplars':[{'asInt':1,'spanId':'00ff'}]}")),
     NULL                                                                                                            },
};

static struct str json_of(struct arena *a, const char *text)
{
    char *p = arena_strdup(a, str_of(text));

    for (char *c = p; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return str_of(p);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ingest_write *iw;
        struct buf got = {0};
        struct arena a = {0};
        struct fault f;
        struct ingest_otlp in = {.body = json_of(&a, cases[i].json), .json = true};

        if (ingest_decode_otlp(STUB_STORE, &a, cases[i].opts, &in, &iw, &f) < 0)
            buf_puts(&got, f.text);
        else
            show(&got, iw);
        if (cases[i].want == NULL ? strstr(got.p, "invalid length for SpanID") == NULL
                                  : !str_is(buf_str(&got), cases[i].want))
            fail_msg("%s:\n got: %s\nwant: %s", cases[i].what, buf_str(&got).p, cases[i].want);
        arena_release(&a);
        buf_release(&got);
    }
}

/* A gauge in protobuf: fields in another order than usual, and unknown ones. */
static void gauge_in_protobuf(struct buf *b)
{
    message_fields(b, "9:v1 1:{2:{2:{5:{1:{9:v3 4:f1} 1:{4:f2 3:b00000000004c4b40}} 1:\"m\"}}"
                      " 1:{1:{2:{1:\"n\"} 1:\"service.name\"}}}");
}

static void check(const struct ingest_otlp *in, const char *want)
{
    struct ingest_write *iw;
    struct buf got = {0};
    struct arena a = {0};
    struct fault f;

    if (ingest_decode_otlp(STUB_STORE, &a, &plain, in, &iw, &f) < 0)
        buf_puts(&got, f.text);
    else
        show(&got, iw);
    assert_string_equal(buf_str(&got).p, want);
    arena_release(&a);
    buf_release(&got);
}

#define GAUGE_WANT "{__name__=\"m\", job=\"n\"} 1@0; {__name__=\"m\", job=\"n\"} 2@5; m gauge '' ''"

static void compress_gzip(struct buf *out, struct str s)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)s.p, .avail_in = (uInt)s.n};

    buf_reserve(out, s.n + 128);
    z.next_out = (Bytef *)out->p + out->n;
    z.avail_out = (uInt)(s.n + 128);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->n += z.total_out;
    deflateEnd(&z);
}

static void test_protobuf_and_gzip(void **state)
{
    struct buf message = {0}, packed = {0}, zeros = {0};

    (void)state;
    gauge_in_protobuf(&message);
    check(&(struct ingest_otlp){.body = buf_str(&message)}, GAUGE_WANT);
    compress_gzip(&packed, buf_str(&message));
    check(&(struct ingest_otlp){.body = buf_str(&packed), .gzip = true}, GAUGE_WANT);
    for (size_t n = 0; n < packed.n; n++)
        check(
            &(struct ingest_otlp){
                .body = {packed.p, n},
                  .gzip = true
        },
            "unexpected EOF");
    packed.p[0] = 'x';
    check(&(struct ingest_otlp){.body = buf_str(&packed), .gzip = true},
          "gzip: incorrect header check");
    buf_reset(&packed);
    compress_gzip(&packed, STR("{"));
    compress_gzip(&packed, STR("}"));
    check(&(struct ingest_otlp){.body = buf_str(&packed), .gzip = true, .json = true}, "");
    for (size_t i = 0; i < 2u << 20; i++)
        buf_putc(&zeros, ' ');
    buf_reset(&packed);
    compress_gzip(&packed, buf_str(&zeros));
    check(&(struct ingest_otlp){.body = buf_str(&packed), .gzip = true},
          "decoded size exceeds the 1048576 bytes limit");
    buf_release(&message);
    buf_release(&packed);
    buf_release(&zeros);
}

/* Cut anywhere, a message is refused, or is the shorter message that ends there. */
static void test_truncation(void **state)
{
    struct buf message = {0};

    (void)state;
    gauge_in_protobuf(&message);
    for (size_t n = 0; n <= message.n; n++) {
        struct ingest_write *iw;
        struct arena a = {0};
        struct fault f;
        int rc = ingest_decode_otlp(NULL, &a, &all,
                                    &(struct ingest_otlp){
                                        .body = {message.p, n}
        },
                                    &iw, &f);

        assert_true(rc == 0 ? n == 0 || n == 2 || n == message.n
                            : strstr(f.text, "unexpected EOF") != NULL);
        arena_release(&a);
    }
    buf_release(&message);
}

/* A series that the store knows is found by its labels, whatever it came with. */
static void test_known(void **state)
{
    const char serial[] = "\x08\0\0\0__name__\x01\0\0\0m\x03\0\0\0job\x01\0\0\0n";
    struct buf message = {0};

    (void)state;
    known[n_known++] = hash_keyed128(serial, sizeof(serial) - 1);
    gauge_in_protobuf(&message);
    check(&(struct ingest_otlp){.body = buf_str(&message)}, "#1 1@0; #1 2@5; m gauge '' ''");
    n_known = 0;
    buf_release(&message);
}

static const struct bomb bombs[] = {
    {"points",     "1:{2:{2:{1:\"m\" 5:{",             "1:{}",      FER_ELIMIT},
    {"metrics",    "1:{2:{",                           "2:{}",      0         },
    {"bounds",     "1:{2:{2:{1:\"m\" 9:{2:v2 1:{",     "7:f1 6:f0", 0         },
    {"buckets",    "1:{2:{2:{1:\"m\" 10:{2:v2 1:{8:{", "2:v1",      FER_ELIMIT},
    {"quantiles",  "1:{2:{2:{1:\"m\" 11:{1:{",         "6:{}",      FER_ELIMIT},
    {"attributes", "1:{1:{",                           "1:{}",      0         },
    {"maps",       "1:{1:{1:{1:\"a\" 2:{6:{",          "1:{}",      FER_ELIMIT},
    {"resources",  "",                                 "1:{}",      0         },
};

static int decode_bomb(struct arena *a, struct str message)
{
    struct ingest_opts opts = all;
    struct ingest_write *iw;
    struct fault f;

    opts.limits.decoded_bytes = 5u << 20;
    return ingest_decode_otlp(NULL, a, &opts, &(struct ingest_otlp){.body = message}, &iw, &f);
}

static void test_bombs(void **state)
{
    (void)state;
    check_bombs(bombs, COUNT(bombs), 4u << 20, 200u << 20, decode_bomb);
}

static const struct {
    size_t n_lines, n_out_of_order;
    int rc, status;
    const char *text;
} answers[] = {
    {0, 0, 0,          200, ""                                                                     },
    {1, 0, 0,          500, "not translated"                                                       },
    {0, 1, 0,          400, "out of order sample for series {__name__=\"up\"}"                     },
    {1, 2, 0,          400,
     "not translated\nout of order sample for series {__name__=\"up\"}\nand 1 more samples refused"},
    {0, 0, FER_ENOSPC, 503, "no space left to store samples; try again later"                      },
};

static void test_answers(void **state)
{
    static const struct label up = {STR_INIT("__name__"), STR_INIT("up")};

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct ingest_write iw = {.protocol = INGEST_OTLP};
        struct buf text = {0};

        iw.refused.n_lines = answers[i].n_lines;
        iw.refused.lines[0] = STR("not translated");
        iw.write.rc = answers[i].rc;
        iw.write.n_verdicts[TSDB_OUT_OF_ORDER] = answers[i].n_out_of_order;
        iw.write.first_refusal = (struct tsdb_refusal){
            .why = TSDB_OUT_OF_ORDER, .labels = {&up, 1}
        };
        assert_int_equal(ingest_answer(&iw, &text), answers[i].status);
        assert_string_equal(buf_str(&text).p, answers[i].text);
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),      cmocka_unit_test(test_cases),
        cmocka_unit_test(test_known),      cmocka_unit_test(test_protobuf_and_gzip),
        cmocka_unit_test(test_truncation), cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
