"""Signals stay within a pod: `kill -9 -1` or `pkill python` in one reaches no other, and not the mesh."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from localmesh.core.landlock import confine_signals

ResultT = TypeVar("ResultT")


class SignalScope:
    """A pod's own thread, from which its processes are started.

    Linux confines the signals of a thread and of what it starts, see `core/landlock.py`; so whatever a pod's thread
    starts may signal one another and nobody else, and may be signalled from the mesh. Elsewhere it changes nothing.
    """

    def __init__(self) -> None:
        """Start the thread. Raises OSError when the machine grants no further one."""
        self._thread = ThreadPoolExecutor(1, "pod", initializer=confine_signals)
        self.call(lambda: None)

    def call(self, start: Callable[[], ResultT]) -> ResultT:
        """Call something that starts a process, and return what it returns.

        Raises what it raises, and OSError when the pod is over and its thread gone.
        """
        try:
            called = self._thread.submit(start)
        except RuntimeError as error:
            raise OSError(str(error)) from error
        return called.result()

    def close(self) -> None:
        """Let go of the thread; what it started runs on."""
        self._thread.shutdown(wait=False)
