"""Free local ports for pods."""

import random
import socket
from collections import deque

from localmesh.kinds.addresses import LOOPBACK

# Below the ephemeral ranges of Linux (32768…) and macOS (49152…), from which the machine serves outgoing connections.
FIRST, LAST = 20000, 29999


class NoFreePortError(Exception):
    """Each port of the range is taken."""


class PortAllocator:
    """Hands out ports in random order, a port again only when all others had their turn."""

    def __init__(self) -> None:
        ports = list(range(FIRST, LAST + 1))
        random.shuffle(ports)
        self._ports = deque(ports)

    def take(self) -> int:
        """Return a port of 127.0.0.1 on which nothing listens. Raises NoFreePortError."""
        for _ in range(len(self._ports)):
            port = self._ports.popleft()
            if _is_free(port):
                return port
            self._ports.append(port)
        raise NoFreePortError(f"no port from {FIRST} to {LAST} is free on {LOOPBACK}: end some pods or other programs")

    def give_back(self, port: int) -> None:
        """Take a port back, behind all others."""
        self._ports.append(port)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
