"""The grammar of names, labels and ports, with Kubernetes' own sentences for what breaks it."""

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localmesh.kinds.review import Problem

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
ANY_CASE_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
"""A DNS label as istiod takes it: capitals are let pass."""

ANY_CASE_SUBDOMAIN = rf"{ANY_CASE_LABEL}(?:\.{ANY_CASE_LABEL})*"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SERVICE = r"[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED_NAME = r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
"""A label's value, or its key without the prefix."""

_PORT_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_ENVIRONMENT = r"[ -<>-~]+"
LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253
PORT_NAME_LENGTH = 15
HIGHEST_PORT = 65535


def not_a_label(text: str) -> str | None:
    """Say why a text is no DNS-1123 label (names of containers and namespaces), None if it is one."""
    return _break(
        text,
        _LABEL,
        LABEL_LENGTH,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end"
        " with an alphanumeric character (e.g. 'my-name')",
    )


def not_a_subdomain(text: str) -> str | None:
    """Say why a text is no DNS-1123 subdomain (names of most objects), None if it is one."""
    return _break(
        text,
        _SUBDOMAIN,
        SUBDOMAIN_LENGTH,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start"
        " and end with an alphanumeric character (e.g. 'example.com')",
    )


def not_a_service_name(text: str) -> str | None:
    """Say why a text is no DNS-1035 label (names of Services), None if it is one."""
    return _break(
        text,
        _SERVICE,
        LABEL_LENGTH,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
        " character, and end with an alphanumeric character (e.g. 'my-name')",
    )


def not_a_port_name(text: str) -> str | None:
    """Say why a text is no name of a container's port, None if it is one."""
    rule = "must contain only lower case alphanumeric characters and '-', at least one letter, no '--'"
    if "--" in text or not re.search("[a-z]", text):
        return rule
    return _break(text, _PORT_NAME, PORT_NAME_LENGTH, rule)


def not_a_variable(text: str) -> str | None:
    """Say why a text is no name of an environment variable, None if it is one."""
    return None if re.fullmatch(_ENVIRONMENT, text) else "must be printable ASCII characters without '='"


def not_a_port(number: int) -> str | None:
    """Say why a number is no port, None if it is one."""
    return None if 1 <= number <= HIGHEST_PORT else f"must be between 1 and {HIGHEST_PORT}, inclusive"


def label_problems(labels: Mapping[str, Any], field: str) -> Iterator[Problem]:
    """Yield what is wrong with keys and values of labels."""
    yield from key_problems(labels, field)
    rule = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start"
        " and end with an alphanumeric character (e.g. 'MyValue')"
    )
    for value in labels.values():
        if value and (fault := _break(value, QUALIFIED_NAME, LABEL_LENGTH, rule)):
            yield Problem(field, f'Invalid value: "{value}": {fault}')


def key_problems(names: Mapping[str, Any], field: str) -> Iterator[Problem]:
    """Yield what is wrong with keys of labels or annotations."""
    rule = (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
        " alphanumeric character (e.g. 'MyName'), after an optional DNS subdomain and '/'"
    )
    for key in names:
        prefix, slash, name = key.rpartition("/")
        fault = _break(name, QUALIFIED_NAME, LABEL_LENGTH, rule) or (not_a_subdomain(prefix) if slash else None)
        if fault:
            yield Problem(field, f'Invalid value: "{key}": {fault}')


def _break(text: str, pattern: str, length: int, rule: str) -> str | None:
    if len(text) > length:
        return f"must be no more than {length} characters"
    return None if re.fullmatch(pattern, text) else rule


def base64_bytes(text: str) -> bytes:
    """Return the bytes that a text encodes, as Kubernetes reads one: filled up, in the standard alphabet.

    Raises ValueError.
    """
    return base64.b64decode(text, validate=True)
