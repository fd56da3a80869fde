"""Which servers of which Gateways a gateway pod serves, and on which of its ports.

Source: resolvePorts in pilot/pkg/model/gateway.go, GetProxyServiceTargetsByPod in
pilot/pkg/serviceregistry/kube/controller/controller.go of Istio 1.31.
"""

from collections.abc import Iterator

from msgspec import Struct

from localmesh.core.objects import Object, labels_of, selects
from localmesh.kinds.istio import Gateway
from localmesh.kinds.istio.types.gateway import Server
from localmesh.kinds.service_ports import container_port
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import PodPort
from localmesh.pilot.registry.services import ServicePort
from localmesh.pilot.snapshot import Config

PRIVILEGED = 1024
"""Ports below this one Istio's own ingress gateway may not open; to other gateways injection gives them."""

_INGRESS = {"istio": "ingressgateway"}


class OpenServer(Struct, frozen=True):
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
    target = next((target for service_port, target in _exposed(pod, context) if service_port == number), None)
    if target is None and number < PRIVILEGED and selects(_INGRESS, labels_of(pod)):
        return None
    own = number if target is None else target
    ports = (PodPort(pod, own, port.node_port) for port in _leading_to(own, pod, context) if port.node_port)
    return next(ports, PodPort(pod, own))


def _exposed(pod: Object, context: PushContext) -> Iterator[tuple[int, int]]:
    """Yield the ports of the gateway's Services, with the pod's ports to which they lead.

    Of a Service's ports that speak the same and lead to one port of the pod, istiod knows the first.
    """
    for service in context.services.of_pod(pod):
        known: set[tuple[int, str]] = set()
        for port in service.ports:
            target = container_port(pod, port.target)
            if target is not None and (target, port.protocol) not in known:
                yield port.number, target
                known |= {(target, port.protocol)} if port.protocol.is_http else set()  # TCP is of many kinds


def _leading_to(number: int, pod: Object, context: PushContext) -> Iterator[ServicePort]:
    for service in context.services.of_pod(pod):
        yield from (port for port in service.ports if container_port(pod, port.target) == number)
