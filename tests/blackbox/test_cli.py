"""The command line: flags of every class, environment, help, version, exit codes."""
import os
import re
import subprocess

import pytest

from conftest_server import FERULA, TOP, run_ferula, start_server

# Every flag that `prometheus --help-long` of 3.14 knows, and the hidden ones.
PROMETHEUS_FLAGS = """
agent alertmanager.drain-notification-queue-on-shutdown alertmanager.notification-batch-size
alertmanager.notification-queue-capacity auto-gomaxprocs auto-gomemlimit auto-gomemlimit.ratio
config.auto-reload config.auto-reload-interval config.file enable-feature help log.format log.level
query.lookback-delta query.max-concurrency query.max-samples query.timeout
rules.alert.for-grace-period rules.alert.for-outage-tolerance rules.alert.resend-delay
rules.max-concurrent-evals scrape.adjust-timestamps scrape.discovery-reload-interval
scrape.timestamp-tolerance storage.agent.checkpoint-batch-size
storage.agent.checkpoint-from-in-memory-series storage.agent.no-lockfile storage.agent.path
storage.agent.retention.max-time storage.agent.retention.min-time storage.agent.wal-compression
storage.agent.wal-compression-type storage.agent.wal-segment-size
storage.agent.wal-truncate-frequency storage.remote.flush-deadline
storage.remote.read-concurrent-limit storage.remote.read-max-bytes-in-frame
storage.remote.read-sample-limit storage.tsdb.allow-overlapping-compaction
storage.tsdb.block-reload-interval storage.tsdb.delay-compact-file.path
storage.tsdb.delayed-compaction.max-percent storage.tsdb.head-chunks-write-queue-size
storage.tsdb.max-block-chunk-segment-size storage.tsdb.max-block-duration
storage.tsdb.min-block-duration storage.tsdb.no-lockfile storage.tsdb.path
storage.tsdb.retention.size storage.tsdb.retention.time storage.tsdb.samples-per-chunk
storage.tsdb.wal-compression storage.tsdb.wal-compression-type storage.tsdb.wal-segment-size
version web.config.file web.console.libraries web.console.templates web.cors.origin
web.enable-admin-api web.enable-lifecycle web.enable-otlp-receiver
web.enable-remote-write-receiver web.external-url web.listen-address web.max-connections
web.max-notifications-subscribers web.page-title web.read-timeout
web.remote-write-receiver.accepted-protobuf-messages web.route-prefix web.search.max-limit
web.user-assets write-documentation
""".split()

COMMANDS = ["serve", "query instant", "query range", "query series", "query labels", "explain", "push", "polls",
            "tsdb dump", "tsdb import", "tsdb analyze", "tsdb verify", "tsdb snapshot", "tsdb restore", "tsdb compact", "lint", "test", "simulate", "help",
            "version"]


def reference():
    with open(os.path.join(TOP, "docs/flags.md")) as f:
        return f.read()


def section(title):
    """Names of the flags in one section of docs/flags.md."""
    text = reference()
    at = text.index(title) if title else 0
    end = text.find("\n## ", at + 1)
    return re.findall(r"^\| `--(?:\[no-\])?([^`]+)`", text[at:end if end > 0 else None], re.M)


# ---- documents --------------------------------------------------------------------------------

def test_flag_reference_is_what_the_program_says():
    assert run_ferula("help", "flags-markdown").stdout == reference()


def test_every_flag_of_prometheus_is_in_one_class():
    classes = [section(""), section("## Accepted and ignored"), section("## Refused")]
    for flag in PROMETHEUS_FLAGS:
        assert sum(flag in names for names in classes) == 1, flag


# ---- stdout -----------------------------------------------------------------------------------

