"""Series and queries for one range query after another: what PromQL's users write, by kind.

Everything is made from a fixed seed and lies at fixed times. A template's {name} stands for every word
of its list, all combinations of several. Names of lists in another notation, {{.name}}, are those of
files of test cases in YAML (`cases_of_file`), which may be compared as well.
"""
import itertools
import random
import re

STALE = 0x7FF0000000000002
HOSTS = ["demo.test:10000", "demo.test:10001", "demo.test:10002"]
STEP_MS = 5000
START = 1_700_003_600  # seconds; the first query's time
WINDOW_S, RESOLUTION_S = 600, 10
BEFORE_S, AFTER_S = 4500, 700  # data around the window: the longest range and offset, either way
BOUNDS = ["0.0001", "0.00015", "0.001", "0.0125", "0.25", "1.5", "+Inf"]

LISTS = {
    "range": "1s 15s 1m 5m 15m 1h",
    "offset": "1m 5m 10m",
    "aggregation": "sum avg max min count stddev stdvar",
    "over_time": "sum avg max min count stddev stdvar absent last",
    "ends": "topk bottomk",
    "quantile": "-0.5 0.1 0.5 0.75 0.95 0.90 0.99 1 1.5",
    "arithmetic": "+ - * / % ^",
    "comparison": "== != < > <= >=",
    "binary": "+ - * / % ^ == != < > <= >=",
    "math": "abs ceil floor exp sqrt ln log2 log10 round",
    "rate": "delta rate increase",
    "clamp": "clamp_min clamp_max",
    "instant_rate": "idelta irate",
    "date": "day_of_month day_of_week days_in_month hour minute month year",
}

