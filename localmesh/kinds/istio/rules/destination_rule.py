"""What istiod's webhook says of a DestinationRule, in its words.

Source: pkg/config/validation/validation.go of Istio 1.31.
"""

import re
from collections.abc import Iterator, Mapping

from localmesh.kinds.istio.hosts import domain_complaint, is_label
from localmesh.kinds.istio.types.destination_rule import DestinationRule
from localmesh.kinds.review import Problem, Review
from localmesh.kinds.syntax import ANY_CASE_SUBDOMAIN, LABEL_LENGTH, QUALIFIED_NAME, SUBDOMAIN_LENGTH

_KEY = re.compile(rf"(?:(?P<prefix>{ANY_CASE_SUBDOMAIN})/)?(?P<name>{QUALIFIED_NAME})")
_VALUE = re.compile(rf"(?:{QUALIFIED_NAME})?")


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
        for complaint in _label_complaints(subset.labels):
            yield Problem(f"{path}.labels", complaint)


def subset_name_problems(path: str, name: str) -> Iterator[Problem]:
    """Yield what is wrong with a subset's name, here or where a route refers to it."""
    if not name:
        yield Problem(path, "subset name cannot be empty")
    elif not is_label(name):
        yield Problem(path, f"subset name is invalid: {name}")


def _label_complaints(labels: Mapping[str, str]) -> Iterator[str]:
    for key, value in labels.items():
        if complaint := _key_complaint(key):
            yield complaint
        if not _VALUE.fullmatch(value):
            yield f'invalid tag value: "{value}"'


def _key_complaint(key: str) -> str | None:
    match = _KEY.fullmatch(key)
    if match is None:
        return f'invalid tag key: "{key}"'
    if len(match["prefix"] or "") > SUBDOMAIN_LENGTH:
        return f'invalid tag key: "{key}" (DNS prefix is too long)'
    return f'invalid tag key: "{key}" (name is too long)' if len(match["name"]) > LABEL_LENGTH else None
