"""The HPA's arithmetic and its memory against Kubernetes' own controller, in virtual time, unchanged.

HPA_CASES and HPA_STORIES set how many, HPA_SEED which ones. A difference is printed as the shortest
story that was found to show it.
"""
import json
import os
import random

import pytest

import gopeer
import hpa_stories
from autoscale_diff import binary, run

CASES = int(os.environ.get("HPA_CASES", "10000"))
STORIES = int(os.environ.get("HPA_STORIES", "500"))
SEED = int(os.environ.get("HPA_SEED", "1"))
STEPS = 60

VERSIONS = {"1.32": "k8s132.mod", "1.35": "go.mod"}
NO_NUMBER = -2 ** 63  # what becomes of a division by no replicas


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def peers(request):
    """Both programs: each takes stories and gives what came of them."""
    version = request.param
    program = gopeer.build_test("hpa", "story", "hpa-" + version, "-modfile=" + VERSIONS[version])
    mine = [binary(), "hpa", version]
    theirs = [program, "-test.timeout=0"]
    return version, lambda stories: (run(mine, stories), run(theirs, stories))


def simple(outcome):
    """What is compared."""
    return {"replicas": outcome["replicas"],
            "shown": [None if v == NO_NUMBER else v for v in outcome["shown"]],
            "conditions": outcome["conditions"]}


def first_difference(mine, theirs):
    for i, (a, b) in enumerate(zip(mine, theirs)):
        if simple(a) != simple(b):
            return i
    return None


def shrink(both, story, at):
    """Drops what is behind the difference, then steps and parts as long as it stays."""
    def differs(candidate):
        mine, theirs = both([candidate])
        return first_difference(mine[0], theirs[0]) is not None

    story = dict(story, steps=story["steps"][:at + 1])
    for size in (16, 4, 1):
        i = 0
        while i < len(story["steps"]) - 1:
            shorter = dict(story, steps=story["steps"][:i] + story["steps"][i + size:])
            if shorter["steps"] and differs(shorter):
                story = shorter
            else:
                i += size
    for key, value in (("behavior", None), ("min", None)):
        if story[key] is not None and differs(dict(story, **{key: value})):
            story = dict(story, **{key: value})
    return story


def told(version, both, story, at):
    story = shrink(both, story, at)
    mine, theirs = both([story])
    lines = [f"{story['start']} replicas, min {story['min']}, max {story['max']}, "
             f"metrics {json.dumps(story['metrics'])}, behavior {json.dumps(story['behavior'])}"]
    for i, (step, a, b) in enumerate(zip(story["steps"], mine[0], theirs[0])):
        lines.append(f"  sync {i}: {json.dumps(step)} -> {simple(b)['replicas']}")
        if simple(a) != simple(b):
            lines.append(f"    ferula     {simple(a)}\n    Kubernetes {simple(b)}")
            break
    return f"Kubernetes {version}\n" + "\n".join(lines)


def compare(peers, stories):
    version, both = peers
    mine, theirs = both(stories)
    assert len(mine) == len(theirs) == len(stories)
    found = [(i, first_difference(a, b)) for i, (a, b) in enumerate(zip(mine, theirs))
             if first_difference(a, b) is not None]
    assert not found, f"seed {SEED}: {len(found)} of {len(stories)} differ\n" + "\n".join(
        told(version, both, stories[i], at) for i, at in found[:5])


def test_calculations(peers):
    rnd = random.Random(SEED)
    compare(peers, [hpa_stories.calculation(rnd, peers[0] != "1.32") for _ in range(CASES)])


def test_stories(peers):
    rnd = random.Random(SEED + 1)
    compare(peers, [hpa_stories.story(rnd, rnd.choice([4, STEPS, STEPS, 2 * STEPS]))
                    for _ in range(STORIES)])
