"""Which VirtualServices speak to whom, of which hosts.

Source: VirtualServicesForGateway and initVirtualServices in pilot/pkg/model/push_context.go, SelectVirtualServices in
pilot/pkg/model/virtualservice.go of Istio 1.31.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from localmesh.kinds.istio import Gateway, VirtualService
from localmesh.kinds.istio.hosts import covers, is_wildcard, names_sidecars, resolve, resolve_gateway
from localmesh.kinds.istio.types.virtual_service import Destination, HTTPRoute
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.snapshot import Config

VirtualServices = Sequence[Config[VirtualService]]


EVERYBODY, OWN_NAMESPACE = "*", "."


def for_sidecars(context: PushContext, namespace: str) -> VirtualServices:
    """Return those that sidecars in a namespace follow, in their order of precedence."""
    return [config for config in _seen_from(namespace, context) if names_sidecars(config.spec.gateways)]


def bound_to(gateway: Config[Gateway], context: PushContext, namespace: str) -> Iterator[Config[VirtualService]]:
    """Yield those that a Gateway's servers follow, in their order of precedence, for gateway pods in a namespace.

    One that names the Gateway twice is followed twice.
    """
    qualified = f"{gateway.namespace}/{gateway.name}"
    for config in _seen_from(namespace, context):
        for name in config.spec.gateways:
            if resolve_gateway(name, config.namespace) == qualified:
                yield config


def _seen_from(namespace: str, context: PushContext) -> VirtualServices:
    """Return those that proxies in a namespace see: the private ones beside them, those for some, those for all.

    Of each the oldest first.
    """
    configs = context.snapshot.configs(VirtualService)
    if not any(config.spec.export_to for config in configs):
        return configs
    seen = [(_distance(config, namespace), config) for config in configs]
    return [config for nearness in (0, 1, 2) for distance, config in seen if distance == nearness]


def _distance(config: Config[VirtualService], namespace: str) -> int | None:
    """Return how far it is from proxies in a namespace, None if they do not see it (`exportTo`)."""
    namespaces = {
        config.namespace if entry == OWN_NAMESPACE else entry for entry in config.spec.export_to or (EVERYBODY,)
    }
    if EVERYBODY in namespaces:
        return 2
    if namespace not in namespaces:
        return None
    return 0 if config.namespace == namespace else 1


def destinations_of(config: Config[VirtualService]) -> Iterator[tuple[str, Destination]]:
    """Yield the destinations of a VirtualService, each behind its path in the object."""
    for index, rule in enumerate(config.spec.http):
        yield from ((f"spec.http[{index}].{at}", destination) for at, destination in rule_destinations(rule))


def rule_destinations(rule: HTTPRoute) -> Iterator[tuple[str, Destination]]:
    """Yield the destinations of one rule, each behind its path in it."""
    yield from ((f"route[{number}].destination", share.destination) for number, share in enumerate(rule.route))
    yield from (("mirror", mirror) for mirror in (rule.mirror,) if mirror)
    yield from ((f"mirrors[{number}].destination", mirror.destination) for number, mirror in enumerate(rule.mirrors))


def hosts_of(config: Config[VirtualService]) -> list[str]:
    """Return a VirtualService's hosts in full and in lower case, the wildcards last."""
    hosts = [resolve(host, config.namespace).lower() for host in config.spec.hosts]
    return sorted(hosts, key=is_wildcard)


class Owners(Struct, frozen=True):
    """Which VirtualService names which host most precisely."""

    hosts: Sequence[tuple[str, Config[VirtualService]]]
    """Each host of each VirtualService, the oldest first."""

    @classmethod
    def of(cls, configs: VirtualServices) -> "Owners":
        """Look at some VirtualServices."""
        return cls([(host, config) for config in configs for host in hosts_of(config)])

    def of_host(self, name: str) -> Config[VirtualService] | None:
        """Return the one that names a Service most precisely, the oldest if several do."""
        covering = [((not is_wildcard(host), len(host)), config) for host, config in self.hosts if covers(host, name)]
        return max(covering, key=lambda entry: entry[0])[1] if covering else None
