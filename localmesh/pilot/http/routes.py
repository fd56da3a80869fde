"""VirtualService → routes, alike for sidecars and gateways."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from localmesh.core.objects import Key
from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.hosts import resolve
from localmesh.kinds.istio.types.virtual_service import Destination, HTTPMatchRequest, HTTPRoute, HTTPRouteDestination
from localmesh.pilot.http.matches import route_match
from localmesh.pilot.http.retries import DEFAULT_RETRY, SERVER_SIDE_RETRY, retry_policy
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config
from localmesh.pilot.view import View
from localmesh.proxy.actions import Action, Forward, WeightedCluster
from localmesh.proxy.matches import RouteMatch, TextKind
from localmesh.proxy.names import ClusterName, inbound_cluster, outbound_cluster
from localmesh.proxy.proxies import NodeType
from localmesh.proxy.routes import Route

PASSTHROUGH = "PassthroughCluster"
NO_TIMEOUT = timedelta(0)


def default_route(service: Service, port: int) -> Route:
    """Return the route to a Service that no VirtualService speaks of."""
    destination = WeightedCluster(outbound_cluster(service.host, port))
    return Route(Forward((destination,), retry=DEFAULT_RETRY), name="default", operation=f"{service.host}:{port}/*")


def passthrough_route() -> Route:
    """Return the route for hosts that no Service has."""
    return Route(Forward((WeightedCluster(PASSTHROUGH),)), name="allow_any")


def application_route(port: int, operation: str) -> Route:
    """Return the last route, from the sidecar to the application beside it."""
    destination = WeightedCluster(inbound_cluster(port))
    action = Forward((destination,), retry=SERVER_SIDE_RETRY, server_side=True)
    return Route(action, name="default", operation=operation)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose requests a VirtualService is asked about."""

    view: View
    port: int
    """The port of the Service that was called, or of the gateway's server."""

    context: PushContext
    gateway: Key | None = None
    """The Gateway whose server took the request; None for a sidecar."""

    def destination_port(self, host: str) -> int:
        """Return the port that a destination means which names none: for a gateway, its Service's only one."""
        if self.view.type is NodeType.SIDECAR:
            return self.port
        service = self.context.services.find(host)
        return service.ports[0].number if service and len(service.ports) == 1 else self.port


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
            yield _route(config, rule, match, caller)


def _route(config: Config[VirtualService], rule: HTTPRoute, match: HTTPMatchRequest | None, caller: Caller) -> Route:
    action, conditions = _action(config, rule, caller), route_match(match)
    return Route(
        action,
        match=conditions,
        name=f"{rule.name}.{match.name}" if match and match.name else rule.name,
        operation=_operation(config, action, conditions, caller),
        config=config.path,
    )


def _action(config: Config[VirtualService], rule: HTTPRoute, caller: Caller) -> Action:
    """Return what becomes of the requests that a rule takes."""
    clusters = tuple(_weighted_clusters(config.namespace, rule.route, caller))
    return Forward(clusters, timeout=rule.timeout or NO_TIMEOUT, retry=retry_policy(rule.retries))


def _weighted_clusters(
    namespace: str, destinations: Sequence[HTTPRouteDestination], caller: Caller
) -> Iterator[WeightedCluster]:
    """Yield the destinations; among several, one of weight 0 gets nothing and is left out."""
    alone = len(destinations) == 1
    for destination in destinations:
        if alone or destination.weight:
            cluster = _cluster(namespace, destination.destination, caller)
            yield WeightedCluster(cluster, None if alone else destination.weight)


def _cluster(namespace: str, destination: Destination, caller: Caller) -> str:
    host = resolve(destination.host, namespace)
    port = destination.port.number if destination.port else caller.destination_port(host)
    return outbound_cluster(host, port, destination.subset)


def _operation(config: Config[VirtualService], action: Action, match: RouteMatch, caller: Caller) -> str:
    """Return what istiod calls the request: by its one destination, or by the VirtualService if there are several."""
    path = match.path.value + ("*" if match.path.kind is TextKind.PREFIX else "")
    if isinstance(action, Forward) and action.clusters[0].weight is None:
        name = ClusterName.of(action.clusters[0].cluster)
        return f"{name.host}:{name.port}{path}"
    return f"{config.name}:{caller.port}{path}"
