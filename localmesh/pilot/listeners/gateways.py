"""What a gateway's proxy does: it listens for the servers of the Gateways that select it.

Source: buildGatewayHTTPRouteConfig in pilot/pkg/networking/core/gateway.go of Istio 1.31.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from localmesh.core.objects import Object, labels_of, selects
from localmesh.kinds.istio import Gateway, VirtualService
from localmesh.kinds.istio.gateway import Server
from localmesh.kinds.istio.hosts import intersection, is_wildcard, resolve, resolve_gateway
from localmesh.pilot.http.routes import Outlook, routes_of
from localmesh.pilot.registry.addresses import Addresses, PodPort
from localmesh.pilot.registry.index import Registry, container_port
from localmesh.pilot.snapshot import Config, Snapshot
from localmesh.proxy.listeners import Listener, Side
from localmesh.proxy.routes import Route, RouteConfiguration, VirtualHost

PRIVILEGED = 1024
"""Ports below this one a gateway pod may not open: it does not run as root."""


@dataclass(frozen=True, slots=True)
class OpenServer:
    """A server of a Gateway that a pod serves, and the pod's port that it opens."""

    gateway: Config[Gateway]
    server: Server
    port: PodPort


def servers_of(pod: Object, snapshot: Snapshot, registry: Registry) -> Iterator[OpenServer]:
    """Yield the servers that a gateway pod serves, those of the oldest Gateway first."""
    for gateway in snapshot.gateways:
        if selects(gateway.spec.selector, labels_of(pod)):
            for server in gateway.spec.servers:
                port = _pod_port(pod, server.port.number, registry)
                if port:
                    yield OpenServer(gateway, server, port)


def _pod_port(pod: Object, number: int, registry: Registry) -> PodPort | None:
    """Return the pod's port behind a port of the gateway's Service; one that the Service has not is the pod's own."""
    for service in registry.of_pod(pod):
        port = service.port(number)
        target = container_port(pod, port.target) if port else None
        if port and target:
            return PodPort(pod, target, port.node_port)
    return PodPort(pod, number) if number >= PRIVILEGED else None


def gateway_listeners(servers: Sequence[OpenServer], addresses: Addresses) -> Iterator[Listener]:
    """Yield one listener for each port that is open to the outside."""
    reached = {each.port.number: each.port for each in sorted(servers, key=lambda each: each.port.node_port or 0)}
    for number, port in reached.items():
        address = addresses.gateway(port)
        if address:
            yield Listener(f"0.0.0.0_{number}", address, Side.GATEWAY, _routes_name(number), shared=True)


def gateway_routes(
    servers: Sequence[OpenServer], snapshot: Snapshot, registry: Registry
) -> Iterator[RouteConfiguration]:
    """Yield the routes for each port."""
    for number in dict.fromkeys(each.port.number for each in servers):
        on_port = [each for each in servers if each.port.number == number]
        yield RouteConfiguration(_routes_name(number), _virtual_hosts(on_port, snapshot, registry))


def _routes_name(number: int) -> str:
    return f"http.{number}"


def _virtual_hosts(servers: Sequence[OpenServer], snapshot: Snapshot, registry: Registry) -> tuple[VirtualHost, ...]:
    """Return the virtual hosts of one port, one that answers 404 to everything if there is nothing to serve."""
    found: dict[str, VirtualHost] = {}
    for each in servers:
        for rule in _bound_to(each.gateway, snapshot):
            routes = routes_of(rule, Outlook(each.server.port.number, registry, by_service=True))
            for host in _common_hosts(each, rule):
                _add(found, host, each.server.port.number, routes)
    if not found:
        return (VirtualHost(f"blackhole:{servers[0].server.port.number}", ("*",), (), counts_attempts=False),)
    folded = _folded([found[host] for host in sorted(found, key=_specific_first)])
    return tuple(sorted(map(_catch_alls_last, folded), key=lambda host: host.name))


def _bound_to(gateway: Config[Gateway], snapshot: Snapshot) -> Iterator[Config[VirtualService]]:
    for rule in snapshot.virtual_services:
        if gateway.qualified in (resolve_gateway(name, rule.namespace) for name in rule.spec.gateways):
            yield rule


def _common_hosts(opened: OpenServer, rule: Config[VirtualService]) -> list[str]:
    """Return the hosts that the server admits and the rule serves, the narrower of each pair, in lower case."""
    admitted = [host for host in opened.server.hosts if _admits(host, opened.gateway.namespace, rule.namespace)]
    served = [resolve(host, rule.namespace) for host in rule.spec.hosts]
    return [host.lower() for host in intersection((host.rpartition("/")[2] for host in admitted), served)]


def _admits(entry: str, gateway_namespace: str, rule_namespace: str) -> bool:
    """Tell whether `namespace/host` is for VirtualServices of a namespace: `*` is any, `.` the Gateway's own."""
    namespace, slash, _ = entry.partition("/")
    return not slash or namespace == "*" or rule_namespace == (gateway_namespace if namespace == "." else namespace)


def _add(found: dict[str, VirtualHost], host: str, port: int, routes: tuple[Route, ...]) -> None:
    """Add a rule's routes to a host: after those of older rules."""
    if host in found:
        found[host] = replace(found[host], routes=found[host].routes + routes)
    else:
        found[host] = VirtualHost(f"{host}:{port}", (host,), routes)


def _specific_first(host: str) -> tuple[bool, int, str]:
    return is_wildcard(host), -len(host), host


def _folded(hosts: Sequence[VirtualHost]) -> list[VirtualHost]:
    """Put hosts with the very same routes into one virtual host, named after the first."""
    by_routes: dict[tuple[Route, ...], VirtualHost] = {}
    for host in hosts:
        first = by_routes.get(host.routes)
        by_routes[host.routes] = replace(first, domains=first.domains + host.domains) if first else host
    return list(by_routes.values())


def _catch_alls_last(host: VirtualHost) -> VirtualHost:
    """Move the routes that take everything behind those of younger rules that do not."""
    return replace(host, routes=tuple(sorted(host.routes, key=lambda route: route.match.catches_all)))
