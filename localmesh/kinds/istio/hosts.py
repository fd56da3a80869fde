"""Host names in Istio's kinds: what is a name, what a wildcard covers, what a short name means."""

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address

from localmesh.core.objects import Key
from localmesh.kinds.syntax import ANY_CASE_LABEL, LABEL_LENGTH

MESH = "mesh"
"""The reserved gateway name that stands for all sidecars."""

CLUSTER_DOMAIN = "svc.cluster.local"

_LABEL = re.compile(ANY_CASE_LABEL)
_FIRST_LABEL = re.compile(rf"(\*|(\*|\*-)?{ANY_CASE_LABEL})")
_NAME_MAX = 255


def is_label(text: str) -> bool:
    """Tell whether a text is a DNS label (RFC 1123), capitals allowed as istiod allows them."""
    return len(text) <= LABEL_LENGTH and _LABEL.fullmatch(text) is not None


def domain_complaint(domain: str) -> str | None:
    """Say in istiod's words what is wrong with a domain whose first label may be a wildcard; None if nothing is."""
    first, dot, others = domain.partition(".")
    if complaint := _length_complaint(domain):
        return complaint
    if len(first) > LABEL_LENGTH or not _FIRST_LABEL.fullmatch(first):
        return f'domain name "{domain}" invalid (label "{first}" invalid)'
    return _labels_complaint(others) if dot else None


def name_complaint(name: str) -> str | None:
    """Say in istiod's words what is wrong with a domain in which no wildcard is allowed; None if nothing is."""
    return _length_complaint(name) or _labels_complaint(name)


def _length_complaint(domain: str) -> str | None:
    if not domain:
        return "empty domain name not allowed"
    return f'domain name "{domain}" too long (max {_NAME_MAX})' if len(domain) > _NAME_MAX else None


def _labels_complaint(domain: str) -> str | None:
    """Check each label; an empty one at the end is the dot of an absolute name."""
    *labels, last = domain.split(".")
    if last.isascii() and last.isdecimal():
        return f'domain name "{domain}" invalid (top level domain "{last}" cannot be all-numeric)'
    wrong = next((label for label in (*labels, *filter(None, [last])) if not is_label(label)), None)
    return None if wrong is None else f'domain name "{domain}" invalid (label "{wrong}" invalid)'


def is_wildcard(host: str) -> bool:
    """Tell whether a host stands for many."""
    return host.startswith("*")


def is_partial_wildcard(host: str) -> bool:
    """Tell whether the first label is only in part a wildcard: `*-eu.shop.io`."""
    return is_wildcard(host) and host.partition(".")[0] != "*"


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def covers(wide: str, narrow: str) -> bool:
    """Tell whether each name that `narrow` stands for is one of `wide`'s: `*.io` covers `*.shop.io` and `a.io`.

    To istiod the asterisk may stand for nothing, too: `*a.io` covers `a.io`.
    """
    if not is_wildcard(wide):
        return wide == narrow
    return narrow.removeprefix("*").endswith(wide[1:])


def overlap(one: str, other: str) -> bool:
    """Tell whether a name exists that both hosts stand for."""
    return covers(one, other) or covers(other, one)


def intersection(hosts: Iterable[str], others: Collection[str]) -> list[str]:
    """Return the narrower one of each pair that overlaps, each once, in the order in which they are met."""
    common = (host if covers(other, host) else other for host in hosts for other in others if overlap(host, other))
    return list(dict.fromkeys(common))


def service_host(service: Key) -> str:
    """Return the full name of a Service."""
    return f"{service.name}.{service.namespace}.{CLUSTER_DOMAIN}"


def service_names(service: Key, namespace: str) -> tuple[str, ...]:
    """Return the names of a Service that DNS answers pods in a namespace: in full, then the shorter ones."""
    full = service_host(service)
    qualified = f"{service.name}.{service.namespace}"
    if namespace == service.namespace:
        return (full, f"{full}.", service.name, f"{qualified}.svc", qualified)
    return (full, f"{full}.", qualified, f"{qualified}.svc")


def resolve(host: str, namespace: str) -> str:
    """Return what a host in an object of that namespace means: a short name is a Service beside the object.

    Anything with a dot, addresses and `*` stay as they are: `catalog.istioinaction` is *not* the Service of that name.
    """
    is_short = host != "*" and not {".", ":"} & set(host)
    return service_host(Key(namespace, host)) if is_short else host


def names_sidecars(gateways: Collection[str]) -> bool:
    """Tell whether what is bound to these gateways is for sidecars: `mesh` is one of them, or there are none."""
    return not gateways or MESH in gateways


def resolve_gateway(name: str, namespace: str) -> str:
    """Return `namespace/name` for what an entry of `gateways` means, `mesh` for itself.

    `name.namespace` and its longer forms are the way of old to say `namespace/name`.
    """
    if name == MESH or "/" in name:
        return name
    first, *others = name.split(".")
    return f"{others[0]}/{first}" if others else f"{namespace}/{name}"
