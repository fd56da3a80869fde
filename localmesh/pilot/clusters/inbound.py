"""The side of a sidecar that others call: which of the pod's ports it serves, and the application behind them."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from localmesh.core.objects import Object
from localmesh.kinds.kubernetes.pods import is_finished
from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.kinds.service_ports import container_port, container_ports
from localmesh.pilot.clusters.defaults import CONNECT_TIMEOUT, NO_BREAKERS, upstream_protocol
from localmesh.pilot.clusters.policies import with_connection_pool
from localmesh.pilot.config.imports import imported
from localmesh.pilot.config.traffic_policies import port_policy
from localmesh.pilot.destination_rules import NO_RULE
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import PodPort
from localmesh.pilot.registry.services import Service, ServicePort
from localmesh.proxy.clusters import Cluster, ClusterMetadata, ClusterType, Endpoint
from localmesh.proxy.names import inbound_cluster

Served = tuple[Service, ServicePort]
"""A Service, and the port of it that leads to a container port."""

NOWHERE = 0
"""The port that istiod takes for one of which it knows the name alone, as long as there is no pod to have it."""


def served_ports(pod: Object, context: PushContext) -> Mapping[int, Sequence[Served]]:
    """Return the pod's ports to which Services lead, by host: the first one says what a port is like.

    What is sent to another port passes a cluster's sidecar unread. Here, where nothing is caught on its way, the ports
    that the pod declares are served besides, so that they can be reached.
    """
    ports: dict[int, list[Served]] = {}
    if not context.addresses.intercepts:
        ports = {port["containerPort"]: [] for port in container_ports(pod)}
    for service in context.services.of_pod(pod):
        for port in service.ports:
            number = container_port(pod, port.target)
            if number is None and is_finished(pod):
                number = NOWHERE
            if number is not None:
                ports.setdefault(number, []).append((service, port))
    return ports


def inbound_clusters(pod: Object, context: PushContext) -> Iterator[Cluster]:
    """Yield the application behind each container port."""
    for number, served in served_ports(pod, context).items():
        address = context.addresses.application(PodPort(pod, number))
        cluster = Cluster(
            inbound_cluster(number),
            ClusterType.STATIC,
            CONNECT_TIMEOUT,
            endpoints=(Endpoint(address),) if address else (),
            protocol=upstream_protocol(served[0][1].protocol if served else Protocol.HTTP),
            circuit_breakers=NO_BREAKERS,
        )
        yield _of_services(cluster, served, context) if served else cluster


def _of_services(cluster: Cluster, served: Sequence[Served], context: PushContext) -> Cluster:
    """Return the cluster with what the first Service's DestinationRule says of connections, of all its subsets.

    A limit that clients keep is the server's too, or it would stand in their way.
    """
    service, port = served[0]
    known = service.is_visible_in(service.namespace) or service.host in imported(context, service.namespace)
    rule = context.destination_rules.for_server(service, service.namespace) if known else NO_RULE
    config = rule.config if rule.traffic_policy else ""
    names = tuple(dict.fromkeys(sibling.called for sibling, other in served if other.number == port.number))
    described = replace(cluster, metadata=ClusterMetadata(names, config))
    return with_connection_pool(described, port_policy(rule.traffic_policy, port.number))
