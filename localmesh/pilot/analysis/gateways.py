"""Gateways that nobody serves, on ports that nobody reaches, or that stand in one another's way.

Source: analyzers/gateway/gateway.go and conflictinggateway.go in pkg/config/analysis of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence

from localmesh.core.objects import labels_of, selects
from localmesh.kinds.istio import Gateway
from localmesh.kinds.istio.types.gateway import Server
from localmesh.pilot.analysis.known import NOT_FOUND, Known, finding, written
from localmesh.pilot.findings import Finding
from localmesh.pilot.snapshot import Config

PORT_NOT_DEFINED = "IST0162"
CONFLICT = "IST0145"


def gateway_findings(known: Known) -> Iterator[Finding]:
    """Yield what is wrong with each Gateway."""
    gateways = known.snapshot.configs(Gateway)
    for gateway in gateways:
        yield from _unreached(gateway, known)
        rivals = [other for other in gateways if other is not gateway and _meet(gateway, other, known)]
        for index, server in enumerate(gateway.spec.servers):
            yield from _conflicts(gateway, server, f"spec.servers[{index}].hosts", rivals)


def _unreached(gateway: Config[Gateway], known: Known) -> Iterator[Finding]:
    """Yield that there are no pods, or by which ports they are not reached."""
    selector = gateway.spec.selector
    ports = _reached(selector, known)
    if ports is None:
        message = f'Referenced selector not found: "{written(selector)}"'
        yield finding(gateway, NOT_FOUND, "spec.selector", message)
        return
    for index, server in enumerate(gateway.spec.servers):
        if server.port.number not in ports:
            message = (
                f"The gateway is listening on a target port (port {server.port.number}) that is not defined in the"
                f" Service associated with its workload instances (Pod selector {written(selector)})."
                " If you need to access the gateway port through the gateway Service, it will not be available."
            )
            yield finding(gateway, PORT_NOT_DEFINED, f"spec.servers[{index}].port.number", message)


def _reached(selector: Mapping[str, str], known: Known) -> frozenset[int] | None:
    """Return the ports by which the pods behind a selector are reached, None if there are no such pods."""
    pods = known.pods_of(selector)
    if not pods:
        return None
    ports = (port for pod in pods for service in known.services_of(pod) for port in service.ports)
    numbers = ((port.number, port.target if isinstance(port.target, int) else port.number) for port in ports)
    return frozenset(number for pair in numbers for number in pair)


def _conflicts(
    gateway: Config[Gateway], server: Server, field: str, rivals: Sequence[Config[Gateway]]
) -> Iterator[Finding]:
    others = [f"{other.namespace}/{other.name}" for other in rivals if _claims(other, server)]
    if others:
        message = (
            f"Conflict with gateways {','.join(sorted(others))} (workload selector {written(gateway.spec.selector)},"
            f" port {server.port.number}, hosts {','.join(server.hosts)})."
        )
        yield finding(gateway, CONFLICT, field, message)


def _meet(one: Config[Gateway], other: Config[Gateway], known: Known) -> bool:
    """Tell whether two Gateways are for the same pods: istioctl looks closer if one selector is a part of the other."""
    own, its = one.spec.selector, other.spec.selector
    if own == its:
        return True
    is_part = written(own) in written(its) or written(its) in written(own)
    return is_part and any(selects(its, labels_of(pod)) for pod in known.pods_of(own))


def _claims(other: Config[Gateway], server: Server) -> bool:
    """Tell whether another Gateway's last server of a server's port has one of its hosts: istioctl looks at that."""
    rivals = [rival for rival in other.spec.servers if rival.port.number == server.port.number]
    return bool(rivals) and bool(set(rivals[-1].hosts) & set(server.hosts))
