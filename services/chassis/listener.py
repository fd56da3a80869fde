"""The socket that a server listens on."""

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress


def listen(host: str, port: int, service: str) -> socket.socket:
    """A bound TCP socket.

    Its protocol number is spelt out because asyncio, where there is no uvloop, sets TCP_NODELAY only then; without, an
    answer in two writes waits for the peer's delayed acknowledgement, some 40 ms.

    Raises:
        SystemExit: the address can't be listened on; one line on stderr says why.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, address = found[0]
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        sys.exit(f"{service}: cannot listen on HOST={host} PORT={port}: {error.strerror or error}")
    listener.setblocking(False)
    return listener


def waiting_at(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that the kernel has made and nobody has taken yet."""
    with suppress(OSError):  # none is waiting (BlockingIOError), or none can be taken: all the same now
        while True:
            accepted, _ = listener.accept()
            accepted.setblocking(False)
            yield accepted
