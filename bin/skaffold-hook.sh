#!/usr/bin/env bash
# What skaffold.yaml and, with the word bookinfo, k8s/bookinfo/skaffold.yaml have done around each deployment:
#   before-deploy [bookinfo]   wait for istiod, or the pods would start without their sidecars; make the Namespace
#                              ready for them
#   after-deploy [bookinfo]    in kind: give the images their plain names on the node, for manifests applied without
#                              skaffold
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

context=${SKAFFOLD_KUBE_CONTEXT:-$(kubectl config current-context)}
kubectl=(kubectl --context "$context")

before-deploy() {
  "${kubectl[@]}" -n istio-system wait deployment/istiod --for=condition=Available --timeout=120s || {
    echo "Istio is not there or not ready in $context: make cluster, or istioctl install -y -f k8s/istio/istio.yaml" >&2
    return 1
  }
  if [[ ${1-} == bookinfo ]]; then
    "${kubectl[@]}" label namespace default istio-injection=enabled --overwrite
  else
    "${kubectl[@]}" apply -f k8s/base/namespace.yaml
  fi
}

# Skaffold's images carry tags of its own. k8s/base and k8s/bookinfo say 1.0.0 and the tutorial's catalog-v2 says
# latest, which the node would look for in a registry, and find there the book's own image, which is not ours.
after-deploy() {
  [[ $context == kind-* ]] || return 0
  if [[ ${1-} == bookinfo ]]; then
    plain_names '1.0.0' default examples-bookinfo- productpage-v1 details-v1 reviews-v1 reviews-v2 reviews-v3 ratings-v1
  else
    plain_names '1.0.0 latest' istioinaction '' catalog webapp
  fi
}

# plain_names TAGS NAMESPACE PREFIX DEPLOYMENT…: call each one's image istioinaction/PREFIXDEPLOYMENT, on the node too.
plain_names() {
  local deployment image tag names=()
  for deployment in "${@:4}"; do
    image=$("${kubectl[@]}" -n "$2" get deployment "$deployment" -o jsonpath='{.spec.template.spec.containers[0].image}')
    for tag in $1; do
      docker tag "$image" "istioinaction/$3$deployment:$tag"
      names+=("istioinaction/$3$deployment:$tag")
    done
  done
  kind load docker-image --name "${context#kind-}" "${names[@]}"
}

case ${1-} in
  before-deploy | after-deploy) "$@" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
