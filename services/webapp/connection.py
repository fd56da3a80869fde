"""One connection to an HTTP/1.1 server: sends a request, gathers its answer."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools
import httpx

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""A longer answer is broken off."""
MAX_HEAD_BYTES = 64 * 1024
"""An answer whose head is longer is broken off."""
_OK = 200
"""Answers with a status below announce another one."""


class Connection(asyncio.Protocol):
    """A connection that takes one request at a time. Its parser calls the methods whose names begin with ``on_``."""

    def __init__(self, lost: Callable[["Connection"], None]) -> None:
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._answer: asyncio.Future[httpx.Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._bytes = 0
        self._in_head = True
        self._has_no_body = self._ends_with_connection = False

    async def ask(self, request: bytes, silence: float | None) -> httpx.Response:
        """Sends a request; the answer, when all of it is here.

        Args:
            request: All of it, as it goes over the wire.
            silence: Seconds that may go by without a byte.

        Raises:
            httpx.TransportError: there is no answer, or no sound one.
        """
        self._answer = self._loop.create_future()
        self._bytes = 0
        self._has_no_body = request.startswith(b"HEAD ")
        self._transport.write(request)
        self._be_patient(silence)
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise
        finally:
            self._answer = None
            self._stop_waiting()

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return not self._transport.is_closing()

    def close(self) -> None:
        """Closes the connection, whatever is going on."""
        self._transport.abort()

    def close_in(self, seconds: float) -> None:
        """Closes the connection when it is not used for that long."""
        self._stop_waiting()
        self._timer = self._loop.call_later(seconds, self.close)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop with a piece of an answer."""
        self._bytes += len(data)
        if self._answer is None or self._bytes > MAX_ANSWER_BYTES:
            self._fail(httpx.RemoteProtocolError("an answer too long, or to no request"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(f"no HTTP: {error}"))
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("it goes over to another protocol"))
        if self._in_head and self._bytes > MAX_HEAD_BYTES:
            self._fail(httpx.RemoteProtocolError(f"an answer's head has {MAX_HEAD_BYTES} bytes at most"))

    def eof_received(self) -> None:
        """Called by the event loop: the server has said all."""
        if self._ends_with_connection:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._stop_waiting()
        reason = str(exc) if exc else "the server disconnected without a whole answer"
        self._fail(httpx.ReadError(reason) if exc else httpx.RemoteProtocolError(reason))
        self._lost(self)

    def on_message_begin(self) -> None:
        """An answer begins; a second one to the same request ends the connection, or it would be the next request's."""
        if self._answer is None or self._answer.done():
            self._transport.abort()
        self._headers, self._body = [], []
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is here; one that comes behind the body (a trailer) is none."""
        if self._in_head:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Status and headers are here; without a length, the body ends where the connection does."""
        self._in_head = False
        names = {name.lower() for name, _ in self._headers}
        self._ends_with_connection = not names & {b"content-length", b"transfer-encoding"}
        if self._has_no_body and self._parser.get_status_code() >= _OK:
            self._finish()
            # The parser can't be told that what a HEAD's length speaks of does not come.
            self._transport.close()

    def on_body(self, data: bytes) -> None:
        """A piece of the body is here."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._parser.get_status_code() >= _OK:
            self._finish()

    def _finish(self) -> None:
        if self._answer and not self._answer.done():
            status, body = self._parser.get_status_code(), b"".join(self._body)
            self._answer.set_result(httpx.Response(status, headers=self._headers, stream=httpx.ByteStream(body)))
        if not self._parser.should_keep_alive():
            self._transport.close()

    def _fail(self, error: httpx.TransportError) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
        self._transport.abort()

    def _be_patient(self, silence: float | None) -> None:
        """Waits `silence` seconds, and as long again if anything has come by then."""
        self._stop_waiting()
        heard = self._bytes

        def check() -> None:
            if self._bytes == heard:
                self._fail(httpx.ReadTimeout(f"nothing came for {silence:g} s"))
            else:
                self._be_patient(silence)

        self._timer = self._loop.call_later(silence, check) if silence else None

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()
