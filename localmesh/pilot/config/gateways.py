"""Which servers of which Gateways a gateway pod serves, and on which of its ports."""

from collections.abc import Iterator
from dataclasses import dataclass

from localmesh.core.objects import Object, labels_of, selects
from localmesh.kinds.istio import Gateway
from localmesh.kinds.istio.types.gateway import Server
from localmesh.kinds.service_ports import container_port
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import PodPort
from localmesh.pilot.snapshot import Config

PRIVILEGED = 1024
"""Ports below this one a gateway pod may not open: it does not run as root."""


@dataclass(frozen=True, slots=True)
class OpenServer:
    """A server of a Gateway that a pod serves, and the pod's port that it opens."""

    gateway: Config[Gateway]
    server: Server
    port: PodPort


def servers_of(pod: Object, context: PushContext) -> Iterator[OpenServer]:
    """Yield the servers that a gateway pod serves, those of the oldest Gateway first."""
    for gateway in context.snapshot.configs(Gateway):
        if selects(gateway.spec.selector, labels_of(pod)):
            for server in gateway.spec.servers:
                port = _pod_port(pod, server.port.number, context)
                if port:
                    yield OpenServer(gateway, server, port)


def _pod_port(pod: Object, number: int, context: PushContext) -> PodPort | None:
    """Return the pod's port behind a port of the gateway's Service; one that the Service has not is the pod's own.

    The node's port leads to the pod's, whichever number a Gateway opens it by.
    """
    exposed = list(_exposed(pod, context))
    target = next((port.number for service_port, port in exposed if service_port == number), None)
    if target is None and number < PRIVILEGED:
        return None
    own = number if target is None else target
    return next((port for _, port in exposed if port.number == own and port.node_port), PodPort(pod, own))


def _exposed(pod: Object, context: PushContext) -> Iterator[tuple[int, PodPort]]:
    """Yield the ports of the gateway's Services, with the pod's ports to which they lead."""
    for service in context.services.of_pod(pod):
        for port in service.ports:
            target = container_port(pod, port.target)
            if target is not None:
                yield port.number, PodPort(pod, target, port.node_port)
