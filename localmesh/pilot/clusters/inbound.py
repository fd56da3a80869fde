"""The side of a sidecar that others call: which of the pod's ports it serves, and the application behind them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.kinds.service_ports import container_port, container_ports
from localmesh.pilot.clusters.defaults import CONNECT_TIMEOUT, NO_BREAKERS, upstream_protocol
from localmesh.pilot.clusters.policies import with_connection_pool
from localmesh.pilot.config.traffic_policies import port_policy
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
        cluster = Cluster(
            inbound_cluster(number),
            ClusterType.STATIC,
            CONNECT_TIMEOUT,
            endpoints=(Endpoint(address),) if address else (),
            protocol=upstream_protocol(served[1].protocol if served else Protocol.HTTP),
            circuit_breakers=NO_BREAKERS,
        )
        yield _of_service(cluster, *served, context) if served else cluster


def _of_service(cluster: Cluster, service: Service, port: ServicePort, context: PushContext) -> Cluster:
    """Return the cluster with what the Service's DestinationRule says of connections, of all its subsets.

    A limit that clients keep is the server's too, or it would stand in their way.
    """
    rule = context.destination_rules.for_server(service, service.namespace)
    config = rule.config if rule.traffic_policy else ""
    described = replace(cluster, metadata=ClusterMetadata(service.host, service.name, service.namespace, config))
    return with_connection_pool(described, port_policy(rule.traffic_policy, port.number))
