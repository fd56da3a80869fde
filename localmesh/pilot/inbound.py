"""The side of a sidecar that others call: what reaches the application."""

from collections.abc import Iterator

from localmesh.kinds.objects import Object
from localmesh.pilot.addresses import Addresses, PodPort
from localmesh.pilot.model import Cluster, Endpoint, Listener, Origin, RouteConfiguration, Side, Use, VirtualHost
from localmesh.pilot.registry import Registry, Service, ServicePort, container_port, container_ports
from localmesh.pilot.routes import application_route, inbound_cluster


def inbound_listeners(pod: Object, registry: Registry, addresses: Addresses) -> Iterator[Listener]:
    """Yield a listener for each container port, as a Service's if one leads there."""
    for number in _numbers(pod):
        address = addresses.inbound(PodPort(pod, number))
        if address:
            routes = _routes(number, _leading_to(pod, number, registry))
            yield Listener(f"inbound_0.0.0.0_{number}", address, Side.INBOUND, routes)


def inbound_clusters(pod: Object, registry: Registry, addresses: Addresses) -> Iterator[Cluster]:
    """Yield the application behind each container port."""
    for number in _numbers(pod):
        address = addresses.application(PodPort(pod, number))
        if address:
            found = _leading_to(pod, number, registry)
            origin = Origin(found[0].host, found[0].name, found[0].namespace) if found else None
            yield Cluster(inbound_cluster(number), Use.APPLICATION, (Endpoint(address),), origin=origin)


def _numbers(pod: Object) -> list[int]:
    return sorted({port["containerPort"] for port in container_ports(pod)})


def _routes(number: int, found: tuple[Service, ServicePort] | None) -> RouteConfiguration:
    service_port = found[1].number if found else 0
    operation = f"{found[0].host if found else ''}:{service_port}/*"
    host = VirtualHost(
        f"inbound|http|{service_port}", ("*",), (application_route(number, operation),), counts_attempts=False
    )
    return RouteConfiguration(inbound_cluster(number), (host,))


def _leading_to(pod: Object, number: int, registry: Registry) -> tuple[Service, ServicePort] | None:
    """Return the oldest Service whose port leads to a container port, and that port."""
    for service in registry.of_pod(pod):
        for port in service.ports:
            if container_port(pod, port.target) == number:
                return service, port
    return None
