"""Destinations that lead nowhere.

Source: analyzers/virtualservice/destinationhosts.go and destinationrules.go in pkg/config/analysis of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.kinds.istio import DestinationRule, VirtualService
from localmesh.kinds.istio.hosts import is_wildcard, resolve
from localmesh.kinds.istio.types.virtual_service import Destination
from localmesh.pilot.analysis.known import NOT_FOUND, Known, finding
from localmesh.pilot.config.virtual_services import destinations_of
from localmesh.pilot.findings import Finding
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config

PORT_REQUIRED = "IST0112"


def destination_findings(known: Known) -> Iterator[Finding]:
    """Yield what VirtualServices send to nobody, and the DestinationRules that nobody hears."""
    for config in known.snapshot.configs(VirtualService):
        for field, destination in destinations_of(config):
            yield from _destination(config, field, destination, known)
    for rule in known.snapshot.configs(DestinationRule):
        host = resolve(rule.spec.host, rule.namespace)
        if host not in known.services and not is_wildcard(host):
            yield finding(rule, NOT_FOUND, "spec.host", f'Referenced host not found: "{rule.spec.host}"')


def _destination(
    config: Config[VirtualService], field: str, destination: Destination, known: Known
) -> Iterator[Finding]:
    host, what = resolve(destination.host, config.namespace), "mirror" if ".mirror" in field else "host"
    service = known.services.get(host)
    if service is None:
        name = "mirror host" if what == "mirror" else "host"
        yield finding(config, NOT_FOUND, f"{field}.host", f'Referenced {name} not found: "{destination.host}"')
    elif service.ports:
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
