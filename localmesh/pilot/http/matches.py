"""A VirtualService's conditions → which requests a route takes."""

from localmesh.kinds.istio.types.virtual_service import HTTPMatchRequest, StringMatch
from localmesh.proxy.matches import ANY_PATH, EVERYTHING, HeaderMatch, RouteMatch, TextKind, TextMatch


def route_match(match: HTTPMatchRequest | None) -> RouteMatch:
    """Translate conditions; headers go by name, capitals first, as istiod sorts them."""
    if match is None:
        return EVERYTHING
    headers = tuple(HeaderMatch(name, text_match(match.headers[name])) for name in sorted(match.headers))
    path = text_match(match.uri) if match.uri else ANY_PATH
    return RouteMatch(ANY_PATH if path.kind is TextKind.PRESENT else path, headers, conditional=True)


def text_match(match: StringMatch) -> TextMatch:
    """Translate how a text has to be."""
    if match.exact is not None:
        return TextMatch(TextKind.EXACT, match.exact)
    return TextMatch(TextKind.PRESENT) if match.prefix is None else TextMatch(TextKind.PREFIX, match.prefix)
