/*
 * mix.c - the families of a pod, how their values move, and their protobuf form.
 */
#include "mix.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ferula/base/check.h"
#include "ferula/model/sample.h"

// clang-format off
#define KINDS(X) \
    X(ZERO,     "constant 0") \
    X(CONSTANT, "constant, another number for each series") \
    X(SLOW,     "counter of events, 0 to 20 a round") \
    X(SHARE,    "counter of a part of the events") /* cumulative buckets and their count */ \
    X(BYTES,    "counter of bytes, 5 kB to 1 MB") \
    X(CPU,      "seconds with 9 decimals") \
    X(MEMORY,   "bytes in steps of 4 KiB") \
    X(SMALL,    "0 to 50, a step or none") \
    X(CENTS,    "gauge with 2 decimals") \
    X(RANDOM,   "any double from 0 to 1") \
    X(SUM,      "sum of random doubles")
// clang-format on

enum kind {
#define X(name, text) name,
    KINDS(X)
#undef X
};

static const char *const kind_names[] = {
#define X(name, text) text,
    KINDS(X)
#undef X
};

#define VALUES_MAX 12

/* A family has a series for each pair of values. */
struct family {
    const char *name;
    enum kind kind;
    const char *label, *values[VALUES_MAX + 1];
    const char *label2, *values2[3];
};

