#!/usr/bin/env bash
# Makes catalog fail on purpose, in every catalog pod at once, by its own /blowup endpoint.
# Speaks through kubectl exec, so it needs a kubeconfig and nothing else. Runs on bash 3.2 (macOS).
set -euo pipefail

usage() {
  cat <<'END'
usage: bin/chaos.sh [-n NAMESPACE] STATUS [PERCENTAGE]             answer STATUS (400 to 599)
       bin/chaos.sh [-n NAMESPACE] drop [PERCENTAGE]               close the connection without an answer
       bin/chaos.sh [-n NAMESPACE] latency [MILLISECONDS] [volatile]
                                                                   answer late; volatile: a random time up to it
       bin/chaos.sh [-n NAMESPACE] STATUS|drop|latency delete      end that fault

PERCENTAGE is 0 to 100 (100 when left out), MILLISECONDS 1000 when left out. Without -n the namespace
is that of the current context or, where that has no catalog pod, istioinaction.

  bin/chaos.sh 500 50       half of catalog's answers are errors
  bin/chaos.sh 500 delete   and none again
END
}

die() {
  printf 'chaos.sh: %s\n' "$*" >&2
  exit 2
}

# pods NAMESPACE: the names of its catalog pods that run and are not about to end; an empty NAMESPACE is the context's.
pods() {
  kubectl get pods ${1:+-n "$1"} -l app=catalog --field-selector=status.phase=Running \
    -o go-template='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}}{{"\n"}}{{end}}{{end}}'
}

# percentage_fault, latency_fault WORDS…: the fault that /blowup is asked for, as JSON.
percentage_fault() {
  (($# <= 2)) || die "one number after $1 is enough: its percentage"
  [[ ${2-100} =~ ^(100|[1-9]?[0-9])$ ]] || die "$2 is no percentage: say a whole number from 0 to 100, or delete"
  printf '{"active": true, "type": "%s", "percentage": %s}' "$1" "${2-100}"
}

latency_fault() {
  local milliseconds=1000 volatile=false word
  shift
  for word; do
    case $word in
      volatile) volatile=true ;;
      *[!0-9]* | 0*) die "$word is not a time: say milliseconds as a whole number, volatile, or delete" ;;
      *) milliseconds=$word ;;
    esac
  done
  printf '{"active": true, "type": "latency", "latencyMs": %s, "volatile": %s}' "$milliseconds" "$volatile"
}

fault() {
  case $1 in
    [45][0-9][0-9] | drop | latency) ;;
    *) die "$1 is no fault: say a status from 400 to 599, drop or latency (bin/chaos.sh -h)" ;;
  esac
  case ${2-} in
    delete)
      (($# == 2)) || die "nothing goes after delete"
      printf '{"active": false, "type": "%s"}' "$1"
      ;;
    *) if [[ $1 == latency ]]; then latency_fault "$@"; else percentage_fault "$@"; fi ;;
  esac
}

# ask POD NAMESPACE FAULT: what the pod answered, on one line behind its name.
ask() {
  local answer
  if answer=$(kubectl exec ${2:+-n "$2"} "$1" -c catalog -- curl -sS --fail-with-body -m 10 \
    -X POST -H 'Content-Type: application/json' -d "$3" localhost:3000/blowup 2>&1); then
    printf '%s: %s\n' "$1" "$answer"
  else
    printf 'chaos.sh: %s refused: %s\n' "$1" "$answer" >&2
    return 1
  fi
}

main() {
  local namespace='' body names name failed=0
  while getopts ':n:h' option; do
    case $option in
      n) namespace=$OPTARG ;;
      h) usage && exit 0 ;;
      :) die "-$OPTARG needs a namespace" ;;
      *) die "no option -$OPTARG (bin/chaos.sh -h)" ;;
    esac
  done
  shift $((OPTIND - 1))
  (($#)) || { usage >&2 && exit 2; }
  body=$(fault "$@")

  names=$(pods "$namespace")
  if [[ -z $names && -z $namespace ]]; then
    namespace=istioinaction
    echo "chaos.sh: no catalog pod runs in the context's namespace; looking in $namespace" >&2
    names=$(pods "$namespace")
  fi
  [[ -n $names ]] || die "no catalog pod runs in $namespace; all there are: kubectl get pods -A -l app=catalog"
  for name in $names; do
    ask "$name" "$namespace" "$body" || failed=1
  done
  exit "$failed"
}

main "$@"
