"""Which DestinationRule speaks to a client of a Service, and what several say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localmesh.kinds.istio import DestinationRule
from localmesh.kinds.istio.hosts import covers, is_wildcard, resolve
from localmesh.kinds.istio.types.destination_rule import Subset
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config
from localmesh.pilot.view import View

ROOT_NAMESPACE = "istio-system"
"""Where rules for the whole mesh live."""


@dataclass(frozen=True, slots=True)
class MergedRule:
    """What the DestinationRules say of one Service to some clients."""

    subsets: tuple[Subset, ...] = ()
    config: str = ""
    """Path of the rule, the oldest if there are several; "" if there is none."""


@dataclass(frozen=True, slots=True)
class DestinationRules:
    """All rules, by where they live and what they name."""

    by_host: Mapping[tuple[str, str], Sequence[Config[DestinationRule]]]
    """By namespace and host in full, the oldest first."""

    wildcards: Mapping[str, Sequence[str]]
    """By namespace the hosts that begin with a wildcard, the longest first."""

    @classmethod
    def of(cls, context: PushContext) -> "DestinationRules":
        """Look at everything applied."""
        by_host: dict[tuple[str, str], list[Config[DestinationRule]]] = {}
        for rule in context.snapshot.configs(DestinationRule):
            by_host.setdefault((rule.namespace, resolve(rule.spec.host, rule.namespace)), []).append(rule)
        wildcards: dict[str, list[str]] = {}
        for namespace, host in sorted(by_host, key=lambda place: -len(place[1])):
            if is_wildcard(host):
                wildcards.setdefault(namespace, []).append(host)
        return cls(by_host, wildcards)

    def merged(self, service: Service, view: View) -> MergedRule:
        """Return what clients are told of a Service.

        The first namespace that has a rule decides: the client's own (unless it is the root namespace), then the
        Service's, then the root namespace. There the most specific host wins, and several rules for that host are
        united: of subsets with one name, the oldest stays.
        """
        own = () if view.namespace == ROOT_NAMESPACE else (view.namespace,)
        for namespace in (*own, service.namespace, ROOT_NAMESPACE):
            if matching := self._most_specific(namespace, service.host):
                named = {subset.name: subset for rule in reversed(matching) for subset in reversed(rule.spec.subsets)}
                return MergedRule(tuple(named.values()), matching[0].path)
        return MergedRule()

    def _most_specific(self, namespace: str, host: str) -> Sequence[Config[DestinationRule]]:
        """Return a namespace's rules for the host itself, else those for the longest wildcard that covers it."""
        exact = self.by_host.get((namespace, host), ())
        covering = (named for named in self.wildcards.get(namespace, ()) if covers(named, host))
        return exact or self.by_host.get((namespace, next(covering, "")), ())
