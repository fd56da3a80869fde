"""Pipes and terminals on the event loop."""

import asyncio
import errno
import fcntl
import os
import struct
import termios
from typing import Self

END_OF_INPUT = b"\x04"
"""What a terminal makes of Ctrl-D."""


class _UntilHangUp(asyncio.StreamReaderProtocol):
    """Takes EIO for the end: Linux says so that nobody has the terminal open any more.

    As an error it would go before what has been read and not yet been asked for.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(None if isinstance(exc, OSError) and exc.errno == errno.EIO else exc)


class PipeReader:
    """Reads a pipe's end, or a terminal's. It owns the descriptor."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self._reader = reader
        self._transport = transport

    @classmethod
    async def open(cls, descriptor: int) -> Self:
        """Take over a descriptor: it is closed when that fails."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        file = os.fdopen(descriptor, "rb", buffering=0)
        try:
            transport, _ = await loop.connect_read_pipe(lambda: _UntilHangUp(reader), file)
        except BaseException:
            file.close()
            raise
        return cls(reader, transport)

    async def read(self, size: int) -> bytes:
        """Return what there is, at most `size` bytes; b"" at the end."""
        return await self._reader.read(size)

    def close(self) -> None:
        """Stop reading."""
        self._transport.close()


class PipeWriter:
    """Writes to a pipe's end. It owns the descriptor."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    @classmethod
    async def open(cls, descriptor: int) -> Self:
        """Take over a descriptor: it is closed when that fails."""
        loop = asyncio.get_running_loop()
        file = os.fdopen(descriptor, "wb", buffering=0)
        try:
            transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
        except BaseException:
            file.close()
            raise
        return cls(asyncio.StreamWriter(transport, protocol, None, loop))

    async def write(self, data: bytes) -> None:
        """Write, waiting while the other side does not read; nothing when it no longer reads at all."""
        if self._writer.is_closing():
            return
        self._writer.write(data)
        try:
            await self._writer.drain()
        except (BrokenPipeError, ConnectionResetError):
            self.close()

    async def end(self) -> None:
        """Say that there is no more."""
        self.close()

    def resize(self, width: int, height: int) -> None:
        """Give a terminal another size, in characters; a pipe has none."""

    def close(self) -> None:
        """Let go of the descriptor, once all is written."""
        self._writer.close()


class TerminalWriter(PipeWriter):
    """Writes to a terminal."""

    async def end(self) -> None:
        """Say that there is no more, as a user does: the terminal stays."""
        await self.write(END_OF_INPUT)

    def resize(self, width: int, height: int) -> None:
        """Give it another size, in characters."""
        if not self._writer.is_closing():
            size = struct.pack("HHHH", height, width, 0, 0)
            fcntl.ioctl(self._writer.get_extra_info("pipe"), termios.TIOCSWINSZ, size)
