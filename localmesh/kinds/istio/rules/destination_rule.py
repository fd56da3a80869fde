"""What istiod's webhook says of a DestinationRule, in its words.

Source: pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.kinds.istio.hosts import domain_complaint
from localmesh.kinds.istio.rules.labels import label_complaints
from localmesh.kinds.istio.rules.subsets import subset_name_problems
from localmesh.kinds.istio.types.destination_rule import DestinationRule
from localmesh.kinds.review import Problem, Review


def review_destination_rule(_name: str, rule: DestinationRule) -> Review:
    """Judge a DestinationRule."""
    return Review(tuple(_problems(rule)))


def _problems(rule: DestinationRule) -> Iterator[Problem]:
    if complaint := domain_complaint(rule.host):
        yield Problem("spec.host", complaint)
    names: set[str] = set()
    for index, subset in enumerate(rule.subsets):
        path = f"spec.subsets[{index}]"
        if subset.name in names:
            yield Problem(f"{path}.name", f"duplicate subset names: {subset.name}")
        names.add(subset.name)
        yield from subset_name_problems(f"{path}.name", subset.name)
        for complaint in label_complaints(subset.labels):
            yield Problem(f"{path}.labels", complaint)
