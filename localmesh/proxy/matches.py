"""Which requests are meant: conditions on a request."""

from dataclasses import dataclass
from enum import StrEnum


class Text(StrEnum):
    """Ways to compare a text."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class TextMatch:
    """How a path or a header has to be."""

    kind: Text
    value: str = ""
    """Compared with the text; nothing for PRESENT."""


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """How a header has to be; `:method` and its kind are headers too."""

    name: str
    text: TextMatch


ANY_PATH = TextMatch(Text.PREFIX, "/")


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """Which requests a route takes; all conditions have to hold."""

    path: TextMatch = ANY_PATH
    headers: tuple[HeaderMatch, ...] = ()

    conditional: bool = False
    """Whether it comes from a condition that someone wrote, even one that always holds."""

    @property
    def catches_all(self) -> bool:
        """Whether no request that comes by goes on to the next route."""
        return self.path == ANY_PATH and not self.headers


EVERYTHING = RouteMatch()
