"""Random stories of a ScaledObject: what its triggers are answered, from when on."""
import copy
import json

KEDA = "autoscaling.keda.sh/"
# The API server would fill in a behavior that is not given.
FALLBACKS = ["static", "static", "static", "currentReplicas", "currentReplicasIfHigher",
             "currentReplicasIfLower"]
# The HPA is not part of these stories: it may not scale.
STILL = {"scaleUp": {"selectPolicy": "Disabled"}, "scaleDown": {"selectPolicy": "Disabled"}}


def sample(value):
    return {"metric": {"a": "b"}, "value": [1686063687.1, value]}


def result(elements):
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": elements}})


def trigger(rnd, i):
    metadata = {"serverAddress": "http://p", "query": f"q{i}",
                "threshold": rnd.choice(["10", "20", "0.5", "7.5"])}
    if rnd.random() < 0.5:
        metadata["activationThreshold"] = rnd.choice(["0", "5", "10"])
    if rnd.random() < 0.4:
        metadata["ignoreNullValues"] = rnd.choice(["true", "false", "false"])
    out = {"type": "prometheus", "metadata": metadata}
    if rnd.random() < 0.3:
        out["metricType"] = rnd.choice(["Value", "AverageValue"])
    if rnd.random() < 0.25:
        out["useCachedMetrics"] = True
    return out


def spec(rnd):
    out = {"scaleTargetRef": {"name": "app"},
           "advanced": {"horizontalPodAutoscalerConfig": {"behavior": STILL}},
           "triggers": [trigger(rnd, i) for i in range(rnd.choice([1, 1, 1, 2, 3]))]}
    for key, values in (("pollingInterval", [5, 7, 10, 15, 15, 20, 30, 60, None]),
                        ("cooldownPeriod", [0, 5, 10, 30, 60, 90, 300, None]),
                        ("initialCooldownPeriod", [None, None, 0, 60, 120]),
                        ("minReplicaCount", [None, 0, 0, 0, 1, 2, 3]),
                        ("maxReplicaCount", [None, 4, 10, 10])):
        value = rnd.choice(values)
        if value is not None:
            out[key] = value
    if rnd.random() < 0.25:
        out["idleReplicaCount"] = rnd.randrange(max(1, out.get("minReplicaCount", 0)))
        out.setdefault("minReplicaCount", 0)
    if rnd.random() < 0.5:
        out["fallback"] = {"failureThreshold": rnd.choice([0, 1, 2, 3, 5]),
                           "replicas": rnd.choice([0, 1, 3, 6]),
                           "behavior": rnd.choice(FALLBACKS)}
    if rnd.random() < 0.3:
        modifiers(rnd, out)
    return out


def modifiers(rnd, out):
    """One metric out of all triggers."""
    for i, one in enumerate(out["triggers"]):
        one["name"] = f"t{i}"
    last = f"t{len(out['triggers']) - 1}"
    out["advanced"]["scalingModifiers"] = {
        "formula": rnd.choice([f"t0 + {last}", f"t0 * 2 - {last} / 3", f"t0 > 5 ? {last} : 1",
                               f"t0 ?? {last}", f"(t0 ?? 12.5) + ({last} ?? 3)",
                               f"{last} ?? t0 ?? 0"]),
        "target": rnd.choice(["10", "7", "2.5"])}
    if "fallback" in out and rnd.random() < 0.4:
        out["fallback"]["behavior"] = "scalingModifiers"
    if rnd.random() < 0.5:
        out["advanced"]["scalingModifiers"]["activationTarget"] = rnd.choice(["0", "5.5", "20"])


def answer(rnd):
    roll = rnd.random()
    if roll < 0.65:
        value = rnd.choice(["0", "0", "0", "5", "5.001", "10", "12", "45", "57.9215", "0.0004"])
        return {"kind": "vector", "n": 1, "value": value}, 200, result([sample(value)])
    if roll < 0.75:
        return {"kind": "vector", "n": 0}, 200, result([])
    if roll < 0.8:
        value = rnd.choice(["NaN", "+Inf"])
        return {"kind": "vector", "n": 1, "value": value}, 200, result([sample(value)])
    return {"kind": "status", "status": 503}, 503, "no"


