"""What istiod's webhook says of a VirtualService, in its words.

Source: ValidateVirtualService in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator
from itertools import combinations

from localmesh.core.objects import Key
from localmesh.kinds.istio.hosts import domain_complaint, is_address, names_sidecars, overlap
from localmesh.kinds.istio.rules.advice import advice
from localmesh.kinds.istio.rules.export_to import export_to_problems
from localmesh.kinds.istio.rules.http_match import gateway_problems, legacy_gateway_warnings
from localmesh.kinds.istio.rules.http_route import rule_problems, rule_warnings
from localmesh.kinds.istio.rules.unreachable import unreachable_warnings
from localmesh.kinds.istio.types.virtual_service import VirtualService
from localmesh.kinds.review import Problem, Review


def review_virtual_service(key: Key, spec: VirtualService) -> Review:
    """Judge a VirtualService."""
    return Review(tuple(_problems(key, spec)), tuple(_warnings(spec)))


def _problems(key: Key, spec: VirtualService) -> Iterator[Problem]:
    yield from gateway_problems("spec.gateways", spec.gateways)
    yield from _host_problems(spec)
    if not spec.http:
        yield Problem("spec.http", "http, tcp or tls must be provided in virtual service; the local mesh has http")
    for index, rule in enumerate(spec.http):
        yield from rule_problems(f"spec.http[{index}]", rule)
    yield from export_to_problems(spec.export_to, key.namespace, selects_clients=False)


def _warnings(spec: VirtualService) -> Iterator[str]:
    yield from legacy_gateway_warnings(spec.gateways)
    for index, rule in enumerate(spec.http):
        yield from rule_warnings(rule)
        yield from advice(f"spec.http[{index}]", rule)
    yield from unreachable_warnings(spec.http)


def _host_problems(spec: VirtualService) -> Iterator[Problem]:
    if not spec.hosts:
        yield Problem(
            "spec.hosts", "a VirtualService without hosts is a delegate, which the local mesh does not support"
        )
    complaints = [_host_complaint(host, spec) for host in spec.hosts]
    for index, complaint in enumerate(complaints):
        if complaint:
            yield Problem(f"spec.hosts[{index}]", complaint)
    if not any(complaints):
        for one, other in combinations(spec.hosts, 2):
            if overlap(one, other):
                yield Problem("spec.hosts", f"duplicate hosts in virtual service: {one} & {other}")


def _host_complaint(host: str, spec: VirtualService) -> str | None:
    if host == "*" and names_sidecars(spec.gateways):
        return "wildcard host * is not allowed for virtual services bound to the mesh gateway"
    return None if is_address(host) else domain_complaint(host)
