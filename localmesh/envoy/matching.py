"""Which route of a configuration a request takes, and why not an earlier one: Envoy's own rules, read back.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto; held against a real Envoy by
tests/localmesh/envoy/test_matching.py.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import re2
from msgspec import Struct, field

Message = Mapping[str, Any]

_WAYS: Mapping[str, Callable[[str, str], bool]] = {
    "exact": operator.eq,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": operator.contains,
}
"""How a StringMatcher's fields compare a text with theirs."""


class Request(Struct, frozen=True):
    """What routes look at."""

    authority: str
    """The host, with the port if the URL has one."""

    target: str
    """Path and query."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; several values of one name with commas between them."""

    @property
    def path(self) -> str:
        """The path alone: what paths are compared with."""
        return urlsplit(f"//x{self.target}").path

    @property
    def query(self) -> Mapping[str, str]:
        """The first value of each query parameter."""
        pairs = parse_qsl(urlsplit(f"//x{self.target}").query, keep_blank_values=True)
        return dict(reversed(pairs))

    def header(self, name: str) -> str | None:
        """Return a header or one of HTTP/2's pseudo-headers, None if it is not there."""
        own = {":method": self.method, ":authority": self.authority, ":path": self.target, ":scheme": "http"}
        return own.get(name, self.headers.get(name.lower()))


class ConsideredRoute(Struct, frozen=True):
    """One route that was looked at."""

    route: Message
    why_not: str
    """Why it was passed over; "" for the one that is taken."""


def virtual_host(configuration: Message, authority: str) -> Message | None:
    """Return the virtual host of a request's host, None if there is none.

    An exact domain comes first, then the longest suffix (`*.shop`), then the longest prefix (`shop.*`), then `*`.
    """
    host = authority.lower()
    if configuration.get("ignore_port_in_host_matching"):
        host = re.sub(r":\d+$", "", host)
    candidates = [
        (_precision(domain), owner)
        for owner in configuration.get("virtual_hosts", ())
        for domain in owner.get("domains", ())
        if _is_of(host, domain.lower())
    ]
    return max(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _is_of(host: str, domain: str) -> bool:
    if domain == "*":
        return True
    if domain.startswith("*"):
        return len(host) > len(domain) - 1 and host.endswith(domain[1:])
    if domain.endswith("*"):
        return len(host) > len(domain) - 1 and host.startswith(domain[:-1])
    return host == domain


def _precision(domain: str) -> tuple[int, int]:
    kind = 0 if domain == "*" else 2 if domain.startswith("*") else 1 if domain.endswith("*") else 3
    return kind, len(domain)


def steps(host: Message, request: Request) -> list[ConsideredRoute]:
    """Return the routes of a virtual host that a request meets, in order; the last one is taken if any is."""
    met = []
    for route in host.get("routes", ()):
        why_not = next(_differences(route.get("match", {}), request), "")
        met.append(ConsideredRoute(route, why_not))
        if not why_not:
            break
    return met


def taken(met: Sequence[ConsideredRoute]) -> Message | None:
    """Return the route that is taken, None if there is none: such a request is answered 404 (NR)."""
    return met[-1].route if met and not met[-1].why_not else None


def _differences(match: Message, request: Request) -> Iterator[str]:
    """Yield in which ways a request is not as a route wants it."""
    yield from _path_differs(match, request.path)
    for header in match.get("headers", ()):
        value = request.header(header["name"])
        if not header_fits(header, value):
            name = {":method": "the method", ":authority": "the host"}.get(header["name"], f"header {header['name']}")
            yield f"{name} {_is(value)}, not {_expectation(header)}"
    for parameter in match.get("query_parameters", ()):
        value = request.query.get(parameter["name"])
        if not (value is not None and ("string_match" not in parameter or fits(parameter["string_match"], value))):
            yield f"query parameter {parameter['name']} {_is(value)}, not {_expectation(parameter)}"


def _path_differs(match: Message, path: str) -> Iterator[str]:
    ignores = match.get("case_sensitive") is False
    given = path.lower() if ignores else path

    def folded(text: str) -> str:
        return text.lower() if ignores else text

    if "prefix" in match and not given.startswith(folded(match["prefix"])):
        yield f"the path {path} does not begin with {match['prefix']}"
    if "path" in match and given != folded(match["path"]):
        yield f"the path {path} is not {match['path']}"
    if "path_separated_prefix" in match:
        prefix = folded(match["path_separated_prefix"])
        if given != prefix and not given.startswith(f"{prefix}/"):
            yield f"the path {path} is neither {prefix} nor below it"
    if "safe_regex" in match and not re2.fullmatch(match["safe_regex"]["regex"], path):
        yield f"the path {path} is not like {match['safe_regex']['regex']}"


def header_fits(header: Message, value: str | None) -> bool:
    """Tell whether a header's value, None for no such header, is as a HeaderMatcher wants it."""
    inverted = bool(header.get("invert_match"))
    if "string_match" not in header:
        return ((value is not None) == bool(header.get("present_match", True))) != inverted
    if value is None:
        if not header.get("treat_missing_header_as_empty"):
            return False
        value = ""
    return fits(header["string_match"], value) != inverted


def fits(matcher: Message, value: str) -> bool:
    """Tell whether a text is as a StringMatcher (envoy.type.matcher.v3) wants it."""
    if "safe_regex" in matcher:
        return re2.fullmatch(matcher["safe_regex"]["regex"], value) is not None
    ignores = matcher.get("ignore_case", False)
    given = value.lower() if ignores else value
    comparisons = ((kind, text.lower() if ignores else text) for kind, text in matcher.items() if kind in _WAYS)
    return all(_WAYS[kind](given, text) for kind, text in comparisons)


def _is(value: str | None) -> str:
    return "is missing" if value is None else f"is {value!r}"


def _expectation(condition: Message) -> str:
    """Return what a header or parameter had to be like, in words."""
    no = "anything but " if condition.get("invert_match") else ""
    matcher = condition.get("string_match")
    if matcher is None:
        present = condition.get("present_match", True) != bool(condition.get("invert_match"))
        return "there" if present else "absent"
    for kind, text in matcher.items():
        if kind != "ignore_case":
            value = text["regex"] if isinstance(text, Mapping) else text
            return f"{no}{'' if kind == 'exact' else 'like ' if kind == 'safe_regex' else f'with {kind} '}{value!r}"
    return "there"
