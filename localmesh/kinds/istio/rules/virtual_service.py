"""What istiod's webhook says of a VirtualService, in its words.

Source: pkg/config/validation/{validation,virtualservice}.go of Istio 1.31.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from itertools import combinations

from localmesh.kinds.istio.hosts import domain_complaint, is_address, is_label, name_complaint, names_sidecars, overlap
from localmesh.kinds.istio.rules.destination_rule import subset_name_problems
from localmesh.kinds.istio.rules.unreachable import unreachable_warnings
from localmesh.kinds.istio.types.virtual_service import (
    Destination,
    HTTPMatchRequest,
    HTTPRetry,
    HTTPRoute,
    HTTPRouteDestination,
    StringMatch,
    VirtualService,
)
from localmesh.kinds.review import Problem, Review
from localmesh.kinds.syntax import HIGHEST_PORT

RETRY_CONDITIONS = (
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
)
"""What `retryOn` may name besides HTTP statuses: Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on."""

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~A-Za-z0-9]+")
_PSEUDO_HEADERS = (":method", ":scheme", ":authority", ":path", ":status")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_STATUSES = frozenset(HTTPStatus)


def review_virtual_service(_name: str, spec: VirtualService) -> Review:
    """Judge a VirtualService."""
    return Review(tuple(_problems(spec)), tuple(_warnings(spec)))


def _problems(spec: VirtualService) -> Iterator[Problem]:
    yield from _gateway_problems(spec.gateways)
    yield from _host_problems(spec)
    if not spec.http:
        yield Problem("spec.http", "http, tcp or tls must be provided in virtual service; the local mesh has http")
    for index, rule in enumerate(spec.http):
        yield from _rule_problems(f"spec.http[{index}]", rule)


def _warnings(spec: VirtualService) -> Iterator[str]:
    for _, entry in _judged(spec.gateways):
        if "/" not in entry and "." in entry:
            name, namespace = entry.split(".")[:2]
            yield (
                f'using legacy gatewayName format "{entry}"; prefer the <namespace>/<name> format: "{namespace}/{name}"'
            )
    yield from unreachable_warnings(spec.http)


def _gateway_problems(gateways: tuple[str, ...]) -> Iterator[Problem]:
    for index, entry in _judged(gateways):
        namespace, slash, name = entry.partition("/")
        complaints = _qualified_gateway_complaints(namespace, name) if slash else [name_complaint(entry)]
        for complaint in filter(None, complaints):
            yield Problem(f"spec.gateways[{index}]", complaint)


def _judged(gateways: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the entries that istiod looks at: none behind the first one without a namespace."""
    for index, entry in enumerate(gateways):
        yield index, entry
        if "/" not in entry:
            return


def _qualified_gateway_complaints(namespace: str, name: str) -> Iterator[str]:
    if not (namespace and name):
        yield "config namespace and gateway name cannot be empty"
    if not is_label(namespace):
        yield f'invalid value for namespace: "{namespace}"'
    if not is_label(name):
        yield f'invalid value for gateway name: "{name}"'


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


def _rule_problems(path: str, rule: HTTPRoute) -> Iterator[Problem]:
    if not rule.route:
        yield Problem(f"{path}.route", "HTTP route, redirect or direct_response is required; the local mesh has route")
    for index, match in enumerate(rule.match):
        yield from _match_problems(f"{path}.match[{index}]", match)
    yield from _route_problems(f"{path}.route", rule.route)
    if rule.retries:
        yield from _retry_problems(f"{path}.retries", rule.retries)


def _match_problems(path: str, match: HTTPMatchRequest) -> Iterator[Problem]:
    """A path may begin with anything, so `uri: {prefix: ""}` is fine; an empty beginning of a header is not."""
    for name, header in match.headers.items():
        yield from _header_problems(f"{path}.headers[{name}]", name, header)


def _header_problems(path: str, name: str, header: StringMatch) -> Iterator[Problem]:
    if not name:
        yield Problem(path, "header name cannot be empty")
    elif name not in _PSEUDO_HEADERS and not _HEADER_NAME.fullmatch(name):
        yield Problem(path, f"header name {name} is not a valid header name")
    if header.prefix == "":
        yield Problem(f"{path}.prefix", '"headers": prefix string match should not be empty')


def _route_problems(path: str, route: tuple[HTTPRouteDestination, ...]) -> Iterator[Problem]:
    for index, share in enumerate(route):
        yield from _destination_problems(f"{path}[{index}].destination", share.destination)
        if share.weight < 0:
            yield Problem(f"{path}[{index}].weight", f"weight {share.weight} < 0")
    if len(route) > 1 and sum(share.weight for share in route) == 0:
        yield Problem(path, "total destination weight = 0")


def _destination_problems(path: str, destination: Destination) -> Iterator[Problem]:
    if destination.host == "*":
        yield Problem(f"{path}.host", "invalid destination host *")
    elif complaint := domain_complaint(destination.host):
        yield Problem(f"{path}.host", complaint)
    if destination.subset:
        yield from subset_name_problems(f"{path}.subset", destination.subset)
    if destination.port and not 1 <= destination.port.number <= HIGHEST_PORT:
        number = destination.port.number
        yield Problem(f"{path}.port.number", f"port number {number} must be in the range 1..{HIGHEST_PORT}")


def _retry_problems(path: str, retries: HTTPRetry) -> Iterator[Problem]:
    if retries.attempts < 0:
        yield Problem(f"{path}.attempts", "attempts cannot be negative")
    if retries.attempts == 0 and (retries.per_try_timeout is not None or retries.retry_on):
        yield Problem(f"{path}.attempts", "http retry policy configured when attempts are set to 0 (disabled)")
    for condition in retries.retry_on.split(",") if retries.retry_on else ():
        if condition not in RETRY_CONDITIONS and retry_status(condition) is None:
            yield Problem(f"{path}.retryOn", _unknown_condition(condition))


def retry_status(condition: str) -> int | None:
    """Return the HTTP status that a condition of `retryOn` is, None for one that has a name."""
    number = int(condition) if _INTEGER.fullmatch(condition) else None
    return number if number in _STATUSES else None


def _unknown_condition(condition: str) -> str:
    hint = (
        "no spaces around it"
        if condition.strip() in RETRY_CONDITIONS
        else "use a status or " + ", ".join(RETRY_CONDITIONS)
    )
    return f'"{condition}" is not a valid retryOn policy; {hint}'
