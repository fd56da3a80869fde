"""Just enough of HTTP/1.1 to pass one request on: its head is read and rewritten, its body is never looked at."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

MAX_HEAD = 64 * 1024
"""Bytes of the longest head that is read, as much as Envoy takes (60 KiB) and a little more."""

# RFC 9110, 7.6.1. Transfer-Encoding stays, because the body is passed on as it came.
_HOP_BY_HOP = ("connection", "proxy-connection", "keep-alive", "proxy-authorization", "te", "upgrade")


class BadRequestError(Exception):
    """What arrived is no HTTP request that can be passed on; the text says why."""


@dataclass(frozen=True, slots=True)
class Head:
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
        """The host, in lower case, and the port that the request is for."""
        host = next((value for name, value in self.headers if name.lower() == "host"), "")
        parts = urlsplit(self.target if self.is_absolute else f"http://{host}")
        try:
            return (parts.hostname or "").rstrip("."), parts.port or 80
        except ValueError as error:
            raise BadRequestError(f"the port in {self.target if self.is_absolute else host!r} is no port") from error

    def to_proxy(self) -> bytes:
        """Return the head for another proxy."""
        return self._encoded(self.target, self._passed_on())

    def to_server(self) -> bytes:
        """Return the head for the server itself: the target's host becomes the header, as RFC 9112 (3.2.2) says."""
        if not self.is_absolute:
            return self.to_proxy()
        parts = urlsplit(self.target)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        others = [(name, value) for name, value in self._passed_on() if name.lower() != "host"]
        return self._encoded(target, [("Host", parts.netloc.rpartition("@")[2]), *others])

    def _passed_on(self) -> list[tuple[str, str]]:
        named = ",".join(value for name, value in self.headers if name.lower() == "connection")
        dropped = {*_HOP_BY_HOP, *(name.strip().lower() for name in named.split(","))}
        return [(name, value) for name, value in self.headers if name.lower() not in dropped]

    def _encoded(self, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read a request's head, None when the client left without one. Raises BadRequestError."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequestError(f"the request's head is longer than {MAX_HEAD} bytes") from error
    first, *lines = text[:-4].split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise BadRequestError(f"{first[:200]!r} is no HTTP/1.1 request line")
    return Head(words[0], words[1], tuple(_field(line) for line in lines))


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


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise BadRequestError(f"{line[:200]!r} is no header line")
    return name, value.strip()
