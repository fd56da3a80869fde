"""The Services that sidecars know of only because VirtualServices lead there.

Source: collectImportedServices, serviceMatchingVirtualServicePorts in pilot/pkg/model/sidecar.go,
virtualServiceDestinationsFilteredBySourceNamespace, doGetSidecarScope in pilot/pkg/model/push_context.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from localmesh.core.objects import key_of
from localmesh.kinds.injection import is_injected
from localmesh.kinds.istio import VirtualService
from localmesh.kinds.istio.hosts import resolve
from localmesh.kinds.istio.types.virtual_service import HTTPMatchRequest
from localmesh.pilot.config.virtual_services import for_sidecars, rule_destinations
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config
from localmesh.pilot.view import View
from localmesh.proxy.proxies import NodeType

_ANY_PORT = 0
"""The port that a destination without one names."""


def imported_by(view: View, context: PushContext) -> Mapping[str, Service]:
    """Return those of which some clients know, see `imported`.

    istiod keeps what the sidecars of a namespace know, and has it for the namespace's gateways, too, once it has it.
    """
    found = imported(context, view.namespace)
    pods = (pod for pod in context.snapshot.pods if found and key_of(pod).namespace == view.namespace)
    return found if view.type is NodeType.SIDECAR or any(map(is_injected, pods)) else {}


def imported(context: PushContext, namespace: str) -> Mapping[str, Service]:
    """Return the Services of a namespace that are hidden from its own sidecars, but a VirtualService leads there.

    By host; each with the ports that are named, and not at all if it has none of them.
    """
    own = (service for service in context.services.services if service.namespace == namespace)
    hidden = [service for service in own if not service.is_visible_in(namespace)]
    if not hidden:
        return {}
    named_ports = {service.host: [*_named_ports(service, context)] for service in hidden}
    return {
        service.host: replace(
            service, ports=tuple(port for port in service.ports if port.number in named_ports[service.host])
        )
        for service in hidden
        if named_ports[service.host]
    }


def _named_ports(service: Service, context: PushContext) -> Iterator[int]:
    """Yield the numbers of a Service's ports that VirtualServices name; a destination without a port names all."""
    numbers = {port.number for port in service.ports}
    for config in for_sidecars(context, service.namespace):
        named = set(_ports_of(config, service))
        yield from numbers if _ANY_PORT in named else numbers & named


def _ports_of(config: Config[VirtualService], service: Service) -> Iterator[int]:
    """Yield the ports by which a VirtualService leads to a Service, of rules that are for clients beside it."""
    for rule in config.spec.http:
        if _is_for(rule.match, service.namespace):
            for _, destination in rule_destinations(rule):
                if resolve(destination.host, config.namespace) == service.host:
                    yield destination.port.number if destination.port else _ANY_PORT


def _is_for(matches: Sequence[HTTPMatchRequest], namespace: str) -> bool:
    """Tell whether a rule counts for clients in a namespace: no match names another one, or one names theirs."""
    named = {match.source_namespace for match in matches if match.source_namespace}
    return not named or namespace in named
