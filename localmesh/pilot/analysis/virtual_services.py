"""VirtualServices that are never asked, or of which one stands in another one's way.

Source: analyzers/virtualservice/gateways.go and conflictingmeshgatewayhosts.go in pkg/config/analysis of Istio 1.31.
"""

from collections.abc import Iterator, Sequence

from localmesh.kinds.istio import Gateway, VirtualService
from localmesh.kinds.istio.hosts import MESH, covers, is_wildcard, names_sidecars, resolve, resolve_gateway
from localmesh.kinds.istio.rules.unreachable import unreachable_warnings
from localmesh.pilot.analysis.known import NOT_FOUND, Known, finding
from localmesh.pilot.findings import Finding
from localmesh.pilot.snapshot import Config

CONFLICT = "IST0109"
UNREACHABLE_RULE = "IST0130"
INEFFECTIVE_MATCH = "IST0131"
HOST_NOT_IN_GATEWAY = "IST0132"


def virtual_service_findings(known: Known) -> Iterator[Finding]:
    """Yield rules that cannot match, gateways that are not there or serve other hosts, and conflicts in the mesh."""
    configs = known.snapshot.configs(VirtualService)
    gateways = {f"{gateway.namespace}/{gateway.name}": gateway for gateway in known.snapshot.configs(Gateway)}
    for config in configs:
        for warning in unreachable_warnings(config.spec.http):
            code = INEFFECTIVE_MATCH if " match " in warning.partition(" is not used")[0] else UNREACHABLE_RULE
            yield finding(config, code, "", f"V{warning[1:]}.")
        for index, name in enumerate(config.spec.gateways):
            if name != MESH:
                yield from _gateway(config, f"spec.gateways[{index}]", name, gateways.get(_full(name, config)))
    yield from _conflicts([config for config in configs if names_sidecars(config.spec.gateways)])


def _full(name: str, config: Config[VirtualService]) -> str:
    return resolve_gateway(name, config.namespace)


def _gateway(
    config: Config[VirtualService], field: str, name: str, gateway: Config[Gateway] | None
) -> Iterator[Finding]:
    if gateway is None:
        yield finding(config, NOT_FOUND, field, f'Referenced gateway not found: "{name}"')
    if gateway is None or not any(
        covers(served, host) for served in _hosts_for(config, gateway) for host in config.spec.hosts
    ):
        hosts, own = " ".join(config.spec.hosts), f"{config.namespace}/{config.name}"
        message = (
            f"one or more host [{hosts}] defined in VirtualService {own} not found in Gateway {_full(name, config)}."
        )
        yield finding(config, HOST_NOT_IN_GATEWAY, field, message)


def _hosts_for(config: Config[VirtualService], gateway: Config[Gateway]) -> Iterator[str]:
    """Yield the hosts that a Gateway serves for VirtualServices of this one's namespace."""
    for server in gateway.spec.servers:
        for entry in server.hosts:
            namespace, slash, host = entry.rpartition("/")
            if not slash or (gateway.namespace if namespace == "." else namespace) in ("*", config.namespace):
                yield host


def _conflicts(configs: Sequence[Config[VirtualService]]) -> Iterator[Finding]:
    """Yield the VirtualServices for sidecars that speak of one host: the oldest one alone is heard."""
    by_host: dict[str, list[Config[VirtualService]]] = {}
    for config in configs:
        for host in config.spec.hosts:
            by_host.setdefault(resolve(host, config.namespace).lower(), []).append(config)
    for host, rivals in by_host.items():
        names = ",".join(sorted(f"{rival.namespace}/{rival.name}" for rival in rivals))
        for config in rivals if len(rivals) > 1 and not is_wildcard(host) else ():
            message = (
                f"The VirtualServices {names} associated with mesh gateway define the same host */{host} which can lead"
                " to undefined behavior. This can be fixed by merging the conflicting VirtualServices into a single"
                " resource."
            )
            yield finding(config, CONFLICT, "spec.hosts", message)
