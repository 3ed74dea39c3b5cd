"""KEDA's own code (v2.20.2, unchanged) and ours: cron triggers, whose zones change their clocks, and
formulas of scalingModifiers.

TRIGGER_CASES sets how many of each, TRIGGER_SEED which ones.
"""
import json
import math
import os
import random

import cron_gen
import formula_gen
import gopeer
from autoscale_diff import binary, run

CASES = int(os.environ.get("TRIGGER_CASES", "5000"))
SEED = int(os.environ.get("TRIGGER_SEED", "1"))
VERSION = "2.20.2"
VALUES = [0, 1, 2, 3, 4, 0.5, 2.5, -1, 10, 1e6]


def differences(cases, mine, theirs, same):
    """Both refuse a case, or both give the same."""
    assert len(mine) == len(theirs) == len(cases)
    found = [f"{json.dumps(case)}\n    ferula {a}\n    KEDA   {b}"
             for case, a, b in zip(cases, mine, theirs)
             if ("refused" in a) != ("refused" in b) or ("refused" not in a and not same(a, b))]
    assert not found, f"seed {SEED}: {len(found)} of {len(cases)} differ\n" + "\n".join(found[:8])


def test_cron():
    generator = cron_gen.Crons(random.Random(SEED))
    cases = [generator.case() for _ in range(CASES)]
    differences(cases, run([binary(), "cron", VERSION], cases),
                run([gopeer.build_test("keda", "cron", "keda-cron")], cases),
                lambda a, b: a == b)


def formula_case(rnd, generator):
    runs = [[rnd.choice(VALUES) for _ in formula_gen.NAMES] for _ in range(3)]
    runs.append([rnd.choice([None, None, 1, 2, 3]) for _ in formula_gen.NAMES])
    return {"formula": generator.formula(), "names": formula_gen.NAMES, "runs": runs}


def same_number(a, b):
    """Powers may differ in their last bits: C's and Go's are not the same."""
    if a == b or "error" in (a, b) or "nil" in (a, b):
        return a == b
    return math.isclose(float(a), float(b), rel_tol=1e-12) or (a == "NaN") == (b == "NaN") and a == "NaN"


def test_formula():
    rnd = random.Random(SEED)
    generator = formula_gen.Formulas(rnd)
    cases = [formula_case(rnd, generator) for _ in range(CASES)]
    differences(cases, run([binary(), "formula", VERSION], cases),
                run([gopeer.build("keda", "formula")], cases),
                lambda a, b: all(map(same_number, a["results"], b["results"])))


REFUSED = ["50m", "a + 50m", "0x", "0xg", "1e", "1.e", "1.2.3", "9223372036854775808", "1e999", "0b12", "09e", "a ++", "(a", "a)",
           "a b", "x b", "a + x", "[1,2", "a[0]", "min()", "abs(1,2)", "round(1,2)", "sum(a)", "a ? b : 0", "a && 1", "!a",
           "not b", "let x = 1; y", "#", "a # b", "é + 50m", "a\n+ 50m", "1 % 0", "[1, nil][1] * 2", "[][0]",
           "reduce([], #acc + #)", "if a > 1 { b"]


def test_words_and_places_of_refusals():
    cases = [{"formula": text, "names": formula_gen.NAMES, "runs": []} for text in REFUSED]
    told = [[row["refused"].splitlines()[1] for row in run(command, cases)] for command in (
        [binary(), "formula", VERSION], [gopeer.build("keda", "formula")])]
    assert [row for row in zip(REFUSED, *told) if row[1] != row[2]] == []