def periods(rnd, n, seconds):
    out, t = [], 0
    while t <= seconds:
        told = [answer(rnd) for _ in range(n)]
        out.append({"t": t, "answers": [a for a, _, _ in told],
                    "triggers": [{"status": s, "body": b} for _, s, b in told]})
        t += rnd.choice([1, 5, 15, 30, 60, rnd.randint(1, 200)])
    return out


def annotations(rnd):
    out = {}
    for name in ("paused-scale-in", "paused-scale-out", "force-activation"):
        if rnd.random() < 0.08:
            out[KEDA + name] = rnd.choice(["true", "true", "false", "yes"])
    return annotated(rnd, out) if rnd.random() < 0.1 else out


def annotated(rnd, before):
    """Some of KEDA's annotations come, others go."""
    out = dict(before)
    for _ in range(rnd.choice([1, 1, 2])):
        name, values = rnd.choice([
            ("paused", ["true", "true", "false", "x"]),
            ("paused-replicas", ["0", "1", "2", "5", "x", " 3", "+4", "", "99999999999"]),
            ("paused-scale-in", ["true", "false"]), ("paused-scale-out", ["true", "yes"]),
            ("force-activation", ["true", "true", "false"])])
        if KEDA + name in out:
            del out[KEDA + name]
        else:
            out[KEDA + name] = rnd.choice(values)
    if rnd.random() < 0.4:
        out.pop(KEDA + "paused", None)
        out.pop(KEDA + "paused-replicas", None)
    return out


def edited(rnd, before):
    """Another spec that KEDA takes."""
    out = copy.deepcopy(before)
    for _ in range(rnd.choice([1, 1, 2])):
        roll = rnd.randrange(6)
        if roll == 0:
            out["pollingInterval"] = rnd.choice([5, 10, 15, 20, 30])
        elif roll == 1:
            out["cooldownPeriod"] = rnd.choice([0, 5, 30, 60, 300])
        elif roll == 2 and "idleReplicaCount" not in out:
            out["minReplicaCount"] = rnd.choice([0, 1, 2, 3])
        elif roll == 3:
            out["maxReplicaCount"] = rnd.choice([4, 6, 10])
        elif roll == 4 and "scalingModifiers" not in out.get("fallback", {}).get("behavior", ""):
            out.pop("fallback", None)
            if rnd.random() < 0.7:
                out["fallback"] = {"failureThreshold": rnd.choice([0, 1, 2, 3]),
                                   "replicas": rnd.choice([0, 2, 6]),
                                   "behavior": rnd.choice(FALLBACKS)}
        else:
            rnd.choice(out["triggers"])["metadata"]["threshold"] = rnd.choice(["10", "15", "2.5"])
    return out


def changes(rnd, first, seconds):
    """The whole object each time, the spec only when it is another one or the same once more."""
    if rnd.random() < 0.4:
        return []
    out, spec, notes = [], first["spec"], first["annotations"]
    for t in sorted(rnd.sample(range(1, seconds), rnd.choice([1, 2, 3, 5]))):
        roll = rnd.random()
        if roll < 0.7:
            notes = annotated(rnd, notes)
        out.append({"t": t - t % 5 if roll < 0.3 and t >= 5 else t, "annotations": notes})
        if roll > 0.6:
            spec = edited(rnd, spec)
            out[-1]["spec"] = spec
    return [c for i, c in enumerate(out) if i == 0 or c["t"] > out[i - 1]["t"]]


def story(rnd):
    seconds = rnd.choice([120, 300, 600])
    out = {"spec": spec(rnd), "annotations": annotations(rnd), "seconds": seconds,
           "replicas": rnd.choice([0, 0, 1, 1, 3, 8])}
    out["answers"] = periods(rnd, len(out["spec"]["triggers"]), seconds)
    out["changes"] = changes(rnd, out, seconds)
    return out
