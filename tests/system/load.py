"""Steady load on the gateway, and what came back."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

CLIENTS = 4


@dataclass(slots=True)
class Load:
    """Clients that ask for one path again and again while a block of a test runs."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    answers: Counter[int | str] = field(default_factory=Counter)
    """How often each status came, or the name of an exception."""

    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def total(self) -> int:
        """Requests answered so far."""
        return self.answers.total()

    @property
    def failed(self) -> dict[int | str, int]:
        """Everything that was not a 200."""
        return {answer: count for answer, count in self.answers.items() if answer != 200}

    def wait_for(self, more: int, patience_s: float = 60) -> None:
        """Wait until this many more requests were answered."""
        goal, deadline = self.total + more, time.monotonic() + patience_s
        while self.total < goal:
            assert time.monotonic() < deadline, f"only {self.total} of {goal} requests were answered: {self.answers}"
            time.sleep(0.02)

    def _ask(self) -> None:
        with httpx.Client(headers=self.headers, timeout=30, trust_env=False) as client:
            while not self._stop.is_set():
                try:
                    self.answers[client.get(self.url).status_code] += 1
                except httpx.HTTPError as error:
                    self.answers[repr(error)] += 1


def statuses(url: str, count: int, headers: dict[str, str] | None = None) -> Counter[int | str]:
    """Ask `count` times or a few more, and count the statuses."""
    with Load(url, headers or {}) as load:
        load.wait_for(count)
    return load.answers


def bound(probability: float, count: int) -> float:
    """Return how far a share of `count` draws may lie from its probability: five standard deviations.

    A sound system leaves it once in 1.7 million runs.
    """
    return 5 * (probability * (1 - probability) / count) ** 0.5
