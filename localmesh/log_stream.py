"""Everything that pods write, on one output: what `mesh up --foreground` shows."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from queue import SimpleQueue
from threading import Thread

from msgspec import Struct, field

from localmesh.apiserver.runtime import LogOptions, Runtime, RuntimeRefusedError
from localmesh.core.loops import Loops, ended, observed
from localmesh.core.objects import Key, key_of
from localmesh.kinds.resources import PODS
from localmesh.store.objects import Store

logger = logging.getLogger(__name__)

Run = tuple[str, str, int]
"""One run of a container: the pod's uid, the container's name, how often it was restarted before."""


class LogStream(Struct):
    """Follows each run of each container."""

    store: Store
    runtime: Runtime
    write: Callable[[bytes], Awaitable[None]]
    """Takes whole lines, each behind `[namespace/pod container]`; who follows waits for it."""

    _followers: dict[Run, asyncio.Task[None]] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self, loops: Loops) -> AsyncIterator[None]:
        """Follow as long as the context is open."""
        try:
            async with loops.kept("log stream", self._watch):
                yield
        finally:
            for follower in self._followers.values():
                await ended(follower)

    async def _watch(self) -> None:
        async for _ in self.store.changed():
            for run, pod in self._runs():
                if run not in self._followers:
                    self._followers[run] = observed(self._follow(pod, run[1]), f"log stream of {pod} {run[1]}")
            self._forget_the_gone()

    def _forget_the_gone(self) -> None:
        pods = {pod["metadata"]["uid"] for pod in self.store.objects(PODS)}
        self._followers = {
            run: follower for run, follower in self._followers.items() if run[0] in pods or not follower.done()
        }

    def _runs(self) -> Iterator[tuple[Run, Key]]:
        for pod in self.store.objects(PODS):
            for status in pod.get("status", {}).get("containerStatuses") or ():
                if "running" in status.get("state", {}):
                    yield (pod["metadata"]["uid"], status["name"], status.get("restartCount", 0)), key_of(pod)

    async def _follow(self, pod: Key, container: str) -> None:
        prefix = f"[{pod} {container}] ".encode()
        with contextlib.suppress(RuntimeRefusedError):  # it ended before it was looked at
            async for part in self.runtime.logs(pod, container, LogOptions(follow=True)):
                await self.write(b"".join(prefix + line for line in part.splitlines(keepends=True)))


class Output:
    """A descriptor to write to, such as standard output, by a thread of its own: the mesh waits for no reader.

    A terminal after Ctrl-S and a pager on its first page read nothing, and keep whoever writes to them waiting.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: SimpleQueue[tuple[bytes, Future[None]]] = SimpleQueue()
        self._is_read = True
        Thread(target=self._run, name="output", daemon=True).start()

    async def write(self, lines: bytes) -> None:
        """Write lines, waiting as long as they are not read; nothing once nobody ever will."""
        written: Future[None] = Future()
        self._waiting.put((lines, written))
        await asyncio.wrap_future(written)

    def _run(self) -> None:
        while True:
            lines, written = self._waiting.get()
            if written.set_running_or_notify_cancel():
                if self._is_read:
                    self._write(lines)
                written.set_result(None)

    def _write(self, lines: bytes) -> None:
        left = memoryview(lines)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self._is_read = False
            logger.warning("what pods write is shown no longer: %s", error.strerror)
