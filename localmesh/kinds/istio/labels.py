"""The syntax of labels, as istiod's webhook looks at it in subsets."""

import re
from collections.abc import Iterator, Mapping

_NAME_MAX = 63
_PREFIX_MAX = 253
_DNS_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
_NAME = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_KEY = re.compile(rf"(?:(?P<prefix>{_DNS_LABEL}(?:\.{_DNS_LABEL})*)/)?(?P<name>{_NAME})")
_VALUE = re.compile(rf"(?:{_NAME})?")


def label_complaints(labels: Mapping[str, str]) -> Iterator[str]:
    """Say in istiod's words what is wrong with the keys and values."""
    for key, value in labels.items():
        if complaint := _key_complaint(key):
            yield complaint
        if not _VALUE.fullmatch(value):
            yield f'invalid tag value: "{value}"'


def _key_complaint(key: str) -> str | None:
    match = _KEY.fullmatch(key)
    if match is None:
        return f'invalid tag key: "{key}"'
    if len(match["prefix"] or "") > _PREFIX_MAX:
        return f'invalid tag key: "{key}" (DNS prefix is too long)'
    return f'invalid tag key: "{key}" (name is too long)' if len(match["name"]) > _NAME_MAX else None
