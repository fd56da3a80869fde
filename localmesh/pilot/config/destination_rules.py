"""Which DestinationRule speaks to a client of a Service, and what several say together."""

from collections.abc import Sequence
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


def destination_rule(service: Service, context: PushContext, view: View) -> MergedRule:
    """Return what clients are told of a Service.

    The first namespace that has a rule decides: the client's own (unless it is the root namespace), then the Service's,
    then the root namespace. There the most specific host wins, and several rules for that host are united: of subsets
    with one name, the oldest stays.
    """
    rules = context.snapshot.configs(DestinationRule)
    own = () if view.namespace == ROOT_NAMESPACE else (view.namespace,)
    for namespace in (*own, service.namespace, ROOT_NAMESPACE):
        matching = _most_specific([rule for rule in rules if rule.namespace == namespace], service.host)
        if matching:
            named = {subset.name: subset for rule in reversed(matching) for subset in reversed(rule.spec.subsets)}
            return MergedRule(tuple(named.values()), matching[0].path)
    return MergedRule()


def _most_specific(rules: Sequence[Config[DestinationRule]], host: str) -> Sequence[Config[DestinationRule]]:
    """Return the rules for the host itself, else those for the longest wildcard that covers it."""
    covering = [(rule, named) for rule in rules if covers(named := resolve(rule.spec.host, rule.namespace), host)]
    best = max((named for _, named in covering), key=lambda named: (not is_wildcard(named), len(named)), default=None)
    return [rule for rule, named in covering if named == best]
