"""Label selectors and field selectors, as they stand in queries."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from localmesh.core.objects import Object, labels_of
from localmesh.kinds.schema.definitions import Schema


class SelectorError(ValueError):
    """The text of a selector cannot be read."""


Requirement = Callable[[Mapping[str, str]], bool]

_KEY = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_SET = re.compile(rf"{_KEY}\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(rf"{_KEY}\s*(?P<operator>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)")
_EXISTENCE = re.compile(rf"(?P<no>!?)\s*{_KEY}")
_COMMA = re.compile(r",(?![^(]*\))")
_FIELD = re.compile(r"(?P<path>[A-Za-z.]+)(?P<operator>==|=|!=)(?P<value>[^,]*)")


class Selector(Struct, frozen=True):
    """Which objects of a resource a request is about."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[tuple[str, str, bool], ...] = ()
    """Path, text, and whether the field is to be that text or is not to be."""

    @classmethod
    def parse(cls, labels: str, fields: str, schema: Schema) -> "Selector":
        """Read both texts for objects of a schema; "" selects everything. Raises SelectorError."""
        requirements = tuple(_requirement(part.strip()) for part in _COMMA.split(labels) if part.strip())
        return cls(requirements, tuple(_field(part, schema) for part in fields.split(",") if part))

    def matches(self, obj: Object) -> bool:
        """Tell whether an object is one of them."""
        labels = labels_of(obj)
        return all(requirement(labels) for requirement in self.labels) and all(
            (_text(obj, path) == value) is equal for path, value, equal in self.fields
        )


def _requirement(text: str) -> Requirement:
    if parsed := _SET.fullmatch(text):
        return _member(parsed["key"], parsed["values"], inside=parsed["operator"] == "in")
    if parsed := _EQUALITY.fullmatch(text):
        return _member(parsed["key"], parsed["value"], inside=parsed["operator"] != "!=")
    if parsed := _EXISTENCE.fullmatch(text):
        return _existence(parsed["key"], exists=not parsed["no"])
    raise SelectorError(f'unable to parse requirement: "{text}": write a=b, a!=b, a in (b,c), a notin (b,c), a or !a')


def _member(key: str, values: str, *, inside: bool) -> Requirement:
    choices = {value.strip() for value in values.split(",")}
    # An object without the label fulfils `!=` and `notin`.
    return lambda labels: (key in labels and labels[key] in choices) is inside


def _existence(key: str, *, exists: bool) -> Requirement:
    return lambda labels: (key in labels) is exists


def _field(text: str, schema: Schema) -> tuple[str, str, bool]:
    parsed = _FIELD.fullmatch(text)
    if parsed is None:
        raise SelectorError(f'invalid field selector: "{text}": write path=value or path!=value')
    if not _has(schema, parsed["path"].split(".")):
        raise SelectorError(f'field label not supported: "{parsed["path"]}": there is no such field')
    return parsed["path"], parsed["value"], parsed["operator"] != "!="


def _has(schema: Schema, path: list[str]) -> bool:
    child = schema.child(path[0])
    return child is not None and (len(path) == 1 or _has(child, path[1:]))


def _text(obj: Object, path: str) -> str:
    """Return a field's value as text, "" for one that is absent."""
    value: Any = obj
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return "" if value is None else str(value)
