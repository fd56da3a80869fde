"""One HTTP connection: what uvicorn's own does, with limits, and what ASGI has no word for.

It can be cut off without an answer, and whatever is being done for a client ends when the client is gone.
"""

import asyncio
import logging
import re
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from services.chassis.problems import problem

ABORT = "services.chassis.abort"
"""ASGI extension; its key ``now`` is a function that closes the connection at once."""
MAX_HEAD_BYTES = 64 * 1024
"""Largest head of a request: names and values of all headers, and the request line. Envoy takes 60 KiB."""
MAX_BODY_BYTES = 64 * 1024
"""Largest body; one whose length says more is refused before it is read."""
MAX_REQUEST_BYTES = 1024 * 1024
"""What is read of one request in all, the framing of a chunked body included."""
MAX_WAITING = 100
"""How many requests may be sent on a connection before the answer to the first of them."""
REQUEST_SECONDS = 20.0
"""How long a request may take to arrive, from its first byte to its last."""
_FAREWELL_SECONDS = 2.0
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?")
"""A name or an address, and a port, if any (RFC 3986, 3.2)."""

log = logging.getLogger(__name__)


class Connection(HttpToolsProtocol):
    """Reads requests from a socket, has the app answer them, and keeps the socket open in between."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answered: RequestResponseCycle | None = None
        self._answering: asyncio.Task[Any] | None = None
        self._arriving = self._in_head = self._refused = False
        self._bytes = self._body_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop; a connection on which nothing is ever asked is closed like any idle one."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop; nobody waits for the answer any more."""
        super().connection_lost(exc)
        self._set_deadline(None)
        self._break_off("client gone")

    def data_received(self, data: bytes) -> None:
        """Called by the event loop, with a piece of a request, or with several requests."""
        if self._refused:
            return
        self._bytes = self._bytes + len(data) if self._arriving else len(data)
        super().data_received(data)
        if not self._arriving:
            self._set_deadline(None)
        elif self._in_head and self._bytes > MAX_HEAD_BYTES:
            self._refuse_head()
        elif self._bytes > MAX_REQUEST_BYTES:
            self._refuse_body()
        elif self._deadline is None:
            self._set_deadline(REQUEST_SECONDS)

    def on_message_begin(self) -> None:
        """Called by the parser: a request begins."""
        super().on_message_begin()
        self._arriving = self._in_head = True
        self._body_bytes = 0
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """Called by the parser: method, path and headers are known.

        Raises:
            ValueError: the request is refused, which the client has been told.
        """
        headers = dict(self.headers)
        length = int(headers.get(b"content-length", 0))  # the parser takes one, and digits only
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES:
            self._refuse_head()
        elif length > MAX_BODY_BYTES:
            self._refuse_body()
        elif len(self.pipeline) >= MAX_WAITING:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, f"{MAX_WAITING} requests at most wait on a connection")
        elif not self._names_one_host():
            self._refuse(HTTPStatus.BAD_REQUEST, "a request has one header Host, with a host and perhaps a port")
        elif self.parser.should_upgrade() and (length or b"transfer-encoding" in headers):
            # The parser would skip the body, as of what `curl --http2 -d` sends.
            self._refuse(HTTPStatus.BAD_REQUEST, "a body is taken without Upgrade only: no other protocol is spoken")
        if self._refused:
            raise ValueError("refused")  # the parser stops and has send_400_response called
        super().on_headers_complete()
        self._in_head = False
        self.headers = []  # of what comes behind the body (trailers), nothing counts as the request's (RFC 9110, 6.5.1)

    def _names_one_host(self) -> bool:
        """Whether the header Host is as it has to be (RFC 9112, 3.2): HTTP/1.0 may do without."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if not hosts:
            return self.parser.get_http_version() == "1.0"
        return len(hosts) == 1 and _HOST.fullmatch(hosts[0]) is not None

    def on_body(self, body: bytes) -> None:
        """Called by the parser, with a piece of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse_body()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser: all of the request is here."""
        super().on_message_complete()
        self._arriving = False

    def send_400_response(self, msg: str) -> None:
        """Called when the parser fails."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, partial(self._answer, cycle, app))

    async def _answer(
        self, cycle: RequestResponseCycle, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Has the app answer, and lets that be broken off: by a client that is gone, or by the end of the process."""
        if cycle.disconnected:
            return
        self._answering = asyncio.current_task()
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if not cycle.disconnected and not cycle.response_started:
                cycle.disconnected = True
                self._say(HTTPStatus.SERVICE_UNAVAILABLE, "the process ended before the answer was ready")
                self.transport.close()

    def _break_off(self, why: str) -> None:
        if self._answering:
            self._answering.cancel(why)

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._refuse_late) if seconds else None

    def _refuse_late(self) -> None:
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"a request has to be here in {REQUEST_SECONDS:g} s")

    def _refuse_head(self) -> None:
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has {MAX_HEAD_BYTES} bytes at most")

    def _refuse_body(self) -> None:
        self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has {MAX_BODY_BYTES} bytes at most")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Tells the client, unless an answer has begun, and closes the connection.

        What was asked before on this connection is answered all the same, and nothing after it. What is still on its
        way is read and thrown away for a moment: a connection that is closed over unread bytes is reset, and the client
        would lose the answer.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        log.warning("a request is refused with %d: %s", status, detail)
        self._set_deadline(None)
        refused, before = None if self._in_head else self.cycle, self._answered
        if before and before is not refused and not before.response_complete:
            before.keep_alive = False
            return
        if not (refused and refused.response_started):
            self._say(status, detail)
        if refused:
            refused.disconnected = True  # the app's own answer would come too late
            self._break_off("refused")
        self.transport.write_eof()
        self._deadline = self.loop.call_later(_FAREWELL_SECONDS, self.transport.abort)

    def _say(self, status: HTTPStatus, detail: str) -> None:
        """Answers without uvicorn, which would wait while a client does not read what it was sent before."""
        answer = problem(status, detail, headers={"connection": "close"})
        lines = [b"%s: %s" % header for header in answer.raw_headers]
        head = f"HTTP/1.1 {status} {status.phrase}".encode()
        self.transport.write(b"\r\n".join([head, *lines, b"", bytes(answer.body)]))


class NoAnswer(Response):
    """An answer that is none: closes the TCP connection without a byte.

    Raises:
        RuntimeError: the app is not served by this chassis, so the connection is out of reach.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Cuts the connection and waits until the server knows."""
        extension = scope.get("extensions", {}).get(ABORT)
        if extension is None:
            raise RuntimeError(f"a connection can only be dropped under a server with the ASGI extension {ABORT}")
        extension["now"]()
        # uvicorn would send a 500 to an app that returns without an answer while its connection seems open.
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
