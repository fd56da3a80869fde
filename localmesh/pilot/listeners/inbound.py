"""The side of a sidecar that others call: what reaches the application."""

from collections.abc import Iterator

from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.clusters.outbound import upstream_of
from localmesh.pilot.http.routes import application_route, inbound_cluster
from localmesh.pilot.registry.addresses import Addresses, PodPort
from localmesh.pilot.registry.index import Registry, Service, ServicePort, container_port, container_ports
from localmesh.proxy.clusters import Cluster, Endpoint, Origin, Use
from localmesh.proxy.listeners import Forward, Listener, Side
from localmesh.proxy.routes import RouteConfiguration, VirtualHost

NOWHERE = 0
"""The container port that istiod takes a `targetPort` for whose name the pod does not have."""

Served = tuple[Service, ServicePort]
"""A Service, and the port of it that leads to a container port."""


def inbound_listeners(pod: Object, registry: Registry, addresses: Addresses) -> Iterator[Listener]:
    """Yield a listener for each container port."""
    for number, served in _ports(pod, registry).items():
        address = addresses.inbound(PodPort(pod, number)) if number != NOWHERE else None
        if address:
            yield Listener(f"inbound_0.0.0.0_{number}", address, Side.INBOUND, _routes(number, served))


def inbound_clusters(pod: Object, registry: Registry, addresses: Addresses) -> Iterator[Cluster]:
    """Yield the application behind each container port."""
    for number, served in _ports(pod, registry).items():
        address = addresses.application(PodPort(pod, number)) if number != NOWHERE else None
        yield Cluster(
            inbound_cluster(number),
            Use.APPLICATION,
            (Endpoint(address),) if address else (),
            upstream_of(served[1].protocol if served else Protocol.HTTP),
            Origin(served[0].host, served[0].name, served[0].namespace) if served else None,
        )


def _ports(pod: Object, registry: Registry) -> dict[int, Served | None]:
    """Return the pod's ports, those it declares and those Services lead to, with the oldest such Service."""
    ports: dict[int, Served | None] = {port["containerPort"]: None for port in container_ports(pod)}
    for service in registry.of_pod(pod):
        for port in service.ports:
            number = container_port(pod, port.target) or NOWHERE
            ports[number] = ports.get(number) or (service, port)
    return ports


def _routes(number: int, served: Served | None) -> RouteConfiguration | Forward:
    """Return what becomes of requests: they go to the application, one by one if the Service says no other protocol.

    The one route has the name of the Service's port; of a container port that no Service has, 0.
    """
    if served and not served[1].protocol.is_http:
        return Forward(inbound_cluster(number))
    host, port = (served[0].host, served[1].number) if served else ("", 0)
    route = application_route(number, f"{host}:{port}/*")
    catch_all = VirtualHost(f"inbound|http|{port}", ("*",), (route,), counts_attempts=False)
    return RouteConfiguration(inbound_cluster(number), (catch_all,))
