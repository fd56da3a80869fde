"""What istiod's webhook says of the values in an AuthorizationPolicy's rules, in its words.

Source: pkg/config/security/security.go of Istio 1.31.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from localmesh.core.numbers import integer

LARGEST_PORT = 65535
MATCH_ONE, MATCH_ANY = "{*}", "{**}"
"""Parts of a path template: one segment, and all that is left."""

_DIGITS = re.compile(r"[0-9]+")
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]*")
_LITERAL = re.compile(r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+")

_LONGEST_TEMPLATE = 256

Complaints = Iterator[str]


def is_template(path: str) -> bool:
    """Tell whether a path is a template."""
    return MATCH_ONE in path or MATCH_ANY in path


def of_envoy(template: str) -> str:
    """Return a path template as Envoy writes it."""
    return template.replace(MATCH_ANY, "**").replace(MATCH_ONE, "*")


def empty_values(name: str, values: Sequence[str]) -> Complaints:
    """Yield what is wrong with values of which none may be empty."""
    if "" in values:
        yield f"empty value not allowed, found in {name}"


def bad_addresses(values: Sequence[str]) -> Complaints:
    """Yield what is wrong with addresses and ranges of addresses."""
    for value in values:
        if "/" in value and not _is_range(value):
            yield f"bad CIDR range ({value})"
        if "/" not in value and not _is_address(value):
            yield f"bad IP address ({value})"


def bad_ports(values: Sequence[str]) -> Complaints:
    """Yield what is wrong with ports, which are texts here."""
    for value in values:
        if not _DIGITS.fullmatch(value) or integer(value) > LARGEST_PORT:
            yield f"bad port ({value})"


def bad_path_templates(name: str, paths: Sequence[str]) -> Complaints:
    """Yield what is wrong with the first path that is no good."""
    complaints = (complaint for path in paths if (complaint := _template_complaint(path)))
    for path_complaint in complaints:
        yield f"invalid or unsupported path, found in {name}: {path_complaint}"
        return
    yield from _first(_fatal_template(path, name) for path in paths)


def bad_accounts(name: str, values: Sequence[str]) -> Complaints:
    """Yield what is wrong with the first service account that is no good."""
    yield from _first(_account_complaint(value, name) for value in values)


def bad_trust_domains(name: str, values: Sequence[str]) -> Complaints:
    """Yield what is wrong with the first trust domain that is no good."""
    slashes = (
        f"trust domain must not contain '/', found in {name}: \"{value}\"" if "/" in value else None for value in values
    )
    yield from _first(chain(bad_wildcards(name, values), slashes))


def bad_wildcards(name: str, values: Sequence[str]) -> Complaints:
    """Yield what is wrong with the first value that is empty, or has an asterisk elsewhere than at one of its ends."""
    yield from _first(_wildcard_complaint(value, name) for value in values)


def _first(complaints: Iterable[str | None]) -> Complaints:
    yield from islice(filter(None, complaints), 1)


def _account_complaint(value: str, name: str) -> str | None:
    form = "expected format 'serviceAccount' or 'namespace/serviceAccount', found"
    if not value:
        return f"empty value not allowed, found in {name}"
    if "*" in value:
        return f"wildcard not allowed, found in {name}"
    parts = value.split("/")
    if len(parts) > 2:  # noqa: PLR2004 -- the two that the message names
        return f'{form} "{value}" in {name}'
    for part, what in zip(parts, ("namespace", "serviceAccount"), strict=False) if "/" in value else ():
        if not part:
            return f'{form} empty {what} "{value}" in {name}'
    return None


def _wildcard_complaint(value: str, name: str) -> str | None:
    if not value:
        return f"empty value not allowed, found in {name}"
    if value.count("*") > 1:
        return f'at most one wildcard is allowed, found in {name}: "{value}"'
    if "*" in value[1:-1]:
        return f'wildcard is only allowed at the start or end, found in {name}: "{value}"'
    return None


def bad_attribute(key: str, values: Sequence[str]) -> Complaints:
    """Yield what is wrong with the values of a condition (`when`)."""
    if "" in values:
        yield f"empty value not allowed, found in {key}"
    elif key in _CHECKED_BY_NAME:
        yield from _CHECKED_BY_NAME[key](key, values)
    elif key in _CHECKED_BY:
        yield from _CHECKED_BY[key](values)
    elif key not in _FREE and not _is_map_key(key):
        yield f"bad key ({key}): should have format a[b]"


def _template_complaint(path: str) -> str | None:
    stripped, any_at = path.strip("/"), -1
    for index, segment in enumerate(stripped.split("/")):
        if segment in (MATCH_ONE, MATCH_ANY):
            if any_at >= 0:
                return f"{stripped}: {MATCH_ANY} is not the last operator"
            any_at = index if segment == MATCH_ANY else any_at
        elif "{" in segment or "}" in segment:
            return f"{stripped}: contains '{{' or '}}' beyond a supported path template"
        elif is_template(path) and not _LITERAL.fullmatch(segment):
            return f"{stripped}: contains segment {segment} with invalid string literal"
    return None


def _fatal_template(path: str, name: str) -> str | None:
    if not is_template(path):
        return None
    if not path.startswith("/") or "//" in path:
        return f"{path}, found in {name}: istiod lets it pass, but Envoy ends: a template begins with / and has no //"
    if len(of_envoy(path)) > _LONGEST_TEMPLATE:
        return f"{name}: istiod lets it pass, but Envoy takes templates of {_LONGEST_TEMPLATE} characters at most"
    return None


def _is_map_key(key: str) -> bool:
    opening = key.find("[")
    return key.endswith("]") and 0 < opening < len(key) - 2


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_range(value: str) -> bool:
    address, _, length = value.partition("/")
    if "%" in address or not _is_address(address) or not _PREFIX_LENGTH.fullmatch(length):
        return False
    return integer(length) <= ipaddress.ip_address(address).max_prefixlen


_CHECKED_BY: Mapping[str, Callable[[Sequence[str]], Complaints]] = {
    "source.ip": bad_addresses,
    "remote.ip": bad_addresses,
    "destination.port": bad_ports,
}
"""Attributes whose values have a form of their own."""

_CHECKED_BY_NAME: Mapping[str, Callable[[str, Sequence[str]], Complaints]] = {
    "source.serviceAccount": bad_accounts,
    "source.trustDomain": bad_wildcards,
}
"""Those whose complaints name the attribute."""

_FREE = (
    "source.principal",
    "source.namespace",
    "connection.sni",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
)
"""Attributes that may have any value; all others are maps, of which the key names one entry."""
