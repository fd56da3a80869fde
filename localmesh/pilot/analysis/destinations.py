"""Destinations that lead nowhere, or elsewhere than one might think.

Source: analyzers/virtualservice/destinationhosts.go and destinationrules.go, and analyzers/destinationrule/subset.go in
pkg/config/analysis of Istio 1.31.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from localmesh.kinds.istio import DestinationRule, VirtualService
from localmesh.kinds.istio.hosts import covers, is_wildcard, resolve
from localmesh.kinds.istio.types.virtual_service import Destination
from localmesh.pilot.analysis.known import NOT_FOUND, Known, finding
from localmesh.pilot.config.virtual_services import destinations_of
from localmesh.pilot.findings import Finding
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config

PORT_REQUIRED = "IST0112"
SUBSET_NOT_AT_GATEWAY = "IST0140"
NO_PODS = "IST0173"
UNKNOWN_HOST = "IST0174"


def destination_findings(known: Known) -> Iterator[Finding]:
    """Yield what VirtualServices send to nobody, and the DestinationRules that nobody hears."""
    configs = known.snapshot.configs(VirtualService)
    choosing = _choosing_subsets(configs)
    for config in configs:
        for field, destination in destinations_of(config):
            yield from _destination(config, field, destination, known)
        if config.spec.gateways:
            yield from _passed_by(config, choosing)
    has_pods = cache(lambda labels: bool(known.pods_of(dict(labels))))
    for rule in known.snapshot.configs(DestinationRule):
        yield from _destination_rule(rule, known, has_pods)


def _destination_rule(
    rule: Config[DestinationRule], known: Known, has_pods: Callable[[frozenset[tuple[str, str]]], bool]
) -> Iterator[Finding]:
    host = resolve(rule.spec.host, rule.namespace)
    if not any(known.service(name, rule.namespace, rule.spec.export_to) for name in _covered(host, known)):
        message = f"The host {rule.spec.host} defined in the DestinationRule does not match any services in the mesh."
        yield finding(rule, UNKNOWN_HOST, "spec.host", message)
        return
    for index, subset in enumerate(rule.spec.subsets):
        if not has_pods(frozenset(subset.labels.items())):
            message = (
                f"The Subset {subset.name} defined in the DestinationRule does not select any pods."
                " Which may lead to 503 UH (NoHealthyUpstream)."
            )
            yield finding(rule, NO_PODS, f"spec.subsets[{index}].labels", message)


def _covered(host: str, known: Known) -> Iterable[str]:
    """Return the names that a host may stand for."""
    return [name for name in known.services if covers(host, name)] if is_wildcard(host) else (host,)


def _choosing_subsets(configs: Iterable[Config[VirtualService]]) -> Mapping[str, Sequence[Config[VirtualService]]]:
    """Return the VirtualServices that send to subsets of their own hosts, by host, as both are written."""
    choosing: dict[str, list[Config[VirtualService]]] = {}
    for config in configs:
        chosen = (destination.host for _, destination in _routed(config) if destination.subset)
        for host in dict.fromkeys(host for host in chosen if host in config.spec.hosts):
            choosing.setdefault(host, []).append(config)
    return choosing


def _passed_by(
    config: Config[VirtualService], choosing: Mapping[str, Sequence[Config[VirtualService]]]
) -> Iterator[Finding]:
    """Yield the rules for sidecars that one for a gateway does without: it names the host and none of its subsets."""
    for field, destination in _routed(config):
        for other in () if destination.subset else choosing.get(destination.host, ()):
            names = (f"{named.namespace}/{named.name}" for named in (other, config))
            message = "Subset in virtual service {} has no effect on ingress gateway {} requests".format(*names)
            yield finding(config, SUBSET_NOT_AT_GATEWAY, f"{field}.host", message)


def _routed(config: Config[VirtualService]) -> Iterator[tuple[str, Destination]]:
    """Yield the destinations of a VirtualService's routes, each behind its path; no mirrors."""
    return ((field, destination) for field, destination in destinations_of(config) if ".route[" in field)


def _destination(
    config: Config[VirtualService], field: str, destination: Destination, known: Known
) -> Iterator[Finding]:
    host, what = resolve(destination.host, config.namespace), "mirror" if ".mirror" in field else "host"
    service = known.service(host, config.namespace, config.spec.export_to)
    if service is None:
        name = "mirror host" if what == "mirror" else "host"
        yield finding(config, NOT_FOUND, f"{field}.host", f'Referenced {name} not found: "{destination.host}"')
    else:
        yield from _port(config, field, destination, service)
    if destination.subset and (host, destination.subset) not in known.subsets:
        message = f'Referenced {what}+subset in destinationrule not found: "{destination.host}+{destination.subset}"'
        yield finding(config, NOT_FOUND, f"{field}.subset", message)


def _port(config: Config[VirtualService], field: str, destination: Destination, service: Service) -> Iterator[Finding]:
    numbers = [port.number for port in service.ports]
    if destination.port is None:
        if len(numbers) > 1:
            listed = " ".join(map(str, numbers))
            message = (
                f'This VirtualService routes to a service "{destination.host}" that exposes multiple ports [{listed}].'
                " Specifying a port in the destination is required to disambiguate."
            )
            yield finding(config, PORT_REQUIRED, f"{field}.port", message)
    elif destination.port.number not in numbers:
        named = f"{destination.host}:{destination.port.number}"
        yield finding(config, NOT_FOUND, f"{field}.port.number", f'Referenced host:port not found: "{named}"')
