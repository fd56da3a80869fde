"""What istiod's webhook says of a DestinationRule, in its words.

Source: ValidateDestinationRule in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.core.objects import Key
from localmesh.kinds.istio.hosts import domain_complaint
from localmesh.kinds.istio.rules.export_to import export_to_problems
from localmesh.kinds.istio.rules.labels import label_complaints
from localmesh.kinds.istio.rules.subsets import subset_name_problems
from localmesh.kinds.istio.rules.traffic_policy import traffic_policy_problems, traffic_policy_warnings
from localmesh.kinds.istio.types.destination_rule import DestinationRule, Subset, TrafficPolicy
from localmesh.kinds.review import Problem, Review


def review_destination_rule(key: Key, rule: DestinationRule) -> Review:
    """Judge a DestinationRule."""
    return Review(tuple(_problems(key, rule)), tuple(dict.fromkeys(_warnings(rule))))


def _problems(key: Key, rule: DestinationRule) -> Iterator[Problem]:
    if complaint := domain_complaint(rule.host):
        yield Problem("spec.host", complaint)
    for path, policy in _policies(rule):
        yield from traffic_policy_problems(path, policy)
    names: set[str] = set()
    for index, subset in enumerate(rule.subsets):
        if subset.name in names:
            yield Problem(f"spec.subsets[{index}].name", f"duplicate subset names: {subset.name}")
        names.add(subset.name)
        yield from _subset_problems(f"spec.subsets[{index}]", subset)
    selects_clients = rule.workload_selector is not None
    yield from export_to_problems(rule.export_to, key.namespace, selects_clients=selects_clients)


def _policies(rule: DestinationRule) -> Iterator[tuple[str, TrafficPolicy]]:
    if rule.traffic_policy:
        yield "spec.trafficPolicy", rule.traffic_policy
    for index, subset in enumerate(rule.subsets):
        if subset.traffic_policy:
            yield f"spec.subsets[{index}].trafficPolicy", subset.traffic_policy


def _subset_problems(path: str, subset: Subset) -> Iterator[Problem]:
    yield from subset_name_problems(f"{path}.name", subset.name)
    for complaint in label_complaints(subset.labels):
        yield Problem(f"{path}.labels", complaint)


def _warnings(rule: DestinationRule) -> Iterator[str]:
    for path, policy in _policies(rule):
        yield from traffic_policy_warnings(path, policy)
    if rule.workload_selector and not rule.workload_selector.match_labels:
        yield "workload selector specified without labels"
