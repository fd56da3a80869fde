"""Everything that pods write, on one output: what `mesh up --foreground` shows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from msgspec import Struct, field

from localmesh.apiserver.runtime import LogOptions, Runtime, RuntimeRefusedError
from localmesh.core.loops import Loops, ended, observed
from localmesh.core.objects import Key, key_of
from localmesh.kinds.resources import PODS
from localmesh.store.objects import Store

Run = tuple[str, str, int]
"""One run of a container: the pod's uid, the container's name, how often it was restarted before."""


class LogStream(Struct):
    """Follows each run of each container."""

    store: Store
    runtime: Runtime
    write: Callable[[bytes], object]
    """Takes whole lines, each behind `[namespace/pod container]`."""

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
                self.write(b"".join(prefix + line for line in part.splitlines(keepends=True)))
