"""Waiting for what a cluster does in its own time."""

import time
from collections.abc import Callable

PATIENCE_S = 30


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds, such as that a proxy has heard of a configuration."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s"
        time.sleep(0.1)
