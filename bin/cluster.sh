#!/usr/bin/env bash
# A kind cluster with Istio, whose gateway answers on http://127.0.0.1:30000.
#
#   bin/cluster.sh up      make what is missing of it (make cluster)
#   bin/cluster.sh down    delete it (make cluster-down)
#
# CLUSTER_NAME names another than myk8s, the tutorial's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What this was written for. The node's version stands in k8s/kind.yaml.
kind_version=v0.33.0
istio_version=1.31.1
skaffold_version=v2.24.0

name=${CLUSTER_NAME:-myk8s}
context=kind-$name

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'cluster.sh: %s\n' "$*" >&2; exit 1; }

# need COMMAND HINT: remember in $missing what is not there, and how to get it.
need() {
  command -v "$1" >/dev/null || missing="$missing
  $1: $2"
}

check_tools() {
  missing=''
  need docker "https://docs.docker.com/engine/install/ (or Docker Desktop, Colima, OrbStack)"
  need kind "brew install kind, or go install sigs.k8s.io/kind@$kind_version"
  need kubectl "brew install kubernetes-cli, or https://kubernetes.io/docs/tasks/tools/"
  need istioctl "curl -L https://istio.io/downloadIstio | ISTIO_VERSION=$istio_version sh -, then put istio-$istio_version/bin on the PATH"
  need skaffold "brew install skaffold, or https://github.com/GoogleContainerTools/skaffold/releases/tag/$skaffold_version"
  [[ -z $missing ]] || die "these have to be on the PATH first:$missing"
}

check_istioctl_version() {
  local found
  found=$(istioctl version --remote=false --output json | sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' | head -n 1)
  [[ ${found%.*} == "${istio_version%.*}" ]] ||
    echo "cluster.sh: istioctl is $found; k8s/istio/istio.yaml was written for $istio_version and may need another" >&2
}

# grep reads to the end: with -q it would leave kind a closed pipe, and pipefail would call that "no such cluster".
cluster_exists() { kind get clusters 2>/dev/null | grep -x -- "$name" >/dev/null; }

create_cluster() {
  if cluster_exists; then
    say "Cluster $name is there"
    kind export kubeconfig --name "$name"
  else
    say "Creating cluster $name"
    kind create cluster --name "$name" --config k8s/kind.yaml
  fi
}

# Changes nothing where Istio stands as the file says. istioctl ends without a newline.
install_istio() {
  say "Installing Istio"
  istioctl install --context "$context" --skip-confirmation --filename k8s/istio/istio.yaml
  echo
}

wait_until_ready() {
  kubectl --context "$context" -n istio-system wait deployment --all --for=condition=Available --timeout=180s
}

next_steps() {
  say "Ready. Next, one of"
  cat <<END
  skaffold dev                     build, deploy, and again at every change
  skaffold run && skaffold verify  build and deploy once, then ask the gateway
  curl http://127.0.0.1:30000/api/catalog
END
}

up() {
  check_tools
  check_istioctl_version
  create_cluster
  install_istio
  wait_until_ready
  next_steps
}

down() {
  command -v kind >/dev/null || die "kind is not on the PATH"
  kind delete cluster --name "$name"
}

case ${1-} in
  up | down) "$1" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
