"""The route configurations of a sidecar: one for each port that its application may call, and one for all of them."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.http.http_proxy import merged
from localmesh.pilot.http.virtual_hosts import ALLOW_ANY, virtual_hosts
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service, ServicePort
from localmesh.pilot.view import View
from localmesh.proxy.routes import RouteConfiguration, VirtualHost

HTTP_PROXY = "http_proxy"
"""Istio's name for the route configuration of a sidecar's HTTP proxy."""

RESERVED = frozenset((15001, 15006))
"""Where a cluster's sidecars catch what goes out and what comes in: what is sent there passes unread."""


def outbound_routes(context: PushContext, view: View) -> Iterator[RouteConfiguration]:
    """Yield the route configurations for the calls of some clients."""
    services = context.services.visible_in(view.namespace)
    by_port = {port: virtual_hosts(context, port, view) for port in _http_ports(services)}
    for port in spoken_ports(services):
        yield RouteConfiguration(str(port), (*by_port[port].values(), ALLOW_ANY))
    yield from _sniffed_routes(services, by_port)
    yield RouteConfiguration(HTTP_PROXY, (*merged(by_port), ALLOW_ANY))


def spoken_ports(services: Sequence[Service]) -> list[int]:
    """Return the numbers of the ports on which some Service says that it takes HTTP, but for the sidecars' own."""
    spoken = {port.number for service in services for port in service.ports if port.protocol.is_spoken_http}
    return sorted(spoken - RESERVED)


def sniffed_ports(services: Sequence[Service]) -> Iterator[tuple[Service, ServicePort]]:
    """Yield the Services' ports of which nothing is said."""
    for service in services:
        for port in service.ports:
            if port.protocol is Protocol.SNIFFED:
                yield service, port


def sniffed_routes_name(service: Service, port: ServicePort) -> str:
    """Return the name of the route configuration for a port of which nothing is said."""
    return f"{service.host}:{port.number}"


def _http_ports(services: Sequence[Service]) -> list[int]:
    """Return the numbers of all ports on which some Service takes HTTP, or may do so."""
    return sorted({*spoken_ports(services), *(port.number for _, port in sniffed_ports(services))})


def _sniffed_routes(
    services: Sequence[Service], by_port: Mapping[int, Mapping[str, VirtualHost]]
) -> Iterator[RouteConfiguration]:
    """Yield, for each sniffed port, the one virtual host of its Service, for whatever host the request names."""
    for service, port in sniffed_ports(services):
        hosts = [
            replace(host, domains=("*",)) for host in by_port[port.number].values() if service.host in host.domains
        ]
        yield RouteConfiguration(sniffed_routes_name(service, port), tuple(hosts))