/* In 100: constant 55, events 15, bytes 8, CPU 5, memory 7, small 5, cents 2, random 1, sum 2. */
// clang-format off
static const struct family families[] = {
    {"http_requests_total", SLOW, "code", {"200", "201", "404", "500", "503"}, "method", {"GET", "POST"}},
    {"http_request_duration_seconds_bucket", ZERO, "le",
     {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1"}, NULL, {0}},
    {"http_request_duration_seconds_bucket", SHARE, "le", {"2.5", "5", "10", "+Inf"}, NULL, {0}},
    {"http_request_duration_seconds_count", SHARE, NULL, {0}, NULL, {0}},
    {"http_request_duration_seconds_sum", SUM, NULL, {0}, NULL, {0}},
    {"rpc_duration_seconds_sum", SUM, NULL, {0}, NULL, {0}},
    {"container_network_receive_bytes_total", BYTES, "interface", {"eth0", "eth1"}, NULL, {0}},
    {"container_network_transmit_bytes_total", BYTES, "interface", {"eth0", "eth1"}, NULL, {0}},
    {"container_fs_reads_bytes_total", BYTES, "device", {"/dev/sda", "/dev/sdb"}, NULL, {0}},
    {"container_fs_writes_bytes_total", BYTES, "device", {"/dev/sda", "/dev/sdb"}, NULL, {0}},
    {"container_cpu_usage_seconds_total", CPU, NULL, {0}, NULL, {0}},
    {"container_cpu_user_seconds_total", CPU, NULL, {0}, NULL, {0}},
    {"container_cpu_system_seconds_total", CPU, NULL, {0}, NULL, {0}},
    {"container_cpu_cfs_throttled_seconds_total", CPU, NULL, {0}, NULL, {0}},
    {"process_cpu_seconds_total", CPU, NULL, {0}, NULL, {0}},
    {"container_memory_working_set_bytes", MEMORY, NULL, {0}, NULL, {0}},
    {"container_memory_rss", MEMORY, NULL, {0}, NULL, {0}},
    {"container_memory_usage_bytes", MEMORY, NULL, {0}, NULL, {0}},
    {"container_memory_cache", MEMORY, NULL, {0}, NULL, {0}},
    {"container_memory_mapped_file", MEMORY, NULL, {0}, NULL, {0}},
    {"process_resident_memory_bytes", MEMORY, NULL, {0}, NULL, {0}},
    {"go_memstats_heap_inuse_bytes", MEMORY, NULL, {0}, NULL, {0}},
    {"go_goroutines", SMALL, NULL, {0}, NULL, {0}},
    {"process_open_fds", SMALL, NULL, {0}, NULL, {0}},
    {"container_threads", SMALL, NULL, {0}, NULL, {0}},
    {"http_requests_in_flight", SMALL, NULL, {0}, NULL, {0}},
    {"queue_messages", SMALL, "queue", {"orders"}, NULL, {0}},
    {"queue_oldest_message_age_seconds", CENTS, "queue", {"orders"}, NULL, {0}},
    {"cache_hit_percent", CENTS, NULL, {0}, NULL, {0}},
    {"http_request_rate_ewma", RANDOM, NULL, {0}, NULL, {0}},
    {"kube_pod_status_phase", CONSTANT, "phase",
     {"Failed", "Pending", "Running", "Succeeded", "Unknown"}, NULL, {0}},
    {"kube_pod_status_reason", ZERO, "reason",
     {"Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError"}, NULL, {0}},
    {"kube_pod_container_status_waiting_reason", ZERO, "reason",
     {"ContainerCreating", "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff"}, NULL, {0}},
    {"kube_pod_container_resource_requests", CONSTANT, "resource", {"cpu", "memory"}, NULL, {0}},
    {"kube_pod_container_resource_limits", CONSTANT, "resource", {"cpu", "memory"}, NULL, {0}},
    {"kube_pod_status_condition", CONSTANT, "condition", {"Initialized", "Ready"}, "status", {"false", "true"}},
    {"kube_pod_info", CONSTANT, NULL, {0}, NULL, {0}},
    {"kube_pod_owner", CONSTANT, NULL, {0}, NULL, {0}},
    {"kube_pod_labels", CONSTANT, NULL, {0}, NULL, {0}},
    {"kube_pod_start_time", CONSTANT, NULL, {0}, NULL, {0}},
    {"kube_pod_container_info", CONSTANT, NULL, {0}, NULL, {0}},
    {"kube_pod_container_status_restarts_total", CONSTANT, NULL, {0}, NULL, {0}},
    {"container_spec_memory_limit_bytes", CONSTANT, NULL, {0}, NULL, {0}},
    {"container_spec_cpu_quota", CONSTANT, NULL, {0}, NULL, {0}},
    {"container_start_time_seconds", CONSTANT, NULL, {0}, NULL, {0}},
    {"process_start_time_seconds", CONSTANT, NULL, {0}, NULL, {0}},
    {"process_max_fds", CONSTANT, NULL, {0}, NULL, {0}},
    {"go_info", CONSTANT, "version", {"go1.22.5"}, NULL, {0}},
    {"build_info", CONSTANT, "version", {"v2.3.1"}, NULL, {0}},
    {"rpc_duration_seconds_bucket", CONSTANT, "le",
     {"0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "10", "60", "+Inf"}, NULL, {0}},
    {"rpc_duration_seconds_count", CONSTANT, NULL, {0}, NULL, {0}},
    {"up", CONSTANT, NULL, {0}, NULL, {0}},
};
// clang-format on

/* One series of a pod. */
struct row {
    const struct family *family;
    const char *value, *value2; /* NULL: no such label */
    unsigned place;             /* among the SHARE rows of the pod */
};

static struct row rows[MIX_POD_SERIES];
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

static void make_rows(void)
{
    unsigned n = 0, n_shares = 0;

    for (size_t f = 0; f < COUNT(families); f++) {
        const struct family *fam = &families[f];

        for (size_t i = 0; i == 0 || fam->values[i] != NULL; i++)
            for (size_t j = 0; j == 0 || fam->values2[j] != NULL; j++) {
                CHECK(n < MIX_POD_SERIES);
                rows[n++] = (struct row){fam, fam->values[i], fam->values2[j], n_shares};
                n_shares += fam->kind == SHARE;
            }
    }
    CHECK(n == MIX_POD_SERIES);
}

/* ---- pods ------------------------------------------------------------------------------- */

/* splitmix64's finaliser over the sum of its arguments, each times an odd number of its own. */
static uint64_t mixed(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t z = seed + a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xd1342543de82ef95);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t identity(const struct mix_pod *p, unsigned row)
{
    return mixed(p->seed, p->pod, (uint64_t)p->generation * 4096 + row);
}

static void name_pod(struct mix_pod *p, uint64_t id)
{
    unsigned app = p->pod / 5, node = p->pod / 30;
    static const char *const names[] = {"cluster",   "container", "endpoint", "instance", "job",
                                        "namespace", "node",      "pod",      "service"};
    struct mix_label *l = p->labels;

    for (size_t i = 0; i < COUNT(names); i++)
        l[i].name = names[i];
    (void)snprintf(l[0].value, sizeof(l->value), "bench");
    (void)snprintf(l[1].value, sizeof(l->value), "app");
    (void)snprintf(l[2].value, sizeof(l->value), "http-metrics");
    (void)snprintf(l[3].value, sizeof(l->value), "10.%u.%u.%u:8080", (unsigned)(id >> 40) & 255,
                   (unsigned)(id >> 32) & 255, p->pod & 255);
    (void)snprintf(l[4].value, sizeof(l->value), "app-%u", app);
    if (p->pod == 0)
        (void)snprintf(l[5].value, sizeof(l->value), "keda-demo");
    else
        (void)snprintf(l[5].value, sizeof(l->value), "team-%u", app / 5);
    (void)snprintf(l[6].value, sizeof(l->value), "aks-nodepool1-26841021-vmss%06u", node);
    (void)snprintf(l[7].value, sizeof(l->value), "app-%u-%08x-%05u", app, (unsigned)id, p->pod);
    (void)snprintf(l[8].value, sizeof(l->value), "app-%u", app);
}

void mix_pod_init(struct mix_pod *p, uint64_t seed, uint32_t pod, uint32_t generation)
{
    (void)pthread_once(&rows_once, make_rows);
    *p = (struct mix_pod){.seed = seed, .pod = pod, .generation = generation};
    name_pod(p, identity(p, MIX_POD_SERIES));
    for (unsigned i = 0; i < MIX_POD_SERIES; i++) {
        uint64_t id = identity(p, i);

        switch (rows[i].family->kind) {
        case CONSTANT:
            p->state[i] = (double)(id % 3 < 2 ? id % 2 : id % 1000000);
            break;
        case MEMORY:
            p->state[i] = (double)(2000 + id % 50000);
            break;
        case SMALL:
            p->state[i] = (double)(id % 50);
            break;
        case CENTS:
            p->state[i] = (double)(id % 10000);
            break;
        default:
            p->state[i] = 0;
        }
    }
}

/* ---- values ----------------------------------------------------------------------------- */

/* A double from 0 to 1 with all its bits random. */
static double unit(uint64_t r)
{
    return (double)(r >> 11) * 0x1p-53;
}

static double bounded(double v, double most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* Up to 20 requests a round, of which 50, 85, 100 and 100 % are in the buckets (and the count). */
static double share(const struct mix_pod *p, unsigned place, uint32_t round)
{
    static const unsigned percent[] = {50, 85, 100, 100, 100};
    uint64_t n = identity(p, MIX_POD_SERIES) % 18 + (mixed(p->seed, p->pod, round) & 3);

    return (double)(n * percent[place] / 100);
}

double mix_next(struct mix_pod *p, unsigned row, uint32_t round)
{
    uint64_t id = identity(p, row);
    uint64_t r = mixed(id, round, 1);
    double *s = &p->state[row];

    switch (rows[row].family->kind) {
    case ZERO:
        return 0;
    case CONSTANT:
        return *s;
    case SLOW:
        return *s += (double)(id % 18 + (r & 3));
    case SHARE:
        return *s += share(p, rows[row].place, round);
    case BYTES:
        return *s += (double)((10000 + id % 650000) * (50 + r % 100) / 100);
    case CPU: /* the state is in nanoseconds */
        *s += (double)((1 + id % 19) * 750000000 + r % 300000000);
        return *s / 1e9;
    case MEMORY:
        *s = bounded(*s + ((r & 1) != 0 ? 0 : (double)((r >> 1) % 65) - 32), 1e6);
        return *s * 4096;
    case SMALL:
        return *s = bounded(*s + ((r & 7) == 0 ? 1 : (r & 7) == 1 ? -1 : 0), 50);
    case CENTS:
        *s = bounded(*s + (double)(r % 65) - 32, 10000);
        return *s / 100;
    case RANDOM:
        return unit(r);
    case SUM:
        return *s += (double)(id % 20 + 1) * unit(r);
    }
    return 0;
}

const char *mix_kind(unsigned row)
{
    (void)pthread_once(&rows_once, make_rows);
    return kind_names[rows[row].family->kind];
}

/* ---- protobuf --------------------------------------------------------------------------- */

static size_t varint_size(uint64_t v)
{
    size_t n = 1;

    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static char *put_varint(char *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (char)(v | 0x80);
    *at++ = (char)v;
    return at;
}

/* Field `number` of wire type 2; the text is short, so each length takes one byte. */
static char *put_text(char *at, unsigned number, const char *text, size_t n)
{
    *at++ = (char)(number << 3 | 2);
    *at++ = (char)n;
    memcpy(at, text, n);
    return at + n;
}

static char *put_label(char *at, const char *name, const char *value)
{
    size_t n_name = strlen(name), n_value = strlen(value);

    *at++ = 1 << 3 | 2; /* TimeSeries.labels */
    *at++ = (char)(n_name + n_value + 4);
    at = put_text(at, 1, name, n_name);
    return put_text(at, 2, value, n_value);
}

/* All labels of a series in the order of their names; the family's own come in between. */
static char *put_labels(char *at, const struct mix_pod *p, const struct row *r)
{
    const char *own[2] = {r->family->label, r->family->label2}, *value[2] = {r->value, r->value2};
    size_t next = 0;

    at = put_label(at, "__name__", r->family->name);
    for (size_t i = 0; i < COUNT(p->labels); i++) {
        for (; next < 2 && own[next] != NULL && strcmp(own[next], p->labels[i].name) < 0; next++)
            at = put_label(at, own[next], value[next]);
        at = put_label(at, p->labels[i].name, p->labels[i].value);
    }
    for (; next < 2 && own[next] != NULL; next++)
        at = put_label(at, own[next], value[next]);
    return at;
}

#define SERIES_BYTES_MAX 2048 /* 12 labels of at most 2 x 48 bytes each, the sample, and tags */

void mix_add_series(struct buf *message, const struct mix_pod *p, unsigned row, ts_ms t, double v)
{
    char series[SERIES_BYTES_MAX], *end = put_labels(series, p, &rows[row]), *at;
    uint64_t bits = f64_bits(v);

    *end++ = 2 << 3 | 2; /* TimeSeries.samples */
    *end++ = (char)(9 + 1 + varint_size((uint64_t)t));
    *end++ = 1 << 3 | 1; /* Sample.value */
    memcpy(end, &bits, sizeof(bits));
    end += sizeof(bits);
    *end++ = 2 << 3 | 0; /* Sample.timestamp */
    end = put_varint(end, (uint64_t)t);

    buf_reserve(message, sizeof(series) + 8);
    at = message->p + message->n;
    *at++ = 1 << 3 | 2; /* WriteRequest.timeseries */
    at = put_varint(at, (uint64_t)(end - series));
    memcpy(at, series, (size_t)(end - series));
    message->n = (size_t)(at + (end - series) - message->p);
}
