"""Which VirtualServices speak to whom, of which hosts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from localmesh.kinds.istio import Gateway, VirtualService
from localmesh.kinds.istio.hosts import covers, is_wildcard, names_sidecars, resolve, resolve_gateway
from localmesh.kinds.istio.types.virtual_service import Destination
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.snapshot import Config

VirtualServices = Sequence[Config[VirtualService]]


def for_sidecars(context: PushContext) -> VirtualServices:
    """Return those that sidecars follow, the oldest first."""
    return [config for config in context.snapshot.configs(VirtualService) if names_sidecars(config.spec.gateways)]


def bound_to(gateway: Config[Gateway], context: PushContext) -> Iterator[Config[VirtualService]]:
    """Yield those that a Gateway's servers follow, the oldest first; one that names it twice is followed twice."""
    qualified = f"{gateway.namespace}/{gateway.name}"
    for config in context.snapshot.configs(VirtualService):
        for name in config.spec.gateways:
            if resolve_gateway(name, config.namespace) == qualified:
                yield config


def destinations_of(config: Config[VirtualService]) -> Iterator[tuple[str, Destination]]:
    """Yield the destinations of a VirtualService, each behind its path in the object."""
    for index, rule in enumerate(config.spec.http):
        at = f"spec.http[{index}]"
        yield from ((f"{at}.route[{number}].destination", share.destination) for number, share in enumerate(rule.route))
        yield from ((f"{at}.mirror", mirror) for mirror in (rule.mirror,) if mirror)
        yield from (
            (f"{at}.mirrors[{number}].destination", mirror.destination) for number, mirror in enumerate(rule.mirrors)
        )


def hosts_of(config: Config[VirtualService]) -> list[str]:
    """Return a VirtualService's hosts in full and in lower case, the wildcards last."""
    hosts = [resolve(host, config.namespace).lower() for host in config.spec.hosts]
    return sorted(hosts, key=is_wildcard)


@dataclass(frozen=True, slots=True)
class Owners:
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
