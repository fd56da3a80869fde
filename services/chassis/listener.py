"""The socket that a server listens on: how it begins, and how it ends without a connection lost."""

import ctypes
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

_SO_ATTACH_FILTER = 26
"""From Linux's asm-generic/socket.h; the socket module does not name it."""
_KEEP_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A classic BPF program of one instruction (struct sock_filter): return 0, the number of bytes to keep."""


def listen(host: str, port: int, service: str) -> socket.socket:
    """A bound TCP socket.

    Its protocol number is spelt out because asyncio sets TCP_NODELAY only where it is; without, an answer in two
    writes waits for the peer's delayed acknowledgement, some 40 ms.

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


def take_the_last(listener: socket.socket) -> Iterator[socket.socket]:
    """Has the kernel make no further connections, and yields those that it holds; close `listener` at once after.

    A connection that the kernel makes between the last accept and the close would be reset. So, on Linux, a filter
    drops what asks for one: the client asks again after a second, and then is told that nobody listens.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may lack filters; the moment that is left is very short
            _turn_deaf(listener)
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:  # none is waiting (BlockingIOError), or none can be taken: all the same now
            return
        accepted.setblocking(False)
        yield accepted


def _turn_deaf(listener: socket.socket) -> None:
    program = ctypes.create_string_buffer(_KEEP_NOTHING)
    one_instruction = struct.pack("HP", 1, ctypes.addressof(program))  # struct sock_fprog
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, one_instruction)
