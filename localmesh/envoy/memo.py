"""Results that are remembered as long as they are used, by the object that they were made from."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

ArgumentT = TypeVar("ArgumentT")
ResultT = TypeVar("ResultT")


class Memo(Generic[ResultT]):
    """Remembers what functions made of objects: of the same object, not of an equal one, so that a look costs nothing.

    An object that is remembered is kept, so that no other one gets its identity.
    """

    def __init__(self) -> None:
        self._used: dict[tuple[Any, int], tuple[Any, ResultT]] = {}
        self._before: dict[tuple[Any, int], tuple[Any, ResultT]] = {}

    def get(self, function: Callable[[ArgumentT], ResultT], argument: ArgumentT) -> ResultT:
        """Return what a function makes of an object."""
        key = (function, id(argument))
        found = self._used.get(key) or self._before.get(key) or (argument, function(argument))
        self._used[key] = found
        return found[1]

    def forget(self) -> None:
        """Forget what was not asked for since this was called last."""
        self._before, self._used = self._used, {}
