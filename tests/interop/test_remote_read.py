"""Prometheus' own remote-read client (v0.314.0): what it is given is what was written, bit for bit,
as samples and as streamed chunks."""
import json
import os
import random
import struct
import subprocess

import pytest

import gopeer
import rw
from conftest_server import start_server

START = 1_700_000_000_000


@pytest.fixture(scope="module")
def reader():
    program = gopeer.build("promeval", "remoteread")

    def read(server, kind, start, end, *matchers):
        done = subprocess.run([program, server.url + "/api/v1/read", kind, str(start), str(end),
                               *matchers], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return read


def bits(v):
    return v if isinstance(v, int) else struct.unpack("<Q", struct.pack("<d", v))[0]


def odd_value(rnd):
    return rnd.choice([0.0, -0.0, 1.0, 1e-300, float("inf"), 0x7FF0000000000002, 0x7FF8000000000001,
                       rnd.uniform(-1e6, 1e6), float(rnd.randint(0, 1000)), rnd.random() * 1e300])


def write_series(server, rnd, n_series, n_samples):
    """{labels as JSON: [[ms, bits in hex], ...]} of what was written, in one request."""
    want, request = {}, []
    for i in range(n_series):
        labels = {"__name__": "read_me", "i": str(i), "kind": "even" if i % 2 == 0 else "odd"}
        t, samples, v = START + rnd.randint(0, 999), [], 0.0
        for _ in range(n_samples):
            v = v + rnd.randint(0, 9) if i % 3 else odd_value(rnd)
            samples.append((t, v))
            t += rnd.choice([15000, 15000, 15001, 1, 3_600_000, 100_000])
        want[json.dumps(labels, sort_keys=True)] = [[t, f"{bits(v):016x}"] for t, v in samples]
        request.append((labels, samples))
    reply = server.request("POST", "/api/v1/write", rw.body(*request),
                           {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
                            "Ferula-Backfill": "true"})
    assert reply.status == 204, reply
    return want


@pytest.mark.parametrize("kind", ["samples", "chunks"])
def test_everything_comes_back(server, reader, kind):
    want = write_series(server, random.Random(7), 40, 300)
    end = max(s[-1][0] for s in want.values())

    def got(start, end, *matchers):
        return {json.dumps(s["labels"], sort_keys=True): s["floats"]
                for s in reader(server, kind, start, end, *matchers)}

    assert got(START, end, "__name__=read_me") == want
    some = {k: [s for s in v if START + 500_000 <= s[0] <= START + 900_000] for k, v in want.items()
            if '"even"' in k}
    assert got(START + 500_000, START + 900_000, "__name__=~read.*", "kind!=odd") == \
        {k: v for k, v in some.items() if v}
    assert got(START, end, "__name__=nothing") == {}
    server.restart(kill=True)
    assert got(START, end, "i!~[0-9]") == {k: v for k, v in want.items()
                                           if len(json.loads(k)["i"]) > 1}


def test_frames_are_small(tmp_path, reader):
    with start_server(tmp_path, "--storage.remote.read-max-bytes-in-frame=200") as server:
        want = write_series(server, random.Random(8), 2, 2000)
        frames = reader(server, "chunks", 0, 2**53, "__name__=read_me")
        got = {}
        for one in frames: # the client gives a series once a frame
            got.setdefault(json.dumps(one["labels"], sort_keys=True), []).extend(one["floats"])
        assert got == want and len(frames) > 20


def test_over_the_limit(tmp_path, reader):
    with start_server(tmp_path, "--storage.remote.read-sample-limit=100") as server:
        write_series(server, random.Random(9), 2, 60)
        with pytest.raises(AssertionError, match=r"400 Bad Request.*exceeded sample limit \(100\)"):
            reader(server, "samples", 0, 2**53, "__name__=read_me")
        assert len(reader(server, "samples", 0, 2**53, "i=1")) == 1
