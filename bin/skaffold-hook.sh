#!/usr/bin/env bash
# What skaffold.yaml has done around each deployment:
#   before-deploy   wait for istiod, or the pods would start without their sidecars; make the Namespace
#   after-deploy    in kind: give the images their plain names on the node, for manifests applied without skaffold
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

context=${SKAFFOLD_KUBE_CONTEXT:-$(kubectl config current-context)}
kubectl=(kubectl --context "$context")

before-deploy() {
  "${kubectl[@]}" -n istio-system wait deployment/istiod --for=condition=Available --timeout=120s || {
    echo "Istio is not there or not ready in $context: make cluster, or istioctl install -y -f k8s/istio/istio.yaml" >&2
    return 1
  }
  "${kubectl[@]}" apply -f k8s/base/namespace.yaml
}

# Skaffold's images carry tags of its own. k8s/base says 1.0.0 and the tutorial's catalog-v2 says latest, which the
# node would look for in a registry, and find there the book's own image, which is not ours.
after-deploy() {
  [[ $context == kind-* ]] || return 0
  local service image tag names=()
  for service in catalog webapp; do
    image=$("${kubectl[@]}" -n istioinaction get deployment "$service" -o jsonpath='{.spec.template.spec.containers[0].image}')
    for tag in 1.0.0 latest; do
      docker tag "$image" "istioinaction/$service:$tag"
      names+=("istioinaction/$service:$tag")
    done
  done
  kind load docker-image --name "${context#kind-}" "${names[@]}"
}

case ${1-} in
  before-deploy | after-deploy) "$1" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
