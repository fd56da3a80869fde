"""Policies about nobody, or that stand in one another's way.

Source: analyzers/authz/authorizationpolicies.go and analyzers/telemetry/ in pkg/config/analysis of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from localmesh.core.objects import Key, key_of
from localmesh.kinds.injection import is_gateway, is_injected
from localmesh.kinds.istio import AuthorizationPolicy, Telemetry
from localmesh.pilot.analysis.known import NOT_FOUND, Known, finding, written
from localmesh.pilot.destination_rules import ROOT_NAMESPACE
from localmesh.pilot.findings import Finding
from localmesh.pilot.snapshot import Config

NO_WORKLOADS = "IST0127"
SELECTORS_CONFLICT = "IST0159"
SEVERAL_FOR_ALL = "IST0160"

PolicyT = TypeVar("PolicyT", AuthorizationPolicy, Telemetry)


def policy_findings(known: Known) -> Iterator[Finding]:
    """Yield what is wrong with AuthorizationPolicies and Telemetries."""
    for policy in known.snapshot.configs(AuthorizationPolicy):
        yield from _nobody_follows(policy, known)
        yield from _unknown_namespaces(policy, known)
    telemetries = known.snapshot.configs(Telemetry)
    yield from _several_for_all(telemetries)
    yield from _several_for_one(telemetries, known)


def _nobody_follows(policy: Config[AuthorizationPolicy], known: Known) -> Iterator[Finding]:
    is_for_mesh, selector = policy.namespace == ROOT_NAMESPACE, _selector(policy)
    if is_for_mesh and policy.spec.selector is None:
        return
    pods = (pod for pod in known.pods_of(selector) if is_for_mesh or key_of(pod).namespace == policy.namespace)
    if not any(is_injected(pod) or is_gateway(pod) for pod in pods):
        message = f"No matching workloads for this resource with the following labels: {written(selector)}"
        yield finding(policy, NO_WORKLOADS, "spec.selector" if selector else "", message)


def _unknown_namespaces(policy: Config[AuthorizationPolicy], known: Known) -> Iterator[Finding]:
    for index, rule in enumerate(policy.spec.rules):
        for number, origin in enumerate(rule.from_):
            field, source = f"spec.rules[{index}].from[{number}].source", origin.source
            named = {"namespaces": source.namespaces, "notNamespaces": source.not_namespaces} if source else {}
            for name, entries in named.items():
                for place, entry in enumerate(entries):
                    if not any(_matches(entry, namespace) for namespace in known.snapshot.namespaces):
                        message = f'Referenced namespace not found: "{entry}"'
                        yield finding(policy, NOT_FOUND, f"{field}.{name}[{place}]", message)


def _matches(entry: str, namespace: str) -> bool:
    if entry.startswith("*"):
        return namespace.endswith(entry[1:])
    if entry.endswith("*"):
        return namespace.startswith(entry[:-1])
    return entry.lower() == namespace.lower()


def _several_for_all(telemetries: Sequence[Config[Telemetry]]) -> Iterator[Finding]:
    by_namespace: dict[str, list[Config[Telemetry]]] = {}
    for telemetry in telemetries:
        if telemetry.spec.selector is None:
            by_namespace.setdefault(telemetry.namespace, []).append(telemetry)
    for namespace, rivals in by_namespace.items():
        for telemetry in rivals if len(rivals) > 1 else ():
            message = (
                f'The Telemetries {_names(rivals)} in namespace "{namespace}" have no workload selector,'
                " which can lead to undefined behavior."
            )
            yield finding(telemetry, SEVERAL_FOR_ALL, "spec", message)


def _several_for_one(telemetries: Sequence[Config[Telemetry]], known: Known) -> Iterator[Finding]:
    chosen = {telemetry.key: _selected(telemetry, known) for telemetry in telemetries if _selector(telemetry)}
    choosing = [telemetry for telemetry in telemetries if telemetry.key in chosen]
    for telemetry in choosing:
        if not chosen[telemetry.key]:
            message = f'Referenced selector not found: "{written(_selector(telemetry))}"'
            yield finding(telemetry, NOT_FOUND, "spec.selector", message)
    for pod in dict.fromkeys(chain.from_iterable(chosen.values())):
        rivals = [telemetry for telemetry in choosing if pod in chosen[telemetry.key]]
        for telemetry in rivals if len(rivals) > 1 else ():
            message = (
                f'The Telemetries {_names(rivals)} in namespace "{pod.namespace}" select the same workload pod'
                f' "{pod.name}", which can lead to undefined behavior.'
            )
            yield finding(telemetry, SELECTORS_CONFLICT, "spec.selector", message)


def _selected(telemetry: Config[Telemetry], known: Known) -> Sequence[Key]:
    pods = map(key_of, known.pods_of(_selector(telemetry)))
    return [pod for pod in pods if pod.namespace == telemetry.namespace]


def _selector(policy: Config[PolicyT]) -> Mapping[str, str]:
    return policy.spec.selector.match_labels if policy.spec.selector else {}


def _names(rivals: Sequence[Config[Telemetry]]) -> str:
    return f"[{' '.join(sorted(telemetry.name for telemetry in rivals))}]"
