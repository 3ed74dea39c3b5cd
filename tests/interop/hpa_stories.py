"""Random stories of one HPA: what a person writes, and what the world does to it, sync by sync."""
import random

TOLERANCES = ["0", "0.05", "0.01", "50m", "0.1", "0.5", "1", "2"]


def milli(rnd):
    """A value or a target in thousandths: round ones meet, odd ones test the rounding."""
    roll = rnd.random()
    if roll < 0.4:
        return rnd.randint(1, 60) * 1000
    if roll < 0.6:
        return rnd.randint(1, 2000)
    return rnd.choice([10000, 20000, rnd.randint(1, 10 ** 5), rnd.randint(1, 10 ** 7)])


def near(rnd, replicas, metric):
    """A value at, or beside, a border of the tolerance."""
    shared = metric["type"] == "AverageValue" and "source" not in metric
    whole = metric["target"] * (replicas if shared else 1)
    ratio = rnd.choice([1.0, 1.1, 0.9, 1.05, 1.01, 1.5, 2.0, 0.5])
    return max(0, round(whole * ratio) + rnd.choice([0, 0, 0, 1, -1]))


def policies(rnd):
    return [{"type": rnd.choice(["Pods", "Percent"]),
             "value": rnd.choice([1, 2, 4, 5, 10, 33, 50, 100, rnd.randint(1, 300)]),
             "periodSeconds": rnd.choice([1, 14, 15, 16, 30, 45, 60, 61, 90, 120, 300, 1800])}
            for _ in range(rnd.choice([1, 1, 2, 3]))]


def rules(rnd):
    out = {}
    if rnd.random() < 0.6:
        out["stabilizationWindowSeconds"] = rnd.choice([0, 1, 14, 15, 30, 60, 61, 120, 300, 600, 3600])
    if rnd.random() < 0.7:
        out["policies"] = policies(rnd)
    if rnd.random() < 0.5:
        out["selectPolicy"] = rnd.choice(["Max", "Min", "Max", "Min", "Disabled"])
    if rnd.random() < 0.3:
        out["tolerance"] = rnd.choice(TOLERANCES)
    return out


def behavior(rnd):
    if rnd.random() < 0.35:
        return None
    out = {}
    if rnd.random() < 0.7:
        out["scaleUp"] = rules(rnd)
    if rnd.random() < 0.7:
        out["scaleDown"] = rules(rnd)
    return out


class World:
    """Values that wander, jump, fail and drain; pods that lag behind; people who scale."""

    def __init__(self, rnd, story):
        self.rnd, self.story = rnd, story
        self.level = [near(rnd, max(1, story["start"]), m) for m in story["metrics"]]
        self.failing = rnd.random() < 0.4
        self.lagging = rnd.random() < 0.3
        self.meddling = rnd.random() < 0.2

    def value(self, i):
        rnd, metric = self.rnd, self.story["metrics"][i]
        if self.failing and rnd.random() < 0.15:
            return None
        roll = rnd.random()
        if roll < 0.1:
            self.level[i] = near(rnd, rnd.randint(1, self.story["max"]), metric)
        elif roll < 0.15:
            self.level[i] = rnd.choice([0, milli(rnd), metric["target"] * rnd.randint(0, 20)])
        elif roll < 0.4:
            self.level[i] = round(self.level[i] * rnd.uniform(0.8, 1.25))
        return self.level[i]

    def step(self):
        rnd = self.rnd
        out = {"values": [self.value(i) for i in range(len(self.story["metrics"]))]}
        if self.meddling and rnd.random() < 0.08:
            out["spec"] = rnd.choice([0, 1, rnd.randint(0, self.story["max"] + 3)])
        if self.lagging and rnd.random() < 0.3:
            out["status"] = rnd.randint(0, self.story["max"])
        if self.lagging and rnd.random() < 0.5:
            out["ready"] = rnd.randint(0, self.story["max"])
        return out


def external(rnd):
    return {"type": rnd.choice(["AverageValue", "AverageValue", "Value"]), "target": milli(rnd)}


def of_pods(rnd, source):
    """cpu or memory: percent of what pods ask for, or what they use."""
    if rnd.random() < 0.7:
        return {"type": "Utilization", "source": source, "target": 1000 * rnd.randint(1, 120)}
    return {"type": "AverageValue", "source": source, "target": milli(rnd)}


def metrics(rnd):
    out = [external(rnd) for _ in range(rnd.choice([1, 1, 1, 2, 3]))]
    for source in ("cpu", "memory"):
        if rnd.random() < 0.2:
            out.append(of_pods(rnd, source))
    return out if rnd.random() < 0.9 else out[1:] or [of_pods(rnd, "cpu")]


def story(rnd, steps):
    out = {"min": rnd.choice([None, 1, 1, 1, 2, 5]), "max": rnd.choice([5, 10, 10, 20, 50, 100]),
           "metrics": metrics(rnd), "behavior": behavior(rnd)}
    out["start"] = rnd.choice([0, 1, 1, 3, rnd.randint(1, out["max"]), out["max"] + 2])
    world = World(rnd, out)
    out["steps"] = [world.step() for _ in range(steps)]
    return out


def calculation(rnd, huge):
    """One sync: the replica calculator and the limits on numbers of all sizes."""
    out = {"min": rnd.choice([None, 1, 2, 5, 50]), "metrics": metrics(rnd),
           "behavior": behavior(rnd)}
    listed = any(m["type"] == "Value" or "source" in m for m in out["metrics"])
    top = 60 if listed else rnd.choice([10, 100, 5000, 5 * 10 ** 8 if huge else 10 ** 6])
    out["max"] = rnd.randint(1, top)
    out["start"] = rnd.randint(1, top)
    if rnd.random() < 0.7:
        out["start"] = rnd.randint(1, out["max"])
    step = {"values": []}
    if rnd.random() < 0.3:
        step["status"] = rnd.randint(0, top)
    if rnd.random() < 0.5:
        step["ready"] = rnd.randint(0, top)
    for metric in out["metrics"]:
        if metric["type"] != "Utilization" and rnd.random() < 0.3:
            metric["target"] = rnd.choice([1, 3, 999, 1000, 1001, rnd.randint(1, 10 ** 9)])
        value = near(rnd, step.get("status", out["start"]), metric)
        if rnd.random() < 0.4:
            value = rnd.choice([0, milli(rnd), rnd.randint(0, 10 ** 9)])
        if huge and "source" not in metric and rnd.random() < 0.1:
            value = rnd.choice([2 ** 63 - 1, 2 ** 62, 10 ** 15, rnd.randint(0, 2 ** 63 - 1)])
        # What does not fit into 32 bits is whatever the processor makes of it, here and before 1.33.
        if not huge or "source" in metric:
            value = min(value, metric["target"] * 10 ** 6)
        step["values"].append(None if rnd.random() < 0.05 else min(value, 2 ** 63 - 1))
    out["steps"] = [step]
    return out
