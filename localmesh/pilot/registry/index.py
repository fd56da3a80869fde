"""All Services, the pods behind them, and where those answer."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from localmesh.core.objects import Key, Object, key_of, labels_of, selects
from localmesh.kinds.resources import PODS, SERVICES
from localmesh.kinds.service_ports import container_port
from localmesh.pilot.findings import Findings
from localmesh.pilot.registry.addresses import Addresses, PodPort
from localmesh.pilot.registry.services import Service, ServicePort, read_service, with_aliases
from localmesh.pilot.registry.workloads import DRAINING, Workload, read_workload
from localmesh.proxy.clusters import Endpoint

TakesTls = Callable[[Object, int, bool | None], bool]
"""Tells whether the proxy beside a pod, if there is one, takes TLS for one of the pod's ports.

Last comes what a DestinationRule asks of it, None if nothing: clients go by that.
"""


class ServiceIndex:
    """All Services and pods of a mesh; those that cannot be read are left out, and found."""

    def __init__(
        self,
        services: Iterable[Object],
        pods: Iterable[Object],
        addresses: Addresses,
        takes_tls: TakesTls,
        findings: Findings,
        *,
        near_namespaces: Container[str] = (),
    ) -> None:
        """Take Services and pods, each in order of precedence; `near_namespaces` prefer what is close to the client."""
        self._near_namespaces = near_namespaces
        self._addresses = addresses
        self._takes_tls = takes_tls
        self._findings = findings
        read = tuple(with_aliases(tuple(self._read_services(services))))
        self.services = tuple(service for service in read if not service.external_name)
        self._other_names = tuple(service for service in read if service.external_name)
        self._by_host = {service.host: service for service in read}
        self._visible: dict[str, Sequence[Service]] = {}
        self._by_label: dict[tuple[str, str, str], list[Service]] = {}
        """By their namespace, and by the first label that they ask for."""
        for service in self.services:
            if service.selector:
                label = next(iter(service.selector.items()))
                self._by_label.setdefault((service.namespace, *label), []).append(service)
        self._identities: dict[str, tuple[str, ...]] = {}
        self._of_pod: dict[Key, Sequence[Service]] = {}
        self._workloads = self._read_workloads(pods)

    def visible_in(self, namespace: str) -> Sequence[Service]:
        """Return the Services that pods in a namespace know of, the oldest first."""
        if namespace not in self._visible:
            self._visible[namespace] = [service for service in self.services if service.is_visible_in(namespace)]
        return self._visible[namespace]

    def names_in(self, namespace: str) -> Sequence[Service]:
        """Return what pods in a namespace can call by name: Services, and those that are other names for something."""
        names = [service for service in self._other_names if service.is_visible_in(namespace)]
        return [*self.visible_in(namespace), *names]

    def find(self, host: str, namespace: str) -> Service | None:
        """Return the Service of that full name, None if there is none or pods in the namespace do not know of it."""
        service = self._by_host.get(host)
        return service if service and service.is_visible_in(namespace) else None

    def of_pod(self, pod: Object) -> Sequence[Service]:
        """Return the Services that a pod belongs to, by host: the first one says what a port of the pod takes."""
        key, labels = key_of(pod), labels_of(pod)
        if key not in self._of_pod:
            services = (self._by_label.get((key.namespace, *label), ()) for label in labels.items())
            selecting = (service for service in chain.from_iterable(services) if selects(service.selector, labels))
            self._of_pod[key] = sorted(selecting, key=lambda service: service.host)
        return self._of_pod[key]

    def workloads(self, service: Service, port: ServicePort | None = None) -> Sequence[Workload]:
        """Return the pods behind a Service, or behind one of its ports, by name; none if it is hidden from all pods."""
        workloads = () if service.is_for_nobody else self._workloads.get(service.host, ())
        return [workload for workload in workloads if port is None or _serves(workload, port)]

    def identities(self, service: Service) -> tuple[str, ...]:
        """Return whose certificates the proxies behind a Service may show."""
        if service.host not in self._identities:
            identities = {workload.identity for port in service.ports for workload in self.workloads(service, port)}
            self._identities[service.host] = tuple(sorted(identities | set(service.accounts)))
        return self._identities[service.host]

    def endpoints(
        self,
        service: Service,
        port: ServicePort,
        labels: Mapping[str, str],
        *,
        tls: bool | None = None,
        draining: bool = False,
    ) -> Iterator[Endpoint]:
        """Yield where the Service's port is served by pods that have these labels besides.

        What a DestinationRule says of TLS goes before what the pods' proxies take.

        A pod that is not ready is there, marked: it gets no requests, and is no surprise when it gets ready. One that
        says by a label that it is on its way out is there only if it is asked for (`draining`).
        """
        for workload in self.workloads(service):
            if selects(labels, workload.labels) and (draining or not workload.labels.get(DRAINING)):
                with self._findings.about(PODS, workload.key):
                    number = container_port(workload.pod, port.target)
                    address = number and self._addresses.endpoint(PodPort(workload.pod, number, port.node_port))
                    if number and address:
                        ready = service.publishes_unready or workload.ready
                        takes_tls = workload.meshed and self._takes_tls(workload.pod, number, tls)
                        yield Endpoint(address, ready, workload.told, takes_tls)

    def _read_services(self, services: Iterable[Object]) -> Iterator[Service]:
        for obj in services:
            with self._findings.about(SERVICES, key_of(obj)):
                yield read_service(obj, self._near_namespaces)

    def _read_workloads(self, pods: Iterable[Object]) -> Mapping[str, Sequence[Workload]]:
        """Return the pods behind each Service, by its host."""
        by_host: dict[str, list[Workload]] = {}
        for pod in sorted(pods, key=key_of):
            with self._findings.about(PODS, key_of(pod)):
                if workload := read_workload(pod):
                    for service in self.of_pod(pod):
                        by_host.setdefault(service.host, []).append(workload)
        return by_host


def _serves(workload: Workload, port: ServicePort) -> bool:
    """Tell whether a Service's port leads to a pod: its `targetPort` may be a name that the pod lacks."""
    return container_port(workload.pod, port.target) is not None
