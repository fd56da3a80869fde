"""How long a container that keeps ending has to wait."""

import time

FIRST = 10.0
LIMIT = 300.0
"""Seconds: the kubelet's own (`MaxContainerBackOff`)."""


class BackOff:
    """Delays of 0, 10, 20, 40 … seconds; a container that ran long enough starts over."""

    def __init__(self) -> None:
        self._delay = 0.0
        self._since = time.monotonic()

    def started(self) -> None:
        """Note that the container's process begins."""
        self._since = time.monotonic()

    def next_delay(self) -> float:
        """Return the seconds to wait before the next start."""
        if time.monotonic() - self._since > 2 * LIMIT:
            self._delay = 0.0
        delay = self._delay
        self._delay = min(LIMIT, delay * 2 or FIRST)
        return delay
