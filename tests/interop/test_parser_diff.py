"""The parser beside Prometheus' own: the same queries are accepted, with the same text for the first
error and its position, and the same canonical and prettified forms."""
import json
import os
import random
import re
import subprocess

import pytest

import gopeer
from promql_gen import Generator

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
N_QUERIES = int(os.environ.get("N_QUERIES", "2000"))
SEED = int(os.environ.get("SEED", "1"))

# What Prometheus prints for these is another expression when it is read again; ferula's text is not.
UNSTABLE = re.compile(r"offset\s*[-+]\s*[-+]|info\(.*\{\}\)|offset\s*NaN|\d+s\d+ms", re.IGNORECASE)
# Where Prometheus' versions differ, ferula goes with the newer one: a number in parentheses in a
# duration keeps them, and no @ or offset of any kind may stand in front of a range.
PAREN_NUMBER = re.compile(r"\([\s+-]*[0-9.][\w.]*\s*\)")
BEFORE_RANGE = re.compile(r"no (offset|@) modifiers allowed before range")


@pytest.fixture(scope="module")
def ask():
    make = ["make", "--no-print-directory", "build/release/promqltest"]
    subprocess.run(make, cwd=TOP, check=True, stdout=subprocess.DEVNULL, timeout=1800)
    programs = {"prometheus": [gopeer.build("promparse", "parse")],
                "ferula": [os.path.join(TOP, "build/release/promqltest"), "--parse"]}

    def answers(queries, kind="q"):
        lines = "".join(json.dumps({kind: q}) + "\n" for q in queries)
        both = {name: [json.loads(line) for line in subprocess.run(
                    command, input=lines, text=True, stdout=subprocess.PIPE, check=True,
                    timeout=300).stdout.splitlines()]
                for name, command in programs.items()}
        assert len(both["prometheus"]) == len(both["ferula"]) == len(queries)
        return zip(queries, both["prometheus"], both["ferula"])
    return answers


def differ(theirs, ours):
    keys = ("ok", "printed", "pretty") if theirs["ok"] else ("ok", "err", "start")
    return any(theirs.get(key) != ours.get(key) for key in keys)


def test_generated_queries(ask):
    generator = Generator(SEED)
    queries = [generator.query() for _ in range(N_QUERIES)]
    accepted, other_version, wrong = 0, 0, []
    for query, theirs, ours in ask(queries):
        accepted += theirs["ok"]
        if not differ(theirs, ours):
            continue
        if (PAREN_NUMBER.search(query) or UNSTABLE.search(query)
                or BEFORE_RANGE.search(ours.get("err", ""))):
            other_version += 1
        else:
            wrong.append((query, theirs, ours))
    assert not wrong, "\n".join(f"{q!r}\n  Prometheus {t}\n  ferula     {o}" for q, t, o in wrong[:5])
    # The comparison is worth something: both kinds are there, and little was let off.
    assert N_QUERIES / 20 < accepted < N_QUERIES * 19 / 20
    assert other_version < N_QUERIES / 20


QUERIES = [
    # Which blank, bracket or brace ends what.
    "foo offset 5m + 3", "foo offset (5m + step()) + 3", "foo offset - -5m", "foo offset -2^2",
    "foo[5m] offset 1m @ 10", "foo[5m:1m] @ start() offset -1h", "a^-b*c", "-1^2", "2^3^2",
    "fill + fill", "fill (1)", "by + on(by) without", "sum by (by, without) (sum)", "start{end='x'}",
    # What is found first: the lexer's error or the grammar's.
    "foo[5m", "sum(rate(", "(1 2", "abs(1,", "foo{a='b'", "foo{a=b}", "'\\x4", "`", "foo offset (5m bar",
    "a + on(x) group_left on b", "sum by (a) foo", "sum(x) by y", "topk(1, 2, 3)", "\u00a0", "\x01",
    # Numbers.
    "0x", "0xe", "0x1e", "1e", "1e+", "1__0", "1_", ".5.3", "5m1h", "1.5h", "5ms5s", "0b1", "1 2",
]


def test_corner_cases(ask):
    wrong = [(q, t, o) for q, t, o in ask(QUERIES) if differ(t, o)]
    assert not wrong, "\n".join(f"{q!r}\n  Prometheus {t}\n  ferula     {o}" for q, t, o in wrong)


# Of series with values: what is whole, and what it is mangled with.
SERIES = [
    "m 1+2x3 _ stale -2.5x2 Inf", "{} _x2 1e3-.5x4 NaN", "{} {{}} {{sum:1 count:2}}x2 _",
    "m {{schema:1 sum:3 buckets:[1 2]}}+{{schema:2 count:3 buckets:[1 2 3] offset:-1}}x3",
    "m {{schema:-53 custom_values:[1 2.5] buckets:[1 Inf]}}-{{schema:-53 custom_values:[1]}}x1 5",
    "m {{n_buckets:[3 0 2] n_offset:2 z_bucket:1 z_bucket_w:0.5 counter_reset_hint:gauge}} 1",
]
PIECES = ["{{", "}}", "{", "}", "[", "]", " ", "  ", "x", "x2", "+", "-", "_", "1", "2.5", ".5", "Inf", "NaN",
          "sum", "sum:", "count:", "schema:", "schema:-53 ", "offset:1", "buckets:[", "buckets:[1 2]",
          "n_buckets:[3]", "z_bucket:", "z_bucket_w:", "custom_values:[1 2]", "counter_reset_hint:",
          "gauge", "reset", "not_reset", "stale", ":", "1e3", "1_0", "0x1", "5m", ",", "\t", "#", "\u00e9"]


def mangled(rng):
    if rng.random() < 0.5:
        return "m " + "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 9)))
    text = rng.choice(SERIES)
    for _ in range(rng.randint(0, 3)):
        at = rng.randint(0, len(text))
        piece = rng.choice(PIECES + [""])
        text = text[:at] + piece + text[at + rng.randint(0, 2):]
    return text


def test_series_with_values(ask):
    rng = random.Random(SEED)
    texts = [t for t in (mangled(rng) for _ in range(N_QUERIES)) if not re.search(r"x\s*\d{4}", t)]
    pairs = list(ask(texts, "series"))
    wrong = [(q, t, o) for q, t, o in pairs if t["ok"] != o["ok"] or
             any(t.get(key) != o.get(key) for key in ("printed", "err"))]
    assert not wrong, "\n".join(f"{q!r}\n  Prometheus {t}\n  ferula     {o}" for q, t, o in wrong[:5])
    assert N_QUERIES / 20 < sum(t["ok"] for _, t, _ in pairs) < N_QUERIES * 19 / 20
