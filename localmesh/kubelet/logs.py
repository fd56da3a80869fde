"""What containers write: one bounded log for each run of a container, in the CRI's format.

Each line is stored as `2026-11-25T15:08:11.123456789Z F text`, or with `P` for a part of a line that was too long or
had no end yet. The last run before the current one is kept for `kubectl logs --previous`.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from localmesh.apiserver.runtime import LogOptions

logger = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
"""Size at which a log starts a new file; one older file is kept (the kubelet's `containerLogMaxSize`)."""
PIECE = 64 * 1024
"""Bytes by which the end of a log is looked at, growing backwards."""
LINES = 512
"""Lines that are handed on at once; then others have their turn, for a full log has half a million."""

MAX_LINE = 16 * 1024
"""Bytes after which a line without an end is stored in parts, as containerd does."""
_STAMP = len("2026-11-25T15:08:11.123456789Z ")
_TEXT = _STAMP + len("F ")


class LogFile:
    """The log of one run of a container."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.files = 1
        """How many files were begun."""
        self._max_bytes = max_bytes
        self._file = path.open("ab", buffering=0)
        self._rest = b""
        self._is_open = True
        self._loses = False
        self._more = asyncio.Event()

    @property
    def older(self) -> Path:
        """The file before the current one, if the log grew too long for one."""
        return self.path.with_suffix(".old")

    def write(self, data: bytes) -> None:
        """Store what the container wrote, whole lines at a time."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        stamp = _stamp(time.time_ns())
        stored = b"".join(stamp + b"F " + line + b"\n" for line in lines)
        if len(self._rest) > MAX_LINE:
            stored += stamp + b"P " + self._rest + b"\n"
            self._rest = b""
        self._store(stored)

    def close(self) -> None:
        """Store an unfinished line and let followers end."""
        if self._rest:
            self._store(_stamp(time.time_ns()) + b"P " + self._rest + b"\n")
        self._is_open = False
        self._file.close()
        self._wake()

    async def read(self, options: LogOptions) -> AsyncIterator[bytes]:
        """Yield the log some lines at a time, as `kubectl logs` wants it; with `follow`, until it is closed."""
        left = options.limit_bytes
        async for lines in self._chosen(options):
            text = b"".join(_shown(line, with_stamp=options.timestamps) for line in lines)
            if left is not None:
                text, left = text[:left], left - len(text[:left])
            yield text
            if left == 0:
                return
            await asyncio.sleep(0)

    def remove(self) -> None:
        """Delete the files."""
        self.path.unlink(missing_ok=True)
        self.older.unlink(missing_ok=True)

    async def _chosen(self, options: LogOptions) -> AsyncIterator[list[bytes]]:
        file, number = self.path.open("rb"), self.files
        try:
            told = self._told(file, options)
            for start in range(0, len(told), LINES):
                yield told[start : start + LINES]
            while options.follow:
                more, is_open, is_full = self._more, self._is_open, self.files > number
                while lines := file.readlines(PIECE):
                    yield lines
                if is_full:
                    file.close()
                    file, number = self.path.open("rb"), self.files
                elif is_open:
                    await more.wait()
                else:
                    return
        finally:
            file.close()

    def _told(self, file: BinaryIO, options: LogOptions) -> list[bytes]:
        """Return the lines that are there, as far as they are asked for; the file is read to its end.

        Only as much of the end is read as the last lines need: a full log has 20 MB.
        """
        since = _stamp(int(options.since.timestamp() * 1_000_000_000)) if options.since else b""
        count = options.tail_lines
        lines = last_lines(file, count)
        if (count is None or len(lines) < count) and self.older.exists():
            with self.older.open("rb") as older:
                lines = last_lines(older, None if count is None else count - len(lines)) + lines
        return [line for line in lines if line[:_STAMP] >= since]

    def _store(self, stored: bytes) -> None:
        """Store whole lines. What the disk has no room for is lost: whoever wrote it would wait for ever otherwise."""
        if not stored:
            return
        try:
            if self._file.tell() + len(stored) > self._max_bytes and self._file.tell():
                self._rotate()
            self._append(stored)
        except OSError as error:
            if not self._loses:
                logger.warning("%s: what a container writes is lost: %s", self.path, error.strerror)
            self._loses = True
            return
        self._loses = False
        self._wake()

    def _append(self, stored: bytes) -> None:
        """Write all or nothing. Raises OSError."""
        end = self._file.tell()
        try:
            left = memoryview(stored)
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(end)
            self._file.seek(end)
            raise

    def _rotate(self) -> None:
        self.path.replace(self.older)
        try:
            file = self.path.open("ab", buffering=0)
        except OSError:
            self.older.replace(self.path)
            raise
        self._file.close()
        self._file = file
        self.files += 1

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


def last_lines(file: BinaryIO, count: int | None) -> list[bytes]:
    """Return a file's last lines, None for all, reading no more of it than they need; it is left at its end."""
    if count is None:
        return file.readlines()
    end = start = file.seek(0, os.SEEK_END)
    tail, size = b"", PIECE
    while start and tail.count(b"\n") <= count:
        start = file.seek(max(0, end - size))
        tail, size = file.read(end - start), 4 * size
    file.seek(end)
    lines = tail.splitlines(keepends=True)
    return lines[max(0, len(lines) - count) :]


def _shown(line: bytes, *, with_stamp: bool) -> bytes:
    is_whole = line[_STAMP : _STAMP + 1] == b"F"
    text = line[_TEXT:] if is_whole else line[_TEXT:-1]
    return line[:_STAMP] + text if with_stamp else text


def _stamp(nanoseconds: int) -> bytes:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{rest:09d}Z ".encode()
