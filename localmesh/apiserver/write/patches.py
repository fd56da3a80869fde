"""JSON merge patch (RFC 7396) and JSON patch (RFC 6902)."""

import copy
from collections.abc import Callable, Mapping
from typing import Any


class PatchError(ValueError):
    """A patch that cannot be applied to this object, in words for its author."""


def merge(original: Any, patch: Any) -> Any:
    """Return the original with a JSON merge patch applied; neither argument is changed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(original) if isinstance(original, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def apply_operations(original: Any, operations: Any) -> Any:
    """Return the original with a JSON patch applied; neither argument is changed. Raises PatchError."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    document = {"": copy.deepcopy(original)}
    for index, operation in enumerate(operations):
        try:
            _OPERATIONS[operation["op"]](document, operation)
        except (LookupError, TypeError, AttributeError, PatchError) as error:
            raise PatchError(f"operation {index} of the JSON patch, {operation}, cannot be applied: {error}") from error
    return document[""]


def _steps(pointer: str) -> list[str]:
    # The document is the member "" of a wrapper, so that it can itself be replaced; "/a" is then "" and "a".
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]


def _parent(document: Any, pointer: str) -> tuple[Any, str]:
    *path, last = _steps(pointer)
    for step in path:
        document = document[_place(document, step)]
    return document, last


def _place(parent: Any, step: str) -> int | str:
    """Return what a pointer's step is in a container: an index or a name."""
    if not isinstance(parent, list):
        return step
    if not step.isdecimal():
        raise PatchError(f"{step} is no place in a list")
    return int(step)


def _get(document: Any, pointer: str) -> Any:
    parent, last = _parent(document, pointer)
    return parent[_place(parent, last)]


def _add(document: Any, pointer: str, value: Any) -> None:
    parent, last = _parent(document, pointer)
    if not isinstance(parent, list):
        parent[last] = value
        return
    index = len(parent) if last == "-" else int(_place(parent, last))
    if index > len(parent):
        raise PatchError(f"the list has no place {last}")
    parent.insert(index, value)


def _remove(document: Any, pointer: str) -> Any:
    value = _get(document, pointer)
    parent, last = _parent(document, pointer)
    del parent[_place(parent, last)]
    return value


def _replace(document: Any, pointer: str, value: Any) -> None:
    _get(document, pointer)
    parent, last = _parent(document, pointer)
    parent[_place(parent, last)] = value


def _test(document: Any, pointer: str, value: Any) -> None:
    found = _get(document, pointer)
    if found != value:
        raise PatchError(f"the value is {found!r}")


_OPERATIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], object]] = {
    "add": lambda document, said: _add(document, said["path"], said["value"]),
    "remove": lambda document, said: _remove(document, said["path"]),
    "replace": lambda document, said: _replace(document, said["path"], said["value"]),
    "move": lambda document, said: _add(document, said["path"], _remove(document, said["from"])),
    "copy": lambda document, said: _add(document, said["path"], copy.deepcopy(_get(document, said["from"]))),
    "test": lambda document, said: _test(document, said["path"], said["value"]),
}
