"""A server on loopback that answers each path in a way of its own, some of which no HTTP library would."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, takewhile

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
ANSWERS = {
    "/drop": None,
    "/chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "/short": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nok",
    "/closes": OK + b"connection: close\r\n\r\nok",
    "/rubbish": b"SMTP? no\r\n\r\nconnection: close",
}
"""What is sent by path; None closes the connection without a byte."""

ENDLESS = {"/continue": b"HTTP/1.1 100 Continue\r\n\r\n", "/body": b"HTTP/1.1 200 OK\r\n\r\n"}
"""What is sent again and again until the client is gone: no head is ever whole, or no body."""


@dataclass
class Server:
    """What it was asked."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    gate: threading.Barrier | None = None
    """Where it is set, /gate answers once so many requests wait there."""
    asked: threading.Event = field(default_factory=threading.Event)
    """Set by the first request."""
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, path: str = "/ok") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Answers what one client asks, until it is gone or is to be sent away."""
        self.connections += 1
        with accepted, suppress(OSError):
            self._converse(tls.wrap_socket(accepted, server_side=True) if tls else accepted)

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while head := b"".join(takewhile(lambda line: line.strip(), lines)).decode():
                self.heads.append(head)
                self.asked.set()
                path = head.split()[1]
                while path in ENDLESS:
                    connection.sendall(ENDLESS[path])
                answer = self.answer(path)
                if answer is None:
                    return
                connection.sendall(answer)
                if b"connection: close" in answer:
                    return

    def answer(self, path: str) -> bytes | None:
        """What is sent for a path."""
        if path in ANSWERS:
            return ANSWERS[path]
        headers, status = "", path.removeprefix("/status/")
        if path == "/versions":  # every tenth is v2
            version = "v2" if next(self._numbers) % 10 == 9 else "v1"
            headers = f"x-served-by: webapp@w-1, catalog/{version}@c-{version}\r\n"
        if path == "/gate":
            assert self.gate
            self.gate.wait(30)
        if status != path:
            return f"HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n".encode()
        return OK + headers.encode() + b"\r\nok"


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a free port, with a thread for each connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        server = Server(listener.getsockname()[1])

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=server.serve, args=(connection, tls), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
