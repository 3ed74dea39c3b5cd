"""`ferula tsdb ...`: dumps there and back, analysis, checks, snapshots, on servers and folders."""
import json
import os
import random
import re
import struct
import subprocess
import threading

import pytest

import rw
from conftest_server import FERULA, clean_env, run_ferula, start_server

T0 = 1700000000000
NANS = [0x7FF8000000000001, 0x7FF0000000000002, 0x7FF8000000000123, 0xFFF8000000000000, 0x7FF0000000000001]
ODD = NANS + [-0.0, 0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, float("inf"),
              float("-inf"), 0.1, 1 / 3, 1e21, 1e-7, 123456789.125, -1.0, 9007199254740993.0]
ODD_LABELS = {"__name__": "odd", "a": "q\"b\\c\nd\te", "u": "ü €\u2028\U0001f600", "z.z": "\x01\x7f"}


def tsdb(*args, code=0, **more):
    done = run_ferula("tsdb", *args, **more)
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def lines_of(text):
    """Not str.splitlines(): a label may hold U+2028."""
    return text.split("\n")[:-1]


def bits(value):
    return value if isinstance(value, int) else struct.unpack("<Q", struct.pack("<d", value))[0]


def write(server, *series, backfill=True):
    reply = server.write(rw.body(*series), {"Ferula-Backfill": "true" if backfill else None})
    assert reply.status == 204, reply


def fill(server):
    """Odd values, a long series, several families with metadata; half an hour and more apart."""
    write(server, rw.series(ODD_LABELS, [(T0 + i, v) for i, v in enumerate(ODD)]))
    write(server, rw.series({"__name__": "long"}, [(T0 + i * 250, i % 7 * 0.1) for i in range(20000)]))
    rnd = random.Random(7)
    for name in ("h_bucket", "h_count", "h_sum", "g", "h_other", "c_total"):
        write(server, *(rw.series({"__name__": name, "s": str(s)},
                                  [(T0 - 86400000 + i * 60000, rnd.random()) for i in range(100)])
                        for s in range(10)))
    server.push("# TYPE h histogram\n# HELP h Two\\nlines \\\\ and more.\n# TYPE g gauge\n# HELP g G.\n"
                "# TYPE c_total counter\n# TYPE unused summary\n")


@pytest.fixture
def full(tmp_path):
    with start_server(tmp_path, "--storage.tsdb.retention.time=0", "--web.enable-admin-api") as server:
        fill(server)
        yield server


# ---- dump and import --------------------------------------------------------------------------

def test_a_dump_has_every_bit(full):
    lines = [json.loads(line) for line in lines_of(tsdb("dump", full.url).stdout)]
    odd = [line for line in lines if line["metric"]["__name__"] == "odd"]
    assert [line["metric"] for line in odd] == [ODD_LABELS]
    named = {"NaN": NANS[0], "stale": NANS[1], "+Inf": bits(float("inf")), "-Inf": bits(float("-inf"))}
    got = [named.get(v) or int(v[4:], 16) if isinstance(v, str) else bits(float(v)) for v in odd[0]["values"]]
    text = tsdb("dump", "--match=odd", full.url).stdout
    assert ",-0,0,5e-324,-5e-324," in text
    got[len(NANS)] = bits(-0.0)  # Python reads -0 as a whole number
    assert got == [bits(v) for v in ODD]
    assert odd[0]["timestamps"] == [T0 + i for i in range(len(ODD))]
    long = [line for line in lines if line["metric"]["__name__"] == "long"]
    assert [len(line["values"]) for line in long] == [8192, 8192, 3616]
    assert sum((line["timestamps"] for line in long), []) == [T0 + i * 250 for i in range(20000)]


