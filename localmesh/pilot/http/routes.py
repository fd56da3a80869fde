"""VirtualService → routes, alike for sidecars and gateways."""

from collections.abc import Iterable, Iterator

from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.types.virtual_service import HTTPMatchRequest, HTTPRoute
from localmesh.pilot.http.actions import action
from localmesh.pilot.http.caller import Caller
from localmesh.pilot.http.hash_policies import hash_policies, service_hash
from localmesh.pilot.http.matches import concerns, route_match
from localmesh.pilot.http.retries import DEFAULT_RETRY, SERVER_SIDE_RETRY
from localmesh.pilot.http.route_policies import HeaderEffects, cors_policy, fault, header_effects
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config
from localmesh.proxy.actions import Action, Forward, WeightedCluster
from localmesh.proxy.matches import RouteMatch, TextKind
from localmesh.proxy.names import ClusterName, inbound_cluster, outbound_cluster
from localmesh.proxy.routes import Route

PASSTHROUGH = "PassthroughCluster"


def default_route(service: Service, caller: Caller) -> Route:
    """Return the route to a Service that no VirtualService speaks of; a hash changes nothing about its retries."""
    destination = WeightedCluster(outbound_cluster(service.host, caller.port))
    hashes = hash_policies(service_hash(service, caller))
    action = Forward((destination,), retry=DEFAULT_RETRY, hashes=hashes)
    return Route(action, name="default", operation=f"{service.host}:{caller.port}/*")


def passthrough_route() -> Route:
    """Return the route for hosts that no Service has."""
    return Route(Forward((WeightedCluster(PASSTHROUGH),)), name="allow_any")


def application_route(port: int, operation: str, *, retried: bool) -> Route:
    """Return the last route, from the sidecar to the application beside it; istiod has no gRPC call retried there."""
    destination = WeightedCluster(inbound_cluster(port))
    action = Forward((destination,), retry=SERVER_SIDE_RETRY if retried else None, server_side=True)
    return Route(action, name="default", operation=operation)


def routes_of(config: Config[VirtualService], caller: Caller) -> tuple[Route, ...]:
    """Return the routes of a VirtualService in the order in which they are tried.

    One route for each match. Nothing comes after a route that takes every request. What cannot be translated is found,
    and the VirtualService has no routes then.
    """
    with caller.context.findings.about(config.resource, config.key):
        return tuple(_reachable(_all_routes(config, caller)))
    return ()


def _reachable(routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        yield route
        if route.match.catches_all:
            return


def _all_routes(config: Config[VirtualService], caller: Caller) -> Iterator[Route]:
    for rule in config.spec.http:
        for match in rule.match or (None,):
            if concerns(match, caller.view, caller.port, caller.gateway, config.namespace):
                yield _route(config, rule, match, caller)


def _route(config: Config[VirtualService], rule: HTTPRoute, match: HTTPMatchRequest | None, caller: Caller) -> Route:
    taken, conditions = action(rule, config.namespace, caller), route_match(match)
    effects = _header_effects(rule)
    return Route(
        taken,
        match=conditions,
        name=f"{rule.name}.{match.name}" if match and match.name else rule.name,
        operation=_operation(config, taken, conditions, caller),
        config=config.path,
        stat_prefix=match.stat_prefix if match else "",
        request_headers=effects.request,
        response_headers=effects.response,
        fault=fault(rule.fault),
        cors=cors_policy(rule.cors_policy),
    )


def _header_effects(rule: HTTPRoute) -> HeaderEffects:
    """Return what a rule does to headers, and after it the destination that it names alone."""
    effects = header_effects(rule.headers)
    if len(rule.route) != 1:
        return effects
    own = header_effects(rule.route[0].headers)
    return HeaderEffects(effects.request + own.request, effects.response + own.response)


def _operation(config: Config[VirtualService], taken: Action, match: RouteMatch, caller: Caller) -> str:
    """Return what istiod calls the request: by its one destination, or by the VirtualService if there are several."""
    path = match.path.value + ("*" if match.path.kind is TextKind.PREFIX else "")
    if isinstance(taken, Forward) and taken.clusters[0].weight is None:
        name = ClusterName.of(taken.clusters[0].cluster)
        return f"{name.host}:{name.port}{path}"
    return f"{config.name}:{caller.port}{path}"
