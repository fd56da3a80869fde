"""What becomes of the requests that a rule of a VirtualService takes.

Source: applyHTTPRouteDestination, ApplyRedirect and ApplyDirectResponse in pilot/pkg/networking/core/route/route.go of
Istio 1.31.
"""

from collections.abc import Iterator
from datetime import timedelta

from localmesh.kinds.istio.hosts import resolve
from localmesh.kinds.istio.types.virtual_service import (
    Destination,
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
)
from localmesh.kinds.syntax import base64_bytes
from localmesh.pilot.http.caller import Caller
from localmesh.pilot.http.hash_policies import destination_hash, hash_policies
from localmesh.pilot.http.retries import retry_policy
from localmesh.pilot.http.route_policies import fraction, header_effects
from localmesh.proxy.actions import Action, DirectResponse, Forward, Mirror, Redirect, RegexRewrite, WeightedCluster
from localmesh.proxy.names import outbound_cluster
from localmesh.proxy.route_policies import ALL, Fraction

NO_TIMEOUT = timedelta(0)
DEFAULT_REDIRECT = 301
_DEFAULT_PORTS = {("http", 80), ("https", 443)}
"""Ports that an address does not name."""


def action(rule: HTTPRoute, namespace: str, caller: Caller) -> Action:
    """Translate a rule of a VirtualService in a namespace."""
    if rule.redirect:
        return _redirect(rule.redirect, caller.port)
    if rule.direct_response:
        return _direct_response(rule.direct_response)
    return _forward(rule, namespace, caller)


def _redirect(redirect: HTTPRedirect, port: int) -> Redirect:
    return Redirect(
        redirect.redirect_code or DEFAULT_REDIRECT,
        scheme=redirect.scheme or None,
        host=redirect.authority or None,
        port=_redirect_port(redirect, port),
        path=redirect.uri or None,
        prefix=redirect.prefix_rewrite or None,
    )


def _redirect_port(redirect: HTTPRedirect, request_port: int) -> int | None:
    """Return the port that is named, or that of the request if that is asked for; None for the scheme's own."""
    port = request_port if redirect.derive_port == "FROM_REQUEST_PORT" else redirect.port
    return None if not port or (redirect.scheme or "http", port) in _DEFAULT_PORTS else port


def _direct_response(response: HTTPDirectResponse) -> DirectResponse:
    if response.body is None or response.body.bytes is None:
        return DirectResponse(response.status, response.body.string if response.body else None)
    return DirectResponse(response.status, base64_bytes(response.body.bytes))


def _forward(rule: HTTPRoute, namespace: str, caller: Caller) -> Forward:
    rewrite = rule.rewrite or HTTPRewrite()
    regex = rewrite.uri_regex_rewrite
    clusters = tuple(_weighted_clusters(rule.route, namespace, caller))
    hashed = [destination_hash(share.destination, namespace, caller) for share in _in_use(rule.route)]
    return Forward(
        clusters,
        timeout=rule.timeout or NO_TIMEOUT,
        retry=retry_policy(rule.retries, hashed=len(rule.route) == 1 and hashed[0] is not None),
        host=rewrite.authority or header_effects(rule.headers).host or _only_host(rule.route),
        prefix=None if regex else rewrite.uri or None,
        rewrite=RegexRewrite(regex.match, regex.rewrite) if regex else None,
        mirrors=tuple(_mirrors(rule, namespace, caller)),
        hashes=hash_policies(*hashed),
    )


def _only_host(route: tuple[HTTPRouteDestination, ...]) -> str | None:
    """Return the host that the headers of a destination that was named alone say."""
    return header_effects(route[0].headers).host if len(route) == 1 else None


def _in_use(route: tuple[HTTPRouteDestination, ...]) -> tuple[HTTPRouteDestination, ...]:
    """Return the destinations that get requests: among several, one of weight 0 is left out."""
    return route if len(route) == 1 else tuple(destination for destination in route if destination.weight)


def _weighted_clusters(
    route: tuple[HTTPRouteDestination, ...], namespace: str, caller: Caller
) -> Iterator[WeightedCluster]:
    """Yield the destinations that get requests.

    The header operations of a destination that was named alone are the route's.
    """
    if len(route) == 1:
        yield WeightedCluster(_cluster(route[0].destination, namespace, caller))
        return
    for destination in _in_use(route):
        effects = header_effects(destination.headers)
        yield WeightedCluster(
            _cluster(destination.destination, namespace, caller),
            destination.weight,
            effects.host,
            effects.request,
            effects.response,
        )


def _mirrors(rule: HTTPRoute, namespace: str, caller: Caller) -> Iterator[Mirror]:
    """Yield the clusters that get copies; one that is to get none of the requests is left out."""
    if rule.mirror and (share := _mirror_share(rule)):
        yield Mirror(_cluster(rule.mirror, namespace, caller), share)
    for mirror in rule.mirrors:
        if mirror.percentage is None or mirror.percentage.value > 0:
            share = ALL if mirror.percentage is None else fraction(mirror.percentage)
            yield Mirror(_cluster(mirror.destination, namespace, caller), share)


def _mirror_share(rule: HTTPRoute) -> Fraction | None:
    """Return the share of `mirror`; `mirrorPercent` is the way of old, and nothing said means all."""
    if rule.mirror_percentage is not None:
        return fraction(rule.mirror_percentage) if rule.mirror_percentage.value > 0 else None
    if rule.mirror_percent is not None:
        return Fraction(rule.mirror_percent) if rule.mirror_percent > 0 else None
    return ALL


def _cluster(destination: Destination, namespace: str, caller: Caller) -> str:
    host = resolve(destination.host, namespace)
    port = destination.port.number if destination.port else caller.destination_port(host)
    return outbound_cluster(caller.called_host(host), port, destination.subset)