@pytest.mark.parametrize("form", ["jsonl", "openmetrics"])
def test_a_round_trip_is_equal_to_the_byte(full, tmp_path, form):
    dump = tmp_path / "dump"
    dump.write_text(tsdb("dump", "--format", form, full.url).stdout)
    one, two = tmp_path / "one", tmp_path / "two"
    assert "sent 26020 samples in " in tsdb("import", dump, one).stdout
    assert tsdb("dump", "--format", form, one).stdout == dump.read_text()
    with start_server(two, "--storage.tsdb.retention.time=0") as other:
        tsdb("import", dump, other.url)
        assert tsdb("dump", "--format", form, other.url).stdout == dump.read_text()
        # Once more, by a pipe: nothing changes.
        tsdb("import", "-", other.url, stdin=dump.read_text())
        assert tsdb("dump", "--format", form, other.url).stdout == dump.read_text()
    assert tsdb("dump", "--format", form, two / "data").stdout == dump.read_text()
    assert "is sound" in tsdb("verify", one).stdout
    assert "is sound" in tsdb("verify", two / "data").stdout


def test_histograms_come_back(server, tmp_path):
    """Floats and histograms in turn, whole and float counts, custom buckets, a stale marker."""
    def h(count, total, i, **more):
        return rw.field(4, rw.histogram(count, total, T0 + i * 1000, **more))

    stale = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
    write(server, rw.series({"__name__": "h"}, [(T0, 1.0)],
                            h(6, 1.5, 1, schema=3, buckets=(1, 2, 3)) + h(0, stale, 2)
                            + h(3, 0.1, 3, schema=-53, buckets=(1, 0, 2), custom=(0.5, 2.5))
                            + rw.field(4, rw.float_histogram(2.5, -1.0, T0 + 4000, buckets=(1.25, 1.25)))))
    write(server, rw.series({"__name__": "h"}, [(T0 + 2500, 2.0)]))
    dump = tsdb("dump", server.url).stdout
    lines = [json.loads(line) for line in lines_of(dump)]
    assert [line["timestamps"] for line in lines] == [[T0], [T0 + 1000, T0 + 2000], [T0 + 2500],
                                                      [T0 + 3000, T0 + 4000]]
    assert lines[1]["histograms"][0] == {
        "schema": 3, "count": 6, "sum": 1.5, "zero_threshold": 0, "zero_count": 0,
        "positive": [0, 1, 1, 2, 2, 3], "whole": True}
    assert lines[1]["histograms"][1]["sum"] == "stale"
    assert lines[3]["histograms"][0]["bounds"] == [0.5, 2.5]
    tsdb("import", "-", tmp_path / "other", stdin=dump)
    assert tsdb("dump", tmp_path / "other").stdout == dump
    text = tsdb("dump", "--format=openmetrics", server.url)
    assert lines_of(text.stdout)[-3:] == ["h 1 1700000000.000", "h 2 1700000002.500", "# EOF"]
    assert "4 native histograms were left out" in text.stderr


def test_openmetrics_keeps_families_together(full):
    done = tsdb("dump", "--format=openmetrics", full.url)
    assert re.search(r"4 stale markers and NaNs with payloads were written as NaN", done.stderr)
    lines = lines_of(done.stdout)
    assert lines[-1] == "# EOF"
    heads = [line for line in lines if line.startswith("#")]
    assert heads == ["# TYPE c_total counter", "# TYPE g gauge", "# HELP g G.", "# TYPE h histogram",
                     "# HELP h Two\\nlines \\\\ and more.", "# TYPE unused summary", "# EOF"]
    names = [re.match(r"\w+", line).group() for line in lines if not line.startswith("#")]
    order = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    assert order == ["c_total", "g", "h_bucket", "h_count", "h_sum", "h_other", "long", "odd"]
    assert all(re.search(r" -?\d+\.\d{3}$", line) for line in lines if not line.startswith("#"))
    assert 'odd{a="q\\"b\\\\c\\nd\te",u=' in done.stdout


def test_dump_of_a_part(full):
    words = ["dump", '--match=g{s="1"}', '--match={__name__=~"h_.*",s="2"}', "--start", T0 // 1000 - 86400,
             "--end=2023-11-13T22:14:20Z"]
    got = tsdb(*words, full.url).stdout
    lines = [json.loads(line) for line in got.splitlines()]
    assert sorted(line["metric"]["__name__"] for line in lines) == ["g", "h_bucket", "h_count", "h_other", "h_sum"]
    assert all(line["timestamps"] == [T0 - 86400000, T0 - 86340000] for line in lines)
    assert tsdb("dump", "--match=absent", full.url).stdout == ""
    assert tsdb("dump", "--match=absent", "--format=openmetrics", full.url).stdout == "# EOF\n"
    full.stop()  # all is sealed now
    assert tsdb(*words, full.dir).stdout == got
    full.start()


