"""The rules that Istio's CRDs state in CEL, each by its text; `tools/make_schemas.py` stops at a text that is not here.

A rule looks at one value of the type that the schema says, and tells whether it may stay.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from localmesh.core.numbers import integer
from localmesh.kinds.durations import seconds_of

_HIGHEST_PORT = 65535
_PORT_NAME = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_PORT_NAME_LENGTH = 63
_UNIX = "unix://"


def holds(rule: str, value: Any) -> bool:
    """Tell whether a value keeps a rule."""
    return RULES[rule](value)


def _at_most_one(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda fields: sum(name in fields for name in names) <= 1


def _is_port(number: int) -> bool:
    return 0 < number <= _HIGHEST_PORT


def _has_scheme(*schemes: str) -> Callable[[str], bool]:
    return lambda url: _scheme(url) in schemes


def _image_has_scheme(url: str) -> bool:
    """Look at the scheme of a URL; a text without one is an image's name."""
    return _scheme(url) in ("", "http", "https", "file", "oci") or "://" not in url


def _scheme(url: str) -> str | None:
    """Return a URL's scheme, None for a text that is no URL."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return None


def _waypoint_in_its_context(match: Mapping[str, Any]) -> bool:
    return (match.get("context") == "WAYPOINT") == ("waypoint" in match)


def _cidrs_are_resolvable(entry: Mapping[str, Any]) -> bool:
    in_blocks = any("/" in address for address in entry.get("addresses", []))
    return not in_blocks or entry.get("resolution", "NONE") in ("STATIC", "NONE")


def _has_no_idle_endpoints(entry: Mapping[str, Any]) -> bool:
    return entry.get("resolution", "NONE") != "NONE" or "endpoints" not in entry


def _has_one_endpoint_in_turn(entry: Mapping[str, Any]) -> bool:
    return entry.get("resolution") != "DNS_ROUND_ROBIN" or len(entry.get("endpoints", [])) <= 1


def _has_no_ports_of_a_socket(endpoint: Mapping[str, Any]) -> bool:
    return not endpoint.get("address", "").startswith(_UNIX) or "ports" not in endpoint


def _is_absolute_socket(address: str) -> bool:
    return not address.startswith(_UNIX) or address[len(_UNIX) :][:1] in ("/", "@")


def _is_no_folder(address: str) -> bool:
    return not address.startswith(_UNIX) or not address.endswith("/")


def _are_port_names(ports: Mapping[str, Any]) -> bool:
    return all(len(name) < _PORT_NAME_LENGTH and _PORT_NAME.fullmatch(name) for name in ports)


def _have_own_numbers(ports: list[Mapping[str, Any]]) -> bool:
    numbers = [port.get("number") for port in ports]
    return len(numbers) == len(set(numbers))


def _names_accounts_alone(source: Mapping[str, Any]) -> bool:
    accounts = {"serviceAccounts", "notServiceAccounts"} & source.keys()
    return not accounts or not {"principals", "notPrincipals", "namespaces", "notNamespaces"} & source.keys()


def _selects_for_ports(policy: Mapping[str, Any]) -> bool:
    return "portLevelMtls" not in policy or bool(policy.get("selector", {}).get("matchLabels"))


def _are_port_numbers(ports: Mapping[str, Any]) -> bool:
    return all(re.fullmatch(r"[+-]?[0-9]+", number) and _is_port(integer(number)) for number in ports)


def _upserts_something(override: Mapping[str, Any]) -> bool:
    return override.get("operation") != "UPSERT" or bool(override.get("value"))


def _removes_without_value(override: Mapping[str, Any]) -> bool:
    return override.get("operation") != "REMOVE" or "value" not in override


def _values_are_inline(variable: Mapping[str, Any]) -> bool:
    return variable.get("valueFrom") != "HOST" or "value" not in variable


RULES: Mapping[str, Callable[[Any], bool]] = {
    "duration(self) >= duration('1ms')": lambda text: seconds_of(text) is not None,
    "0 < self && self <= 65535": _is_port,
    "self.all(key, 0 < int(key) && int(key) <= 65535)": _are_port_numbers,
    "self.all(l1, self.exists_one(l2, l1.number == l2.number))": _have_own_numbers,
    'self.all(key, size(key) < 63 && key.matches("^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$"))': _are_port_names,
    'self.all(key, !key.contains("*"))': lambda labels: not any("*" in key for key in labels),
    "self.all(key, key.size() != 0)": all,
    '!self.contains("*")': lambda text: "*" not in text,
    'self != "*"': lambda text: text != "*",
    "self.size() == 0": lambda text: not text,
    'self in ["", "HTTP", "HTTPS"]': lambda text: text in ("", "HTTP", "HTTPS"),
    'url(self).getScheme() in ["http", "https"]': _has_scheme("http", "https"),
    'isURL(self) ? (url(self).getScheme() in ["", "http", "https", "file", "oci"]) : (isURL("http://" + self) &&\n'
    'url("http://" + self).getScheme() in ["", "http", "https", "file", "oci"])': _image_has_scheme,
    'isURL(self) ? (url(self).getScheme() in ["", "http", "https", "oci", "file"]) : (isURL("http://" + self) &&\n'
    'url("http://" + self).getScheme() in ["", "http", "https", "oci", "file"])': _image_has_scheme,
    "has(self.wasm) != has(self.lua)": lambda fields: ("wasm" in fields) != ("lua" in fields),
    "has(self.address) || has(self.network)": lambda fields: "address" in fields or "network" in fields,
    "(has(self.selector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1": _at_most_one("selector", "targetRefs"),
    "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1": _at_most_one(
        "selector", "targetRef", "targetRefs"
    ),
    "(has(self.workloadSelector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1": _at_most_one(
        "workloadSelector", "targetRefs"
    ),
    "(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1": _at_most_one(
        "workloadSelector", "endpoints"
    ),
    "(has(self.tlsCertificates) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1": _at_most_one(
        "tlsCertificates", "credentialNames"
    ),
    "(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1": _at_most_one(
        "credentialName", "credentialNames"
    ),
    "(has(self.credentialNames) ? 1 : 0) + (has(self.tlsCertificates) ? 1 : 0) <= 1": _at_most_one(
        "credentialNames", "tlsCertificates"
    ),
    "(has(self.jwksUri) ? 1 : 0) + (has(self.jwks_uri) ? 1 : 0) + (has(self.jwks) ? 1 : 0) <= 1": _at_most_one(
        "jwksUri", "jwks_uri", "jwks"
    ),
    'has(self.context) ? ((self.context == "WAYPOINT") ? has(self.waypoint) : !has(self.waypoint)) :'
    " !has(self.waypoint)": _waypoint_in_its_context,
    '(has(self.valueFrom) ? self.valueFrom : "") != "HOST" || !has(self.value)': _values_are_inline,
    '!((has(self.addresses) ? self.addresses : []).exists(k, k.contains("/")) && !((has(self.resolution) ?'
    ' self.resolution : "NONE") in ["STATIC", "NONE"]))': _cidrs_are_resolvable,
    '((has(self.resolution) ? self.resolution : "NONE") == "NONE") ? !has(self.endpoints) : true': (
        _has_no_idle_endpoints
    ),
    '((has(self.resolution) ? self.resolution : "") == "DNS_ROUND_ROBIN") ? ((has(self.endpoints) ?'
    " self.endpoints : []).size() <= 1) : true": _has_one_endpoint_in_turn,
    '(has(self.address) ? self.address : "").startsWith("unix://") ? !has(self.ports) : true': (
        _has_no_ports_of_a_socket
    ),
    'self.startsWith("unix://") ? (self.substring(7, 8) == "/" || self.substring(7, 8) == "@") : true': (
        _is_absolute_socket
    ),
    'self.startsWith("unix://") ? !self.endsWith("/") : true': _is_no_folder,
    "(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? (!has(self.principals) &&\n"
    "!has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces)) : true": _names_accounts_alone,
    "has(self.portLevelMtls) ? (((has(self.selector) && has(self.selector.matchLabels)) ?"
    " self.selector.matchLabels : {}).size() > 0) : true": _selects_for_ports,
    '((has(self.operation) ? self.operation : "") == "UPSERT") ? (self.value != "") : true': _upserts_something,
    '((has(self.operation) ? self.operation : "") == "REMOVE") ? !has(self.value) : true': _removes_without_value,
}
