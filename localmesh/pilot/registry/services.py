"""Services as proxies know them, by the name that is unique in the mesh."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from localmesh.core.objects import Key, Object, annotations_of, key_of
from localmesh.kinds.istio.hosts import service_host, service_names
from localmesh.kinds.kubernetes.ports import Protocol, protocol_of
from localmesh.kinds.service_ports import target_of
from localmesh.proxy.clusters import ServiceName
from localmesh.proxy.tls import identity

EXPORT_TO = "networking.istio.io/exportTo"
ANYBODY, OWN_NAMESPACE, NOBODY = "*", ".", "~"
EVERYBODY = frozenset((ANYBODY,))
TRAFFIC_DISTRIBUTION = "networking.istio.io/traffic-distribution"
CANONICAL_ACCOUNTS = "alpha.istio.io/canonical-serviceaccounts"
KUBERNETES_ACCOUNTS = "alpha.istio.io/kubernetes-serviceaccounts"
NEAR = ("PreferClose", "PreferSameZone", "PreferSameNode")


class ServicePort(Struct, frozen=True):
    """One port of a Service."""

    number: int
    protocol: Protocol
    target: int | str
    """A container port's number or name."""

    node_port: int | None = None


class Service(Struct, frozen=True, dict=True):
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

    is_headless: bool = False
    """Whether its name stands for the addresses of its pods: clients choose one themselves."""

    prefers_close: bool = False
    """Whether pods near to the client go before others (`trafficDistribution`): here all are equally near."""

    external_name: str = ""
    """The host that it is another name for (ExternalName); "" if it is a Service in its own right."""

    aliases: tuple[Key, ...] = ()
    """Services that are other names for it."""

    accounts: tuple[str, ...] = ()
    """Whose certificates its proxies may show beside their own, by annotations of old."""

    exported_to: frozenset[str] = EVERYBODY
    """Namespaces whose pods can see it; `*` for all, `.` for its own."""

    @property
    def key(self) -> Key:
        """The object that it is read from."""
        return Key(self.namespace, self.name)

    @property
    def called(self) -> ServiceName:
        """What it is called, as clusters tell it."""
        return ServiceName(self.host, self.name, self.namespace)

    def port(self, number: int) -> ServicePort | None:
        """Return the port of that number, None if the Service has none; what is UDP's nobody calls."""
        return self._by_number.get(number)

    @cached_property
    def _by_number(self) -> Mapping[int, ServicePort]:
        """The called ports by number, the first of each: a port is looked up for each other one of all Services."""
        return {port.number: port for port in reversed(self.called_ports)}

    @cached_property
    def called_ports(self) -> tuple[ServicePort, ...]:
        """The ports that proxies call: all but UDP's."""
        return tuple(port for port in self.ports if port.protocol is not Protocol.UDP)

    def names(self, namespace: str) -> tuple[str, ...]:
        """Return the names, and the address, under which pods in a namespace can call the Service.

        Under a headless Service's names the pods themselves have names.
        """
        names = tuple(name for key in (self.key, *self.aliases) for name in service_names(key, namespace))
        of_pods = tuple(f"*.{name}" for name in names) if self.is_headless else ()
        return (*names, *((self.address,) if self.address else ()), *of_pods)

    @property
    def is_for_nobody(self) -> bool:
        """Whether it is hidden from all pods."""
        return NOBODY in self.exported_to and ANYBODY not in self.exported_to

    def is_visible_in(self, namespace: str) -> bool:
        """Tell whether pods in a namespace know of it."""
        if self.is_for_nobody:
            return False
        own = {OWN_NAMESPACE} if namespace == self.namespace else set()
        return bool(self.exported_to & ({ANYBODY, namespace} | own))


def read_service(obj: Object, near_namespaces: Container[str] = ()) -> Service:
    """Return a Service as proxies know it; `near_namespaces` are those whose Services prefer what is close."""
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
        is_headless=cluster_ip == "None",
        external_name=(spec.get("externalName") or "") if spec.get("type") == "ExternalName" else "",
        prefers_close=_prefers_close(obj, near_namespaces),
        accounts=tuple(_accounts(obj)),
        exported_to=_exported_to(obj),
    )


def with_aliases(services: Sequence[Service]) -> Iterator[Service]:
    """Yield Services, each with the names that lead to it over one ExternalName or several; a ring leads nowhere.

    Source: resolveServiceAliases in pilot/pkg/model/push_context.go of Istio 1.31.
    """
    names = {service.host: service.external_name for service in services if service.external_name}
    aliases: dict[str, list[Key]] = {}
    for service in sorted(services, key=lambda other: (other.namespace, other.host)):
        host = service.external_name
        for _ in names:
            host = names.get(host, host)
        if host and host not in names:
            aliases.setdefault(host, []).append(service.key)
    for service in services:
        yield replace(service, aliases=tuple(aliases[service.host])) if service.host in aliases else service


def _exported_to(obj: Object) -> frozenset[str]:
    listed = annotations_of(obj).get(EXPORT_TO, "")
    return frozenset(entry.strip() for entry in listed.split(",")) if listed else EVERYBODY


def _prefers_close(obj: Object, near_namespaces: Container[str]) -> bool:
    """Tell whether the Service says so, in a field or in the way of old, or else its namespace.

    Source: GetTrafficDistribution in pilot/pkg/model/service.go of Istio 1.31.
    """
    if obj["spec"].get("trafficDistribution") in NEAR:
        return True
    annotations = annotations_of(obj)
    if annotations.get(TRAFFIC_DISTRIBUTION):
        return is_near(annotations)
    return key_of(obj).namespace in near_namespaces


def is_near(annotations: Mapping[str, str]) -> bool:
    """Tell whether the annotations of a Service or a namespace ask for pods near to the client."""
    return annotations.get(TRAFFIC_DISTRIBUTION, "").lower() in (name.lower() for name in NEAR)


def _accounts(obj: Object) -> Iterator[str]:
    """Source: ConvertService in pilot/pkg/serviceregistry/kube/conversion.go of Istio 1.31."""
    annotations = annotations_of(obj)
    if canonical := annotations.get(CANONICAL_ACCOUNTS):
        yield from canonical.split(",")
    if accounts := annotations.get(KUBERNETES_ACCOUNTS):
        yield from (identity(key_of(obj).namespace, account) for account in accounts.split(","))


def _ports(ports: Iterable[Mapping[str, Any]]) -> Iterator[ServicePort]:
    for port in ports:
        yield ServicePort(port["port"], protocol_of(port), target_of(port), port.get("nodePort"))
