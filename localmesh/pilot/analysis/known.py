"""What the analysis looks at."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct

from localmesh.core.objects import Object, key_of, labels_of, selects
from localmesh.kinds.istio import DestinationRule
from localmesh.kinds.istio.hosts import resolve
from localmesh.pilot.findings import Finding
from localmesh.pilot.registry.services import ANYBODY, OWN_NAMESPACE, Service, read_service
from localmesh.pilot.snapshot import Config, Snapshot, SpecT

NOT_FOUND = "IST0101"


class Known(Struct, frozen=True):
    """Everything applied, by the names under which objects speak of one another."""

    snapshot: Snapshot
    services: Mapping[str, Service]
    """By full name; with those that are another name (ExternalName)."""

    subsets: frozenset[tuple[str, str]]
    """Hosts in full with the names of their subsets."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Known":
        """Look at everything applied."""
        services = [read_service(obj) for obj in snapshot.services]
        rules = snapshot.configs(DestinationRule)
        subsets = {
            (resolve(rule.spec.host, rule.namespace), subset.name) for rule in rules for subset in rule.spec.subsets
        }
        return cls(snapshot, {service.host: service for service in services}, frozenset(subsets))

    def service(self, host: str, namespace: str, export_to: Collection[str]) -> Service | None:
        """Return the Service of that name in full, if those see it whom an object in a namespace is for.

        Source: GetDestinationHost in pkg/config/analysis/analyzers/util/service_lookup.go of Istio 1.31.
        """
        service = self.services.get(host)
        scopes = {namespace if entry == OWN_NAMESPACE else entry for entry in export_to or (OWN_NAMESPACE,)}
        is_seen = service and (ANYBODY in service.exported_to or any(map(service.is_visible_in, scopes)))
        return service if is_seen else None

    def pods_of(self, selector: Mapping[str, str]) -> Sequence[Object]:
        """Return the pods that have some labels, in whatever namespace."""
        return [pod for pod in self.snapshot.pods if selects(selector, labels_of(pod))]

    def services_of(self, pod: Object) -> Iterator[Service]:
        """Yield the Services in front of a pod: to istioctl, those without a selector are in front of all."""
        namespace, labels = key_of(pod).namespace, labels_of(pod)
        for service in self.services.values():
            if service.namespace == namespace and selects(service.selector, labels):
                yield service


def written(selector: Mapping[str, str]) -> str:
    """Return a selector in the form in which messages have it."""
    return ",".join(f"{name}={value}" for name, value in sorted(selector.items()))


def finding(config: Config[SpecT], code: str, field: str, message: str) -> Finding:
    """Return a finding with analyze's code about an object."""
    return Finding(config.resource, config.key, field, f"{message} [{code}]", code=code)
