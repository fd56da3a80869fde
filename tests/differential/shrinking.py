"""The smallest input that is still at fault, by leaving parts out."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

Object = dict[str, Any]
Path = tuple[Any, ...]


def smallest(objects: list[Object], fails: Callable[[list[Object]], bool], budget: int) -> list[Object]:
    """Return what is left of objects when nothing more can be left out, or the budget of trials is spent."""
    shrunk = True
    while shrunk and budget > 0:
        shrunk = False
        for path in _paths(objects):
            if budget <= 0:
                break
            candidate = _without(objects, path)
            if candidate is None:
                continue
            budget -= 1
            if candidate and fails(candidate):
                objects, shrunk = candidate, True
                break
    return objects


def _paths(node: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the place of each part, the largest parts first."""
    level = [(path, node)]
    while level:
        below = []
        for at, each in level:
            keys = list(each) if isinstance(each, dict) else list(range(len(each))) if isinstance(each, list) else []
            for key in reversed(keys):
                yield (*at, key)
                below.append(((*at, key), each[key]))
        level = below


def _without(objects: list[Object], path: Path) -> list[Object] | None:
    """Return a copy without one part; None if it may not go or is not there."""
    if path[1:2] and path[1] in ("apiVersion", "kind", "metadata") and len(path) < 4:
        return None
    copy = deepcopy(objects)
    node: Any = copy
    for step in path[:-1]:
        node = node[step]
    del node[path[-1]]
    return copy
