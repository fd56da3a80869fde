"""Loops that nothing stops: one that dies is logged with its cause, counted, and started anew."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from localmesh.core.errors import LoopTrouble, MeshError

logger = logging.getLogger(__name__)

FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0
"""Seconds before a loop is started anew: each time twice as long."""

LONG_ENOUGH = 60.0
"""Seconds after which a loop that dies is one that ran well: its delay is the first one again."""


_OBSERVED: set["asyncio.Task[None]"] = set()
"""The event loop itself keeps no task alive."""


_sleep = asyncio.sleep


class Loops:
    """All loops of a mesh, each under its own name.

    A loop is a function that returns a coroutine without an end. Who needs it keeps it as long as a context is open.
    """

    def __init__(self) -> None:
        self.troubles: dict[str, LoopTrouble] = {}
        """By the loop's name; a loop that never died is not in here."""

        self.changed: Callable[[], object] = lambda: None
        """Called after a loop has died."""

        self._failure: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def kept(self, name: str, run: Callable[[], Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
        """Run a loop as long as the context is open, again after each death."""
        task = asyncio.create_task(self._keep(name, run), name=name)
        try:
            yield
        finally:
            await ended(task)

    def vital(self, name: str, coroutine: Coroutine[Any, Any, object]) -> "asyncio.Task[object]":
        """Start what the mesh cannot do without: if it ends before it is cancelled or asked to, the mesh ends.

        Whoever started it calls `relieve` before asking it to end.
        """
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(self._vital_ended)
        return task

    def relieve(self, task: "asyncio.Task[object]") -> None:
        """Let a vital task end from now on."""
        task.remove_done_callback(self._vital_ended)

    async def until(self, stop: asyncio.Event) -> None:
        """Wait until the mesh is to end. Raises MeshError with the cause when it cannot go on."""
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((stopping, self._failure), return_when=asyncio.FIRST_COMPLETED)
        await ended(stopping)
        if self._failure.done():
            raise MeshError(self._failure.result())

    async def _keep(self, name: str, run: Callable[[], Coroutine[Any, Any, object]]) -> None:
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            try:
                await run()
                cause: Exception = RuntimeError("it came to an end, which it has not")
            except Exception as error:  # noqa: BLE001 -- whatever it is: the loop goes on, and the cause is logged
                cause = error
            delay = FIRST_DELAY if time.monotonic() - began > LONG_ENOUGH else delay
            logger.error("loop %s died; it is started anew in %.1f s", name, delay, exc_info=cause)
            self._note(name, cause)
            await _sleep(delay)
            delay = min(LONGEST_DELAY, 2 * delay)

    def _note(self, name: str, cause: Exception) -> None:
        before = self.troubles.get(name)
        self.troubles[name] = LoopTrouble(before.restarts + 1 if before else 1, described(cause))
        self.changed()

    def _vital_ended(self, task: "asyncio.Task[object]") -> None:
        if task.cancelled() or self._failure.done():
            return
        error = task.exception()
        why = described(error) if error is not None else "nobody had asked it to"
        self._failure.set_result(f"the mesh cannot go on: {task.get_name()} ended: {why}")


def observed(coroutine: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
    """Start a task whose end nobody needs to wait for; what it dies of is logged."""
    task = asyncio.create_task(coroutine, name=name)
    _OBSERVED.add(task)
    task.add_done_callback(_log_death)
    return task


async def ended(task: "asyncio.Future[Any]") -> None:
    """Cancel a task, wait until it has ended, and log an error that it ended with."""
    task.cancel()
    for outcome in await asyncio.gather(task, return_exceptions=True):
        if isinstance(outcome, Exception):
            logger.error("%s ended with an error", _name(task), exc_info=outcome)


def described(error: BaseException) -> str:
    """Return an error in one line: its type, and its text if it has one."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _log_death(task: "asyncio.Task[None]") -> None:
    _OBSERVED.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s died", task.get_name(), exc_info=error)


def _name(task: "asyncio.Future[Any]") -> str:
    return task.get_name() if isinstance(task, asyncio.Task) else "a task"
