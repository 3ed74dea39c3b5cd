"""promtool of the pinned Prometheus runs the half of our test files that is its own."""
import os
import subprocess

import pytest

from conftest_server import TOP, run_ferula
from pinned import program

EXAMPLES = os.path.join(TOP, "examples")
STORIES = sorted(name for name in os.listdir(EXAMPLES) if name.endswith(".test.yaml"))

FILE = """evaluation_interval: 1m
tests:
  - name: all
    interval: 1m
    start_timestamp: 1700000000
    input_series:
      - {series: 'm{a="x"}', values: '0+60x10 _x3 stale 5 0+1x3'}
      - {series: 'm{a="y"}', values: '1x20'}
      - {series: 'h', values: '{{schema:0 sum:3 count:2 buckets:[1 1]}}+{{sum:1 count:1 buckets:[0 1]}}x9'}
    promql_expr_test:
      - {expr: 'EXPR', eval_time: AT, exp_samples: SAMPLES}
"""


def promtool(path):
    return subprocess.run([program("promtool"), "test", "rules", path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)


@pytest.mark.parametrize("name", STORIES)
def test_examples(tmp_path, name):
    half = run_ferula("test", "--promtool", os.path.join(EXAMPLES, name))
    assert half.returncode == 0, half.stderr
    path = tmp_path / "half.yaml"
    path.write_text(half.stdout)
    done = promtool(path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("expr,at,samples", [
    ("m", "10m", "[{labels: 'm{a=\"x\"}', value: 600}, {labels: 'm{a=\"y\"}', value: 1}]"),
    ("m", "10m", "[{labels: 'm{a=\"y\"}', value: 1}, {labels: 'm{a=\"x\"}', value: 600}]"),
    ("m", "10m", "[{labels: 'm{a=\"x\"}', value: 601}, {labels: 'm{a=\"y\"}', value: 1}]"),
    ("m", "10m", "[{labels: 'm{a=\"y\"}', value: 1}]"),
    ("count(m)", "14m", "[{value: 1}]"),
    ("count(m)", "13m", "[{labels: '{}', value: 2}]"),
    ("sum(rate(m[5m]))", "10m", "[{labels: '{}', value: 1}]"),
    ("avg_over_time(m[5m:])", "10m", "[{labels: '{a=\"x\"}', value: 480}, {labels: '{a=\"y\"}', value: 1}]"),
    ("time()", "1m", "[{labels: '{}', value: 1700000060}]"),
    ("m / 0 - m / 0", "1m", "[{labels: '{a=\"x\"}', value: .nan}, {labels: '{a=\"y\"}', value: .nan}]"),
    ("-m / 0", "1m", "[{labels: '{a=\"x\"}', value: -.inf}, {labels: '{a=\"y\"}', value: -.Inf}]"),
    ("absent(nothing)", "1m", "[{labels: '{}', value: 1}]"),
    ("nothing", "1m", ""),
    ("m[5m]", "1m", "[]"),
    ("h", "1m", "[{labels: 'h', histogram: '{{schema:0 sum:4 count:3 buckets:[1 2]}}'}]"),
    ("h", "1m", "[{labels: 'h', histogram: '{{schema:0 sum:4 count:3 buckets:[1 2 0]}}'}]"),
    ("h", "1m", "[{labels: 'h', histogram: '{{schema:0 sum:4 count:3 buckets:[2 1]}}'}]"),
    ("h", "1m", "[{labels: 'h', value: 4}]"),
    ("histogram_sum(h)", "1m", "[{labels: '{}', value: 4}]"),
    ("sum(m) @ end()", "1m", "[{labels: '{}', value: 61}]"),
    ("m", "90s", "[{labels: 'm{a=\"x\"}', value: 60}, {labels: 'm{a=\"y\"}', value: 1}]"),
    ("h", "1m", "[{labels: 'h', histogram: '{{schema:0 sum:4 count:3 counter_reset_hint:not_reset buckets:[1 2]}}'}]"),
    ("m offset -1m", "1m", "[{labels: 'm{a=\"x\"}', value: 120}, {labels: 'm{a=\"y\"}', value: 1}]"),
])
def test_both_say_the_same(tmp_path, expr, at, samples):
    path = tmp_path / "t.yaml"
    path.write_text(FILE.replace("EXPR", expr).replace("AT", at).replace("SAMPLES", samples))
    theirs, ours = promtool(path), run_ferula("test", path)
    path.write_text(run_ferula("test", "--promtool", path).stdout)
    assert promtool(path).returncode == theirs.returncode
    assert theirs.returncode in (0, 1), theirs.stdout
    assert ours.returncode == theirs.returncode, theirs.stdout + ours.stdout + ours.stderr
