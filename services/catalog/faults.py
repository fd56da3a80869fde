"""Faults to order: latency, dropped connections and error statuses, each for a share of the requests."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.catalog.models import FaultOrder, FaultReport


class ConnectionDropError(Exception):
    """The request is to get no answer."""


class StatusFaultError(Exception):
    """The request is to get an error status and no body."""

    def __init__(self, status: int) -> None:
        super().__init__(f"fault with status {status}")
        self.status = status


@dataclass(slots=True)
class Fault:
    """An active fault and what it did so far."""

    order: FaultOrder
    seen: int = 0
    hit: int = 0

    def draw(self, rng: random.Random) -> bool:
        """Whether the fault hits this request, independently of all others."""
        self.seen += 1
        # random() is below 1 always and 0 at least: 0 % never hits, 100 % always does.
        hits = rng.random() < self.order.percentage / 100
        self.hit += hits
        return hits

    def report(self) -> FaultReport:
        """The fault as ``GET /blowup`` tells it."""
        order = self.order
        timing = {"latency_ms": order.latency_ms, "volatile": order.volatile} if order.type == "latency" else {}
        return FaultReport(type=order.type, percentage=order.percentage, seen=self.seen, hit=self.hit, **timing)


class Faults:
    """The active faults of one process.

    Args:
        seed: Makes the draws repeatable; None draws at random.
    """

    def __init__(self, seed: int | None = None, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._rng = random.Random(seed)  # noqa: S311 - a dice, no secret
        self._active: dict[str, Fault] = {}

    def set(self, order: FaultOrder) -> None:
        """Puts the fault in place of one of the same type, or switches that one off; its counts start anew."""
        if order.active:
            self._active[order.type] = Fault(order)
        else:
            self.delete(order.type)

    def delete(self, fault_type: str) -> None:
        """Switches a fault off; one that is not active is no error."""
        self._active.pop(fault_type, None)

    def reports(self) -> dict[str, FaultReport]:
        """The active faults by type."""
        return {name: fault.report() for name, fault in self._active.items()}

    async def strike(self) -> None:
        """Does to one request what the active faults say: latency first, then drop, then statuses, lowest first.

        A fault counts only the requests that came as far as it.

        Raises:
            ConnectionDropError: drop hit.
            StatusFaultError: a status hit.
        """
        await self._delay()
        if (drop := self._active.get("drop")) and drop.draw(self._rng):
            raise ConnectionDropError
        for name in sorted(name for name in self._active if name.isdigit()):
            if self._active[name].draw(self._rng):
                raise StatusFaultError(int(name))

    async def _delay(self) -> None:
        latency = self._active.get("latency")
        if latency and latency.draw(self._rng):
            share = self._rng.random() if latency.order.volatile else 1.0
            await self._sleep(latency.order.latency_ms * share / 1000)
