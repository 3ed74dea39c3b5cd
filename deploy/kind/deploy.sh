#!/bin/sh
# deploy.sh - puts the walkthrough's demo into a local cluster, with ferula in place of Azure Managed
# Prometheus: KEDA, ferula, a Prometheus agent, the sample app, the load generator, the ScaledObject.
#
#     deploy/kind/deploy.sh --demo prometheus [--cluster kind|minikube|current] [--image NAME]
#
# --cluster current uses kubectl's current context; nodes of a remote cluster cannot see a local
# image, so give --image with one that they can pull.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
keda_version=2.20.2
name=ferula

fail() { echo "deploy.sh: $*" >&2; exit "${code:-1}"; }
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
step() { echo "==> $*"; }

demo= cluster=kind image=
while [ $# -gt 0 ]; do
    case $1 in
    --demo | --cluster | --image)
        [ $# -ge 2 ] || { code=2 fail "$1 needs a value"; }
        case $1 in --demo) demo=$2 ;; --cluster) cluster=$2 ;; --image) image=$2 ;; esac
        shift 2 ;;
    -h | --help) usage ;;
    *) code=2 fail "unknown argument '$1' (try --help)" ;;
    esac
done
[ -n "$demo" ] || usage
[ "$demo" = prometheus ] || { code=2 fail "unknown demo '$demo'; there is: prometheus"; }
case $cluster in
kind | minikube | current) ;;
*) code=2 fail "unknown cluster '$cluster'; there are: kind, minikube, current" ;;
esac

need() {
    command -v "$1" >/dev/null 2>&1 || fail "'$1' is needed ($2) and not on the PATH"
}
need kubectl "to apply the manifests"
need helm "to install KEDA"
[ "$cluster" = current ] || need "$cluster" "the local cluster"
[ -n "$image" ] || need docker "to build ferula's image; --image NAME does without"
[ "$cluster" != current ] || [ -n "$image" ] ||
    fail "--cluster current needs --image: an image that the cluster's nodes can pull"

case $cluster in
kind)
    if kind get clusters 2>/dev/null | grep -qx "$name"; then step "kind cluster '$name' is there"
    else step "creating kind cluster '$name'"; kind create cluster --name "$name" --wait 120s; fi
    kubectl config use-context "kind-$name" ;;
minikube)
    step "starting minikube profile '$name'"
    minikube start --profile "$name"
    kubectl config use-context "$name" ;;
current) step "using context $(kubectl config current-context)" ;;
esac

if [ -z "$image" ]; then
    image=ferula:dev
    step "building $image"
    docker build --tag "$image" --file "$top/deploy/image/Dockerfile" "$top"
    case $cluster in
    kind) kind load docker-image "$image" --name "$name" ;;
    minikube) minikube image load "$image" --profile "$name" ;;
    esac
fi

step "installing KEDA $keda_version"
helm upgrade --install keda keda --repo https://kedacore.github.io/charts --version "$keda_version" \
    --namespace keda --create-namespace --wait --timeout 5m

step "applying the manifests"
kubectl apply -f "$here/00-namespaces.yaml"
sed "s|image: ferula:dev|image: $image|" "$here/10-ferula.yaml" | kubectl apply -f -
kubectl apply -f "$here/20-agent.yaml"
kubectl create configmap sample-app --namespace keda-demo --dry-run=client --output yaml \
    --from-file="$top/deploy/app/sample_app.py" --from-file="$top/deploy/app/load_generator.py" |
    kubectl apply -f -
for part in 30-sample-app 40-load-generator 50-scaled-object; do
    kubectl apply -f "$here/$part.yaml"
done

step "waiting until everything runs"
kubectl rollout status deployment/ferula --namespace ferula --timeout 180s
kubectl rollout status deployment/prometheus-agent --namespace ferula --timeout 180s
kubectl rollout status deployment/sample-app --namespace keda-demo --timeout 180s
kubectl rollout status deployment/load-generator --namespace keda-demo --timeout 180s

cat <<TXT

Ready. Watch it scale:
  kubectl get hpa -n keda-demo keda-hpa-prometheus-scaler -w
  kubectl scale deployment load-generator -n keda-demo --replicas=5     # about 150 req/s
  kubectl scale deployment load-generator -n keda-demo --replicas=0     # and back to 1 replica
Ask what KEDA asks:
  kubectl port-forward -n ferula svc/ferula 9090:9090
  curl -sG localhost:9090/api/v1/query --data-urlencode 'query=sum(rate(http_requests_total{namespace="keda-demo"}[2m]))'
Remove it:
  deploy/kind/cleanup.sh --cluster $cluster
TXT
