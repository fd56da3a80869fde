"""Services as proxies know them, by the name that is unique in the mesh."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.istio.hosts import service_host, service_names
from localmesh.kinds.kubernetes.ports import Protocol, protocol_of
from localmesh.kinds.service_ports import target_of


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
    """Something that can be called by a host name."""

    host: str
    """The full DNS name."""

    name: str
    namespace: str
    address: str | None
    """Its cluster IP, None for a headless Service."""

    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    publishes_unready: bool = False
    """Whether its pods get requests even while they are not ready (`publishNotReadyAddresses`)."""

    @property
    def key(self) -> Key:
        """The object that it is read from."""
        return Key(self.namespace, self.name)

    def port(self, number: int) -> ServicePort | None:
        """Return the port of that number, None if the Service has none."""
        return next((port for port in self.ports if port.number == number), None)

    def names(self, namespace: str) -> tuple[str, ...]:
        """Return the names, and the address, under which pods in a namespace can call the Service."""
        return (*service_names(self.key, namespace), *((self.address,) if self.address else ()))


def read_service(obj: Object) -> Service:
    """Return a Service as proxies know it."""
    spec, key = obj["spec"], key_of(obj)
    cluster_ip = spec.get("clusterIP")
    return Service(
        host=service_host(key),
        name=key.name,
        namespace=key.namespace,
        address=None if cluster_ip == "None" else cluster_ip,
        selector=spec.get("selector") or {},
        ports=tuple(_ports(spec.get("ports") or [])),
        publishes_unready=bool(spec.get("publishNotReadyAddresses")),
    )


def _ports(ports: Iterable[Mapping[str, Any]]) -> Iterator[ServicePort]:
    """Yield the ports that a proxy can see: UDP passes by."""
    for port in ports:
        protocol = protocol_of(port)
        if protocol is not Protocol.UDP:
            yield ServicePort(port["port"], protocol, target_of(port), port.get("nodePort"))
