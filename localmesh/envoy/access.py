"""Whether an Envoy lets a request in: its RBAC filters, read back.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto. What only a token tells is not known here:
answers are True, False, or None for that.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import Struct

from localmesh.core.loopback import LOOPBACK
from localmesh.envoy.matching import Request, fits, header_fits

Message = Mapping[str, Any]
RBAC = "envoy.filters.http.rbac"

_TEMPLATE = {"{**}": ".*", "{*}": "[^/]+"}


class Downstream(Struct, frozen=True):
    """Who asks, and how."""

    request: Request
    principal: str | None
    """Whose certificate is shown (`spiffe://…`), None for none."""

    server_name: str
    """The name that the client asks for over TLS."""

    port: int
    """Where the request comes in."""


class AccessVerdict(Struct, frozen=True):
    """What the filters make of a request."""

    lets_in: bool | None
    policy: str
    """The policy that decides, or may do so; "" if it is that none does."""

    asked: int = 0
    """How many rules were asked before."""


def verdict(filters: Iterable[Message], caller: Downstream) -> AccessVerdict | None:
    """Return what the HTTP filters of a listener make of a request, None if there is no policy."""
    asked = [http_filter["typed_config"]["rules"] for http_filter in filters if "rules" in _config(http_filter)]
    deciding = [rules for rules in asked if rules.get("action", "ALLOW") != "LOG"]
    for rules in deciding:
        decided = _decide(rules, caller)
        if decided.lets_in is not True:
            return decided
    return decided if deciding else None


def _config(http_filter: Message) -> Message:
    return http_filter.get("typed_config", {}) if http_filter.get("name") == RBAC else {}


def _decide(rules: Message, caller: Downstream) -> AccessVerdict:
    """Return what the policies of one action say: who is denied by one is out, who is allowed by none, too."""
    policies: Mapping[str, Message] = rules.get("policies", {})
    matches = {name: _policy(policy, caller) for name, policy in policies.items()}
    denies = rules.get("action") == "DENY"
    for answer in (True, None):
        if policy := next((name for name, fit in matches.items() if fit is answer), ""):
            return AccessVerdict(None if answer is None else not denies, policy, len(policies))
    return AccessVerdict(denies, "", len(policies))


def _policy(policy: Message, caller: Downstream) -> bool | None:
    parts = (policy.get("permissions", ()), policy.get("principals", ()))
    return _all(_any(_condition(condition, caller) for condition in part) for part in parts)


def _all(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    return False if False in known else None if None in known else True


def _any(answers: Iterable[bool | None]) -> bool | None:
    return _not(_all(_not(answer) for answer in answers))


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _condition(condition: Message, caller: Downstream) -> bool | None:
    """Return whether a Permission or a Principal is as the request is."""
    for name, inner in condition.items():
        match name:
            case "and_rules" | "and_ids":
                return _all(_condition(part, caller) for part in _parts(inner))
            case "or_rules" | "or_ids":
                return _any(_condition(part, caller) for part in _parts(inner))
            case "not_rule" | "not_id":
                return _not(_condition(inner, caller))
            case _:
                return _leaf(name, inner, caller)
    return None


def _parts(group: Message) -> Sequence[Message]:
    return [*group.get("rules", ()), *group.get("ids", ())]


def _leaf(name: str, rule: Any, caller: Downstream) -> bool | None:
    match name:
        case "any":
            return True
        case "header":
            return header_fits(rule, caller.request.header(rule["name"]))
        case "url_path":
            return fits(rule["path"], caller.request.path)
        case "uri_template":
            return _fits_template(rule["typed_config"]["path_template"], caller.request.path)
        case _:
            return _of_connection(name, rule, caller)


def _of_connection(name: str, rule: Any, caller: Downstream) -> bool | None:
    match name:
        case "destination_port":
            return bool(rule == caller.port)
        case "requested_server_name":
            return fits(rule, caller.server_name)
        case "direct_remote_ip" | "remote_ip":
            network = ip_network(f"{rule['address_prefix']}/{rule.get('prefix_len', 0)}", strict=False)
            return ip_address(LOOPBACK) in network
        case "authenticated":
            matcher = rule.get("principal_name")
            return caller.principal is not None and (matcher is None or fits(matcher, caller.principal))
        case _:
            return None


def _fits_template(template: str, path: str) -> bool:
    parts: Iterator[str] = (_TEMPLATE.get(part, re.escape(part)) for part in re.split(r"(\{\*\*?\})", template))
    return re.fullmatch("".join(parts), path) is not None
