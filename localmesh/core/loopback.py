"""The one address of this mesh, and its ports: which are free, and who gets them."""

import random
import socket
from collections import deque

LOOPBACK = "127.0.0.1"

# Below the ephemeral ranges of Linux (32768…) and macOS (49152…), from which the machine serves outgoing connections.
FIRST, LAST = 20000, 29999

CONNECT_S = 1.0


class NoFreePortError(Exception):
    """Each port of the range is taken."""


class PortAllocator:
    """Hands out ports in random order, a port again only when all others had their turn.

    Time goes by before a pod listens, and another mesh of this machine may look for ports meanwhile. So what is handed
    out is claimed by its UDP namesake, which nothing in a mesh uses, and which ends with this process.
    """

    def __init__(self) -> None:
        ports = list(range(FIRST, LAST + 1))
        random.shuffle(ports)
        self._ports = deque(ports)
        self._claims: dict[int, socket.socket] = {}

    @property
    def left(self) -> int:
        """How many ports could still be handed out."""
        return len(self._ports)

    def take(self) -> int:
        """Return a port of 127.0.0.1 on which nothing listens and that no other mesh has. Raises NoFreePortError."""
        for _ in range(len(self._ports)):
            port = self._ports.popleft()
            if self._claim(port) and is_free(port, reused=False):
                return port
            self.give_back(port)
        raise NoFreePortError(f"no port from {FIRST} to {LAST} is free on {LOOPBACK}: end some pods or other programs")

    def give_back(self, port: int) -> None:
        """Take a port back, behind all others."""
        if claim := self._claims.pop(port, None):
            claim.close()
        self._ports.append(port)

    def _claim(self, port: int) -> bool:
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind((LOOPBACK, port))
        except OSError:
            claim.close()
            return False
        self._claims[port] = claim
        return True


def is_free(port: int, *, reused: bool = True, shared: bool = False) -> bool:
    """Tell whether a port can be listened on.

    With `reused`, what is left of closed connections keeps nobody from listening (SO_REUSEADDR); with `shared`, nor
    does an Envoy of one's own that has not let go of it yet (SO_REUSEPORT).
    """
    with socket.socket() as probe:
        if reused:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def is_taken(port: int) -> bool:
    """Tell whether a port is somebody else's: listened on, or answered by NAT rules, as a cluster's node ports are."""
    if not is_free(port):
        return True
    with socket.socket() as probe:
        probe.settimeout(CONNECT_S)
        try:
            probe.connect((LOOPBACK, port))
            return bool(probe.getsockname() != probe.getpeername())  # a port that is free may connect to itself
        except OSError:
            return False


def free_port() -> int:
    """Return a port on which nothing listens at the moment, of those that the system chooses from."""
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])
