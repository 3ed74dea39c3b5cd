#!/bin/sh
# cleanup.sh - removes what deploy.sh has put there.
#
#     deploy/kind/cleanup.sh [--cluster kind|minikube|current] [--demo-only]
#
# For kind and minikube the whole local cluster goes; with --demo-only, and for the current context,
# only the demo's namespaces and KEDA go.
set -eu
name=ferula
fail() { echo "cleanup.sh: $*" >&2; exit "${code:-1}"; }

cluster=kind demo_only=
while [ $# -gt 0 ]; do
    case $1 in
    --cluster)
        [ $# -ge 2 ] || { code=2 fail "--cluster needs a value"; }
        cluster=$2; shift 2 ;;
    --demo-only) demo_only=1; shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) code=2 fail "unknown argument '$1' (try --help)" ;;
    esac
done
need() { command -v "$1" >/dev/null 2>&1 || fail "'$1' is needed and not on the PATH"; }

case $cluster in
kind | minikube)
    need "$cluster"
    if [ -z "$demo_only" ]; then
        case $cluster in
        kind) exec kind delete cluster --name "$name" ;;
        minikube) exec minikube delete --profile "$name" ;;
        esac
    fi
    case $cluster in kind) context=kind-$name ;; minikube) context=$name ;; esac ;;
current) context= ;;
*) code=2 fail "unknown cluster '$cluster'; there are: kind, minikube, current" ;;
esac

need kubectl
need helm
kube() { kubectl ${context:+--context "$context"} "$@"; }
# The ScaledObject first: KEDA must still run to take its finalizer off.
kube delete scaledobject prometheus-scaler --namespace keda-demo --ignore-not-found --timeout 60s
kube delete namespace keda-demo ferula --ignore-not-found --timeout 120s
helm uninstall keda --namespace keda ${context:+--kube-context "$context"} --ignore-not-found
