"""The side of a sidecar that others call: which of the pod's ports it serves, and the application behind them."""

from collections.abc import Iterator, Mapping

from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.kinds.service_ports import container_port, container_ports
from localmesh.pilot.clusters.defaults import CONNECT_TIMEOUT, NO_BREAKERS, upstream_protocol
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import PodPort
from localmesh.pilot.registry.services import Service, ServicePort
from localmesh.proxy.clusters import Cluster, ClusterMetadata, ClusterType, Endpoint
from localmesh.proxy.names import inbound_cluster

NOWHERE = 0
"""The container port that istiod takes a `targetPort` for whose name the pod does not have."""

Served = tuple[Service, ServicePort]
"""A Service, and the port of it that leads to a container port."""


def served_ports(pod: Object, context: PushContext) -> Mapping[int, Served | None]:
    """Return the pod's ports, those it declares and those Services lead to, with the oldest such Service."""
    ports: dict[int, Served | None] = {port["containerPort"]: None for port in container_ports(pod)}
    for service in context.services.of_pod(pod):
        for port in service.ports:
            number = container_port(pod, port.target) or NOWHERE
            ports[number] = ports.get(number) or (service, port)
    return ports


def inbound_clusters(pod: Object, context: PushContext) -> Iterator[Cluster]:
    """Yield the application behind each container port."""
    for number, served in served_ports(pod, context).items():
        address = context.addresses.application(PodPort(pod, number)) if number != NOWHERE else None
        yield Cluster(
            inbound_cluster(number),
            ClusterType.STATIC,
            CONNECT_TIMEOUT,
            endpoints=(Endpoint(address),) if address else (),
            protocol=upstream_protocol(served[1].protocol if served else Protocol.HTTP),
            circuit_breakers=NO_BREAKERS,
            metadata=ClusterMetadata(served[0].host, served[0].name, served[0].namespace) if served else None,
        )
