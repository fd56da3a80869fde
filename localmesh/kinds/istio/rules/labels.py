"""What istiod's webhook says of labels, in its words.

Source: Validate in pkg/config/labels of Istio 1.31.
"""

import re
from collections.abc import Iterator, Mapping

from localmesh.kinds.syntax import ANY_CASE_SUBDOMAIN, LABEL_LENGTH, QUALIFIED_NAME, SUBDOMAIN_LENGTH

_KEY = re.compile(rf"(?:(?P<prefix>{ANY_CASE_SUBDOMAIN})/)?(?P<name>{QUALIFIED_NAME})")
_VALUE = re.compile(rf"(?:{QUALIFIED_NAME})?")


def label_complaints(labels: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with labels by which workloads are selected."""
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
