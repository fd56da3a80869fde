#!/usr/bin/env bash
# A kind cluster with Istio, whose gateway answers on http://127.0.0.1:30000.
#
#   bin/cluster.sh up      make what is missing of it (make cluster)
#   bin/cluster.sh addons  Prometheus, Grafana, Kiali, Jaeger … on 30001 to 30005 (make addons)
#   bin/cluster.sh down    delete it (make cluster-down)
#
# Variables, of make or of the environment:
#   ADDONS=1          the add-ons too
#   NODE_IMAGE=…      another node than that of k8s/kind.yaml: kindest/node:v1.32.2
#   ISTIO_VERSION=…   the version that istioctl must be of: 1.25.1
#   MOUNT=FOLDER      seen in the node as /istiobook, as in the tutorial
#   ANYWAY=1          also a pair of Kubernetes and Istio that Istio was never tested with
#   CLUSTER_NAME=…    another than myk8s, the tutorial's
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What this was written for. The node's version stands in k8s/kind.yaml.
kind_version=v0.33.0
istio_version=1.31.1
skaffold_version=v2.24.0

name=${CLUSTER_NAME:-myk8s}
context=kind-$name
# Below these the manifests need the component `older` (docs/versions.md).
least_kubernetes=30
least_istio=22

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'cluster.sh: %s\n' "$*" >&2; exit 1; }

# need COMMAND HINT: remember in $missing what is not there, and how to get it.
need() {
  command -v "$1" >/dev/null || missing="$missing
  $1: $2"
}

get_istioctl() { printf 'curl -L https://istio.io/downloadIstio | ISTIO_VERSION=%s sh -, then put istio-%s/bin first on the PATH' "$1" "$1"; }

check_tools() {
  missing=''
  need docker "https://docs.docker.com/engine/install/ (or Docker Desktop, Colima, OrbStack)"
  need kind "brew install kind, or go install sigs.k8s.io/kind@$kind_version"
  need kubectl "brew install kubernetes-cli, or https://kubernetes.io/docs/tasks/tools/"
  need istioctl "$(get_istioctl "${ISTIO_VERSION:-$istio_version}")"
  need skaffold "brew install skaffold, or https://github.com/GoogleContainerTools/skaffold/releases/tag/$skaffold_version"
  [[ -z $missing ]] || die "these have to be on the PATH first:$missing"
}

# minor VERSION: 1.25.1 and v1.25.1 are 25.
minor() { local rest=${1#*.}; printf '%s' "${rest%%[!0-9]*}"; }

# kubernetes_of MINOR: the oldest and the newest minor of Kubernetes that Istio 1.MINOR was released for
# (https://istio.io/latest/docs/releases/supported-releases/).
kubernetes_of() {
  case $1 in
    17) echo 23 26 ;;
    18) echo 24 27 ;;
    19) echo 25 28 ;;
    20) echo 25 29 ;;
    21) echo 26 29 ;;
    22 | 23) echo 27 30 ;;
    24) echo 28 31 ;;
    25) echo 29 32 ;;
    26 | 27) echo 29 33 ;;
    28) echo 30 34 ;;
    29) echo 31 35 ;;
    30 | 31) echo 32 36 ;;
  esac
}

