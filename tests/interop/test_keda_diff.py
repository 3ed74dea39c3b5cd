"""KEDA's own code, unchanged, and ours: the prometheus scaler on random metadata and answers, and the
operator's reconciler, its loop, fallback and metrics service on random stories, in virtual time.

KEDA_CASES and KEDA_STORIES set how many, KEDA_SEED which ones. KEDA_VERSIONS names what KEDAs they are
compared with: "2.20.2" unless given, some with commas between them, or "all". Each takes minutes to
compile for the first time.
"""
import json
import os
import random

import pytest

import gopeer
import keda_stories
from keda_stories import result, sample
from autoscale_diff import binary, run

CASES = int(os.environ.get("KEDA_CASES", "10000"))
STORIES = int(os.environ.get("KEDA_STORIES", "300"))
SEED = int(os.environ.get("KEDA_SEED", "1"))
# How each is built: its module, and what it has otherwise than the newest.
FLAGS = {"2.20.2": (),
         "2.19.0": ("-modfile=keda219.mod", "-tags=keda219"),
         "2.18.3": ("-modfile=keda218.mod", "-tags=keda219"),
         "2.17.3": ("-modfile=keda217.mod", "-tags=keda219")}
WANTED = os.environ.get("KEDA_VERSIONS", "2.20.2")
VERSIONS = list(FLAGS) if WANTED == "all" else WANTED.split(",")

NUMBERS = ["10", "0.5", "1e3", "20", "5", "0", "0.0004", "0.0005", "-1", "1.0005", "1E+2", "-0",
           "123456.7891", "1e15"]
# Not "null", which KEDA answers with a stack trace.
NO_NUMBERS = ["one", "+1", ".5", "010", "NaN", "10s", "1.", "1e", "-", "true", "\"5\"", "{}",
              "[1]", "0x10", "1 2", "1_000", "Inf", "1e400", "1e+", "--1", "nul", "5 s", "ten%"]
BOOLS = ["true", "false", "1", "0", "t", "F", "TRUE", "False"]
# Above 2^63 thousandths quantities wrap around in KEDA and again, otherwise, in the HPA.
VALUES = ["0", "1", "5", "5.001", "10", "57.92", "57.9215", "1.0005", "0.0005", "0.00049", "1e-9",
          "-1", "-0.0004", "-0", "NaN", "+Inf", "-Inf", "1e+06", "1.5e+15", "4.5e15", "2.5",
          "9e15", "0.0015", "0.0025", "12345.6785"]
DECODE = "cannot be decoded"  # in place of what Go's decoder says


class Generator:
    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def blank(self, text):
        return text if self.rnd.random() < 0.9 else f" {text}\t"

    def metadata(self):
        rnd = self.rnd
        out = {"serverAddress": "http://p", "query": "sum(x)", "threshold": rnd.choice(NUMBERS)}
        if rnd.random() < 0.5:
            out["activationThreshold"] = rnd.choice(NUMBERS)
        if rnd.random() < 0.5:
            out["ignoreNullValues"] = rnd.choice(BOOLS)
        if rnd.random() < 0.2:
            out["customHeaders"] = rnd.choice(["a=b", "a=b, c = d", "a="])
        if rnd.random() < 0.2:
            out["queryParameters"] = rnd.choice(["dedup=false", "k=v,l=w"])
        if rnd.random() < 0.2:
            out["timeout"] = rnd.choice(["5s", "1500", "0", "0s", "1m30s", "2.5s", "1h"])
        if rnd.random() < 0.2:
            self.spoil(out)
        return {k: self.blank(v) for k, v in out.items()}

    def spoil(self, out):
        """Something that KEDA does not take, mostly."""
        rnd = self.rnd
        for _ in range(rnd.choice([1, 1, 2, 3])):
            roll = rnd.randrange(6)
            if roll == 0:
                out.pop(rnd.choice(["serverAddress", "query", "threshold"]), None)
            elif roll == 1:
                out[rnd.choice(["serverAddress", "query", "threshold"])] = rnd.choice(["", "  "])
            elif roll == 2:
                out[rnd.choice(["threshold", "activationThreshold"])] = rnd.choice(NO_NUMBERS)
            elif roll == 3:
                out[rnd.choice(["ignoreNullValues", "unsafeSsl"])] = rnd.choice(["xxxx", "yes", "tRue"])
            elif roll == 4:
                out[rnd.choice(["customHeaders", "queryParameters"])] = rnd.choice(
                    ["key1=value1,key2", "a", "a=b=c", ",", "a=b,"])
            else:
                out["timeout"] = rnd.choice(["-1", "a", "-5s", "1x", "5 s", "1.5"])

    def value(self):
        rnd = self.rnd
        roll = rnd.random()
        if roll < 0.5:
            return rnd.choice(VALUES)
        if roll < 0.8:
            return repr(rnd.uniform(0, 1000))
        return f"{rnd.randint(0, 10 ** 7)}.{rnd.randint(0, 10 ** 5):05d}"

    def answer(self):
        """What ours is told, and the status and the body that say the same."""
        rnd = self.rnd
        roll = rnd.random()
        if roll < 0.6:
            value = self.value()
            return {"kind": "vector", "n": 1, "value": value}, 200, result([sample(value)])
        if roll < 0.7:
            return {"kind": "vector", "n": 0}, 200, rnd.choice([result([]), "{}", '{"data":{}}'])
        if roll < 0.78:
            n = rnd.choice([2, 3])
            return {"kind": "vector", "n": n}, 200, result([sample("1")] * n)
        if roll < 0.84:
            return {"kind": "matrix", "n": 1}, 200, result(
                [{"metric": {}, "values": [[1, "1"], [2, "2"]]}])
        if roll < 0.89:
            return {"kind": "scalar"}, 200, result([1686063687, "5"])
        if roll < 0.93:
            text = rnd.choice(["", "oops", "<html>"])
            return {"kind": "garbled", "text": text}, 200, text
        status = rnd.choice([400, 401, 403, 404, 422, 429, 500, 502, 503])
        return {"kind": "status", "status": status, "text": "no"}, status, "no"

    def case(self):
        answer, status, body = self.answer()
        return {"metadata": self.metadata(), "answer": answer,
                "canned": {"status": status, "body": body}}


