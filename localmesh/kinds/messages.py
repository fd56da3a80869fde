"""From what a document says to typed messages: frozen structs, one of Istio's or Kubernetes' messages each."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from msgspec import Struct

from localmesh.core.objects import Object
from localmesh.kinds.durations import parse_duration
from localmesh.kinds.review import Problem

SpecT = TypeVar("SpecT")


class InvalidSpecError(ValueError):
    """A spec that is not of its kind."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def read(type_: type[SpecT], obj: Object) -> SpecT:
    """Return the typed spec of an object that its schema has let pass. Raises InvalidSpecError."""
    return message(type_, obj.get("spec") or {}, "spec")


def message(type_: type[SpecT], value: Any, path: str = "") -> SpecT:
    """Return a typed message of what stands at a path of a document. Raises InvalidSpecError."""
    problems: list[Problem] = []
    hashable: Any = type_
    read_: SpecT | None = _message(hashable)(value, path, problems)
    if problems or read_ is None:
        raise InvalidSpecError(tuple(problems))
    return read_


_Reader = Callable[[Any, str, list[Problem]], Any]
"""Makes a typed value of one from a document; takes its path, and a list to which it adds what is wrong with it."""


@cache
def _message(type_: Any) -> _Reader:
    """Return the reader of a message; fields that it does not have are left out."""
    hints = get_type_hints(type_)
    readers = {json_name(name): (name, _reader(hints[name])) for name in type_.__struct_fields__}

    def read_message(value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            problems.append(Problem(path, "must be an object"))
            return None
        given = {name: readers[name] for name in value if name in readers and value[name] is not None}
        values = {
            attribute: reader(value[name], f"{path}.{name}", problems) for name, (attribute, reader) in given.items()
        }
        try:
            return type_(**values)
        except TypeError:
            problems.append(Problem(path, "a required field is not there"))
            return None

    return read_message


def json_name(attribute: str) -> str:
    """Return the name in documents of a message's attribute."""
    first, *others = attribute.rstrip("_").split("_")
    return first + "".join(other[0].upper() + other[1:] for other in others)


def _reader(annotation: Any) -> _Reader:
    """Return the reader of a field's values."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is UnionType:
        return _reader(arguments[0])
    if origin is tuple:
        return _list(_reader(arguments[0]))
    if origin is Mapping:
        return _map(_reader(arguments[1]))
    if annotation is timedelta:
        return _duration
    return _message(annotation) if _is_message(annotation) else _scalar


def _is_message(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Struct)


def _list(item: _Reader) -> _Reader:
    return lambda values, path, problems: tuple(
        item(value, f"{path}[{index}]", problems) for index, value in enumerate(values)
    )


def _map(item: _Reader) -> _Reader:
    return lambda values, path, problems: {
        name: item(value, f"{path}[{name}]", problems) for name, value in values.items()
    }


def _duration(value: Any, path: str, problems: list[Problem]) -> timedelta | None:
    try:
        return parse_duration(value)
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return None


def _scalar(value: Any, _path: str, _problems: list[Problem]) -> Any:
    return value
