"""Warnings of istiod's webhook about rules and matches that never get a request.

Source: analyzeUnreachableHTTPRules in pkg/config/validation/validation.go of Istio 1.31. It compares what is written,
not what it means, so it finds the common mistakes only.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from localmesh.kinds.istio.types.virtual_service import HTTPMatchRequest, HTTPRoute, StringMatch


def unreachable_warnings(rules: Sequence[HTTPRoute]) -> Iterator[str]:
    """Yield istiod's warnings on the rules of one VirtualService, in its words."""
    yield from dict.fromkeys(_shadowed(rules))
    yield from _overlapping(rules)


def _shadowed(rules: Sequence[HTTPRoute]) -> Iterator[str]:
    """Yield what stands after a rule without matches, and what repeats an earlier match."""
    first_use: dict[str, str] = {}
    passed_catch_all = False
    for index, rule in enumerate(rules):
        name = _called(rule.name, index)
        if passed_catch_all:
            reason = "route without matches defined before" if rule.match else "only the last rule can have no matches"
            yield f"virtualService rule {name} not used ({reason})"
        elif rule.match:
            yield from _repeated(rule, name, first_use)
        passed_catch_all = passed_catch_all or not rule.match


def _repeated(rule: HTTPRoute, name: str, first_use: dict[str, str]) -> Iterator[str]:
    """Yield the rule's matches that were met before, and note the others."""
    repeated = 0
    for index, match in enumerate(rule.match):
        written = repr(replace(match, name=""))
        if before := first_use.get(written):
            repeated += 1
            yield _not_used(name, _called(match.name, index), before)
        first_use.setdefault(written, name)
    if repeated == len(rule.match):
        yield f"virtualService rule {name} not used (all matches used by prior rules)"


class _PrefixMatch(Struct, frozen=True):
    """A match on the beginning of the path, as the comparison sees it."""

    rule: str
    match: str
    prefix: str
    port: int
    method: str
    """A match that names none is for GET, istiod says."""

    authority: str
    conditions: tuple[Mapping[str, str], ...]
    """On headers, on query parameters, and on headers that must not be there."""

    def hides(self, later: "_PrefixMatch") -> bool:
        """Tell whether whatever the later one matches has been taken by this one."""
        if self.prefix == later.prefix or not later.prefix.startswith(self.prefix) or self.port != later.port:
            return False
        if not (self.method.startswith(later.method) and self.authority.startswith(later.authority)):
            return False
        return all(_hides(own, other) for own, other in zip(self.conditions, later.conditions, strict=True))


def _hides(earlier: Mapping[str, str], later: Mapping[str, str]) -> bool:
    return earlier.keys() == later.keys() and all(value.startswith(later[name]) for name, value in earlier.items())


def _overlapping(rules: Sequence[HTTPRoute]) -> Iterator[str]:
    for earlier, later in combinations(_prefix_matches(rules), 2):
        if earlier.hides(later):
            hidden = f"{later.match} of prefix {later.prefix}"
            yield _not_used(later.rule, hidden, f"{earlier.match} of prefix {earlier.prefix} on {earlier.rule}")


def _prefix_matches(rules: Sequence[HTTPRoute]) -> Iterator[_PrefixMatch]:
    """Yield the matches that can be compared; what follows a rule without matches is told of elsewhere."""
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if not rule.match:
            return
        for number, match in enumerate(rule.match):
            comparable = _prefix_match(_called(rule.name, index), _called(match.name, number), match)
            written = repr(replace(match, name=""))
            if comparable and written not in seen:
                yield comparable
            seen.add(written)


def _prefix_match(rule: str, name: str, match: HTTPMatchRequest) -> _PrefixMatch | None:
    if match.uri is None or not match.uri.prefix:
        return None
    return _PrefixMatch(
        rule,
        name,
        match.uri.prefix,
        match.port,
        _written(match.method) or "exact:GET",
        _written(match.authority),
        tuple(
            {key: _written(value) for key, value in texts.items()}
            for texts in (match.headers, match.query_params, match.without_headers)
        ),
    )


def _written(value: StringMatch | None) -> str:
    if value is None:
        return ""
    if value.exact:
        return f"exact:{value.exact}"
    return f"prefix:{value.prefix}" if value.prefix else ""


def _called(name: str, index: int) -> str:
    return f'"{name}"' if name else f"#{index}"


def _not_used(rule: str, match: str, by: str) -> str:
    return f"virtualService rule {rule} match {match} is not used (duplicate/overlapping match in rule {by})"
