"""DestinationRule: the subsets of a Service, by the labels of its pods."""

from collections.abc import Iterator, Mapping

from localmesh.kinds.istio.base import Spec
from localmesh.kinds.istio.hosts import domain_complaint, is_label
from localmesh.kinds.istio.labels import label_complaints
from localmesh.kinds.review import Problem


class Subset(Spec):
    """Some of a Service's pods under a name."""

    name: str
    labels: Mapping[str, str] = {}
    """What the pods have besides the labels that the Service selects; empty for all of its pods."""


class DestinationRule(Spec):
    """The spec of a DestinationRule."""

    host: str
    """A Service: its full name, or its short one in the rule's own namespace; may begin with a wildcard."""

    subsets: tuple[Subset, ...] = ()


def destination_rule_problems(rule: DestinationRule) -> Iterator[Problem]:
    """Yield what istiod's webhook refuses, in its words."""
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


def subset_name_problems(path: str, name: str) -> Iterator[Problem]:
    """Yield what is wrong with a subset's name, here or where a route refers to it."""
    if not name:
        yield Problem(path, "subset name cannot be empty")
    elif not is_label(name):
        yield Problem(path, f"subset name is invalid: {name}")
