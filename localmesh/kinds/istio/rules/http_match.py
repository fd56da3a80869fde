"""What istiod's webhook says of the conditions of an HTTP route, in its words.

Source: validateHTTPRouteMatchRequest in pkg/config/validation/virtualservice.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping

from localmesh.kinds.istio.hosts import is_label, name_complaint
from localmesh.kinds.istio.rules.header_operations import HEADER_NAME
from localmesh.kinds.istio.rules.labels import label_complaints
from localmesh.kinds.istio.rules.string_match import regex_match_problems, string_match_problems
from localmesh.kinds.istio.types.virtual_service import HTTPMatchRequest, StringMatch
from localmesh.kinds.review import Problem
from localmesh.kinds.syntax import HIGHEST_PORT

_LONGEST_PARAMETER = 1024
_PSEUDO_HEADERS = (":method", ":scheme", ":authority", ":path", ":status")
JWT_CLAIM = "@request.auth.claims"
"""How a header's name begins that stands for a claim of the client's token."""


def match_problems(path: str, match: HTTPMatchRequest) -> Iterator[Problem]:
    """Yield what is wrong with one set of conditions. A path may begin with anything, so its prefix may be empty."""
    yield from _header_problems(f"{path}.headers", match.headers, "headers")
    present = {name for name, header in match.without_headers.items() if header.regex == "*"}
    judged = {name: StringMatch() if name in present else header for name, header in match.without_headers.items()}
    yield from _header_problems(f"{path}.withoutHeaders", judged, "withoutHeaders")
    yield from regex_match_problems(f"{path}.uri", match.uri, "uri")
    yield from string_match_problems(f"{path}.scheme", match.scheme, "scheme")
    yield from string_match_problems(f"{path}.method", match.method, "method")
    yield from string_match_problems(f"{path}.authority", match.authority, "authority")
    for name, parameter in match.query_params.items():
        if not 0 < len(name.encode()) <= _LONGEST_PARAMETER:
            place = f"{path}.queryParams[{name[:20]}]"
            yield Problem(place, f"istiod lets it pass, but Envoy takes names of 1 to {_LONGEST_PARAMETER} bytes only")
        yield from string_match_problems(f"{path}.queryParams[{name}]", parameter, "queryParams")
    yield from _client_problems(path, match)


def _header_problems(path: str, headers: Mapping[str, StringMatch], where: str) -> Iterator[Problem]:
    for name, header in headers.items():
        at = f"{path}[{name}]"
        if not name:
            yield Problem(at, "header name cannot be empty")
        elif name.startswith(JWT_CLAIM):
            yield Problem(at, "routing by the claims of a token is not supported by the local mesh")
        elif name not in _PSEUDO_HEADERS and not HEADER_NAME.fullmatch(name):
            yield Problem(at, f"header name {name} is not a valid header name")
        yield from string_match_problems(at, header, where)


def _client_problems(path: str, match: HTTPMatchRequest) -> Iterator[Problem]:
    """Yield what is wrong with the conditions on who calls, and which port."""
    if match.port and not 1 <= match.port <= HIGHEST_PORT:
        yield Problem(f"{path}.port", f"port number {match.port} must be in the range 1..{HIGHEST_PORT}")
    for complaint in label_complaints(match.source_labels):
        yield Problem(f"{path}.sourceLabels", complaint)
    if match.source_namespace and not is_label(match.source_namespace):
        yield Problem(f"{path}.sourceNamespace", f"sourceNamespace match {match.source_namespace} is invalid")
    yield from gateway_problems(f"{path}.gateways", match.gateways)


def gateway_problems(path: str, gateways: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with names of Gateways."""
    for index, entry in judged_gateways(gateways):
        namespace, slash, name = entry.partition("/")
        complaints = _qualified_complaints(namespace, name) if slash else [name_complaint(entry)]
        for complaint in filter(None, complaints):
            yield Problem(f"{path}[{index}]", complaint)


def judged_gateways(gateways: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the entries that istiod looks at: none behind the first one without a namespace."""
    for index, entry in enumerate(gateways):
        yield index, entry
        if "/" not in entry:
            return


def legacy_gateway_warnings(gateways: tuple[str, ...]) -> Iterator[str]:
    """Yield a warning on each gateway that is named in the way of old."""
    for _, entry in judged_gateways(gateways):
        if "/" not in entry and "." in entry:
            name, namespace = entry.split(".")[:2]
            yield (
                f'using legacy gatewayName format "{entry}"; prefer the <namespace>/<name> format: "{namespace}/{name}"'
            )


def _qualified_complaints(namespace: str, name: str) -> Iterator[str]:
    if not (namespace and name):
        yield "config namespace and gateway name cannot be empty"
    if not is_label(namespace):
        yield f'invalid value for namespace: "{namespace}"'
    if not is_label(name):
        yield f'invalid value for gateway name: "{name}"'
