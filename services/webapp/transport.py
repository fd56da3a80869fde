"""The connections behind the calls to one service, for httpx.

httpx's own cost several times as much, those of other libraries more memory than all of webapp may have, or they change
what a header says; docs/performance.md has the figures.
"""

import asyncio
import errno
import re
from base64 import b64encode

import httpx

from services.webapp.connection import Connection

MAX_CONNECTIONS = 256
"""Calls in flight to one service; the next one waits for its turn."""
IDLE_SECONDS = 30.0
"""How long an unused connection is kept: far shorter than any server or proxy keeps it, so that none closes first."""
_NO_FILE_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.EBUSY})
"""What the system says when this process has too many open; the third is how glibc's look-up of a name does."""
_LINE_BREAK = re.compile(rb"[\r\n\0]")


class Transport(httpx.AsyncBaseTransport):
    """HTTP/1.1 without TLS, which is the mesh's part. Nothing is retried, which is the mesh's part too.

    Args:
        url: Scheme, host and port of the service.
        proxy: The proxy to call it through, if any.
    """

    def __init__(self, url: str, proxy: str | None = None) -> None:
        self._peer = httpx.URL(proxy or url)
        self._by_proxy = proxy is not None
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._unused: list[Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to `request`, all of it.

        Raises:
            httpx.PoolTimeout: too many calls are in flight, or files open.
            httpx.TransportError: there is no answer, or no sound one.
        """
        timeout = request.extensions.get("timeout", {})
        message = self._message(request, await request.aread())
        await self._take_turn(timeout.get("pool"))
        try:
            connection = self._kept() or await self._new(timeout.get("connect"))
            response = await connection.ask(message, timeout.get("read"))
            self._keep(connection)
        finally:
            self._turns.release()
        return response

    async def aclose(self) -> None:
        """Closes what is open."""
        for connection in self._unused:
            connection.close()

    def _message(self, request: httpx.Request, body: bytes) -> bytes:
        url = request.url
        target = b"http://" + url.netloc + url.raw_path if self._by_proxy else url.raw_path
        lines = [b"%s: %s" % header for header in (*request.headers.raw, *self._proxy_authorization())]
        if any(map(_LINE_BREAK.search, lines)):
            raise httpx.LocalProtocolError("a header holds a line break")
        return b"\r\n".join([b"%s %s HTTP/1.1" % (request.method.encode(), target), *lines, b"", body])

    def _proxy_authorization(self) -> list[tuple[bytes, bytes]]:
        if not (self._by_proxy and self._peer.userinfo):
            return []
        credentials = f"{self._peer.username}:{self._peer.password}".encode()
        return [(b"Proxy-Authorization", b"Basic " + b64encode(credentials))]

    async def _take_turn(self, seconds: float | None) -> None:
        if not self._turns.locked():
            await self._turns.acquire()  # at once, so no clock is needed
            return
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout(f"{MAX_CONNECTIONS} calls are in flight") from None

    def _kept(self) -> Connection | None:
        while self._unused:
            connection = self._unused.pop()
            if connection.usable:
                return connection
        return None

    async def _new(self, seconds: float | None) -> Connection:
        loop, host, port = asyncio.get_running_loop(), self._peer.host, self._peer.port or 80
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(lambda: Connection(self._forget), host, port)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection to {host}:{port} within {seconds:g} s") from None
        except OSError as error:
            if error.errno in _NO_FILE_LEFT:
                raise httpx.PoolTimeout(f"too many files are open ({error.strerror})") from error
            raise httpx.ConnectError(str(error)) from error
        return connection

    def _keep(self, connection: Connection) -> None:
        if connection.usable:
            connection.close_in(IDLE_SECONDS)
            self._unused.append(connection)

    def _forget(self, connection: Connection) -> None:
        if connection in self._unused:
            self._unused.remove(connection)
