"""A VirtualService's conditions → which requests a route takes, and whose.

Source: TranslateRouteMatch and sourceMatchHTTP in pilot/pkg/networking/core/route/route.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from localmesh.core.objects import Key
from localmesh.kinds.istio.hosts import MESH, resolve_gateway
from localmesh.kinds.istio.types.virtual_service import HTTPMatchRequest, StringMatch
from localmesh.pilot.view import View
from localmesh.proxy.matches import ANY_PATH, EVERYTHING, HeaderMatch, QueryMatch, RouteMatch, TextKind, TextMatch

PRESENT_REGEX = "*"
"""No regular expression, but Istio's way to say that a header is there."""


def concerns(match: HTTPMatchRequest | None, view: View, port: int, gateway: Key | None, namespace: str) -> bool:
    """Tell whether a match is for requests of these clients at all.

    Args:
        match: None holds for everybody.
        view: The clients.
        port: Of the Service that was called, or of the gateway's server.
        gateway: The Gateway whose server took the request; None for a sidecar.
        namespace: The VirtualService's own.
    """
    if match is None:
        return True
    if match.port not in (0, port):
        return False
    if match.gateways:  # then nothing else is asked of the clients, as in istiod
        own = MESH if gateway is None else f"{gateway.namespace}/{gateway.name}"
        return own in (resolve_gateway(name, namespace) for name in match.gateways)
    return view.has(match.source_labels) and match.source_namespace in ("", view.namespace)


def route_match(match: HTTPMatchRequest | None) -> RouteMatch:
    """Translate conditions; headers go by name, capitals first, as istiod sorts them, and pseudo-headers follow."""
    if match is None:
        return EVERYTHING
    headers = (*_headers(match.headers), *_headers(match.without_headers, inverted=True))
    return RouteMatch(
        _path(match),
        (*sorted(headers, key=lambda header: header.name), *_pseudo_headers(match)),
        tuple(QueryMatch(name, text_match(match.query_params[name])) for name in sorted(match.query_params)),
        conditional=True,
    )


def text_match(match: StringMatch) -> TextMatch:
    """Translate how a text has to be."""
    if match.exact is not None:
        return TextMatch(TextKind.EXACT, match.exact)
    if match.prefix is not None:
        return TextMatch(TextKind.PREFIX, match.prefix)
    if match.regex is None or match.regex == PRESENT_REGEX:
        return TextMatch(TextKind.PRESENT)
    return TextMatch(TextKind.REGEX, match.regex)


def _path(match: HTTPMatchRequest) -> TextMatch:
    path = text_match(match.uri) if match.uri else ANY_PATH
    return replace(ANY_PATH if path.kind is TextKind.PRESENT else path, ignore_case=match.ignore_uri_case)


def _headers(matches: Mapping[str, StringMatch], *, inverted: bool = False) -> Iterator[HeaderMatch]:
    for name, match in matches.items():
        yield HeaderMatch(name, text_match(match), inverted)


def _pseudo_headers(match: HTTPMatchRequest) -> Iterator[HeaderMatch]:
    pseudo = ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme))
    return (HeaderMatch(name, text_match(text)) for name, text in pseudo if text is not None)
