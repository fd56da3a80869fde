"""Just enough of HTTP/1.1 to pass one request on: its head is read and rewritten, its body is never looked at."""

import asyncio
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

import h11
from msgspec import Struct

MAX_HEAD = 64 * 1024
"""Bytes of the longest head that is read, as much as Envoy takes (60 KiB) and a little more."""

# RFC 9110, 7.6.1. Transfer-Encoding stays, because the body is passed on as it came.
_HOP_BY_HOP = ("connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "upgrade")


class BadRequestError(Exception):
    """What arrived is no HTTP request that can be passed on; the text says why."""


class Head(Struct, frozen=True):
    """A request's first lines."""

    method: str
    target: str
    """As sent: `http://host/path` from the client of a proxy, `/path` from one that means the server."""

    headers: tuple[tuple[str, str], ...]

    @property
    def is_absolute(self) -> bool:
        """Whether the request was sent to a proxy."""
        return self.target.lower().startswith("http://")

    @property
    def authority(self) -> tuple[str, int]:
        """The host, in lower case, and the port that the request is for. Raises BadRequestError."""
        host = next((value for name, value in self.headers if name.lower() == "host"), "")
        parts = _split(self.target if self.is_absolute else f"http://{host}")
        try:
            return (parts.hostname or "").rstrip("."), parts.port or 80
        except ValueError as error:
            raise BadRequestError(f"the port in {self.target if self.is_absolute else host!r} is no port") from error

    @property
    def path(self) -> str:
        """What is asked for, without the query. Raises BadRequestError."""
        return _split(self.target).path

    def to_proxy(self) -> bytes:
        """Return the head for another proxy: the target's host becomes the header, as RFC 9112 (3.2.2) says."""
        return self._encoded(self.target)

    def to_server(self) -> bytes:
        """Return the head for the server itself, whose target is a path."""
        if not self.is_absolute:
            return self._encoded(self.target)
        parts = _split(self.target)
        return self._encoded((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))

    def _passed_on(self) -> list[tuple[str, str]]:
        named = ",".join(value for name, value in self.headers if name.lower() == "connection")
        dropped = {*_HOP_BY_HOP, *(name.strip().lower() for name in named.split(","))} - {"host"}
        passed_on = [(name, value) for name, value in self.headers if name.lower() not in dropped]
        if not self.is_absolute:
            return passed_on
        host = _split(self.target).netloc.rpartition("@")[2]
        return [("Host", host), *((name, value) for name, value in passed_on if name.lower() != "host")]

    def _encoded(self, target: str) -> bytes:
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._passed_on()]
        request = h11.Request(method=self.method, target=target, headers=[*fields, (b"Connection", b"close")])
        return h11.Connection(h11.CLIENT).send(request) or b""


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read a request's head, None when the client left without one. Raises BadRequestError."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequestError(f"the request's head is longer than {MAX_HEAD} bytes") from error
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    connection.receive_data(raw)
    try:
        request = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise BadRequestError(f"this is no HTTP/1.1 request: {error}") from error
    if not isinstance(request, h11.Request):
        raise BadRequestError("this is no HTTP/1.1 request: its head does not end")
    headers = request.headers.raw_items()
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return Head(request.method.decode(), request.target.decode("latin-1"), fields)


def answer(status: HTTPStatus, text: str, *fields: str) -> bytes:
    """Return a complete plain-text response; `fields` are further header lines."""
    body = f"{text}\n".encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *fields,
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:  # `http://[`: a bracket without its other half
        raise BadRequestError(f"{url[:200]!r} names no host: {error}") from error
