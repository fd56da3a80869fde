"""What istiod's webhook says of the selector of a policy, in its words.

Source: validateWorkloadSelector in pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator, Mapping

from localmesh.kinds.review import Problem


def selector_problems(labels: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the labels of `spec.selector`."""
    for key, value in labels.items():
        if not key:
            yield Problem("spec.selector.matchLabels", f'empty key is not supported in selector: "{key}={value}"')
        if "*" in key + value:
            yield Problem("spec.selector.matchLabels", f'wildcard is not supported in selector: "{key}={value}"')


def selector_warnings(labels: Mapping[str, str]) -> Iterator[str]:
    """Yield what is odd about the labels of a selector that is there."""
    if not labels:
        yield "workload selector specified without labels"
