"""What istiod's webhook says of the rules of a VirtualService for HTTP, in its words; conditions and headers apart.

Source: validateHTTPRoute in pkg/config/validation/virtualservice.go of Istio 1.31, and what it calls.
"""

from collections.abc import Iterator

from localmesh.kinds.istio.hosts import domain_complaint
from localmesh.kinds.istio.rules.fault import cors_problems, fault_problems, fault_warnings
from localmesh.kinds.istio.rules.header_operations import authority_problems, header_operation_problems
from localmesh.kinds.istio.rules.http_match import match_problems
from localmesh.kinds.istio.rules.retries import retry_problems
from localmesh.kinds.istio.rules.statuses import http_status_problems
from localmesh.kinds.istio.rules.string_match import regex_problems
from localmesh.kinds.istio.rules.subsets import subset_name_problems
from localmesh.kinds.istio.types.virtual_service import (
    Destination,
    HTTPDirectResponse,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    Percent,
)
from localmesh.kinds.review import Problem
from localmesh.kinds.syntax import HIGHEST_PORT, base64_bytes

MAX_BODY_BYTES = 1024 * 1024
LARGE_BODY_BYTES = 100 * 1024
REDIRECTS = (301, 302, 303, 307, 308)


def rule_problems(path: str, rule: HTTPRoute) -> Iterator[Problem]:
    """Yield what is wrong with one rule."""
    for complaint in _conflicts(rule):
        yield Problem(path, complaint)
    for index, match in enumerate(rule.match):
        yield from match_problems(f"{path}.match[{index}]", match)
    yield from header_operation_problems(f"{path}.headers", rule.headers)
    yield from cors_problems(f"{path}.corsPolicy", rule.cors_policy)
    yield from fault_problems(f"{path}.fault", rule.fault)
    yield from _mirror_problems(path, rule)
    if rule.redirect:
        yield from _redirect_problems(f"{path}.redirect", rule.redirect, rule.match)
    if rule.direct_response:
        yield from _direct_response_problems(f"{path}.directResponse", rule.direct_response)
    if rule.retries:
        yield from retry_problems(f"{path}.retries", rule.retries)
    if rule.rewrite:
        yield from _rewrite_problems(f"{path}.rewrite", rule.rewrite)
    yield from authority_problems(path, rule.rewrite, rule.headers)
    yield from _route_problems(f"{path}.route", rule.route)


def rule_warnings(rule: HTTPRoute) -> Iterator[str]:
    """Yield what istiod lets pass, but warns of."""
    if rule.mirror_percent is not None:
        yield 'using deprecated setting "mirrorPercent", use "mirrorPercentage" instead'
    yield from fault_warnings(rule.fault)
    if rule.direct_response and _body_size(rule.direct_response) > LARGE_BODY_BYTES:
        yield "large direct_responses may impact control plane performance"


def _conflicts(rule: HTTPRoute) -> Iterator[str]:
    """Yield what may not stand together, and the action that is missing."""
    if rule.redirect:
        yield from _besides("redirect", rule, direct_response=True)
    elif rule.direct_response:
        yield from _besides("direct_response", rule, direct_response=False)
    elif not rule.route:
        yield "HTTP route, redirect or direct_response is required"
    if rule.mirror and rule.mirrors:
        yield "HTTP route cannot contain both mirror and mirrors"


def _besides(action: str, rule: HTTPRoute, *, direct_response: bool) -> Iterator[str]:
    if rule.route:
        yield f"HTTP route cannot contain both route and {action}"
    if rule.fault:
        yield f"HTTP route cannot contain both fault and {action}"
    if rule.rewrite:
        yield f"HTTP route rule cannot contain both rewrite and {action}"
    if rule.direct_response and direct_response:
        yield f"HTTP route rule cannot contain both direct_response and {action}"


def _mirror_problems(path: str, rule: HTTPRoute) -> Iterator[Problem]:
    if rule.mirror_percent is not None and rule.mirror_percent > 100:  # noqa: PLR2004 - a percentage
        message = f"mirror_percent must have a max value of 100 (it has {rule.mirror_percent})"
        yield Problem(f"{path}.mirrorPercent", message)
    yield from _share_problems(f"{path}.mirrorPercentage", "mirror_percentage", rule.mirror_percentage)
    if rule.mirror:
        yield from destination_problems(f"{path}.mirror", rule.mirror)
    for index, mirror in enumerate(rule.mirrors):
        at = f"{path}.mirrors[{index}]"
        yield from destination_problems(f"{at}.destination", mirror.destination)
        yield from _share_problems(f"{at}.percentage", "mirror percentage", mirror.percentage)


def _share_problems(path: str, what: str, percent: Percent | None) -> Iterator[Problem]:
    if percent and percent.value > 100:  # noqa: PLR2004 - a percentage
        yield Problem(path, f"{what} must have a max value of 100 (it has {percent.value:f})")
    if percent and percent.value < 0:
        yield Problem(path, f"{what} must have a min value of 0 (it has {percent.value:f})")


