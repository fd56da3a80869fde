"""Results that are remembered as long as they are used, by the object that they were made from."""

from collections.abc import Callable
from typing import Generic, TypeVar

ArgumentT = TypeVar("ArgumentT")
ResultT = TypeVar("ResultT")


class Memo(Generic[ArgumentT, ResultT]):
    """Remembers what a function made of objects: of the same object, not of an equal one, so that a look costs nothing.

    An object that is remembered is kept, so that no other one gets its identity.
    """

    def __init__(self, function: Callable[[ArgumentT], ResultT]) -> None:
        self._function = function
        self._used: dict[int, tuple[ArgumentT, ResultT]] = {}
        self._before: dict[int, tuple[ArgumentT, ResultT]] = {}

    def get(self, argument: ArgumentT) -> ResultT:
        """Return what the function makes of an object."""
        key = id(argument)
        entry = self._used.get(key)
        if entry is None:
            entry = self._before.get(key) or (argument, self._function(argument))
            self._used[key] = entry
        return entry[1]

    def forget(self) -> None:
        """Forget what was not asked for since this was called last."""
        self._before, self._used = self._used, {}