def test_pages_of_the_dump_are_bounded(full):
    text, after, n = "", None, 0
    while n == 0 or after:
        reply = full.get("/_ferula/tsdb/dump", limit=2000, **({"after": after} if after else {}))
        assert reply.status == 200 and len(reply.body) < 400000
        text += reply.text
        after = reply.headers.get("ferula-next")
        n += 1
    assert n > 10
    assert text == tsdb("dump", full.url).stdout
    for params in ({"after": "1"}, {"after": "0:1"}, {"after": "x:y"}, {"match": "{"}, {"start": "x"}):
        assert full.get("/_ferula/tsdb/dump", **params).status == 400


def test_import_of_what_is_in_part_bad(server, tmp_path):
    good = '{"metric":{"__name__":"m","s":"%d"},"values":[%d],"timestamps":[1700000000000]}\n'
    bad = ["half", '{"metric":{"__name__":"m"},"values":[1],"timestamps":[1', '{"metric":{},"values":[1],"timestamps":[1]}',
           '{"metric":{"__name__":"m"},"values":[1,2],"timestamps":[1]}', '{"metric":{"__name__":"m"},"values":["x"],"timestamps":[1]}',
           '{"metric":{"__name__":"m"},"values":[1],"timestamps":[1.5]}', "[]", "{}"]
    text = "".join(good % (i, i) + line + "\n" for i, line in enumerate(bad))
    text += '{"metric":{"__name__":"future"},"values":[1],"timestamps":[99999999999999]}\n'
    text += (good % (99, 99))[:-20]  # cut short
    done = tsdb("import", "-", server.url, stdin=text, code=1)
    assert done.stdout == f"sent 9 samples in 1 request to {server.url}, 10 faults\n"
    for i in range(len(bad)):
        assert f"ferula tsdb: stdin: line {2 * i + 2}: " in done.stderr
    assert "too far in the future for series {__name__=\"future\"}" in done.stderr
    assert server.value("count(m)", 1700000000) == str(len(bad))

    done = tsdb("import", "-", server.url, code=1,
                stdin="# TYPE n gauge\nn 1 1700000000\nn{ 2\nn 3 1700000015\nn x\nn 4 1700000030\n# EOF\nmore 1\n")
    assert "stdin: line 3: " in done.stderr and "stdin: line 5: a value" in done.stderr
    assert "stdin: data after # EOF" in done.stderr
    assert server.value("count_over_time(n[1m])", 1700000031) == "3"
    assert "does not end with # EOF" in tsdb("import", "-", server.url, stdin="n 5 1700000045\n", code=1).stderr
    assert server.value("n", 1700000046) == "5"


def test_import_takes_what_victoriametrics_exports(server):
    tsdb("import", "-", server.url, stdin='{"metric":{"__name__":"vm","é":"\\u00e9\\ud83d\\ude00"},'
         '"values":[1,null,"Infinity","-Infinity",2.5e3],"timestamps":[1700000000000,1700000001000,1700000002000,'
         '1700000003000,1700000004000],"more":{"a":[1,{"b":null}]}}\n')
    line = json.loads(tsdb("dump", server.url).stdout)
    assert line["metric"] == {"__name__": "vm", "é": "é😀"}
    assert line["values"] == [1, "NaN", "+Inf", "-Inf", 2500]


def test_import_of_wrong_files(server, tmp_path):
    (tmp_path / "gz").write_bytes(b"\x1f\x8b\x08\0")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "good").write_text("g 1 1700000000\n# EOF\n")
    (tmp_path / "empty").write_text("")
    done = tsdb("import", tmp_path / "gz", tmp_path / "absent", tmp_path / "binary", tmp_path / "good",
                tmp_path / "empty", server.url, code=1)
    assert "is compressed" in done.stderr and "No such file" in done.stderr
    assert "is neither JSON lines nor OpenMetrics" in done.stderr
    assert done.stdout.startswith("sent 1 sample in 1 request")
    assert server.value("g", 1700000000) == "1"
    done = tsdb("import", tmp_path / "binary", "--format=openmetrics", server.url, code=1)
    assert "\x1b" not in done.stderr