# Sets $istio to the version that istioctl would install, which is its own.
check_istioctl() {
  istio=$(istioctl version --remote=false --output json | sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' | head -n 1)
  [[ -z ${ISTIO_VERSION-} || $istio == "$ISTIO_VERSION" ]] ||
    die "ISTIO_VERSION is $ISTIO_VERSION, but istioctl is $istio and installs that. $(get_istioctl "$ISTIO_VERSION")"
}

# Sets $node to the image the node has or will have.
check_node() {
  node=${NODE_IMAGE:-$(sed -n 's/^ *image: *//p' k8s/kind.yaml)}
  [[ ${node##*/} =~ :v1\.[0-9]+ ]] ||
    die "NODE_IMAGE is $node, which names no version; take a tag such as kindest/node:v1.32.2"
  if [[ -n ${NODE_IMAGE-} ]] && cluster_exists; then
    local there
    there=$(kubectl --context "$context" version --output json | sed -n '/serverVersion/,/}/s/.*"gitVersion": *"\([^"]*\)".*/\1/p')
    [[ $(minor "$there") == "$(minor "${node##*:v}")" ]] ||
      die "cluster $name is there already, with Kubernetes $there; NODE_IMAGE takes effect after: make cluster-down"
  fi
}

check_pair() {
  local kubernetes oldest newest complaint
  kubernetes=$(minor "${node##*:v}")
  read -r oldest newest <<<"$(kubernetes_of "$(minor "$istio")")"
  if [[ -z $oldest ]]; then
    complaint="which Kubernetes Istio $istio wants is not known here"
  elif ((kubernetes < oldest || kubernetes > newest)); then
    complaint="Istio $istio was released for Kubernetes 1.$oldest to 1.$newest, and the node is $node"
  else
    return 0
  fi
  [[ -z ${ANYWAY-} ]] || { echo "cluster.sh: $complaint; going on anyway" >&2; return 0; }
  die "$complaint. Nothing was made. Choose another pair with NODE_IMAGE=kindest/node:v1.N.P or ISTIO_VERSION=1.N.P, or add ANYWAY=1"
}

# grep reads to the end: with -q it would leave kind a closed pipe, and pipefail would call that "no such cluster".
cluster_exists() { kind get clusters 2>/dev/null | grep -x -- "$name" >/dev/null; }

# k8s/kind.yaml, whose last lines belong to its one node, and what MOUNT adds to that.
mounting() {
  cat k8s/kind.yaml
  printf '  extraMounts:\n  - {hostPath: "%s", containerPath: /istiobook}\n' "$(cd "$MOUNT" && pwd)"
}

create() { kind create cluster --name "$name" ${NODE_IMAGE:+--image "$NODE_IMAGE"} --config "$1"; }

create_cluster() {
  if cluster_exists; then
    say "Cluster $name is there"
    [[ -z ${MOUNT-} ]] || echo "cluster.sh: MOUNT takes effect in a new cluster only: make cluster-down" >&2
    kind export kubeconfig --name "$name"
  else
    say "Creating cluster $name"
    if [[ -n ${MOUNT-} ]]; then create <(mounting); else create k8s/kind.yaml; fi
  fi
}

# Changes nothing where Istio stands as the file says. istioctl ends without a newline.
install_istio() {
  say "Installing Istio $istio"
  istioctl install --context "$context" --skip-confirmation --filename k8s/istio/istio.yaml
  echo
}

# wait_until_ready PATIENCE NAMESPACE DEPLOYMENT…
wait_until_ready() {
  kubectl --context "$context" -n "$2" wait deployment "${@:3}" --for=condition=Available --timeout="$1"
}

# Before Istio 1.22 every request is traced without being asked for, and there is no such kind.
apply_addons() {
  local served folder
  served=$(kubectl --context "$context" api-versions)
  grep '^networking.istio.io/' <<<"$served" >/dev/null || die "there is no Istio in $context: make cluster"
  for folder in k8s/addons/*/; do
    [[ $folder != */tracing/ ]] || grep -x telemetry.istio.io/v1 <<<"$served" >/dev/null || continue
    kubectl --context "$context" apply -k "$folder"
  done
}

addons() {
  command -v kubectl >/dev/null || die "kubectl is not on the PATH"
  say "Installing the add-ons"
  apply_addons
  say "Waiting until they are ready: 1.3 GB of images the first time"
  wait_until_ready 600s istio-system prometheus grafana kiali jaeger
  wait_until_ready 600s kube-system kube-ops-view metrics-server
  cat <<'END'
  http://127.0.0.1:30001            Prometheus
  http://127.0.0.1:30002            Grafana
  http://127.0.0.1:30003            Kiali
  http://127.0.0.1:30004            Jaeger
  http://127.0.0.1:30005/#scale=1.5 kube-ops-view
  kubectl top pod -A                metrics-server
END
}

next_steps() {
  local profile=''
  (($(minor "${node##*:v}") >= least_kubernetes && $(minor "$istio") >= least_istio)) || profile=' -p older'
  say "Ready. Next, one of"
  [[ -n $profile ]] || echo "  skaffold dev                     build, deploy, and again at every change"
  cat <<END
  skaffold run$profile && skaffold verify  build and deploy once, then ask the gateway
  curl http://127.0.0.1:30000/api/catalog
END
  [[ -n ${ADDONS-} ]] || echo "  make addons                      Prometheus, Grafana, Kiali, Jaeger"
}

up() {
  check_tools
  check_istioctl
  check_node
  check_pair
  [[ -z ${MOUNT-} || -d $MOUNT ]] || die "MOUNT is $MOUNT, which is no folder"
  create_cluster
  install_istio
  wait_until_ready 180s istio-system istiod istio-ingressgateway
  [[ -z ${ADDONS-} ]] || addons
  next_steps
}

down() {
  command -v kind >/dev/null || die "kind is not on the PATH"
  kind delete cluster --name "$name"
}

case ${1-} in
  up | addons | down) "$1" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
