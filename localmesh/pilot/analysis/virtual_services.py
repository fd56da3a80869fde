"""VirtualServices that are never asked, or of which one stands in another one's way.

Source: analyzers/virtualservice/gateways.go and conflictingmeshgatewayhosts.go, analyzers/deprecation/deprecation.go in
pkg/config/analysis of Istio 1.31.
"""

from collections.abc import Iterator, Mapping, Sequence

from localmesh.core.objects import Key
from localmesh.kinds.istio import Gateway, VirtualService
from localmesh.kinds.istio.hosts import MESH, names_sidecars, overlap, resolve, resolve_gateway
from localmesh.kinds.istio.rules.unreachable import unreachable_warnings
from localmesh.pilot.analysis.known import NOT_FOUND, Known, finding
from localmesh.pilot.config.virtual_services import EVERYBODY, OWN_NAMESPACE
from localmesh.pilot.findings import Finding
from localmesh.pilot.snapshot import Config

DEPRECATED = "IST0002"
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
        yield from _deprecated(config)
        for index, name in enumerate(config.spec.gateways):
            if name != MESH:
                yield from _gateway(config, f"spec.gateways[{index}]", name, gateways.get(_full(name, config)))
    yield from _conflicts([config for config in configs if names_sidecars(config.spec.gateways)])


def _deprecated(config: Config[VirtualService]) -> Iterator[Finding]:
    for index, rule in enumerate(config.spec.http):
        if rule.fault and rule.fault.delay and rule.fault.delay.percent > 0:
            old = "HTTPRoute.fault.delay.percent"
            message = f"Deprecated: {old} is deprecated; use {old}age"
            yield finding(config, DEPRECATED, f"spec.http[{index}].fault.delay.percent", message)


def _full(name: str, config: Config[VirtualService]) -> str:
    return resolve_gateway(name, config.namespace)


def _gateway(
    config: Config[VirtualService], field: str, name: str, gateway: Config[Gateway] | None
) -> Iterator[Finding]:
    if gateway is None:
        yield finding(config, NOT_FOUND, field, f'Referenced gateway not found: "{name}"')
    if gateway is None or not any(
        overlap(served, host) for served in _hosts_for(config, gateway) for host in config.spec.hosts
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
    """Yield, each once, the VirtualServices for sidecars that speak of one host to clients in one namespace."""
    by_host: dict[tuple[str, str], list[Config[VirtualService]]] = {}
    for config in configs:
        for scope in _scopes(config):
            for host in config.spec.hosts:
                by_host.setdefault((scope, resolve(host, config.namespace)), []).append(config)
    reported = set[Key]()
    for (scope, host), narrow in by_host.items():
        wide = [] if scope == EVERYBODY else _for_everybody(host, by_host)
        rivals = [*narrow, *wide]
        names = ",".join(sorted(f"{rival.namespace}/{rival.name}" for rival in rivals))
        for config in rivals if len(rivals) > 1 else ():
            if config.key not in reported:
                reported.add(config.key)
                message = (
                    f"The VirtualServices {names} associated with mesh gateway define the same host {scope}/{host} "
                    "which can lead to undefined behavior. This can be fixed by merging the conflicting "
                    "VirtualServices into a single resource."
                )
                yield finding(config, CONFLICT, "spec.hosts", message)


def _scopes(config: Config[VirtualService]) -> Sequence[str]:
    """Return the namespaces that a VirtualService is exported to, `*` for all of them."""
    export_to = config.spec.export_to
    if not export_to or EVERYBODY in export_to:
        return (EVERYBODY,)
    return tuple(dict.fromkeys(config.namespace if entry == OWN_NAMESPACE else entry for entry in export_to))


def _for_everybody(
    host: str, by_host: Mapping[tuple[str, str], Sequence[Config[VirtualService]]]
) -> Sequence[Config[VirtualService]]:
    """Return the VirtualServices for all namespaces that speak of a host, too."""
    return [
        config
        for (scope, other), configs in by_host.items()
        if scope == EVERYBODY and overlap(host, other)
        for config in configs
    ]