def test_progress_is_for_terminals(tmp_path):
    (tmp_path / "in").write_text("g 1 1700000000\n# EOF\n")
    assert tsdb("import", tmp_path / "in", tmp_path / "a").stderr == ""
    master, slave = os.openpty()
    done = subprocess.run([FERULA, "tsdb", "import", tmp_path / "in", tmp_path / "b"], stderr=slave,
                          stdout=subprocess.PIPE, env=clean_env(), timeout=60, check=True)
    os.close(slave)
    shown = os.read(master, 10000)
    os.close(master)
    assert b"100%" in shown and b"1 samples" in shown and shown.endswith(b"\r\x1b[K")
    assert done.stdout.startswith(b"sent 1 sample ")


# ---- analyze ----------------------------------------------------------------------------------

def test_analyze(full):
    said = json.loads(tsdb("analyze", "--format=json", full.url).stdout)
    assert said["numSeries"] == 62 and said["numMetrics"] == 8
    assert sum(said["samples"][k] for k in ("sealed", "inMemory", "late")) >= 26020
    assert said["metrics"][0]["series"] == 10 and said["labels"][0] == {"name": "s", "series": 60, "values": 10}
    assert {t["name"] for t in said["tables"]} >= {"series", "post", "chunks", "wal"}
    full.restart()
    full.stop()
    said = json.loads(tsdb("analyze", "--format=json", full.dir).stdout)
    assert said["samples"]["sealed"] == 26020 and said["samples"]["inMemory"] == 0
    assert sum(slot["newSeries"] for slot in said["slots"]) == 62
    assert sum(slot["samples"] for slot in said["slots"]) == 26020
    assert said["bytes"]["data"] == next(t["bytes"] for t in said["tables"] if t["name"] == "chunks")
    table = tsdb("analyze", "--limit=3", full.dir).stdout
    assert re.search(r"^series +62 of 8 metrics", table, re.M)
    assert re.search(r"^ +10  \w+$", table, re.M)
    full.start()


# ---- files ------------------------------------------------------------------------------------

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sound_folder(tmp_path):
    with start_server(tmp_path, "--storage.tsdb.retention.time=0") as server:
        fill(server)
    assert "is sound" in tsdb("verify", server.dir).stdout
    return server.dir


def test_verify_names_a_flipped_row(tmp_path):
    path = os.path.join(sound_folder(tmp_path), "ferula.mdb")
    with open(path, "rb") as file:
        whole = bytearray(file.read())
    at = whole.index(b"h_other")  # in the table of symbols, maybe on old pages, too
    while at >= 0:
        whole[at] ^= 1
        at = whole.find(b"h_other", at + 1)
    with open(path, "wb") as file:
        file.write(whole)
    done = tsdb("verify", os.path.dirname(path), code=1)
    assert re.search(r"^sym \d+: its checksum is wrong$", done.stdout, re.M)
    assert re.search(r"^\d+ faults in .*, the first are shown$", done.stdout, re.M)
    assert len(done.stdout.splitlines()) == 21
    assert tsdb("compact", os.path.dirname(path), code=1).stderr.count("\n") == 1