TEMPLATES = """
7
2.75
.5
6.02e-5
0x2a
Inf
+Inf
-Inf
NaN
demo_memory_usage_bytes
{__name__="demo_memory_usage_bytes"}
demo_memory_usage_bytes{type="free"}
demo_memory_usage_bytes{type!="free"}
demo_memory_usage_bytes{instance=~"demo.test:.*"}
demo_memory_usage_bytes{instance=~"demo"}
demo_memory_usage_bytes{instance!~".*:10001"}
demo_memory_usage_bytes{type="used",instance!="demo.test:10000"}
{type="used",instance!="demo.test:10000"}
{__name__=~".*"}
demo_no_such_metric
demo_memory_usage_bytes offset {offset}
demo_memory_usage_bytes offset -{offset}
demo_intermittent_metric

{aggregation}(demo_memory_usage_bytes)
{aggregation}(demo_no_such_metric)
{aggregation} by () (demo_memory_usage_bytes)
{aggregation} by (instance) (demo_memory_usage_bytes)
{aggregation} by (type, instance) (demo_memory_usage_bytes)
{aggregation} by (nobody) (demo_memory_usage_bytes)
{aggregation} without () (demo_memory_usage_bytes)
{aggregation} without (instance) (demo_memory_usage_bytes)
{aggregation} without (type, instance) (demo_memory_usage_bytes)
{aggregation} without (nobody) (demo_memory_usage_bytes)
{ends}(3, demo_memory_usage_bytes)
{ends} by (instance) (2, demo_memory_usage_bytes)
{ends} without (instance) (2, demo_memory_usage_bytes)
{ends} without () (2, demo_memory_usage_bytes)
quantile({quantile}, demo_memory_usage_bytes)
max(avg by (type) (demo_memory_usage_bytes))

2 * 3 + 5 / 7 - 11 % 3 ^ 2
demo_num_cpus + (3 {comparison} bool 2)
demo_memory_usage_bytes {binary} 2.7183
demo_memory_usage_bytes {comparison} bool 2.7183
2.7183 {comparison} bool demo_memory_usage_bytes
0.27183 {binary} demo_memory_usage_bytes
(2 * 3 + 5 / 7 - (11 % 3) ^ 2) {binary} demo_memory_usage_bytes
demo_memory_usage_bytes {binary} (2 * 3 + 5 / 7 - 11)
timestamp(demo_memory_usage_bytes + 0)
timestamp(-demo_memory_usage_bytes)
demo_memory_usage_bytes {binary} on (job, type, instance) demo_memory_usage_bytes
sum by (type, instance) (demo_memory_usage_bytes) {binary} on (type, instance) group_left (job) demo_memory_usage_bytes
demo_memory_usage_bytes {comparison} bool on (job, type, instance) demo_memory_usage_bytes
demo_memory_usage_bytes / on (__name__, job, type, instance) demo_memory_usage_bytes
sum without (job) (demo_memory_usage_bytes) - on (type, instance) demo_memory_usage_bytes
sum without (job) (demo_memory_usage_bytes) - on (type, instance) group_left demo_memory_usage_bytes
sum without (job) (demo_memory_usage_bytes) - on (type, instance) group_left (job) demo_memory_usage_bytes
demo_memory_usage_bytes / on (job, instance) group_left demo_num_cpus
demo_memory_usage_bytes / on (job, instance, type, nobody) demo_memory_usage_bytes
demo_num_cpus / Inf
demo_num_cpus / -Inf
demo_num_cpus + NaN
demo_memory_usage_bytes * -(3)
-demo_memory_usage_bytes
-2 ^ 4
2 {arithmetic} time()
time() {arithmetic} 2
time() {comparison} bool 2
2 {comparison} bool time()
time() {arithmetic} time()
time() {comparison} bool time()
time() {binary} demo_memory_usage_bytes
demo_memory_usage_bytes {binary} time()

{over_time}_over_time(demo_memory_usage_bytes[{range}])
quantile_over_time({quantile}, demo_memory_usage_bytes[{range}])
timestamp(demo_num_cpus)
timestamp(timestamp(demo_num_cpus))
{math}(demo_memory_usage_bytes)
{math}(-demo_memory_usage_bytes)
{rate}(demo_no_such_metric[5m])
{rate}(demo_cpu_usage_seconds_total[{range}])
deriv(demo_disk_usage_bytes[{range}])
predict_linear(demo_disk_usage_bytes[{range}], 900)
time()
label_replace(demo_num_cpus, "job", "port-$1", "instance", "demo.test:(.*)")
label_replace(demo_num_cpus, "job", "port-$1", "instance", "test:(.*)")
label_replace(demo_num_cpus, "job", "$2/$1", "instance", "de(.*):(.*)")
label_replace(demo_num_cpus, "job", "is-$1", "nobody", "was-(.*)")
label_replace(demo_num_cpus, "job", "is-$1", "nobody", "(.*)")
label_replace(demo_num_cpus, "job", "is-$1", "instance", "other")
label_replace(demo_num_cpus, "job", "", "nobody", ".*")
label_replace(demo_num_cpus, "job", "is-$1", "nobody", "(.*")
label_replace(demo_num_cpus, "~odd name", "", "nobody", "(.*)")
label_replace(demo_num_cpus, "instance", "", "", "")
label_join(demo_num_cpus, "both", "/", "job", "instance")
label_join(demo_num_cpus, "job", "/", "job", "instance")
label_join(demo_num_cpus, "job", "/", "instance")
label_join(demo_num_cpus, "~odd name", "/", "instance")
{date}()
{date}(demo_batch_last_success_timestamp_seconds offset {offset})
{instant_rate}(demo_cpu_usage_seconds_total[{range}])
{clamp}(demo_memory_usage_bytes, 3)
clamp(demo_memory_usage_bytes, 0, 3)
clamp(demo_memory_usage_bytes, 0, 1e12)
clamp(demo_memory_usage_bytes, 1e12, 0)
clamp(demo_memory_usage_bytes, 1e12, 1e12)
resets(demo_cpu_usage_seconds_total[{range}])
changes(demo_batch_last_success_timestamp_seconds[{range}])
vector(2.75)
vector(time())
histogram_quantile({quantile}, rate(demo_api_request_duration_seconds_bucket[1m]))
histogram_quantile(0.8, demo_no_such_metric)
histogram_quantile(0.8, demo_memory_usage_bytes)
histogram_quantile(0.8, {__name__=~"demo_api_request_duration_seconds_.+"})
count_values("is", demo_api_request_duration_seconds_bucket)
absent(demo_memory_usage_bytes)
absent(demo_no_such_metric)
min_over_time((time() - min(demo_batch_last_success_timestamp_seconds) < 900)[5m:10s] offset 5m)
sum_over_time(rate(demo_cpu_usage_seconds_total[1m])[3m:20s])
"""

# How such files call our lists.
FILE_LISTS = {
    "simpleAggrOp": "aggregation", "simpleTimeAggrOp": "over_time", "topBottomOp": "ends",
    "arithBinOp": "arithmetic", "compBinOp": "comparison", "binOp": "binary",
    "simpleMathFunc": "math", "extrapolatedRateFunc": "rate", "clampFunc": "clamp",
    "instantRateFunc": "instant_rate", "dateFunc": "date",
}


