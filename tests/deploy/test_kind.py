"""deploy.sh and cleanup.sh with stand-ins; the manifests with Kubernetes' and KEDA's own Go types."""
import glob
import json
import os
import subprocess
import sys

import pytest
import yaml

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/interop"))

import gopeer  # noqa: E402
from standins import StandIns  # noqa: E402

KIND = os.path.join(TOP, "deploy/kind")
DEPLOY, CLEANUP = os.path.join(KIND, "deploy.sh"), os.path.join(KIND, "cleanup.sh")
MANIFESTS = sorted(glob.glob(os.path.join(KIND, "*.yaml")))


def applied(calls):
    """Every object that kubectl apply was given, in order."""
    objects = []
    for call in calls:
        if call["tool"] == "kubectl" and call["arguments"][:2] == ["apply", "-f"]:
            path = call["arguments"][2]
            text = call["piped"] if path == "-" else open(path, encoding="utf-8").read()
            objects += [d for d in yaml.safe_load_all(text) if d]
    return objects


@pytest.mark.parametrize("cluster", ["kind", "minikube"])
def test_a_local_cluster_gets_everything(tmp_path, cluster):
    tools = StandIns(tmp_path)
    done = tools.run(DEPLOY, "--demo", "prometheus", "--cluster", cluster)
    assert done.returncode == 0, done.stdout
    lines = tools.lines()
    assert any(line.startswith("docker build --tag ferula:dev") for line in lines)
    assert any("kind load docker-image ferula:dev" in line or "minikube image load ferula:dev" in line
               for line in lines)
    assert any(line.startswith("helm upgrade --install keda keda") and "--version 2.20.2" in line
               for line in lines)
    objects = applied(tools.calls())
    kinds = [(o["kind"], o["metadata"]["name"]) for o in objects]
    assert kinds[0][0] == "Namespace"
    assert kinds[-1] == ("ScaledObject", "prometheus-scaler")
    for wanted in (("Deployment", "ferula"), ("Service", "ferula"), ("Deployment", "prometheus-agent"),
                   ("PersistentVolumeClaim", "ferula"), ("Deployment", "sample-app"),
                   ("Deployment", "load-generator"), ("ConfigMap", "sample-app")):
        assert wanted in kinds
    app = next(o for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == "sample-app")
    assert set(app["data"]) == {"sample_app.py", "load_generator.py"}
    assert sum("rollout status" in line for line in lines) == 4
    assert "Ready. Watch it scale" in done.stdout


def test_an_existing_kind_cluster_is_used(tmp_path):
    tools = StandIns(tmp_path)
    assert tools.run(DEPLOY, "--demo", "prometheus", clusters="other\nferula").returncode == 0
    assert not any(line.startswith("kind create") for line in tools.lines())


def test_the_current_context_with_an_image_of_ones_own(tmp_path):
    tools = StandIns(tmp_path, without=("kind", "minikube", "docker"))
    done = tools.run(DEPLOY, "--demo", "prometheus", "--cluster", "current", "--image", "r.example/f:1")
    assert done.returncode == 0, done.stdout
    ferula = next(o for o in applied(tools.calls())
                  if o["kind"] == "Deployment" and o["metadata"]["name"] == "ferula")
    assert ferula["spec"]["template"]["spec"]["containers"][0]["image"] == "r.example/f:1"


WRONG = [
    ([], 2, "--demo prometheus"),
    (["--demo", "redis"], 2, "unknown demo 'redis'"),
    (["--demo", "prometheus", "--cluster", "eks"], 2, "unknown cluster 'eks'"),
    (["--demo"], 2, "--demo needs a value"),
    (["--what"], 2, "unknown argument '--what'"),
    (["--demo", "prometheus", "--cluster", "current"], 1, "needs --image"),
]


@pytest.mark.parametrize("arguments,code,text", WRONG)
def test_wrong_usage_changes_nothing(tmp_path, arguments, code, text):
    tools = StandIns(tmp_path)
    done = tools.run(DEPLOY, *arguments)
    assert (done.returncode, text in done.stdout) == (code, True), done.stdout
    assert not tools.calls()


@pytest.mark.parametrize("missing", ["kind", "kubectl", "helm", "docker"])
def test_a_missing_tool_is_named_before_anything_is_done(tmp_path, missing):
    tools = StandIns(tmp_path, without=(missing,))
    done = tools.run(DEPLOY, "--demo", "prometheus")
    assert done.returncode == 1 and f"'{missing}' is needed" in done.stdout
    assert not tools.calls()


@pytest.mark.parametrize("step", ["kind create", "docker build", "helm upgrade", "kubectl apply",
                                  "kubectl rollout"])
def test_a_failing_step_ends_it(tmp_path, step):
    tools = StandIns(tmp_path)
    done = tools.run(DEPLOY, "--demo", "prometheus", fail={step: 3})
    assert done.returncode != 0 and "made to fail" in done.stdout
    assert "Ready" not in done.stdout


def test_cleanup(tmp_path):
    tools = StandIns(tmp_path)
    assert tools.run(CLEANUP).returncode == 0
    assert tools.run(CLEANUP, "--cluster", "minikube").returncode == 0
    assert tools.lines() == ["kind delete cluster --name ferula", "minikube delete --profile ferula"]


def test_cleanup_of_the_demo_only(tmp_path):
    tools = StandIns(tmp_path)
    assert tools.run(CLEANUP, "--cluster", "current").returncode == 0
    lines = tools.lines()
    assert "delete scaledobject prometheus-scaler" in lines[0]  # while KEDA still runs
    assert "delete namespace keda-demo ferula" in lines[1] and lines[2].startswith("helm uninstall keda")
    tools.log.write_text("")
    assert tools.run(CLEANUP, "--demo-only").returncode == 0
    assert all("kind-ferula" in line for line in tools.lines())


@pytest.fixture(scope="module")
def checker():
    return gopeer.build("keda", "manifests")


def check(checker, text):
    cache = subprocess.run([os.path.join(TOP, "tools/go"), "env", "GOMODCACHE"], text=True, check=True,
                           stdout=subprocess.PIPE).stdout.strip()
    crds = os.path.join(cache, "github.com/kedacore/keda/v2@v2.20.2/config/crd/bases")
    done = subprocess.run([checker, crds], input=text.encode(), stdout=subprocess.PIPE, timeout=60)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("path", MANIFESTS, ids=os.path.basename)
def test_manifests_decode_strictly_and_pass_the_schema(checker, path):
    with open(path, encoding="utf-8") as file:
        code, objects = check(checker, file.read())
    assert code == 0 and objects, objects
    assert all(not o.get("errors") for o in objects), objects


def test_the_check_has_teeth(checker):
    with open(os.path.join(KIND, "50-scaled-object.yaml"), encoding="utf-8") as file:
        good = file.read()
    code, objects = check(checker, good.replace("pollingInterval", "pollInterval"))
    assert code == 1 and "pollInterval" in str(objects)
    code, objects = check(checker, good.replace("maxReplicaCount: 10", "maxReplicaCount: ten"))
    assert code == 1


def test_the_scaled_object_has_the_walkthroughs_numbers():
    with open(os.path.join(KIND, "50-scaled-object.yaml"), encoding="utf-8") as file:
        spec = yaml.safe_load(file)["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 10)
    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (15, 90)
    metadata = spec["triggers"][0]["metadata"]
    assert metadata["threshold"] == "10"
    assert metadata["query"] == 'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))'