def test_verify_sees_what_a_checksum_does_not(tmp_path):
    """The text of a symbol is changed and its checksum made right: its hash leads nowhere."""
    path = os.path.join(sound_folder(tmp_path), "ferula.mdb")
    with open(path, "rb") as file:
        whole = bytearray(file.read())
    at = whole.find(b"h_other")
    symbol = None
    while at >= 0:
        key = bytes(whole[at - 8:at - 4])
        if struct.unpack_from("<I", whole, at - 4)[0] == crc32c(key + b"h_other"):
            symbol = struct.unpack("<I", key)[0]
            whole[at:at + 7] = b"h_otter"
            struct.pack_into("<I", whole, at - 4, crc32c(key + b"h_otter"))
        at = whole.find(b"h_other", at + 1)
    assert symbol is not None
    with open(path, "wb") as file:
        file.write(whole)
    done = tsdb("verify", os.path.dirname(path), code=1)
    lines = done.stdout.splitlines()
    assert f"sym {symbol}: its text cannot be found: no row of symx names it" in lines
    assert any(re.fullmatch(rf"symx \d+/\d+/{symbol}: the hash is not that of symbol {symbol}", line) for line in lines)
    assert lines[-1].startswith("2 faults in ")


def test_verify_compact_and_others_want_a_folder_of_their_own(full, tmp_path):
    for args in (["verify"], ["compact"], ["dump"], ["analyze"], ["snapshot"]):
        done = tsdb(*args, full.dir, code=1)
        assert "another ferula uses the data folder" in done.stderr, args
        done = tsdb(*args, tmp_path / "absent", code=1)
        assert "there is no store in" in done.stderr, args
        assert not (tmp_path / "absent").exists()
    assert "another ferula uses" in tsdb("import", "-", full.dir, stdin="", code=1).stderr
    for args in (["verify"], ["compact"], ["restore", "x"]):
        assert "is a server" in tsdb(*args, full.url, code=2).stderr
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "ferula.mdb").write_bytes(b"x" * 10000)
    for args in (["verify"], ["compact"], ["dump"]):
        assert "is not a data file of ferula" in tsdb(*args, tmp_path / "foreign", code=1).stderr


def test_snapshot_under_load(full, tmp_path):
    """What was acknowledged before is in the snapshot, and a request is in it whole or not at all."""
    stop, acked = threading.Event(), []

    def load():
        n = 0
        while not stop.is_set():
            n += 1
            write(full, *(rw.series({"__name__": "load", "s": str(s)}, [(T0 + n * 1000, n)]) for s in range(50)))
            acked.append(n)

    writer = threading.Thread(target=load)
    writer.start()
    try:
        names = []
        for _ in range(5):
            seen = len(acked)
            names.append((seen, tsdb("snapshot", full.url).stdout.strip()))
            assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{16}", names[-1][1])
    finally:
        stop.set()
        writer.join()
    for seen, name in names:
        folder = os.path.join(full.dir, "snapshots", name)
        assert os.listdir(folder) == ["ferula.mdb"]
        assert "is sound" in tsdb("verify", folder).stdout
        lines = [json.loads(line) for line in tsdb("dump", "--match=load", folder).stdout.splitlines()]
        lengths = {len(line["values"]) for line in lines} or {0}
        assert len(lengths) == 1 and lengths.pop() >= seen
    before = tsdb("dump", "--match={__name__!=\"load\"}", full.url).stdout
    tsdb("restore", os.path.join(full.dir, "snapshots", names[-1][1]), tmp_path / "restored" / "deep")
    with start_server(tmp_path / "again", f"--storage.tsdb.path={tmp_path}/restored/deep",
                      "--storage.tsdb.retention.time=0") as again:
        assert tsdb("dump", "--match={__name__!=\"load\"}", again.url).stdout == before


def test_snapshot_api(full):
    reply = full.request("POST", "/api/v1/admin/tsdb/snapshot?skip_head=true")
    assert reply.status == 200
    name = reply.json()["data"]["name"]
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{16}", name)
    assert reply.text == '{"status":"success","data":{"name":"%s"}}' % name
    assert os.path.exists(os.path.join(full.dir, "snapshots", name, "ferula.mdb"))
    reply = full.request("PUT", "/api/v1/admin/tsdb/snapshot?skip_head=maybe")
    assert (reply.status, reply.json()["errorType"]) == (400, "bad_data")
    for name in ("../up", ".hidden", "a/b", "x" * 200):
        reply = full.post_form("/api/v1/admin/tsdb/snapshot", {"name": name})
        assert reply.status == 400, name
    assert full.request("GET", "/api/v1/admin/tsdb/snapshot").status == 405
    assert full.request("POST", "/api/v1/admin/tsdb/clean_tombstones").status == 204


