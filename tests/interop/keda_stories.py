"""Random stories of a ScaledObject: what its triggers are answered, from when on."""
import json

FALLBACKS = ["static", "static", "currentReplicas", "currentReplicasIfHigher",
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
                           "replicas": rnd.choice([0, 1, 3, 6])}
        if rnd.random() < 0.5:
            out["fallback"]["behavior"] = rnd.choice(FALLBACKS)
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
        "target": rnd.choice(["10", "7"])}
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
            out["autoscaling.keda.sh/" + name] = rnd.choice(["true", "true", "false", "yes"])
    return out


def story(rnd):
    seconds = rnd.choice([120, 300, 600])
    out = {"spec": spec(rnd), "annotations": annotations(rnd), "seconds": seconds,
           "replicas": rnd.choice([0, 0, 1, 1, 3, 8])}
    out["answers"] = periods(rnd, len(out["spec"]["triggers"]), seconds)
    return out