def expand(template, pattern=r"\{(\w+)\}"):
    """Every query that a template stands for; braces that hold no list's name are PromQL's."""
    names = [n for n in dict.fromkeys(re.findall(pattern, template))
             if FILE_LISTS.get(n, n) in LISTS]
    for words in itertools.product(*(LISTS[FILE_LISTS.get(n, n)].split() for n in names)):
        chosen = dict(zip(names, words))
        yield re.sub(pattern, lambda m: chosen.get(m.group(1), m.group(0)), template)


def own_queries():
    return [query for line in TEMPLATES.splitlines() if line for query in expand(line)]


def cases_of_file(cases):
    """The queries of a file's test cases, asked of our own hosts."""
    for case in cases:
        for query in expand(case["query"], r"\{\{\.(\w+)\}\}"):
            yield re.sub(r"demo\.\w+\.com", "demo.test", query)


class Walk:
    """A number that moves at random, by whole bytes."""

    def __init__(self, rnd, value, step):
        self.rnd, self.value, self.step = rnd, value, step

    def next(self):
        self.value += self.rnd.uniform(-1, 1) * self.step
        return float(round(self.value))


class Counter:
    """Counts up at random, and once in a long while from zero again."""

    def __init__(self, rnd, most):
        self.rnd, self.most, self.value = rnd, most, rnd.uniform(0, 100)

    def next(self):
        if self.rnd.random() < 0.0008:
            self.value = 0.0
        self.value += self.rnd.uniform(0, self.most)
        return self.value


def memory(rnd, host):
    for kind, start in (("free", 4.1e9), ("used", 2.2e9), ("cached", 1.3e9), ("buffers", 3.3e8)):
        yield kind, Walk(rnd, start + host, 3e6).next


def success(rnd, host):
    """The time of the last run of a batch that runs now and then."""
    last, t = START - BEFORE_S - 30 * host, START - BEFORE_S

    def following():
        nonlocal last, t
        if rnd.random() < 0.02:
            last = t - rnd.random()
        t += STEP_MS // 1000
        return last
    return following


def now_and_then(host):
    """There for two minutes, gone for four."""
    step = 17 * host

    def following():
        nonlocal step
        step += 1
        at = step % 72
        return 1.0 if at < 24 else STALE if at == 24 else None
    return following


class Requests:
    """Buckets, sum and count of one classic histogram."""

    def __init__(self, rnd):
        self.rnd, self.counts, self.sum = rnd, [0] * len(BOUNDS), 0.0

    def row(self):
        for _ in range(self.rnd.randint(0, 9)):
            at = self.rnd.choice(range(len(BOUNDS)))
            self.sum += self.rnd.random() * 10 ** (at - 5)
            for i in range(at, len(BOUNDS)):
                self.counts[i] += 1
        return [float(c) for c in self.counts] + [self.sum, float(self.counts[-1])]


def series(count, seed=11):
    """[(labels, values)]: `count` values a series; None where there is none, an int for its bits."""
    rnd = random.Random(seed)
    out = []
    for host, instance in enumerate(HOSTS):
        common = {"job": "demo", "instance": instance}

        def add(name, following, **labels):
            values = [following() for _ in range(count)]
            out.append(({"__name__": name, **common, **labels}, values))

        for kind, following in memory(rnd, host):
            add("demo_memory_usage_bytes", following, type=kind)
        add("demo_num_cpus", lambda: 4.0)
        for mode in ("idle", "user", "system"):
            add("demo_cpu_usage_seconds_total", Counter(rnd, 4).next, mode=mode)
        add("demo_disk_usage_bytes", Walk(rnd, 6e10 + host, 4e7).next)
        add("demo_batch_last_success_timestamp_seconds", success(rnd, host))
        add("demo_intermittent_metric", now_and_then(host))
        for method, path in (("GET", "/api/foo"), ("GET", "/api/bar"), ("POST", "/api/foo")):
            labels = {**common, "method": method, "path": path, "status": "200"}
            out += requests(Requests(rnd), labels, count)
    return out


def requests(histogram, labels, count):
    columns = list(zip(*(histogram.row() for _ in range(count))))
    name = "demo_api_request_duration_seconds"
    for le, values in zip(BOUNDS, columns):
        yield {"__name__": name + "_bucket", **labels, "le": le}, values
    yield {"__name__": name + "_sum", **labels}, columns[-2]
    yield {"__name__": name + "_count", **labels}, columns[-1]