def test_snapshot_names_and_restore(tmp_path):
    folder = sound_folder(tmp_path)
    assert tsdb("snapshot", folder, "first").stdout == f"{folder}/snapshots/first\n"
    assert "there is a snapshot first already" in tsdb("snapshot", folder, "first", code=1).stderr
    assert "is no name" in tsdb("snapshot", folder, "a/b", code=2).stderr
    snapshot = os.path.join(folder, "snapshots", "first")
    tsdb("restore", os.path.join(snapshot, "ferula.mdb"), tmp_path / "new")
    assert tsdb("dump", tmp_path / "new").stdout == tsdb("dump", folder).stdout
    assert "is not empty" in tsdb("restore", snapshot, tmp_path / "new", code=1).stderr
    assert "there is no snapshot" in tsdb("restore", tmp_path / "nowhere", tmp_path / "x", code=1).stderr
    assert not (tmp_path / "x").exists()
    with open(os.path.join(snapshot, "ferula.mdb"), "r+b") as file:
        file.truncate(20000)
    assert "faults, the first: " in tsdb("restore", snapshot, tmp_path / "x", code=1).stderr
    assert not (tmp_path / "x").exists()


def test_compact_gives_pages_back(tmp_path):
    folder = sound_folder(tmp_path)
    before = tsdb("dump", folder).stdout
    said = re.fullmatch(r".*: (\d+) bytes before, (\d+) bytes after\n", tsdb("compact", folder).stdout)
    assert int(said.group(2)) == os.path.getsize(os.path.join(folder, "ferula.mdb")) < int(said.group(1))
    assert "is sound" in tsdb("verify", folder).stdout
    assert tsdb("dump", folder).stdout == before
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]


# ---- usage ------------------------------------------------------------------------------------

@pytest.mark.parametrize("words,said", [
    (["dump"], "expected URL|DIR"),
    (["dump", "a", "b"], "unexpected 'b'"),
    (["dump", "--format=csv", "x"], "expected one of jsonl, openmetrics"),
    (["dump", "--match={", "x"], "invalid value \"{\" for flag '--match'"),
    (["dump", "--start=yesterday", "x"], "invalid value \"yesterday\" for flag '--start'"),
    (["dump", "--nope", "x"], "unknown long flag '--nope'"),
    (["import", "x"], "expected FILE|- ... URL|DIR"),
    (["import", "--format=csv", "x", "y"], "expected one of auto, jsonl, openmetrics"),
    (["import", "--header=x", "x", "y"], "expected name=value"),
    (["analyze", "--limit=0", "x"], "expected from 1 to 10000"),
    (["verify", "--fix", "x"], "unknown long flag '--fix'"),
    (["restore", "x"], "expected SNAPSHOT DIR"),
    (["compact"], "expected DIR"),
    (["snapshot"], "expected URL|DIR [NAME]"),
    (["defragment"], "expected dump, import, analyze, verify, snapshot, restore or compact"),
    ([], "expected dump, import, analyze, verify, snapshot, restore or compact"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else None)
def test_faults_of_usage(words, said):
    assert said in tsdb(*words, code=2).stderr


def test_a_server_that_is_not_there_or_is_another():
    for args in (["dump"], ["analyze"], ["snapshot"]):
        tsdb(*args, "127.0.0.1:1", code=4)
    tsdb("import", "-", "127.0.0.1:1", stdin="a 1 1\n# EOF\n", code=4)


def test_snapshot_needs_the_flag(server):
    assert "admin APIs disabled" in tsdb("snapshot", server.url, code=1).stderr


def test_a_store_in_memory_has_no_snapshots(tmp_path):
    with start_server(tmp_path, "--storage.memory", "--web.enable-admin-api") as server:
        server.push("m 1\n")
        assert "it has no folder" in tsdb("snapshot", server.url, code=1).stderr
        assert json.loads(tsdb("dump", server.url).stdout)["values"] == [1]
        assert json.loads(tsdb("analyze", "-o", "json", server.url).stdout)["numSeries"] == 1
