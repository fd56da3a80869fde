"""SPDY/3.1 frames, as far as `kubectl port-forward` uses them: bytes in, frames out, and no sockets.

Neither side controls the flow, so WINDOW_UPDATE and SETTINGS are left unread.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from enum import IntEnum

from msgspec import Struct

_VERSION = 0x8003
_CONTROL_BIT = 0x80000000
_FIN = 0x01
_HEAD = 8
_NUMBER = 4
_STREAM_MASK = 0x7FFFFFFF
_LENGTH_MASK = 0xFFFFFF

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow"
    " authorization cache-control connection content-base content-encoding content-language content-length"
    " content-location content-md5 content-range content-type date etag expect expires from host if-match"
    " if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma"
    " proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade"
    " user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie"
    " keep-alive origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


class _Type(IntEnum):
    """Of a control frame."""

    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    PING = 6


def _dictionary() -> bytes:
    words = [word.replace("_", " ").encode() for word in _WORDS.split(" ")]
    return b"".join(struct.pack(">I", len(word)) + word for word in words) + _TEXT.encode()


DICTIONARY = _dictionary()
"""What both ends' header compression starts from (SPDY/3.1, section 2.6.10.1)."""


class SynStream(Struct, frozen=True):
    """The other side opens a stream."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


class Data(Struct, frozen=True):
    """Bytes of a stream; `fin`: the other side sends no more."""

    stream: int
    payload: bytes
    fin: bool


class Reset(Struct, frozen=True):
    """The other side gives up a stream."""

    stream: int


class Ping(Struct, frozen=True):
    """To be sent back as it is."""

    number: int


Frame = SynStream | Data | Reset | Ping


class Session:
    """One connection: reads the other side's frames, writes one's own."""

    def __init__(self) -> None:
        self._unread = b""
        # Each direction compresses all its header blocks as one stream.
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete with these bytes."""
        self._unread += data
        while len(self._unread) >= _HEAD:
            first, second = struct.unpack_from(">II", self._unread)
            end = _HEAD + (second & _LENGTH_MASK)
            if len(self._unread) < end:
                return
            payload, self._unread = self._unread[_HEAD:end], self._unread[end:]
            frame = self._frame(first, second >> 24, payload)
            if frame is not None:
                yield frame

    def _frame(self, first: int, flags: int, payload: bytes) -> Frame | None:
        fin = bool(flags & _FIN)
        if not first & _CONTROL_BIT:
            return Data(first & _STREAM_MASK, payload, fin)
        (number,) = struct.unpack_from(">I", payload) if len(payload) >= _NUMBER else (0,)
        match first & 0xFFFF:
            case _Type.SYN_STREAM:
                return SynStream(number & _STREAM_MASK, self._headers(payload[10:]), fin)
            case _Type.RST_STREAM:
                return Reset(number & _STREAM_MASK)
            case _Type.PING:
                return Ping(number)
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block)
        texts = list(_texts(plain[_NUMBER:]))
        return dict(zip(texts[::2], texts[1::2], strict=True))

    def reply(self, stream: int) -> bytes:
        """Return the frame that accepts a stream; before it kubectl drops what is sent on the stream."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_Type.SYN_REPLY, struct.pack(">I", stream) + block)

    @staticmethod
    def data(stream: int, payload: bytes, *, fin: bool = False) -> bytes:
        """Return a frame with bytes of a stream."""
        return struct.pack(">II", stream, (_FIN if fin else 0) << 24 | len(payload)) + payload

    @staticmethod
    def ping(number: int) -> bytes:
        """Return the answer to a ping."""
        return _control(_Type.PING, struct.pack(">I", number))


def _control(type_: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", _VERSION, type_, len(payload)) + payload


def _texts(data: bytes) -> Iterator[str]:
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        position += _NUMBER
        yield data[position : position + length].decode()
        position += length