def _redirect_problems(path: str, redirect: HTTPRedirect, matches: tuple[HTTPMatchRequest, ...]) -> Iterator[Problem]:
    """Yield the first thing that is wrong with a redirect, as istiod does."""
    if complaint := _redirect_complaint(redirect, matches):
        yield Problem(path, complaint)
    elif redirect.redirect_code and redirect.redirect_code not in REDIRECTS:
        yield Problem(
            f"{path}.redirectCode",
            f"{redirect.redirect_code}: istiod lets it pass, but Envoy knows only {', '.join(map(str, REDIRECTS))}",
        )


def _redirect_complaint(redirect: HTTPRedirect, matches: tuple[HTTPMatchRequest, ...]) -> str | None:
    names_port = redirect.port is not None or redirect.derive_port is not None
    code, port = redirect.redirect_code, redirect.port or 0
    complaints = (
        (redirect.uri and redirect.prefix_rewrite, "redirect may only specify one of uri or prefix_rewrite"),
        (
            redirect.prefix_rewrite and any(match.uri and match.uri.prefix is None for match in matches),
            "redirect prefix_rewrite requires all URI matches to use prefix match type",
        ),
        (
            not (redirect.uri or redirect.prefix_rewrite or redirect.authority or redirect.scheme or names_port),
            "redirect must specify URI, authority, scheme, or port",
        ),
        (code and not 300 <= code <= 399, f"{code} is not a valid redirect code, must be 3xx"),  # noqa: PLR2004 - redirects
        (redirect.scheme not in ("", "http", "https"), 'invalid redirect scheme, must be "http" or "https"'),
        (port > HIGHEST_PORT, f"port number {port} must be in the range 1..{HIGHEST_PORT}"),
    )
    return next((complaint for holds, complaint in complaints if holds), None)


def _direct_response_problems(path: str, response: HTTPDirectResponse) -> Iterator[Problem]:
    if _body_size(response) > MAX_BODY_BYTES:
        yield Problem(
            f"{path}.body", "large direct_responses may impact control plane performance, must be less than 1MB"
        )
    if response.body and response.body.bytes is not None:
        if not response.body.bytes:
            yield Problem(f"{path}.body.bytes", 'Invalid value: "": must be of type byte: leave it out for no body')
        try:
            base64_bytes(response.body.bytes)
        except ValueError as error:
            yield Problem(f"{path}.body.bytes", f"illegal base64 data: {error}")
    yield from http_status_problems(f"{path}.status", response.status)


def _body_size(response: HTTPDirectResponse) -> int:
    """Return the number of bytes; of an encoded text that is broken, that of the text."""
    if response.body is None:
        return 0
    encoded = response.body.bytes
    if encoded is None:
        return len((response.body.string or "").encode())
    return len(encoded.rstrip("=")) * 3 // 4


def _rewrite_problems(path: str, rewrite: HTTPRewrite) -> Iterator[Problem]:
    regex = rewrite.uri_regex_rewrite
    if rewrite.uri and regex:
        yield Problem(path, "rewrite may only contain one of URI or UriRegexRewrite")
    elif not rewrite.uri and not regex and not rewrite.authority:
        yield Problem(path, "rewrite must specify at least one of URI, UriRegexRewrite, or authority")
    elif regex and not (regex.match and regex.rewrite):
        yield Problem(
            f"{path}.uriRegexRewrite", "UriRegexRewrite requires both Rewrite and Match fields to be specified"
        )
    elif regex:
        yield from regex_problems(f"{path}.uriRegexRewrite.match", regex.match, "HTTPRewrite.UriRegexRewrite.Match")


def _route_problems(path: str, route: tuple[HTTPRouteDestination, ...]) -> Iterator[Problem]:
    for index, share in enumerate(route):
        at = f"{path}[{index}]"
        yield from header_operation_problems(f"{at}.headers", share.headers)
        yield from destination_problems(f"{at}.destination", share.destination)
        if share.weight < 0:
            yield Problem(f"{at}.weight", f"weight {share.weight} < 0")
    if len(route) > 1 and sum(share.weight for share in route) == 0:
        yield Problem(path, "total destination weight = 0")


def destination_problems(path: str, destination: Destination) -> Iterator[Problem]:
    """Yield what is wrong with a destination."""
    if destination.host == "*":
        yield Problem(f"{path}.host", "invalid destination host *")
    elif complaint := domain_complaint(destination.host):
        yield Problem(f"{path}.host", complaint)
    if destination.subset:
        yield from subset_name_problems(f"{path}.subset", destination.subset)
    if destination.port and not 1 <= destination.port.number <= HIGHEST_PORT:
        number = destination.port.number
        yield Problem(f"{path}.port.number", f"port number {number} must be in the range 1..{HIGHEST_PORT}")
