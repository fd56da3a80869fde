"""The side of a sidecar that its application calls.

Nothing is intercepted here: the application takes the sidecar as its HTTP proxy (Istio's `proxyHttpPort`). The
listeners that catch its calls in a cluster are there too, so that a look at the proxy shows what it would show there,
but they open no sockets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.http.http_proxy import merged
from localmesh.pilot.http.virtual_hosts import ALLOW_ANY, Rules, virtual_hosts
from localmesh.pilot.registry.index import Registry, Service
from localmesh.proxy.addresses import Address
from localmesh.proxy.listeners import Listener, Side
from localmesh.proxy.routes import RouteConfiguration, VirtualHost

HTTP_PROXY = "http_proxy"
"""Istio's name for the route configuration of a sidecar's HTTP proxy."""


def outbound_routes(registry: Registry, rules: Rules, namespace: str) -> tuple[RouteConfiguration, ...]:
    """Return the route configurations for calls from pods in a namespace."""
    by_port = {port: virtual_hosts(registry, rules, port, namespace) for port in _ports(registry)}
    return (
        *(RouteConfiguration(str(port), (*by_port[port], ALLOW_ANY)) for port in _spoken_ports(registry)),
        *_sniffed_routes(registry, by_port),
        RouteConfiguration(HTTP_PROXY, (*merged(by_port), ALLOW_ANY)),
    )


def outbound_listeners(registry: Registry, http_proxy: Address | None) -> Iterator[Listener]:
    """Yield the listeners for an application's calls; the HTTP proxy is the one that it reaches."""
    for port in _spoken_ports(registry):
        yield _caught(Address("0.0.0.0", port), str(port))
    for service, port in _sniffed(registry):
        if service.cluster_ip:
            yield _caught(Address(service.cluster_ip, port), f"{service.host}:{port}")
    if http_proxy:
        yield Listener(f"{http_proxy.host}_{http_proxy.port}", http_proxy, Side.OUTBOUND, HTTP_PROXY, http_proxy=True)


def _caught(address: Address, routes: str) -> Listener:
    return Listener(f"{address.host}_{address.port}", address, Side.OUTBOUND, routes, bound=False)


def _ports(registry: Registry) -> list[int]:
    """Return the numbers of all ports on which some Service takes HTTP, or may do so."""
    return sorted({port.number for service in registry.services for port in service.ports if port.protocol.is_http})


def _spoken_ports(registry: Registry) -> list[int]:
    """Return the numbers of the ports on which some Service says that it takes HTTP."""
    found = {port for service in registry.services for port in service.ports if port.protocol.is_http}
    return sorted({port.number for port in found if port.protocol is not Protocol.SNIFFED})


def _sniffed(registry: Registry) -> Iterator[tuple[Service, int]]:
    """Yield the Services' ports of which nothing is said."""
    for service in registry.services:
        for port in service.ports:
            if port.protocol is Protocol.SNIFFED:
                yield service, port.number


def _sniffed_routes(registry: Registry, by_port: Mapping[int, Sequence[VirtualHost]]) -> Iterator[RouteConfiguration]:
    """Yield, for each sniffed port, the one virtual host of its Service, for whatever host the request names."""
    for service, port in _sniffed(registry):
        hosts = [replace(host, domains=("*",)) for host in by_port[port] if service.host in host.domains]
        yield RouteConfiguration(f"{service.host}:{port}", tuple(hosts))
