"""The listeners that the application beside a sidecar calls.

Nothing is intercepted here: the application takes the sidecar as its HTTP proxy (Istio's `proxyHttpPort`). The
listeners that catch its calls in a cluster are there too, so that a look at the proxy shows what it would show there,
but they open no sockets.
"""

from collections.abc import Iterator

from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.http.outbound import HTTP_PROXY, sniffed_ports, sniffed_routes_name, spoken_ports
from localmesh.pilot.listeners.managers import chain, outbound_manager
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service, ServicePort
from localmesh.proxy.addresses import Address
from localmesh.proxy.listeners import Listener, TrafficDirection

ANY_ADDRESS = "0.0.0.0"


def outbound_listeners(context: PushContext, namespace: str) -> Iterator[Listener]:
    """Yield the listeners that catch an application's calls in a cluster: the same for all sidecars in a namespace."""
    services = context.services.visible_in(namespace)
    for number in spoken_ports(services):
        first = next(port for service in services if (port := service.port(number)) and port.protocol.is_spoken_http)
        yield _listener(Address(ANY_ADDRESS, number), str(number), first.protocol)
    # Several headless Services may have the same pods: an address has one listener, that of the first.
    routes: dict[Address, str] = {}
    for service, port in sniffed_ports(services):
        for host in _dialled(service, port, context):
            routes.setdefault(Address(host, port.number), sniffed_routes_name(service, port))
    yield from (_listener(address, name) for address, name in routes.items())


def _dialled(service: Service, port: ServicePort, context: PushContext) -> Iterator[str]:
    """Yield the addresses at which a Service is called: its own, or those of its pods if it is headless."""
    if service.address:
        yield service.address
    elif service.is_headless and context.addresses.intercepts:
        endpoints = context.services.endpoints(service, port, {}, draining=True)
        yield from dict.fromkeys(endpoint.address.host for endpoint in endpoints)


def http_proxy_listener(pod: Object, context: PushContext) -> Iterator[Listener]:
    """Yield the listener that the application reaches."""
    address = context.addresses.http_proxy(pod)
    if address:
        yield _listener(address, HTTP_PROXY, reached=True)


def _listener(address: Address, routes: str, protocol: Protocol = Protocol.HTTP, *, reached: bool = False) -> Listener:
    name = f"{address.host}_{address.port}"
    manager = outbound_manager(name, routes, protocol=protocol, absolute_urls=reached)
    return Listener(name, address, TrafficDirection.OUTBOUND, (chain(manager),), bound=reached)
