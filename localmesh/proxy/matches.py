"""Which requests are meant: conditions on a request."""

from enum import StrEnum

from msgspec import Struct


class TextKind(StrEnum):
    """Ways to compare a text."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    REGEX = "regex"
    """The whole text is compared, in RE2's syntax."""

    PRESENT = "present"


class TextMatch(Struct, frozen=True):
    """How a path, a header or a query parameter has to be."""

    kind: TextKind
    value: str = ""
    """Compared with the text; nothing for PRESENT."""

    ignore_case: bool = False


class HeaderMatch(Struct, frozen=True):
    """How a header has to be; `:method` and its kind are headers too."""

    name: str
    text: TextMatch
    inverted: bool = False
    """Whether the header must not be like that; one that is missing is then compared as an empty one."""


class QueryMatch(Struct, frozen=True):
    """How a query parameter has to be."""

    name: str
    text: TextMatch


ANY_PATH = TextMatch(TextKind.PREFIX, "/")


class RouteMatch(Struct, frozen=True):
    """Which requests a route takes; all conditions have to hold."""

    path: TextMatch = ANY_PATH
    headers: tuple[HeaderMatch, ...] = ()
    query: tuple[QueryMatch, ...] = ()

    conditional: bool = False
    """Whether it comes from a condition that someone wrote, even one that always holds."""

    @property
    def catches_all(self) -> bool:
        """Whether no request that comes by goes on to the next route."""
        return (self.path.kind, self.path.value) in _ANY_PATHS and not self.headers and not self.query


_ANY_PATHS = ((TextKind.PREFIX, "/"), (TextKind.REGEX, ".*"))
EVERYTHING = RouteMatch()
