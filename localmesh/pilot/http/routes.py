"""VirtualService → routes, alike for sidecars and gateways."""

from collections.abc import Iterator
from dataclasses import dataclass

from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.hosts import resolve
from localmesh.kinds.istio.virtual_service import (
    Destination,
    HTTPMatch,
    HTTPRoute,
    RouteDestination,
    StringMatch,
)
from localmesh.pilot.config.policies import DEFAULT_RETRY, NO_TIMEOUT, SERVER_SIDE_RETRY, retry_policy
from localmesh.pilot.registry.index import Registry, Service
from localmesh.pilot.snapshot import Config
from localmesh.proxy.actions import Share
from localmesh.proxy.matches import ANY_PATH, EVERYTHING, HeaderMatch, RouteMatch, Text, TextMatch
from localmesh.proxy.routes import Route

PASSTHROUGH = "PassthroughCluster"


def outbound_cluster(host: str, port: int, subset: str = "") -> str:
    """Return the name of the cluster for a Service's port, or for one of its subsets."""
    return f"outbound|{port}|{subset}|{host}"


def inbound_cluster(port: int) -> str:
    """Return the name of the cluster for the application behind a container port."""
    return f"inbound|{port}||"


def default_route(service: Service, port: int) -> Route:
    """Return the route to a Service that no VirtualService speaks of."""
    cluster = outbound_cluster(service.host, port)
    return Route((Share(cluster),), name="default", retry=DEFAULT_RETRY, operation=f"{service.host}:{port}/*")


def passthrough_route() -> Route:
    """Return the route for hosts that no Service has."""
    return Route((Share(PASSTHROUGH),), name="allow_any")


def application_route(port: int, operation: str) -> Route:
    """Return the last route, from the sidecar to the application beside it."""
    share = Share(inbound_cluster(port))
    return Route((share,), name="default", retry=SERVER_SIDE_RETRY, operation=operation, server_side=True)


@dataclass(frozen=True, slots=True)
class Outlook:
    """From where a VirtualService is looked at."""

    port: int
    """The port of the Service that was called, or of the gateway's server."""

    registry: Registry
    by_service: bool = False
    """Whether a destination without a port means the only one of its Service, if that has one only."""

    def destination_port(self, host: str) -> int:
        """Return the port that a destination means which names none."""
        service = self.registry.find(host) if self.by_service else None
        return service.ports[0].number if service and len(service.ports) == 1 else self.port


def routes_of(service: Config[VirtualService], outlook: Outlook) -> tuple[Route, ...]:
    """Return the routes of a VirtualService in the order in which they are tried.

    One route for each match. Nothing comes after a route that takes every request.
    """
    routes: list[Route] = []
    for route in _all_routes(service, outlook):
        routes.append(route)
        if route.match.catches_all:
            break
    return tuple(routes)


def _all_routes(service: Config[VirtualService], outlook: Outlook) -> Iterator[Route]:
    for rule in service.spec.http:
        for match in rule.match or (None,):
            yield _route(service, rule, match, outlook)


def _route(service: Config[VirtualService], rule: HTTPRoute, match: HTTPMatch | None, outlook: Outlook) -> Route:
    shares = tuple(_shares(service.namespace, rule.route, outlook))
    translated = _match(match)
    return Route(
        shares,
        match=translated,
        name=f"{rule.name}.{match.name}" if match and match.name else rule.name,
        timeout=rule.timeout or NO_TIMEOUT,
        retry=retry_policy(rule.retries),
        operation=_operation(service, shares, translated, outlook),
        config=service.path,
    )


def _match(match: HTTPMatch | None) -> RouteMatch:
    """Translate conditions; headers go by name, capitals first, as istiod sorts them."""
    if match is None:
        return EVERYTHING
    headers = tuple(HeaderMatch(name, _text(match.headers[name])) for name in sorted(match.headers))
    path = _text(match.uri) if match.uri else ANY_PATH
    return RouteMatch(ANY_PATH if path.kind is Text.PRESENT else path, headers, conditional=True)


def _text(match: StringMatch) -> TextMatch:
    if match.exact is not None:
        return TextMatch(Text.EXACT, match.exact)
    return TextMatch(Text.PRESENT) if match.prefix is None else TextMatch(Text.PREFIX, match.prefix)


def _shares(namespace: str, destinations: tuple[RouteDestination, ...], outlook: Outlook) -> Iterator[Share]:
    """Yield the destinations; among several, one of weight 0 gets nothing and is left out."""
    alone = len(destinations) == 1
    for each in destinations:
        if alone or each.weight:
            yield Share(_cluster(namespace, each.destination, outlook), None if alone else each.weight)


def _cluster(namespace: str, destination: Destination, outlook: Outlook) -> str:
    host = resolve(destination.host, namespace)
    port = destination.port.number if destination.port else outlook.destination_port(host)
    return outbound_cluster(host, port, destination.subset)


def _operation(service: Config[VirtualService], shares: tuple[Share, ...], match: RouteMatch, outlook: Outlook) -> str:
    """Return what istiod calls the request: by its one destination, or by the VirtualService if there are several."""
    path = match.path.value + ("*" if match.path.kind is Text.PREFIX else "")
    if shares[0].weight is not None:
        return f"{service.name}:{outlook.port}{path}"
    _, port, _, host = shares[0].cluster.split("|")
    return f"{host}:{port}{path}"
