"""Everything that pods write, on one output: what `mesh up --foreground` shows."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from localmesh.apiserver.runtime import LogOptions, Runtime, RuntimeRefusedError
from localmesh.core.objects import Key, key_of
from localmesh.kinds.resources import PODS
from localmesh.store.objects import Store

Run = tuple[str, str, int]
"""One run of a container: the pod's uid, the container's name, how often it was restarted before."""


@dataclass(slots=True)
class LogStream:
    """Follows each run of each container as long as the context is open."""

    store: Store
    runtime: Runtime
    write: Callable[[bytes], object]
    """Takes whole lines, each behind `[namespace/pod container]`."""

    _followers: dict[Run, asyncio.Task[None]] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch(), name="log stream")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tasks = [task for task in (self._task, *self._followers.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        async for _ in self.store.changed():
            for run, pod in self._runs():
                if run not in self._followers:
                    self._followers[run] = asyncio.create_task(self._follow(pod, run[1]))

    def _runs(self) -> Iterator[tuple[Run, Key]]:
        for pod in self.store.objects(PODS):
            for status in pod.get("status", {}).get("containerStatuses", ()):
                if "running" in status.get("state", {}):
                    yield (pod["metadata"]["uid"], status["name"], status["restartCount"]), key_of(pod)

    async def _follow(self, pod: Key, container: str) -> None:
        prefix = f"[{pod} {container}] ".encode()
        with contextlib.suppress(RuntimeRefusedError):  # it ended before it was looked at
            async for part in self.runtime.logs(pod, container, LogOptions(follow=True)):
                self.write(b"".join(prefix + line for line in part.splitlines(keepends=True)))
