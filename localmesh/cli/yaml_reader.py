"""YAML as kubectl reads it: YAML 1.1 in the dialect of Go's yaml.v2, and as JSON, which has text for names."""

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from localmesh.core.numbers import integer

MAX_REPEATED = 100_000
"""Values in one document that aliases stand for, each as often as it is used: a short file can stand for billions."""

MAX_DEPTH = 200
"""Maps and lists in one another; PyYAML's time grows with the square of it."""

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"([-+]?)0(?:x([0-9a-fA-F]+)|b([01]+)|o?([0-7]+))", re.IGNORECASE)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
"""What Go's int64 holds; a number beyond it is one with a fraction."""
_TAG = "tag:yaml.org,2002:"

TEMPLATE = "{{ … }} is a template: let its tool write the manifest first"


class ReadError(Exception):
    """What kubectl could not read either; `line` is counted from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """SafeLoader that leaves it to `_scalar` what a plain word is."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's own way
    _depth = 0

    def process_directives(self) -> tuple[Any, Any]:
        """Refuse directives: kubectl cuts a file at each `---`, and finds one without a document."""
        version, handles = super().process_directives()  # type: ignore[no-untyped-call]  # not in PyYAML's stubs
        if version or handles:
            raise ReadError("kubectl reads no file with a directive such as %YAML: leave the line out", self.line)
        return version, handles

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose what comes next, unless it lies too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RecursionError
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def nodes(content: bytes) -> Iterator[yaml.Node]:
    """Yield the documents of a file, UTF-8 or, with a byte order mark, UTF-16. Raises ReadError."""
    try:
        yield from yaml.compose_all(content, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ReadError(error.problem or error.context or "not YAML", line) from error
    except RecursionError as error:
        raise ReadError("nested too deep", 1) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two: bytes and \U escapes that are no text
        raise ReadError(" ".join(str(error).split()), 1) from error


def value(node: yaml.Node) -> Any:
    """Return a document as JSON would have it. Raises ReadError."""
    try:
        return _Construction().value(node)
    except RecursionError as error:
        raise ReadError("nested too deep", node.start_mark.line + 1) from error


class _Construction:
    """One walk from nodes to values."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._repeated = 0

    def value(self, node: yaml.Node) -> Any:
        self._repeated += id(node) in self._seen
        self._seen.add(id(node))
        if self._repeated > MAX_REPEATED:
            raise _error(node, "document contains excessive aliasing")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            raise _error(node, "an anchor's value contains itself")
        self._open.add(id(node))
        try:
            return self._mapping(node) if isinstance(node, yaml.MappingNode) else [self.value(it) for it in node.value]
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, content in node.value:
            if isinstance(key, yaml.ScalarNode) and key.style is None and key.value == "<<":
                merged = self._merged(content) | merged
            else:
                own[self._name(key)] = self.value(content)
        return merged | own

    def _merged(self, node: yaml.Node) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, yaml.MappingNode):
                raise _error(part, "map merge requires map or sequence of maps as the value")
            merged = self.value(part) | merged
        return merged

    def _name(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _error(node, f"a name in a map cannot be a map or a list itself ({TEMPLATE})")
        name = _scalar(node)
        if name is None:
            raise _error(node, "null is no name in a map")
        return str(name).lower() if isinstance(name, bool) else str(name)


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    tag = str(node.tag).removeprefix(_TAG)
    if tag == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise _error(node, "!!binary value contains invalid base64 data") from error
    if tag in ("int", "float", "bool", "null"):
        return _plain(node, text)
    is_plain = node.style is None and tag == "str"
    return _plain(node, text) if is_plain and not _is_tagged(node) else text


def _is_tagged(node: yaml.ScalarNode) -> bool:
    """Tell whether somebody wrote `!!str` before a plain word; PyYAML's node does not say, its text does."""
    mark = node.start_mark
    return bool(mark.buffer is not None and mark.buffer[mark.pointer : mark.pointer + 1] == "!")


def _plain(node: yaml.ScalarNode, text: str) -> Any:
    """Return what a word without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    bare = text.replace("_", "") if text[:1] in "+-.0123456789" else text
    number = _integer(bare)
    if number is not None and _LOWEST <= number <= _HIGHEST:
        return number
    if _FLOAT.fullmatch(bare) and math.isfinite(float(bare)):
        return _shortened(float(bare))
    if _INFINITE.fullmatch(text):
        raise _error(node, f"{text} is no number in JSON")
    return text


def _integer(text: str) -> int | None:
    if _DECIMAL.fullmatch(text):
        return integer(text)
    if match := _BASED.fullmatch(text):
        sign, *digits = match.groups()
        base, digit_text = next((base, part) for base, part in zip((16, 2, 8), digits, strict=True) if part)
        return int(f"{sign}{digit_text}", base)
    return None


def _shortened(number: float) -> float | int:
    """Return a number as Go writes it: 1e3 is 1000."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _error(node: yaml.Node, message: str) -> ReadError:
    return ReadError(message, node.start_mark.line + 1)
