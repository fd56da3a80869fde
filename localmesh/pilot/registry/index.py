"""The Services that proxies know, and the pods behind them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localmesh.core.objects import Object, labels_of, selects
from localmesh.kinds.istio.hosts import CLUSTER_DOMAIN
from localmesh.kinds.kubernetes.pods import is_finished, is_ready, is_terminating
from localmesh.kinds.kubernetes.ports import Protocol, protocol_of
from localmesh.pilot.registry.addresses import Addresses, PodPort
from localmesh.proxy.clusters import Endpoint

HTTP_PORT = 80
"""The port that a URL without one means."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a Service."""

    number: int
    protocol: Protocol
    target: int | str
    """A container port's number or name."""

    node_port: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A Service, by the name that is unique in the cluster."""

    name: str
    namespace: str
    cluster_ip: str | None
    """None for a headless Service."""

    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    publishes_unready: bool = False
    """Whether its pods get requests even while they are not ready (`publishNotReadyAddresses`)."""

    @property
    def host(self) -> str:
        """The full DNS name."""
        return f"{self.name}.{self.namespace}.{CLUSTER_DOMAIN}"

    def port(self, number: int) -> ServicePort | None:
        """Return the port of that number, None if the Service has none."""
        return next((port for port in self.ports if port.number == number), None)

    def selects(self, pod: Object) -> bool:
        """Tell whether a pod is one of the Service's."""
        return (
            bool(self.selector)
            and pod["metadata"].get("namespace") == self.namespace
            and selects(self.selector, labels_of(pod))
        )


class Registry:
    """All Services and pods of a mesh."""

    def __init__(self, services: Iterable[Object], pods: Sequence[Object], addresses: Addresses) -> None:
        """Take Services and pods, each in order of precedence."""
        self.services = tuple(_service(obj) for obj in services if obj["spec"].get("type") != "ExternalName")
        self._by_host = {service.host: service for service in self.services}
        self._pods = sorted(pods, key=lambda pod: (pod["metadata"]["namespace"], pod["metadata"]["name"]))
        self._addresses = addresses

    def find(self, host: str) -> Service | None:
        """Return the Service of that full name, None if there is none."""
        return self._by_host.get(host)

    def of_pod(self, pod: Object) -> Iterator[Service]:
        """Yield the Services that a pod belongs to, the oldest first."""
        return (service for service in self.services if service.selects(pod))

    def endpoints(self, service: Service, port: ServicePort, labels: Mapping[str, str]) -> Iterator[Endpoint]:
        """Yield where the Service's port is served by pods that have these labels besides.

        A pod that is not ready is there, marked: it gets no requests, and is no surprise when it gets ready.
        """
        for pod in self._pods:
            if not (service.selects(pod) and selects(labels, labels_of(pod)) and not is_finished(pod)):
                continue
            number = container_port(pod, port.target)
            address = number and self._addresses.endpoint(PodPort(pod, number, port.node_port))
            if address:
                yield Endpoint(address, service.publishes_unready or _takes_requests(pod), _workload(pod))


def container_port(pod: Object, target: int | str) -> int | None:
    """Return the number of the container port that a Service's `targetPort` means in this pod, if it has it."""
    if isinstance(target, int):
        return target
    return next((port["containerPort"] for port in container_ports(pod) if port.get("name") == target), None)


def container_ports(pod: Object) -> Iterator[Mapping[str, Any]]:
    """Yield the TCP ports that a pod's containers declare."""
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("protocol", "TCP") == "TCP":
                yield port


def _service(obj: Object) -> Service:
    spec, metadata = obj["spec"], obj["metadata"]
    cluster_ip = spec.get("clusterIP")
    return Service(
        name=metadata["name"],
        namespace=metadata["namespace"],
        cluster_ip=None if cluster_ip == "None" else cluster_ip,
        selector=spec.get("selector") or {},
        ports=tuple(_ports(spec.get("ports") or [])),
        publishes_unready=bool(spec.get("publishNotReadyAddresses")),
    )


def _ports(ports: Iterable[Mapping[str, Any]]) -> Iterator[ServicePort]:
    """Yield the ports that a proxy can see: UDP passes by."""
    for port in ports:
        protocol = protocol_of(port)
        if protocol is not Protocol.UDP:
            target = port.get("targetPort") or port["port"]
            yield ServicePort(port["port"], protocol, target, port.get("nodePort"))


def _takes_requests(pod: Object) -> bool:
    """Tell whether requests may go to a pod: it says that it is ready, and it is not on its way out."""
    return is_ready(pod) and not is_terminating(pod)


def _workload(pod: Object) -> str:
    labels = labels_of(pod)
    name = labels.get("app.kubernetes.io/name") or labels.get("app") or pod["metadata"]["name"]
    revision = labels.get("app.kubernetes.io/version") or labels.get("version") or ""
    return f"{pod['metadata']['name']};{pod['metadata']['namespace']};{name};{revision};Kubernetes"