def simple(case, got):
    """What is compared: of a decoder's errors that there is one."""
    if got["stage"] == "poll" and case["answer"]["kind"] in ("scalar", "garbled"):
        return ("poll", DECODE)
    if got["stage"] == "done":
        return ("done", got["active"], got["milli"], got.get("targetMilli", got["target"]))
    return (got["stage"], got["error"])


@pytest.mark.parametrize("version", VERSIONS)
def test_scaler(version):
    generator = Generator(SEED)
    cases = [generator.case() for _ in range(CASES)]
    mine = run([binary(), "scaler", version], cases)
    theirs = run([gopeer.build("keda", "scaler", *FLAGS[version], name="keda-scaler-" + version)],
                 cases)
    assert len(mine) == len(theirs) == CASES
    found = [f"{json.dumps(case)}\n    ferula {simple(case, a)}\n    KEDA   {simple(case, b)}"
             for case, a, b in zip(cases, mine, theirs) if simple(case, a) != simple(case, b)]
    assert not found, f"seed {SEED}: {len(found)} of {CASES} differ from {version}\n" + "\n".join(
        found[:8])


def looked_at(event):
    return dict(event, values=event.get("values") or [])


def first_difference(mine, theirs):
    for i, (a, b) in enumerate(zip(mine, theirs)):
        if looked_at(a) != looked_at(b):
            return i
    return None if len(mine) == len(theirs) else min(len(mine), len(theirs))


def shrink(both, story, event):
    """Ends the story at the difference, and leaves out what does not matter for it."""
    def differs(candidate):
        mine, theirs = both([candidate])
        return first_difference(mine[0], theirs[0]) is not None

    story = dict(story, seconds=event["t"],
                 answers=[p for p in story["answers"] if p["t"] <= event["t"]],
                 changes=[c for c in story["changes"] if c["t"] <= event["t"]])
    for i in reversed(range(1, len(story["answers"]))):
        shorter = dict(story, answers=story["answers"][:i] + story["answers"][i + 1:])
        if differs(shorter):
            story = shorter
    for i in reversed(range(len(story["changes"]))):
        fewer = dict(story, changes=story["changes"][:i] + story["changes"][i + 1:])
        if differs(fewer):
            story = fewer
    for key in ("idleReplicaCount", "pollingInterval", "cooldownPeriod", "initialCooldownPeriod",
                "maxReplicaCount", "fallback"):
        spec = {k: v for k, v in story["spec"].items() if k != key}
        if differs(dict(story, spec=spec)):
            story = dict(story, spec=spec)
    return story


def told(both, story, event):
    story = shrink(both, story, event)
    mine, theirs = both([story])
    at = first_difference(mine[0], theirs[0])
    if at is None:
        return f"a difference at {event['t']} s that is gone when the story is made shorter"
    lines = [f"{story['replicas']} replicas, {json.dumps(story['spec'])} {story['annotations']}"]
    lines += [f"  at {c['t']} s: {json.dumps(c)}" for c in story["changes"]]
    lines += [f"  from {p['t']} s: {json.dumps(p['answers'])}" for p in story["answers"]]
    lines += [f"  {looked_at(e)}" for e in theirs[0][:at][-8:]]
    lines += [f"    {who} {looked_at(e)}" for who, events in (("ferula", mine[0]), ("KEDA  ", theirs[0]))
              for e in events[at:at + 1]]
    return "\n".join(lines)


def differing(both, stories):
    """(story, event of its first difference) of those that differ."""
    mine, theirs = both(stories)
    assert len(mine) == len(theirs) == len(stories)
    found = [(story, first_difference(a, b), a, b) for story, a, b in zip(stories, mine, theirs)]
    return [(story, (a[at:] or b[at:])[0]) for story, at, a, b in found if at is not None]


@pytest.mark.parametrize("version", VERSIONS)
def test_operator(version, monkeypatch):
    monkeypatch.setenv("KEDA_HTTP_DISABLE_KEEP_ALIVE", "true")
    program = gopeer.build_test("keda", "operator", "keda-operator-" + version, *FLAGS[version])

    def both(stories):
        return (run([binary(), "operator", version], stories),
                run([program, "-test.timeout=0"], stories))

    rnd = random.Random(SEED)
    found = differing(both, [keda_stories.story(rnd) for _ in range(STORIES)])
    # Which trigger is answered first depends on the machine's clock: those few are played once more.
    assert len(found) <= max(3, STORIES // 20), f"seed {SEED}: {len(found)} of {STORIES} differ from {version}"
    found = differing(both, [story for story, _ in found])
    assert not found, f"seed {SEED}: {len(found)} of {STORIES} differ from {version}\n" + "\n".join(
        told(both, story, event) for story, event in found[:4])
