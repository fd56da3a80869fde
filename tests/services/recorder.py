"""An HTTP server that keeps every byte of the heads it was sent, and answers all with one JSON body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Recorder:
    """What arrived."""

    body: bytes
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    def request_line(self) -> str:
        """The only request's first line."""
        (head,) = self.heads
        return head.split(b"\r\n")[0].decode()

    def headers(self) -> list[tuple[str, str]]:
        """The only request's headers, in order, names in lower case."""
        (head,) = self.heads
        lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")[1:]
        return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers each request on one connection, until the client closes it."""
        task = asyncio.current_task()
        assert task
        self.connections.add(task)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(self.body)
                    + self.body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def recorder(body: bytes = b"[]") -> AsyncIterator[Recorder]:
    """A recorder that listens on loopback; at the end, its clients are expected to be gone."""
    recorder = Recorder(body)
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0, limit=1 << 20)
    recorder.port = server.sockets[0].getsockname()[1]
    async with server:
        yield recorder
    await asyncio.gather(*recorder.connections)
