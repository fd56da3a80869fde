#!/usr/bin/env bash
# Makes catalog fail on purpose, in every catalog pod at once or in some, by its own /blowup endpoint.
# Speaks through kubectl exec, so it needs a kubeconfig and nothing else. Runs on bash 3.2 (macOS).
set -euo pipefail

usage() {
  cat <<'END'
usage: bin/chaos.sh [WHERE] STATUS [PERCENTAGE]                answer STATUS (400 to 599)
       bin/chaos.sh [WHERE] drop [PERCENTAGE]                  close the connection without an answer
       bin/chaos.sh [WHERE] latency [MILLISECONDS] [volatile]  answer late; volatile: a random time up to it
       bin/chaos.sh [WHERE] STATUS|drop|latency delete         end that fault
       bin/chaos.sh [WHERE] list                               tell what is on, and how much it saw and hit
       bin/chaos.sh [WHERE] off                                end every fault; without -n in every namespace

WHERE is [-n NAMESPACE] [-l SELECTOR] [POD]: every catalog pod unless a label's selector or a name picks some.
Without -n the namespace is that of the current context or, where that has no such pod, istioinaction.
PERCENTAGE is 0 to 100 (100 when left out), MILLISECONDS 1000 when left out.

  bin/chaos.sh 500 50                 half of catalog's answers are errors
  bin/chaos.sh -l version=v2 500 50   half of version 2's
  bin/chaos.sh list                   what is on
  bin/chaos.sh off                    and nothing any more
END
}

die() {
  printf 'chaos.sh: %s\n' "$*" >&2
  exit 2
}

# What -n, -l and a pod's name chose. The namespace `*` is all of them.
namespace='' selector='' pod=''

# pods: a line "NAMESPACE NAME" for each catalog pod that was chosen, runs and is not about to end.
pods() {
  local where=() fields=status.phase=Running
  case $namespace in
    '') ;;
    '*') where=(-A) ;;
    *) where=(-n "$namespace") ;;
  esac
  [[ -z $pod ]] || fields=$fields,metadata.name=$pod
  kubectl get pods ${where[@]+"${where[@]}"} -l "app=catalog${selector:+,$selector}" --field-selector="$fields" -o go-template='
    {{- range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.namespace}} {{.metadata.name}}{{"\n"}}{{end}}{{end}}'
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
    *) die "$1 is no fault: say a status from 400 to 599, drop or latency, or list or off (bin/chaos.sh -h)" ;;
  esac
  case ${2-} in
    delete)
      (($# == 2)) || die "nothing goes after delete"
      printf '{"active": false, "type": "%s"}' "$1"
      ;;
    *) if [[ $1 == latency ]]; then latency_fault "$@"; else percentage_fault "$@"; fi ;;
  esac
}

# blowup NAMESPACE POD [FAULT]: what the pod's /blowup answers; without a fault it is asked what is on.
blowup() {
  local order=() answer
  (($# < 3)) || order=(-X POST -H 'Content-Type: application/json' -d "$3")
  if ! answer=$(kubectl exec -n "$1" "$2" -c catalog -- \
    curl -sS --fail-with-body -m 10 ${order[@]+"${order[@]}"} localhost:3000/blowup 2>&1); then
    printf 'chaos.sh: %s refused: %s\n' "$2" "$answer" >&2
    return 1
  fi
  echo "$answer"
}

# described: what /blowup tells of its faults, in words.
described() {
  awk -v RS='}' '
    function value(key) {
      if (!match($0, "\"" key "\": *[^,]*")) return ""
      found = substr($0, RSTART, RLENGTH)
      sub(/^"[^"]*": */, "", found)
      gsub(/"/, "", found)
      return found
    }
    value("type") != "" {
      share = value("percentage")
      delay = value("latencyMs")
      sub(/\.0$/, "", share)
      sub(/\.0$/, "", delay)
      how = share == "" ? "" : " for " share " %"
      if (delay != "") how = (value("volatile") == "true" ? " up to " : " of ") delay " ms" how
      printf "%s%s%s: hit %s of %s", faults++ ? "; " : "", value("type"), how, value("hit"), value("seen")
    }
    END { print faults ? "" : "no fault" }'
}

# set_fault, tell, end_all NAMESPACE POD [FAULT]: one line about the pod, behind its name.
set_fault() {
  local answer
  answer=$(blowup "$@") && printf '%s: %s\n' "$2" "$answer"
}

tell() {
  local answer
  answer=$(blowup "$1" "$2") && printf '%s: %s\n' "$2" "$(described <<<"$answer")"
}

end_all() {
  local answer type ended=''
  answer=$(blowup "$1" "$2") || return 1
  for type in $(tr ',' '\n' <<<"$answer" | sed -n 's/.*"type": *"\([^"]*\)".*/\1/p'); do
    blowup "$1" "$2" "{\"active\": false, \"type\": \"$type\"}" >/dev/null || return 1
    ended="$ended${ended:+, }$type"
  done
  printf '%s: %s\n' "$2" "${ended:+ended }${ended:-no fault}"
}

options() {
  local option
  while getopts ':n:l:h' option; do
    case $option in
      n) namespace=$OPTARG ;;
      l) selector=$OPTARG ;;
      h) usage && exit 0 ;;
      :) die "-$OPTARG needs a value: -n NAMESPACE, -l SELECTOR" ;;
      *) die "no option -$OPTARG (bin/chaos.sh -h)" ;;
    esac
  done
}

# chosen: the pods, from istioinaction where the context's namespace has none.
chosen() {
  local names lost="kubectl could not tell which pods there are; on a laptop, in each new shell: source .mesh/env"
  names=$(pods) || die "$lost"
  if [[ -z $names && -z $namespace ]]; then
    namespace=istioinaction
    echo "chaos.sh: the context's namespace has no such catalog pod; looking in $namespace" >&2
    names=$(pods) || die "$lost"
  fi
  [[ -n $names ]] || die "no catalog pod${pod:+ named $pod}${selector:+ with $selector} runs in" \
    "${namespace/\*/any namespace}; all there are: kubectl get pods -A -l app=catalog --show-labels"
  echo "$names"
}

main() {
  local body='' names where name failed=0
  options "$@"
  shift $((OPTIND - 1))
  if [[ ${1-} == [a-z]*-* ]]; then
    pod=${1#pod/}
    shift
  fi
  (($#)) || { usage >&2 && exit 2; }
  case $1 in
    list | off) (($# == 1)) || die "nothing goes after $1" ;;
    *) body=$(fault "$@") ;;
  esac
  [[ $1 != off ]] || namespace=${namespace:-'*'}

  names=$(chosen)
  while read -r where name; do
    case $1 in
      list) tell "$where" "$name" ;;
      off) end_all "$where" "$name" ;;
      *) set_fault "$where" "$name" "$body" ;;
    esac </dev/null || failed=1
  done <<<"$names"
  exit "$failed"
}

main "$@"
