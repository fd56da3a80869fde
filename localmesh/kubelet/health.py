"""Whether a container has started, serves and lives: what its three probes find out of one run."""

import asyncio
from collections.abc import AsyncIterator, Callable

from localmesh.core.loops import ended, observed
from localmesh.kinds.kubernetes.pods import Container, Probe
from localmesh.kubelet.probes import ProbeResult, ProbeTarget, attempts, question
from localmesh.kubelet.states import ContainerStatus


class Health:
    """Keeps `is_started` and `is_ready` in a container's status."""

    def __init__(
        self,
        container: Container,
        target: ProbeTarget,
        status: ContainerStatus,
        changed: Callable[[], None],
        complain: Callable[[str], None],
    ) -> None:
        """Take what to watch and whom to tell.

        Args:
            container: names the probes.
            target: answers them.
            status: where the outcome is kept.
            changed: called after each change of it.
            complain: called with the text of each failed attempt.
        """
        self._container = container
        self._target = target
        self._status = status
        self._changed = changed
        self._complain = complain

    async def failed(self) -> str:
        """Watch until the container is to be started anew, and return the kind of probe that says so."""
        if self._container.startup_probe is not None and not await self._starts(self._container.startup_probe):
            return "startup"
        self._status.is_started = True
        self._status.is_ready = self._container.readiness_probe is None
        self._changed()
        readiness = observed(self._watch_readiness(), f"the readiness probe of {self._container.name}")
        try:
            await self._until_dead()
        finally:
            await ended(readiness)
        return "liveness"

    async def _starts(self, probe: Probe) -> bool:
        """Return whether the container started before the probe gave up."""
        async for verdict in self._verdicts(probe, "Startup"):
            if verdict.passed or verdict.failed:
                return verdict.passed
        return False

    async def _watch_readiness(self) -> None:
        if (probe := self._container.readiness_probe) is None:
            return
        async for verdict in self._verdicts(probe, "Readiness"):
            if verdict.passed or verdict.failed:
                self._status.is_ready = verdict.passed
                self._changed()

    async def _until_dead(self) -> None:
        if (probe := self._container.liveness_probe) is None:
            await asyncio.get_running_loop().create_future()  # never: nobody asks
            return
        async for verdict in self._verdicts(probe, "Liveness"):
            if verdict.failed:
                return

    async def _verdicts(self, probe: Probe, kind: str) -> AsyncIterator[ProbeResult]:
        async for verdict in attempts(probe, question(probe, self._target)):
            if verdict.failure is not None:
                self._complain(f"{kind} probe failed: {verdict.failure}")
            yield verdict