OBJECT = os.path.join(TOP, "examples/scaled-object.yaml")
PRINTING = [["help"], ["version"], ["serve", "--version"], ["push", "--help"], ["lint", OBJECT], ["simulate", OBJECT],
            ["simulate", OBJECT, "--for=30d", "-o", "csv"], ["test", os.path.join(TOP, "examples/pause.test.yaml")]]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_broken_stdout(words):
    """What cannot be printed is told once; who reads no more is not."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([FERULA, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "ferula: stdout: No space left on device\n")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([FERULA, *words], stdout=write, stderr=subprocess.PIPE, restore_signals=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


# ---- faults of usage --------------------------------------------------------------------------

USAGE = [  # words, what stderr says
    (["--web.listen-adress=:1"], "unknown long flag '--web.listen-adress', did you mean '--web.listen-address'?"),
    (["serve", "--query.timeot", "5m"], "unknown long flag '--query.timeot', did you mean '--query.timeout'?"),
    (["serve", "extra"], "unexpected 'extra'"),
    (["serve", "-x"], "unknown short flag '-x'"),
    (["serv"], "unknown command 'serv', did you mean 'serve'?"),
    (["psuh"], "unknown command 'psuh', did you mean 'push'?"),
    (["query"], "expected instant, range, series or labels"),
    (["query", "histogram"], "expected instant, range, series or labels"),
    (["query", "instant", "http://127.0.0.1:1"], "expected URL EXPR"),
    (["query", "series", "http://127.0.0.1:1"], "required flag --match not provided"),
    (["query", "instant", "--time=noon", "http://127.0.0.1:1", "up"], "invalid value \"noon\" for flag '--time'"),
    (["query", "range", "--start=5", "--end=5", "http://127.0.0.1:1", "up"], "start time is not before end time"),
    (["query", "instant", "--header=x", "http://127.0.0.1:1", "up"], "expected name=value"),
    (["simulate", "--header=x", "--data=http://127.0.0.1:1", "so.yaml"], "expected name=value"),
    (["query", "instant", "-o", "xml", "http://127.0.0.1:1", "up"], "expected one of promql, json"),
    (["push", "http://127.0.0.1:1"], "expected URL FILE|-"),
    (["--query.timeout=5"], "invalid value \"5\" for flag '--query.timeout': expected a duration"),
    (["--query.max-samples=-1"], "expected a whole number"),
    (["--query.max-concurrency=0"], "expected from 1 to 1000"),
    (["--web.max-connections=0"], "expected from 1 to 1000000"),
    (["--log.level=loud"], "expected one of debug, info, warn, error"),
    (["--log.format=xml"], "expected one of logfmt, json"),
    (["--ingest.max-request-bytes=1"], "expected from 1KB to 1GB"),
    (["--web.cors.origin=("], "could not compile CORS regex string"),
    (["--web.external-url=host"], "expected a URL such as http://host/path"),
    (["--web.listen-address=:1", "--web.listen-address=:2"], "flag '--web.listen-address' cannot be repeated"),
    (["--no-log.level"], "unknown long flag '--no-log.level'"),
    (["--config.file=prometheus.yml"], "flag '--config.file' is not supported: ferula does not scrape"),
    (["--web.config.file=web.yml"], "flag '--web.config.file' is not supported: TLS"),
    (["--storage.tsdb.retention.time=15"], "invalid value \"15\" for flag '--storage.tsdb.retention.time'"),
    (["--storage.tsdb.retention.size=big"], "invalid value \"big\" for flag '--storage.tsdb.retention.size'"),
    (["--web.enable-lifecycle"], "flag '--web.enable-lifecycle' is not supported"),
    (["--web.remote-write-receiver.accepted-protobuf-messages=x"], "unknown remote write protobuf message x, supported: "),
    (["--agent"], "flag '--agent' is not supported"),
    (["--storage.agent.path=x"], "flag '--storage.agent.path' is not supported"),
]


@pytest.mark.parametrize("words,said", USAGE, ids=[" ".join(w) for w, _ in USAGE])
def test_fault_of_usage_exits_2_and_says_why(words, said, tmp_path):
    done = run_ferula(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert os.listdir(tmp_path) == []  # nothing was begun


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "127.0.0.1:http2x", "[::1"])
def test_bad_listen_address_is_a_fault(address, tmp_path):
    done = run_ferula("--web.listen-address=" + address, "--log.level=error", cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert address in done.stderr


def test_environment_is_checked_like_flags(tmp_path):
    done = run_ferula("serve", env={"FERULA_WEB_MAX_CONNECTIONS": "many"}, cwd=tmp_path)
    assert done.returncode == 2
    assert "environment variable FERULA_WEB_MAX_CONNECTIONS: invalid value \"many\"" in done.stderr
    done = run_ferula("serve", env={"FERULA_CONFIG_FILE": "x"}, cwd=tmp_path)
    assert done.returncode == 2
    assert "environment variable FERULA_CONFIG_FILE: flag '--config.file' is not supported" in done.stderr


# ---- help and version -------------------------------------------------------------------------

def test_help_lists_the_commands():
    for words in (["--help"], ["-h"], ["help"], ["help", "--help"]):
        done = run_ferula(*words)
        assert done.returncode == 0 and done.stderr == ""
    overview = run_ferula("help").stdout
    for command in COMMANDS:
        assert overview.count(f"\n  {command} ") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_two_examples(command):
    done = run_ferula(*command.split(), "--help")
    same = run_ferula("help", *command.split())
    assert done.returncode == same.returncode == 0
    if command != "help":
        assert done.stdout == same.stdout
    examples = same.stdout.split("Examples:\n")[1]
    assert len(re.findall(r"^  \S", examples, re.M)) == 2
    assert max(map(len, same.stdout.split("\n"))) <= 110


def test_help_wins_over_what_follows():
    assert run_ferula("serve", "--help", "--bogus").returncode == 0


def test_help_on_a_group_lists_it():
    done = run_ferula("query", "--help")
    assert done.returncode == 0 and "query range" in done.stdout
    assert run_ferula("help", "query").stdout == done.stdout


def test_version_reads_as_prometheus_does():
    with open(os.path.join(TOP, "VERSION")) as f:
        version = f.read().strip()
    for words in (["--version"], ["version"], ["serve", "--version"]):
        done = run_ferula(*words)
        assert done.returncode == 0
        assert re.match(rf"ferula, version {re.escape(version)} \(.*revision: \S+\)\n", done.stdout)


# ---- flags that work --------------------------------------------------------------------------

def shown(server):
    reply = server.get("/api/v1/status/flags")
    assert reply.status == 200
    return reply.json()["data"]


def test_defaults_are_those_of_prometheus(server):
    flags = shown(server)
    for name, value in {"query.lookback-delta": "5m", "query.timeout": "2m",
                        "query.max-samples": "50000000", "query.max-concurrency": "20",
                        "web.max-connections": "512", "web.read-timeout": "5m",
                        "web.cors.origin": ".*", "web.enable-remote-write-receiver": "true",
                        "web.enable-admin-api": "false", "web.enable-lifecycle": "false",
                        "log.level": "info", "log.format": "logfmt", "storage.tsdb.path": server.dir,
                        "ingest.max-labels": "256", "ingest.max-request-bytes": "32MB"}.items():
        assert flags[name] == value, name
    assert "help" not in flags


def test_environment_sets_and_the_command_line_wins(tmp_path):
    env = {"FERULA_QUERY_TIMEOUT": "7s", "FERULA_QUERY_LOOKBACK_DELTA": "9s", "FERULA_HELP": "x",
           "FERULA_WEB_ENABLE_REMOTE_WRITE_RECEIVER": "false", "FERULA_PORT": "tcp://10.0.0.1:9090",
           "FERULA_QUERY_MAX_SAMPLES": ""}
    with start_server(tmp_path, "--query.timeout=8s", env=env) as server:
        flags = shown(server)
        assert flags["query.timeout"] == "8s"
        assert flags["query.lookback-delta"] == "9s"
        assert flags["web.enable-remote-write-receiver"] == "false"
        assert flags["query.max-samples"] == "50000000"


def test_ignored_flags_are_accepted_with_a_line_each(tmp_path):
    given = ["--web.console.templates=/etc/consoles", "--web.console.libraries", "/etc/libs",
             "--storage.tsdb.no-lockfile", "--no-storage.tsdb.wal-compression",
             "--storage.tsdb.min-block-duration=2h", "--auto-gomemlimit.ratio=0.8",
             "--alertmanager.notification-queue-capacity=5"]
    with start_server(tmp_path, *given) as server:
        log = server.stderr_text()
        assert len(re.findall('msg="Flag has no effect in ferula"', log)) == 7
        assert "flag=storage.tsdb.no-lockfile" in log


def test_refused_flags_may_ask_for_what_is_so(tmp_path):
    with start_server(tmp_path, "--web.config.file=",
                      "--no-agent", "--web.enable-lifecycle=false") as server:
        assert server.get("/-/ready").status == 200


def test_features(tmp_path):
    with start_server(tmp_path, "--enable-feature=promql-experimental-functions,nope",
                      "--enable-feature=promql-duration-expr,exemplar-storage",
                      "--enable-feature=promql-extended-range-selectors,type-and-unit-labels",
                      "--enable-feature=use-start-timestamps,st-storage") as server:
        log = server.stderr_text()
        assert 'msg="Experimental PromQL functions enabled."' in log
        assert 'level=WARN' in log and 'msg="Unknown option for --enable-feature" option=nope' in log
        assert "option=promql-duration-expr" in log
        assert 'changes nothing in ferula." option=exemplar-storage' in log
        for said in ("Experimental usage of start timestamps in PromQL engine is enabled.",
                     "Experimental start timestamp storage enabled.",
                     "Experimental type and unit labels enabled"):
            assert f'level=INFO source=serve_conf.c' in log and f'msg="{said}"' in log
        on = server.get("/api/v1/features").json()["data"]
        assert on["promql"]["anchored"] and on["promql"]["type_and_unit_labels"]
        assert not on["promql"]["fill_left"] and on["promql_operators"]["limitk"]
        smoothed = server.get("/api/v1/query", query="rate(x[5m] smoothed)").json()
        assert smoothed["data"]["result"] == []
        ok = server.post_form("/api/v1/parse_query", {"query": "sort_by_label(up, \"a\")"})
        assert ok.status == 200
    with start_server(tmp_path) as server:
        no = server.post_form("/api/v1/parse_query", {"query": "sort_by_label(up, \"a\")"})
        assert no.status == 400 and "is not enabled" in no.text


def test_per_step_stats(tmp_path):
    with start_server(tmp_path, "--enable-feature=promql-per-step-stats") as server:
        assert 'msg="Experimental per-step statistics reporting"' in server.stderr_text()
        assert server.get("/api/v1/features").json()["data"]["promql"]["per_step_stats"]

        def samples(path, **params):
            answer = server.get(path, query="vector(time())", **params).json()
            return answer["data"]["stats"]["samples"]

        grid = {"start": 100.5, "end": 101.5, "step": 0.5}
        steps = [[100.5, 0], [101, 0], [101.5, 0]]
        assert list(samples("/api/v1/query_range", stats="all", **grid).items()) == [
            ("totalQueryableSamplesPerStep", steps), ("totalQueryableSamples", 0),
            ("samplesReadPerStep", steps), ("samplesRead", 0), ("peakSamples", 7)]
        instant = samples("/api/v1/query", stats="all", time=7)
        assert instant["samplesReadPerStep"] == [[7, 0]]
        assert "samplesReadPerStep" not in samples("/api/v1/query", stats="true", time=7)


def test_log_as_json_at_a_level(tmp_path):
    import json

    with start_server(tmp_path, "--log.format=json", "--log.level=info") as server:
        lines = [json.loads(line) for line in server.stderr_text().splitlines()]
        assert {"level": "INFO", "msg": "Starting ferula"}.items() <= lines[0].items()
        assert lines[-1]["address"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("flags,prefix", [
    (["--web.route-prefix=/prom"], "/prom"),
    (["--web.route-prefix=prom/"], "/prom"),
    (["--web.external-url=http://host:1/a/b/"], "/a/b"),
    (["--web.external-url=http://host/a", "--web.route-prefix=/"], ""),
])
def test_route_prefix(tmp_path, flags, prefix):
    with start_server(tmp_path, *flags) as server:
        assert server.get(prefix + "/-/healthy").status == 200
        assert server.get(prefix + "/api/v1/query", query="1+1").json()["data"]["result"][1] == "2"
        if prefix:
            assert server.get("/-/healthy").status == 404


def test_receiver_can_be_turned_off(tmp_path):
    with start_server(tmp_path, "--no-web.enable-remote-write-receiver") as server:
        reply = server.write(b"")
        assert reply.status == 404
        assert reply.text == ("remote write receiver needs to be enabled with "
                              "--web.enable-remote-write-receiver\n")


def test_no_aliases(tmp_path, server):
    assert "\nprometheus_build_info" in server.get("/metrics").text
    with start_server(tmp_path / "other", "--no-metrics.prometheus-aliases") as plain:
        text = plain.get("/metrics").text
        assert "\nprometheus_" not in text and "\nferula_" in text


def test_limits_of_a_query_are_flags(tmp_path):
    with start_server(tmp_path, "--query.max-samples=5") as server:
        server.push("".join(f'm{{i="{i}"}} 1\n' for i in range(10)))
        reply = server.get("/api/v1/query", query="m")
        assert reply.status == 422
        assert "would load too many samples" in reply.text
        assert server.value("1") == "1"


def test_lookback_is_a_flag(tmp_path):
    with start_server(tmp_path, "--query.lookback-delta=10s") as server:
        server.push("m 1 1700000000000\n")
        assert server.value("m", 1700000009) == "1"
        assert server.value("m", 1700000011) is None
