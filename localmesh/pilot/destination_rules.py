"""Which DestinationRule speaks to a client of a Service, and what several say together.

Source: setDestinationRules and destinationRule in pilot/pkg/model/push_context.go, mergeDestinationRule in
pilot/pkg/model/destination_rule.go, SidecarScope.DestinationRule in pilot/pkg/model/sidecar.go of Istio 1.31.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from localmesh.kinds.istio import DestinationRule
from localmesh.kinds.istio.hosts import covers, is_wildcard, resolve
from localmesh.kinds.istio.types.destination_rule import Subset, TrafficPolicy
from localmesh.pilot.registry.services import Service
from localmesh.pilot.snapshot import Config, Snapshot
from localmesh.pilot.view import View

ROOT_NAMESPACE = "istio-system"
"""Where rules for the whole mesh live."""

EVERYBODY = "*"
OWN_NAMESPACE = "."


class MergedRule(Struct, frozen=True):
    """What DestinationRules say of one host to some clients."""

    subsets: tuple[Subset, ...] = ()
    traffic_policy: TrafficPolicy | None = None
    config: str = ""
    """Path of the rule, the first if there are several; "" if there is none."""

    namespace: str = ""
    exported_to: frozenset[str] = frozenset()
    """As written; nothing for everybody."""

    selector: Mapping[str, str] | None = None
    """Labels of the clients that it is for; None for all of them."""

    @classmethod
    def of(cls, rule: Config[DestinationRule]) -> "MergedRule":
        """Return what one rule says; one that selects clients is for its own namespace, whatever else it says."""
        spec, selector = rule.spec, rule.spec.workload_selector
        return cls(
            spec.subsets,
            spec.traffic_policy,
            rule.path,
            rule.namespace,
            frozenset((OWN_NAMESPACE,) if selector else spec.export_to),
            selector.match_labels if selector else None,
        )

    @property
    def is_for_own_namespace(self) -> bool:
        """Whether clients beside the rule see it."""
        return not self.exported_to or bool(self.exported_to & {EVERYBODY, OWN_NAMESPACE, self.namespace})

    @property
    def is_private(self) -> bool:
        """Whether nobody but clients beside the rule sees it."""
        return self.exported_to in ({OWN_NAMESPACE}, {self.namespace})

    def is_for(self, namespace: str) -> bool:
        """Tell whether clients in another namespace see it."""
        return not self.exported_to or bool(self.exported_to & {EVERYBODY, namespace})

    def subset(self, name: str) -> Subset | None:
        """Return the subset of that name, None if there is none."""
        return next((subset for subset in self.subsets if subset.name == name), None)

    def takes_in(self, other: "MergedRule") -> bool:
        """Tell whether a younger rule for the same host is heard together with this one."""
        wider = bool(self.exported_to) and other.exported_to >= self.exported_to
        selects_alike = None in (self.selector, other.selector) or self.selector == other.selector
        return (wider or other.exported_to == self.exported_to) and selects_alike

    def united(self, other: "MergedRule") -> "MergedRule":
        """Add what a younger rule says: subsets of other names, and a policy if there is none."""
        names = {subset.name for subset in self.subsets}
        subsets = (*self.subsets, *(subset for subset in other.subsets if subset.name not in names))
        return replace(self, subsets=subsets, traffic_policy=self.traffic_policy or other.traffic_policy)


NO_RULE = MergedRule()


class _Rules(Struct, frozen=True):
    """The rules of one namespace that some clients see, by host in full."""

    by_host: dict[str, list[MergedRule]] = field(default_factory=dict)

    def add(self, host: str, rule: MergedRule) -> None:
        """Take a rule, younger than those before it: it joins those that take it in, or stands beside them."""
        apart = True
        known = self.by_host.setdefault(host, [])
        for index, older in enumerate(known):
            apart = not older.takes_in(rule)
            if not apart:
                known[index] = older.united(rule)
                apart = older.exported_to != rule.exported_to and older.selector != rule.selector
        if apart:
            known.append(rule)

    def most_specific(self, host: str) -> Sequence[MergedRule]:
        """Return the rules for the host itself, else those for the longest wildcard that covers it."""
        if host in self.by_host:
            return self.by_host[host]
        covering = [named for named in self.by_host if is_wildcard(named) and covers(named, host)]
        return self.by_host[max(covering, key=len)] if covering else ()


_NONE = _Rules()


class DestinationRules(Struct, frozen=True):
    """All rules, by where they live and who sees them."""

    beside: Mapping[str, _Rules]
    """By namespace, what clients in it see."""

    exported: Mapping[str, _Rules]
    """By namespace, what others may see."""

    private_at_root: _Rules
    """What clients in the root namespace have for themselves."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "DestinationRules":
        """Look at everything applied; rules that select clients go before the others."""
        beside: dict[str, _Rules] = {}
        exported: dict[str, _Rules] = {}
        root = _Rules()
        for config in sorted(
            snapshot.configs(DestinationRule), key=lambda config: config.spec.workload_selector is None
        ):
            rule, host = MergedRule.of(config), resolve(config.spec.host, config.namespace)
            if rule.is_for_own_namespace:
                beside.setdefault(rule.namespace, _Rules()).add(host, rule)
            if not rule.is_private:
                exported.setdefault(rule.namespace, _Rules()).add(host, rule)
            elif rule.namespace == ROOT_NAMESPACE:
                root.add(host, rule)
        return cls(beside, exported, root)

    def for_clients(self, service: Service, view: View) -> MergedRule:
        """Return what clients are told of a Service: by the first rule that selects them, else the one for all."""
        rules = self._heard(service, view.namespace)
        for rule in rules:
            if rule.selector is not None and rule.namespace == view.namespace and view.has(rule.selector):
                return rule
        return _for_all(rules)

    def for_server(self, service: Service, namespace: str) -> MergedRule:
        """Return what a Service's own pods are told of it; rules that select clients are not for them."""
        return _for_all(self._heard(service, namespace))

    def _heard(self, service: Service, namespace: str) -> Sequence[MergedRule]:
        """Return the rules of the first namespace that has some: the client's, the Service's, the root namespace.

        To clients in the root namespace only what is private there goes before what the Service's namespace says.
        """
        own = self.private_at_root if namespace == ROOT_NAMESPACE else self.beside.get(namespace, _NONE)
        if rules := own.most_specific(service.host):
            return rules
        for owner in (service.namespace, ROOT_NAMESPACE):
            rules = self.exported.get(owner, _NONE).most_specific(service.host)
            if visible := [rule for rule in rules if rule.is_for(namespace)]:
                return visible
        return ()


def _for_all(rules: Sequence[MergedRule]) -> MergedRule:
    return next((rule for rule in reversed(rules) if rule.selector is None), NO_RULE)
